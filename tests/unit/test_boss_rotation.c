/* What makes two whole wormholes move on to another generation (PROTOCOL.md §6), and what does not.
 */
#include "boss_rig.h"

#include "proto/boss_inner.h"
#include "tests/sim/pair_inner.h"

static enum pair_who leader, follower;

static int begin_known(void **state)
{
    begin(state);
    pass(MINUTE);
    leader = pair_boss(pair, PAIR_A)->leader ? PAIR_A : PAIR_B;
    follower = leader == PAIR_A ? PAIR_B : PAIR_A;
    return 0;
}

static unsigned rotations(void)
{
    return events(PAIR_A, EVENT_ROTATED) + events(PAIR_B, EVENT_ROTATED);
}

/* By the hand of the server, in the leader's mailbox. The body opens nowhere. */
static void forge(const char *side, const char *phase, const char *body)
{
    const struct boss *b = pair_boss(pair, leader);

    mailbox_server_inject(pair_server(pair), b->appid, b->current->mailbox.id, side, phase, body,
                          pair_now_ms(pair));
}

static void what_does_not_open_makes_nobody_move_on(void **state)
{
    const char *peer = pair_boss(pair, leader)->peer;
    char phase[PHASE_LEN_MAX + 1];

    (void)state;
    unsigned turns = pair_turns(pair);
    forge(peer, "100", "00");
    for (unsigned i = 0; i < MAILBOX_EPHEMERAL_MAX; i++) {
        snprintf(phase, sizeof(phase), "e%016x", i);
        forge(peer, phase, "00");
    }
    pass(MINUTE);
    pair_cut(pair, leader); /* and once more, in a replay */
    pass(MINUTE);
    assert_int_equal(rotations(), 0);
    assert_in_range(pair_turns(pair) - turns, 0, 4 * MAILBOX_EPHEMERAL_MAX);
    send(100, 100);
    assert_delivered_within(MINUTE);
    assert_in_range(rotations(), 1, UINT32_MAX);
}

static void nor_does_what_is_too_long_to_be_our_own(void **state)
{
    static char body[2 * MAILBOX_BYTES_MAX];

    (void)state;
    memset(body, '0', sizeof(body) - 2);
    forge(pair_boss(pair, leader)->side, "e0123456789abcdef", body);
    pair_cut(pair, leader);
    pass(MINUTE);
    assert_int_equal(rotations(), 0);
    send(100, 100);
    assert_delivered_within(MINUTE);
}

/* One message of the follower, as long as they may be. */
static int say_much(struct boss *b, struct now *now, struct actions *actions, const void *arg)
{
    struct pair_store *store = &pair->sides[follower].store;
    static uint8_t content[BOSS_CONTENT_MAX];
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];
    struct bytes begins = {0};
    uint64_t number;

    (void)arg;
    bytes_put_u8(&begins, MESSAGE_KIND_APPLICATION);
    bytes_put_u64(&begins, store->sent++);
    memcpy(content, begins.data, begins.len);
    bytes_release(&begins);
    int err = boss_send(b, content, sizeof(content), &number, incarnation, now, actions);
    pair_store_add_message(store, number, incarnation, content, sizeof(content));
    return err;
}

static void say_bytes(size_t bytes)
{
    for (size_t said = 0; said < bytes; said += BOSS_CONTENT_MAX)
        pair_input(pair, follower, say_much, NULL);
    pass(SECOND);
}

/* What was handled on an earlier connection counts on the next. */
static void a_replay_tells_how_full_the_peers_part_is(void **state)
{
    (void)state;
    say_bytes(MAILBOX_BYTES_MAX / 2 - 2 * BOSS_CONTENT_MAX);
    assert_int_equal(rotations(), 0);
    pair_cut(pair, leader);
    pass(MINUTE);
    say_bytes(3 * BOSS_CONTENT_MAX);
    assert_int_equal(rotations(), 2);
    assert_int_equal(of(leader)->received, of(follower)->sent);
    assert_int_equal(of(leader)->disorder, 0);
}

int main(void)
{
#define KNOWN(name) cmocka_unit_test_setup_teardown(name, begin_known, end)
    const struct CMUnitTest tests[] = {
        KNOWN(what_does_not_open_makes_nobody_move_on),
        KNOWN(nor_does_what_is_too_long_to_be_our_own),
        KNOWN(a_replay_tells_how_full_the_peers_part_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
