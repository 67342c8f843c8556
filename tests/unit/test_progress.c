/* What is shown while a transfer of ours runs. */
#include "engine_rig.h"

#include "fs/engine/progress.h"
#include "tests/sim/pipe.h"

static struct stream *line, *next; /* two connections, one after the other */

static struct engine_status status(struct erig *g)
{
    struct engine_status s;
    engine_status(g->e, g->id, &s);
    return s;
}

static const uint8_t *rev(uint8_t n)
{
    static uint8_t made[REV_BYTES];
    make_rev(made, n);
    return made;
}

static void test_nothing_runs(void **state)
{
    struct erig *g = *state;
    struct engine_status s = status(g);
    assert_false(s.sending || s.here_now || s.connected);
    assert_int_equal(s.last_heard_ms, 0);
    assert_string_equal(s.trouble, "");
    assert_int_equal(acked_bytes(g, 1, 10000), 0);
    /* Of a wormhole that is not there: nothing, and no harm. */
    memset(&s, 0xee, sizeof s);
    engine_status(g->e, 999999, &s);
    assert_false(s.sending || s.here_now || s.connected);
    progress_begin(g->e, 999999, line, rev(1), "x", 10, 0);
    progress_is(g->e, 999999, line, 5);
    progress_end(g->e, 999999, line);
    progress_acked(g->e, 999999, line, rev(1), 5);
    progress_record(g->e, 999999);
    progress_forget(g->e, 999999);
    progress_here(g->e, 999999, line);
    assert_int_equal(acked_bytes(g, 1, 10), 0);
}

static void test_transfer(void **state)
{
    struct erig *g = *state;
    progress_here(g->e, g->id, line);
    unsigned told = g->changes[CHANGE_STATE];
    progress_begin(g->e, g->id, line, NULL, "big.iso", 10000, 400);
    assert_int_equal(g->changes[CHANGE_STATE], told + 1);
    struct engine_status s = status(g);
    assert_true(s.sending);
    assert_string_equal(s.sending_name, "big.iso");
    assert_int_equal(s.sending_size, 10000);
    assert_int_equal(s.sending_done, 400);
    assert_true(s.bytes_per_s == 0);
    g->now_ms += 999; /* not yet a second: known, but nobody is woken */
    progress_is(g->e, g->id, line, 1000);
    assert_int_equal(g->changes[CHANGE_STATE], told + 1);
    assert_int_equal(status(g).sending_done, 1000);
    g->now_ms += 1001;
    progress_is(g->e, g->id, line, 4400);
    assert_int_equal(g->changes[CHANGE_STATE], told + 2);
    assert_true(status(g).bytes_per_s == 2000.0);
    g->now_ms += 1000;
    progress_is(g->e, g->id, line, 4500);
    assert_true(status(g).bytes_per_s == 100.0);
    progress_end(g->e, g->id, line);
    assert_int_equal(g->changes[CHANGE_STATE], told + 4);
    assert_false(status(g).sending);
    progress_is(g->e, g->id, line, 9999); /* a late word of it */
    assert_int_equal(status(g).sending_done, 4500);
    assert_int_equal(g->changes[CHANGE_STATE], told + 4);
}

/* Before a second is full there is a rate, too: that of what has passed of it. */
static void test_first_rate(void **state)
{
    struct erig *g = *state;
    progress_here(g->e, g->id, line);
    progress_begin(g->e, g->id, line, NULL, "f", 1000000, 1000);
    progress_is(g->e, g->id, line, 2000); /* in no time */
    assert_true(status(g).bytes_per_s == 0);
    g->now_ms += 100;
    progress_is(g->e, g->id, line, 51000);
    assert_true(status(g).bytes_per_s == 500000.0);
    g->now_ms += 400;
    progress_is(g->e, g->id, line, 101000);
    assert_true(status(g).bytes_per_s == 200000.0);
    g->now_ms += 500;
    progress_is(g->e, g->id, line, 201000);
    assert_true(status(g).bytes_per_s == 200000.0);
    g->now_ms += 500; /* the second window is not full yet */
    progress_is(g->e, g->id, line, 900000);
    assert_true(status(g).bytes_per_s == 200000.0);
}

/* What the peer has of a revision is known after the next one began, after the connection, and
 * after the daemon. */
static void test_acked_bytes(void **state)
{
    struct erig *g = *state;
    make_revision(g, 77, 1);
    make_revision(g, 78, 2);
    progress_here(g->e, g->id, line);
    progress_begin(g->e, g->id, line, rev(1), "f", 10000, 400);
    assert_int_equal(acked_bytes(g, 1, 10000), 400);
    progress_acked(g->e, g->id, line, rev(1), 1000);
    progress_acked(g->e, g->id, line, rev(2), 1000); /* it never began */
    progress_end(g->e, g->id, line);
    progress_begin(g->e, g->id, line, rev(2), "g", 10000, 0);
    progress_acked(g->e, g->id, line, rev(1), 2000);
    progress_acked(g->e, g->id, line, rev(2), 3000);
    progress_acked(g->e, g->id, next, rev(2), 3001); /* of no connection of ours */
    progress_gone(g->e, g->id, line);
    progress_record(g->e, g->id);
    for (int run = 0; run < 2; run++) {
        assert_int_equal(acked_bytes(g, 1, 10000), 2000);
        assert_int_equal(acked_bytes(g, 2, 10000), 3000);
        assert_int_equal(acked_bytes(g, 2, 2999), 2999); /* a parcel is larger than its entry */
        assert_int_equal(acked_bytes(g, 3, 10000), 0);
        if (run == 0)
            erig_restart(g);
    }
    progress_forget(g->e, g->id);
    assert_int_equal(acked_bytes(g, 1, 10000), 2000); /* by the store */
}

/* The ring holds the newest; a revision has one place in it. */
static void test_acked_of_many(void **state)
{
    struct erig *g = *state;
    progress_here(g->e, g->id, line);
    for (uint8_t n = 1; n <= PROGRESS_ACKED_MAX + 1; n++) {
        progress_begin(g->e, g->id, line, rev(n), "f", 10000, n);
        progress_begin(g->e, g->id, line, rev(n), "f", 10000, n + 100);
    }
    assert_int_equal(acked_bytes(g, 1, 10000), 0);
    for (uint8_t n = 2; n <= PROGRESS_ACKED_MAX + 1; n++)
        assert_int_equal(acked_bytes(g, n, 10000), n + 100);
    progress_forget(g->e, g->id);
    assert_int_equal(acked_bytes(g, 2, 10000), 0);
}

/* The peer's offset, or the clock, goes back: no rate can be negative. */
static void test_backwards(void **state)
{
    struct erig *g = *state;
    progress_here(g->e, g->id, line);
    progress_begin(g->e, g->id, line, NULL, "f", 10000, 5000);
    g->now_ms += 2000;
    progress_is(g->e, g->id, line, 1000);
    assert_true(status(g).bytes_per_s == 0);
    assert_int_equal(status(g).sending_done, 1000);
    g->now_ms += 2000;
    progress_is(g->e, g->id, line, 3000);
    assert_true(status(g).bytes_per_s == 1000.0);
    g->now_ms -= 100000;
    progress_is(g->e, g->id, line, 4000);
    assert_true(status(g).bytes_per_s == 1000.0);
    g->now_ms += 1000;
    progress_is(g->e, g->id, line, 4500);
    assert_true(status(g).bytes_per_s == 500.0);
}

static void test_names(void **state)
{
    struct erig *g = *state;
    char longest[NAME_SHOWN_MAX + 1];
    memset(longest, 'x', NAME_SHOWN_MAX);
    longest[NAME_SHOWN_MAX] = '\0';
    progress_here(g->e, g->id, line);
    progress_begin(g->e, g->id, line, NULL, longest, 1, 0);
    struct engine_status s = status(g);
    assert_int_equal(strlen(s.sending_name), sizeof s.sending_name - 1);
}

static void test_here(void **state)
{
    struct erig *g = *state;
    unsigned told = g->changes[CHANGE_STATE];
    assert_false(progress_is_here(g->e, g->id, line));
    progress_here(g->e, g->id, line);
    assert_true(status(g).here_now && progress_is_here(g->e, g->id, line));
    progress_gone(g->e, g->id, line);
    assert_false(status(g).here_now || progress_is_here(g->e, g->id, line));
    assert_int_equal(g->changes[CHANGE_STATE], told + 2);
}

/* What is left to say of a connection does not touch the next one. */
static void test_here_anew(void **state)
{
    struct erig *g = *state;
    progress_here(g->e, g->id, line);
    progress_begin(g->e, g->id, line, NULL, "old", 10, 0);
    progress_here(g->e, g->id, next);
    assert_false(status(g).sending);
    progress_begin(g->e, g->id, next, NULL, "new", 10, 0);
    progress_is(g->e, g->id, line, 5);
    progress_begin(g->e, g->id, line, NULL, "old", 10, 5);
    progress_end(g->e, g->id, line);
    progress_gone(g->e, g->id, line);
    struct engine_status s = status(g);
    assert_true(s.here_now && s.sending);
    assert_string_equal(s.sending_name, "new");
    assert_int_equal(s.sending_done, 0);
    assert_false(progress_is_here(g->e, g->id, line));
    progress_gone(g->e, g->id, next);
    s = status(g);
    assert_false(s.here_now || s.sending);
}

static void test_links(void **state)
{
    struct erig *g = *state;
    assert_false(engine_server_known(g->e));
    engine_link_failed(g->e, g->id, LINK_CODE, "no such host");
    assert_string_equal(status(g).trouble, "no such host");
    assert_false(status(g).connected);
    engine_link_up(g->e, g->id, LINK_CODE);
    assert_true(status(g).connected);
    assert_string_equal(status(g).trouble, "");
    assert_true(engine_server_known(g->e));
    engine_link_down(g->e, g->id, LINK_CODE);
    assert_false(status(g).connected);
    g->now_ms += 59999; /* it is probably still there */
    assert_true(engine_server_known(g->e));
    engine_link_down(g->e, g->id, LINK_CODE);
    g->now_ms += 1;
    assert_false(engine_server_known(g->e));
}

static int open_lines(void **state)
{
    (void)state;
    pipe_open(&line, &next);
    return 0;
}

static int close_lines(void **state)
{
    (void)state;
    pipe_close(line);
    pipe_close(next);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_nothing_runs),  erig_test(test_transfer),   erig_test(test_backwards),
        erig_test(test_names),         erig_test(test_here),       erig_test(test_here_anew),
        erig_test(test_links),         erig_test(test_first_rate), erig_test(test_acked_bytes),
        erig_test(test_acked_of_many),
    };
    return cmocka_run_group_tests(tests, open_lines, close_lines);
}
