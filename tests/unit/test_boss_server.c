/* What a mailbox server may do to a whole wormhole: refuse, keep silent, lie; and a clock that goes
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/boss_inner.h"
#include "proto/error.h"
#include "tests/sim/pair_inner.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define APPID "lothar.com/wormhole/text-or-file-xfer"

/* ---- one boss, input by input ---- */

static struct boss *boss;
static struct now now;
static struct actions actions;

static int begin_boss(void **state)
{
    const struct boss_options options = {.appid = APPID, .code_words = 2, .software = "test"};

    (void)state;
    now = (struct now){.ms = 1700000000};
    actions = (struct actions){0};
    assert_int_equal(boss_create(&boss, &options, &now, &actions), PROTO_OK);
    actions_release(&actions);
    return 0;
}

static int end_boss(void **state)
{
    (void)state;
    actions_release(&actions);
    boss_free(boss);
    return 0;
}

static void up(void)
{
    assert_int_equal(boss_link_up(boss, LINK_CODE, &now, &actions), PROTO_OK);
}

static void hear(const char *text)
{
    assert_int_equal(boss_link_received(boss, LINK_CODE, text, strlen(text), &now, &actions),
                     PROTO_OK);
}

/* The first of a kind among the actions since the last look; all are dropped. */
static bool was_told(enum action_kind kind, char *text)
{
    bool told = false;
    struct action *a;

    while ((a = actions_take(&actions)) != NULL) {
        if (a->kind == kind && !told && text != NULL)
            snprintf(text, 256, "%s", a->text != NULL ? a->text : "");
        told = told || a->kind == kind;
        action_free(a);
    }
    return told;
}

static void a_server_that_does_not_want_us_is_a_problem(void **state)
{
    char text[256] = "";

    (void)state;
    assert_int_equal(boss_allocate(boss, &now, &actions), PROTO_OK);
    up();
    was_told(ACTION_PROBLEM, NULL);
    hear("{\"type\":\"welcome\",\"welcome\":{\"error\":\"too old\"}}");
    assert_true(was_told(ACTION_PROBLEM, text));
    assert_non_null(strstr(text, "too old"));
    hear("{\"type\":\"welcome\",\"welcome\":{\"error\":\"too old\"}}");
    assert_false(was_told(ACTION_PROBLEM, NULL)); /* said once */
    assert_int_equal(boss_link_down(boss, LINK_CODE, &now, &actions), PROTO_OK);
    up();
    hear("{\"type\":\"welcome\",\"welcome\":{}}");
    assert_true(was_told(ACTION_PROBLEM, text));
    assert_string_equal(text, "");
}

static void an_error_of_the_server_is_a_problem(void **state)
{
    char text[256] = "";

    (void)state;
    assert_int_equal(boss_allocate(boss, &now, &actions), PROTO_OK);
    up();
    hear("{\"type\":\"error\",\"error\":\"out of numbers\",\"orig\":{\"type\":\"allocate\"}}");
    assert_true(was_told(ACTION_PROBLEM, text));
    assert_non_null(strstr(text, "out of numbers"));
}

static unsigned problems_told(void)
{
    unsigned count = 0;
    struct action *a;

    while ((a = actions_take(&actions)) != NULL) {
        count += a->kind == ACTION_PROBLEM;
        action_free(a);
    }
    return count;
}

/* Each change is a row in the log, and rows stay. */
static void a_server_that_contradicts_itself_is_heeded_once_a_connection(void **state)
{
    (void)state;
    assert_int_equal(boss_allocate(boss, &now, &actions), PROTO_OK);
    for (int connection = 0; connection < 2; connection++) {
        up();
        problems_told();
        for (int i = 0; i < 100; i++) {
            hear("{\"type\":\"error\",\"error\":\"out of order\"}");
            hear("{\"type\":\"welcome\",\"welcome\":{}}");
        }
        assert_int_equal(problems_told(), 2);
        assert_int_equal(boss_link_down(boss, LINK_CODE, &now, &actions), PROTO_OK);
    }
}

static void a_server_that_does_not_answer_is_tried_anew(void **state)
{
    (void)state;
    assert_int_equal(boss_allocate(boss, &now, &actions), PROTO_OK);
    up();
    actions_release(&actions);
    int64_t deadline_ms = boss_deadline_ms(boss);
    assert_true(deadline_ms > now.ms && deadline_ms <= now.ms + BOSS_ANSWER_MS);
    now.ms = deadline_ms;
    assert_int_equal(boss_tick(boss, &now, &actions), PROTO_OK);
    struct action *first = actions_take(&actions), *second = actions_take(&actions);
    assert_int_equal(first->kind, ACTION_LINK_CLOSE);
    assert_int_equal(second->kind, ACTION_LINK_OPEN);
    action_free(first);
    action_free(second);
    assert_true(boss_deadline_ms(boss) > now.ms);
}

static void nonsense_is_dropped(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"type\":7}",
        "{\"type\":\"message\"}",
        "{\"type\":\"allocated\"}",
        "{\"type\":\"claimed\",\"mailbox\":\"m\"}",
        "{\"type\":\"pong\",\"pong\":1}",
        "{\"type\":\"message\",\"side\":\"x\",\"phase\":\"pake\",\"body\":\"zz\",\"id\":\"1\"}"};

    (void)state;
    assert_int_equal(boss_allocate(boss, &now, &actions), PROTO_OK);
    up();
    actions_release(&actions);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        hear(texts[i]);
    assert_false(was_told(ACTION_STATE, NULL));
    assert_int_equal(boss_state(boss), BOSS_WAITING);
}

static void news_of_links_that_nobody_wants_is_dropped(void **state)
{
    (void)state;
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++) {
        assert_int_equal(boss_link_up(boss, link, &now, &actions), PROTO_OK);
        assert_int_equal(
            boss_link_received(boss, link, "{\"type\":\"closed\"}", 17, &now, &actions), PROTO_OK);
        assert_int_equal(boss_link_down(boss, link, &now, &actions), PROTO_OK);
    }
    assert_null(actions.first);
    assert_int_equal(boss_transit_up(boss, 1, &now, &actions), PROTO_OK);
    assert_int_equal(boss_transit_down(boss, 1, &now, &actions), PROTO_OK);
    struct hint_list none = {0};
    assert_int_equal(boss_transit_hints(boss, 1, &none, &now, &actions), PROTO_OK);
    assert_null(actions.first);
}

/* ---- two of them ---- */

static struct pair *pair;

static int begin_pair(void **state)
{
    (void)state;
    pair = pair_new(1);
    pair_connect(pair);
    pair_run(pair, NULL, SECOND);
    return 0;
}

static int end_pair(void **state)
{
    (void)state;
    pair_free(pair);
    return 0;
}

static bool fifty_each(const struct pair *p)
{
    return pair_store(p, PAIR_A)->received == 50 && pair_store(p, PAIR_B)->received == 50;
}

static void assert_fifty_arrive_within(int64_t ms)
{
    pair_send(pair, PAIR_A, 50);
    pair_send(pair, PAIR_B, 50);
    assert_true(pair_run(pair, fifty_each, ms));
    assert_int_equal(pair_store(pair, PAIR_A)->disorder + pair_store(pair, PAIR_B)->disorder, 0);
    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++) {
        assert_int_equal(pair_store(pair, who)->state, BOSS_PAIRED);
        assert_int_equal(pair_store(pair, who)->events[EVENT_WENT_BACK_HERE], 0);
        assert_int_equal(pair_store(pair, who)->events[EVENT_CLONE], 0);
        assert_string_equal(pair_store(pair, who)->problem, "");
    }
}

static void inject(const char *side, const char *phase)
{
    static const char body[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
                               "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    mailbox_server_inject(pair_server(pair), APPID, pair_boss(pair, PAIR_A)->current->mailbox.id,
                          side, phase, body, pair_now_ms(pair));
}

/* Under either side, in the place of what is to come, live and in a replay. */
static void what_the_server_makes_up_is_ignored(void **state)
{
    static const char *const phases[] = {"version",
                                         "0",
                                         "1",
                                         "5",
                                         "63",
                                         "x",
                                         "e0123456789abcdef",
                                         "pake",
                                         "-1",
                                         "18446744073709551615"};

    (void)state;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        inject(pair_boss(pair, PAIR_A)->side, phases[i]);
        inject(pair_boss(pair, PAIR_B)->side, phases[i]);
        inject("cccccccccc", phases[i]);
    }
    pair_run(pair, NULL, SECOND);
    pair_cut(pair, PAIR_A);
    pair_run(pair, NULL, SECOND);
    assert_fifty_arrive_within(MINUTE);
}

static void old_contents_of_the_mailbox_are_ignored(void **state)
{
    struct old {
        char side[16], phase[32], *body;
    } old[200];
    size_t count = 0;

    (void)state;
    pair_send(pair, PAIR_A, 20);
    pair_send(pair, PAIR_B, 20);
    pair_run(pair, NULL, 10 * SECOND);
    for (const struct row_message *m = mailbox_server_rows(pair_server(pair))->messages;
         m != NULL && count < 200; m = m->next, count++) {
        snprintf(old[count].side, sizeof(old[0].side), "%s", m->side);
        snprintf(old[count].phase, sizeof(old[0].phase), "%s", m->phase);
        old[count].body = strdup(m->body);
    }
    mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
    for (size_t i = count; i > 0; i--) {
        mailbox_server_inject(pair_server(pair), APPID,
                              pair_boss(pair, PAIR_A)->current->mailbox.id, old[i - 1].side,
                              old[i - 1].phase, old[i - 1].body, pair_now_ms(pair));
        free(old[i - 1].body);
    }
    assert_true(count > 20);
    pair_run(pair, NULL, 10 * SECOND);
    assert_fifty_arrive_within(MINUTE);
}

static void a_flood_makes_it_deaf_only_until_the_next_connection(void **state)
{
    char phase[32];

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(phase, sizeof(phase), "e%016x", i);
        inject(pair_boss(pair, PAIR_B)->side, phase);
    }
    pair_run(pair, NULL, SECOND);
    assert_string_not_equal(pair_store(pair, PAIR_A)->problem, "");
    mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
    pair_send(pair, PAIR_A, 50);
    pair_send(pair, PAIR_B, 50);
    assert_true(pair_run(pair, fifty_each, MINUTE));
    assert_string_equal(pair_store(pair, PAIR_A)->problem, "");
}

static void a_clock_that_is_set_back_stops_nothing(void **state)
{
    (void)state;
    pair->now_ms = 1000000;
    assert_fifty_arrive_within(MINUTE);
    pair_want_bulk(pair, PAIR_A, true);
    pair_run(pair, NULL, MINUTE);
    assert_true(pair_bulk_up(pair));
}

static void a_clock_that_jumps_ahead_stops_nothing(void **state)
{
    (void)state;
    pair->now_ms += 40 * 365 * 24 * (int64_t)HOUR;
    assert_fifty_arrive_within(10 * MINUTE);
}

/* ---- mailboxes that are forgotten or crowded while somebody stays ---- */

static bool all_arrived(const struct pair *p)
{
    return pair_store(p, PAIR_B)->received == 20;
}

/* A hears B all the time and sees no reason to meet; B misses a message that A believes to be in
 * the mailbox. */
static void who_misses_a_message_calls_a_peer_that_hears_him(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    pair_send(pair, PAIR_A, 10);
    pair_run(pair, NULL, MINUTE);
    mailbox_server_forget(pair_server(pair), APPID, pair_boss(pair, PAIR_A)->current->mailbox.id);
    pair_send(pair, PAIR_A, 20);
    pair_run(pair, NULL, MINUTE);
    pair_start(pair, PAIR_B);
    for (uint64_t sent = 1; sent <= 12; sent++) {
        pair_send(pair, PAIR_B, sent);
        pair_run(pair, NULL, 5 * MINUTE);
    }
    assert_true(all_arrived(pair));
    assert_int_equal(pair_store(pair, PAIR_B)->disorder, 0);
}

static void crowd(const char *mailbox)
{
    struct mailbox_server *server = pair_server(pair);
    for (int i = 0; i < 2; i++) {
        char bind[160], open[160];
        int64_t now_ms = pair_now_ms(pair);
        uint64_t stranger = mailbox_server_connect(server, now_ms);
        int len =
            snprintf(bind, sizeof bind,
                     "{\"type\":\"bind\",\"appid\":\"%s\",\"side\":\"stranger%d\"}", APPID, i);
        mailbox_server_receive(server, stranger, bind, (size_t)len, now_ms);
        len = snprintf(open, sizeof open, "{\"type\":\"open\",\"mailbox\":\"%s\"}", mailbox);
        mailbox_server_receive(server, stranger, open, (size_t)len, now_ms);
        mailbox_server_disconnect(server, stranger);
    }
}

/* The meeting, too, is crowded, after A has said its challenge there. */
static void a_crowded_meeting_delays_and_does_not_prevent(void **state)
{
    char meeting[128];

    (void)state;
    snprintf(meeting, sizeof meeting, "%s", pair_boss(pair, PAIR_A)->meeting_mailbox.id);
    pair_stop(pair, PAIR_B);
    crowd(pair_boss(pair, PAIR_A)->current->mailbox.id);
    pair_send(pair, PAIR_A, 20);
    pair_cut(pair, PAIR_A);
    pair_run(pair, NULL, MINUTE);
    crowd(meeting);
    pair_cut(pair, PAIR_A);
    pair_start(pair, PAIR_B);
    assert_true(pair_run(pair, all_arrived, 6 * HOUR));
    assert_int_equal(pair_store(pair, PAIR_B)->disorder, 0);
}

#define B(name) cmocka_unit_test_setup_teardown(name, begin_boss, end_boss)
#define P(name) cmocka_unit_test_setup_teardown(name, begin_pair, end_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        B(a_server_that_does_not_want_us_is_a_problem),
        B(an_error_of_the_server_is_a_problem),
        B(a_server_that_contradicts_itself_is_heeded_once_a_connection),
        B(a_server_that_does_not_answer_is_tried_anew),
        B(nonsense_is_dropped),
        B(news_of_links_that_nobody_wants_is_dropped),
        P(what_the_server_makes_up_is_ignored),
        P(old_contents_of_the_mailbox_are_ignored),
        P(a_flood_makes_it_deaf_only_until_the_next_connection),
        P(a_clock_that_is_set_back_stops_nothing),
        P(a_clock_that_jumps_ahead_stops_nothing),
        P(who_misses_a_message_calls_a_peer_that_hears_him),
        P(a_crowded_meeting_delays_and_does_not_prevent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
