#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/net/pace.h"

enum { HOUR_MS = 3600 * 1000 };

static struct pace pace;

static int set_up(void **state)
{
    (void)state;
    memset(&pace, 0, sizeof(pace));
    return 0;
}

static int64_t open_at(int64_t now_ms)
{
    return pace_open(&pace, 1, LINK_CODE, now_ms);
}

static void test_many_in_a_row_are_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < PACE_FREE; i++)
        assert_int_equal(open_at(1000), 0);
    assert_int_equal(open_at(1000), PACE_GAP_MS);
    assert_int_equal(open_at(1000), 2 * PACE_GAP_MS);
}

/* Closed as soon as it was open, for an hour. */
static void test_a_loop_is_slow(void **state)
{
    int64_t now_ms = 1000;
    unsigned count = 0;

    (void)state;
    for (; now_ms < 1000 + HOUR_MS; count++)
        now_ms += open_at(now_ms) + 10;
    assert_in_range(count, 0, PACE_FREE + HOUR_MS / PACE_GAP_MS + 1);
}

/* Closed while it waited: a wait is never longer than a minute, and over after some. */
static void test_the_wait_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_in_range(open_at(1000), 0, PACE_WAIT_MAX_MS);
    assert_int_equal(open_at(1000), PACE_WAIT_MAX_MS);
    assert_int_equal(open_at(1000 + PACE_WAIT_MAX_MS + PACE_GAP_MS), 0);
}

/* Now and then is always at once. */
static void test_seldom_is_free(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(open_at(1000 + i * PACE_GAP_MS), 0);
}

static void test_each_has_its_own(void **state)
{
    (void)state;
    for (int i = 0; i <= PACE_FREE; i++)
        open_at(1000);
    assert_int_equal(pace_open(&pace, 1, LINK_CURRENT, 1000), 0);
    assert_int_equal(pace_open(&pace, 2, LINK_CODE, 1000), 0);
    assert_true(pace_open(&pace, 1, LINK_CODE, 1000) > 0);
}

static void test_rotations_never_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 10 * PACE_FREE; i++)
        assert_int_equal(pace_open(&pace, 1, LINK_NEXT, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_many_in_a_row_are_at_once, set_up),
        cmocka_unit_test_setup(test_a_loop_is_slow, set_up),
        cmocka_unit_test_setup(test_the_wait_is_bounded, set_up),
        cmocka_unit_test_setup(test_seldom_is_free, set_up),
        cmocka_unit_test_setup(test_each_has_its_own, set_up),
        cmocka_unit_test_setup(test_rotations_never_wait, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
