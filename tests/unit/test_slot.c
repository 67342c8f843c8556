/* A machine that is restored from the store begins disconnected: nothing that the old one had the
 * network do goes on beside it. The network is a table here. */
#include "engine_rig.h"

#include "fs/engine/slot.h"
#include "fs/engine/step.h"

enum { ATTEMPTS_MAX = 8 };

static uint64_t going_on[ATTEMPTS_MAX]; /* as the network knows them; 0: free */

static void listen_to(void *arg, uint64_t wormhole, uint64_t attempt)
{
    (void)arg, (void)wormhole;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        if (going_on[i] == 0) {
            going_on[i] = attempt;
            return;
        }
    }
    fail_msg("too many attempts");
}

static void stop(void *arg, uint64_t wormhole, uint64_t attempt)
{
    (void)arg, (void)wormhole;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        if (attempt == 0 || going_on[i] == attempt)
            going_on[i] = 0;
}

static unsigned count(void)
{
    unsigned n = 0;
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        n += going_on[i] != 0;
    return n;
}

static void begin(struct erig *g)
{
    memset(going_on, 0, sizeof going_on);
    g->e->out.transit_listen = listen_to;
    g->e->out.transit_stop = stop;
}

static int act(struct step *step, enum action_kind kind, uint64_t number)
{
    actions_add(&step->actions, kind)->number = number;
    return 0;
}

static int listens(struct step *step, void *arg)
{
    return act(step, ACTION_TRANSIT_LISTEN, *(uint64_t *)arg);
}

static int stops(struct step *step, void *arg)
{
    return act(step, ACTION_TRANSIT_STOP, *(uint64_t *)arg);
}

/* The turn fails, and what the machine did in it is undone: a full disk, say. */
static int stops_and_listens_in_vain(struct step *step, void *arg)
{
    uint64_t n = *(uint64_t *)arg;
    act(step, ACTION_TRANSIT_STOP, n);
    act(step, ACTION_TRANSIT_LISTEN, n + 1);
    return STORE_ERR_NOSPACE;
}

static int nothing(struct step *step, void *arg)
{
    (void)step, (void)arg;
    return 0;
}

static int in_vain(struct step *step, void *arg)
{
    (void)step, (void)arg;
    return STORE_ERR_NOSPACE;
}

static void run(struct erig *g, step_fn *fn, uint64_t n)
{
    assert_int_equal(step_alone(g->e, g->id, fn, &n), 0);
}

static void test_numbers_of_its_own(void **state)
{
    struct erig *g = *state;
    begin(g);
    run(g, listens, 1);
    run(g, listens, 2);
    assert_int_equal(count(), 2);
    run(g, stops, 1);
    assert_int_equal(count(), 1);
    run(g, stops, 1);
    assert_int_equal(count(), 1);
    run(g, stops, 2);
    assert_int_equal(count(), 0);
}

static void test_restored(void **state)
{
    struct erig *g = *state;
    begin(g);
    run(g, listens, 1);
    assert_int_equal(step_alone(g->e, g->id, in_vain, NULL), STORE_ERR_NOSPACE);
    assert_int_equal(count(), 1);
    run(g, nothing, 0);
    assert_int_equal(count(), 0);
    /* The new machine counts from 1 again, and only what is its own goes by its numbers. */
    run(g, listens, 1);
    assert_int_equal(count(), 1);
    run(g, stops, 1);
    assert_int_equal(count(), 0);
}

/* What the network was not told of, it does not do: the stop of 1, and the attempt 2. */
static void test_restored_in_between(void **state)
{
    struct erig *g = *state;
    uint64_t n = 1;
    begin(g);
    run(g, listens, n);
    assert_int_equal(step_alone(g->e, g->id, stops_and_listens_in_vain, &n), STORE_ERR_NOSPACE);
    assert_int_equal(count(), 1);
    run(g, listens, n);
    assert_int_equal(count(), 1);
    run(g, stops, n);
    assert_int_equal(count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_numbers_of_its_own),
        erig_test(test_restored),
        erig_test(test_restored_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
