/* The hand-over (PROTOCOL.md §4): whatever happens between the first code and the pairing, the two
 * find each other; and what the users do with codes that are wrong, old, or burnt. */
#include "code_rig.h"

#include "proto/error.h"

enum { LAST_TURN = 45 };

static bool one_each_arrived(const struct pair *p)
{
    return pair_store(p, PAIR_A)->received == 1 && pair_store(p, PAIR_B)->received == 1;
}

static void assert_they_talk(void)
{
    pair_send(pair, PAIR_A, 1);
    pair_send(pair, PAIR_B, 1);
    assert_true(pair_run(pair, one_each_arrived, 10 * MINUTE));
    assert_int_equal(of(PAIR_A)->disorder + of(PAIR_B)->disorder, 0);
}

/* A code with the same nameplate and other words. */
static const char *wrong_code(void)
{
    static char wrong[CODE_TEXT_MAX + 16];

    snprintf(wrong, sizeof(wrong), "%s-not", of(PAIR_A)->code);
    return wrong;
}

/* ---- crashes ---- */

static void a_crash_in_any_turn_of_the_pairing_does_no_harm(void **state)
{
    (void)state;
    for (unsigned turn = 1; turn <= LAST_TURN; turn++)
        for (enum pair_crash crash = PAIR_CRASH_BEFORE_COMMIT; crash <= PAIR_CRASH_IN_RELEASE;
             crash++) {
            again(turn);
            pair_crash_in(pair, turn, crash);
            pair_connect(pair);
            assert_they_talk();
        }
    assert_true(pair_turns(pair) > LAST_TURN); /* else the last ones have shown nothing */
}

static void crash_upon_crash_does_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        again(seed);
        pair_crash_often(pair, 6);
        pair_connect(pair);
        assert_they_talk();
    }
}

/* ---- the server ---- */

static void a_server_that_forgets_all_between_the_versions_strands_nobody(void **state)
{
    unsigned shown = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        if (!stop_between_the_versions(seed))
            continue;
        shown++;
        mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
        assert_true(pair_run(pair, both_are_paired, HOUR));
        assert_they_talk();
    }
    assert_true(shown > 0);
}

/* A stranger tries the nameplate and so crowds the code's mailbox for good. */
static void crowd(const char *nameplate)
{
    struct bytes text = {0};
    uint64_t stranger = mailbox_server_connect(pair_server(pair), pair_now_ms(pair));

    server_msg_bind(&text, "1", "lothar.com/wormhole/text-or-file-xfer", "ffffffffff");
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    bytes_clear(&text);
    server_msg_claim(&text, "2", nameplate);
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    bytes_release(&text);
}

static void a_stranger_who_crowds_the_mailbox_between_the_versions_is_left_behind(void **state)
{
    unsigned shown = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        char nameplate[CODE_NAMEPLATE_MAX + 1];
        if (!stop_between_the_versions(seed))
            continue;
        shown++;
        assert_int_equal(code_nameplate(nameplate, pair_boss(pair, PAIR_A)->code), 0);
        crowd(nameplate);
        pair_cut(pair, PAIR_A);
        pair_cut(pair, PAIR_B);
        assert_true(pair_run(pair, both_are_paired, MINUTE));
        assert_they_talk();
    }
    assert_true(shown > 0);
}

/* The key may have two forms, and the peer's version would tell which is meant: both wait for it.
 */
static bool stop_at_two_forks(uint64_t seed)
{
    again(seed);
    make_code();
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    while (pair_boss(pair, PAIR_A)->key.state <= KEY_STARTED ||
           pair_boss(pair, PAIR_B)->key.state <= KEY_STARTED)
        pair_step(pair, INT64_MAX);
    return pair_boss(pair, PAIR_A)->key.state == KEY_FORKED;
}

enum { FORKED_SEEDS = 1000, FORKED_SEEDS_MAX = FORKED_SEEDS + 4000 };

static void two_that_wait_for_each_others_version_do_not_wait_long(void **state)
{
    uint64_t seed = FORKED_SEEDS;

    (void)state;
    while (!stop_at_two_forks(seed) && seed < FORKED_SEEDS_MAX)
        seed++;
    assert_int_equal(pair_boss(pair, PAIR_A)->key.state, KEY_FORKED);
    pair_stop(pair, PAIR_A);
    pair_start(pair, PAIR_A);
    assert_int_equal(pair_boss(pair, PAIR_A)->key.state, KEY_FORKED);
    assert_true(pair_run(pair, both_are_paired, 10 * SECOND));
    assert_they_talk();
}

static void nothing_of_the_code_is_left(void **state)
{
    (void)state;
    pair_connect(pair);
    pass(10 * SECOND);
    assert_false(pair_boss(pair, PAIR_A)->has_code);
    assert_false(pair_boss(pair, PAIR_B)->has_code);
    assert_int_equal(pair_boss(pair, PAIR_A)->key.state, KEY_NONE);
    assert_null(boss_code(pair_boss(pair, PAIR_A)));
    for (const struct pair_body *b = of(PAIR_A)->bodies; b != NULL; b = b->next)
        assert_true(b->mailbox != MAILBOX_OF_CODE);
    assert_int_equal(pair_mailboxes(pair), 1);
}

static void a_restarted_server_in_mid_pairing_does_no_harm(void **state)
{
    (void)state;
    for (unsigned steps = 1; steps < 60; steps += 3) {
        again(steps);
        make_code();
        pair_join(pair, PAIR_B, of(PAIR_A)->code);
        for (unsigned i = 0; i < steps; i++)
            pair_step(pair, INT64_MAX);
        mailbox_server_restart(pair_server(pair), pair_now_ms(pair));
        assert_true(pair_run(pair, both_are_paired, HOUR));
        assert_they_talk();
    }
}

/* ---- codes ---- */

static void a_code_that_nobody_has_used_gets_a_successor_when_the_server_forgot_it(void **state)
{
    char old[CODE_TEXT_MAX + 1];

    (void)state;
    make_code();
    pass(SECOND);
    strcpy(old, of(PAIR_A)->code);
    pair_stop(pair, PAIR_A);
    pass(5 * MINUTE);
    pair_start(pair, PAIR_A);
    pass(SECOND);
    assert_string_equal(of(PAIR_A)->code, old); /* still good */
    pair_stop(pair, PAIR_A);
    pass(HOUR);
    pair_start(pair, PAIR_A);
    pass(10 * SECOND);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_EXPIRED], 1);
    assert_int_equal(of(PAIR_A)->events[EVENT_CODE_EXPIRED], 1);
    assert_non_null(strstr(of(PAIR_A)->problem, "the server had forgotten the code"));
    assert_string_not_equal(of(PAIR_A)->code, old);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
    assert_they_talk();
}

static void a_code_that_never_got_to_the_server_expires_too(void **state)
{
    (void)state;
    pair_allocate(pair, PAIR_A);
    while (pair_boss(pair, PAIR_A)->code_mailbox.state != MAILBOX_REPLAY)
        pair_step(pair, INT64_MAX);
    pair_stop(pair, PAIR_A); /* the mailbox is known, our pake is not there */
    pass(HOUR);
    pair_start(pair, PAIR_A);
    pass(10 * SECOND);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_EXPIRED], 1);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
}

static void a_wrong_guess_burns_the_code_and_there_is_another(void **state)
{
    char old[CODE_TEXT_MAX + 1];

    (void)state;
    make_code();
    strcpy(old, of(PAIR_A)->code);
    pair_join(pair, PAIR_B, wrong_code());
    pass(10 * SECOND);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_BURNT], 1);
    assert_int_equal(of(PAIR_A)->events[EVENT_CODE_BURNT], 1);
    assert_int_equal(of(PAIR_A)->state, BOSS_WAITING);
    assert_string_not_equal(of(PAIR_A)->code, old);
    assert_string_not_equal(of(PAIR_A)->problem, ""); /* somebody has been told the old code */
    assert_int_equal(of(PAIR_B)->state, BOSS_FAILED);
    assert_string_not_equal(of(PAIR_B)->problem, "");
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_string_equal(of(PAIR_B)->problem, "");
    assert_true(pair_run(pair, both_are_paired, MINUTE));
    assert_string_equal(of(PAIR_A)->problem, "");
    assert_they_talk();
}

static void three_burnt_codes_are_enough_until_the_user_asks(void **state)
{
    (void)state;
    make_code();
    for (unsigned i = 0; i < 3; i++) {
        pair_join(pair, PAIR_B, wrong_code());
        pass(10 * SECOND);
    }
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_BURNT], 3);
    assert_int_equal(of(PAIR_A)->state, BOSS_FAILED);
    assert_string_not_equal(of(PAIR_A)->problem, "");
    pass(HOUR);
    assert_false(a_has_a_code(pair));
    make_code();
    assert_string_equal(of(PAIR_A)->problem, "");
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
}

static void a_code_may_be_joined_again_and_another_instead(void **state)
{
    (void)state;
    make_code();
    pair_join(pair, PAIR_B, "999-no-such");
    pass(SECOND);
    assert_int_equal(of(PAIR_B)->state, BOSS_JOINING);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
    assert_they_talk();
}

static void who_waits_with_a_code_may_join_another(void **state)
{
    (void)state;
    make_code();
    pair_allocate(pair, PAIR_B);
    pass(5 * SECOND);
    assert_int_equal(of(PAIR_B)->state, BOSS_WAITING);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
    pass(10 * SECOND);
    assert_null(mailbox_server_rows(pair_server(pair))->nameplates);
}

/* Wherever its own allocation is then, the other code must be claimed by one side only. */
static void who_is_being_given_a_code_may_join_another(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 12; steps++) {
        again(steps);
        make_code();
        pair_allocate(pair, PAIR_B);
        for (unsigned i = 0; i < steps; i++)
            pair_step(pair, pair_now_ms(pair) + SECOND);
        pair_join(pair, PAIR_B, of(PAIR_A)->code);
        assert_true(pair_run(pair, both_are_paired, MINUTE));
    }
}

static void what_cannot_be_a_code_is_refused(void **state)
{
    struct boss *b = pair_boss(pair, PAIR_B);
    struct now now = {.ms = pair_now_ms(pair)};
    struct actions actions = {0};

    (void)state;
    assert_int_equal(boss_join(b, "guitarist", &now, &actions), PROTO_ERR_INVALID);
    assert_int_equal(boss_join(b, "7-a b", &now, &actions), PROTO_ERR_INVALID);
    assert_null(actions.first);
    pair_connect(pair);
    assert_int_equal(boss_join(b, "7-guitarist-revenge", &now, &actions), PROTO_ERR_STATE);
    assert_null(actions.first);
}

static void offline_everything_waits(void **state)
{
    (void)state;
    pair_set_server(pair, false);
    pair_allocate(pair, PAIR_A);
    pass(HOUR);
    assert_int_equal(of(PAIR_A)->state, BOSS_WAITING);
    pair_set_server(pair, true);
    assert_true(pair_run(pair, a_has_a_code, 2 * MINUTE));
    pair_connect(pair);
    assert_they_talk();
}

/* ---- closing before there is a peer ---- */

static void closing_before_a_peer_came_is_quick(void **state)
{
    (void)state;
    pair_close(pair, PAIR_B);
    assert_true(of(PAIR_B)->close_done);
    make_code();
    pass(SECOND);
    pair_close(pair, PAIR_A);
    assert_true(of(PAIR_A)->close_done);
    pass(10 * SECOND);
    assert_null(mailbox_server_rows(pair_server(pair))->nameplates);
    assert_int_equal(pair_mailboxes(pair), 0);
}

static bool b_was_told(const struct pair *p)
{
    return pair_store(p, PAIR_A)->close_done && pair_store(p, PAIR_B)->peer_closed;
}

static void closing_in_the_hand_over_is_told_to_whoever_comes(void **state)
{
    (void)state;
    assert_true(stop_between_the_versions(2) || stop_between_the_versions(3));
    pair_close(pair, PAIR_A);
    assert_int_equal(of(PAIR_A)->state, BOSS_LEAVING);
    assert_true(pair_run(pair, b_was_told, MINUTE));
}

static void a_wormhole_can_be_used_again_after_its_end(void **state)
{
    (void)state;
    pair_connect(pair);
    assert_they_talk();
    pair_close(pair, PAIR_B);
    pass(10 * SECOND);
    assert_int_equal(of(PAIR_A)->state, BOSS_CLOSED);
    char side[SIDE_LEN + 1];
    strcpy(side, pair_boss(pair, PAIR_A)->side);
    make_code();
    pass(SECOND);
    assert_int_equal(of(PAIR_A)->state, BOSS_WAITING);
    assert_string_not_equal(pair_boss(pair, PAIR_A)->side, side);
    for (const struct pair_body *b = of(PAIR_A)->bodies; b != NULL; b = b->next)
        assert_true(b->mailbox == MAILBOX_OF_CODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(a_crash_in_any_turn_of_the_pairing_does_no_harm),
        ALONE(crash_upon_crash_does_no_harm),
        ALONE(a_server_that_forgets_all_between_the_versions_strands_nobody),
        ALONE(a_stranger_who_crowds_the_mailbox_between_the_versions_is_left_behind),
        ALONE(two_that_wait_for_each_others_version_do_not_wait_long),
        ALONE(nothing_of_the_code_is_left),
        ALONE(a_restarted_server_in_mid_pairing_does_no_harm),
        ALONE(a_code_that_nobody_has_used_gets_a_successor_when_the_server_forgot_it),
        ALONE(a_code_that_never_got_to_the_server_expires_too),
        ALONE(a_wrong_guess_burns_the_code_and_there_is_another),
        ALONE(three_burnt_codes_are_enough_until_the_user_asks),
        ALONE(a_code_may_be_joined_again_and_another_instead),
        ALONE(who_waits_with_a_code_may_join_another),
        ALONE(who_is_being_given_a_code_may_join_another),
        ALONE(what_cannot_be_a_code_is_refused),
        ALONE(offline_everything_waits),
        ALONE(closing_before_a_peer_came_is_quick),
        ALONE(closing_in_the_hand_over_is_told_to_whoever_comes),
        ALONE(a_wormhole_can_be_used_again_after_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
