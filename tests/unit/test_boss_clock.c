/* The wall clock is set while a machine lives, or while it is stored: what it waits for takes as
 * long as it should, and nothing is given up for a jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/error.h"
#include "tests/fuzz/forger.h"
#include "tests/sim/pair.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

#define DAY_MS INT64_C(86400000)
#define YEAR_MS (365 * DAY_MS)

static struct victim victim;

static int begin_new(void **state)
{
    (void)state;
    assert_true(victim_start(&victim, NULL));
    victim.now = (struct now){.ms = INT64_C(1700000000000), .steady_ms = 5 * DAY_MS};
    return 0;
}

static int begin_paired(void **state)
{
    struct pair *p = pair_new(3);

    (void)state;
    pair_connect(p);
    pair_run(p, NULL, MINUTE_MS / 2);
    assert_true(victim_start(&victim, pair_store(p, PAIR_A)));
    pair_free(p);
    victim.now.ms = INT64_C(1700000000000);
    victim.now.steady_ms = 5 * DAY_MS;
    victim_wait(&victim, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    victim_stop(&victim);
    return 0;
}

static void input_done(struct actions *actions, int err)
{
    assert_int_equal(err, PROTO_OK);
    victim_done(&victim, actions, err);
}

/* The wall clock is set, and time passes by both. A jump is seen before anything else. */
static void pass(int64_t ms, int64_t jump_ms)
{
    struct actions actions = {0};

    victim.now.ms += jump_ms;
    input_done(&actions, boss_tick(victim.b, &victim.now, &actions));
    victim.now.steady_ms += ms;
    victim_wait(&victim, ms);
}

/* A code whose mailbox has not shown our pake yet. */
static void make_code(void)
{
    static const char *const lines[] = {"{\"type\":\"allocated\",\"nameplate\":\"5\"}",
                                        "{\"type\":\"claimed\",\"mailbox\":\"m\"}"};
    struct actions actions = {0};

    input_done(&actions, boss_allocate(victim.b, &victim.now, &actions));
    input_done(&actions, boss_link_up(victim.b, LINK_CODE, &victim.now, &actions));
    for (int i = 0; i < 2; i++)
        victim_hear(&victim, LINK_CODE, lines[i], strlen(lines[i]));
    input_done(&actions, boss_link_down(victim.b, LINK_CODE, &victim.now, &actions));
}

static unsigned expired(void)
{
    return victim.store.code_ends[CODE_END_EXPIRED];
}

static void a_jump_ahead_does_not_age_a_code(void **state)
{
    (void)state;
    make_code();
    pass(SECOND_MS, YEAR_MS);
    forger_up(&victim, LINK_CODE, false);
    assert_int_equal(expired(), 0);
    assert_int_equal(victim.b->state, BOSS_WAITING);
}

static void nor_does_a_jump_back_keep_it_young(void **state)
{
    (void)state;
    make_code();
    pass(SECOND_MS, -YEAR_MS);
    pass(BOSS_CODE_UNSEEN_MS, 0);
    forger_up(&victim, LINK_CODE, false);
    assert_int_equal(expired(), 1);
}

/* It was set back while we were not there to see it. */
static void a_stored_code_is_not_of_the_future(void **state)
{
    (void)state;
    make_code();
    victim.now.ms -= YEAR_MS;
    victim.now.steady_ms = SECOND_MS; /* another boot */
    victim_restart(&victim);
    pass(BOSS_CODE_UNSEEN_MS + SECOND_MS, 0);
    forger_up(&victim, LINK_CODE, false);
    assert_int_equal(expired(), 1);
}

static void leave(void)
{
    struct actions actions = {0};

    input_done(&actions, boss_close(victim.b, &victim.now, &actions));
    assert_int_equal(victim.b->state, BOSS_LEAVING);
}

/* The peer is to hear of the close, for thirty days. */
static void leaving_takes_its_days(void **state)
{
    static const int64_t jumps[] = {0, YEAR_MS, -YEAR_MS};

    for (int i = 0; i < 3; i++) {
        leave();
        pass(DAY_MS, jumps[i]);
        pass(28 * DAY_MS, 0);
        assert_false(victim.store.close_done);
        pass(2 * DAY_MS, 0);
        assert_true(victim.store.close_done);
        end(state);
        begin_paired(state);
    }
}

static void leaving_ends_after_a_restart(void **state)
{
    (void)state;
    leave();
    victim.now.ms -= YEAR_MS;
    victim.now.steady_ms = SECOND_MS;
    victim_restart(&victim);
    pass(31 * DAY_MS, 0);
    assert_true(victim.store.close_done);
}

/* Deadlines are as far away after a jump as they were before, whichever they are. */
static void deadlines_move_along(void **state)
{
    static const int64_t jumps[] = {YEAR_MS, -YEAR_MS, 10 * MINUTE_MS, -10 * MINUTE_MS};

    (void)state;
    forger_up(&victim, LINK_CURRENT, true);
    for (int i = 0; i < 4; i++) {
        int64_t left_ms = boss_deadline_ms(victim.b) - victim.now.ms;
        assert_in_range(left_ms, 1, DAY_MS);
        pass(0, jumps[i]);
        assert_int_equal(boss_deadline_ms(victim.b), victim.now.ms + left_ms);
    }
}

#define N(test) cmocka_unit_test_setup_teardown(test, begin_new, end)
#define P(test) cmocka_unit_test_setup_teardown(test, begin_paired, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        N(a_jump_ahead_does_not_age_a_code),   N(nor_does_a_jump_back_keep_it_young),
        N(a_stored_code_is_not_of_the_future), P(leaving_takes_its_days),
        P(leaving_ends_after_a_restart),       P(deadlines_move_along),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
