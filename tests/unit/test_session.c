/* Whole stock sessions of two of our clients over the server in memory, first in peace, then with
 * connections that break, programs that crash in every part of a turn, and servers that restart or
 * lose everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/sim/party.h"

#define APP "lothar.com/wormhole/text-or-file-xfer"

enum { STEPS_MAX = 2000, SEEDS = 150, MINUTE_MS = 60 * 1000 };

static struct mailbox_server *server;
static struct party parties[2]; /* the one who allocates, the one who joins */
static int64_t now_ms;
static uint64_t random_state;
static bool joins_wrongly;
static unsigned faults; /* that the server or the network had */

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

static void start(uint64_t seed, const struct party_plan *a, const struct party_plan *b)
{
    const struct mailbox_server_options options = {.seed = seed};

    random_state = seed;
    now_ms = 1000000;
    faults = 0;
    joins_wrongly = false;
    server = mailbox_server_new(&options, now_ms);
    party_init(&parties[0], server, APP, a, (uint8_t)(2 * seed));
    party_init(&parties[1], server, APP, b, (uint8_t)(2 * seed + 1));
}

static void end(void)
{
    party_release(&parties[0]);
    party_release(&parties[1]);
    mailbox_server_free(server);
}

/* The second can join once the first has its code. */
static bool may_act(int i)
{
    return i == 0 || parties[0].diary.code[0] != '\0';
}

static bool is_over(int i)
{
    return stock_client_is_over(&parties[i].client);
}

static bool is_transferring(int i)
{
    return parties[i].client.has_classic && parties[i].client.classic.state == CLASSIC_TRANSFER;
}

/* Both ends of the bulk are up: it succeeds at once. A crash in the turn that started it: it fails
 * at the other end too. */
static void transfer(void)
{
    if (is_transferring(0) && is_transferring(1)) {
        party_finish_transfer(&parties[0], true, now_ms);
        party_finish_transfer(&parties[1], true, now_ms);
    }
    for (int i = 0; i < 2; i++)
        if (is_transferring(i) && is_over(1 - i))
            party_finish_transfer(&parties[i], false, now_ms);
}

static void deliver(void)
{
    struct mailbox_server_output *o = mailbox_server_take(server);

    if (o == NULL)
        return;
    for (int i = 0; i < 2; i++)
        if (o->connection == parties[i].connection)
            party_receive(&parties[i], o, now_ms);
    mailbox_server_output_free(o);
}

static void user(int i)
{
    static char code[CODE_TEXT_MAX + 2];

    if (!may_act(i))
        return;
    snprintf(code, sizeof(code), "%s%s", parties[0].diary.code, joins_wrongly ? "x" : "");
    parties[1].plan.code = code;
    party_user(&parties[i], now_ms);
}

static void step(void)
{
    now_ms += 10;
    mailbox_server_tick(server, now_ms);
    deliver();
    for (int i = 0; i < 2; i++) {
        user(i);
        if (parties[i].connection == 0 && !is_over(i))
            party_connect(&parties[i], now_ms);
    }
    transfer();
}

/* A transfer that has begun does not survive its program; the rest does. */
static bool may_crash(int i)
{
    return !is_transferring(i);
}

/* The server may forget everything once both know the mailbox, and while both still come back. */
static bool may_wipe(void)
{
    for (int i = 0; i < 2; i++)
        if (parties[i].client.mailbox.id[0] == '\0' || mailbox_is_final(&parties[i].client.mailbox))
            return false;
    return true;
}

static void fault(void)
{
    int i = (int)pick(2);

    faults++;
    switch (pick(8)) {
    case 0:
    case 1:
        party_disconnect(&parties[i]);
        break;
    case 2:
    case 3:
        if (may_crash(i))
            parties[i].crash = PARTY_CRASH_BEFORE_COMMIT;
        break;
    case 4:
    case 5:
        if (may_crash(i))
            parties[i].crash = PARTY_CRASH_AFTER_COMMIT;
        break;
    case 6:
        mailbox_server_restart(server, now_ms);
        break;
    case 7:
        if (may_wipe())
            mailbox_server_wipe(server, now_ms);
        break;
    default:
        break;
    }
}

static void run(unsigned fault_steps)
{
    for (unsigned i = 0; i < STEPS_MAX && !(is_over(0) && is_over(1)); i++) {
        if (i < fault_steps && pick(4) == 0)
            fault();
        step();
    }
    assert_true(is_over(0));
    assert_true(is_over(1));
}

/* Nothing of this session is left on the server or in a store. (A nameplate whose allocation was
 * answered into a crash is another: nobody knows it, and pruning takes it.) */
static void assert_nothing_left(void)
{
    const struct mailbox_rows *rows = mailbox_server_rows(server);

    for (const struct row_nameplate *n = rows->nameplates; n != NULL; n = n->next)
        assert_string_not_equal(n->name, parties[0].client.nameplate.nameplate);
    for (const struct row_mailbox *m = rows->mailboxes; m != NULL; m = m->next)
        assert_string_not_equal(m->id, parties[0].client.mailbox.id);
    assert_null(rows->messages);
    for (int i = 0; i < 2; i++)
        assert_null(parties[i].rows);
}

static const struct party_plan sends_text = {.words = "guitarist-revenge", .text = "hello"};
static const struct party_plan sends_file = {.words = "guitarist-revenge", .offer_file = true};
static const struct party_plan allocates = {.words = "guitarist-revenge"};
static const struct party_plan joins = {.code = ""};

static void a_text_in_peace(void **state)
{
    (void)state;
    start(1, &sends_text, &joins);
    run(0);
    assert_string_equal(parties[1].diary.last_text, "hello");
    assert_int_equal(parties[1].diary.texts, 1);
    assert_int_equal(parties[0].diary.done, 1);
    assert_int_equal(parties[1].diary.done, 1);
    assert_nothing_left();
    end();
}

static void a_file_in_peace(void **state)
{
    (void)state;
    start(2, &sends_file, &joins);
    run(0);
    assert_int_equal(parties[1].diary.files, 1);
    assert_int_equal(parties[0].diary.done, 1);
    assert_int_equal(parties[1].diary.done, 1);
    assert_nothing_left();
    end();
}

static void the_joiner_may_be_the_sender(void **state)
{
    static const struct party_plan joins_and_sends = {.code = "", .offer_file = true};

    (void)state;
    start(3, &allocates, &joins_and_sends);
    run(0);
    assert_int_equal(parties[0].diary.files, 1);
    assert_int_equal(parties[0].diary.done, 1);
    assert_nothing_left();
    end();
}

static void a_refusal(void **state)
{
    static const struct party_plan refuses = {.code = "", .refusal = "transfer rejected"};

    (void)state;
    start(4, &sends_file, &refuses);
    run(0);
    assert_int_equal(parties[0].diary.refused, 1);
    assert_int_equal(parties[1].diary.done, 1);
    assert_nothing_left();
    end();
}

static void a_wrong_code_ends_scary_on_both_sides(void **state)
{
    (void)state;
    start(5, &sends_text, &joins);
    joins_wrongly = true;
    run(0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(parties[i].client.key.state, KEY_WRONG);
        assert_int_equal(parties[i].client.mailbox.mood, MOOD_SCARY);
        assert_false(parties[i].diary.paired);
    }
    assert_nothing_left();
    end();
}

/* Was it delivered, once? False if the transfer of a file was interrupted, and both know it. */
static bool was_delivered(const struct party_plan *plan, uint64_t seed)
{
    const struct party_diary *a = &parties[0].diary, *b = &parties[1].diary;
    bool arrived =
        plan->text != NULL ? b->texts == 1 && strcmp(b->last_text, "hello") == 0 : b->files == 1;
    bool done = a->done == 1 && b->done == 1 && a->failed + b->failed == 0;
    bool interrupted =
        plan->offer_file && a->done + b->done == 0 && a->failed == 1 && b->failed == 1;

    if (!arrived || done == interrupted)
        fail_msg("seed %d: a done %u failed %u, b done %u failed %u texts %u files %u", (int)seed,
                 a->done, a->failed, b->done, b->failed, b->texts, b->files);
    return done;
}

static void storm(const struct party_plan *plan)
{
    unsigned crashes = 0, all_faults = 0, delivered = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        start(seed, plan, &joins);
        run(300);
        delivered += was_delivered(plan, seed);
        assert_nothing_left();
        crashes += parties[0].crashes + parties[1].crashes;
        all_faults += faults;
        end();
    }
    /* The storm did blow, and did not prevent much. */
    assert_true(delivered > (plan->text != NULL ? SEEDS - 1 : SEEDS * 3 / 4));
    assert_true(crashes > SEEDS);
    assert_true(all_faults > 3 * SEEDS);
}

static void a_text_in_a_storm(void **state)
{
    (void)state;
    storm(&sends_text);
}

static void a_file_in_a_storm(void **state)
{
    (void)state;
    storm(&sends_file);
}

/* Both are away for longer than the server remembers, in the middle of a session. */
static void both_come_back_to_a_server_that_has_forgotten(void **state)
{
    (void)state;
    for (unsigned when = 1; when < 60; when++) {
        start(7, &sends_text, &joins);
        for (unsigned i = 0; i < when && !(is_over(0) || is_over(1)); i++)
            step();
        if (may_wipe()) {
            party_disconnect(&parties[0]);
            party_disconnect(&parties[1]);
            now_ms += 17 * MINUTE_MS;
            mailbox_server_tick(server, now_ms);
            assert_null(mailbox_server_rows(server)->mailboxes);
        }
        run(0);
        assert_true(was_delivered(&sends_text, when));
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_in_peace),
        cmocka_unit_test(a_file_in_peace),
        cmocka_unit_test(the_joiner_may_be_the_sender),
        cmocka_unit_test(a_refusal),
        cmocka_unit_test(a_wrong_code_ends_scary_on_both_sides),
        cmocka_unit_test(a_text_in_a_storm),
        cmocka_unit_test(a_file_in_a_storm),
        cmocka_unit_test(both_come_back_to_a_server_that_has_forgotten),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
