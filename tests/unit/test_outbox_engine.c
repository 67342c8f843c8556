/* From sealed entry to the peer's decision, with an engine that has no peer: what is queued, taken
 * back, refused, offered again and done with. Saying it is tested where there is a peer
 * (test_engine). */
#include "engine_rig.h"

#include "fs/engine/jobs.h"

enum { KIB = 1024, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static void seal(struct erig *g, uint64_t entry)
{
    assert_int_equal(engine_entry_prepare(g->e, entry), 0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_seal(g->e, t, entry), 0);
    commit(t);
}

static int revision_of(struct erig *g, const uint8_t rev[static REV_BYTES], struct revision *r)
{
    struct view *v = rig_view(g->r);
    int err = revision_get(v, rev, r);
    view_end(v);
    return err;
}

/* The revision of a sealed entry, in this state. */
static struct revision expect_revision(struct erig *g, uint64_t entry, enum revision_state state)
{
    struct entry e = rig_entry(g->r, entry);
    struct revision r;
    assert_int_equal(e.state, ENTRY_SEALED);
    assert_int_equal(revision_of(g, e.rev, &r), 0);
    assert_int_equal(r.ino, entry);
    assert_int_equal(r.wormhole, g->id);
    assert_int_equal(r.state, state);
    return r;
}

static void expect_gone(struct erig *g, const struct revision *r)
{
    struct revision now;
    assert_int_equal(revision_of(g, r->rev, &now), STORE_ERR_NOT_FOUND);
    assert_int_equal(erig_staged(g), 0);
}

static void expect_queued(struct erig *g, enum outbound_kind kind, const struct revision *r)
{
    struct queued q;
    assert_true(pop_queued(g, &q));
    assert_int_equal(q.op.kind, kind);
    assert_memory_equal(q.op.rev, r->rev, REV_BYTES);
    if (kind == OUTBOUND_PIECES) {
        assert_int_equal(q.op.detail_len, 8);
        assert_memory_equal(q.detail, "\0\0\0\0\0\0\0\0", 8);
    }
}

static void work(struct erig *g)
{
    while (engine_work(g->e))
        ;
}

/* As if it had been said: the operation is in a message now. */
static struct revision tell(struct erig *g, uint64_t entry)
{
    struct revision r = expect_revision(g, entry, REVISION_QUEUED);
    struct queued q;
    assert_true(pop_queued(g, &q));
    struct turn *t = rig_turn(g->r);
    r.state = REVISION_TOLD;
    assert_int_equal(revision_put(t, &r), 0);
    assert_int_equal(entry_offered(t, entry), 0);
    commit(t);
    return r;
}

struct verdict {
    const struct revision *r;
    enum peer_verdict verdict;
    const char *text;
};

static int take_verdict(struct step *step, void *arg)
{
    const struct verdict *v = arg;
    return outbox_decided(step, v->r->rev, (int)v->verdict, v->text, strlen(v->text));
}

static void decide(struct erig *g, const struct revision *r, enum peer_verdict verdict,
                   const char *text)
{
    assert_int_equal(step_alone(g->e, g->id, take_verdict, &(struct verdict){r, verdict, text}), 0);
}

static bool wants(struct erig *g)
{
    bool want;
    struct view *v = rig_view(g->r);
    assert_int_equal(outbox_wants_bulk(v, g->id, &want), 0);
    view_end(v);
    return want;
}

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

/* What no manifest can hold is held, and says why. */
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

/* What waits for a sync that never comes knows the engine's slots: it must not outlive them. */
static void test_end_with_a_broken_journal(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 1000);
    assert_int_equal(engine_entry_prepare(g->e, file), 0);
    rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", 1, 1000000, -EIO);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_seal(g->e, t, file), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    engine_close(g->e);
    rig_close(g->r);
    rig_heal(g->r);
    assert_int_equal(rig_open(g->r), 0);
    erig_open(g);
    assert_int_equal(engine_start(g->e), 0);
}

static void hear(struct erig *g, const char *text)
{
    engine_link_received(g->e, g->id, LINK_CODE, text, strlen(text));
}

/* The wormhole is removed, and what is said of that waits for a sync; meanwhile the connection may
 * be lost, and the next one be up. */
static void say_late(struct erig *g, bool lost)
{
    engine_link_up(g->e, g->id, LINK_CODE);
    hear(g, "{\"type\":\"welcome\",\"welcome\":{}}");
    hear(g, "{\"type\":\"allocated\",\"nameplate\":\"4\"}");
    hear(g, "{\"type\":\"claimed\",\"mailbox\":\"mb\"}");
    hear(g, "{\"type\":\"pong\",\"pong\":1}");
    g->said[0] = '\0';
    rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", 1, 1000000, -EIO);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_remove(g->e, t, g->id), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    assert_string_equal(g->said, "");
    rig_heal(g->r);
    if (lost) {
        engine_link_down(g->e, g->id, LINK_CODE);
        engine_link_up(g->e, g->id, LINK_CODE);
    }
    assert_int_equal(store_sync(g->r->store), 0);
}

static void test_what_was_kept_back_is_said(void **state)
{
    struct erig *g = *state;
    say_late(g, false);
    assert_non_null(strstr(g->said, "\"release\""));
}

static void test_what_was_kept_back_is_not_said_on_another_connection(void **state)
{
    struct erig *g = *state;
    say_late(g, true);
    assert_string_equal(g->said, "");
}

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

/* ---- refused ---- */

static void test_refused_now(void **state)
{
    struct erig *g = *state;
    uint64_t small = make_file(g, g->outbox, "small", 10),
             large = make_file(g, g->outbox, "large", 100 * KIB);
    seal(g, small);
    struct revision a = tell(g, small);
    seal(g, large);
    work(g);
    struct revision b = tell(g, large);
    decide(g, &a, PEER_REFUSED_NOW, "no room\n");
    assert_string_equal(rig_entry(g->r, small).error, "no room%0A");
    assert_string_equal(rig_entry(g->r, small).held, "");
    g->now_ms += MINUTE_MS / 2;
    decide(g, &b, PEER_REFUSED_NOW, "no room");
    expect_revision(g, small, REVISION_REFUSED);
    assert_false(wants(g));
    g->now_ms += MINUTE_MS / 2 - 1;
    engine_tick(g->e, g->now_ms);
    expect_silence(g);
    g->now_ms += 1;
    engine_tick(g->e, g->now_ms);
    a = expect_revision(g, small, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &a);
    expect_silence(g);
    erig_restart(g);
    g->now_ms += MINUTE_MS / 2;
    engine_tick(g->e, g->now_ms);
    b = expect_revision(g, large, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_OFFER, &b);
    expect_silence(g);
}

/* A small file that was told, and refused for now. */
static struct revision refused_file(struct erig *g, uint64_t *file)
{
    *file = make_file(g, g->outbox, "f", 10);
    seal(g, *file);
    struct revision r = tell(g, *file);
    decide(g, &r, PEER_REFUSED_NOW, "no room");
    return r;
}

/* The disk fails when it is time: it is offered once the disk works again, without a restart. */
static void test_refused_and_not_committed(void **state)
{
    struct erig *g = *state;
    uint64_t file;
    struct revision r = refused_file(g, &file);
    g->now_ms += MINUTE_MS;
    rig_fail(g->r, OPS(IO_WRITE), NULL, 1, 1000, -EIO);
    engine_tick(g->e, g->now_ms);
    rig_heal(g->r);
    expect_revision(g, file, REVISION_REFUSED);
    for (int i = 0; i < 3; i++) {
        g->now_ms += MINUTE_MS;
        engine_tick(g->e, g->now_ms);
    }
    r = expect_revision(g, file, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &r);
    expect_silence(g);
}

/* Again and again, ever more rarely, but never less than once an hour. */
static void test_refused_for_long(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    unsigned offers = 0;
    for (int64_t end_ms = g->now_ms + 24 * HOUR_MS; g->now_ms < end_ms; offers++) {
        int64_t asked_ms = g->now_ms;
        decide(g, &r, PEER_REFUSED_NOW, "no room");
        do {
            g->now_ms += MINUTE_MS;
            engine_tick(g->e, g->now_ms);
            assert_int_equal(revision_of(g, r.rev, &r), 0);
        } while (r.state == REVISION_REFUSED);
        assert_true(g->now_ms - asked_ms <= HOUR_MS + MINUTE_MS);
        r = tell(g, file);
    }
    assert_in_range(offers, 24, 48);
}

static void test_refused_and_changed(void **state)
{
    struct erig *g = *state;
    uint64_t file;
    struct revision r = refused_file(g, &file);
    set_mode(g, file, 0600);
    expect_queued(g, OUTBOUND_WITHDRAW, &r);
    decide(g, &r, PEER_REFUSED_NOW, "no room"); /* crosses: the withdrawal is the end of it */
    expect_gone(g, &r);
    assert_string_equal(rig_entry(g->r, file).error, "");
    g->now_ms += 2 * HOUR_MS;
    engine_tick(g->e, g->now_ms);
    expect_silence(g);
}

/* The clock was a year ahead, and is set right, while we look or not: what was due in a minute (an
 * offer, a listing that failed) is due within the hour. */
static void test_set_back(void **state)
{
    struct erig *g = *state;
    for (int restarts = 0; restarts < 2; restarts++) {
        uint64_t small, large = make_file(g, g->outbox, "large", 100 * KIB);
        struct revision r = refused_file(g, &small);
        seal(g, large);
        rig_fail(g->r, OPS(IO_READ) | OPS(IO_SEEK), "spool/", 1, 100, -EIO);
        work(g);
        rig_heal(g->r);
        engine_tick(g->e, g->now_ms);
        const int64_t until_ms = (g->now_ms -= INT64_C(365) * 24 * HOUR_MS) + HOUR_MS;
        if (restarts > 0)
            erig_restart(g);
        for (int64_t next_ms; (next_ms = engine_tick(g->e, g->now_ms)) <= until_ms; work(g))
            g->now_ms = next_ms;
        expect_revision(g, large, REVISION_QUEUED);
        expect_revision(g, small, REVISION_QUEUED);
        assert_int_equal(rig_unlink(g->r, g->outbox, "large"), 0);
        expect_queued(g, OUTBOUND_PIECES, &r);
        assert_int_equal(rig_unlink(g->r, g->outbox, "f"), 0);
    }
}

static int give_up(struct step *step, void *arg)
{
    return outbox_unreadable(step, arg);
}

static void test_refused_for_ever(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 10);
    seal(g, file);
    struct revision r = tell(g, file);
    decide(g, &r, PEER_REFUSED_EVER, "malformed");
    assert_string_equal(rig_entry(g->r, file).held, "malformed");
    g->now_ms += 1000 * (int64_t)HOUR_MS;
    engine_tick(g->e, g->now_ms);
    erig_restart(g);
    expect_silence(g);
    expect_revision(g, file, REVISION_REFUSED);
    write_bytes(g, file, 0, 1); /* another revision may be better */
    assert_string_equal(rig_entry(g->r, file).held, "");
    expect_queued(g, OUTBOUND_WITHDRAW, &r);
    seal(g, file);
    r = expect_revision(g, file, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &r);
}

/* A small one of which the journal does not have the bytes any more. */
static void test_small_and_damaged(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 40000);
    seal(g, file);
    struct revision r = expect_revision(g, file, REVISION_QUEUED);
    assert_int_equal(step_alone(g->e, g->id, give_up, r.rev), 0);
    expect_gone(g, &r); /* nothing was said of it: the peer need not know */
    expect_silence(g);
    assert_non_null(strstr(rig_entry(g->r, file).held, "cannot be read"));
    assert_int_equal(step_alone(g->e, g->id, give_up, r.rev), 0);
    write_bytes(g, file, 0, 1);
    assert_string_equal(rig_entry(g->r, file).held, "");
    seal(g, file);
    r = expect_revision(g, file, REVISION_QUEUED);
    expect_queued(g, OUTBOUND_PIECES, &r);
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

static int push_long(struct step *step, void *arg)
{
    static const char reason[PEER_REASON_MAX + 100] = "a";
    return outbox_push_decision(step, arg, PEER_REFUSED_NOW, reason, sizeof reason);
}

static void test_long_reason(void **state)
{
    struct erig *g = *state;
    struct queued q;
    uint8_t rev[REV_BYTES];
    make_rev(rev, 3);
    assert_int_equal(step_alone(g->e, g->id, push_long, rev), 0);
    assert_true(pop_queued(g, &q));
    assert_int_equal(q.op.detail_len, 1 + PEER_REASON_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_seal_small),
        erig_test(test_seal_large),
        erig_test(test_told_by_bulk),
        erig_test(test_list_after_restart),
        erig_test(test_end_before_listing),
        erig_test(test_end_with_a_broken_journal),
        erig_test(test_what_was_kept_back_is_said),
        erig_test(test_what_was_kept_back_is_not_said_on_another_connection),
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
        erig_test(test_refused_now),
        erig_test(test_refused_and_not_committed),
        erig_test(test_refused_for_long),
        erig_test(test_refused_and_changed),
        erig_test(test_set_back),
        erig_test(test_refused_for_ever),
        erig_test(test_small_and_damaged),
        erig_test(test_new_peer),
        erig_test(test_what_is_undecided_is_said_again),
        erig_test(test_the_peer_knows_it_as_withdrawn),
        erig_test(test_long_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
