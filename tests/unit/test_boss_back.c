/* Two whole wormholes of which one's store goes back in time, or is copied (PROTOCOL.md §10). */
#include "boss_rig.h"

#include "proto/boss_inner.h"
#include "proto/bytes.h"
#include "proto/phase.h"
#include "tests/sim/mailbox_rows.h"

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

/* The backup has a challenge in it that B has answered since: it is dead, and B will not answer it
 * again. */
static void a_challenge_that_was_met_before_the_store_went_back_is_made_anew(void **state)
{
    (void)state;
    send(10, 10);
    assert_delivered_within(MINUTE);
    pair_stop(pair, PAIR_B);
    send(20, 10);
    pass(20 * MINUTE);
    assert_true(pair_boss(pair, PAIR_A)->meeting.mine.known);
    pair_backup(pair, PAIR_A);
    pair_start(pair, PAIR_B);
    pass(HOUR);
    assert_int_not_equal(of(PAIR_A)->events[EVENT_MET], 0);
    send(40, 40);
    assert_delivered_within(MINUTE);
    pair_restore(pair, PAIR_A);
    send(80, 80);
    assert_heals_within(PAIR_A, HOUR);
}

/* ---- what a server repeats ---- */

static bool a_is_adrift_past_the_fence(const struct pair *p)
{
    (void)p;
    const struct boss *a = pair_boss(pair, PAIR_A);
    return a->adrift && a->current->mailbox.state == MAILBOX_OPEN;
}

/* A has a backup from before what its present generation has; so it finds its loss in the replay.
 */
static void back_up_and_go_on(void)
{
    send(10, 10);
    assert_delivered_within(MINUTE);
    pair_backup(pair, PAIR_A);
    send(13, 13);
    assert_delivered_within(MINUTE);
}

/* All that A ever added to its present generation, once more, live. */
static void repeat_own_messages(void)
{
    const struct mailbox *m = &pair_boss(pair, PAIR_A)->current->mailbox;
    const struct row_message *last = NULL, *row;
    struct mailbox_server *server = pair_server(pair);

    for (row = mailbox_server_rows(server)->messages; row != NULL; row = row->next)
        last = row;
    row = mailbox_server_rows(server)->messages;
    for (bool more = true; more; more = row != last, row = row->next)
        if (strcmp(row->mailbox, m->id) == 0 && strcmp(row->side, m->side) == 0)
            mailbox_server_inject(server, row->appid, m->id, m->side, row->phase, row->body,
                                  pair_now_ms(pair));
}

static void a_server_that_repeats_the_lost_future_makes_no_copy(void **state)
{
    (void)state;
    back_up_and_go_on();
    pair_restore(pair, PAIR_A);
    assert_true(pair_run(pair, a_is_adrift_past_the_fence, MINUTE));
    repeat_own_messages();
    pass(SECOND);
    send(300, 300);
    assert_heals_within(PAIR_A, HOUR);
    assert_int_equal(of(PAIR_A)->events[EVENT_CLONE], 0);
}

/* A phase that the replay did not show, from somebody with our side and our key. */
static void one_that_went_back_knows_a_copy_by_what_is_new(void **state)
{
    (void)state;
    back_up_and_go_on();
    pair_stop(pair, PAIR_B); /* so that A stays where it is */
    pair_restore(pair, PAIR_A);
    assert_true(pair_run(pair, a_is_adrift_past_the_fence, MINUTE));
    struct boss *a = pair_boss(pair, PAIR_A);
    struct bytes plain = {0}, body = {0};
    struct now now = {.seed = {9}};
    char hex[512], phase[PHASE_LEN_MAX + 1];
    bytes_put(&plain, "copy", 4);
    mailbox_phase_of_number(phase, a->current->lost);
    assert_int_equal(
        phase_encrypt(&body, a->current->key, a->side, phase, plain.data, plain.len, &now), 0);
    assert_in_range(body.len, 1, sizeof hex / 2 - 1);
    hex_encode(hex, body.data, body.len);
    mailbox_server_inject(pair_server(pair),
                          mailbox_server_rows(pair_server(pair))->messages->appid,
                          a->current->mailbox.id, a->side, phase, hex, pair_now_ms(pair));
    pass(SECOND);
    assert_int_equal(of(PAIR_A)->events[EVENT_CLONE], 1);
    assert_int_equal(of(PAIR_A)->state, BOSS_FAILED);
    bytes_release(&plain);
    bytes_release(&body);
}

/* ---- a peer that says so ---- */

static int acknowledge_what_never_was(struct boss *b, struct now *now, struct actions *actions,
                                      const void *arg)
{
    struct message_ephemeral m = {.kind = MESSAGE_ACK, .have = {.some = true, .number = 1000000}};

    (void)arg;
    boss_begin(b, now, actions);
    now_random(now, m.have.incarnation, sizeof(m.have.incarnation));
    return boss_end(b, boss_stream_ephemeral(b, &m));
}

/* And is there at once, whenever it was there before. */
static int ask_to_meet(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    struct message_ephemeral m = {.kind = MESSAGE_MEET};

    (void)arg;
    boss_begin(b, now, actions);
    b->asked = true;
    b->visit.met_ms = 0;
    boss_meeting_call(b);
    return boss_end(b, boss_stream_ephemeral(b, &m));
}

/* B says it once in each generation, as soon as it can, for ten minutes. */
static void say_in_each_generation(pair_input_fn *say)
{
    int64_t until_ms = pair_now_ms(pair) + 10 * MINUTE;
    uint64_t last = UINT64_MAX;

    while (pair_now_ms(pair) < until_ms) {
        const struct boss *b = pair_boss(pair, PAIR_B);
        if (b->next == NULL && generation_is_open(b->current) && generation_is_met(b->current) &&
            b->current->mailbox.generation != last) {
            last = b->current->mailbox.generation;
            pair_input(pair, PAIR_B, say, NULL);
        }
        if (!pair_step(pair, until_ms))
            break;
    }
}

static void a_peer_makes_us_meet_once_a_minute_at_most(void **state)
{
    static pair_input_fn *const says[] = {acknowledge_what_never_was, ask_to_meet};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        again(i + 1);
        pair_connect(pair);
        pass(MINUTE);
        unsigned turns = pair_turns(pair);
        say_in_each_generation(says[i]);
        assert_in_range(events(PAIR_A, EVENT_MET), 2, 11);
        assert_in_range(events(PAIR_A, EVENT_WENT_BACK_HERE), 0, 11);
        assert_in_range(pair_turns(pair) - turns, 0, 11 * 100);
        send(30, 30);
        assert_true(pair_run(pair, all_delivered, 5 * MINUTE));
    }
}

/* ---- copies ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_old_backup_heals),
        T(an_old_backup_heals_though_the_server_has_forgotten_all),
        T(going_back_is_said_on_both_sides),
        T(what_was_delivered_before_the_backup_was_lost_is_not_delivered_again),
        T(going_back_twice_heals_twice),
        T(both_going_back_heals),
        T(a_challenge_that_was_met_before_the_store_went_back_is_made_anew),
        T(a_server_that_repeats_the_lost_future_makes_no_copy),
        T(one_that_went_back_knows_a_copy_by_what_is_new),
        T(a_peer_makes_us_meet_once_a_minute_at_most),
        T(a_copy_of_the_store_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
