/* Trees as manifests: the order, every attribute, links, holes, bounds. */
#include "engine_rig.h"

#include <unistd.h>
#include "fs/engine/inventory.h"
#include "proto/error.h"

enum { KIB = 1024, MIB = 1 << 20, ITEMS_MAX = 8192 };

/* A parsed manifest; what the items point to lives in .bytes. */
struct listed {
    struct bytes bytes, inos;
    uint64_t data_len;
    uint32_t items;
    struct manifest_item item[ITEMS_MAX];
};

static struct listed found;

static int list_with(struct erig *g, uint64_t entry, bool with_holes)
{
    bytes_release(&found.bytes);
    bytes_release(&found.inos);
    struct inventory l = {.manifest = &found.bytes, .inos = &found.inos};
    bytes_put_str(&found.bytes, "what was there");
    struct view *v = with_holes ? NULL : rig_view(g->r);
    int err = inventory_make(&l, g->r->store, v, entry);
    view_end(v);
    found.data_len = l.data_len;
    found.items = l.items;
    return err;
}

/* Lists and parses: so every rule of the format is checked, too. */
static void list(struct erig *g, uint64_t entry, bool with_holes)
{
    struct manifest_parser parser;
    assert_int_equal(list_with(g, entry, with_holes), 0);
    assert_memory_equal(found.bytes.data, "what was there", 14);
    const uint8_t *at = found.bytes.data + 14;
    size_t left = found.bytes.len - 14, used;
    uint32_t n = 0;
    int more;
    assert_int_equal(manifest_parser_init(&parser, left), 0);
    while ((more = manifest_next(&parser, at, left, &used, &found.item[n])) > 0) {
        at += used;
        left -= used;
        assert_true(++n < ITEMS_MAX);
    }
    assert_int_equal(more, 0);
    assert_int_equal(n, found.items);
    assert_int_equal(found.inos.len, 8 * n);
    assert_true(found.data_len == parser.walk.data);
    manifest_parser_release(&parser);
}

static uint64_t ino_of(uint32_t i)
{
    struct reader r = reader_of(found.inos.data + (size_t)8 * i, 8);
    return reader_u64(&r);
}

static const struct manifest_item *item_named(const char *name)
{
    for (uint32_t i = 0; i < found.items; i++)
        if (found.item[i].name_len == strlen(name) &&
            memcmp(found.item[i].name, name, strlen(name)) == 0)
            return &found.item[i];
    fail_msg("no item %s", name);
    return NULL;
}

static void test_one_file(void **state)
{
    struct erig *g = *state;
    uint64_t ino = make_file(g, g->outbox, "only", 1234);
    list(g, ino, true);
    assert_int_equal(found.items, 1);
    assert_int_equal(found.item[0].kind, MANIFEST_FILE);
    assert_int_equal(found.item[0].size, 1234);
    assert_int_equal(found.data_len, 1234);
    assert_int_equal(ino_of(0), ino);
    uint64_t link = make_link(g, g->outbox, "link", "only");
    list(g, link, true);
    assert_int_equal(found.items, 1);
    assert_int_equal(found.item[0].kind, MANIFEST_SYMLINK);
    assert_int_equal(found.data_len, 0);
}

/* Made in another order than the one they must come in. */
static void test_order(void **state)
{
    struct erig *g = *state;
    static const char *const sorted[] = {" ",        "-",    "a",    "a ",      "a.",   "a.b",
                                         "aa",       "ab",   "b",    "\x7f",    "\x80", "\x80x",
                                         "\xc3\xa4", "\xfe", "\xff", "\xff\xff"};
    enum { NAMES = sizeof sorted / sizeof *sorted };
    uint64_t top = make_dir(g, g->outbox, "top");
    for (size_t i = 0; i < NAMES; i++)
        make_dir(g, top, sorted[i * 7 % NAMES]);
    list(g, top, true);
    assert_int_equal(found.items, NAMES + 1);
    for (size_t i = 0; i < NAMES; i++) {
        assert_int_equal(found.item[i + 1].name_len, strlen(sorted[i]));
        assert_memory_equal(found.item[i + 1].name, sorted[i], strlen(sorted[i]));
        assert_int_equal(found.item[i + 1].parent, 0);
    }
}

/* "a" with what is in it comes whole before "a.b". */
static void test_depth_first(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top");
    make_file(g, top, "a.b", 1);
    uint64_t a = make_dir(g, top, "a");
    make_file(g, a, "z", 2);
    list(g, top, true);
    assert_int_equal(found.items, 4);
    assert_memory_equal(found.item[1].name, "a", 1);
    assert_memory_equal(found.item[2].name, "z", 1);
    assert_int_equal(found.item[2].parent, 1);
    assert_int_equal(found.item[2].depth, 2);
    assert_memory_equal(found.item[3].name, "a.b", 3);
    assert_int_equal(found.item[3].parent, 0);
    assert_int_equal(found.item[3].data_offset, 2);
    assert_int_equal(ino_of(1), a);
}

static void expect_time(struct erig *g, uint64_t ino, int64_t ns, int64_t s, uint32_t rest_ns)
{
    set_mtime(g, ino, ns);
    list(g, ino, true);
    assert_true(found.item[0].mtime_s == s);
    assert_int_equal(found.item[0].mtime_ns, rest_ns);
}

static void test_times(void **state)
{
    struct erig *g = *state;
    uint64_t ino = make_file(g, g->outbox, "f", 0);
    expect_time(g, ino, 0, 0, 0);
    expect_time(g, ino, 1, 0, 1);
    expect_time(g, ino, -1, -1, 999999999);
    expect_time(g, ino, INT64_C(-1000000000), -1, 0);
    expect_time(g, ino, INT64_C(-1000000001), -2, 999999999);
    expect_time(g, ino, INT64_C(1234567890123456789), 1234567890, 123456789);
    expect_time(g, ino, INT64_MAX, INT64_MAX / 1000000000, INT64_MAX % 1000000000);
    expect_time(g, ino, INT64_MIN + 1, INT64_MIN / 1000000000 - 1, 145224193);
}

static void test_attributes(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), f = make_file(g, top, "f", 10);
    static char big[60000];
    make_link(g, top, "l", "some/where");
    set_mode(g, f, 06754);
    set_xattr(g, f, "user.b", "2", 1);
    set_xattr(g, f, "user.a", "", 0);
    set_xattr(g, f, "user.big", big, sizeof big);
    set_xattr(g, f, "user.wormhole.state", "x", 1);
    set_xattr(g, f, "user.xdg.origin.url", "x", 1);
    set_xattr(g, f, "security.thing", "x", 1);
    set_xattr(g, top, "user.top", "dir", 3);
    list(g, top, true);
    const struct manifest_item *item = item_named("f");
    assert_int_equal(item->mode, 0754);
    assert_int_equal(item->xattr_count, 3);
    struct manifest_xattr x;
    size_t at = 0;
    assert_true(manifest_next_xattr(item, &at, &x) && x.value_len == 0);
    assert_memory_equal(x.name, "user.a", 6);
    assert_true(manifest_next_xattr(item, &at, &x) && x.value_len == 1);
    assert_true(manifest_next_xattr(item, &at, &x) && x.value_len == sizeof big);
    assert_false(manifest_next_xattr(item, &at, &x));
    assert_int_equal(found.item[0].xattr_count, 1);
    item = item_named("l");
    assert_int_equal(item->kind, MANIFEST_SYMLINK);
    assert_int_equal(item->target_len, 10);
    assert_memory_equal(item->target, "some/where", 10);
}

static void test_hard_links(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), sub = make_dir(g, top, "sub");
    uint64_t f = make_file(g, sub, "x", 1000), link = make_link(g, top, "l1", "y");
    make_hard(g, f, sub, "y");
    make_hard(g, f, top, "first");
    make_hard(g, link, top, "l2");
    set_xattr(g, f, "user.once", "v", 1);
    list(g, top, true);
    const struct manifest_item *first = item_named("first"), *x = item_named("x");
    assert_int_equal(found.items, 7);
    assert_int_equal(first->kind, MANIFEST_FILE);
    assert_int_equal(first->xattr_count, 1);
    assert_int_equal(x->kind, MANIFEST_HARDLINK);
    assert_int_equal(x->original, first->index);
    assert_int_equal(x->xattr_count, 0);
    assert_int_equal(item_named("y")->original, first->index);
    assert_int_equal(ino_of(x->index), f);
    assert_int_equal(found.data_len, 1000);
    /* Linked symlinks travel as several. */
    assert_int_equal(item_named("l2")->kind, MANIFEST_SYMLINK);
    assert_int_equal(item_named("l2")->target_len, 1);
}

static void test_many_hard_links(void **state)
{
    struct erig *g = *state;
    enum { FILES = 3000 };
    uint64_t top = make_dir(g, g->outbox, "top"), a = make_dir(g, top, "a"),
             b = make_dir(g, top, "b");
    char name[16];
    struct turn *t = rig_turn(g->r);
    for (int i = 0; i < FILES; i++) {
        uint64_t ino;
        struct node_new what = {.type = NODE_FILE, .mode = 0600};
        size_t len = (size_t)snprintf(name, sizeof name, "%d", i);
        assert_int_equal(name_create(t, a, name, len, &what, &ino), 0);
        assert_int_equal(name_link(t, ino, b, name, len), 0);
    }
    commit(t);
    list(g, top, false);
    assert_int_equal(found.items, 2 * FILES + 3);
    for (uint32_t i = 0; i < FILES; i++) {
        const struct manifest_item *link = &found.item[FILES + 3 + i];
        assert_int_equal(link->kind, MANIFEST_HARDLINK);
        assert_int_equal(link->original, 2 + i);
        assert_int_equal(ino_of(link->index), ino_of(2 + i));
    }
}

static void expect_extents(const struct manifest_item *item, uint32_t count, const uint64_t *want)
{
    assert_int_equal(item->extent_count, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset, len;
        manifest_extent(item, i, &offset, &len);
        assert_int_equal(offset, want[2 * i]);
        assert_int_equal(len, want[2 * i + 1]);
    }
}

static void test_holes(void **state)
{
    struct erig *g = *state;
    uint64_t ino = make_file(g, g->outbox, "f", 0);
    write_bytes(g, ino, MIB, 64 * KIB);
    write_bytes(g, ino, MIB + 96 * KIB, 4 * KIB); /* behind a gap too small to be worth it */
    write_bytes(g, ino, 2 * MIB, 10);             /* in a block of its own */
    set_size(g, ino, 3 * MIB);
    list(g, ino, true);
    uint64_t block = found.item[0].data_len - 100 * KIB; /* how far the file system rounds */
    assert_in_range(block, 10, 64 * KIB);
    expect_extents(&found.item[0], 2, (uint64_t[]){MIB, 100 * KIB, 2 * MIB, block});
    assert_int_equal(found.item[0].size, 3 * MIB);
    assert_int_equal(found.data_len, 100 * KIB + block);
    list(g, ino, false);
    expect_extents(&found.item[0], 1, (uint64_t[]){0, 3 * MIB});
}

static void test_nothing_but_a_hole(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), large = make_file(g, top, "large", 0),
             small = make_file(g, top, "small", 0), cut = make_file(g, top, "cut", 100 * KIB),
             none = make_file(g, top, "none", 100 * KIB);
    set_size(g, large, 65537);
    set_size(g, small, 65536);
    set_size(g, cut, 0);
    set_size(g, cut, 5000); /* in the spool, and small */
    set_size(g, none, 0);
    list(g, top, true);
    expect_extents(item_named("large"), 0, NULL);
    expect_extents(item_named("small"), 1, (uint64_t[]){0, 65536});
    expect_extents(item_named("cut"), 1, (uint64_t[]){0, 5000});
    expect_extents(item_named("none"), 0, NULL);
    assert_int_equal(item_named("large")->size, 65537);
}

/* More holes than a manifest may list: the last extent has the rest. */
static void test_extents_max(void **state)
{
    struct erig *g = *state;
    enum { PIECES = MANIFEST_EXTENTS_MAX + 50, STRIDE = 128 * KIB };
    uint64_t ino = make_file(g, g->outbox, "f", 0);
    for (uint64_t i = 0; i < PIECES; i++)
        write_bytes(g, ino, i * STRIDE, 1);
    list(g, ino, true);
    const struct manifest_item *item = &found.item[0];
    assert_int_equal(item->extent_count, MANIFEST_EXTENTS_MAX);
    uint64_t offset, len;
    for (uint32_t i = 0; i < MANIFEST_EXTENTS_MAX; i++) {
        manifest_extent(item, i, &offset, &len);
        assert_int_equal(offset, (uint64_t)i * STRIDE);
    }
    assert_int_equal(offset + len, item->size);
}

static void test_depth(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), dir = top;
    for (int depth = 1; depth < MANIFEST_DEPTH_MAX; depth++)
        dir = make_dir(g, dir, "d");
    make_file(g, dir, "file", 1);
    list(g, top, true);
    assert_int_equal(item_named("file")->depth, MANIFEST_DEPTH_MAX);
    dir = make_dir(g, dir, "too deep");
    assert_int_equal(list_with(g, top, true), STORE_ERR_TOO_BIG);
}

static void test_not_found(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), sub = make_dir(g, top, "sub");
    assert_int_equal(list_with(g, sub, true), STORE_ERR_NOT_FOUND); /* no entry */
    assert_int_equal(list_with(g, UINT64_C(1) << 40, true), STORE_ERR_NOT_FOUND);
}

static int count_view(void *arg, struct view *v)
{
    (void)v;
    ++*(int *)arg;
    return 0;
}

/* No view is kept for long, and none while something is read that takes another: one is enough. */
static void test_views(void **state)
{
    struct erig *g = *state;
    struct view *busy[STORE_READERS_MAX - 1];
    int views = 0;
    struct inventory l = {
        .manifest = &found.bytes, .inos = &found.inos, .stands = count_view, .arg = &views};
    uint64_t top = make_dir(g, g->outbox, "top");
    char name[16];
    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof name, "%d", i);
        make_dir(g, top, name);
    }
    write_bytes(g, make_file(g, top, "sparse", 0), MIB, 100 * KIB);
    for (int i = 0; i < STORE_READERS_MAX - 1; i++)
        busy[i] = rig_view(g->r);
    alarm(60); /* instead of waiting for ever */
    assert_int_equal(inventory_make(&l, g->r->store, NULL, top), 0);
    alarm(0);
    for (int i = 0; i < STORE_READERS_MAX - 1; i++)
        view_end(busy[i]);
    assert_int_equal(l.items, 1102);
    assert_in_range(views, 5, 20);
}

/* The disk fails while holes are looked for: that is no end of the list. */
static void test_disk_fails(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top");
    make_file(g, top, "f", 100 * KIB);
    make_file(g, top, "z", 1);
    rig_fail(g->r, OPS(IO_SEEK), NULL, 1, 1, -EIO);
    assert_int_equal(list_with(g, top, true), STORE_ERR_IO);
    rig_fail(g->r, OPS(IO_SEEK), NULL, 2, 2, -ENOENT);
    assert_true(list_with(g, top, true) < 0);
    rig_heal(g->r);
    list(g, top, true);
    assert_int_equal(found.items, 3);
}

/* Nor is a journal that cannot be read. */
static void test_journal_fails(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top");
    char name[64];
    int failed = 0, nth = 1;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "a name that makes the table a few pages long %d", i);
        make_dir(g, top, name);
    }
    do {
        erig_restart(g);
        rig_fail(g->r, OPS(IO_READ), "journal", nth, nth, -EIO);
        int err = list_with(g, top, true);
        bool reached = g->r->faults.seen >= nth;
        rig_heal(g->r);
        assert_true(err == 0 ? !reached && found.items == 301 : err == STORE_ERR_IO);
        failed += err < 0;
    } while (failed == nth++);
    assert_true(failed > 5);
}

static int release_found(void **state)
{
    (void)state;
    bytes_release(&found.bytes);
    bytes_release(&found.inos);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_one_file),
        erig_test(test_order),
        erig_test(test_depth_first),
        erig_test(test_times),
        erig_test(test_attributes),
        erig_test(test_hard_links),
        erig_test(test_many_hard_links),
        erig_test(test_holes),
        erig_test(test_nothing_but_a_hole),
        erig_test(test_extents_max),
        erig_test(test_depth),
        erig_test(test_not_found),
        erig_test(test_views),
        erig_test(test_disk_fails),
        erig_test(test_journal_fails),
    };
    return cmocka_run_group_tests(tests, NULL, release_found);
}
