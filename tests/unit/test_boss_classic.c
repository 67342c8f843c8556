/* A whole wormhole and a stock client on one mailbox server: everything that a stock peer can
 * notice is stock, whatever crashes in between. */
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
#include "proto/server_msg.h"
#include "tests/sim/pair.h"
#include "tests/sim/party.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

#define APPID "lothar.com/wormhole/text-or-file-xfer"

static struct pair *pair;
static struct party stock;

static void hear(void *arg, const struct mailbox_server_output *o)
{
    (void)arg;
    if (o->connection == stock.connection && !o->dropped)
        party_receive(&stock, o, pair_now_ms(pair));
}

static bool has_code(const struct pair *p)
{
    return pair_store(p, PAIR_A)->code[0] != '\0';
}

/* Our wormhole has a code; the stock client joins it with its plan. */
static void start(uint64_t seed, struct party_plan plan)
{
    static char code[CODE_TEXT_MAX + 1];

    pair = pair_new(seed);
    pair_on_stranger(pair, hear, NULL);
    while (pair_store(pair, PAIR_A)->state == BOSS_NEW)
        pair_allocate(pair, PAIR_A);
    assert_true(pair_run(pair, has_code, MINUTE));
    strcpy(code, pair_store(pair, PAIR_A)->code);
    plan.code = code;
    party_init(&stock, pair_server(pair), APPID, &plan, 77);
    party_connect(&stock, pair_now_ms(pair));
    party_user(&stock, pair_now_ms(pair));
}

static bool is_paired(const struct pair *p)
{
    return pair_store(p, PAIR_A)->state == BOSS_PAIRED;
}

static void finish(void)
{
    party_release(&stock);
    pair_free(pair);
}

static const struct pair_store *ours(void)
{
    return pair_store(pair, PAIR_A);
}

static struct boss *boss(void)
{
    return pair_boss(pair, PAIR_A);
}

/* Lets both go on for a while; the stock client's user does what there is to do. */
static void go_on(void)
{
    for (unsigned i = 0; i < 50; i++) {
        pair_run(pair, NULL, 100);
        party_user(&stock, pair_now_ms(pair));
        if (stock.hints_wanted && stock.client.has_classic &&
            stock.client.classic.state == CLASSIC_FAILED)
            break;
    }
}

static void assert_paired(void)
{
    go_on();
    assert_int_equal(ours()->state, BOSS_PAIRED);
    assert_int_equal(ours()->paired, 2);
    assert_false(boss_is_persistent(boss()));
    assert_true(stock.diary.paired);
}

/* ---- what our user does ---- */

static int offer_text(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    return boss_classic_offer(b, NULL, arg, now, actions);
}

static int offer_file(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    static const struct classic_offer offer = {.name = "report.pdf", .size = 1000};

    (void)arg;
    return boss_classic_offer(b, &offer, NULL, now, actions);
}

static int answer(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    return boss_classic_answer(b, arg, now, actions);
}

static int transferred(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    return boss_classic_finished(b, arg != NULL, now, actions);
}

static void assert_ended(void)
{
    go_on();
    assert_int_equal(ours()->state, BOSS_CLOSED);
    assert_int_equal(ours()->code_ends[CODE_END_USED], 1);
}

/* ---- tests ---- */

static void a_text_of_ours_is_taken(void **state)
{
    (void)state;
    start(1, (struct party_plan){0});
    assert_paired();
    assert_true(boss_classic_idle(boss()));
    pair_input(pair, PAIR_A, offer_text, "hello");
    assert_false(boss_classic_idle(boss()));
    assert_ended();
    assert_int_equal(ours()->done, 1);
    assert_int_equal(stock.diary.texts, 1);
    assert_string_equal(stock.diary.last_text, "hello");
    finish();
}

static void a_text_of_theirs_is_taken(void **state)
{
    (void)state;
    start(2, (struct party_plan){.text = "good day"});
    assert_paired();
    assert_int_equal(ours()->texts, 1);
    pair_input(pair, PAIR_A, answer, NULL);
    assert_ended();
    assert_int_equal(ours()->done, 1);
    assert_int_equal(stock.diary.done, 1);
    finish();
}

static void a_file_of_ours_is_sent(void **state)
{
    (void)state;
    start(3, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    go_on();
    assert_int_equal(ours()->answered, 1);
    assert_int_equal(stock.diary.files, 1);
    assert_int_equal(boss()->classic->state, CLASSIC_TRANSFER);
    assert_int_equal(stock.client.classic.state, CLASSIC_TRANSFER);
    assert_memory_equal(boss()->classic->transit_key, stock.client.classic.transit_key, 32);
    pair_input(pair, PAIR_A, transferred, "ok");
    party_finish_transfer(&stock, true, pair_now_ms(pair));
    assert_ended();
    assert_int_equal(ours()->done, 1);
    go_on();
    assert_int_equal(pair_mailboxes(pair), 0);
    finish();
}

static void a_file_of_theirs_is_refused(void **state)
{
    (void)state;
    start(4, (struct party_plan){.offer_file = true});
    assert_paired();
    assert_int_equal(ours()->offered, 1);
    pair_input(pair, PAIR_A, answer, "no room");
    assert_ended();
    assert_int_equal(stock.diary.refused + stock.diary.failed, 1);
    finish();
}

static void their_refusal_is_told(void **state)
{
    (void)state;
    start(5, (struct party_plan){.refusal = "transfer rejected"});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    assert_ended();
    assert_int_equal(ours()->failed, 1);
    assert_true(ours()->refused);
    finish();
}

/* The wormhole can have another peer afterwards. */
static void another_code_follows(void **state)
{
    (void)state;
    start(6, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_text, "one");
    assert_ended();
    pair_allocate(pair, PAIR_A);
    assert_true(pair_run(pair, has_code, MINUTE));
    pair_connect(pair);
    assert_int_equal(ours()->paired, 1);
    assert_true(boss_is_persistent(boss()));
    finish();
}

static void nothing_but_the_stock_phases_is_seen(void **state)
{
    (void)state;
    start(7, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    pair_run(pair, NULL, 200);
    unsigned seen = 0;
    for (const struct row_message *m = mailbox_server_rows(pair_server(pair))->messages; m != NULL;
         m = m->next) {
        uint64_t number;
        if (strcmp(m->side, boss()->side) != 0 || strcmp(m->mailbox, boss()->code_mailbox.id) != 0)
            continue;
        assert_true(strcmp(m->phase, "pake") == 0 || strcmp(m->phase, "version") == 0 ||
                    mailbox_phase_number(m->phase, &number));
        seen++;
    }
    assert_true(seen >= 3);
    assert_null(boss()->current);
    finish();
}

static void a_crash_in_any_turn_does_no_harm(void **state)
{
    (void)state;
    for (unsigned turn = 8; turn < 40; turn++)
        for (enum pair_crash crash = PAIR_CRASH_BEFORE_COMMIT; crash <= PAIR_CRASH_IN_RELEASE;
             crash++) {
            start(turn, (struct party_plan){0});
            pair_crash_in(pair, turn - 8, crash);
            assert_paired();
            while (boss_classic_idle(boss()))
                pair_input(pair, PAIR_A, offer_text, "hello");
            assert_ended();
            assert_int_equal(ours()->done, 1);
            assert_int_equal(stock.diary.texts, 1);
            finish();
        }
}

static void closing_leaves_a_stock_peer_at_once(void **state)
{
    (void)state;
    start(9, (struct party_plan){0});
    assert_paired();
    pair_close(pair, PAIR_A);
    assert_true(ours()->close_done);
    go_on();
    assert_int_equal(stock.diary.failed, 1); /* it was told */
    finish();
}

/* It was interrupted where it asks its user, say. */
static void a_client_that_never_answers_is_given_up(void **state)
{
    (void)state;
    start(14, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    pair_run(pair, NULL, 9 * MINUTE);
    assert_int_equal(ours()->state, BOSS_PAIRED);
    pair_run(pair, NULL, 2 * MINUTE);
    assert_int_equal(ours()->state, BOSS_CLOSED);
    assert_int_equal(ours()->failed, 1);
    assert_false(ours()->refused);
    pair_allocate(pair, PAIR_A); /* another code works */
    assert_true(pair_run(pair, has_code, MINUTE));
    finish();
}

static int give_up(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    return boss_classic_end(b, arg, now, actions);
}

static bool has_told_silence(void)
{
    return strstr(ours()->problem, "said no more") != NULL;
}

/* It may wait for our user as long as it likes, but our user should know that the code is used. */
static void a_client_that_says_no_more_is_told_of(void **state)
{
    (void)state;
    start(16, (struct party_plan){0});
    assert_paired();
    pair_run(pair, NULL, 9 * MINUTE);
    assert_string_equal(ours()->problem, "");
    pair_run(pair, NULL, 2 * MINUTE);
    assert_true(has_told_silence());
    unsigned problems = ours()->problems, snapshots = ours()->snapshots;
    pair_run(pair, NULL, 60 * MINUTE);
    assert_int_equal(ours()->state, BOSS_PAIRED);
    assert_int_equal(ours()->problems, problems); /* once */
    assert_true(ours()->snapshots < snapshots + 10);
    pair_input(pair, PAIR_A, offer_text, "still there?");
    assert_ended();
    assert_string_equal(ours()->problem, "");
    assert_string_equal(stock.diary.last_text, "still there?");
    finish();
}

/* The ten minutes go on while we are away. */
static void its_silence_outlives_restarts(void **state)
{
    (void)state;
    start(17, (struct party_plan){0});
    assert_paired();
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(ours()->problem, "");
        pair_run(pair, NULL, 3 * MINUTE);
        pair_stop(pair, PAIR_A);
        pair_start(pair, PAIR_A);
    }
    pair_run(pair, NULL, 2 * MINUTE);
    assert_true(has_told_silence());
    pair_stop(pair, PAIR_A);
    pair_start(pair, PAIR_A);
    pair_run(pair, NULL, MINUTE);
    assert_true(has_told_silence());
    pair_input(pair, PAIR_A, give_up, "wormholefs was restarted");
    assert_ended();
    assert_string_equal(ours()->problem, "");
    assert_int_equal(ours()->failed, 1);
    finish();
}

/* What it said while we were away is seen first. */
static void what_was_said_meanwhile_is_no_silence(void **state)
{
    (void)state;
    start(18, (struct party_plan){.text = "good day"});
    assert_true(pair_run(pair, is_paired, MINUTE));
    assert_int_equal(ours()->texts, 0);
    pair_stop(pair, PAIR_A);
    go_on();
    pair_run(pair, NULL, 20 * MINUTE);
    pair_start(pair, PAIR_A);
    pair_run(pair, NULL, MINUTE);
    assert_int_equal(ours()->problems, 0);
    assert_int_equal(ours()->texts, 1);
    finish();
}

struct giant {
    const char *side;
    size_t body_len;
};

static int hear_giant(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    const struct giant *g = arg;
    char head[128];
    int at = snprintf(head, sizeof head,
                      "{\"type\":\"message\",\"side\":\"%s\",\"phase\":\"0\",\"body\":\"", g->side);
    size_t len = (size_t)at + 2 * g->body_len + 2;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'a', len);
    memcpy(text, head, (size_t)at);
    memcpy(text + len - 2, "\"}", 2);
    int err = boss_link_received(b, LINK_CODE, text, len, now, actions);
    free(text);
    return err;
}

/* What a stock client sends, and is longer than what we take, is a text: its sender is told. */
static void a_giant_text_is_refused(void **state)
{
    static const size_t lens[] = {FOREIGN_BODY_MAX - 64, FOREIGN_BODY_MAX + 1,
                                  SERVER_TEXT_MAX / 2 + 1};

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        start(20 + i, (struct party_plan){0});
        assert_paired();
        char *side = boss()->peer;
        pair_input(pair, PAIR_A, hear_giant, &(struct giant){"5tranger", FOREIGN_BODY_MAX + 1});
        assert_int_equal(ours()->state, BOSS_PAIRED);
        pair_input(pair, PAIR_A, hear_giant, &(struct giant){side, lens[i]});
        assert_ended();
        assert_int_equal(ours()->failed, 1);
        assert_false(ours()->refused);
        assert_int_equal(stock.diary.failed, 1);
        finish();
    }
}

/* What was offered is known to the engine alone, and that has lost it. */
static void what_was_begun_can_be_given_up(void **state)
{
    (void)state;
    start(15, (struct party_plan){.offer_file = true});
    assert_paired();
    assert_int_equal(ours()->offered, 1);
    pair_input(pair, PAIR_A, give_up, "wormholefs was restarted");
    assert_ended();
    assert_int_equal(ours()->failed, 1);
    assert_int_equal(stock.diary.failed, 1);
    finish();
}

static void the_stream_is_not_for_stock_peers(void **state)
{
    struct now now = {0};
    struct actions actions = {0};
    uint8_t incarnation[16];
    uint64_t number;

    (void)state;
    start(10, (struct party_plan){0});
    assert_paired();
    now.ms = pair_now_ms(pair);
    assert_int_equal(boss_room(boss()), 0);
    assert_int_equal(boss_send(boss(), "\x10x", 2, &number, incarnation, &now, &actions),
                     PROTO_ERR_STATE);
    assert_null(actions.first);
    finish();
}

static int line_broke(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    (void)arg;
    return boss_transit_down(b, b->classic->attempt, now, actions);
}

static void a_line_that_breaks_ends_the_transfer(void **state)
{
    (void)state;
    start(11, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    go_on();
    assert_int_equal(boss()->classic->state, CLASSIC_TRANSFER);
    pair_input(pair, PAIR_A, line_broke, NULL);
    assert_int_equal(ours()->failed, 1);
    assert_false(ours()->refused);
    assert_int_equal(ours()->done, 0);
    assert_ended();
    finish();
}

/* A third side opens the mailbox of the code, and our connection is made anew. */
static void crowd(void)
{
    struct bytes text = {0};
    uint64_t stranger = mailbox_server_connect(pair_server(pair), pair_now_ms(pair));

    server_msg_bind(&text, "1", APPID, "ffffffffff");
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    bytes_clear(&text);
    server_msg_open(&text, "2", boss()->code_mailbox.id);
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    bytes_release(&text);
    pair_cut(pair, PAIR_A);
    pair_run(pair, NULL, MINUTE);
}

static void a_crowded_mailbox_ends_what_has_not_begun(void **state)
{
    (void)state;
    start(12, (struct party_plan){0});
    assert_paired();
    crowd();
    assert_int_equal(ours()->failed, 1);
    assert_int_equal(ours()->state, BOSS_CLOSED);
    assert_null(boss()->classic);
    assert_int_equal(boss_classic_finished(boss(), true, &(struct now){0}, &(struct actions){0}),
                     0);
    finish();
}

static void a_crowded_mailbox_does_not_end_a_transfer(void **state)
{
    (void)state;
    start(13, (struct party_plan){0});
    assert_paired();
    pair_input(pair, PAIR_A, offer_file, NULL);
    go_on();
    assert_int_equal(boss()->classic->state, CLASSIC_TRANSFER);
    crowd();
    assert_int_equal(ours()->failed, 0);
    pair_input(pair, PAIR_A, transferred, "ok");
    assert_ended();
    assert_int_equal(ours()->done, 1);
    finish();
}

/* ---- keys of which there are two (proto/spake2.h) ---- */

enum { FORKED_SEEDS = 1500, FORKED_SEEDS_MAX = FORKED_SEEDS + 4000 };

static bool has_key(const struct pair *p)
{
    (void)p;
    return boss()->key.state > KEY_STARTED;
}

/* A session in which the key is forked: one in 256. */
static void start_forked(bool trims_keys)
{
    for (uint64_t seed = FORKED_SEEDS; seed < FORKED_SEEDS_MAX; seed++) {
        start(seed, (struct party_plan){.trims_keys = trims_keys});
        assert_true(pair_run(pair, has_key, MINUTE));
        if (boss()->key.state == KEY_FORKED)
            return;
        finish();
    }
    fail_msg("no key is forked");
}

static void a_peer_that_trims_its_key_is_understood(void **state)
{
    (void)state;
    start_forked(true);
    assert_null(boss()->current);
    assert_paired();
    pair_input(pair, PAIR_A, offer_text, "hello");
    assert_ended();
    assert_string_equal(stock.diary.last_text, "hello");
    finish();
}

static void a_peer_that_does_not_is_understood_too(void **state)
{
    (void)state;
    start_forked(false);
    assert_paired();
    pair_input(pair, PAIR_A, offer_text, "hello");
    assert_ended();
    assert_string_equal(stock.diary.last_text, "hello");
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_of_ours_is_taken),
        cmocka_unit_test(a_text_of_theirs_is_taken),
        cmocka_unit_test(a_file_of_ours_is_sent),
        cmocka_unit_test(a_file_of_theirs_is_refused),
        cmocka_unit_test(their_refusal_is_told),
        cmocka_unit_test(another_code_follows),
        cmocka_unit_test(nothing_but_the_stock_phases_is_seen),
        cmocka_unit_test(a_crash_in_any_turn_does_no_harm),
        cmocka_unit_test(closing_leaves_a_stock_peer_at_once),
        cmocka_unit_test(a_client_that_never_answers_is_given_up),
        cmocka_unit_test(a_client_that_says_no_more_is_told_of),
        cmocka_unit_test(its_silence_outlives_restarts),
        cmocka_unit_test(what_was_said_meanwhile_is_no_silence),
        cmocka_unit_test(what_was_begun_can_be_given_up),
        cmocka_unit_test(a_giant_text_is_refused),
        cmocka_unit_test(the_stream_is_not_for_stock_peers),
        cmocka_unit_test(a_line_that_breaks_ends_the_transfer),
        cmocka_unit_test(a_crowded_mailbox_ends_what_has_not_begun),
        cmocka_unit_test(a_crowded_mailbox_does_not_end_a_transfer),
        cmocka_unit_test(a_peer_that_trims_its_key_is_understood),
        cmocka_unit_test(a_peer_that_does_not_is_understood_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
