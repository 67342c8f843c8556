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

/* ---- the end ---- */

static uint64_t create(struct erig *g, bool commits)
{
    struct turn *t = rig_turn(g->r);
    uint64_t id;
    assert_int_equal(engine_create(g->e, t, "carol", 5, false, NULL, &id), 0);
    if (commits)
        commit(t);
    else
        turn_abort(t);
    return id;
}

static struct turn *begin_removing(struct erig *g, uint64_t id)
{
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_remove(g->e, t, id), 0);
    return t;
}

/* Nothing of a wormhole that is forgotten stays in memory, whatever is still said of it. */
static void test_forgotten(void **state)
{
    struct erig *g = *state;
    for (int i = 0; i < 3; i++) {
        uint64_t id = create(g, true);
        assert_non_null(slot_find(g->e, id));
        commit(begin_removing(g, id));
        assert_null(slot_find(g->e, id));
        engine_link_up(g->e, id, LINK_CODE);
        engine_link_received(g->e, id, LINK_CODE, "{}", 2);
        engine_link_down(g->e, id, LINK_CODE);
        engine_transit_down(g->e, id, 1);
        assert_int_equal(step_alone(g->e, id, nothing, NULL), STORE_ERR_NOT_FOUND);
        assert_null(slot_find(g->e, id));
        engine_tick(g->e, g->now_ms += 24 * 3600 * 1000);
    }
    run(g, nothing, 0); /* the others go on */
}

static void test_not_forgotten_after_all(void **state)
{
    struct erig *g = *state;
    uint64_t id = create(g, true);
    turn_abort(begin_removing(g, id));
    assert_non_null(slot_find(g->e, id));
    assert_int_equal(step_alone(g->e, id, nothing, NULL), 0);
    struct turn *t = begin_removing(g, id);
    struct step step; /* in the same turn it is gone already, and its slot is not */
    assert_int_equal(step_begin(&step, g->e, t, id), STORE_ERR_NOT_FOUND);
    assert_non_null(slot_find(g->e, id));
    commit(t);
    assert_null(slot_find(g->e, id));
}

static void test_not_created_after_all(void **state)
{
    struct erig *g = *state;
    uint64_t id = create(g, false);
    const struct slot *slot = slot_find(g->e, id);
    assert_true(slot == NULL || slot->boss == NULL);
    assert_int_equal(step_alone(g->e, id, nothing, NULL), STORE_ERR_NOT_FOUND);
    assert_int_equal(step_alone(g->e, create(g, true), nothing, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_numbers_of_its_own),      erig_test(test_restored),
        erig_test(test_restored_in_between),     erig_test(test_forgotten),
        erig_test(test_not_forgotten_after_all), erig_test(test_not_created_after_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
