/* Two whole wormholes and a mailbox server on a virtual clock, for the tests of what they do with
 * each other: tests/sim/pair.h, and what those tests wait for. */
#ifndef TESTS_UNIT_BOSS_RIG_H
#define TESTS_UNIT_BOSS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "tests/sim/pair.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24 * (int64_t)HOUR)
#define MONTH (30 * DAY)

static struct pair *pair;

static inline int begin(void **state)
{
    (void)state;
    pair = pair_new(1);
    pair_connect(pair);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    pair_free(pair);
    return 0;
}

static inline const struct pair_store *of(enum pair_who who)
{
    return pair_store(pair, who);
}

/* ---- what is waited for ---- */

static uint64_t goal[2];

static inline bool all_delivered(const struct pair *p)
{
    return pair_store(p, PAIR_A)->received == goal[PAIR_B] &&
           pair_store(p, PAIR_B)->received == goal[PAIR_A] &&
           pair_store(p, PAIR_A)->messages == NULL && pair_store(p, PAIR_B)->messages == NULL;
}

static inline bool all_acknowledged(const struct pair *p)
{
    return pair_store(p, PAIR_A)->messages == NULL && pair_store(p, PAIR_B)->messages == NULL;
}

static inline void send(uint64_t a, uint64_t b)
{
    goal[PAIR_A] = a;
    goal[PAIR_B] = b;
    pair_send(pair, PAIR_A, a);
    pair_send(pair, PAIR_B, b);
}

static inline void assert_delivered_within(int64_t ms)
{
    if (!pair_run(pair, all_delivered, ms))
        fail_msg("after %lld ms A has %llu of %llu, B %llu of %llu", (long long)ms,
                 (unsigned long long)of(PAIR_A)->received, (unsigned long long)goal[PAIR_B],
                 (unsigned long long)of(PAIR_B)->received, (unsigned long long)goal[PAIR_A]);
    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++) {
        assert_int_equal(of(who)->disorder, 0);
        assert_int_equal(of(who)->missed, 0);
    }
}

/* Of any one side in any one mailbox: version, 64 numbered, 64 ephemeral messages. */
static inline void assert_bounded(void)
{
    size_t messages, bytes;

    pair_peak(pair, &messages, &bytes);
    assert_true(messages <= 1 + MAILBOX_NUMBERED_MAX + MAILBOX_EPHEMERAL_MAX);
    assert_true(bytes <= MAILBOX_BYTES_MAX);
}

static inline unsigned events(enum pair_who who, enum boss_event event)
{
    return of(who)->events[event];
}

static inline void pass(int64_t ms)
{
    pair_run(pair, NULL, ms);
}

static inline void again(uint64_t seed)
{
    pair_free(pair);
    pair = pair_new(seed);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
