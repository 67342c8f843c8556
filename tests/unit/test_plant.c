/* What is made of a manifest, and what is not. */
#include "engine_rig.h"

#include "fs/engine/plant.h"

static struct bytes manifest;
static struct manifest_builder builder;

static void begin(void)
{
    bytes_clear(&manifest);
    manifest_builder_release(&builder);
    manifest_builder_init(&builder, &manifest);
}

static uint32_t add(struct manifest_item item, const char *name)
{
    item.name = (const uint8_t *)name;
    item.name_len = strlen(name);
    assert_int_equal(manifest_add(&builder, &item), 0);
    return item.index;
}

static uint32_t add_dir(uint32_t parent, const char *name)
{
    return add((struct manifest_item){.kind = MANIFEST_DIR, .parent = parent, .mode = 0755}, name);
}

static uint32_t add_file(uint32_t parent, const char *name)
{
    return add((struct manifest_item){.kind = MANIFEST_FILE, .parent = parent, .mode = 0644}, name);
}

static uint32_t add_hole(uint32_t parent, const char *name, uint64_t size)
{
    return add((struct manifest_item){.kind = MANIFEST_FILE, .parent = parent, .size = size}, name);
}

static uint32_t add_link(uint32_t parent, const char *name, const char *target)
{
    return add((struct manifest_item){.kind = MANIFEST_SYMLINK,
                                      .parent = parent,
                                      .target = (const uint8_t *)target,
                                      .target_len = strlen(target)},
               name);
}

static uint32_t add_hard(uint32_t parent, const char *name, uint32_t original)
{
    return add(
        (struct manifest_item){.kind = MANIFEST_HARDLINK, .parent = parent, .original = original},
        name);
}

static void finish(void)
{
    uint32_t items;
    uint64_t data_len;
    assert_int_equal(manifest_finish(&builder, &items, &data_len), 0);
}

static int check(struct plant_sum *sum)
{
    finish();
    return plant_check(manifest.data, manifest.len, sum);
}

static uint64_t holes[64]; /* what plant_item said of each item, if there are so few */

static int plant_one(struct plant *p, struct turn *t, const struct manifest_item *item)
{
    uint64_t hole_size;
    int err = plant_item(p, t, item, &hole_size);
    if (item->index < sizeof holes / sizeof *holes)
        holes[item->index] = hole_size;
    return err;
}

static int each_item(struct plant *p, struct turn *t, bool times)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t at = 0, used;
    int err = 0;
    assert_int_equal(manifest_parser_init(&parser, manifest.len), 0);
    while (err == 0 &&
           manifest_next(&parser, manifest.data + at, manifest.len - at, &used, &item) > 0) {
        at += used;
        err = times ? plant_time(t, &item, p->inos[item.index]) : plant_one(p, t, &item);
    }
    manifest_parser_release(&parser);
    return err;
}

/* Plants everything in one turn, times included. */
static int plant(struct erig *g, struct plant *p)
{
    struct turn *t = rig_turn(g->r);
    int err = each_item(p, t, false);
    if (err == 0)
        err = each_item(p, t, true);
    if (err == 0)
        commit(t);
    else
        turn_abort(t);
    return err;
}

static uint64_t lookup(struct erig *g, uint64_t dir, const char *name)
{
    uint64_t ino = rig_lookup(g->r, dir, name);
    if (ino == 0)
        fail_msg("no %s", name);
    return ino;
}

static int count_child(void *arg, const struct node_item *item)
{
    (void)item;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned children(struct erig *g, uint64_t dir)
{
    unsigned n = 0;
    struct view *v = rig_view(g->r);
    assert_int_equal(node_list(v, dir, 0, count_child, &n), 0);
    view_end(v);
    return n;
}

static void make_modes(struct erig *g, struct plant *p)
{
    begin();
    add((struct manifest_item){.kind = MANIFEST_DIR, .mode = 0055}, "top");
    add((struct manifest_item){.kind = MANIFEST_FILE, .mode = 0751}, "f");
    add((struct manifest_item){.kind = MANIFEST_FILE, .mode = 0}, "g");
    add(
        (struct manifest_item){
            .kind = MANIFEST_SYMLINK, .mode = 0, .target = (const uint8_t *)"f", .target_len = 1},
        "l");
    finish();
    assert_int_equal(plant(g, p), 0);
}

static void test_modes(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    make_modes(g, &p);
    uint64_t top = plant_top(&p);
    assert_int_equal(rig_node(g->r, top).mode, 0055);
    assert_int_equal(rig_node(g->r, lookup(g, top, "f")).mode, 0640);
    assert_int_equal(rig_node(g->r, lookup(g, top, "g")).mode, 0);
    assert_int_equal(rig_node(g->r, lookup(g, top, "l")).mode, 0777);
    assert_int_equal(p.files, 2);
    assert_int_equal(p.count, 4);
    assert_string_equal(p.name.text, "top");
    plant_release(&p);
    p.keep_exec = true;
    make_modes(g, &p);
    assert_int_equal(rig_node(g->r, lookup(g, plant_top(&p), "f")).mode, 0751);
    plant_release(&p);
}

/* Directories keep their times although they were filled after they were made. */
static void test_times(void **state)
{
    static const struct {
        int64_t s;
        uint32_t ns;
        int64_t want;
    } times[] = {
        {0, 0, 0},
        {-1, 999999999, -1},
        {5, 1, 5000000001},
        {INT64_MAX / 1000000000, INT64_MAX % 1000000000, INT64_MAX},
        {INT64_MAX / 1000000000, INT64_MAX % 1000000000 + 1, INT64_MAX},
        {INT64_MAX, 0, INT64_MAX},
        {INT64_MIN, 999999999, INT64_MIN + 1},
        {INT64_MIN / 1000000000 - 1, 145224193, INT64_MIN + 1},
    };
    struct erig *g = *state;
    struct plant p = {0};
    char name[8];
    begin();
    add((struct manifest_item){.kind = MANIFEST_DIR, .mtime_s = 77}, "top");
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        snprintf(name, sizeof name, "%zu", i);
        uint32_t dir = add((struct manifest_item){.kind = MANIFEST_DIR,
                                                  .mtime_s = times[i].s,
                                                  .mtime_ns = times[i].ns},
                           name);
        add_file(dir, "in it");
    }
    finish();
    assert_int_equal(plant(g, &p), 0);
    uint64_t top = plant_top(&p);
    assert_true(rig_node(g->r, top).mtime_ns == INT64_C(77000000000));
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        snprintf(name, sizeof name, "%zu", i);
        assert_true(rig_node(g->r, lookup(g, top, name)).mtime_ns == times[i].want);
    }
    plant_release(&p);
}

static void test_symlinks(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    begin();
    add_dir(0, "top");
    uint32_t d = add_dir(0, "d");
    add_link(d, "to the top", "..");
    add_link(d, "twice", "../..");
    add_link(d, "zig", "x/../..");
    add_link(0, "here", "d/x");
    add_link(0, "out", "../x");
    add_link(0, "root", "/x");
    finish();
    assert_int_equal(plant(g, &p), 0);
    uint64_t top = plant_top(&p);
    assert_int_equal(children(g, top), 2);
    assert_int_equal(children(g, lookup(g, top, "d")), 1);
    lookup(g, top, "here");
    lookup(g, lookup(g, top, "d"), "to the top");
    assert_int_equal(p.count, 8);
    assert_int_equal(p.inos[7], 0);
    plant_release(&p);
}

static void test_hard_links(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    begin();
    add_dir(0, "top");
    uint32_t f = add((struct manifest_item){.kind = MANIFEST_FILE, .mtime_s = 9}, "a");
    uint32_t d = add_dir(0, "d");
    add_hard(d, "b", f);
    add_hard(0, "e", f);
    finish();
    assert_int_equal(plant(g, &p), 0);
    struct node n = rig_node(g->r, lookup(g, plant_top(&p), "a"));
    assert_int_equal(n.nlink, 3);
    assert_true(n.mtime_ns == INT64_C(9000000000));
    assert_int_equal(lookup(g, lookup(g, plant_top(&p), "d"), "b"), n.ino);
    assert_int_equal(p.files, 1);
    plant_release(&p);
}

static void test_xattrs(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    struct bytes x = {0};
    char longest[MANIFEST_XATTR_NAME_MAX + 1] = "user.";
    memset(longest + 5, 'x', sizeof longest - 6);
    begin();
    manifest_put_xattr(&x, "user.a", 6, "1\0", 2);
    manifest_put_xattr(&x, "user.b", 6, "", 0);
    manifest_put_xattr(&x, longest, strlen(longest), "v", 1);
    add(
        (struct manifest_item){
            .kind = MANIFEST_FILE, .xattrs = x.data, .xattrs_len = x.len, .xattr_count = 3},
        "f");
    finish();
    assert_int_equal(plant(g, &p), 0);
    char value[8];
    struct view *v = rig_view(g->r);
    assert_int_equal(xattr_get(v, plant_top(&p), "user.a", value, sizeof value), 2);
    assert_memory_equal(value, "1\0", 2);
    assert_int_equal(xattr_get(v, plant_top(&p), "user.b", value, sizeof value), 0);
    assert_int_equal(xattr_get(v, plant_top(&p), longest, value, sizeof value), 1);
    view_end(v);
    bytes_release(&x);
    plant_release(&p);
}

/* '_' for what would hurt, at every depth; and then no two may be one. */
static void test_names(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    begin();
    add_dir(0, "top");
    uint32_t f = add_file(0, "a\001.txt");
    add_file(0, "a\002.txt");
    add_hard(0, "a\003.txt", f);
    add_file(0, "a_.txt");
    uint32_t d = add_dir(0, "\xc2\x85");
    add_file(d, "\x1b[31m");
    add_file(0, "\xc3\xa4\xff");
    finish();
    assert_int_equal(plant(g, &p), 0);
    uint64_t top = plant_top(&p);
    assert_int_equal(children(g, top), 6);
    uint64_t first = lookup(g, top, "a_.txt");
    assert_int_equal(first, p.inos[f]);
    assert_int_equal(lookup(g, top, "a_.3.txt"), first);
    lookup(g, top, "a_.2.txt");
    lookup(g, top, "a_.4.txt");
    lookup(g, lookup(g, top, "_"), "_[31m");
    lookup(g, top, "\xc3\xa4\xff");
    plant_release(&p);
}

/* A peer cannot make us search for ever. */
static void test_too_many_clashes(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    begin();
    add_dir(0, "top");
    for (char a = 1; a < 6; a++)
        for (char b = 1; b < 32; b++)
            add_file(0, (char[]){a, b, 0});
    finish();
    assert_int_equal(plant(g, &p), STORE_ERR_HOSTILE);
    plant_release(&p);
    assert_int_equal(erig_staged(g), 0);
}

static void test_holes(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    struct plant_sum sum;
    begin();
    add_dir(0, "top");
    uint32_t large = add_hole(0, "large", 65537);
    uint32_t none = add_hole(0, "none", 0);
    uint32_t small = add_hole(0, "small", 65536);
    assert_int_equal(check(&sum), 0);
    assert_int_equal(sum.zeros, 65536);
    assert_int_equal(sum.data_len, 0);
    assert_int_equal(plant(g, &p), 0);
    static uint8_t buf[65537];
    assert_int_equal(holes[large], 65537);
    assert_int_equal(holes[none], 0);
    assert_int_equal(holes[small], 0);
    assert_int_equal(content_read(g->r->store, p.inos[small], buf, sizeof buf, 0), 65536);
    for (size_t i = 0; i < 65536; i++)
        assert_int_equal(buf[i], 0);
    assert_int_equal(rig_node(g->r, p.inos[large]).size, 0);
    plant_release(&p);
}

static void test_check(void **state)
{
    (void)state;
    struct plant_sum sum;
    struct bytes x = {0};
    manifest_put_extent(&x, 10, 20);
    manifest_put_extent(&x, 40, 5);
    begin();
    add_dir(0, "top");
    add(
        (struct manifest_item){
            .kind = MANIFEST_FILE, .size = 100, .extents = x.data, .extent_count = 2},
        "f");
    add(
        (struct manifest_item){
            .kind = MANIFEST_FILE, .size = CONTENT_BYTES_MAX, .extents = x.data, .extent_count = 2},
        "g");
    assert_int_equal(check(&sum), 0);
    assert_int_equal(sum.data_len, 50);
    assert_int_equal(sum.zeros, 75);
    for (size_t len = 0; len < manifest.len; len++)
        assert_int_equal(plant_check(manifest.data, len, &sum), STORE_ERR_HOSTILE);
    bytes_put_u8(&manifest, 0);
    assert_int_equal(plant_check(manifest.data, manifest.len, &sum), STORE_ERR_HOSTILE);
    begin();
    add_hole(0, "f", CONTENT_BYTES_MAX + 1);
    assert_int_equal(check(&sum), STORE_ERR_HOSTILE);
    begin();
    add_link(0, "l", "beside");
    assert_int_equal(check(&sum), 0);
    begin();
    add_link(0, "l", "../x"); /* nothing would be left of it */
    assert_int_equal(check(&sum), STORE_ERR_HOSTILE);
    bytes_release(&x);
}

/* The tree went away under our feet: that is nobody's fault. */
static void test_discarded(void **state)
{
    struct erig *g = *state;
    struct plant p = {0};
    begin();
    add_dir(0, "top");
    finish();
    assert_int_equal(plant(g, &p), 0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(node_discard(t, plant_top(&p)), 0);
    commit(t);
    t = rig_turn(g->r);
    struct manifest_item item = {
        .kind = MANIFEST_FILE, .name = (const uint8_t *)"f", .name_len = 1, .index = 1, .depth = 1};
    assert_int_equal(plant_one(&p, t, &item), STORE_ERR_NOT_FOUND);
    turn_abort(t);
    plant_release(&p);
}

static int release_manifest(void **state)
{
    (void)state;
    manifest_builder_release(&builder);
    bytes_release(&manifest);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_modes),
        erig_test(test_times),
        erig_test(test_symlinks),
        erig_test(test_hard_links),
        erig_test(test_xattrs),
        erig_test(test_names),
        erig_test(test_too_many_clashes),
        erig_test(test_holes),
        erig_test(test_check),
        erig_test(test_discarded),
    };
    return cmocka_run_group_tests(tests, NULL, release_manifest);
}
