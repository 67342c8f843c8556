/* Between the pake and the version (PROTOCOL.md §4): a guess that says no more, and a peer that is
 * away just then. */
#include "code_rig.h"

#include "proto/bytes.h"
#include "proto/server_msg.h"

static void assert_they_talk(void)
{
    send(1, 1);
    assert_delivered_within(10 * MINUTE);
}

/* Somebody claims the nameplate of A's code: the second has joined, the third crowds the mailbox.
 */
static void claim(const char *side)
{
    char nameplate[CODE_NAMEPLATE_MAX + 1];
    struct bytes text = {0};
    uint64_t stranger = mailbox_server_connect(pair_server(pair), pair_now_ms(pair));

    assert_int_equal(code_nameplate(nameplate, of(PAIR_A)->code), 0);
    server_msg_bind(&text, "1", pair_boss(pair, PAIR_A)->appid, side);
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    bytes_clear(&text);
    server_msg_claim(&text, "2", nameplate);
    mailbox_server_receive(pair_server(pair), stranger, text.data, text.len, pair_now_ms(pair));
    mailbox_server_disconnect(pair_server(pair), stranger);
    bytes_release(&text);
}

/* ---- a guess ---- */

/* A stranger's guess at A's code, who says nothing more. */
static void guess(void)
{
    const struct boss *a = pair_boss(pair, PAIR_A);
    struct now now = {.seed = {5}};
    struct bytes pake = {0};
    struct key key;
    char hex[512];

    pass(SECOND); /* the code stands */
    claim("0123456789");
    key_init(&key);
    assert_int_equal(key_start(&key, "1-not-this", a->appid, &now, &pake), 0);
    assert_in_range(pake.len, 1, sizeof(hex) / 2 - 1);
    hex_encode(hex, pake.data, pake.len);
    mailbox_server_inject(pair_server(pair), a->appid, a->code_mailbox.id, "0123456789", "pake",
                          hex, pair_now_ms(pair));
    bytes_release(&pake);
    key_release(&key);
    pass(MINUTE);
    assert_int_equal(pair_boss(pair, PAIR_A)->key.state, KEY_UNVERIFIED);
}

/* Whether the server keeps the mailbox, because we are there, or has forgotten it. */
static void a_guess_that_says_no_more_burns_the_code_within_two_days(void **state)
{
    (void)state;
    for (int forgotten = 0; forgotten < 2; forgotten++) {
        char old[CODE_TEXT_MAX + 1];
        again(1);
        make_code();
        strcpy(old, of(PAIR_A)->code);
        guess();
        assert_string_equal(of(PAIR_A)->problem, "");
        if (forgotten) {
            mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
            pass(HOUR);
            pair_stop(pair, PAIR_A);
            pass(HOUR);
            pair_start(pair, PAIR_A);
        }
        pass(HOUR);
        assert_string_not_equal(of(PAIR_A)->problem, ""); /* whoever comes now is too late */
        assert_string_equal(of(PAIR_A)->code, old);
        pass(2 * DAY);
        assert_int_equal(of(PAIR_A)->code_ends[CODE_END_BURNT], 1);
        assert_string_not_equal(of(PAIR_A)->code, old);
        assert_true(a_has_a_code(pair));
        pair_join(pair, PAIR_B, of(PAIR_A)->code);
        assert_true(pair_run(pair, both_are_paired, MINUTE));
        assert_string_equal(of(PAIR_A)->problem, "");
    }
}

static void the_next_guess_crowds_the_mailbox_and_burns_the_code(void **state)
{
    (void)state;
    make_code();
    guess();
    claim("ffffffffff");
    pair_cut(pair, PAIR_A);
    pass(BOSS_CROWDED_MS - MINUTE);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_BURNT], 0);
    pass(2 * MINUTE);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_BURNT], 1);
    assert_true(pair_run(pair, a_has_a_code, MINUTE));
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
}

/* ---- a peer that is away ---- */

/* Between the two versions; the one that stays may have lost the code's mailbox. */
static void a_peer_that_is_away_between_the_versions_is_waited_for(void **state)
{
    unsigned shown = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        enum pair_who away = seed % 2 == 0 ? PAIR_A : PAIR_B;
        if (!stop_between_the_versions(seed))
            continue;
        shown++;
        pair_stop(pair, away);
        pass(12 * HOUR);
        mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
        pass(6 * HOUR);
        pair_start(pair, away);
        assert_true(pair_run(pair, both_are_paired, MINUTE));
        assert_they_talk();
    }
    assert_true(shown > 1);
}

/* It has said its version meanwhile: what came is looked at before anything is given up. */
static void who_comes_back_after_days_finds_the_version_of_a_peer_that_stayed(void **state)
{
    unsigned shown = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        if (!stop_between_the_versions(seed))
            continue;
        shown++;
        pair_stop(pair, PAIR_A);
        pass(3 * DAY);
        pair_start(pair, PAIR_A);
        assert_true(pair_run(pair, both_are_paired, MINUTE));
        assert_they_talk();
    }
    assert_true(shown > 0);
}

static void who_has_joined_waits_for_days_for_whoever_made_the_code(void **state)
{
    (void)state;
    make_code();
    pair_stop(pair, PAIR_A);
    pair_join(pair, PAIR_B, of(PAIR_A)->code);
    pass(3 * DAY);
    assert_int_equal(of(PAIR_B)->state, BOSS_JOINING);
    pair_start(pair, PAIR_A);
    assert_true(pair_run(pair, both_are_paired, MINUTE));
    assert_they_talk();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(a_guess_that_says_no_more_burns_the_code_within_two_days),
        ALONE(the_next_guess_crowds_the_mailbox_and_burns_the_code),
        ALONE(a_peer_that_is_away_between_the_versions_is_waited_for),
        ALONE(who_comes_back_after_days_finds_the_version_of_a_peer_that_stayed),
        ALONE(who_has_joined_waits_for_days_for_whoever_made_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
