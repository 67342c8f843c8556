/* A malicious mailbox server: it can say anything on any link, but has no key. What it may do is
 * keep us from our peer; it must not get a message of its own to us, a wrong peer, or our memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/error.h"
#include "proto/phase.h"
#include "tests/fuzz/forger.h"
#include "tests/sim/pair.h"

enum { MINUTE_MS = 60000, FLOOD = 20000 };

static struct victim victim;

static void begin_as(bool paired)
{
    struct pair *p = pair_new(3);

    if (paired)
        pair_connect(p);
    else
        pair_allocate(p, PAIR_A);
    pair_run(p, NULL, MINUTE_MS / 2);
    assert_true(victim_start(&victim, pair_store(p, PAIR_A)));
    pair_free(p);
}

static void hear(enum wormhole_link link, const char *text)
{
    victim_hear(&victim, link, text, strlen(text));
}

static int begin_waiting(void **state)
{
    (void)state;
    begin_as(false);
    forger_up(&victim, LINK_CODE, true);
    return 0;
}

static int begin_paired(void **state)
{
    (void)state;
    begin_as(true);
    forger_up(&victim, LINK_CURRENT, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    victim_stop(&victim);
    return 0;
}

static struct order *order(void)
{
    return &victim.b->current->order;
}

static void say(enum wormhole_link link, const char *side, const char *phase, const void *body,
                size_t len)
{
    struct bytes b = {0};

    bytes_put(&b, body, len);
    forger_tell(&victim, link, side, phase, &b);
    bytes_release(&b);
}

/* Is everything as it was? Of what is stored, and of what we would say. */
struct before {
    uint8_t fingerprint[32];
};

static struct before look(void)
{
    struct before b;

    assert_int_equal(snapshot_fingerprint(victim.b, b.fingerprint), PROTO_OK);
    return b;
}

static void assert_unchanged(const struct before *before)
{
    struct before now = look();

    assert_memory_equal(now.fingerprint, before->fingerprint, sizeof now.fingerprint);
}

/* ---- giant messages ---- */

static void a_giant_message_is_dropped(void **state)
{
    struct before before = look();
    char *text = malloc(SERVER_TEXT_MAX + 100);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', SERVER_TEXT_MAX + 100);
    memcpy(text, "{\"type\":\"closed\"", 16);
    text[SERVER_TEXT_MAX + 50] = '}';
    victim_hear(&victim, LINK_CURRENT, text, SERVER_TEXT_MAX + 100);
    assert_unchanged(&before);
    free(text);
}

static void a_giant_body_is_dropped(void **state)
{
    uint8_t *body = calloc(1, FOREIGN_BODY_MAX + 1);

    (void)state;
    assert_non_null(body);
    say(LINK_CURRENT, victim.b->peer, "0", body, FOREIGN_BODY_MAX + 1);
    assert_int_equal(victim.b->current->mailbox.heard.bytes, 0);
    assert_int_equal(order()->count, 0);
    free(body);
}

/* ---- floods ---- */

static void strangers_cost_nothing(void **state)
{
    char side[32];

    (void)state;
    for (unsigned i = 0; i < FLOOD; i++) {
        snprintf(side, sizeof side, "stranger%u", i);
        say(LINK_CURRENT, side, "0", "junk", 4);
    }
    assert_int_equal(order()->count, 0);
    assert_int_equal(victim.b->current->mailbox.heard.bytes, 0);
    assert_false(victim.b->current->mailbox.deaf);
}

static void a_flood_in_the_name_of_the_peer_has_an_end(void **state)
{
    static const uint8_t junk[4096];
    unsigned i = 0;

    (void)state;
    for (; i < FLOOD && !victim.b->current->mailbox.deaf; i++)
        say(LINK_CURRENT, victim.b->peer, i % 2 == 0 ? "7" : "e0123456789abcdef", junk,
            sizeof junk);
    assert_in_range(i, 1, MAILBOX_ACCEPT_FACTOR * MAILBOX_BYTES_MAX / (int)sizeof junk + 2);
    assert_int_equal(order()->count, 0);
    assert_true(strlen(victim.store.problem) > 0); /* the user is told */
    uint64_t bytes = victim.b->current->mailbox.heard.bytes;
    say(LINK_CURRENT, victim.b->peer, "8", junk, sizeof junk);
    assert_int_equal(victim.b->current->mailbox.heard.bytes, bytes);
}

static void answers_to_nothing_change_nothing(void **state)
{
    static const char *const lines[] = {
        "{\"type\":\"allocated\",\"nameplate\":\"9\"}",
        "{\"type\":\"claimed\",\"mailbox\":\"elsewhere\"}",
        "{\"type\":\"released\"}",
        "{\"type\":\"pong\",\"pong\":-1}",
        "{\"type\":\"ack\"}",
        "{\"type\":\"nameplates\",\"nameplates\":[{\"id\":\"1\"}]}",
    };
    struct before before = look();

    (void)state;
    for (unsigned i = 0; i < 6 * 200; i++)
        hear((enum wormhole_link)(i % LINK_COUNT), lines[i % 6]);
    assert_unchanged(&before);
    assert_string_equal(victim.store.problem, "");
}

static void a_list_of_nameplates_is_bounded(void **state)
{
    struct bytes text = {0};
    struct server_msg m;

    (void)state;
    bytes_put_str(&text, "{\"type\":\"nameplates\",\"nameplates\":[");
    for (unsigned i = 0; i < 50000; i++)
        bytes_put_str(&text, i == 0 ? "{\"id\":\"1\"}" : ",{\"id\":\"1\"}");
    bytes_put_str(&text, "]}");
    assert_int_equal(server_msg_parse(&m, text.data, text.len), PROTO_OK);
    assert_in_range(m.nameplate_count, 0, SERVER_NAMEPLATES_MAX);
    server_msg_release(&m);
    bytes_release(&text);
}

/* The same complaint, again and again, is one line; and we do not answer each with something. */
static void errors_are_one_problem(void **state)
{
    unsigned snapshots = victim.store.snapshots;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        hear(LINK_CODE,
             "{\"type\":\"error\",\"error\":\"I hate you\",\"orig\":{\"type\":\"ping\"}}");
    assert_non_null(strstr(victim.store.problem, "I hate you"));
    assert_in_range(victim.store.snapshots - snapshots, 0, 1);
    assert_in_range(victim.link_opens, 0, 4);
}

/* ---- what it makes us do and note, again and again ---- */

enum { ROUNDS = 500 };

static unsigned notes(void)
{
    unsigned count = victim.store.problems;

    for (unsigned i = 0; i < PAIR_EVENTS; i++)
        count += victim.store.events[i];
    return count;
}

static void input_done(struct actions *actions, int err)
{
    assert_int_equal(err, PROTO_OK);
    victim_done(&victim, actions, err);
}

static void ask_for_a_code(void)
{
    struct actions actions = {0};

    input_done(&actions, boss_allocate(victim.b, &victim.now, &actions));
}

static void come_up(enum wormhole_link link)
{
    struct actions actions = {0};

    input_done(&actions, boss_link_up(victim.b, link, &victim.now, &actions));
}

static void go_down(enum wormhole_link link)
{
    struct actions actions = {0};

    input_done(&actions, boss_link_down(victim.b, link, &victim.now, &actions));
}

static void reclaims(void)
{
    come_up(LINK_CODE);
    hear(LINK_CODE, "{\"type\":\"allocated\",\"nameplate\":\"5\"}");
    hear(LINK_CODE, "{\"type\":\"error\",\"error\":\"reclaimed\","
                    "\"orig\":{\"type\":\"claim\",\"nameplate\":\"5\"}}");
}

static void forgets(void)
{
    come_up(LINK_CODE);
    hear(LINK_CODE, "{\"type\":\"allocated\",\"nameplate\":\"5\"}");
    hear(LINK_CODE, "{\"type\":\"claimed\",\"mailbox\":\"m\"}");
    forger_up(&victim, LINK_CODE, true);
    forger_up(&victim, LINK_CODE, false);
}

static void is_crowded(void)
{
    come_up(LINK_CODE);
    hear(LINK_CODE, "{\"type\":\"allocated\",\"nameplate\":\"5\"}");
    hear(LINK_CODE, "{\"type\":\"claimed\",\"mailbox\":\"m\"}");
    hear(LINK_CODE, "{\"type\":\"error\",\"error\":\"crowded\","
                    "\"orig\":{\"type\":\"open\",\"mailbox\":\"m\"}}");
}

/* Whatever it does to the codes: three, and then the user is told, and has to ask. */
static void no_code_lasts(void **state)
{
    static void (*const ways[])(void) = {reclaims, forgets, is_crowded};

    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        assert_true(victim_start(&victim, NULL));
        for (unsigned asked = 1; asked <= 2; asked++) {
            ask_for_a_code();
            for (unsigned i = 0; i < ROUNDS; i++)
                ways[way]();
            assert_int_equal(victim.store.events[EVENT_CODE_ALLOCATED], 3 * asked);
            assert_in_range(victim.link_opens, 0, 3 * asked);
            assert_in_range(notes(), 0, 16 * asked);
            assert_int_equal(victim.b->state, BOSS_FAILED);
            assert_non_null(strstr(victim.store.problem, "read code"));
        }
        victim_stop(&victim);
    }
}

/* A code that has stood for some time may be forgotten, as often as there is one. */
static void an_old_code_may_be_forgotten(void **state)
{
    (void)state;
    assert_true(victim_start(&victim, NULL));
    ask_for_a_code();
    for (unsigned i = 1; i <= 10; i++) {
        come_up(LINK_CODE);
        hear(LINK_CODE, "{\"type\":\"allocated\",\"nameplate\":\"5\"}");
        hear(LINK_CODE, "{\"type\":\"claimed\",\"mailbox\":\"m\"}");
        forger_up(&victim, LINK_CODE, true);
        go_down(LINK_CODE);
        victim.now.ms += BOSS_CODE_LASTS_MS;
        forger_up(&victim, LINK_CODE, false);
        assert_int_equal(victim.store.code_ends[CODE_END_EXPIRED], i);
        assert_int_equal(victim.b->state, BOSS_WAITING);
    }
    victim_stop(&victim);
}

/* It refuses us on each other connection, complains on the rest, and forgets the mailbox. */
static void misbehave(unsigned i)
{
    go_down(LINK_CURRENT);
    if (i % 2 == 0) {
        come_up(LINK_CURRENT);
        hear(LINK_CURRENT, "{\"type\":\"welcome\",\"welcome\":{\"error\":\"go away\"}}");
        return;
    }
    forger_up(&victim, LINK_CURRENT, i % 4 == 1);
    hear(LINK_CURRENT, "{\"type\":\"welcome\",\"welcome\":{}}");
    hear(LINK_CURRENT, "{\"type\":\"error\",\"error\":\"I hate you\",\"orig\":{}}");
}

static void connections_are_not_notes(void **state)
{
    unsigned before = notes();

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++)
        misbehave(i);
    assert_in_range(notes() - before, 3, 2 * BOSS_NOTES_MAX);
    before = notes();
    victim.now.ms += BOSS_NOTE_MS;
    for (unsigned i = 0; i < ROUNDS; i++)
        misbehave(i);
    assert_in_range(notes() - before, 1, 4); /* news of today is still told */
}

/* ---- wrong mailboxes, swapped sides ---- */

static void the_mailbox_of_a_code_is_chosen_once(void **state)
{
    char id[MAILBOX_ID_LEN_MAX + 1];

    (void)state;
    assert_true(victim.b->code_mailbox.id[0] != '\0');
    strcpy(id, victim.b->code_mailbox.id);
    hear(LINK_CODE, "{\"type\":\"claimed\",\"mailbox\":\"another\"}");
    hear(LINK_CODE, "{\"type\":\"allocated\",\"nameplate\":\"77\"}");
    assert_string_equal(victim.b->code_mailbox.id, id);
    assert_string_not_equal(victim.b->nameplate.nameplate, "77");
}

/* Our own pake as if it were the peer's: no key may come of it. */
static void our_own_pake_reflected_burns_the_code(void **state)
{
    const struct bytes *pake = mailbox_kept(&victim.b->code_mailbox, "pake");
    char code[CODE_TEXT_MAX + 1];

    (void)state;
    assert_non_null(pake);
    strcpy(code, victim.b->code);
    struct bytes copy = {0};
    bytes_put(&copy, pake->data, pake->len);
    forger_tell(&victim, LINK_CODE, "0badc0ffee", "pake", &copy);
    bytes_release(&copy);
    assert_int_equal(victim.store.paired, 0);
    assert_string_not_equal(victim.b->code, code);
    assert_int_equal(victim.store.code_ends[CODE_END_BURNT], 1);
}

/* What the peer says, shown under our side, is nothing; and what we say under the peer's neither.
 */
static void swapped_sides_say_nothing(void **state)
{
    struct before before = look();
    const struct mailbox_kept *kept = victim.b->current->mailbox.kept;
    unsigned shown = 0;

    (void)state;
    for (; kept != NULL; kept = kept->next, shown++) {
        struct bytes copy = {0};
        bytes_put(&copy, kept->body.data, kept->body.len);
        forger_tell(&victim, LINK_CURRENT, victim.b->peer, kept->phase, &copy);
        bytes_release(&copy);
    }
    for (unsigned phase = 0; phase < 20; phase++) {
        char name[8];
        snprintf(name, sizeof name, "%u", phase);
        say(LINK_CURRENT, victim.b->side, name, "forged forged forged forged forged forged", 41);
    }
    assert_int_equal(order()->count, 0);
    assert_int_equal(victim.store.received, 0);
    assert_int_equal(victim.store.disorder, 0);
    assert_unchanged(&before);
    assert_int_equal(victim.b->state, BOSS_PAIRED);
}

/* Messages of one mailbox on the link of another do not open there. */
static void a_wrong_mailbox_opens_nothing(void **state)
{
    struct bytes plain = {0}, body = {0};
    uint8_t other_key[32] = {7};
    struct now dice = {.ms = 1};

    (void)state;
    bytes_put_str(&plain, "anything at all");
    assert_int_equal(
        phase_encrypt(&body, other_key, victim.b->peer, "0", plain.data, plain.len, &dice),
        PROTO_OK);
    struct before before = look();
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++)
        forger_tell(&victim, link, victim.b->peer, "0", &body);
    assert_unchanged(&before);
    bytes_release(&plain);
    bytes_release(&body);
}

#define W(test) cmocka_unit_test_setup_teardown(test, begin_waiting, end)
#define P(test) cmocka_unit_test_setup_teardown(test, begin_paired, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        P(a_giant_message_is_dropped),
        P(a_giant_body_is_dropped),
        P(strangers_cost_nothing),
        P(a_flood_in_the_name_of_the_peer_has_an_end),
        P(answers_to_nothing_change_nothing),
        cmocka_unit_test(a_list_of_nameplates_is_bounded),
        W(errors_are_one_problem),
        cmocka_unit_test(no_code_lasts),
        cmocka_unit_test(an_old_code_may_be_forgotten),
        P(connections_are_not_notes),
        W(the_mailbox_of_a_code_is_chosen_once),
        W(our_own_pake_reflected_burns_the_code),
        P(swapped_sides_say_nothing),
        P(a_wrong_mailbox_opens_nothing),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
