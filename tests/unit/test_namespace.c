/* Names: POSIX semantics, and the rules of the tree. */
#include "store_rig.h"

#include "store/core.h"

static int make_dir_count(struct rig *r, uint64_t dir)
{
    return (int)rig_node(r, dir).nlink;
}

static void test_create_and_its_errors(void **state)
{
    struct rig *r = *state;
    uint64_t ino, f = rig_make(r, r->outbox, "f", NODE_FILE),
                  d = rig_make(r, r->outbox, "d", NODE_DIR);
    char long_name[NAME_BYTES_MAX + 2];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(rig_try_make(r, r->outbox, "f", NODE_FILE, &ino), STORE_ERR_EXISTS);
    assert_int_equal(rig_try_make(r, f, "x", NODE_FILE, &ino), STORE_ERR_NOT_DIR);
    assert_int_equal(rig_try_make(r, r->id, "x", NODE_FILE, &ino), STORE_ERR_PERM);
    assert_int_equal(rig_try_make(r, 5, "x", NODE_FILE, &ino), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_make(r, d, long_name, NODE_FILE, &ino), STORE_ERR_NAME_TOO_LONG);
    assert_int_equal(rig_try_make(r, d, "a/b", NODE_FILE, &ino), STORE_ERR_INVALID);
    assert_int_equal(rig_try_make(r, d, "x", NODE_OUTBOX, &ino), STORE_ERR_INVALID);
    assert_int_equal(rig_lookup(r, r->outbox, "f"), f);
    struct node n = rig_node(r, f);
    assert_int_equal(n.entry, f);
    assert_int_equal(n.nlink, 1);
    assert_int_equal(n.mode, 0644);
    assert_int_equal(rig_entry(r, f).wormhole, r->id);
    assert_int_equal(rig_events(r, LOG_ENTRY_CREATED), 2);
}

static void test_deeper_names_are_no_events(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR);
    int before = rig_events(r, LOG_ENTRY_CREATED);
    uint64_t sub = rig_make(r, d, "sub", NODE_DIR), f = rig_make(r, sub, "f", NODE_FILE);
    assert_int_equal(rig_events(r, LOG_ENTRY_CREATED), before);
    assert_int_equal(rig_node(r, f).entry, d);
    assert_int_equal(rig_node(r, sub).parent, d);
    assert_int_equal(make_dir_count(r, d), 3);
    struct entry e;
    assert_int_equal(rig_try_entry(r, f, &e), STORE_ERR_NOT_FOUND);
}

static void test_directory_times_and_links(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR);
    r->clock_ns += 1000;
    rig_make(r, d, "sub", NODE_DIR);
    assert_int_equal(rig_node(r, d).mtime_ns, r->clock_ns);
    r->clock_ns += 1000;
    assert_int_equal(rig_rmdir(r, d, "sub"), 0);
    assert_int_equal(rig_node(r, d).mtime_ns, r->clock_ns);
    assert_int_equal(make_dir_count(r, d), 2);
}

static void test_unlink_and_rmdir_errors(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR);
    rig_make(r, r->outbox, "f", NODE_FILE);
    rig_make(r, d, "x", NODE_FILE);
    assert_int_equal(rig_unlink(r, r->outbox, "d"), STORE_ERR_IS_DIR);
    assert_int_equal(rig_unlink(r, r->outbox, "none"), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_unlink(r, r->id, "outbox"), STORE_ERR_PERM);
    assert_int_equal(rig_rmdir(r, r->outbox, "f"), STORE_ERR_NOT_DIR);
    assert_int_equal(rig_rmdir(r, r->outbox, "d"), STORE_ERR_NOT_EMPTY);
    assert_int_equal(rig_unlink(r, d, "x"), 0);
    assert_int_equal(rig_rmdir(r, r->outbox, "d"), 0);
    struct node n;
    assert_int_equal(rig_try_node(r, d, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_events(r, LOG_ENTRY_REMOVED), 1);
}

static int try_link(struct rig *r, uint64_t ino, uint64_t dir, const char *name)
{
    struct turn *t = rig_turn(r);
    int rc = name_link(t, ino, dir, name, strlen(name));
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static void test_hard_links_stay_in_their_entry(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR), e = rig_make(r, r->outbox, "e", NODE_DIR);
    uint64_t sub = rig_make(r, d, "sub", NODE_DIR), f = rig_make(r, d, "f", NODE_FILE);
    uint64_t top = rig_make(r, r->outbox, "top", NODE_FILE);
    assert_int_equal(try_link(r, f, sub, "g"), 0);
    assert_int_equal(rig_node(r, f).nlink, 2);
    assert_int_equal(try_link(r, f, sub, "g"), STORE_ERR_EXISTS);
    assert_int_equal(try_link(r, f, e, "g"), STORE_ERR_PERM);
    assert_int_equal(try_link(r, f, r->outbox, "g"), STORE_ERR_PERM);
    assert_int_equal(try_link(r, top, d, "g"), STORE_ERR_PERM);
    assert_int_equal(try_link(r, sub, d, "g"), STORE_ERR_PERM);
    assert_int_equal(rig_unlink(r, d, "f"), 0);
    assert_int_equal(rig_node(r, f).nlink, 1);
    assert_int_equal(rig_lookup(r, sub, "g"), f);
}

static void test_links_cannot_be_torn_apart(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR), e = rig_make(r, r->outbox, "e", NODE_DIR);
    uint64_t sub = rig_make(r, d, "sub", NODE_DIR), f = rig_make(r, sub, "f", NODE_FILE);
    assert_int_equal(try_link(r, f, d, "g"), 0);
    assert_int_equal(rig_rename(r, d, "sub", e, "sub", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, sub, "f", r->outbox, "f", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, d, "g", sub, "g", NAME_REPLACE), 0);
    assert_int_equal(rig_rename(r, d, "sub", e, "sub", NAME_REPLACE),
                     0); /* now all links go along */
    assert_int_equal(rig_node(r, f).entry, e);
    assert_int_equal(rig_node(r, f).nlink, 2);
}

/* ---- rename within one box ---- */

static void test_rename_at_top_level(void **state)
{
    struct rig *r = *state;
    uint64_t a = rig_make(r, r->outbox, "a", NODE_FILE), b = rig_make(r, r->outbox, "b", NODE_FILE);
    struct node n;
    assert_int_equal(rig_rename(r, r->outbox, "a", r->outbox, "c", NAME_REPLACE), 0);
    assert_string_equal(rig_entry(r, a).name.text, "c");
    assert_int_equal(rig_rename(r, r->outbox, "c", r->outbox, "b", NAME_NOREPLACE),
                     STORE_ERR_EXISTS);
    assert_int_equal(rig_rename(r, r->outbox, "c", r->outbox, "b", NAME_REPLACE), 0);
    assert_int_equal(rig_lookup(r, r->outbox, "b"), a);
    assert_int_equal(rig_try_node(r, b, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_rename(r, r->outbox, "none", r->outbox, "x", NAME_REPLACE),
                     STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_rename(r, r->outbox, "b", r->outbox, "b", NAME_REPLACE), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_RENAMED), 2);
    assert_int_equal(rig_events(r, LOG_ENTRY_REMOVED), 1);
}

static void test_rename_kinds_and_loops(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR), sub = rig_make(r, d, "sub", NODE_DIR);
    uint64_t deep = rig_make(r, sub, "deep", NODE_DIR);
    rig_make(r, r->outbox, "f", NODE_FILE);
    rig_make(r, r->outbox, "empty", NODE_DIR);
    assert_int_equal(rig_rename(r, r->outbox, "f", r->outbox, "d", NAME_REPLACE), STORE_ERR_IS_DIR);
    assert_int_equal(rig_rename(r, r->outbox, "d", r->outbox, "f", NAME_REPLACE),
                     STORE_ERR_NOT_DIR);
    assert_int_equal(rig_rename(r, r->outbox, "empty", r->outbox, "d", NAME_REPLACE),
                     STORE_ERR_NOT_EMPTY);
    assert_int_equal(rig_rename(r, r->outbox, "d", deep, "x", NAME_REPLACE), STORE_ERR_LOOP);
    assert_int_equal(rig_rename(r, r->outbox, "d", d, "x", NAME_REPLACE), STORE_ERR_LOOP);
    assert_int_equal(rig_rename(r, d, "sub", r->outbox, "d", NAME_EXCHANGE), STORE_ERR_LOOP);
    assert_int_equal(rig_rename(r, r->outbox, "d", r->outbox, "empty", NAME_REPLACE), 0);
    assert_int_equal(rig_lookup(r, r->outbox, "empty"), d);
    assert_int_equal(rig_node(r, r->outbox).nlink, 3); /* itself, "." and one directory */
}

static void test_rename_between_levels(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR), sub = rig_make(r, d, "sub", NODE_DIR);
    uint64_t f = rig_make(r, sub, "f", NODE_FILE), top = rig_make(r, r->outbox, "top", NODE_FILE);
    struct entry e;
    assert_int_equal(rig_rename(r, d, "sub", r->outbox, "sub", NAME_REPLACE), 0);
    assert_int_equal(rig_node(r, f).entry, sub); /* a new entry, with all below it */
    assert_int_equal(rig_entry(r, sub).kind, NODE_DIR);
    assert_int_equal(rig_node(r, sub).parent, r->outbox);
    assert_int_equal(make_dir_count(r, d), 2);
    assert_int_equal(rig_rename(r, r->outbox, "top", sub, "low", NAME_REPLACE), 0);
    assert_int_equal(rig_node(r, top).entry, sub);
    assert_int_equal(rig_try_entry(r, top, &e), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_rename(r, r->outbox, "sub", d, "back", NAME_REPLACE), 0);
    assert_int_equal(rig_node(r, f).entry, d);
    assert_int_equal(rig_node(r, top).entry, d);
    assert_int_equal(make_dir_count(r, d), 3);
}

static void test_exchange(void **state)
{
    struct rig *r = *state;
    uint64_t a = rig_make(r, r->outbox, "a", NODE_FILE), d = rig_make(r, r->outbox, "d", NODE_DIR);
    uint64_t x = rig_make(r, d, "x", NODE_FILE), y = rig_make(r, d, "y", NODE_DIR);
    uint64_t z = rig_make(r, y, "z", NODE_FILE);
    assert_int_equal(rig_rename(r, r->outbox, "a", r->outbox, "d", NAME_EXCHANGE), 0);
    assert_int_equal(rig_lookup(r, r->outbox, "a"), d);
    assert_int_equal(rig_lookup(r, r->outbox, "d"), a);
    assert_string_equal(rig_entry(r, a).name.text, "d");
    assert_int_equal(rig_rename(r, d, "x", d, "y", NAME_EXCHANGE), 0);
    assert_int_equal(rig_lookup(r, d, "x"), y);
    assert_int_equal(rig_rename(r, d, "y", y, "z", NAME_EXCHANGE), 0); /* two depths */
    assert_int_equal(rig_lookup(r, y, "z"), x);
    assert_int_equal(rig_lookup(r, d, "y"), z);
    assert_int_equal(rig_rename(r, r->outbox, "d", d, "x", NAME_EXCHANGE), 0); /* top and deep */
    assert_int_equal(rig_lookup(r, r->outbox, "d"), y);
    assert_int_equal(rig_node(r, y).entry, y);
    assert_int_equal(rig_node(r, x).entry, y);
    assert_int_equal(rig_node(r, a).entry, d);
    assert_int_equal(rig_node(r, r->outbox).nlink, 4);
    assert_int_equal(make_dir_count(r, d), 2);
    assert_int_equal(rig_rename(r, r->outbox, "d", r->outbox, "none", NAME_EXCHANGE),
                     STORE_ERR_NOT_FOUND);
}

/* ---- between boxes and wormholes ---- */

static void test_the_matrix(void **state)
{
    struct rig *r = *state;
    uint64_t out2, in2, id2 = rig_wormhole(r, "bob", &out2, &in2);
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE), d = rig_make(r, r->outbox, "d", NODE_DIR);
    uint64_t g = rig_make(r, r->inbox, "g", NODE_FILE), in = rig_make(r, r->inbox, "in", NODE_DIR);
    rig_make(r, d, "x", NODE_FILE);
    struct entry e;
    struct inbox_entry i;
    assert_int_equal(rig_rename(r, r->outbox, "f", r->inbox, "f", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->outbox, "f", in2, "f", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->inbox, "g", r->outbox, "g", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->inbox, "g", in2, "g", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, d, "x", in2, "x", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->inbox, "g", d, "g", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->outbox, "f", id2, "f", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->outbox, "f", in, "f", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, r->id, "outbox", r->id, "x", NAME_REPLACE), STORE_ERR_PERM);
    /* outbox to another outbox */
    assert_int_equal(rig_rename(r, r->outbox, "d", out2, "d2", NAME_REPLACE), 0);
    assert_int_equal(rig_entry(r, d).wormhole, id2);
    assert_int_equal(rig_node(r, d).parent, out2);
    /* inbox to another wormhole's outbox: forwarded */
    assert_int_equal(rig_rename(r, r->inbox, "g", out2, "g", NAME_REPLACE), 0);
    assert_int_equal(rig_entry(r, g).wormhole, id2);
    struct view *v = rig_view(r);
    assert_int_equal(inbox_get(v, g, &i), STORE_ERR_NOT_FOUND);
    view_end(v);
    assert_int_equal(rig_events(r, LOG_FORWARDED), 1);
    /* replacing and exchanging between outboxes */
    assert_int_equal(rig_rename(r, r->outbox, "f", out2, "g", NAME_EXCHANGE), 0);
    assert_int_equal(rig_entry(r, g).wormhole, r->id);
    assert_int_equal(rig_entry(r, f).wormhole, id2);
    assert_int_equal(rig_rename(r, r->outbox, "f", out2, "g", NAME_REPLACE), 0);
    assert_int_equal(rig_try_entry(r, f, &e), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_lookup(r, out2, "g"), g);
}

/* A part of a tree, into another wormhole's outbox: an entry of its own. */
static void test_parts_of_trees(void **state)
{
    struct rig *r = *state;
    uint64_t out2, in2, id2 = rig_wormhole(r, "bob", &out2, &in2);
    uint64_t in = rig_make(r, r->inbox, "in", NODE_DIR), sub = rig_make(r, in, "sub", NODE_DIR);
    uint64_t f = rig_make(r, sub, "f", NODE_FILE), tied = rig_make(r, in, "tied", NODE_FILE);
    uint64_t out = rig_make(r, r->outbox, "out", NODE_DIR), x = rig_make(r, out, "x", NODE_FILE);
    assert_int_equal(rig_rename(r, in, "tied", r->outbox, "t", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, in, "tied", out, "x", NAME_EXCHANGE), STORE_ERR_PERM);
    assert_int_equal(rig_rename(r, out, "x", r->inbox, "x", NAME_REPLACE), STORE_ERR_PERM);
    struct turn *t = rig_turn(r);
    assert_int_equal(name_link(t, tied, sub, "tied too", 8), 0);
    commit(t);
    assert_int_equal(rig_rename(r, in, "tied", out2, "tied", NAME_REPLACE), STORE_ERR_PERM);
    assert_int_equal(rig_unlink(r, sub, "tied too"), 0);
    assert_int_equal(rig_rename(r, in, "sub", out2, "s", NAME_REPLACE), 0);
    assert_int_equal(rig_entry(r, sub).wormhole, id2);
    assert_int_equal(rig_node(r, sub).parent, out2);
    assert_int_equal(rig_node(r, f).entry, sub);
    assert_int_equal(rig_lookup(r, in, "sub"), 0);
    assert_int_equal(rig_events(r, LOG_FORWARDED), 1);
    /* out of a sealed tree: that is a change of it */
    assert_int_equal(rig_seal(r, out, 1), 0);
    assert_int_equal(rig_rename(r, out, "x", out2, "x", NAME_NOREPLACE), 0);
    assert_int_equal(rig_entry(r, out).state, ENTRY_OPEN);
    assert_int_equal(rig_entry(r, x).wormhole, id2);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 1);
    assert_int_equal(rig_rename(r, out2, "x", r->outbox, "y", NAME_REPLACE), 0);
    assert_int_equal(rig_rename(r, in, "tied", out2, "s/", NAME_REPLACE), STORE_ERR_INVALID);
}

static void test_place_of(void **state)
{
    struct rig *r = *state;
    uint64_t d = rig_make(r, r->outbox, "d", NODE_DIR), f = rig_make(r, d, "f", NODE_FILE);
    uint64_t g = rig_make(r, r->inbox, "g", NODE_FILE);
    struct wormhole_place p;
    struct view *v = rig_view(r);
    assert_int_equal(wormhole_of(v, f, &p), 0);
    assert_int_equal(p.wormhole, r->id);
    assert_int_equal(p.entry, d);
    assert_int_equal(p.box, NODE_OUTBOX);
    assert_int_equal(wormhole_of(v, g, &p), 0);
    assert_int_equal(p.box, NODE_INBOX);
    assert_int_equal(wormhole_of(v, r->outbox, &p), 0);
    assert_int_equal(p.box, NODE_WORMHOLE);
    assert_int_equal(p.wormhole, r->id);
    view_end(v);
}

/* ---- publishing ---- */

static uint64_t stage(struct rig *r, enum node_type type)
{
    uint64_t ino;
    struct turn *t = rig_turn(r);
    assert_int_equal(node_stage(t, &(struct node_new){.type = type, .mode = 0644}, &ino), 0);
    commit(t);
    return ino;
}

static int find_clash(void *arg, const struct log_row *row)
{
    struct name clash;
    if (row->event.type == LOG_ARRIVED && log_get_name(row->event.detail, "clash", &clash) == 0)
        strcat(arg, clash.text);
    return 0;
}

static struct name publish(struct rig *r, uint64_t ino, const char *name, size_t len)
{
    struct name final;
    struct turn *t = rig_turn(r);
    const uint8_t rev[REV_BYTES] = {(uint8_t)ino};
    struct name_arrival a = {.wormhole = r->id,
                             .ino = ino,
                             .name = name,
                             .name_len = len,
                             .rev = rev,
                             .size = 5,
                             .files = 1};
    assert_int_equal(name_publish(t, &a, &final), 0);
    commit(t);
    return final;
}

static void test_publish(void **state)
{
    struct rig *r = *state;
    uint64_t f = stage(r, NODE_FILE), d = stage(r, NODE_DIR),
             below = rig_make(r, d, "x", NODE_FILE);
    struct inbox_entry e;
    assert_string_equal(publish(r, f, "report.pdf", 10).text, "report.pdf");
    assert_string_equal(publish(r, stage(r, NODE_FILE), "report.pdf", 10).text, "report.2.pdf");
    assert_string_equal(publish(r, stage(r, NODE_FILE), "report.pdf", 10).text, "report.3.pdf");
    assert_string_equal(publish(r, d, "report.pdf", 10).text, "report.pdf.2");
    struct view *v = rig_view(r);
    char clashes[64] = "";
    assert_int_equal(inbox_get(v, f, &e), 0);
    assert_int_equal(log_read(v, 0, 100, find_clash, clashes), 0);
    view_end(v);
    assert_string_equal(clashes, "report.pdfreport.pdfreport.pdf");
    assert_false(e.local);
    assert_true(e.has_rev);
    assert_int_equal(e.rev[0], (uint8_t)f);
    assert_int_equal(e.size, 5);
    assert_false(rig_node(r, f).staged);
    assert_int_equal(rig_node(r, d).parent, r->inbox);
    assert_int_equal(rig_node(r, below).entry, d);
    struct turn *t = rig_turn(r); /* once only */
    struct name_arrival again = {.wormhole = r->id, .ino = f, .name = "x", .name_len = 1};
    struct name final;
    assert_int_equal(name_publish(t, &again, &final), STORE_ERR_INVALID);
    turn_abort(t);
}

static void test_safe_names(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool top;
        const char *safe;
    } cases[] = {
        {"../x", 4, true, "_._x"},
        {"../x", 4, false, ".._x"},
        {"", 0, true, "_"},
        {".", 1, false, "_"},
        {"..", 2, false, "__"},
        {".bashrc", 7, true, "_bashrc"},
        {".bashrc", 7, false, ".bashrc"},
        {"/etc/passwd", 11, true, "_etc_passwd"},
        {"a\0b", 3, true, "a_b"},
        {"a\nb\x7f", 4, true, "a_b_"},
        {"a\xc2\x85z", 4, true, "a_z"},
        {"b\xff", 2, true, "b\xff"},
        {"\xc3\xa4", 2, true, "\xc3\xa4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct name out;
        name_make_safe(&out, cases[i].bytes, cases[i].len, cases[i].top);
        assert_string_equal(out.text, cases[i].safe);
        assert_int_equal(out.len, strlen(out.text));
        struct name checked;
        assert_int_equal(name_set(&checked, out.text, out.len), 0);
    }
    char long_name[301];
    struct name out;
    memset(long_name, 'x', 300);
    memcpy(long_name + 254, "\xe2\x82\xac", 3); /* a character across the cut */
    name_make_safe(&out, long_name, 300, true);
    assert_int_equal(out.len, 254);
}

/* However many have that name already, the next one arrives; and soon. */
static void test_publish_among_many(void **state)
{
    struct rig *r = *state;
    char sql[512];
    publish(r, stage(r, NODE_FILE), "report.pdf", 10);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i < 100100) "
             "INSERT INTO link (parent, name, ino, cookie) SELECT %llu, "
             "CAST('report.' || i || '.pdf' AS BLOB), 0, -i FROM n WHERE i != 70 AND i != 99999",
             (unsigned long long)r->inbox);
    struct turn *t = rig_turn(r);
    assert_int_equal(sqlite3_exec(turn_view(t)->db, sql, NULL, NULL, NULL), SQLITE_OK);
    commit(t);
    for (int i = 0; i < 50; i++) {
        struct name got = publish(r, stage(r, NODE_FILE), "report.pdf", 10);
        unsigned number = 0;
        assert_int_equal(sscanf(got.text, "report.%u.pdf", &number), 1);
        assert_true(number == 70 || number == 99999 || number > 100100);
        assert_true(number < 200000);
    }
}

static void test_clash_names(void **state)
{
    (void)state;
    struct name n = name_of("archive.tar.gz"), out;
    name_clash(&out, &n, 2, false);
    assert_string_equal(out.text, "archive.tar.2.gz");
    name_clash(&out, &n, 12, true);
    assert_string_equal(out.text, "archive.tar.gz.12");
    n = name_of(".profile");
    name_clash(&out, &n, 2, false);
    assert_string_equal(out.text, ".profile.2");
    n = name_of("end.");
    name_clash(&out, &n, 2, false);
    assert_string_equal(out.text, "end..2");
    char text[256];
    memset(text, 'e', 255);
    text[255] = '\0';
    memcpy(text + 250, ".text", 5);
    n = name_of(text);
    name_clash(&out, &n, 22, false);
    assert_int_equal(out.len, 255);
    assert_string_equal(out.text + 247, ".22.text");
    memset(text, 'e', 255);
    text[1] = '.'; /* nearly all extension: there would be no stem left */
    n = name_of(text);
    name_clash(&out, &n, 2, false);
    assert_int_equal(out.len, 255);
    assert_string_equal(out.text + 253, ".2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_create_and_its_errors),
        rig_test(test_deeper_names_are_no_events),
        rig_test(test_directory_times_and_links),
        rig_test(test_unlink_and_rmdir_errors),
        rig_test(test_hard_links_stay_in_their_entry),
        rig_test(test_links_cannot_be_torn_apart),
        rig_test(test_rename_at_top_level),
        rig_test(test_rename_kinds_and_loops),
        rig_test(test_rename_between_levels),
        rig_test(test_exchange),
        rig_test(test_the_matrix),
        rig_test(test_parts_of_trees),
        rig_test(test_place_of),
        rig_test(test_publish),
        cmocka_unit_test(test_safe_names),
        rig_test(test_publish_among_many),
        cmocka_unit_test(test_clash_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
