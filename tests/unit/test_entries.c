/* Entries: from open to sent, what is counted, and what contradicts itself. */
#include "store_rig.h"

static const uint8_t rev_1[REV_BYTES] = {1, 1};

#define IN_TURN(r, call)                                                                           \
    do {                                                                                           \
        struct turn *t = rig_turn(r);                                                              \
        assert_int_equal(call, 0);                                                                 \
        commit(t);                                                                                 \
    } while (0)

#define REFUSED(r, call, code)                                                                     \
    do {                                                                                           \
        struct turn *t = rig_turn(r);                                                              \
        assert_int_equal(call, (code));                                                            \
        turn_abort(t);                                                                             \
    } while (0)

static void test_the_way_of_an_entry(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    struct entry e = rig_entry(r, f);
    assert_int_equal(e.state, ENTRY_OPEN);
    assert_int_equal(rig_seal(r, f, 1), 0);
    e = rig_entry(r, f);
    assert_int_equal(e.state, ENTRY_SEALED);
    assert_memory_equal(e.rev, rev_1, REV_BYTES);
    assert_int_equal(e.sealed_ms, r->clock_ns / 1000000);
    IN_TURN(r, entry_offered(t, f));
    IN_TURN(r, entry_offered(t, f));
    assert_int_equal(rig_events(r, LOG_ENTRY_OFFERED), 1);
    IN_TURN(r, entry_refused(t, f, "no room"));
    assert_string_equal(rig_entry(r, f).error, "no room");
    IN_TURN(r, entry_maybe(t, f));
    assert_true(rig_entry(r, f).maybe);
    IN_TURN(r, entry_withdraw(t, f, "changed"));
    e = rig_entry(r, f);
    assert_int_equal(e.state, ENTRY_OPEN);
    assert_false(e.offered);
    assert_string_equal(e.error, "");
    assert_int_equal(rig_seal(r, f, 2), 0);
    const uint8_t rev_2[REV_BYTES] = {2, 1};
    REFUSED(r, entry_delivered(t, f, rev_1, NULL, "delivered"), STORE_ERR_INVALID);
    IN_TURN(r, entry_delivered(t, f, rev_2, "f.2", "delivered"));
    e = rig_entry(r, f);
    assert_int_equal(e.state, ENTRY_SENT);
    assert_memory_equal(e.rev, rev_2, REV_BYTES);
    REFUSED(r, entry_delivered(t, f, rev_2, NULL, "delivered"), STORE_ERR_INVALID);
    REFUSED(r, entry_withdraw(t, f, NULL), STORE_ERR_INVALID);
    IN_TURN(r, entry_reopen(t, f));
    assert_int_equal(rig_entry(r, f).state, ENTRY_OPEN);
    REFUSED(r, entry_reopen(t, f), STORE_ERR_INVALID);
    REFUSED(r, entry_offered(t, f), STORE_ERR_INVALID);
    REFUSED(r, entry_hold(t, 5, "x"), STORE_ERR_NOT_FOUND);
}

static void test_held_is_beside_the_state(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_int_equal(rig_seal(r, f, 1), 0);
    IN_TURN(r, entry_hold(t, f, "closed by the peer"));
    IN_TURN(r, entry_hold(t, f, "closed by the peer"));
    struct entry e = rig_entry(r, f);
    assert_string_equal(e.held, "closed by the peer");
    assert_int_equal(e.state, ENTRY_SEALED);
    IN_TURN(r, entry_release(t, f));
    IN_TURN(r, entry_release(t, f));
    assert_string_equal(rig_entry(r, f).held, "");
    assert_int_equal(rig_events(r, LOG_ENTRY_HELD), 1);
    assert_int_equal(rig_events(r, LOG_ENTRY_RELEASED), 1);
    IN_TURN(r, entry_hold_as(t, f, 3, "a name"));
    IN_TURN(r, entry_hold_as(t, f, 3, "a name"));
    IN_TURN(r, entry_hold_as(t, f, 3, "its name"));
    assert_int_equal(rig_events(r, LOG_ENTRY_HELD), 3);
    assert_int_equal(rig_entry(r, f).held_code, 3);
    IN_TURN(r, entry_hold(t, f, "its name"));
    assert_int_equal(rig_events(r, LOG_ENTRY_HELD), 4);
    assert_int_equal(rig_entry(r, f).held_code, 0);
    IN_TURN(r, entry_hold_as(t, f, 3, "its name"));
    IN_TURN(r, entry_release(t, f));
    assert_int_equal(rig_entry(r, f).held_code, 0);
    char reason[LOG_TEXT_BYTES_MAX * 2];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    IN_TURN(r, entry_hold(t, f, reason));
    assert_int_equal(strlen(rig_entry(r, f).held), LOG_TEXT_BYTES_MAX);
}

struct sent_list {
    struct sent rows[4];
    int count;
};

static int take_sent(void *arg, const struct sent *s)
{
    struct sent_list *l = arg;
    l->rows[l->count++] = *s;
    return 0;
}

static void test_sent(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f\xff", NODE_FILE),
             g = rig_make(r, r->outbox, "g", NODE_FILE);
    assert_int_equal(rig_seal(r, f, 1), 0);
    IN_TURN(r, entry_delivered(t, f, rev_1, NULL, "delivered"));
    IN_TURN(r, name_remove_tree(t, r->outbox, "f\xff", 2, "delivered"));
    /* of a revision that is not the current one any more, and of an entry that is gone */
    uint64_t inos[] = {g, 5};
    for (int i = 0; i < 2; i++) {
        struct turn *t = rig_turn(r);
        struct log_event e = {LOG_ENTRY_DELIVERED, r->id, inos[i],
                              log_delivery(rev_1, "late", "too late")};
        assert_int_equal(log_append(t, &e, NULL), 0);
        commit(t);
    }
    assert_int_equal(rig_entry(r, g).state, ENTRY_OPEN);
    struct sent_list l = {0};
    struct view *v = rig_view(r);
    assert_int_equal(sent_each(v, r->id, 10, take_sent, &l), 0);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.rows[2].name, "f%FF");
    assert_string_equal(l.rows[2].at_peer, "f%FF");
    assert_int_equal(l.rows[2].size, 1);
    assert_string_equal(l.rows[0].how, "too late");
    l.count = 0;
    assert_int_equal(sent_each(v, 0, 1, take_sent, &l), 0);
    assert_int_equal(l.count, 1);
    struct wormhole w;
    assert_int_equal(wormhole_get(v, r->id, &w), 0);
    view_end(v);
    assert_int_equal(w.sent_count, 3);
    assert_string_equal(w.sent_last, "late");
    assert_string_equal(w.sent_how, "too late");
}

static int take_ino(void *arg, const struct entry *e)
{
    uint64_t **at = arg;
    *(*at)++ = e->ino;
    return 0;
}

static void test_each_and_count(void **state)
{
    struct rig *r = *state;
    uint64_t out2, inos[8] = {0}, *at = inos;
    uint64_t bob = rig_wormhole(r, "bob", &out2, NULL);
    uint64_t a = rig_make(r, r->outbox, "z", NODE_FILE), b = rig_make(r, out2, "y", NODE_FILE);
    uint64_t c = rig_make(r, r->outbox, "x", NODE_DIR);
    assert_int_equal(rig_seal(r, a, 1), 0);
    IN_TURN(r, entry_hold(t, c, "why"));
    struct view *v = rig_view(r);
    struct entry e;
    assert_int_equal(entry_each(v, r->id, 0, take_ino, &at), 0);
    assert_int_equal(at - inos, 2);
    assert_int_equal(inos[0], a); /* in the order in which they were made */
    assert_int_equal(inos[1], c);
    at = inos;
    assert_int_equal(entry_each(v, 0, 0, take_ino, &at), 0);
    assert_int_equal(at - inos, 3);
    assert_int_equal(inos[1], b);
    assert_int_equal(entry_get(v, a, &e), 0);
    at = inos;
    assert_int_equal(entry_each(v, r->id, e.created_event, take_ino, &at), 0);
    assert_int_equal(at - inos, 1);
    struct entry_count n;
    assert_int_equal(entry_count(v, r->id, &n), 0);
    assert_int_equal(n.entries, 2);
    assert_int_equal(n.open, 1);
    assert_int_equal(n.sealed, 1);
    assert_int_equal(n.held, 1);
    assert_int_equal(n.sealed_bytes, 1);
    assert_int_equal(entry_count(v, bob, &n), 0);
    assert_int_equal(n.entries, 1);
    assert_int_equal(entry_by_rev(v, rev_1, &e), 0);
    assert_int_equal(e.ino, a);
    assert_int_equal(entry_by_rev(v, (const uint8_t[REV_BYTES]){8}, &e), STORE_ERR_NOT_FOUND);
    view_end(v);
}

static void test_inbox(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->inbox, "mine", NODE_FILE), count;
    struct inbox_entry e;
    struct view *v = rig_view(r);
    assert_int_equal(inbox_get(v, f, &e), 0);
    assert_true(e.local);
    assert_false(e.has_rev);
    assert_string_equal(e.name.text, "mine");
    assert_int_equal(inbox_count(v, r->id, &count), 0);
    assert_int_equal(count, 1);
    view_end(v);
    assert_int_equal(rig_rename(r, r->inbox, "mine", r->inbox, "yours", NAME_REPLACE), 0);
    v = rig_view(r);
    assert_int_equal(inbox_get(v, f, &e), 0);
    view_end(v);
    assert_string_equal(e.name.text, "yours");
    assert_int_equal(rig_unlink(r, r->inbox, "yours"), 0);
    assert_int_equal(rig_events(r, LOG_INBOX_REMOVED), 1);
}

static void test_two_entries_cannot_share_a_revision(void **state)
{
    struct rig *r = *state;
    uint64_t a = rig_make(r, r->outbox, "a", NODE_FILE), b = rig_make(r, r->outbox, "b", NODE_FILE);
    assert_int_equal(rig_seal(r, a, 1), 0);
    assert_int_equal(rig_seal(r, b, 1), STORE_ERR_EXISTS);
    assert_int_equal(rig_entry(r, b).state, ENTRY_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_the_way_of_an_entry),
        rig_test(test_held_is_beside_the_state),
        rig_test(test_sent),
        rig_test(test_each_and_count),
        rig_test(test_inbox),
        rig_test(test_two_entries_cannot_share_a_revision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
