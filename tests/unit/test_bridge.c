/* Each output of the engine is one call of the network, with the same arguments, and the other way
 * round. The two sides are the fakes below, which write down what they were asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/bridge.h"
#include "fs/chores.h"

static char said[256];
static int64_t next_tick_ms;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
}

static struct engine *const engine = (struct engine *)0x10;
static struct net *const net = (struct net *)0x20;
static struct chores *const chores = (struct chores *)0x30;

/* ---- the network ---- */

void net_link_open(struct net *n, uint64_t w, enum wormhole_link link)
{
    say("%d open %d %d", n == net, (int)w, (int)link);
}

void net_link_send(struct net *n, uint64_t w, enum wormhole_link link, const void *text, size_t len)
{
    say("%d send %d %d %.*s", n == net, (int)w, (int)link, (int)len, (const char *)text);
}

void net_link_close(struct net *n, uint64_t w, enum wormhole_link link)
{
    say("%d close %d %d", n == net, (int)w, (int)link);
}

void net_link_move(struct net *n, uint64_t w, enum wormhole_link from, enum wormhole_link to)
{
    say("%d move %d %d %d", n == net, (int)w, (int)from, (int)to);
}

void net_transit_listen(struct net *n, uint64_t w, uint64_t attempt)
{
    say("%d listen %d %d", n == net, (int)w, (int)attempt);
}

void net_transit_start(struct net *n, uint64_t w, uint64_t attempt, const struct transit_plan *plan)
{
    say("%d start %d %d %d", n == net, (int)w, (int)attempt, plan->sender);
}

void net_transit_stop(struct net *n, uint64_t w, uint64_t attempt)
{
    say("%d stop %d %d", n == net, (int)w, (int)attempt);
}

void net_wake(struct net *n)
{
    say("%d wake", n == net);
}

void chores_wake(struct chores *c)
{
    say("%d chores", c == chores);
}

/* ---- the engine ---- */

void engine_link_up(struct engine *e, uint64_t w, enum wormhole_link link)
{
    say("%d up %d %d", e == engine, (int)w, (int)link);
}

void engine_link_down(struct engine *e, uint64_t w, enum wormhole_link link)
{
    say("%d down %d %d", e == engine, (int)w, (int)link);
}

void engine_link_received(struct engine *e, uint64_t w, enum wormhole_link link, const char *text,
                          size_t len)
{
    say("%d received %d %d %.*s", e == engine, (int)w, (int)link, (int)len, text);
}

void engine_link_failed(struct engine *e, uint64_t w, enum wormhole_link link, const char *why)
{
    say("%d failed %d %d %s", e == engine, (int)w, (int)link, why);
}

void engine_transit_hints(struct engine *e, uint64_t w, uint64_t attempt,
                          const struct hint_list *direct)
{
    say("%d hints %d %d %d", e == engine, (int)w, (int)attempt, direct == NULL);
}

void engine_transit_session(struct engine *e, uint64_t w, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream)
{
    say("%d session %d %d %d %d", e == engine, (int)w, (int)attempt, plan->sender, stream == NULL);
}

void engine_transit_down(struct engine *e, uint64_t w, uint64_t attempt)
{
    say("%d tdown %d %d", e == engine, (int)w, (int)attempt);
}

int64_t engine_tick(struct engine *e, int64_t now_ms)
{
    say("%d tick %d", e == engine, (int)now_ms);
    return next_tick_ms;
}

/* ---- the tests ---- */

static void outputs_go_to_the_network(void **state)
{
    struct bridge b = {.engine = engine, .net = net, .chores = chores};
    const struct transit_plan plan = {.sender = true};
    struct engine_out o;

    (void)state;
    bridge_outputs(&b, &o);
    o.link_open(o.arg, 7, LINK_NEXT);
    assert_string_equal(said, "1 open 7 2");
    o.link_send(o.arg, 7, LINK_CODE, "text and more", 4);
    assert_string_equal(said, "1 send 7 0 text");
    o.link_close(o.arg, 8, LINK_MEETING);
    assert_string_equal(said, "1 close 8 3");
    o.link_move(o.arg, 9, LINK_NEXT, LINK_CURRENT);
    assert_string_equal(said, "1 move 9 2 1");
    o.transit_listen(o.arg, 9, 4);
    assert_string_equal(said, "1 listen 9 4");
    o.transit_start(o.arg, 9, 5, &plan);
    assert_string_equal(said, "1 start 9 5 1");
    o.transit_stop(o.arg, 9, 6);
    assert_string_equal(said, "1 stop 9 6");
    o.wake(o.arg);
    assert_string_equal(said, "1 wake");
    o.job(o.arg);
    assert_string_equal(said, "1 chores");
}

static void without_a_network_outputs_are_dropped(void **state)
{
    struct bridge b = {.engine = engine};
    const struct transit_plan plan = {0};
    struct engine_out o;

    (void)state;
    bridge_outputs(&b, &o);
    say("nothing");
    o.link_open(o.arg, 1, LINK_CODE);
    o.link_send(o.arg, 1, LINK_CODE, "", 0);
    o.link_close(o.arg, 1, LINK_CODE);
    o.link_move(o.arg, 1, LINK_CODE, LINK_NEXT);
    o.transit_listen(o.arg, 1, 1);
    o.transit_start(o.arg, 1, 1, &plan);
    o.transit_stop(o.arg, 1, 1);
    o.wake(o.arg);
    assert_string_equal(said, "nothing");
}

static void the_world_s_inputs_are_real(void **state)
{
    struct bridge b = {0};
    struct engine_out o;
    uint8_t one[32] = {0}, other[32] = {0};

    (void)state;
    bridge_outputs(&b, &o);
    assert_true(o.now_ms(o.arg) > INT64_C(1600000000000));
    assert_true(o.steady_ms(o.arg) > 0);
    o.random(o.arg, one, sizeof(one));
    o.random(o.arg, other, sizeof(other));
    assert_memory_not_equal(one, other, sizeof(one));
}

static void callbacks_go_to_the_engine(void **state)
{
    struct bridge b = {.engine = engine, .ticking = true};
    const struct transit_plan plan = {.sender = true};
    struct net_callbacks c;

    (void)state;
    bridge_callbacks(&b, &c);
    c.link_up(c.arg, 1, LINK_CURRENT);
    assert_string_equal(said, "1 up 1 1");
    c.link_down(c.arg, 1, LINK_CODE);
    assert_string_equal(said, "1 down 1 0");
    c.link_received(c.arg, 2, LINK_CODE, "text and more", 4);
    assert_string_equal(said, "1 received 2 0 text");
    c.link_failed(c.arg, 2, LINK_NEXT, "why");
    assert_string_equal(said, "1 failed 2 2 why");
    c.transit_hints(c.arg, 3, 4, NULL);
    assert_string_equal(said, "1 hints 3 4 1");
    c.transit_session(c.arg, 3, 4, &plan, NULL);
    assert_string_equal(said, "1 session 3 4 1 1");
    c.transit_down(c.arg, 3, 4);
    assert_string_equal(said, "1 tdown 3 4");
    next_tick_ms = 1234;
    assert_int_equal(c.tick(c.arg, 99), 1234);
    assert_string_equal(said, "1 tick 99");
}

static void timers_wait_for_the_engine(void **state)
{
    struct bridge b = {.engine = engine};
    struct net_callbacks c;

    (void)state;
    bridge_callbacks(&b, &c);
    say("nothing");
    assert_true(c.tick(c.arg, 99) == INT64_MAX);
    assert_string_equal(said, "nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_go_to_the_network),
        cmocka_unit_test(without_a_network_outputs_are_dropped),
        cmocka_unit_test(the_world_s_inputs_are_real),
        cmocka_unit_test(callbacks_go_to_the_engine),
        cmocka_unit_test(timers_wait_for_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
