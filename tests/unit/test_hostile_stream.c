/* A malicious peer that has every key, in the mailboxes of a persistent wormhole: floods, ids that
 * go backwards, positions that nobody has, generations and meetings without end, hints that would
 * make us knock at every door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/error.h"
#include "proto/mailbox_phase.h"
#include "proto/message.h"
#include "tests/fuzz/forger.h"
#include "tests/sim/pair.h"

enum { MINUTE_MS = 60000 };

static struct victim victim;
static uint64_t phase; /* of the next message of theirs in the current generation */

/* Two that have exchanged something; the forger speaks as B to A, or (leader's word) as A to B. */
static void begin_with(enum pair_who who)
{
    struct pair *p = pair_new(5);

    pair_connect(p);
    pair_send(p, PAIR_A, 3);
    pair_send(p, PAIR_B, 3);
    pair_run(p, NULL, MINUTE_MS);
    assert_true(victim_start(&victim, pair_store(p, who)));
    pair_free(p);
    forger_up(&victim, LINK_CURRENT, true);
    phase = victim.b->current->order.next;
}

static int begin(void **state)
{
    (void)state;
    begin_with(PAIR_A);
    return 0;
}

/* With messages of ours that nobody has acknowledged. */
static int begin_busy(void **state)
{
    struct actions actions = {0};
    uint8_t content[] = {MESSAGE_KIND_APPLICATION, 1, 2, 3}, incarnation[16];
    uint64_t number;

    (void)state;
    begin_with(PAIR_A);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(boss_send(victim.b, content, sizeof content, &number, incarnation,
                                   &victim.now, &actions),
                         PROTO_OK);
        pair_store_add_message(&victim.store, number, incarnation, content, sizeof content);
    }
    victim_done(&victim, &actions, PROTO_OK);
    return 0;
}

static int begin_follower(void **state)
{
    (void)state;
    begin_with(PAIR_A);
    if (!victim.b->leader)
        return 0;
    victim_stop(&victim);
    begin_with(PAIR_B);
    assert_false(victim.b->leader);
    return 0;
}

static int end(void **state)
{
    (void)state;
    victim_stop(&victim);
    return 0;
}

static struct message_id last(void)
{
    return victim.b->inbound.have;
}

static struct message_id forged(uint8_t incarnation, uint64_t number)
{
    uint8_t bytes[MESSAGE_INCARNATION_BYTES] = {0xfe, incarnation};

    return message_id_of(bytes, number);
}

static void say_as(struct message_id id, struct message_id prev, struct message_id have,
                   const struct bytes *content)
{
    char name[PHASE_LEN_MAX + 1];
    struct bytes plain = {0};
    struct message m = {
        .id = id, .prev = prev, .have = have, .content = content->data, .len = content->len};

    assert_int_equal(message_build(&plain, &m), PROTO_OK);
    mailbox_phase_of_number(name, phase++);
    forger_seal(&victim, LINK_CURRENT, victim.b->peer, name, &plain);
    bytes_release(&plain);
}

/* The application's next content, under this id; it is what pair_store.h counts. */
static void say(struct message_id id, struct message_id prev)
{
    struct bytes content = {0};

    bytes_put_u8(&content, MESSAGE_KIND_APPLICATION);
    bytes_put_u64(&content, victim.store.received);
    say_as(id, prev, (struct message_id){0}, &content);
    bytes_release(&content);
}

static void say_ephemeral(unsigned n, const struct message_ephemeral *m)
{
    char name[PHASE_LEN_MAX + 1];
    struct bytes plain = {0};

    assert_int_equal(message_ephemeral_build(&plain, m), PROTO_OK);
    snprintf(name, sizeof name, "e%016x", n);
    forger_seal(&victim, LINK_CURRENT, victim.b->peer, name, &plain);
    bytes_release(&plain);
}

/* ---- floods ---- */

static void a_flood_of_right_messages_has_an_end(void **state)
{
    uint64_t before = victim.store.received;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        say(message_id_of(last().incarnation, last().number + 1), last());
    assert_in_range(victim.store.received - before, 1,
                    MAILBOX_ACCEPT_FACTOR * MAILBOX_NUMBERED_MAX);
    assert_true(victim.b->current->mailbox.deaf);
    assert_true(strlen(victim.store.problem) > 0);
    assert_int_equal(victim.store.disorder, 0);
}

/* Each phase but the first that is missing: everything waits, up to the bound. */
static void what_waits_for_a_gap_is_bounded(void **state)
{
    struct bytes content = {0};
    struct order *order = &victim.b->current->order;

    (void)state;
    bytes_put_u8(&content, MESSAGE_KIND_APPLICATION);
    bytes_reserve(&content, 15000);
    memset(content.data + 1, 'x', 15000);
    content.len = 15001;
    phase++;
    for (unsigned i = 0; i < 1000; i++) {
        say_as(forged(1, 100 + i), forged(1, 99 + i), (struct message_id){0}, &content);
        assert_in_range(order->count, 0, ORDER_ITEMS_MAX);
        assert_in_range(order->bytes, 0, ORDER_BYTES_MAX);
    }
    bytes_release(&content);
    assert_true(victim.b->current->mailbox.deaf);
}

static void ephemeral_messages_are_answered_within_bounds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        say_ephemeral(i, &(struct message_ephemeral){.kind = MESSAGE_MEET});
        victim_wait(&victim, 100);
    }
    assert_in_range(victim.b->current->mailbox.heard.ephemeral, 1,
                    MAILBOX_ACCEPT_FACTOR * MAILBOX_EPHEMERAL_MAX + 1);
    assert_true(victim.b->current->mailbox.sent.ephemeral <= MAILBOX_EPHEMERAL_MAX);
    assert_in_range(victim.link_opens, 0, 12); /* meetings are not visited at its call each time */
}

/* ---- ids ---- */

static void ids_that_go_backwards_are_not_delivered_again(void **state)
{
    struct message_id first = last();

    (void)state;
    say(message_id_of(first.incarnation, first.number + 1), first);
    uint64_t received = victim.store.received;
    struct message_id newest = last();
    for (unsigned back = 0; back <= first.number && back < 5; back++)
        say(message_id_of(first.incarnation, newest.number - back), first);
    assert_int_equal(victim.store.received, received);
    assert_true(message_id_equal(&newest, &victim.b->inbound.have));
}

static void a_gap_is_not_delivered(void **state)
{
    uint64_t received = victim.store.received;

    (void)state;
    say(message_id_of(last().incarnation, last().number + 7),
        message_id_of(last().incarnation, last().number + 6));
    assert_true(victim.b->current->broken);
    say(message_id_of(last().incarnation, last().number + 1), last());
    assert_int_equal(victim.store.received, received); /* nothing more is taken here */
}

/* A peer whose store goes back with every message. */
static void incarnations_are_remembered_within_a_bound(void **state)
{
    unsigned backs = 0;

    (void)state;
    for (unsigned i = 0; i < 120; i++) {
        say(forged((uint8_t)i, last().number + (i % 3 == 0)), last());
        backs = victim.store.events[EVENT_WENT_BACK_PEER];
        assert_in_range(victim.b->inbound.count, 1, INBOUND_SEEN_MAX);
    }
    assert_in_range(backs, 0, 1); /* told once in a generation */
}

static void numbers_at_the_end_of_the_scale_are_safe(void **state)
{
    static const uint64_t numbers[] = {UINT64_MAX, UINT64_MAX - 1, (uint64_t)INT64_MAX + 1, 1};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        say(forged(9, numbers[i]), last());
        say(forged(9, numbers[i]), forged(9, numbers[i] - 1));
    }
    victim_restart(&victim);
    forger_up(&victim, LINK_CURRENT, true);
    assert_in_range(victim.b->inbound.count, 1, INBOUND_SEEN_MAX);
}

/* ---- positions ---- */

static void an_ack_of_what_was_never_said_acknowledges_nothing(void **state)
{
    size_t waiting = victim.b->outbound.count;

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        say_ephemeral(
            i, &(struct message_ephemeral){.kind = MESSAGE_ACK, .have = forged(3, UINT64_MAX - i)});
    assert_int_equal(victim.b->outbound.count, waiting);
    assert_in_range(victim.store.events[EVENT_WENT_BACK_HERE], 0, 1);
    assert_int_equal(victim.b->state, BOSS_PAIRED);
}

static void an_ack_that_goes_backwards_is_no_news(void **state)
{
    struct message_id floor = victim.b->outbound.floor;

    (void)state;
    for (unsigned i = 0; i < 5 && i <= floor.number; i++)
        say_ephemeral(i, &(struct message_ephemeral){
                             .kind = MESSAGE_ACK,
                             .have = message_id_of(floor.incarnation, floor.number - i)});
    assert_true(message_id_equal(&floor, &victim.b->outbound.floor));
    assert_false(victim.b->adrift);
}

/* ---- generations ---- */

static void rotate(uint64_t next, uint8_t public)
{
    struct bytes content = {0};
    uint8_t key[RATCHET_PUBLIC_BYTES] = {public};

    bytes_put_u8(&content, MESSAGE_ROTATE);
    bytes_put_u64(&content, next);
    bytes_put(&content, key, sizeof key);
    say_as(message_id_of(last().incarnation, last().number + 1), last(), (struct message_id){0},
           &content);
    bytes_release(&content);
}

static void generations_do_not_pile_up(void **state)
{
    uint64_t begun = victim.b->begun;

    (void)state;
    rotate(0, 9);                  /* an old one */
    rotate(GENERATION_MAX + 1, 9); /* none */
    rotate(UINT64_MAX, 9);
    rotate(begun + 1, 0); /* a key that gives no secret */
    assert_int_equal(victim.b->begun, begun);
    for (uint64_t i = 1; i < 30; i++)
        rotate(begun + i, 9);
    assert_in_range(victim.b->begun, begun, begun + 29);
    assert_true(victim.b->current != NULL); /* two at most: there is no room for more */
    victim_restart(&victim);
}

/* ---- hints ---- */

static struct transit_plan last_plan;
static unsigned started;

static void take_actions(struct actions *actions)
{
    struct actions rest = {0};
    struct action *a;

    while ((a = actions_take(actions)) != NULL) {
        if (a->kind == ACTION_TRANSIT_START) {
            started++;
            last_plan = *a->plan;
        }
        if (rest.last == NULL)
            rest.last = &rest.first;
        *rest.last = a;
        rest.last = &a->next;
    }
    victim_done(&victim, &rest, PROTO_OK);
}

static void hear_hints(unsigned n, const struct bytes *json)
{
    struct attempt *attempt = &victim.b->attempt;
    struct actions actions = {0};
    struct message_ephemeral m = {.kind = MESSAGE_HINTS,
                                  .challenge = {(uint8_t)n, 1},
                                  .json = json->data,
                                  .json_len = json->len};
    const struct hint_list direct = {0};
    const struct attempt_context context = {
        .leader = true, .fenced = true, .room = true, .content_key = victim.b->current->key};

    assert_int_equal(attempt_peer(attempt, &m, true), PROTO_OK);
    for (int i = 0; i < 4; i++) {
        struct message_ephemeral ours;
        if (attempt_run(attempt, &context, &victim.now, &ours, &actions) == 1)
            assert_int_equal(attempt_own(attempt, &ours), PROTO_OK);
        assert_int_equal(attempt_hints(attempt, attempt->number, &direct, &context), PROTO_OK);
        victim.now.ms += ATTEMPT_SPACING_MS;
    }
    take_actions(&actions);
}

/* A list of every port of a machine: few are kept, none twice, and none that cannot be. */
static void hints_that_would_scan_ports_are_cut(void **state)
{
    struct bytes json = {0};
    char one[120];

    (void)state;
    started = 0;
    bytes_put_str(&json, "{\"hints-v1\":[");
    for (unsigned port = 0; json.len < OWN_PLAIN_MAX - 500; port++) {
        snprintf(one, sizeof one, "%s{\"type\":\"%s\",\"hostname\":\"192.0.2.%u\",\"port\":%d}",
                 port == 0 ? "" : ",", "direct-tcp-v1", port % 2, (int)port - 5);
        bytes_put_str(&json, one);
    }
    bytes_put_str(&json, "]}");
    hear_hints(1, &json);
    bytes_release(&json);
    assert_int_equal(started, 1);
    assert_int_equal(hints_count(&last_plan.hints, HINT_DIRECT), HINTS_DIRECT_MAX);
    assert_in_range(last_plan.hints.count, HINTS_DIRECT_MAX, HINTS_MAX);
    for (size_t i = 0; i < last_plan.hints.count; i++)
        assert_true(last_plan.hints.at[i].port != 0);
}

static void relays_within_relays_are_cut(void **state)
{
    struct bytes json = {0};

    (void)state;
    started = 0;
    bytes_put_str(&json, "{\"hints-v1\":[{\"type\":\"relay-v1\",\"hints\":[");
    for (unsigned port = 1; port < 150; port++) {
        char one[100];
        snprintf(one, sizeof one, "%s{\"type\":\"direct-tcp-v1\",\"hostname\":\"h\",\"port\":%u}",
                 port == 1 ? "" : ",", port);
        bytes_put_str(&json, one);
    }
    bytes_put_str(&json, "]}]}");
    hear_hints(2, &json);
    bytes_release(&json);
    assert_int_equal(started, 1);
    assert_int_equal(hints_count(&last_plan.hints, HINT_RELAY), HINTS_RELAY_MAX);
    assert_int_equal(hints_count(&last_plan.hints, HINT_DIRECT), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define B(test) cmocka_unit_test_setup_teardown(test, begin_busy, end)
#define F(test) cmocka_unit_test_setup_teardown(test, begin_follower, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_flood_of_right_messages_has_an_end),
        T(what_waits_for_a_gap_is_bounded),
        T(ephemeral_messages_are_answered_within_bounds),
        T(ids_that_go_backwards_are_not_delivered_again),
        T(a_gap_is_not_delivered),
        T(incarnations_are_remembered_within_a_bound),
        T(numbers_at_the_end_of_the_scale_are_safe),
        B(an_ack_of_what_was_never_said_acknowledges_nothing),
        B(an_ack_that_goes_backwards_is_no_news),
        F(generations_do_not_pile_up),
        T(hints_that_would_scan_ports_are_cut),
        T(relays_within_relays_are_cut),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
