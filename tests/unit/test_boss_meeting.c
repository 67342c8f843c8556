/* One whole wormhole in the meeting mailbox (PROTOCOL.md §7), its peer played by the test: what it
 * waits for, and what it heeds. Two whole wormholes that meet are in test_boss_back.c. */
#include "boss_rig.h"

#include "proto/boss_inner.h"
#include "proto/bytes.h"
#include "proto/phase.h"
#include "tests/sim/mailbox_rows.h"

/* The leader, alone; the follower's part is ours. */
static struct boss *leader;
static enum pair_who who;
static struct meeting follower;
static struct now draw;

static bool has_called(const struct pair *p)
{
    (void)p;
    return leader->meeting.mine.known && !leader->visit.on;
}

static bool is_visiting(const struct pair *p)
{
    (void)p;
    return leader->visit.on && leader->visit.fenced;
}

static int leader_alone(void **state)
{
    begin(state);
    send(10, 10);
    assert_delivered_within(MINUTE);
    who = pair_boss(pair, PAIR_A)->meeting.leader ? PAIR_A : PAIR_B;
    pair_stop(pair, who == PAIR_A ? PAIR_B : PAIR_A);
    leader = pair_boss(pair, who);
    pair_send(pair, who, 11); /* its reason to meet */
    assert_true(pair_run(pair, has_called, HOUR));
    draw = (struct now){.seed = {7}};
    meeting_init(&follower, false);
    meeting_begin_visit(&follower);
    return 0;
}

static int leader_gone(void **state)
{
    meeting_release(&follower);
    return end(state);
}

/* The follower says it, by the hand of the server; the leader has read it when this returns. */
static void say(const struct bytes *plain, const char *phase)
{
    struct bytes body = {0};
    char hex[2 * 256 + 1];

    assert_int_equal(phase_encrypt(&body, leader->roots.meeting, leader->peer, phase, plain->data,
                                   plain->len, &draw),
                     0);
    assert_in_range(body.len, 1, sizeof(hex) / 2);
    hex_encode(hex, body.data, body.len);
    mailbox_server_inject(pair_server(pair),
                          mailbox_server_rows(pair_server(pair))->messages->appid,
                          leader->meeting_mailbox.id, leader->peer, phase, hex, pair_now_ms(pair));
    assert_true(pair_run(pair, is_visiting, HOUR));
    pass(SECOND);
    bytes_release(&body);
}

/* A challenge that is new to the leader. The caller releases it. */
static struct bytes new_challenge(const char *phase)
{
    struct bytes plain = {0};

    assert_int_equal(meeting_challenge(&follower, phase, leader->begun, &draw, &plain), 0);
    say(&plain, phase);
    return plain;
}

static void each_new_challenge_is_worth_ten_minutes(void **state)
{
    (void)state;
    struct bytes first = new_challenge("first");
    int64_t heard_ms = pair_now_ms(pair), leave_ms;
    assert_in_range(leader->visit.leave_ms, heard_ms + BOSS_VISIT_STAY_MS - 2 * SECOND,
                    heard_ms + BOSS_VISIT_STAY_MS);
    pass(MINUTE);
    struct bytes second = new_challenge("second");
    heard_ms = pair_now_ms(pair);
    assert_in_range(leader->visit.leave_ms, heard_ms + BOSS_VISIT_STAY_MS - 2 * SECOND,
                    heard_ms + BOSS_VISIT_STAY_MS);
    leave_ms = leader->visit.leave_ms;
    pass(MINUTE);
    say(&first, "first, once more"); /* an old one that the server shows last */
    assert_int_equal(leader->visit.leave_ms, leave_ms);
    bytes_release(&first);
    bytes_release(&second);
}

/* The last thing that the leader said there, as the follower reads it. */
static void hear_answer(void)
{
    const struct row_message *row = mailbox_server_rows(pair_server(pair))->messages, *last = NULL;
    struct bytes plain = {0};
    uint8_t body[256];

    for (; row != NULL; row = row->next)
        if (strcmp(row->mailbox, leader->meeting_mailbox.id) == 0 &&
            strcmp(row->side, leader->side) == 0)
            last = row;
    assert_non_null(last);
    size_t len = strlen(last->body) / 2;
    assert_in_range(len, 1, sizeof(body));
    assert_int_equal(hex_decode(body, len, last->body, 2 * len), 0);
    assert_int_equal(
        phase_decrypt(&plain, leader->roots.meeting, leader->side, last->phase, body, len), 0);
    assert_int_equal(meeting_received(&follower, plain.data, plain.len, leader->begun), 0);
    bytes_release(&plain);
}

static void a_confirm_needs_no_room_to_be_heeded(void **state)
{
    struct bytes confirm = {0};
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t number, before = leader->begun;

    (void)state;
    struct bytes challenge = new_challenge("challenge");
    hear_answer();
    assert_int_equal(meeting_step(&follower, true), MEETING_AGREED);
    assert_int_equal(meeting_agree(&follower, &leader->roots, &number, key, &confirm), 0);
    leader->meeting_mailbox.sent.ephemeral = MAILBOX_EPHEMERAL_MAX;
    say(&confirm, "confirm");
    assert_true(number > before);
    assert_int_equal(leader->begun, number);
    bytes_release(&challenge);
    bytes_release(&confirm);
}

static bool is_closed(const struct pair *p)
{
    (void)p;
    return leader->state == BOSS_CLOSED;
}

/* The peer closes while our challenge stands in the meeting mailbox, and our user gives the
 * wormhole another's code. What is kept of the meeting has no place in the state of a new peer: a
 * store with both could not be read (fuzz_boss). */
static void a_new_peer_finds_nothing_of_the_old_ones_meeting(void **state)
{
    enum pair_who peer = who == PAIR_A ? PAIR_B : PAIR_A;

    (void)state;
    pair_start(pair, peer);
    pair_close(pair, peer);
    assert_true(pair_run(pair, is_closed, HOUR));
    assert_non_null(leader->meeting_mailbox.kept);
    pair_join(pair, who, "4-purple-sausages");
    assert_null(leader->meeting_mailbox.kept);
    pair_stop(pair, who);
    pair_start(pair, who);
    assert_true(pair_boss(pair, who)->has_code);
}

int main(void)
{
#define ALONE(name) cmocka_unit_test_setup_teardown(name, leader_alone, leader_gone)
    const struct CMUnitTest tests[] = {
        ALONE(each_new_challenge_is_worth_ten_minutes),
        ALONE(a_confirm_needs_no_room_to_be_heeded),
        ALONE(a_new_peer_finds_nothing_of_the_old_ones_meeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
