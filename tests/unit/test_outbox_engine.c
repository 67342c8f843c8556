/* From sealed entry to the peer's decision, with an engine that has no peer: what is queued, taken
 * back and done with; and what is said again to another peer, or by a store that went back.
 * Refusals are in test_outbox_refused; saying it is tested where there is a peer (test_engine). */
#include "outbox_rig.h"

#include "fs/engine/jobs.h"

/* ---- sealing ---- */

static void test_seal_small(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", false);
    struct bytes parcel = {0};
    struct view *v = rig_view(g->r);
    assert_int_equal(parcel_small(v, zoo, &parcel), 0);
    view_end(v);
    seal(g, zoo);
    struct revision r = expect_revision(g, zoo, REVISION_QUEUED);
    assert_int_equal(r.size, parcel.len);
    assert_int_equal(r.manifest, 0);
    assert_int_equal(g->jobs, 0);
    expect_queued(g, OUTBOUND_PIECES, &r);
    expect_silence(g);
    assert_false(wants(g));
    bytes_release(&parcel);
}

static void test_seal_large(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    seal(g, zoo);
    struct revision r = expect_revision(g, zoo, REVISION_PREPARING);
    expect_silence(g);
    assert_int_equal(g->jobs, 1);
    assert_true(engine_work(g->e));
    assert_false(engine_work(g->e));
    r = expect_revision(g, zoo, REVISION_QUEUED);
    assert_true(r.manifest != 0 && r.size > 500 * KIB);
    struct parcel *p;
    assert_int_equal(parcel_open(&p, g->r->store, &r), 0);
    parcel_close(p);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
    assert_false(wants(g));
    seal(g, make_file(g, g->outbox, "cut", 65536)); /* not larger than the journal takes, and yet */
    assert_int_equal(g->jobs, 2);
    work(g);
}

/* The offer is committed, and the disk fails before it is synced: it is offered all the same. */
static void test_listed_and_not_synced(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    seal(g, zoo);
    /* So that the step has something to release: it wakes the timers. */
    slot_find(g->e, g->id)->deadline_ms = INT64_MAX;
    rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", 1, 1000, -EIO);
    work(g);
    assert_true(store_broken(g->r->store));
    rig_heal(g->r);
    for (int i = 0; i < 3; i++) {
        g->now_ms += MINUTE_MS;
        engine_tick(g->e, g->now_ms);
        work(g);
    }
    struct revision r = expect_revision(g, zoo, REVISION_QUEUED);
    assert_string_equal(rig_entry(g->r, zoo).held, "");
    struct parcel *p;
    assert_int_equal(parcel_open(&p, g->r->store, &r), 0);
    parcel_close(p);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
}

static void test_told_by_bulk(void **state)
{
    struct erig *g = *state;
    uint64_t small = make_file(g, g->outbox, "small", 10),
             large = make_file(g, g->outbox, "large", 100 * KIB);
    seal(g, small);
    tell(g, small);
    assert_false(wants(g));
    seal(g, large);
    work(g);
    struct revision r = tell(g, large);
    assert_true(wants(g));
    decide(g, &r, PEER_TAKEN, "large");
    assert_false(wants(g));
}

/* The program stops between sealing and listing. */
static void test_list_after_restart(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "large", 100 * KIB);
    seal(g, file);
    erig_restart(g);
    work(g);
    struct revision r = expect_revision(g, file, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
}

/* An end of the program need not wait for a large tree: the next start lists it. */
static void test_end_before_listing(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    seal(g, zoo);
    engine_end(g->e);
    assert_false(engine_work(g->e));
    expect_revision(g, zoo, REVISION_PREPARING);
    erig_restart(g);
    assert_true(engine_work(g->e));
    expect_revision(g, zoo, REVISION_QUEUED);
}

/* What no manifest can hold is held, and says why. */
static void test_cannot_be_listed(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), dir = top;
    for (int depth = 0; depth < MANIFEST_DEPTH_MAX; depth++)
        dir = make_dir(g, dir, "d");
    seal(g, top);
    work(g);
    struct entry e = rig_entry(g->r, top);
    assert_true(e.held[0] != '\0');
    assert_true(e.error[0] != '\0');
    expect_silence(g);
    g->now_ms += 24 * HOUR_MS;
    engine_tick(g->e, g->now_ms);
    expect_silence(g);
    set_mode(g, top, 0700);
    assert_int_equal(rig_entry(g->r, top).state, ENTRY_OPEN);
}

/* The disk is full while it is listed: later. */
static void test_listed_later(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 100 * KIB),
             other = make_file(g, g->outbox, "g", 100 * KIB);
    seal(g, file);
    seal(g, other);
    for (int tries = 0; tries < 3; tries++) {
        rig_fail(g->r, OPS(IO_READ) | OPS(IO_SEEK), "spool/", 1, 100, -EIO);
        work(g);
        assert_true(g->r->faults.seen > 0);
        rig_heal(g->r);
        expect_silence(g);
        assert_int_equal(erig_staged(g), 0);
        expect_revision(g, file, REVISION_PREPARING);
        engine_tick(g->e, g->now_ms);
        assert_false(engine_work(g->e));
        g->now_ms += 60 * 1000;
        engine_tick(g->e, g->now_ms);
    }
    struct revision r = expect_revision(g, other, REVISION_PREPARING);
    set_mode(g, other, 0600); /* nobody has heard of it yet */
    expect_gone(g, &r);
    work(g);
    r = expect_revision(g, file, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
}

/* ---- taking back ---- */

static void test_unseal_unsaid(void **state)
{
    struct erig *g = *state;
    uint64_t small = make_file(g, g->outbox, "small", 10),
             large = make_file(g, g->outbox, "large", 100 * KIB),
             later = make_file(g, g->outbox, "later", 100 * KIB);
    seal(g, small);
    struct revision r = expect_revision(g, small, REVISION_QUEUED);
    write_bytes(g, small, 0, 1);
    expect_gone(g, &r);
    seal(g, large);
    r = expect_revision(g, large, REVISION_PREPARING);
    set_mode(g, large, 0600);
    work(g); /* comes too late, and leaves nothing */
    expect_gone(g, &r);
    seal(g, later);
    work(g);
    r = expect_revision(g, later, REVISION_QUEUED);
    assert_int_equal(rig_unlink(g->r, g->outbox, "later"), 0);
    expect_gone(g, &r);
    expect_silence(g);
    assert_int_equal(rig_entry(g->r, small).state, ENTRY_OPEN);
    assert_int_equal(rig_entry(g->r, large).state, ENTRY_OPEN);
}

static void test_unseal_told(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 100 * KIB);
    seal(g, file);
    work(g);
    struct revision first = tell(g, file), now;
    write_bytes(g, file, 0, 1);
    assert_int_equal(revision_of(g, first.rev, &now), 0);
    assert_int_equal(now.state, REVISION_WITHDRAWN);
    assert_false(wants(g));
    expect_queued(g, OUTBOUND_WITHDRAW, &first);
    seal(g, file); /* the next one has an id of its own */
    work(g);
    struct revision second = expect_revision(g, file, REVISION_QUEUED);
    assert_memory_not_equal(first.rev, second.rev, REV_BYTES);
    decide(g, &first, PEER_WITHDRAWN, "");
    assert_int_equal(revision_of(g, first.rev, &now), STORE_ERR_NOT_FOUND);
    expect_queued(g, OUTBOUND_OFFER, &second);
    expect_silence(g);
}

/* Some pieces are out, the rest is not. */
static void test_unseal_half_said(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 40000);
    seal(g, file);
    struct revision r = expect_revision(g, file, REVISION_QUEUED);
    struct turn *t = rig_turn(g->r);
    r.number = 1;
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    set_mode(g, file, 0600);
    expect_queued(g, OUTBOUND_WITHDRAW, &r); /* and no pieces before it */
    expect_silence(g);
}

/* ---- decisions ---- */

/* A revision that is said again, to a peer that remembers its decision: what waits to be said goes
 * with it. It would be of a revision that is gone, and nothing behind it could ever be said. */
static void test_decided_while_queued(void **state)
{
    struct erig *g = *state;
    static const enum peer_verdict verdicts[] = {PEER_TAKEN, PEER_REFUSED_NOW, PEER_REFUSED_EVER};
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        char name[8];
        snprintf(name, sizeof name, "f%zu", i);
        uint64_t file = make_file(g, g->outbox, name, 40000);
        seal(g, file);
        struct revision r = expect_revision(g, file, REVISION_QUEUED);
        decide(g, &r, verdicts[i], name);
        expect_silence(g);
    }
}

static void test_taken(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    seal(g, zoo);
    work(g);
    struct revision r = tell(g, zoo);
    decide(g, &r, PEER_TAKEN, "zoo.2");
    expect_gone(g, &r);
    assert_int_equal(rig_lookup(g->r, g->outbox, "zoo"), 0);
    assert_int_equal(g->changes[CHANGE_ENTRY_GONE], 1);
    assert_int_equal(g->changed_ino, zoo);
    assert_string_equal(g->changed_name.text, "zoo");
    decide(g, &r, PEER_TAKEN, "zoo.2"); /* said twice */
    assert_int_equal(g->changes[CHANGE_ENTRY_GONE], 1);
    assert_int_equal(rig_events(g->r, LOG_ENTRY_DELIVERED), 1);
    expect_silence(g);
}

static void test_taken_while_written(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    g->writing = file;
    decide(g, &r, PEER_TAKEN, "f");
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_SENT);
    assert_int_equal(rig_lookup(g->r, g->outbox, "f"), file);
    g->writing = 0;
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_idle(g->e, t, file), 0);
    commit(t);
    assert_int_equal(rig_lookup(g->r, g->outbox, "f"), 0);
    assert_int_equal(g->changes[CHANGE_ENTRY_GONE], 1);
}

/* The program stops before the last writer lets it go: it goes at the next start. */
static void test_leaves_after_restart(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    g->writing = file;
    decide(g, &r, PEER_TAKEN, "f");
    g->writing = 0;
    erig_restart(g);
    assert_int_equal(rig_lookup(g->r, g->outbox, "f"), 0);
}

static void test_written_after_taken(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    g->writing = file;
    decide(g, &r, PEER_TAKEN, "f");
    write_bytes(g, file, 0, 5);
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_OPEN);
    g->writing = 0;
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_idle(g->e, t, file), 0);
    commit(t);
    assert_int_equal(rig_lookup(g->r, g->outbox, "f"), file); /* there is something new in it */
    expect_silence(g);
}

static int check(struct erig *g, uint64_t entry)
{
    struct view *v;
    assert_int_equal(view_begin(g->r->store, &v), 0);
    int err = engine_entry_check(g->e, v, entry);
    view_end(v);
    return err;
}

static void test_keep_sent(void **state)
{
    struct erig *g = *state;
    g->options.keep_sent = true;
    erig_restart(g);
    uint64_t file = make_file(g, g->outbox, "f", 100 * KIB);
    seal(g, file);
    work(g);
    struct revision r = tell(g, file);
    decide(g, &r, PEER_TAKEN, "f");
    expect_gone(g, &r);
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_SENT);
    assert_int_equal(content_write(g->r->store, file, "x", 1, 0), STORE_ERR_READ_ONLY);
    assert_int_equal(check(g, file), STORE_ERR_READ_ONLY);
    struct entry entry = rig_entry(g->r, file);
    struct view *v;
    assert_int_equal(view_begin(g->r->store, &v), 0);
    assert_int_equal(engine_acked_bytes(g->e, v, &entry), 100 * KIB);
    view_end(v);
    assert_int_equal(rig_unlink(g->r, g->outbox, "f"), 0);
    expect_silence(g);
}

/* Opened for writing before it was taken: what is written then is not lost, but sent, too. */
static void test_keep_sent_written(void **state)
{
    struct erig *g = *state;
    g->options.keep_sent = true;
    erig_restart(g);
    uint64_t file = make_file(g, g->outbox, "f", 10);
    assert_int_equal(check(g, file), 0);
    seal(g, file);
    struct revision r = tell(g, file);
    assert_int_equal(check(g, file), 0);
    g->writing = file;
    decide(g, &r, PEER_TAKEN, "f");
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_SENT);
    write_bytes(g, file, 0, 5);
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_OPEN);
    g->writing = 0;
    expect_silence(g);
}

/* The peer had published it before our withdrawal came. */
static void test_taken_too_late(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    write_bytes(g, file, 5, 10);
    expect_queued(g, OUTBOUND_WITHDRAW, &r);
    decide(g, &r, PEER_TAKEN, "f");
    expect_gone(g, &r);
    assert_int_equal(rig_entry(g->r, file).state, ENTRY_OPEN);
    assert_int_equal(rig_lookup(g->r, g->outbox, "f"), file);
    assert_int_equal(rig_events(g->r, LOG_ENTRY_DELIVERED), 1);
    assert_int_equal(g->changes[CHANGE_ENTRY_GONE], 0);
}

/* ---- a new peer ---- */

static int restart(struct step *step, void *arg)
{
    (void)arg;
    return outbox_restart(step);
}

static void test_new_peer(void **state)
{
    struct erig *g = *state;
    uint64_t told = make_file(g, g->outbox, "told", 10),
             queued = make_file(g, g->outbox, "queued", 10),
             listed = make_file(g, g->outbox, "listed", 100 * KIB),
             changed = make_file(g, g->outbox, "changed", 10),
             preparing = make_file(g, g->outbox, "preparing", 100 * KIB),
             open = make_file(g, g->outbox, "open", 10);
    seal(g, told);
    tell(g, told);
    seal(g, changed);
    struct revision gone = tell(g, changed);
    set_mode(g, changed, 0600);
    seal(g, queued);
    seal(g, listed);
    work(g);
    seal(g, preparing);
    (void)open;
    struct turn *t = rig_turn(g->r);
    struct message m = {
        .wormhole = g->id, .number = 7, .body = (const uint8_t *)"x", .body_len = 1};
    assert_int_equal(message_add(t, &m), 0);
    commit(t);
    make_arrival(g, 9, 1000);
    assert_int_equal(step_alone(g->e, g->id, restart, NULL), 0);
    struct revision r = expect_revision(g, told, REVISION_QUEUED);
    assert_int_equal(r.number, 0);
    expect_queued(g, OUTBOUND_PIECES, &r);
    r = expect_revision(g, queued, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &r);
    r = expect_revision(g, listed, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
    work(g);
    r = expect_revision(g, preparing, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_OFFER, &r);
    expect_silence(g);
    assert_int_equal(revision_of(g, gone.rev, &r), STORE_ERR_NOT_FOUND);
    struct arrival a;
    assert_int_equal(get_arrival(g, 9, &a), STORE_ERR_NOT_FOUND);
    struct message_sum sum;
    struct view *v = rig_view(g->r);
    assert_int_equal(message_sum(v, g->id, &sum), 0);
    view_end(v);
    assert_int_equal(sum.count, 0);
}

/* ---- a store that went back ---- */

static int repeat(struct step *step, void *arg)
{
    (void)arg;
    return outbox_repeat(step);
}

static void test_what_is_undecided_is_said_again(void **state)
{
    struct erig *g = *state;
    uint64_t told = make_file(g, g->outbox, "told", 10),
             changed = make_file(g, g->outbox, "changed", 10),
             half = make_file(g, g->outbox, "half", 40 * KIB),
             queued = make_file(g, g->outbox, "queued", 10),
             refused = make_file(g, g->outbox, "refused", 10);
    seal(g, refused);
    struct revision r = tell(g, refused), withdrawn;
    decide(g, &r, PEER_REFUSED_NOW, "no room");
    seal(g, told);
    tell(g, told);
    seal(g, changed);
    withdrawn = tell(g, changed);
    set_mode(g, changed, 0600);
    expect_queued(g, OUTBOUND_WITHDRAW, &withdrawn); /* it was said */
    seal(g, half);
    r = expect_revision(g, half, REVISION_QUEUED);
    r.number = 1; /* a piece of it was said, and the next one is queued */
    struct turn *t = rig_turn(g->r);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    seal(g, queued);
    assert_int_equal(step_alone(g->e, g->id, repeat, NULL), 0);
    r = expect_revision(g, queued, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &r);
    for (int i = 0; i < 3; i++) { /* the others in the order of their random numbers */
        struct queued q;
        assert_true(pop_queued(g, &q));
        assert_int_not_equal(memcmp(q.op.rev, r.rev, REV_BYTES), 0);
        bool back = memcmp(q.op.rev, withdrawn.rev, REV_BYTES) == 0;
        assert_int_equal(q.op.kind, back ? OUTBOUND_WITHDRAW : OUTBOUND_PIECES);
        assert_memory_equal(q.detail, "\0\0\0\0\0\0\0\0", q.op.detail_len);
    }
    expect_silence(g);
    assert_int_equal(expect_revision(g, told, REVISION_QUEUED).number, 0);
    assert_int_equal(expect_revision(g, half, REVISION_QUEUED).number, 0);
    expect_revision(g, refused, REVISION_REFUSED);
}

/* In a future that was lost with the store it was withdrawn. */
static void test_the_peer_knows_it_as_withdrawn(void **state)
{
    struct erig *g = *state;
    uint64_t small = make_file(g, g->outbox, "small", 10),
             large = make_file(g, g->outbox, "large", 100 * KIB);
    seal(g, small);
    struct revision r = tell(g, small), now;
    decide(g, &r, PEER_WITHDRAWN, "");
    assert_int_equal(revision_of(g, r.rev, &now), STORE_ERR_NOT_FOUND);
    now = expect_revision(g, small, REVISION_QUEUED);
    assert_memory_not_equal(now.rev, r.rev, REV_BYTES);
    expect_queued(g, OUTBOUND_PIECES, &now);
    seal(g, large);
    work(g);
    r = tell(g, large);
    decide(g, &r, PEER_WITHDRAWN, "");
    work(g);
    now = expect_revision(g, large, REVISION_QUEUED);
    assert_memory_not_equal(now.rev, r.rev, REV_BYTES);
    expect_queued(g, OUTBOUND_OFFER, &now);
    expect_silence(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_seal_small),
        erig_test(test_seal_large),
        erig_test(test_listed_and_not_synced),
        erig_test(test_told_by_bulk),
        erig_test(test_list_after_restart),
        erig_test(test_end_before_listing),
        erig_test(test_cannot_be_listed),
        erig_test(test_listed_later),
        erig_test(test_unseal_unsaid),
        erig_test(test_unseal_told),
        erig_test(test_unseal_half_said),
        erig_test(test_decided_while_queued),
        erig_test(test_taken),
        erig_test(test_taken_while_written),
        erig_test(test_leaves_after_restart),
        erig_test(test_written_after_taken),
        erig_test(test_keep_sent),
        erig_test(test_keep_sent_written),
        erig_test(test_taken_too_late),
        erig_test(test_new_peer),
        erig_test(test_what_is_undecided_is_said_again),
        erig_test(test_the_peer_knows_it_as_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
