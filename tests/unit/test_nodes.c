/* Nodes: looking up, listing, summing, attributes, staging, holds. */
#include "store_rig.h"

struct listing {
    char names[32][NAME_BYTES_MAX + 1];
    uint64_t cookies[32];
    int count, stop_after;
};

static int list_one(void *arg, const struct node_item *item)
{
    struct listing *l = arg;
    assert_int_equal(strlen(item->name), item->name_len);
    strcpy(l->names[l->count], item->name);
    l->cookies[l->count++] = item->cookie;
    return l->count == l->stop_after ? 9 : 0;
}

static struct listing list(struct rig *r, uint64_t dir, uint64_t cookie, int stop_after)
{
    struct listing l = {.stop_after = stop_after};
    struct view *v = rig_view(r);
    int rc = node_list(v, dir, cookie, list_one, &l);
    view_end(v);
    assert_int_equal(rc, stop_after && l.count == stop_after ? 9 : 0);
    return l;
}

static void test_wormhole_directory_has_its_four(void **state)
{
    struct rig *r = *state;
    struct listing l = list(r, r->id, 0, 0);
    assert_int_equal(l.count, 4);
    assert_string_equal(l.names[0], "outbox");
    assert_string_equal(l.names[3], "state");
    l = list(r, r->id, l.cookies[1], 0);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.names[0], "code");
    assert_int_equal(rig_lookup(r, r->id, "outbox"), r->outbox);
    assert_int_equal(rig_lookup(r, r->id, "inbox"), r->inbox);
    assert_int_equal(rig_lookup(r, r->id, "other"), 0);
    assert_int_equal(rig_lookup(r, r->outbox, "outbox"), 0);
    assert_int_equal(rig_node(r, r->outbox).type, NODE_OUTBOX);
    assert_int_equal(rig_node(r, r->outbox).wormhole, r->id);
}

static void test_listing_survives_changes(void **state)
{
    struct rig *r = *state;
    uint64_t dir = rig_make(r, r->outbox, "d", NODE_DIR);
    uint64_t places[] = {r->outbox, dir};
    for (size_t i = 0; i < 2; i++) {
        uint64_t at = places[i];
        rig_make(r, at, "a", NODE_FILE);
        rig_make(r, at, "b", NODE_FILE);
        rig_make(r, at, "c", NODE_FILE);
        struct listing first = list(r, at, 0, i == 0 ? 3 : 2); /* up to "b" */
        uint64_t cookie = first.cookies[first.count - 1];
        assert_int_equal(rig_unlink(r, at, "a"), 0);
        assert_int_equal(rig_rename(r, at, "c", at, "0", NAME_REPLACE), 0);
        rig_make(r, at, "late", NODE_FILE);
        struct listing rest = list(r, at, cookie, 0);
        assert_int_equal(rest.count, 2); /* c under its new name, once; and the late one */
        assert_string_equal(rest.names[0], "0");
        assert_string_equal(rest.names[1], "late");
    }
}

static void test_lookup_bounds(void **state)
{
    struct rig *r = *state;
    char name[NAME_BYTES_MAX + 1];
    struct node n;
    uint64_t ino;
    memset(name, 'n', sizeof name);
    struct view *v = rig_view(r);
    assert_int_equal(node_lookup(v, r->outbox, name, sizeof name, &ino), STORE_ERR_NAME_TOO_LONG);
    assert_int_equal(node_lookup_get(v, r->outbox, name, NAME_BYTES_MAX, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(node_get(v, 1, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(node_lookup_get(v, r->id, "code", 4, &n), 0);
    assert_int_equal(n.type, NODE_CODE);
    view_end(v);
}

struct walked {
    char text[512];
};

static int walk_one(void *arg, const struct node *n, const char *path, size_t len)
{
    struct walked *w = arg;
    assert_int_equal(strlen(path), len);
    strcat(w->text, path);
    strcat(w->text, n->type == NODE_DIR ? "/ " : " ");
    return 0;
}

static void test_sum_and_walk(void **state)
{
    struct rig *r = *state;
    uint64_t top = rig_make(r, r->outbox, "t", NODE_DIR), sub = rig_make(r, top, "sub", NODE_DIR);
    uint64_t f = rig_make(r, top, "f", NODE_FILE), g = rig_make(r, sub, "g", NODE_FILE);
    rig_make(r, sub, "link", NODE_SYMLINK);
    assert_int_equal(content_write(r->store, f, "12345", 5, 0), 0);
    assert_int_equal(content_write(r->store, g, "123", 3, 0), 0);
    assert_int_equal(content_flush(r->store, g, false), 0);
    struct turn *t = rig_turn(r);
    assert_int_equal(name_link(t, f, sub, "hard", 4), 0);
    commit(t);
    struct node_sum sum;
    struct view *v = rig_view(r);
    assert_int_equal(node_sum(v, top, &sum), 0);
    assert_int_equal(sum.files, 2);
    assert_int_equal(sum.nodes, 5);
    assert_int_equal(sum.bytes, 8);
    assert_int_equal(sum.dirty, 1);
    assert_int_equal(sum.foreign_flush, 1);
    assert_int_equal(sum.bad, 0);
    assert_int_equal(sum.changed_ns, r->clock_ns);
    assert_int_equal(node_sum(v, 5, &sum), STORE_ERR_NOT_FOUND);
    struct walked w = {""};
    assert_int_equal(node_walk(v, top, walk_one, &w), 0);
    assert_string_equal(w.text, "/ sub/ sub/g sub/link sub/hard f ");
    view_end(v);
}

static void test_attributes(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    r->clock_ns += 1000;
    struct turn *t = rig_turn(r);
    assert_int_equal(node_set_mode(t, ino, 0100755), 0);
    assert_int_equal(node_set_times(t, ino, 111, INT64_MIN), 0);
    assert_int_equal(node_set_mode(t, 5, 0), STORE_ERR_NOT_FOUND);
    commit(t);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.mode, 0755);
    assert_int_equal(n.atime_ns, 111);
    assert_int_equal(n.mtime_ns, r->clock_ns - 1000);
    assert_int_equal(n.ctime_ns, r->clock_ns);
}

/* Beyond what 64 bits of nanoseconds reach the nearest; the lowest of them means none. */
static void test_times_that_a_node_cannot_have(void **state)
{
    (void)state;
    assert_int_equal(node_time_ns(1, 500000001), 1500000001);
    assert_int_equal(node_time_ns(-1, 999999999), -1);
    assert_int_equal(node_time_ns(9223372036, 854775807), INT64_MAX);
    assert_int_equal(node_time_ns(9223372036, 854775808), INT64_MAX);
    assert_int_equal(node_time_ns(10413792000, 0), INT64_MAX); /* 2300 */
    assert_int_equal(node_time_ns(INT64_MAX, 0), INT64_MAX);
    assert_int_equal(node_time_ns(-9223372036, 0), -9223372036000000000);
    assert_int_equal(node_time_ns(-9223372037, 145224192), INT64_MIN + 1);
    assert_int_equal(node_time_ns(-14831769600, 0), INT64_MIN + 1); /* 1500 */
    assert_int_equal(node_time_ns(INT64_MIN, 999999999), INT64_MIN + 1);
}

static void test_symlink_target(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "l", NODE_SYMLINK),
             f = rig_make(r, r->outbox, "f", NODE_FILE);
    char target[7], little[6];
    struct view *v = rig_view(r);
    assert_int_equal(node_target(v, ino, target, sizeof target), 6);
    assert_string_equal(target, "target");
    assert_int_equal(node_target(v, ino, little, sizeof little), STORE_ERR_RANGE);
    assert_int_equal(node_target(v, f, target, sizeof target), STORE_ERR_INVALID);
    assert_int_equal(node_target(v, 5, target, sizeof target), STORE_ERR_NOT_FOUND);
    view_end(v);
    assert_int_equal(rig_node(r, ino).size, 6);
}

static void test_staged_tree_is_discarded_whole(void **state)
{
    struct rig *r = *state;
    uint64_t top, left = 0;
    static char big[100000];
    struct turn *t = rig_turn(r);
    assert_int_equal(node_stage(t, &(struct node_new){.type = NODE_DIR, .mode = 0755}, &top), 0);
    commit(t);
    uint64_t sub = rig_make(r, top, "sub", NODE_DIR), f = rig_make(r, sub, "f", NODE_FILE);
    assert_int_equal(content_write(r->store, f, big, sizeof big, 0), 0);
    assert_int_equal(rig_spooled(r), 1);
    struct node n = rig_node(r, f);
    assert_int_equal(n.entry, top);
    assert_true(rig_node(r, top).staged);
    t = rig_turn(r);
    assert_int_equal(node_discard(t, r->outbox), STORE_ERR_INVALID);
    assert_int_equal(node_discard(t, sub), STORE_ERR_INVALID);
    assert_int_equal(node_discard(t, top), 0);
    assert_int_equal(turn_checkpoint(t), 0);
    assert_int_equal(rig_spooled(r), 1); /* not before the commit that forgot it is durable */
    assert_int_equal(store_sync(r->store), 0);
    assert_true(store_reap(r->store));
    assert_int_equal(rig_spooled(r), 0);
    uint64_t inos[] = {top, sub, f};
    for (int i = 0; i < 3; i++)
        left += rig_try_node(r, inos[i], &n) == 0;
    assert_int_equal(left, 0);
}

static void test_holds_keep_what_is_unlinked(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    char buf[8] = "";
    struct node n;
    assert_int_equal(content_write(r->store, ino, "hello", 5, 0), 0);
    assert_int_equal(node_hold(r->store, ino), 0);
    assert_int_equal(node_hold(r->store, ino), 0);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(rig_node(r, ino).nlink, 0);
    assert_int_equal(content_read(r->store, ino, buf, sizeof buf, 0), 5);
    assert_int_equal(content_write(r->store, ino, "HE", 2, 0), 0);
    node_unhold(r->store, ino, 1);
    assert_int_equal(content_read(r->store, ino, buf, sizeof buf, 0), 5);
    assert_string_equal(buf, "HEllo");
    node_unhold(r->store, ino, 1);
    assert_int_equal(rig_try_node(r, ino, &n), STORE_ERR_NOT_FOUND);
    node_unhold(r->store, ino, 1); /* nobody holds it: nothing happens */
}

/* A kernel remembers names for as long as it likes. */
static void test_only_open_files_keep_their_bytes(void **state)
{
    static const uint8_t bytes[100000] = {1};
    const char *const names[] = {"small", "large"};
    const size_t sizes[] = {5, sizeof bytes};
    struct rig *r = *state;
    struct node n;
    uint8_t b = 0;
    for (int i = 0; i < 2; i++) {
        uint64_t ino = rig_make(r, r->outbox, names[i], NODE_FILE);
        assert_int_equal(content_write(r->store, ino, bytes, sizes[i], 0), 0);
        assert_int_equal(node_hold(r->store, ino), 0);
        assert_int_equal(node_open(r->store, ino), 0);
        assert_int_equal(rig_unlink(r, r->outbox, names[i]), 0);
        assert_int_equal(node_sweep(r->store), 0);
        assert_int_equal(content_read(r->store, ino, &b, 1, 0), 1);
        assert_int_equal(b, 1);
        assert_int_equal(node_open(r->store, ino), 0); /* by /proc/self/fd */
        node_close(r->store, ino);
        assert_int_equal(node_sweep(r->store), 0);
        assert_int_equal(rig_node(r, ino).size, sizes[i]);
        assert_false(node_sweep_owed(r->store));
        node_close(r->store, ino);
        assert_true(node_sweep_owed(r->store));
        assert_int_equal(node_open(r->store, ino), STORE_ERR_NOT_FOUND);
        assert_int_equal(node_sweep(r->store), 0);
        assert_int_equal(rig_node(r, ino).size, 0);
        assert_int_equal(store_sync(r->store), 0);
        (void)store_reap(r->store);
        assert_int_equal(rig_spooled(r), 0);
        node_unhold(r->store, ino, 1);
        assert_int_equal(rig_try_node(r, ino, &n), STORE_ERR_NOT_FOUND);
    }
}

static void test_hold_of_what_stays_changes_nothing(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_int_equal(node_hold(r->store, ino), 0);
    node_unhold(r->store, ino, 1);
    assert_int_equal(rig_node(r, ino).nlink, 1);
}

static void test_large_tree_goes_in_parts(void **state)
{
    struct rig *r = *state;
    uint64_t top = rig_make(r, r->outbox, "big", NODE_DIR), ino = 0;
    int parts = 0;
    struct turn *t = rig_turn(r);
    for (int i = 0; i < SWEEP_NODES_MAX + 500; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "%d", i);
        struct node_new what = {.type = i % 100 ? NODE_FILE : NODE_DIR, .mode = 0644};
        assert_int_equal(name_create(t, top, name, (size_t)len, &what, &ino), 0);
    }
    commit(t);
    t = rig_turn(r);
    assert_int_equal(name_remove_tree(t, r->outbox, "big", 3, "delivered"), 0);
    commit(t);
    assert_int_equal(rig_lookup(r, r->outbox, "big"), 0);
    assert_int_equal(rig_node(r, top).nlink, 0);
    assert_true(node_sweep_owed(r->store)); /* or an idle mount would keep the rest */
    while (node_sweep(r->store) == 1)
        assert_true(++parts < 10);
    struct node n;
    assert_int_equal(rig_try_node(r, top, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_node(r, ino, &n), STORE_ERR_NOT_FOUND);
}

static void test_removed_tree_keeps_what_is_held(void **state)
{
    struct rig *r = *state;
    uint64_t top = rig_make(r, r->outbox, "t", NODE_DIR), f = rig_make(r, top, "f", NODE_FILE);
    char buf[8] = "";
    struct node n;
    assert_int_equal(content_write(r->store, f, "kept", 4, 0), 0);
    assert_int_equal(node_hold(r->store, f), 0);
    assert_int_equal(node_hold(r->store, top), 0);
    struct turn *t = rig_turn(r);
    assert_int_equal(name_remove_tree(t, r->outbox, "t", 1, "delivered"), 0);
    commit(t);
    assert_int_equal(content_read(r->store, f, buf, sizeof buf, 0), 4);
    assert_int_equal(rig_node(r, top).nlink, 0);
    assert_int_equal(rig_try_make(r, top, "late", NODE_FILE, &f), STORE_ERR_NOT_FOUND);
    assert_int_equal(node_sweep(r->store), 0);
    assert_int_equal(rig_node(r, f).nlink, 0);
    node_unhold(r->store, f, 1);
    node_unhold(r->store, top, 1);
    assert_int_equal(rig_try_node(r, f, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_node(r, top, &n), STORE_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_wormhole_directory_has_its_four),
        rig_test(test_listing_survives_changes),
        rig_test(test_lookup_bounds),
        rig_test(test_sum_and_walk),
        rig_test(test_attributes),
        rig_test(test_times_that_a_node_cannot_have),
        rig_test(test_symlink_target),
        rig_test(test_staged_tree_is_discarded_whole),
        rig_test(test_holds_keep_what_is_unlinked),
        rig_test(test_only_open_files_keep_their_bytes),
        rig_test(test_hold_of_what_stays_changes_nothing),
        rig_test(test_large_tree_goes_in_parts),
        rig_test(test_removed_tree_keeps_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
