/* Two whole wormholes and a mailbox server, on a virtual clock: see tests/sim/pair.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "tests/sim/pair.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24 * (int64_t)HOUR)
#define MONTH (30 * DAY)

static struct pair *pair;

static int begin(void **state)
{
    (void)state;
    pair = pair_new(1);
    pair_connect(pair);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pair_free(pair);
    return 0;
}

static const struct pair_store *of(enum pair_who who)
{
    return pair_store(pair, who);
}

/* ---- what is waited for ---- */

static uint64_t goal[2];

static bool all_delivered(const struct pair *p)
{
    return pair_store(p, PAIR_A)->received == goal[PAIR_B] &&
           pair_store(p, PAIR_B)->received == goal[PAIR_A] &&
           pair_store(p, PAIR_A)->messages == NULL && pair_store(p, PAIR_B)->messages == NULL;
}

static bool all_acknowledged(const struct pair *p)
{
    return pair_store(p, PAIR_A)->messages == NULL && pair_store(p, PAIR_B)->messages == NULL;
}

static void send(uint64_t a, uint64_t b)
{
    goal[PAIR_A] = a;
    goal[PAIR_B] = b;
    pair_send(pair, PAIR_A, a);
    pair_send(pair, PAIR_B, b);
}

static void assert_delivered_within(int64_t ms)
{
    if (!pair_run(pair, all_delivered, ms))
        fail_msg("after %lld ms A has %llu of %llu, B %llu of %llu", (long long)ms,
                 (unsigned long long)of(PAIR_A)->received, (unsigned long long)goal[PAIR_B],
                 (unsigned long long)of(PAIR_B)->received, (unsigned long long)goal[PAIR_A]);
    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++) {
        assert_int_equal(of(who)->disorder, 0);
        assert_int_equal(of(who)->missed, 0);
    }
}

/* Of any one side in any one mailbox: version, 64 numbered, 64 ephemeral messages. */
static void assert_bounded(void)
{
    size_t messages, bytes;

    pair_peak(pair, &messages, &bytes);
    assert_true(messages <= 1 + MAILBOX_NUMBERED_MAX + MAILBOX_EPHEMERAL_MAX);
    assert_true(bytes <= MAILBOX_BYTES_MAX);
}

static unsigned events(enum pair_who who, enum boss_event event)
{
    return of(who)->events[event];
}

static void pass(int64_t ms)
{
    pair_run(pair, NULL, ms);
}

static void again(uint64_t seed)
{
    pair_free(pair);
    pair = pair_new(seed);
}

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

/* ---- stores that go back ---- */

/* A's store is put back by `lost` messages of each side. */
static void go_back(enum pair_who who, unsigned lost)
{
    send(30, 30);
    assert_delivered_within(MINUTE);
    pair_backup(pair, who);
    send(30 + lost, 30 + lost);
    assert_delivered_within(MINUTE);
    pass(SECOND);
}

/* What was received after the backup is gone here; nothing else. */
static void assert_heals_within(enum pair_who who, int64_t ms)
{
    enum pair_who other = who == PAIR_A ? PAIR_B : PAIR_A;

    if (!pair_run(pair, all_delivered, ms))
        fail_msg("after %lld ms A has %llu of %llu, B %llu of %llu", (long long)ms,
                 (unsigned long long)of(PAIR_A)->received, (unsigned long long)goal[PAIR_B],
                 (unsigned long long)of(PAIR_B)->received, (unsigned long long)goal[PAIR_A]);
    assert_int_equal(of(who)->disorder, 0);
    assert_int_equal(of(other)->disorder, 0);
    assert_int_equal(of(other)->missed, 0);
    pass(HOUR);
    assert_string_equal(of(who)->problem, "");
    assert_int_equal(of(who)->state, BOSS_PAIRED);
    assert_int_equal(of(other)->state, BOSS_PAIRED);
}

static void an_old_backup_heals(void **state)
{
    static const unsigned lost[] = {1, 3, 20, 200};

    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++)
        for (unsigned i = 0; i < 4; i++) {
            again(i + 1);
            pair_connect(pair);
            go_back(who, lost[i]);
            pair_restore(pair, who);
            pass(SECOND);
            send(300, 300);
            assert_heals_within(who, HOUR);
        }
    (void)state;
}

static void an_old_backup_heals_though_the_server_has_forgotten_all(void **state)
{
    static const unsigned lost[] = {1, 20, 200};

    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++)
        for (unsigned i = 0; i < 3; i++) {
            again(i + 1);
            pair_connect(pair);
            go_back(who, lost[i]);
            pair_stop(pair, PAIR_A);
            pair_stop(pair, PAIR_B);
            mailbox_server_wipe(pair_server(pair), pair_now_ms(pair));
            pair_restore(pair, who);
            pass(HOUR);
            pair_start(pair, who == PAIR_A ? PAIR_B : PAIR_A);
            pass(SECOND);
            send(300, 300);
            assert_heals_within(who, HOUR);
        }
    (void)state;
}

static void going_back_is_said_on_both_sides(void **state)
{
    (void)state;
    go_back(PAIR_A, 20);
    pair_restore(pair, PAIR_A);
    send(60, 60);
    assert_heals_within(PAIR_A, HOUR);
    assert_true(events(PAIR_A, EVENT_WENT_BACK_HERE) > 0);
    assert_int_equal(events(PAIR_A, EVENT_WENT_BACK_PEER), 0);
    assert_true(events(PAIR_B, EVENT_WENT_BACK_PEER) > 0);
    assert_int_equal(events(PAIR_B, EVENT_WENT_BACK_HERE), 0);
    assert_true(events(PAIR_A, EVENT_MET) > 0);
    assert_int_equal(events(PAIR_A, EVENT_MET), events(PAIR_B, EVENT_MET));
}

/* The backup holds messages that were delivered since. */
static void what_was_delivered_before_the_backup_was_lost_is_not_delivered_again(void **state)
{
    (void)state;
    send(30, 0);
    pair_cut(pair, PAIR_B);
    pair_set_server(pair, false);
    send(50, 0);
    pair_backup(pair, PAIR_A); /* twenty are on their way */
    pair_set_server(pair, true);
    assert_delivered_within(2 * MINUTE);
    send(80, 10);
    assert_delivered_within(MINUTE);
    pair_restore(pair, PAIR_A);
    assert_true(pair_run(pair, all_acknowledged, HOUR)); /* though nothing new is sent */
    assert_int_equal(of(PAIR_B)->received, 80);
    send(90, 20);
    assert_heals_within(PAIR_A, HOUR);
}

static void going_back_twice_heals_twice(void **state)
{
    (void)state;
    go_back(PAIR_A, 20);
    pair_restore(pair, PAIR_A);
    send(70, 70);
    assert_heals_within(PAIR_A, HOUR);
    pair_restore(pair, PAIR_A);
    send(90, 90);
    assert_heals_within(PAIR_A, HOUR);
    pair_backup(pair, PAIR_B);
    send(120, 120);
    assert_true(pair_run(pair, all_delivered, MINUTE));
    pair_restore(pair, PAIR_B);
    send(150, 150);
    assert_true(pair_run(pair, all_delivered, HOUR));
}

static void both_going_back_heals(void **state)
{
    (void)state;
    send(30, 30);
    assert_delivered_within(MINUTE);
    pair_backup(pair, PAIR_A);
    pair_backup(pair, PAIR_B);
    send(70, 70);
    assert_delivered_within(MINUTE);
    pair_restore(pair, PAIR_A);
    pair_restore(pair, PAIR_B);
    send(100, 100);
    assert_true(pair_run(pair, all_delivered, HOUR));
    assert_int_equal(of(PAIR_A)->disorder + of(PAIR_B)->disorder, 0);
}

static bool one_has_stopped(const struct pair *p)
{
    return pair_store(p, PAIR_A)->state == BOSS_FAILED ||
           pair_store(p, PAIR_COPY)->state == BOSS_FAILED;
}

static void a_copy_of_the_store_stops(void **state)
{
    (void)state;
    send(10, 10);
    assert_delivered_within(MINUTE);
    pair_copy(pair);
    pass(10 * SECOND);
    assert_int_equal(of(PAIR_COPY)->state, BOSS_PAIRED);
    send(11, 10);
    assert_true(pair_run(pair, one_has_stopped, MINUTE));
    assert_int_equal(of(PAIR_COPY)->state, BOSS_FAILED);
    assert_int_equal(of(PAIR_COPY)->events[EVENT_CLONE], 1);
    assert_string_not_equal(of(PAIR_COPY)->problem, "");
    send(200, 200);
    assert_delivered_within(MINUTE);
    pass(DAY);
    assert_int_equal(of(PAIR_COPY)->state, BOSS_FAILED);
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

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
        T(an_old_backup_heals),
        T(an_old_backup_heals_though_the_server_has_forgotten_all),
        T(going_back_is_said_on_both_sides),
        T(what_was_delivered_before_the_backup_was_lost_is_not_delivered_again),
        T(going_back_twice_heals_twice),
        T(both_going_back_heals),
        T(a_copy_of_the_store_stops),
        T(a_close_is_told_and_acknowledged),
        T(a_close_follows_what_was_said_before),
        T(closes_that_cross_are_each_others_ack),
        T(a_close_is_repeated_for_a_month_and_no_longer),
        T(a_late_peer_is_told_of_the_close),
        T(crashes_around_a_close_do_no_harm),
        T(a_bulk_connection_comes_about),
        T(both_wanting_one_get_one),
        T(a_bulk_connection_comes_again_after_any_restart),
        T(a_bulk_connection_comes_about_in_spite_of_crashes),
        T(a_peer_that_comes_after_days_is_connected_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
