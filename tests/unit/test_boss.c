/* Two whole wormholes: the stream through every misfortune, the end, bulk connections. */
#include "boss_rig.h"

/* ---- the stream ---- */

static void two_pair_and_leave_one_mailbox(void **state)
{
    (void)state;
    assert_int_equal(of(PAIR_A)->paired, 1);
    assert_int_equal(of(PAIR_B)->paired, 1);
    assert_int_equal(of(PAIR_A)->code_ends[CODE_END_USED], 1);
    pass(10 * SECOND);
    assert_int_equal(pair_mailboxes(pair), 1);
    assert_null(mailbox_server_rows(pair_server(pair))->nameplates);
    assert_string_equal(of(PAIR_A)->problem, "");
}

static void messages_arrive_once_and_in_order(void **state)
{
    (void)state;
    send(500, 500);
    assert_delivered_within(MINUTE);
    assert_bounded();
    assert_true(events(PAIR_A, EVENT_ROTATED) >= 8);
    assert_int_equal(events(PAIR_A, EVENT_MET), 0);
    pass(10 * SECOND);
    assert_int_equal(pair_mailboxes(pair), 1);
}

static void one_way_is_enough(void **state)
{
    (void)state;
    send(300, 0);
    assert_delivered_within(MINUTE);
    send(300, 300);
    assert_delivered_within(MINUTE);
    assert_bounded();
}

static void random_crashes_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        again(seed);
        pair_connect(pair);
        pair_crash_often(pair, 100);
        send(500, 500);
        assert_delivered_within(DAY);
        assert_bounded();
    }
}

static void repeated_messages_change_nothing(void **state)
{
    (void)state;
    pair_repeat_messages(pair, true);
    send(500, 500);
    assert_delivered_within(MINUTE);
    assert_bounded();
}

static void broken_connections_lose_nothing(void **state)
{
    (void)state;
    send(400, 400);
    for (unsigned i = 0; i < 300; i++) {
        pass(50 + 7 * i % 300);
        pair_cut(pair, i % 3 == 0 ? PAIR_A : PAIR_B);
    }
    assert_delivered_within(HOUR);
    assert_bounded();
}

static void a_server_that_loses_everything_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        again(seed);
        pair_connect(pair);
        send(300, 300);
        for (unsigned i = 0; i < 40; i++) {
            pass(100 + 37 * i % 500);
            if (i % 2 == 0)
                mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
            else
                mailbox_server_restart(pair_server(pair), pair_now_ms(pair));
        }
        assert_delivered_within(HOUR);
        assert_bounded();
    }
    assert_true(events(PAIR_A, EVENT_MAILBOX_LOST) + events(PAIR_B, EVENT_MAILBOX_LOST) > 0);
}

static void mailboxes_that_are_forgotten_under_us_lose_nothing(void **state)
{
    (void)state;
    send(200, 200);
    for (unsigned i = 0; i < 30; i++) {
        const struct row_mailbox *first = mailbox_server_rows(pair_server(pair))->mailboxes;
        pass(40 + 11 * i % 200);
        if (first != NULL && (first = mailbox_server_rows(pair_server(pair))->mailboxes) != NULL)
            mailbox_server_forget(pair_server(pair), first->appid, first->id);
        pair_cut(pair, PAIR_A);
        pair_cut(pair, PAIR_B);
    }
    assert_delivered_within(HOUR);
}

static void both_away_for_a_month_meet_again(void **state)
{
    (void)state;
    send(100, 100);
    pass(300);
    pair_stop(pair, PAIR_A);
    pass(200);
    pair_stop(pair, PAIR_B);
    mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
    pass(MONTH);
    pair_start(pair, PAIR_A);
    pass(HOUR);
    pair_start(pair, PAIR_B);
    assert_delivered_within(HOUR);
}

/* One after the other, for less than the server keeps a mailbox. */
static void small_things_arrive_although_the_two_are_never_online_together(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    send(20, 0);
    pass(5 * SECOND);
    pair_stop(pair, PAIR_A);
    pass(8 * MINUTE);
    pair_start(pair, PAIR_B);
    pass(5 * SECOND);
    assert_int_equal(of(PAIR_B)->received, 20);
    pair_stop(pair, PAIR_B);
    pass(8 * MINUTE);
    pair_start(pair, PAIR_A);
    assert_delivered_within(5 * SECOND);
}

static void without_a_server_it_waits(void **state)
{
    (void)state;
    pair_set_server(pair, false);
    send(10, 10);
    pass(3 * DAY);
    pair_set_server(pair, true);
    assert_delivered_within(2 * MINUTE);
}

static void idle_wormholes_stay_quiet(void **state)
{
    (void)state;
    pass(MINUTE);
    unsigned turns = pair_turns(pair), snapshots = of(PAIR_A)->snapshots;
    pass(DAY);
    assert_int_equal(events(PAIR_A, EVENT_MET), 0);
    assert_int_equal(events(PAIR_B, EVENT_MET), 0);
    assert_int_equal(of(PAIR_A)->snapshots, snapshots);
    assert_true(pair_turns(pair) - turns < 2 * 144 * 12); /* a look every ten minutes */
}

static void a_reconnection_is_no_news(void **state)
{
    (void)state;
    send(20, 20);
    assert_delivered_within(MINUTE);
    pass(MINUTE);
    unsigned snapshots = of(PAIR_A)->snapshots;
    size_t before, after, bytes;
    pair_peak(pair, &before, &bytes);
    for (unsigned i = 0; i < 100; i++) {
        pair_cut(pair, PAIR_A);
        pair_cut(pair, PAIR_B);
        pass(5 * SECOND);
    }
    pair_peak(pair, &after, &bytes);
    assert_int_equal(before, after);
    assert_int_equal(of(PAIR_A)->snapshots, snapshots);
    assert_int_equal(events(PAIR_A, EVENT_ROTATED), 0);
}

static uint64_t digest_of(uint64_t seed)
{
    again(seed);
    pair_crash_often(pair, 150);
    pair_connect(pair);
    pair_want_bulk(pair, PAIR_A, true);
    send(100, 100);
    pass(MINUTE);
    return pair_digest(pair);
}

static void equal_inputs_give_equal_actions(void **state)
{
    uint64_t one = digest_of(7);

    (void)state;
    assert_true(one == digest_of(7));
    assert_true(one != digest_of(8));
}

/* ---- the end ---- */

static bool a_is_gone(const struct pair *p)
{
    return pair_store(p, PAIR_A)->close_done;
}

static bool both_are_gone(const struct pair *p)
{
    return pair_store(p, PAIR_A)->close_done && pair_store(p, PAIR_B)->close_done;
}

static void a_close_is_told_and_acknowledged(void **state)
{
    (void)state;
    send(10, 0);
    assert_delivered_within(MINUTE);
    pair_close(pair, PAIR_A);
    assert_int_equal(of(PAIR_A)->state, BOSS_LEAVING);
    assert_true(pair_run(pair, a_is_gone, 5 * SECOND));
    assert_true(of(PAIR_B)->peer_closed);
    assert_int_equal(of(PAIR_B)->state, BOSS_CLOSED);
    pair_close(pair, PAIR_B);
    assert_true(of(PAIR_B)->close_done);
}

static void a_close_follows_what_was_said_before(void **state)
{
    (void)state;
    pair_set_server(pair, false);
    send(20, 0);
    pair_close(pair, PAIR_A);
    pass(DAY);
    assert_false(of(PAIR_A)->close_done);
    pair_set_server(pair, true);
    assert_true(pair_run(pair, a_is_gone, 10 * MINUTE));
    assert_int_equal(of(PAIR_B)->received, 20);
    assert_true(of(PAIR_B)->peer_closed);
}

static void closes_that_cross_are_each_others_ack(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut < 2; cut++) {
        if (cut > 0) {
            again(3);
            pair_connect(pair);
            pair_set_server(pair, false);
        }
        pair_close(pair, PAIR_A);
        pair_close(pair, PAIR_B);
        pair_set_server(pair, true);
        assert_true(pair_run(pair, both_are_gone, 10 * MINUTE));
    }
}

static void a_close_is_repeated_for_a_month_and_no_longer(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    pair_close(pair, PAIR_A);
    pass(MONTH - HOUR);
    assert_false(of(PAIR_A)->close_done);
    pass(2 * HOUR);
    assert_true(of(PAIR_A)->close_done);
}

static void a_late_peer_is_told_of_the_close(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    pair_close(pair, PAIR_A);
    pass(20 * DAY);
    pair_start(pair, PAIR_B);
    assert_true(pair_run(pair, a_is_gone, HOUR));
    assert_true(of(PAIR_B)->peer_closed);
}

static void crashes_around_a_close_do_no_harm(void **state)
{
    (void)state;
    for (unsigned turns = 1; turns < 25; turns++)
        for (enum pair_crash crash = PAIR_CRASH_BEFORE_COMMIT; crash <= PAIR_CRASH_IN_RELEASE;
             crash++) {
            again(turns);
            pair_connect(pair);
            pair_crash_in(pair, turns, crash);
            while (of(PAIR_A)->state == BOSS_PAIRED && !of(PAIR_A)->peer_closed)
                pair_close(pair, PAIR_A);
            assert_true(pair_run(pair, a_is_gone, HOUR));
            assert_true(of(PAIR_B)->peer_closed);
        }
}

/* ---- what a replay has ---- */

static bool b_has_some(const struct pair *p)
{
    return pair_store(p, PAIR_B)->received > 0;
}

static void a_replay_is_delivered_in_one_turn(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    pair_send(pair, PAIR_A, 20);
    pass(MINUTE);
    pair_start(pair, PAIR_B);
    assert_true(pair_run(pair, b_has_some, MINUTE));
    assert_int_equal(of(PAIR_B)->received, 20);
}

/* ---- bulk connections ---- */

static void a_bulk_connection_comes_about(void **state)
{
    (void)state;
    pair_want_bulk(pair, PAIR_A, true);
    assert_true(pair_run(pair, pair_bulk_up, 5 * SECOND));
}

static void both_wanting_one_get_one(void **state)
{
    (void)state;
    pair_want_bulk(pair, PAIR_A, true);
    pair_want_bulk(pair, PAIR_B, true);
    assert_true(pair_run(pair, pair_bulk_up, 5 * SECOND));
    size_t messages, bytes;
    pair_peak(pair, &messages, &bytes);
    assert_true(messages <= 3);
}

static void a_bulk_connection_comes_again_after_any_restart(void **state)
{
    (void)state;
    pair_want_bulk(pair, PAIR_A, true);
    for (unsigned i = 0; i < 20; i++) {
        enum pair_who who = i % 2 == 0 ? PAIR_B : PAIR_A;
        assert_true(pair_run(pair, pair_bulk_up, 40 * SECOND));
        pair_stop(pair, who);
        pass(i * SECOND);
        pair_start(pair, who);
    }
    assert_true(pair_run(pair, pair_bulk_up, 40 * SECOND));
    assert_bounded();
}

static void a_bulk_connection_comes_about_in_spite_of_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        again(seed);
        pair_connect(pair);
        pair_crash_often(pair, 40);
        pair_want_bulk(pair, PAIR_A, true);
        pair_want_bulk(pair, PAIR_B, true);
        send(100, 100);
        assert_delivered_within(DAY);
        assert_true(pair_run(pair, pair_bulk_up, HOUR));
    }
}

static void a_peer_that_comes_after_days_is_connected_to(void **state)
{
    (void)state;
    pair_stop(pair, PAIR_B);
    pair_want_bulk(pair, PAIR_A, true);
    pass(2 * DAY);
    size_t messages, bytes;
    pair_peak(pair, &messages, &bytes);
    assert_true(messages <= 4);
    pair_start(pair, PAIR_B);
    assert_true(pair_run(pair, pair_bulk_up, 40 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(two_pair_and_leave_one_mailbox),
        T(messages_arrive_once_and_in_order),
        T(one_way_is_enough),
        T(random_crashes_lose_nothing),
        T(repeated_messages_change_nothing),
        T(broken_connections_lose_nothing),
        T(a_server_that_loses_everything_loses_nothing),
        T(mailboxes_that_are_forgotten_under_us_lose_nothing),
        T(both_away_for_a_month_meet_again),
        T(small_things_arrive_although_the_two_are_never_online_together),
        T(without_a_server_it_waits),
        T(idle_wormholes_stay_quiet),
        T(a_reconnection_is_no_news),
        T(equal_inputs_give_equal_actions),
        T(a_close_is_told_and_acknowledged),
        T(a_close_follows_what_was_said_before),
        T(closes_that_cross_are_each_others_ack),
        T(a_close_is_repeated_for_a_month_and_no_longer),
        T(a_late_peer_is_told_of_the_close),
        T(crashes_around_a_close_do_no_harm),
        T(a_replay_is_delivered_in_one_turn),
        T(a_bulk_connection_comes_about),
        T(both_wanting_one_get_one),
        T(a_bulk_connection_comes_again_after_any_restart),
        T(a_bulk_connection_comes_about_in_spite_of_crashes),
        T(a_peer_that_comes_after_days_is_connected_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
