/* Two whole wormholes (boss_rig.h) that have not met: from the code to the pairing. */
#ifndef TESTS_UNIT_CODE_RIG_H
#define TESTS_UNIT_CODE_RIG_H

#include "boss_rig.h"

#include "proto/boss_inner.h"

static inline int begin_alone(void **state)
{
    (void)state;
    pair = pair_new(1);
    return 0;
}

static inline bool both_are_paired(const struct pair *p)
{
    return pair_store(p, PAIR_A)->state == BOSS_PAIRED &&
           pair_store(p, PAIR_B)->state == BOSS_PAIRED;
}

static inline bool a_has_a_code(const struct pair *p)
{
    return pair_store(p, PAIR_A)->code[0] != '\0';
}

static inline void make_code(void)
{
    pair_allocate(pair, PAIR_A);
    assert_true(pair_run(pair, a_has_a_code, MINUTE));
}

static inline bool both_have_the_key(struct pair *p)
{
    return pair_boss(p, PAIR_A)->key.state == KEY_UNVERIFIED &&
           pair_boss(p, PAIR_B)->key.state == KEY_UNVERIFIED;
}

/* Between the two versions; false if this run has no such moment. */
static inline bool stop_between_the_versions(uint64_t seed)
{
    again(seed);
    make_code();
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    while (!both_have_the_key(pair) && !both_are_paired(pair))
        pair_step(pair, INT64_MAX);
    return both_have_the_key(pair);
}

#define ALONE(name) cmocka_unit_test_setup_teardown(name, begin_alone, end)

#endif
