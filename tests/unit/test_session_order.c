/* When a session and what comes to it do not agree: two sessions of one wormhole at once. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_end_of_the_old),
        erig_test(test_only_the_new_goes_on),
        erig_test(test_the_old_was_faster),
    };
    return cmocka_run_group_tests(tests, NULL, release_parcel);
}
