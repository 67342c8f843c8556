/* When a session and what comes to it do not agree: two sessions of one wormhole at once, a peer
 * whose order is not ours, a peer that does not send what we want. */
#include "session_rig.h"

#include "fs/engine/step.h"

static void begin(struct erig *g, size_t bytes, uint8_t arrivals)
{
    send_entry(g, make_file(g, g->outbox, "f", bytes));
    for (uint8_t n = 1; n <= arrivals; n++)
        make_arrival(g, n, parcel.len);
}

static void send_all(struct line *l, uint8_t n, uint64_t offset)
{
    for (uint64_t at = offset; at < parcel.len; at += CHUNK)
        send_data(l, n, at, CHUNK);
}

static bool is_there(struct erig *g, uint8_t n)
{
    struct arrival a;
    return get_arrival(g, n, &a) == 0;
}

/* Another intake of the same arrival takes `len` bytes of it, as a session does whose end is not
 * noticed yet. */
static uint64_t take_elsewhere(struct erig *g, uint8_t n, size_t len)
{
    struct arrival a;
    struct intake *in;
    uint64_t durable;
    assert_int_equal(get_arrival(g, n, &a), 0);
    assert_int_equal(intake_open(&in, g->e, &a), 0);
    take_in(in, len);
    assert_int_equal(intake_sync(in, &durable), 0);
    intake_close(in);
    return durable;
}

static void ping(struct line *l)
{
    uint8_t frame[BULK_CONTROL_MAX];
    put(l, frame, bulk_seal_control(&l->tx, frame, BULK_PING, NULL, 0));
}

static bool ends(struct line *l)
{
    for (int i = 0; i < 8; i++)
        if (!step(l))
            return true;
    return false;
}

/* ---- two at once ---- */

static int wakes(struct step *step, void *arg)
{
    (void)arg;
    session_wake(step);
    return 0;
}

/* The end of the old one is noticed late: the new one is still there, and hears of new arrivals. */
static void test_end_of_the_old(void **state)
{
    struct erig *g = *state;
    struct engine_status s;
    begin(g, 300 * KIB, 0);
    struct line *old = line_open(g), *l = line_open(g);
    assert_false(hear(l));
    line_close(old);
    engine_status(g->e, g->id, &s);
    assert_true(s.here_now);
    make_arrival(g, 1, parcel.len);
    assert_int_equal(step_alone(g->e, g->id, wakes, NULL), 0);
    expect(l, BULK_WANT, 1, 0);
    line_close(l);
    engine_status(g->e, g->id, &s);
    assert_false(s.here_now);
}

/* The old one takes nothing more, and does not move what the new one goes on from. */
static void test_only_the_new_goes_on(void **state)
{
    struct erig *g = *state;
    struct arrival a, later;
    begin(g, 1000 * KIB, 2);
    struct line *old = line_open(g);
    expect(old, BULK_WANT, 1, 0);
    expect(old, BULK_WANT, 2, 0);
    send_data(old, 1, 0, CHUNK);
    send_data(old, 1, CHUNK, CHUNK);
    settle(old);
    assert_int_equal(get_arrival(g, 1, &a), 0);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, a.durable);
    expect(l, BULK_WANT, 2, 0);
    send_data(l, 1, a.durable, CHUNK);
    settle(l);
    assert_false(step(old));
    line_close(old);
    assert_int_equal(get_arrival(g, 1, &later), 0);
    assert_int_equal(later.durable, a.durable);
    g->now_ms += 2 * SECOND_MS;
    send_data(l, 1, a.durable + CHUNK, CHUNK);
    expect(l, BULK_DURABLE, 1, a.durable + 2 * CHUNK);
    send_all(l, 1, a.durable + 2 * CHUNK);
    send_all(l, 2, 0);
    expect(l, BULK_DURABLE, 1, parcel.len);
    expect(l, BULK_DURABLE, 2, parcel.len);
    assert_false(is_there(g, 1) || is_there(g, 2));
    line_close(l);
}

/* The old one was just making durable what it had: the new one cannot go on from where it began,
 * and leaves it to the next. */
static void test_the_old_was_faster(void **state)
{
    struct erig *g = *state;
    begin(g, 1000 * KIB, 1);
    uint64_t at = take_elsewhere(g, 1, 2 * CHUNK);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, at);
    assert_false(hear(l));
    struct arrival a;
    assert_int_equal(get_arrival(g, 1, &a), 0);
    struct turn *t = rig_turn(g->r);
    a.durable += CHUNK;
    assert_int_equal(arrival_put(t, &a), 0);
    commit(t);
    g->now_ms += 2 * SECOND_MS;
    send_data(l, 1, at, CHUNK);
    assert_true(ends(l));
    line_close(l);
    l = line_open(g);
    expect(l, BULK_WANT, 1, a.durable);
    line_close(l);
}

/* It is wanted from where it is now; what was on its way, and what comes twice, cut differently,
 * does no harm. */
static void test_moved_before_its_turn(void **state)
{
    struct erig *g = *state;
    begin(g, 1000 * KIB, 2);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    expect(l, BULK_WANT, 2, 0);
    uint64_t at = take_elsewhere(g, 2, 2 * CHUNK);
    send_all(l, 1, 0);
    for (uint64_t from = 0; from < 5 * CHUNK; from += CHUNK)
        send_data(l, 2, from, CHUNK);
    expect(l, BULK_DURABLE, 1, parcel.len);
    expect(l, BULK_WANT, 2, at);
    for (uint64_t from = at; from < parcel.len; from += 2 * CHUNK)
        send_data(l, 2, from, 2 * CHUNK);
    expect(l, BULK_DURABLE, 2, parcel.len);
    assert_false(hear(l));
    assert_false(is_there(g, 2));
    expect_decision(g, 1, PEER_TAKEN, "arrived");
    expect_decision(g, 2, PEER_TAKEN, "arrived.2");
    expect_silence(g);
    line_close(l);
}

/* ---- another order ---- */

/* What is damaged here begins again, behind what the peer is sending by then. */
static void test_begins_again_behind_another(void **state)
{
    struct erig *g = *state;
    struct arrival a;
    begin(g, 300 * KIB, 3);
    uint64_t at = take_elsewhere(g, 2, 2 * CHUNK);
    assert_int_equal(get_arrival(g, 2, &a), 0);
    assert_int_equal(content_write(g->r->store, a.manifest, "\377\377", 2, 0), 0);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    expect(l, BULK_WANT, 2, at);
    expect(l, BULK_WANT, 3, 0);
    send_all(l, 1, 0);
    send_all(l, 2, at);
    send_all(l, 3, 0);
    expect(l, BULK_DURABLE, 1, parcel.len);
    expect(l, BULK_WANT, 2, 0);
    assert_false(hear(l));
    send_all(l, 2, 0);
    expect(l, BULK_DURABLE, 2, parcel.len);
    expect(l, BULK_WANT, 3, 0);
    assert_false(hear(l)); /* once */
    send_all(l, 3, 0);
    expect(l, BULK_DURABLE, 3, parcel.len);
    assert_false(hear(l));
    expect_decision(g, 1, PEER_TAKEN, "arrived");
    expect_decision(g, 2, PEER_TAKEN, "arrived.2");
    expect_decision(g, 3, PEER_TAKEN, "arrived.3");
    expect_silence(g);
    line_close(l);
}

/* All in the reverse order, each sent as often as it is wanted: all of them come, once. */
static void test_reverse_order(void **state)
{
    struct erig *g = *state;
    enum { N = 4 };
    begin(g, 300 * KIB, N);
    struct line *l = line_open(g);
    for (uint8_t n = 1; n <= N; n++)
        expect(l, BULK_WANT, n, 0);
    for (uint8_t n = N; n > 0; n--)
        send_all(l, n, 0);
    unsigned wants = 0;
    while (hear(l)) {
        if (l->got.kind != BULK_WANT)
            continue;
        wants++;
        send_all(l, l->got.revision[0], l->got.offset);
    }
    assert_int_equal(wants, N - 1);
    for (uint8_t n = 1; n <= N; n++)
        assert_false(is_there(g, n));
    line_close(l);
}

/* ---- no answer ---- */

/* Alive, but nothing comes of what we want: given up after a while, for the next connection. */
static void test_unanswered(void **state)
{
    struct erig *g = *state;
    begin(g, 1000 * KIB, 1);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    int64_t begun_ms = g->now_ms;
    do {
        g->now_ms += 10 * SECOND_MS;
        ping(l);
    } while (g->now_ms - begun_ms < 3600 * SECOND_MS && step(l));
    assert_in_range(g->now_ms - begun_ms, 120 * SECOND_MS, 600 * SECOND_MS);
    line_close(l);
}

/* A line so slow that a frame takes longer than that. */
static void test_slow_is_no_silence(void **state)
{
    static uint8_t frame[BULK_FRAME_MAX];
    struct erig *g = *state;
    uint8_t rev[REV_BYTES];
    begin(g, 1000 * KIB, 1);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    make_rev(rev, 1);
    memcpy(frame + BULK_DATA_AT, parcel.data, 200 * KIB);
    size_t len = bulk_seal_data(&l->tx, frame, rev, 0, 200 * KIB), some = 2 * KIB;
    for (size_t at = 0; at < len; at += some) {
        g->now_ms += 10 * SECOND_MS;
        put(l, frame + at, len - at < some ? len - at : some);
        assert_true(step(l));
        while (hear(l))
            assert_int_equal(l->got.kind, BULK_PING);
    }
    send_all(l, 1, 200 * KIB);
    while (hear(l))
        ;
    assert_false(is_there(g, 1));
    line_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_end_of_the_old),
        erig_test(test_only_the_new_goes_on),
        erig_test(test_the_old_was_faster),
        erig_test(test_moved_before_its_turn),
        erig_test(test_begins_again_behind_another),
        erig_test(test_reverse_order),
        erig_test(test_unanswered),
        erig_test(test_slow_is_no_silence),
    };
    return cmocka_run_group_tests(tests, NULL, release_parcel);
}
