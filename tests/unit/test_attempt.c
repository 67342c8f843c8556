#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/attempt.h"
#include "proto/error.h"

/* Two sides and the stream between them: what a mailbox shows both in the same order. */
enum { LEADER, FOLLOWER, STREAM_MAX = 64 };

struct entry {
    int side;
    bool hints;
    struct message_ephemeral m;
    char json[512];
};

struct side {
    struct attempt a;
    struct attempt_context context;
    struct now now;
    size_t shown; /* entries of the stream that it has seen */
    bool connected;
    uint64_t listening; /* the attempt that asked for addresses last, until answered */
    unsigned started;
    unsigned stopped;
    struct transit_plan plan; /* of the last start */
};

struct world {
    struct side side[2];
    struct entry stream[STREAM_MAX];
    size_t count;
    struct bytes packed;
};

static const uint8_t content_key[32] = {1};
static struct hint relay = {.kind = HINT_RELAY, .host = "relay.example", .port = 4001};

static void side_init(struct side *s, int which)
{
    attempt_init(&s->a);
    s->context = (struct attempt_context){.leader = which == LEADER,
                                          .aes = true,
                                          .fenced = true,
                                          .room = true,
                                          .content_key = content_key,
                                          .relays = &relay,
                                          .relay_count = 1};
    s->now.seed[0] = (uint8_t)which;
    s->connected = true;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    side_init(&w->side[LEADER], LEADER);
    side_init(&w->side[FOLLOWER], FOLLOWER);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    attempt_release(&w->side[LEADER].a);
    attempt_release(&w->side[FOLLOWER].a);
    free(w);
    return 0;
}

static void put(struct world *w, int side, const struct message_ephemeral *m)
{
    struct entry *e = &w->stream[w->count++];

    assert_true(w->count < STREAM_MAX);
    *e = (struct entry){.side = side, .hints = m != NULL};
    if (m == NULL)
        return;
    e->m = *m;
    assert_true(m->json_len < sizeof(e->json));
    memcpy(e->json, m->json, m->json_len);
    e->m.json = (uint8_t *)e->json;
}

static void carry_out(struct side *s, struct actions *actions)
{
    struct action *a;

    assert_false(actions->failed);
    while ((a = actions_take(actions)) != NULL) {
        if (a->kind == ACTION_TRANSIT_LISTEN)
            s->listening = a->number;
        else if (a->kind == ACTION_TRANSIT_STOP)
            s->stopped++;
        else {
            assert_int_equal(a->kind, ACTION_TRANSIT_START);
            s->started++;
            s->plan = *a->plan;
        }
        action_free(a);
    }
}

static void run(struct world *w, int which)
{
    struct side *s = &w->side[which];
    struct actions actions = {0};
    struct message_ephemeral offer;

    if (!s->connected)
        return;
    int got = attempt_run(&s->a, &s->context, &s->now, &offer, &actions);
    assert_true(got == 0 || got == 1);
    if (got == 1)
        put(w, which, &offer);
    carry_out(s, &actions);
}

static void show(struct world *w, int which, bool live)
{
    struct side *s = &w->side[which];
    const struct entry *e = &w->stream[s->shown++];

    if (e->side == which && e->hints)
        assert_int_equal(attempt_own(&s->a, &e->m), PROTO_OK);
    else if (e->hints)
        assert_int_equal(attempt_peer(&s->a, &e->m, live), PROTO_OK);
    else if (e->side != which)
        attempt_heard(&s->a);
}

static void answer_listen(struct side *s)
{
    struct hint_list direct = {0};

    if (s->listening == 0)
        return;
    assert_int_equal(
        hints_add(&direct, HINT_DIRECT, "192.0.2.1", (uint16_t)(1000 + s->listening), 0), PROTO_OK);
    assert_int_equal(attempt_hints(&s->a, s->listening, &direct, &s->context), PROTO_OK);
    s->listening = 0;
}

/* One side does what it can; false if nothing was left to do. */
static bool go(struct world *w, int which)
{
    struct side *s = &w->side[which];
    size_t count = w->count, shown = s->shown;
    uint64_t listening = s->listening;

    if (!s->connected)
        return false;
    answer_listen(s);
    if (s->shown < w->count)
        show(w, which, true);
    run(w, which);
    return count != w->count || shown != s->shown || listening != s->listening;
}

static void settle(struct world *w)
{
    for (unsigned i = 0; (int)go(w, LEADER) | (int)go(w, FOLLOWER); i++)
        if (i > 200)
            fail_msg("they never come to an end");
}

/* Every attempt is spaced from the one before. */
static void pass(struct world *w, int64_t ms)
{
    settle(w);
    w->side[LEADER].now.ms += ms;
    w->side[FOLLOWER].now.ms += ms;
    run(w, LEADER);
    run(w, FOLLOWER);
    settle(w);
}

static void want(struct world *w, int which)
{
    attempt_want(&w->side[which].a, true);
    run(w, which);
}

/* The program of one side starts again: it has the stream as a replay. */
static void come(struct world *w, int which)
{
    struct side *s = &w->side[which];

    s->connected = true;
    s->shown = 0;
    s->context.fenced = false;
    attempt_restart(&s->a);
    while (s->shown < w->count) {
        show(w, which, false);
        run(w, which);
    }
    s->context.fenced = true;
    run(w, which);
}

static void leave(struct world *w, int which)
{
    struct side *s = &w->side[which];
    bool wanted = s->a.want;
    uint8_t seed = s->now.seed[1];

    attempt_release(&s->a);
    attempt_init(&s->a);
    attempt_want(&s->a, wanted);
    s->connected = false;
    s->listening = 0;
    s->now.seed[1] = (uint8_t)(seed + 1);
}

static void restart(struct world *w, int which)
{
    leave(w, which);
    come(w, which);
}

static void assert_same_attempt(struct world *w)
{
    struct side *l = &w->side[LEADER], *f = &w->side[FOLLOWER];

    assert_int_equal(l->a.state, ATTEMPT_RUNNING);
    assert_int_equal(f->a.state, ATTEMPT_RUNNING);
    assert_memory_equal(l->plan.key, f->plan.key, sizeof(l->plan.key));
    assert_true(l->plan.sender);
    assert_false(f->plan.sender);
    assert_true(l->plan.aes && f->plan.aes);
    assert_false(l->plan.classic);
}

static bool is_same_attempt(const struct world *w)
{
    const struct side *l = &w->side[LEADER], *f = &w->side[FOLLOWER];

    return l->a.state == ATTEMPT_RUNNING && f->a.state == ATTEMPT_RUNNING &&
           memcmp(l->plan.key, f->plan.key, sizeof(l->plan.key)) == 0;
}

static void assert_together_within(struct world *w, int64_t ms)
{
    int64_t end_ms = w->side[LEADER].now.ms + ms;

    settle(w);
    while (!is_same_attempt(w) && w->side[LEADER].now.ms < end_ms)
        pass(w, 50);
    assert_same_attempt(w);
}

static void up(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        attempt_up(&w->side[i].a, w->side[i].a.number, w->side[i].now.ms);
        assert_int_equal(w->side[i].a.state, ATTEMPT_UP);
    }
}

static void down(struct world *w, int which)
{
    struct side *s = &w->side[which];

    attempt_down(&s->a, s->a.number, s->now.ms);
    run(w, which);
}

/* ---- tests ---- */

static void nobody_wants_one(void **state)
{
    struct world *w = *state;

    pass(w, 1000000);
    assert_int_equal(w->count, 0);
    assert_true(attempt_deadline(&w->side[LEADER].a, true) == INT64_MAX);
}

static void one_asks_and_the_other_answers(void **state)
{
    struct world *w = *state;

    want(w, FOLLOWER);
    settle(w);
    assert_int_equal(w->count, 2);
    assert_same_attempt(w);
    assert_int_equal(w->side[LEADER].started, 1);
    up(w);
    pass(w, 1000000);
    assert_int_equal(w->count, 2);
}

static void both_ask_at_once(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    want(w, FOLLOWER);
    answer_listen(&w->side[LEADER]);
    answer_listen(&w->side[FOLLOWER]);
    run(w, LEADER);
    run(w, FOLLOWER);
    assert_int_equal(w->count, 2); /* neither has seen anything yet */
    settle(w);
    assert_int_equal(w->count, 2);
    assert_same_attempt(w);
}

static void a_plan_has_their_addresses_and_all_relays(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    settle(w);
    const struct hint_list *hints = &w->side[LEADER].plan.hints;
    assert_int_equal(hints_count(hints, HINT_DIRECT), 1);
    assert_int_equal(hints_count(hints, HINT_RELAY), 1);
    assert_string_equal(hints->at[0].host, "192.0.2.1");
    assert_int_equal(hints->at[0].port, 1001);
}

static void nonsense_for_hints_leaves_the_relays(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    answer_listen(&w->side[LEADER]);
    run(w, LEADER);
    show(w, LEADER, true);
    struct message_ephemeral m = {
        .kind = MESSAGE_HINTS, .json = (const uint8_t *)"[]", .json_len = 2};
    put(w, FOLLOWER, &m);
    show(w, LEADER, true);
    run(w, LEADER);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_RUNNING);
    assert_int_equal(w->side[LEADER].plan.hints.count, 1);
    assert_false(w->side[LEADER].plan.aes);
}

static void without_a_peer_there_is_one_and_no_more(void **state)
{
    struct world *w = *state;

    leave(w, FOLLOWER);
    want(w, LEADER);
    for (unsigned i = 0; i < 100; i++)
        pass(w, 60000);
    assert_int_equal(w->count, 1);
    assert_int_equal(w->side[LEADER].stopped, 1);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_IDLE);
    for (unsigned i = 0; i < 20; i++)
        restart(w, LEADER);
    settle(w);
    assert_int_equal(w->count, 1);
}

static void another_follows_once_the_peer_has_said_something(void **state)
{
    struct world *w = *state;

    leave(w, FOLLOWER);
    want(w, LEADER);
    pass(w, 60000);
    put(w, FOLLOWER, NULL);
    pass(w, 60000);
    assert_int_equal(w->count, 3);
}

static void a_peer_that_comes_late_gets_new_hints(void **state)
{
    struct world *w = *state;

    leave(w, FOLLOWER);
    want(w, LEADER);
    pass(w, 60000);
    come(w, FOLLOWER);
    assert_together_within(w, 1000);
}

static void whoever_starts_again_finds_the_other(void **state)
{
    for (int which = 0; which < 2; which++) {
        struct world *w = *state;
        want(w, LEADER);
        settle(w);
        for (unsigned i = 0; i < 3; i++) {
            struct side *other = &w->side[!which];
            uint64_t number = other->a.number;
            pass(w, 20000);
            restart(w, which);
            settle(w);
            attempt_down(&other->a, number, other->now.ms); /* its connection broke */
            run(w, !which);
            assert_together_within(w, 5000);
            up(w);
        }
        end(state);
        begin(state);
    }
}

/* Wherever in the exchange: the two come together in the end, and never on two keys at once. */
static void a_restart_between_any_two_steps_heals(void **state)
{
    for (unsigned steps = 0; steps < 16; steps++)
        for (int which = 0; which < 2; which++) {
            struct world *w = *state;
            want(w, FOLLOWER);
            want(w, LEADER);
            for (unsigned i = 0; i < steps; i++)
                go(w, i % 2 == 0 ? LEADER : FOLLOWER);
            restart(w, which);
            assert_together_within(w, ATTEMPT_TIMEOUT_MS + 5000);
            end(state);
            begin(state);
        }
}

static void swap(struct entry *a, struct entry *b)
{
    struct entry was = *a;

    *a = *b;
    *b = was;
    a->m.json = (uint8_t *)a->json;
    b->m.json = (uint8_t *)b->json;
}

/* A server may replay in another order to each; then either finds its own hints last, and was never
 * answered. */
static void a_replay_in_two_orders_leaves_nobody_waiting(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    want(w, FOLLOWER);
    settle(w);
    assert_int_equal(w->count, 2);
    int first = w->stream[0].side, second = w->stream[1].side;
    restart(w, second);
    leave(w, first);
    swap(&w->stream[0], &w->stream[1]);
    come(w, first);
    assert_together_within(w, 60000);
}

static void a_reconnection_changes_nothing(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    settle(w);
    up(w);
    come(w, LEADER);
    come(w, FOLLOWER);
    settle(w);
    assert_int_equal(w->count, 2);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_UP);
    assert_int_equal(w->side[FOLLOWER].a.state, ATTEMPT_UP);
}

static void hints_that_the_server_lost_are_sent_again_with_another_challenge(void **state)
{
    struct world *w = *state;

    w->side[FOLLOWER].connected = false;
    want(w, LEADER);
    settle(w);
    assert_int_equal(w->count, 1);
    struct message_ephemeral lost = w->stream[0].m;
    w->count = 0;
    come(w, LEADER);
    assert_int_equal(w->count, 1);
    assert_memory_not_equal(lost.challenge, w->stream[0].m.challenge, 32);
    come(w, FOLLOWER);
    settle(w);
    assert_same_attempt(w);
    assert_int_equal(w->side[LEADER].a.number, 1); /* still the same listening */
}

static void no_challenge_is_used_twice(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    want(w, FOLLOWER);
    for (unsigned i = 0; i < 8; i++) {
        settle(w);
        up(w);
        down(w, LEADER);
        down(w, FOLLOWER);
        pass(w, 300000);
    }
    assert_true(w->count >= 16);
    for (size_t i = 0; i < w->count; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(w->stream[i].m.challenge, w->stream[j].m.challenge, 32);
}

static void failures_are_retried_ever_more_rarely(void **state)
{
    struct world *w = *state;
    struct side *l = &w->side[LEADER];
    int64_t last_ms = 0;

    want(w, LEADER);
    settle(w);
    for (unsigned i = 0; i < 12; i++) {
        down(w, FOLLOWER);
        down(w, LEADER);
        int64_t wait_ms = attempt_deadline(&l->a, true) - l->now.ms;
        assert_true(wait_ms > last_ms || wait_ms == ATTEMPT_RETRY_MAX_MS);
        last_ms = wait_ms;
        pass(w, wait_ms - 1);
        assert_int_equal(l->a.state, ATTEMPT_IDLE);
        pass(w, 1);
        assert_same_attempt(w);
    }
    assert_int_equal(last_ms, ATTEMPT_RETRY_MAX_MS);
    up(w);
    pass(w, ATTEMPT_STABLE_MS);
    down(w, LEADER);
    assert_int_equal(l->a.state, ATTEMPT_PREPARING); /* it had been good: at once */
}

/* It says new hints as often as it can: whatever we began is over then, and new addresses of its
 * choice are to be dialled. */
static void a_peer_does_not_choose_the_pace(void **state)
{
    static const char json[] = "{\"hints-v1\":[]}";
    struct world *w = *state;
    struct side *l = &w->side[LEADER];
    struct message_ephemeral theirs = {
        .kind = MESSAGE_HINTS, .json = (const uint8_t *)json, .json_len = sizeof(json) - 1};
    struct message_ephemeral ours;
    unsigned starts_at_first = 0;

    for (unsigned i = 0; i < 20 * 600; i++) { /* ten minutes */
        struct actions actions = {0};
        theirs.challenge[0] = (uint8_t)i;
        theirs.challenge[1] = (uint8_t)(i >> 8);
        assert_int_equal(attempt_peer(&l->a, &theirs, true), PROTO_OK);
        for (int step = 0; step < 3; step++) {
            if (attempt_run(&l->a, &l->context, &l->now, &ours, &actions) == 1)
                assert_int_equal(attempt_own(&l->a, &ours), PROTO_OK);
            carry_out(l, &actions);
            answer_listen(l);
        }
        l->now.ms += 50;
        if (i == 20 * 2)
            starts_at_first = l->started;
    }
    assert_in_range(starts_at_first, 3, 8);
    assert_in_range(l->started, 20, 20 + 600000 / ATTEMPT_SPACING_MAX_MS);
    assert_true(l->stopped >= l->started - 1);
}

static void an_attempt_ends_after_its_time(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    settle(w);
    attempt_want(&w->side[LEADER].a, false);
    assert_true(attempt_deadline(&w->side[LEADER].a, false) ==
                w->side[LEADER].now.ms + ATTEMPT_TIMEOUT_MS);
    pass(w, ATTEMPT_TIMEOUT_MS);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_IDLE);
    assert_int_equal(w->side[LEADER].stopped, 1);
    attempt_up(&w->side[LEADER].a, 1, 0); /* too late */
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_IDLE);
}

static void nothing_is_decided_before_the_fence(void **state)
{
    struct world *w = *state;

    w->side[LEADER].context.fenced = false;
    want(w, LEADER);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_IDLE);
    assert_true(attempt_deadline(&w->side[LEADER].a, false) == INT64_MAX);
    assert_int_equal(attempt_deadline(&w->side[LEADER].a, true), 0);
}

static void a_full_mailbox_waits_for_the_next(void **state)
{
    struct world *w = *state;

    w->side[LEADER].context.room = false;
    want(w, LEADER);
    settle(w);
    assert_int_equal(w->count, 0);
    w->side[LEADER].context.room = true;
    attempt_restart(&w->side[LEADER].a);
    settle(w);
    assert_int_equal(w->count, 2);
    assert_same_attempt(w);
}

static void a_connection_outlives_its_generation(void **state)
{
    struct world *w = *state;

    want(w, LEADER);
    settle(w);
    up(w);
    w->count = 0;
    for (int i = 0; i < 2; i++) {
        w->side[i].shown = 0;
        attempt_restart(&w->side[i].a);
    }
    pass(w, 60000);
    assert_int_equal(w->count, 0);
    assert_int_equal(w->side[LEADER].a.state, ATTEMPT_UP);
}

static void stopping_ends_what_is_there(void **state)
{
    struct world *w = *state;
    struct actions actions = {0};

    want(w, LEADER);
    settle(w);
    attempt_stop(&w->side[LEADER].a, &actions);
    carry_out(&w->side[LEADER], &actions);
    assert_int_equal(w->side[LEADER].stopped, 1);
    attempt_stop(&w->side[LEADER].a, &actions);
    carry_out(&w->side[LEADER], &actions);
    assert_int_equal(w->side[LEADER].stopped, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_wants_one),
        T(one_asks_and_the_other_answers),
        T(both_ask_at_once),
        T(a_plan_has_their_addresses_and_all_relays),
        T(nonsense_for_hints_leaves_the_relays),
        T(without_a_peer_there_is_one_and_no_more),
        T(another_follows_once_the_peer_has_said_something),
        T(a_peer_that_comes_late_gets_new_hints),
        T(whoever_starts_again_finds_the_other),
        T(a_restart_between_any_two_steps_heals),
        T(a_replay_in_two_orders_leaves_nobody_waiting),
        T(a_reconnection_changes_nothing),
        T(hints_that_the_server_lost_are_sent_again_with_another_challenge),
        T(no_challenge_is_used_twice),
        T(failures_are_retried_ever_more_rarely),
        T(a_peer_does_not_choose_the_pace),
        T(an_attempt_ends_after_its_time),
        T(nothing_is_decided_before_the_fence),
        T(a_full_mailbox_waits_for_the_next),
        T(a_connection_outlives_its_generation),
        T(stopping_ends_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
