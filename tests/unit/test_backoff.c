#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/net/backoff.h"
#include "proto/net/limits.h"

enum { START_MS = 1000000 };

/* A repeatable sequence that reaches both ends of every range. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void test_first_try_is_at_once(void **state)
{
    struct backoff b = {0};

    (void)state;
    assert_int_equal(backoff_due_ms(&b), 0);
    assert_true(backoff_is_early(&b, START_MS));
}

/* Tries that fail at once: in the first half minute none starts more than two seconds after the one
 * before it. */
static void test_early_gaps(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 200; seed++) {
        struct backoff b = {0};
        uint32_t random = seed;
        int64_t now_ms = START_MS;
        int tries = 0;
        while (now_ms < START_MS + 30000) {
            assert_true(backoff_is_early(&b, now_ms));
            backoff_try(&b, now_ms, next_random(&random));
            tries++;
            assert_in_range(backoff_due_ms(&b) - now_ms, 500, 1500);
            now_ms = backoff_due_ms(&b);
        }
        assert_in_range(tries, 20, 60);
        assert_false(backoff_is_early(&b, now_ms));
    }
}

/* A try that takes long does not put off the next. */
static void test_gaps_are_between_starts(void **state)
{
    struct backoff b = {0};

    (void)state;
    backoff_try(&b, START_MS, 0);
    assert_int_equal(backoff_due_ms(&b), START_MS + 500);
    backoff_try(&b, START_MS + 1900, 999);
    assert_int_equal(backoff_due_ms(&b), START_MS + 1900 + 1499);
}

static int64_t reach_late(struct backoff *b, int64_t now_ms)
{
    backoff_try(b, now_ms, 7);
    return now_ms + BACKOFF_EARLY_MS;
}

static void test_late_gaps_grow_to_a_minute(void **state)
{
    static const int64_t bounds[] = {4000, 8000, 16000, 32000, 60000, 60000, 60000};
    bool differ = false;

    (void)state;
    for (uint32_t seed = 0; seed < 100; seed++) {
        struct backoff b = {0};
        uint32_t random = seed;
        int64_t now_ms = reach_late(&b, START_MS);
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
            backoff_try(&b, now_ms, next_random(&random));
            int64_t gap_ms = backoff_due_ms(&b) - now_ms;
            assert_in_range(gap_ms, bounds[i] / 2, bounds[i]);
            differ = differ || gap_ms != bounds[i] / 2;
            now_ms += gap_ms;
        }
    }
    assert_true(differ);
}

static void test_success_starts_afresh(void **state)
{
    struct backoff b = {0};

    (void)state;
    int64_t now_ms = reach_late(&b, START_MS);
    backoff_try(&b, now_ms, 1);
    backoff_up(&b, now_ms);
    backoff_down(&b, now_ms + BACKOFF_STABLE_MS);
    assert_int_equal(backoff_due_ms(&b), 0);
    assert_true(backoff_is_early(&b, now_ms + BACKOFF_STABLE_MS));
}

/* A server that accepts and hangs up is not asked in a tight loop, and, after half a minute of
 * that, ever more rarely. */
static void test_short_connections_are_failures(void **state)
{
    struct backoff b = {0};
    int64_t now_ms = START_MS;
    int tries = 0;

    (void)state;
    while (now_ms < START_MS + 300000) {
        backoff_try(&b, now_ms, 0);
        backoff_up(&b, now_ms + 10);
        backoff_down(&b, now_ms + 10 + BACKOFF_STABLE_MS - 11);
        assert_true(backoff_due_ms(&b) > now_ms);
        now_ms = backoff_due_ms(&b);
        tries++;
    }
    assert_in_range(tries, 60, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_try_is_at_once),
        cmocka_unit_test(test_early_gaps),
        cmocka_unit_test(test_gaps_are_between_starts),
        cmocka_unit_test(test_late_gaps_grow_to_a_minute),
        cmocka_unit_test(test_success_starts_afresh),
        cmocka_unit_test(test_short_connections_are_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
