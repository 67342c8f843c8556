/* Zips: packed and unpacked again, and what a hostile one can not do. */
#include <archive.h>
#include <archive_entry.h>
#include "store_rig.h"

#include "store/zip.h"

enum { BIG = 300 * 1000 };

static char big[BIG];

static void write_text(struct rig *r, uint64_t ino, const char *text)
{
    assert_int_equal(content_write(r->store, ino, text, strlen(text), 0), 0);
}

static int list_names(void *arg, const struct node *n, const char *path, size_t len)
{
    char *text = arg;
    (void)len;
    sprintf(text + strlen(text), "%s%s:%03o:%d ", path, n->type == NODE_DIR ? "/" : "", n->mode,
            (int)(n->type == NODE_DIR ? 0 : n->size));
    return 0;
}

static void expect_tree(struct rig *r, uint64_t top, const char *expected)
{
    char text[2048] = "";
    struct view *v = rig_view(r);
    assert_int_equal(node_walk(v, top, list_names, text), 0);
    view_end(v);
    assert_string_equal(text, expected);
}

static void set_mode(struct rig *r, uint64_t ino, uint32_t mode)
{
    struct turn *t = rig_turn(r);
    assert_int_equal(node_set_mode(t, ino, mode), 0);
    commit(t);
}

static void make_link(struct rig *r, uint64_t dir, const char *name, const char *target)
{
    uint64_t ino;
    struct turn *t = rig_turn(r);
    struct node_new what = {.type = NODE_SYMLINK, .mode = 0777, .target = target};
    assert_int_equal(name_create(t, dir, name, strlen(name), &what, &ino), 0);
    commit(t);
}

static uint64_t make_tree(struct rig *r)
{
    uint64_t top = rig_make(r, r->outbox, "tree", NODE_DIR),
             sub = rig_make(r, top, "sub", NODE_DIR);
    uint64_t a = rig_make(r, top, "a.txt", NODE_FILE), b = rig_make(r, sub, "big", NODE_FILE);
    rig_make(r, sub, "empty", NODE_DIR);
    rig_make(r, sub, "zero", NODE_FILE);
    write_text(r, a, "hello");
    uint32_t seed = 1;
    for (size_t i = 0; i < BIG; i++) /* what does not shrink */
        big[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
    assert_int_equal(content_write(r->store, b, big, BIG, 0), 0);
    set_mode(r, a, 0751);
    return top;
}

static void test_there_and_back(void **state)
{
    struct rig *r = *state;
    uint64_t top = make_tree(r), zip, back;
    struct zip_sum sum, unpacked;
    static char buf[BIG];
    assert_int_equal(zip_pack(r->store, top, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(sum.files, 3);
    assert_int_equal(sum.bytes, BIG + 5);
    struct node n = rig_node(r, zip);
    assert_int_equal(sum.zip_bytes, n.size);
    assert_int_equal(n.durable_size, n.size);
    assert_true(n.staged);
    assert_int_equal(zip_unpack(r->store, zip, BIG + 5, true, NULL, NULL, &back, &unpacked), 0);
    assert_int_equal(unpacked.files, 3);
    assert_int_equal(unpacked.bytes, BIG + 5);
    expect_tree(
        r, back,
        "/:755:0 sub/:755:0 sub/big:644:300000 sub/empty/:755:0 sub/zero:644:0 a.txt:751:5 ");
    uint64_t sub = rig_lookup(r, back, "sub"), file = rig_lookup(r, sub, "big");
    assert_int_equal(content_read(r->store, file, buf, BIG, 0), BIG);
    assert_memory_equal(buf, big, BIG);
    assert_int_equal(rig_node(r, file).durable_size, BIG);
    assert_int_equal(rig_node(r, file).mtime_ns / 1000000000, r->clock_ns / 1000000000);
    assert_false(store_sync_owed(r->store));
    assert_int_equal(zip_unpack(r->store, zip, BIG + 5, false, NULL, NULL, &back, &unpacked), 0);
    assert_int_equal(rig_node(r, rig_lookup(r, back, "a.txt")).mode, 0640); /* no execute bits */
}

static void test_links_are_followed_inside(void **state)
{
    struct rig *r = *state;
    uint64_t top = make_tree(r), sub = rig_lookup(r, top, "sub"), zip, back;
    struct zip_sum sum;
    make_link(r, sub, "l1", "../a.txt");
    make_link(r, top, "l2", "sub/./l1"); /* through another one */
    make_link(r, top, "out", "../../etc/passwd");
    make_link(r, top, "abs", "/etc/passwd");
    make_link(r, top, "dangling", "nowhere");
    make_link(r, top, "loop", "loop");
    make_link(r, top, "dir", "sub");
    make_link(r, top, "via", "dir/../sub/big");
    assert_int_equal(zip_pack(r->store, top, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(zip_unpack(r->store, zip, 10 * BIG, false, NULL, NULL, &back, &sum), 0);
    assert_int_equal(rig_node(r, rig_lookup(r, back, "l2")).size, 5);
    assert_int_equal(rig_node(r, rig_lookup(r, back, "l2")).type, NODE_FILE);
    assert_int_equal(rig_node(r, rig_lookup(r, rig_lookup(r, back, "sub"), "l1")).size, 5);
    static const char *const left_out[] = {"out", "abs", "dangling", "loop", "dir"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rig_lookup(r, back, left_out[i]), 0);
}

static void test_names_of_stock_clients(void **state)
{
    struct rig *r = *state;
    uint64_t top = rig_make(r, r->outbox, "t", NODE_DIR), zip, back;
    struct zip_sum sum;
    rig_make(r, top, "\xc3\xa4 100%", NODE_FILE);
    rig_make(r, top, "b\xff", NODE_FILE);
    assert_int_equal(zip_pack(r->store, top, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(zip_unpack(r->store, zip, 100, false, NULL, NULL, &back, &sum), 0);
    assert_int_not_equal(rig_lookup(r, back, "\xc3\xa4 100%"), 0);
    assert_int_not_equal(rig_lookup(r, back, "b%FF"), 0);
}

static void test_several_entries_in_one(void **state)
{
    struct rig *r = *state;
    uint64_t top = make_tree(r), f = rig_make(r, r->outbox, "single", NODE_FILE), zip, back;
    uint64_t d = rig_make(r, r->outbox, "hollow", NODE_DIR);
    struct zip_sum sum;
    write_text(r, f, "one");
    struct zip_source sources[] = {
        {top, name_of("tree")}, {f, name_of("single")}, {d, name_of("hollow")}};
    assert_int_equal(zip_pack_several(r->store, sources, 3, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(sum.files, 4);
    assert_int_equal(zip_unpack(r->store, zip, 10 * BIG, true, NULL, NULL, &back, &sum), 0);
    expect_tree(r, back,
                "/:755:0 tree/:755:0 tree/sub/:755:0 tree/sub/big:644:300000 tree/sub/empty/:755:0 "
                "tree/sub/zero:644:0 tree/a.txt:751:5 single:644:3 hollow/:755:0 ");
}

static void test_pack_errors(void **state)
{
    struct rig *r = *state;
    uint64_t top = make_tree(r), f = rig_lookup(r, top, "a.txt"), zip;
    struct zip_sum sum;
    assert_int_equal(zip_pack(r->store, f, NULL, NULL, &zip, &sum), STORE_ERR_NOT_DIR);
    assert_int_equal(zip_pack(r->store, 5, NULL, NULL, &zip, &sum), STORE_ERR_NOT_FOUND);
    assert_int_equal(store_sync(r->store), 0);
    store_reap(r->store);
    int spooled = rig_spooled(r);
    rig_fail(r, OPS(IO_WRITE), "spool/", 1, 100, -ENOSPC);
    assert_int_equal(zip_pack(r->store, top, NULL, NULL, &zip, &sum), STORE_ERR_NOSPACE);
    rig_heal(r);
    assert_int_equal(store_sync(r->store), 0);
    store_reap(r->store);
    assert_int_equal(rig_spooled(r), spooled);
}

static bool stop_at_once(void *arg)
{
    ++*(int *)arg;
    return true;
}

static void test_stop(void **state)
{
    struct rig *r = *state;
    uint64_t top = make_tree(r), zip, back;
    struct zip_sum sum;
    int asked = 0;
    assert_int_equal(zip_pack(r->store, top, stop_at_once, &asked, &zip, &sum), STORE_ERR_BUSY);
    assert_int_equal(zip_pack(r->store, top, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(zip_unpack(r->store, zip, BIG * 2, true, stop_at_once, &asked, &back, &sum),
                     STORE_ERR_BUSY);
    assert_int_equal(asked, 2);
}

/* ---- hostile archives, made with libarchive ---- */

struct member {
    const char *path;
    unsigned type; /* 0 ends the list */
    unsigned mode;
    size_t size;
    const char *link;
};

static uint64_t craft(struct rig *r, const struct member *members)
{
    static char zip[1 << 20];
    size_t used;
    uint64_t ino;
    struct archive *a = archive_write_new();
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_memory(a, zip, sizeof zip, &used), ARCHIVE_OK);
    for (; members->type; members++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, members->path);
        archive_entry_set_filetype(e, members->type);
        archive_entry_set_perm(e, (__LA_MODE_T)members->mode);
        archive_entry_set_size(e, (la_int64_t)members->size);
        if (members->link)
            archive_entry_set_symlink(e, members->link);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        for (size_t done = 0; done < members->size; done += BIG)
            archive_write_data(a, big, members->size - done < BIG ? members->size - done : BIG);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    struct turn *t = rig_turn(r);
    assert_int_equal(node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &ino), 0);
    commit(t);
    assert_int_equal(content_write(r->store, ino, zip, used, 0), 0);
    return ino;
}

static int count_nodes(struct rig *r)
{
    int count = 0;
    struct node n;
    for (uint64_t ino = INO_FIRST; ino < INO_FIRST + 3000; ino++)
        count += rig_try_node(r, ino, &n) == 0;
    return count;
}

static int unpack(struct rig *r, const struct member *members, uint64_t bytes_max, uint64_t *top)
{
    uint64_t zip = craft(r, members);
    struct zip_sum sum;
    int before = count_nodes(r);
    int rc = zip_unpack(r->store, zip, bytes_max, false, NULL, NULL, top, &sum);
    if (rc)
        assert_int_equal(count_nodes(r), before); /* nothing is left behind */
    return rc;
}

static void test_hostile_members(void **state)
{
    struct rig *r = *state;
    static const struct member cases[][4] = {
        {{"ok", AE_IFREG, 0644, 1, NULL}, {"../x", AE_IFREG, 0644, 1, NULL}},
        {{"a/../../x", AE_IFREG, 0644, 1, NULL}},
        {{"/etc/x", AE_IFREG, 0644, 1, NULL}},
        {{"a\nb", AE_IFREG, 0644, 1, NULL}, {"a\nb", AE_IFREG, 0644, 1, NULL}},
        {{"a\nb", AE_IFREG, 0644, 1, NULL},
         {"a_b", AE_IFREG, 0644, 1, NULL},
         {"a_b", AE_IFREG, 0644, 1, NULL}},
        {{"a_b", AE_IFREG, 0644, 1, NULL},
         {"a\nb", AE_IFREG, 0644, 1, NULL},
         {"a\nb/c", AE_IFREG, 0644, 1, NULL}},
        {{"a\nb/c", AE_IFREG, 0644, 1, NULL}, {"a\nb", AE_IFREG, 0644, 1, NULL}},
        {{"..", AE_IFREG, 0644, 1, NULL}},
        {{"link", AE_IFLNK, 0777, 0, "/etc/passwd"}},
        {{"twice", AE_IFREG, 0644, 1, NULL}, {"twice", AE_IFREG, 0644, 1, NULL}},
        {{"f", AE_IFREG, 0644, 1, NULL}, {"f/g", AE_IFREG, 0644, 1, NULL}},
        {{"d/x", AE_IFREG, 0644, 1, NULL}, {"d", AE_IFREG, 0644, 1, NULL}},
    };
    uint64_t top;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(unpack(r, cases[i], BIG, &top), STORE_ERR_HOSTILE);
}

static void test_control_characters_in_names(void **state)
{
    struct rig *r = *state;
    static const struct member folder[] = {{"Icon\r", AE_IFREG, 0644, 1, NULL},
                                           {"a\x1b[2J/b\x7f", AE_IFREG, 0644, 1, NULL},
                                           {.type = 0}};
    uint64_t top, ino, dir;
    assert_int_equal(unpack(r, folder, BIG, &top), 0);
    struct view *v = rig_view(r);
    assert_int_equal(node_lookup(v, top, "Icon_", 5, &ino), 0);
    assert_int_equal(node_lookup(v, top, "a_[2J", 5, &dir), 0);
    assert_int_equal(node_lookup(v, dir, "b_", 2, &ino), 0);
    view_end(v);
}

/* Honest names that only our change to them makes the same: all arrive, in whatever order they
 * come. */
static void test_changed_names_that_clash(void **state)
{
    struct rig *r = *state;
    static const struct member files[] = {
        {"a\nb.txt", AE_IFREG, 0644, 1, NULL},  {"a_b.3.txt", AE_IFREG, 0644, 2, NULL},
        {"a\tb.txt", AE_IFREG, 0644, 3, NULL},  {"a_b.txt", AE_IFREG, 0644, 4, NULL},
        {"a_b.2.txt", AE_IFREG, 0644, 5, NULL}, {.type = 0}};
    static const struct member dirs[] = {
        {"d_", AE_IFREG, 0644, 1, NULL},        {"d\n/x", AE_IFREG, 0644, 2, NULL},
        {"d\t/x", AE_IFREG, 0644, 3, NULL},     {"d\n", AE_IFDIR, 0700, 0, NULL},
        {"d\n/y", AE_IFREG, 0644, 4, NULL},     {"d\t/x/", AE_IFDIR, 0700, 0, NULL},
        {"d\t/e\n/z", AE_IFREG, 0644, 5, NULL}, {"d_.2/x", AE_IFREG, 0644, 6, NULL},
        {"d\t/e\n/y", AE_IFREG, 0644, 7, NULL}, {.type = 0}};
    struct member good[10];
    uint64_t top;
    assert_int_equal(unpack(r, files, BIG, &top), 0);
    expect_tree(r, top,
                "/:755:0 a_b.txt:644:1 a_b.3.txt:644:2 a_b.2.txt:644:3 a_b.4.txt:644:4 "
                "a_b.2.2.txt:644:5 ");
    assert_int_equal(unpack(r, dirs, BIG, &top), STORE_ERR_HOSTILE); /* "d\t/x" is two things */
    memcpy(good, dirs, 5 * sizeof *good);
    memcpy(good + 5, dirs + 6, 4 * sizeof *good);
    assert_int_equal(unpack(r, good, BIG, &top), 0);
    expect_tree(r, top,
                "/:755:0 d_:644:1 d_.2/:700:0 d_.2/x:644:2 d_.2/y:644:4 d_.3/:755:0 d_.3/x:644:3 "
                "d_.3/e_/:755:0 d_.3/e_/z:644:5 d_.3/e_/y:644:7 d_.2.2/:755:0 d_.2.2/x:644:6 ");
}

static void test_a_bomb_is_stopped(void **state)
{
    struct rig *r = *state;
    static const struct member bomb[] = {{"zeros", AE_IFREG, 0644, (size_t)64 << 20, NULL},
                                         {.type = 0}};
    uint64_t top;
    memset(big, 0, BIG);
    assert_int_equal(unpack(r, bomb, 1 << 20, &top), STORE_ERR_TOO_BIG);
    assert_int_equal(store_sync(r->store), 0);
    store_reap(r->store);
    char path[160];
    struct stat st;
    for (int id = 1; id < 40; id++) {
        snprintf(path, sizeof path, "%s/spool/%d", r->dir, id);
        assert_true(stat(path, &st) != 0 || st.st_size < 2 << 20);
    }
}

static void test_harmless_oddities(void **state)
{
    struct rig *r = *state;
    static const struct member members[] = {
        {"./", AE_IFDIR, 0755, 0, NULL},
        {"./a//b", AE_IFREG, 0, 1, NULL},
        {"a/", AE_IFDIR, 0700, 0, NULL},
        {"s", AE_IFREG, 06755, 1, NULL},
        {".hidden", AE_IFREG, 0644, 0, NULL},
        {"deep/er/dir/", AE_IFDIR, 0, 0, NULL},
        {.type = 0},
    };
    uint64_t top;
    assert_int_equal(unpack(r, members, 100, &top), 0);
    expect_tree(r, top,
                "/:755:0 a/:700:0 a/b:600:1 s:644:1 .hidden:644:0 deep/:755:0 deep/er/:755:0 "
                "deep/er/dir/:700:0 ");
}

static void test_garbage_and_empty(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE), top;
    struct zip_sum sum;
    write_text(r, f, "this is no zip at all, it only pretends to be one in its name");
    assert_int_equal(zip_unpack(r->store, f, 100, false, NULL, NULL, &top, &sum),
                     STORE_ERR_HOSTILE);
    assert_int_equal(content_truncate(r->store, f, 0), 0);
    assert_int_equal(zip_unpack(r->store, f, 100, false, NULL, NULL, &top, &sum),
                     STORE_ERR_HOSTILE);
    assert_int_equal(zip_unpack(r->store, 5, 100, false, NULL, NULL, &top, &sum),
                     STORE_ERR_NOT_FOUND);
    uint64_t empty = rig_make(r, r->outbox, "d", NODE_DIR), zip;
    assert_int_equal(zip_pack(r->store, empty, NULL, NULL, &zip, &sum), 0);
    assert_int_equal(sum.files, 0);
    assert_int_equal(zip_unpack(r->store, zip, 100, false, NULL, NULL, &top, &sum), 0);
    expect_tree(r, top, "/:755:0 ");
}

/* A good archive, cut or with one byte changed anywhere, never does harm. */
static void test_damaged_archives(void **state)
{
    struct rig *r = *state;
    static const struct member members[] = {
        {"a/b", AE_IFREG, 0644, 300, NULL}, {"c", AE_IFREG, 0644, 10, NULL}, {.type = 0}};
    uint64_t zip = craft(r, members), top;
    uint8_t bytes[2048];
    struct zip_sum sum;
    ssize_t len = content_read(r->store, zip, bytes, sizeof bytes, 0);
    assert_true(len > 0 && len < (ssize_t)sizeof bytes);
    int refused = 0;
    for (ssize_t at = 0; at < len; at++) {
        uint8_t damaged = (uint8_t)~bytes[at];
        assert_int_equal(content_write(r->store, zip, &damaged, 1, (uint64_t)at), 0);
        int rc = zip_unpack(r->store, zip, 4096, false, NULL, NULL, &top, &sum);
        assert_true(rc == 0 || rc == STORE_ERR_HOSTILE);
        refused += rc != 0;
        assert_int_equal(content_write(r->store, zip, &bytes[at], 1, (uint64_t)at), 0);
    }
    assert_true(refused > 0);
    for (ssize_t keep = 1; keep < len; keep += 7) {
        assert_int_equal(content_truncate(r->store, zip, (uint64_t)keep), 0);
        assert_int_equal(zip_unpack(r->store, zip, 4096, false, NULL, NULL, &top, &sum),
                         STORE_ERR_HOSTILE);
        assert_int_equal(content_write(r->store, zip, bytes, (size_t)len, 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_there_and_back),
        rig_test(test_links_are_followed_inside),
        rig_test(test_names_of_stock_clients),
        rig_test(test_several_entries_in_one),
        rig_test(test_pack_errors),
        rig_test(test_stop),
        rig_test(test_hostile_members),
        rig_test(test_control_characters_in_names),
        rig_test(test_changed_names_that_clash),
        rig_test(test_a_bomb_is_stopped),
        rig_test(test_harmless_oddities),
        rig_test(test_garbage_and_empty),
        rig_test(test_damaged_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
