/* What the peer refuses: for now, and when it is offered again; for ever; and in which words. */
#include "outbox_rig.h"

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

/* A peer may say it as often as it likes: the log has it once. */
static void test_refused_without_end(void **state)
{
    struct erig *g = *state;
    uint64_t file;
    struct revision r = refused_file(g, &file);
    for (int i = 0; i < 100; i++)
        decide(g, &r, PEER_REFUSED_NOW, i % 2 ? "no room" : "still none");
    assert_int_equal(rig_events(g->r, LOG_ENTRY_REFUSED), 1);
    for (int i = 0; i < 100; i++)
        decide(g, &r, i % 2 ? PEER_REFUSED_EVER : PEER_REFUSED_NOW, "malformed");
    assert_int_equal(rig_events(g->r, LOG_ENTRY_REFUSED), 2);
    assert_string_equal(rig_entry(g->r, file).held, "malformed");
    decide(g, &r, PEER_TAKEN, "f");
    expect_gone(g, &r);
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
        erig_test(test_refused_now),         erig_test(test_refused_and_not_committed),
        erig_test(test_refused_for_long),    erig_test(test_refused_without_end),
        erig_test(test_refused_and_changed), erig_test(test_set_back),
        erig_test(test_refused_for_ever),    erig_test(test_small_and_damaged),
        erig_test(test_long_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
