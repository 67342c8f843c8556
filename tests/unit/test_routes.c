/* Whole peers, and the ways between them: dialled, through the relay, or not at all for some time.
 * The race is the real one (proto/net/race.h), in a network in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world.h"

enum { A, B };
enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, LARGE = 300 << 10 };

struct pair {
    struct world *w;
    uint64_t id[2];
};

static bool both_paired(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_is_paired(w, A, p->id[A]) && world_is_paired(w, B, p->id[B]);
}

static int set_up(void **state)
{
    static struct pair pair;
    struct pair *p = &pair;
    char code[129];
    p->w = world_new(1);
    p->id[A] = world_mkdir(p->w, A, "bob", NULL);
    if (!world_code(p->w, A, p->id[A], code))
        return -1;
    p->id[B] = world_mkdir(p->w, B, "alice", code);
    *state = p;
    return world_run(p->w, both_paired, p, 10 * MINUTE_MS) ? 0 : -1;
}

static int tear_down(void **state)
{
    world_free(((struct pair *)*state)->w);
    return 0;
}

static bool is_sent(struct world *w, void *arg)
{
    const struct pair *p = arg;
    return world_outbox_count(w, A, p->id[A]) == 0;
}

static bool was_joined(struct world *w, void *arg)
{
    (void)arg;
    return relay_joined(world_relay(w)) > 0;
}

static void send_large(struct pair *p)
{
    world_send_file(p->w, A, p->id[A], "large", 7, LARGE);
}

static void assert_arrives(struct pair *p, int64_t limit_ms)
{
    assert_true(world_run(p->w, is_sent, p, limit_ms));
    assert_true(world_has_file(p->w, B, p->id[B], "large", 7, LARGE));
}

static void hide_both(struct pair *p)
{
    world_set_reachable(p->w, A, false);
    world_set_reachable(p->w, B, false);
}

static void directly(void **state)
{
    struct pair *p = *state;
    send_large(p);
    assert_arrives(p, MINUTE_MS);
    assert_int_equal(world_connected(p->w, false), 2);
    assert_int_equal(relay_joined(world_relay(p->w)), 0);
}

/* One of them is enough: the other dials. */
static void one_can_be_dialled(void **state)
{
    struct pair *p = *state;
    world_set_reachable(p->w, A, false);
    send_large(p);
    assert_arrives(p, MINUTE_MS);
    assert_int_equal(world_connected(p->w, true), 0);
}

static void through_the_relay(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    send_large(p);
    assert_arrives(p, MINUTE_MS);
    assert_int_equal(world_connected(p->w, true), 2);
    assert_int_equal(world_connected(p->w, false), 0);
}

static void no_way_for_a_day(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    relay_weather(world_relay(p->w))->away = true;
    send_large(p);
    assert_false(world_run(p->w, is_sent, p, 24 * HOUR_MS));
    relay_weather(world_relay(p->w))->away = false;
    assert_arrives(p, 2 * HOUR_MS);
}

/* Later than the handshake of a connection may take, and sooner than the race ends. */
static void the_relay_answers_late(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    relay_weather(world_relay(p->w))->late_ms_max = 40000;
    send_large(p);
    assert_arrives(p, HOUR_MS);
}

static void the_relay_tells_one(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    relay_weather(world_relay(p->w))->half_one_in = 1;
    send_large(p);
    assert_false(world_run(p->w, is_sent, p, HOUR_MS));
    assert_true(was_joined(p->w, NULL));
    relay_weather(world_relay(p->w))->half_one_in = 0;
    assert_arrives(p, 2 * HOUR_MS);
}

static void the_relay_dies(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    send_large(p);
    assert_true(world_run(p->w, was_joined, NULL, MINUTE_MS));
    assert_false(is_sent(p->w, p));
    relay_restart(world_relay(p->w));
    assert_arrives(p, HOUR_MS);
}

/* It has no key: what it changes is thrown away, and sent again. */
static void the_relay_changes_bytes(void **state)
{
    struct pair *p = *state;
    hide_both(p);
    relay_weather(world_relay(p->w))->garble_one_in = 3;
    send_large(p);
    world_run(p->w, is_sent, p, HOUR_MS);
    relay_weather(world_relay(p->w))->garble_one_in = 0;
    assert_arrives(p, 2 * HOUR_MS);
    assert_int_equal(world_inbox_count(p->w, B, p->id[B]), 1);
}

/* The relay's way is there, and the direct one breaks before anything is chosen. */
static void cut_while_they_race(void **state)
{
    struct pair *p = *state;
    send_large(p);
    for (int i = 0; i < 200 && !is_sent(p->w, p); i++) {
        world_cut_transit(p->w);
        world_run(p->w, NULL, NULL, 100);
        world_step(p->w, world_now_ms(p->w) + 1);
    }
    assert_arrives(p, HOUR_MS);
    assert_int_equal(world_inbox_count(p->w, B, p->id[B]), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(directly),         TEST(one_can_be_dialled),      TEST(through_the_relay),
        TEST(no_way_for_a_day), TEST(the_relay_answers_late),  TEST(the_relay_tells_one),
        TEST(the_relay_dies),   TEST(the_relay_changes_bytes), TEST(cut_while_they_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
