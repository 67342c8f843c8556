/* tests/sim/relay.h, which stands for the real one: what clients of it say and hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/relay.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LEFT "00000000aaaaaaaa"
#define RIGHT "00000000bbbbbbbb"

struct rig {
    struct dice dice;
    struct relay *relay;
    int64_t now_ms;
};

static int set_up(void **state)
{
    static struct rig rig;
    rig = (struct rig){.dice = {1}};
    rig.relay = relay_new(&rig.dice);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    relay_free(((struct rig *)*state)->relay);
    return 0;
}

static void settle(struct rig *r)
{
    while (relay_step(r->relay, r->now_ms))
        ;
}

static void say(struct rig *r, struct stream *s, const char *text)
{
    assert_int_equal(pipe_send(s, text, strlen(text)), strlen(text));
    settle(r);
}

static struct stream *dial(struct rig *r)
{
    struct stream *ours, *theirs;
    pipe_open(&ours, &theirs);
    relay_accept(r->relay, theirs);
    return ours;
}

static struct stream *ask(struct rig *r, const char *token, const char *side)
{
    char line[128];
    struct stream *s = dial(r);
    snprintf(line, sizeof line, "please relay %s for side %s\n", token, side);
    say(r, s, line);
    return s;
}

static void assert_hears(struct stream *s, const char *expected)
{
    char heard[64] = "";
    ssize_t n = pipe_peek(s, heard, sizeof heard - 1);
    assert_int_equal(n, strlen(expected));
    assert_string_equal(heard, expected);
    pipe_skip(s, (size_t)n);
}

static void two_sides_of_one_token(void **state)
{
    struct rig *r = *state;
    struct stream *left = ask(r, TOKEN, LEFT), *same = ask(r, TOKEN, LEFT),
                  *other = ask(r, OTHER, RIGHT);
    assert_hears(left, "");
    struct stream *right = ask(r, TOKEN, RIGHT);
    assert_hears(left, "ok\n");
    assert_hears(right, "ok\n");
    assert_hears(same, "");
    assert_hears(other, "");
    say(r, left, "to the right");
    say(r, right, "to the left");
    assert_hears(right, "to the right");
    assert_hears(left, "to the left");
    say(r, left, "the last");
    pipe_close(left);
    settle(r);
    assert_hears(right, "the last");
    assert_true(pipe_ended(right));
    pipe_close(right);
    pipe_close(same);
    pipe_close(other);
    settle(r);
    assert_int_equal(relay_joined(r->relay), 1);
}

static void nonsense(void **state)
{
    struct rig *r = *state;
    struct stream *s = dial(r), *half = dial(r);
    say(r, s, "transit receiver\n");
    assert_true(pipe_ended(s));
    say(r, half, "please relay ");
    assert_false(pipe_ended(half));
    pipe_close(s);
    pipe_close(half);
}

static void late(void **state)
{
    struct rig *r = *state;
    relay_weather(r->relay)->late_ms_max = 1000000;
    struct stream *left = ask(r, TOKEN, LEFT), *right = ask(r, TOKEN, RIGHT);
    int64_t due_ms = relay_due_ms(r->relay);
    assert_true(due_ms > 0 && due_ms <= 1000000);
    assert_hears(left, "");
    r->now_ms = due_ms;
    settle(r);
    assert_hears(left, "ok\n");
    assert_hears(right, "ok\n");
    assert_true(relay_due_ms(r->relay) == INT64_MAX);
    relay_restart(r->relay);
    assert_true(pipe_ended(left) && pipe_ended(right));
    pipe_close(left);
    pipe_close(right);
}

static void one_of_two(void **state)
{
    struct rig *r = *state;
    relay_weather(r->relay)->half_one_in = 1;
    struct stream *s[2] = {ask(r, TOKEN, LEFT), ask(r, TOKEN, RIGHT)};
    char heard[8];
    int told = pipe_peek(s[0], heard, sizeof heard) > 0 ? 0 : 1;
    assert_hears(s[told], "ok\n");
    assert_hears(s[1 - told], "");
    say(r, s[told], "hello?");
    assert_hears(s[1 - told], "");
    pipe_close(s[told]);
    settle(r);
    assert_true(pipe_ended(s[1 - told]));
    pipe_close(s[1 - told]);
}

static void hostile(void **state)
{
    struct rig *r = *state;
    char heard[8];
    relay_weather(r->relay)->wrong_one_in = 1;
    relay_weather(r->relay)->garble_one_in = 1;
    struct stream *left = ask(r, TOKEN, LEFT), *right = ask(r, OTHER, LEFT);
    assert_hears(left, "ok\n");
    assert_hears(right, "ok\n");
    say(r, left, "as it is");
    assert_int_equal(pipe_peek(right, heard, sizeof heard), 8);
    assert_memory_not_equal(heard, "as it is", 8);
    pipe_close(left);
    pipe_close(right);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_sides_of_one_token), TEST(nonsense), TEST(late), TEST(one_of_two), TEST(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
