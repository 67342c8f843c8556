/* The stock file transfer, input by input, with the exact messages and actions of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/classic.h"
#include "proto/error.h"
#include "tests/sim/acts.h"

static const uint8_t key[KDF_KEY_BYTES] = {1, 2, 3};

static struct classic c;
static struct classic_out out;
static struct actions actions;
static struct hint_list direct, relays;

static int set_up(void **state)
{
    (void)state;
    direct = relays = (struct hint_list){0};
    hints_add(&direct, HINT_DIRECT, "10.0.0.1", 4444, 0);
    hints_add(&relays, HINT_RELAY, "relay", 4001, 0);
    classic_init(&c, key, 5);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    classic_release(&c);
    classic_out_release(&out);
    actions_release(&actions);
    return 0;
}

/* What the input led to: "messages | actions", each message by its first key and, for offers,
 * answers and errors, its text. */
static const char *led_to(int err)
{
    static char line[4096];

    assert_int_equal(err, PROTO_OK);
    line[0] = '\0';
    for (size_t i = 0; i < out.count; i++) {
        const struct bytes *m = &out.messages[i];
        bool transit = m->len > 11 && memcmp(m->data, "{\"transit\": ", 12) == 0;
        size_t at = strlen(line);
        snprintf(line + at, sizeof(line) - at, "%.*s ", transit ? 10 : (int)m->len,
                 (const char *)m->data);
    }
    classic_out_release(&out);
    strcat(line, "| ");
    strcat(line, acts_take(&actions));
    return line;
}

static const char *offer_file(void)
{
    const struct classic_offer offer = {.name = "f", .size = 7};

    return led_to(classic_offer(&c, &offer, NULL, &out, &actions));
}

static const char *offer_text(const char *text)
{
    return led_to(classic_offer(&c, NULL, text, &out, &actions));
}

static const char *answer(const char *refusal)
{
    return led_to(classic_answer(&c, refusal, &out, &actions));
}

static const char *peer(const char *text)
{
    return led_to(classic_received(&c, text, strlen(text), &out, &actions));
}

static const char *our_hints(uint64_t attempt)
{
    return led_to(classic_hints(&c, attempt, &direct, &relays, &out, &actions));
}

#define TRANSIT                                                                                    \
    "{\"transit\": {\"abilities-v1\": [], \"hints-v1\": [{\"type\": \"direct-tcp-v1\", "           \
    "\"hostname\": \"9.9.9.9\", \"port\": 9, \"priority\": 0.5}]}}"
#define OFFER "{\"offer\": {\"file\": {\"filename\": \"f\", \"filesize\": 7}}}"
#define THEIR_OFFER "{\"offer\": {\"file\": {\"filename\": \"theirs\", \"filesize\": 9}}}"
#define ACCEPT "{\"answer\": {\"file_ack\": \"ok\"}}"
#define TEXT_ACCEPT "{\"answer\": {\"message_ack\": \"ok\"}}"
#define REJECTED "{\"error\": \"transfer rejected\"}"

/* ---- sending ---- */

static void a_file_is_sent(void **state)
{
    (void)state;
    assert_true(classic_idle(&c));
    assert_string_equal(offer_file(), "| transit-listen 5");
    assert_false(classic_idle(&c));
    assert_string_equal(our_hints(4), "| ");
    assert_string_equal(our_hints(5), "{\"transit\" " OFFER " | ");
    assert_string_equal(our_hints(5), "| ");
    assert_int_equal(c.state, CLASSIC_OFFERED);
    assert_string_equal(peer(TRANSIT), "| ");
    assert_string_equal(peer(ACCEPT), "| classic-answered, transit-start 5 sender classic 2");
    assert_string_equal(led_to(classic_finished(&c, true, &actions)),
                        "| classic-done, transit-stop 5");
    assert_true(classic_over(&c));
    assert_string_equal(led_to(classic_finished(&c, true, &actions)), "| ");
    assert_string_equal(peer(REJECTED), "| ");
}

static void an_answer_before_their_hints_waits_for_them(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    assert_string_equal(peer(ACCEPT), "| classic-answered");
    assert_int_equal(c.state, CLASSIC_AGREED);
    assert_string_equal(peer(TRANSIT), "| transit-start 5 sender classic 2");
    assert_string_equal(peer(TRANSIT), "| ");
}

static void a_text_is_sent(void **state)
{
    (void)state;
    assert_string_equal(offer_text("hey"), "{\"offer\": {\"message\": \"hey\"}} | ");
    assert_string_equal(peer(TEXT_ACCEPT), "| classic-done");
    assert_int_equal(c.state, CLASSIC_DONE);
}

static void offers_have_bounds(void **state)
{
    const struct classic_offer bad = {.name = "\xff", .size = 7};
    char *text = malloc(CLASSIC_PLAIN_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', CLASSIC_PLAIN_MAX);
    text[CLASSIC_PLAIN_MAX] = '\0';
    assert_int_equal(classic_offer(&c, NULL, text, &out, &actions), PROTO_ERR_TOO_BIG);
    assert_int_equal(classic_offer(&c, &bad, NULL, &out, &actions), PROTO_ERR_INVALID);
    assert_true(classic_idle(&c));
    assert_int_equal(out.count, 0);
    text[CLASSIC_PLAIN_MAX - strlen("{\"offer\": {\"message\": \"\"}}")] = '\0';
    assert_int_equal(classic_offer(&c, NULL, text, &out, &actions), PROTO_OK);
    assert_int_equal(classic_offer(&c, NULL, "again", &out, &actions), PROTO_ERR_STATE);
    free(text);
}

static void the_peer_may_refuse(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    peer(TRANSIT);
    assert_string_equal(peer(REJECTED), "| classic-failed 1 transfer rejected, transit-stop 5");
    assert_true(classic_over(&c));
    tear_down(NULL);
    set_up(NULL);
    offer_file();
    our_hints(5);
    assert_string_equal(peer("{\"answer\": {\"file_ack\": \"no\"}}"),
                        "| classic-failed 1 the peer declined, transit-stop 5");
    tear_down(NULL);
    set_up(NULL);
    offer_text("x");
    assert_string_equal(peer("{\"error\": \"TransferError: boom\"}"),
                        "| classic-failed 0 TransferError: boom");
    tear_down(NULL);
    set_up(NULL);
    assert_string_equal(peer("{\"error\": 7}"), "| classic-failed 0 the peer reported an error");
}

static void an_answer_to_something_else_fails(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    assert_string_equal(
        peer(TEXT_ACCEPT),
        "| classic-failed 0 the peer answered another offer than ours, transit-stop 5");
    tear_down(NULL);
    set_up(NULL);
    assert_string_equal(peer(ACCEPT), "| ");
    assert_true(classic_idle(&c));
}

static void the_transfer_may_fail(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    assert_string_equal(led_to(classic_transit_down(&c, 5, &actions)), "| ");
    peer(TRANSIT);
    peer(ACCEPT);
    assert_string_equal(led_to(classic_transit_down(&c, 4, &actions)), "| ");
    assert_string_equal(led_to(classic_transit_down(&c, 5, &actions)),
                        "| classic-failed 0 no connection to the peer, or it broke off, "
                        "transit-stop 5");
    tear_down(NULL);
    set_up(NULL);
    offer_file();
    our_hints(5);
    peer(TRANSIT);
    peer(ACCEPT);
    assert_string_equal(led_to(classic_finished(&c, false, &actions)),
                        "| classic-failed 0 the transfer failed, transit-stop 5");
}

/* ---- receiving ---- */

static void a_file_is_received(void **state)
{
    (void)state;
    assert_string_equal(peer(TRANSIT), "| transit-listen 5");
    assert_true(classic_idle(&c));
    assert_string_equal(our_hints(5), "{\"transit\" | ");
    assert_string_equal(peer(OFFER), "| classic-offered file f 7 7 1");
    assert_int_equal(c.state, CLASSIC_ASKED);
    assert_string_equal(answer(NULL), ACCEPT " | transit-start 5 receiver classic 2");
    assert_int_equal(classic_answer(&c, NULL, &out, &actions), PROTO_ERR_STATE);
    assert_string_equal(led_to(classic_finished(&c, true, &actions)),
                        "| classic-done, transit-stop 5");
}

/* Python reads no more hints once it has its answer. */
static void our_answer_waits_for_our_hints(void **state)
{
    (void)state;
    peer(TRANSIT);
    peer(OFFER);
    assert_string_equal(answer(NULL), "| ");
    assert_int_equal(c.state, CLASSIC_AGREED);
    assert_string_equal(our_hints(5),
                        "{\"transit\" " ACCEPT " | transit-start 5 receiver classic 2");
}

static void an_offer_before_their_hints_is_answered_too(void **state)
{
    (void)state;
    assert_string_equal(peer(OFFER), "| classic-offered file f 7 7 1, transit-listen 5");
    our_hints(5);
    assert_string_equal(answer(NULL), ACCEPT " | ");
    assert_string_equal(peer(TRANSIT), "| transit-start 5 receiver classic 2");
}

static void a_text_is_received(void **state)
{
    (void)state;
    assert_string_equal(peer("{\"offer\": {\"message\": \"hey\"}}"), "| classic-text hey");
    assert_string_equal(answer(NULL), TEXT_ACCEPT " | classic-done");
    assert_int_equal(c.state, CLASSIC_DONE);
}

static void we_may_refuse(void **state)
{
    (void)state;
    peer(TRANSIT);
    our_hints(5);
    peer(OFFER);
    assert_int_equal(classic_answer(&c, "\xff", &out, &actions), PROTO_ERR_INVALID);
    assert_int_equal(out.count, 0);
    assert_string_equal(answer("rejected: no room"),
                        "{\"error\": \"rejected: no room\"} | classic-done, transit-stop 5");
    assert_true(classic_over(&c));
}

static void a_second_offer_is_ignored(void **state)
{
    (void)state;
    peer(OFFER);
    assert_string_equal(peer(THEIR_OFFER), "| ");
    answer(NULL);
    assert_string_equal(peer(THEIR_OFFER), "| ");
    assert_int_equal(c.state, CLASSIC_AGREED);
}

static void the_peer_may_give_up(void **state)
{
    (void)state;
    peer(OFFER);
    assert_string_equal(peer("{\"error\": \"cancelled\"}"),
                        "| classic-failed 0 cancelled, transit-stop 5");
    assert_int_equal(classic_answer(&c, NULL, &out, &actions), PROTO_ERR_STATE);
}

static void nonsense_ends_the_session_with_a_word(void **state)
{
    static const char *const bad[] = {"", "[]", "{\"offer\": {}}", "{\"transit\": 7}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tear_down(NULL);
        set_up(NULL);
        assert_string_equal(peer(bad[i]),
                            "{\"error\": \"this message makes no sense to wormholefs\"} | "
                            "classic-failed 0 the peer sent a message that makes no sense");
        assert_string_equal(peer(bad[i]), "| ");
    }
    tear_down(NULL);
    set_up(NULL);
    assert_string_equal(peer("{\"future\": 1}"), "| ");
    assert_true(classic_idle(&c));
}

/* ---- both offer ---- */

static void their_offer_before_ours_makes_them_the_sender(void **state)
{
    (void)state;
    peer(OFFER);
    assert_int_equal(classic_offer(&c, NULL, "x", &out, &actions), PROTO_ERR_STATE);
}

static void their_offer_after_ours_drops_ours(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    peer(TRANSIT);
    assert_string_equal(peer(THEIR_OFFER), "| classic-offered file theirs 9 9 1");
    assert_string_equal(peer(ACCEPT), "| ");
    assert_string_equal(answer(NULL), ACCEPT " | transit-start 5 receiver classic 2");
}

static void their_offer_while_ours_waits_drops_ours(void **state)
{
    (void)state;
    offer_file();
    assert_string_equal(peer(THEIR_OFFER), "| classic-offered file theirs 9 9 1");
    assert_string_equal(our_hints(5), "{\"transit\" | ");
    assert_int_equal(c.state, CLASSIC_ASKED);
    tear_down(NULL);
    set_up(NULL);
    offer_text("ours");
    assert_string_equal(peer("{\"offer\": {\"message\": \"theirs\"}}"), "| classic-text theirs");
    assert_string_equal(answer(NULL), TEXT_ACCEPT " | classic-done");
}

static void an_accepted_offer_stands(void **state)
{
    (void)state;
    offer_file();
    our_hints(5);
    peer(ACCEPT);
    assert_string_equal(peer(THEIR_OFFER), "| ");
    assert_string_equal(peer(TRANSIT), "| transit-start 5 sender classic 2");
}

static void their_hints_first_then_our_offer(void **state)
{
    (void)state;
    peer(TRANSIT);
    assert_string_equal(offer_file(), "| ");
    assert_string_equal(our_hints(5), "{\"transit\" " OFFER " | ");
    tear_down(NULL);
    set_up(NULL);
    peer(TRANSIT);
    our_hints(5);
    assert_string_equal(offer_file(), OFFER " | ");
}

/* ---- the plan ---- */

static void the_plan_has_the_key_that_python_uses(void **state)
{
    uint8_t want[KDF_KEY_BYTES];

    (void)state;
    kdf_purpose(want, sizeof(want), key, "lothar.com/wormhole/text-or-file-xfer/transit-key");
    peer(TRANSIT);
    our_hints(5);
    peer(OFFER);
    classic_answer(&c, NULL, &out, &actions);
    struct action *a = actions_take(&actions);
    assert_int_equal(a->kind, ACTION_TRANSIT_START);
    assert_memory_equal(a->plan->key, want, sizeof(want));
    assert_int_equal(a->plan->hints.count, 2);
    assert_string_equal(a->plan->hints.at[0].host, "9.9.9.9");
    assert_int_equal(a->plan->hints.at[1].kind, HINT_RELAY); /* ours: the peer names none */
    assert_false(a->plan->aes);
    action_free(a);
}

static void our_hints_are_our_addresses_and_our_relays(void **state)
{
    struct hint_list list;
    json_t *root;

    (void)state;
    peer(TRANSIT);
    assert_int_equal(classic_hints(&c, 5, &direct, &relays, &out, &actions), PROTO_OK);
    assert_int_equal(out.count, 1);
    root = json_loadb((const char *)out.messages[0].data, out.messages[0].len, 0, NULL);
    assert_int_equal(hints_parse(&list, json_object_get(root, "transit")), PROTO_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.at[0].host, "10.0.0.1");
    assert_int_equal(list.at[1].kind, HINT_RELAY);
    json_decref(root);
}

/* ---- save and load ---- */

static const char *reload(enum classic_state want)
{
    struct bytes saved = {0};
    struct classic copy;

    assert_int_equal(classic_save(&c, &saved), PROTO_OK);
    for (size_t len = 0; len < saved.len; len++) {
        struct reader cut = reader_of(saved.data, len);
        assert_int_equal(classic_load(&copy, &cut), PROTO_ERR_MALFORMED);
    }
    struct reader in = reader_of(saved.data, saved.len);
    assert_int_equal(classic_load(&copy, &in), PROTO_OK);
    assert_true(reader_done(&in));
    assert_int_equal(copy.state, c.state);
    classic_release(&c);
    c = copy;
    bytes_release(&saved);
    const char *actions_of_restart = led_to(classic_restored(&c, 6, &actions));
    assert_int_equal(c.state, want);
    return actions_of_restart;
}

static void a_sender_survives_until_the_transfer(void **state)
{
    (void)state;
    assert_string_equal(reload(CLASSIC_IDLE), "| ");
    assert_string_equal(offer_file(), "| transit-listen 6");
    assert_string_equal(reload(CLASSIC_PREPARING), "| transit-listen 6");
    assert_string_equal(our_hints(6), "{\"transit\" " OFFER " | ");
    assert_string_equal(reload(CLASSIC_OFFERED), "| transit-listen 6");
    assert_string_equal(peer(TRANSIT), "| ");
    assert_string_equal(reload(CLASSIC_OFFERED), "| transit-listen 6");
    assert_string_equal(peer(ACCEPT), "| classic-answered");
    assert_string_equal(reload(CLASSIC_AGREED), "| transit-listen 6");
    assert_string_equal(our_hints(6), "| transit-start 6 sender classic 2");
    assert_string_equal(reload(CLASSIC_FAILED), "| classic-failed 0 the transfer was interrupted");
    assert_string_equal(reload(CLASSIC_FAILED), "| ");
}

static void a_receiver_survives_until_the_transfer(void **state)
{
    (void)state;
    peer(TRANSIT);
    assert_string_equal(reload(CLASSIC_IDLE), "| transit-listen 6");
    peer(OFFER);
    assert_string_equal(reload(CLASSIC_ASKED), "| transit-listen 6");
    assert_string_equal(our_hints(6), "{\"transit\" | ");
    assert_string_equal(reload(CLASSIC_ASKED), "| transit-listen 6");
    assert_string_equal(answer(NULL), ACCEPT " | ");
    assert_string_equal(reload(CLASSIC_AGREED), "| transit-listen 6");
    assert_string_equal(our_hints(6), "| transit-start 6 receiver classic 2");
}

static void an_answer_that_waits_survives(void **state)
{
    (void)state;
    peer(TRANSIT);
    peer(OFFER);
    answer(NULL);
    assert_string_equal(reload(CLASSIC_AGREED), "| transit-listen 6");
    assert_string_equal(our_hints(6),
                        "{\"transit\" " ACCEPT " | transit-start 6 receiver classic 2");
}

static void an_offer_after_a_restart_needs_no_second_hints(void **state)
{
    (void)state;
    peer(TRANSIT);
    our_hints(5);
    reload(CLASSIC_IDLE);
    assert_string_equal(offer_file(), OFFER " | ");
    assert_string_equal(our_hints(6), "| ");
    assert_string_equal(peer(ACCEPT), "| classic-answered, transit-start 6 sender classic 2");
}

static void a_text_survives(void **state)
{
    (void)state;
    offer_text("x");
    assert_string_equal(reload(CLASSIC_OFFERED), "| ");
    assert_string_equal(peer(TEXT_ACCEPT), "| classic-done");
    assert_string_equal(reload(CLASSIC_DONE), "| ");
}

static void nonsense_is_not_loaded(void **state)
{
    struct bytes saved = {0};

    (void)state;
    peer(TRANSIT);
    classic_save(&c, &saved);
    for (size_t i = 0; i < 6; i++) {
        struct classic copy;
        uint8_t was = saved.data[i];
        saved.data[i] = 99;
        struct reader in = reader_of(saved.data, saved.len);
        assert_int_equal(classic_load(&copy, &in), PROTO_ERR_MALFORMED);
        saved.data[i] = was;
    }
    bytes_release(&saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_sent),
        TEST(an_answer_before_their_hints_waits_for_them),
        TEST(a_text_is_sent),
        TEST(offers_have_bounds),
        TEST(the_peer_may_refuse),
        TEST(an_answer_to_something_else_fails),
        TEST(the_transfer_may_fail),
        TEST(a_file_is_received),
        TEST(our_answer_waits_for_our_hints),
        TEST(an_offer_before_their_hints_is_answered_too),
        TEST(a_text_is_received),
        TEST(we_may_refuse),
        TEST(a_second_offer_is_ignored),
        TEST(the_peer_may_give_up),
        TEST(nonsense_ends_the_session_with_a_word),
        TEST(their_offer_before_ours_makes_them_the_sender),
        TEST(their_offer_after_ours_drops_ours),
        TEST(their_offer_while_ours_waits_drops_ours),
        TEST(an_accepted_offer_stands),
        TEST(their_hints_first_then_our_offer),
        TEST(the_plan_has_the_key_that_python_uses),
        TEST(our_hints_are_our_addresses_and_our_relays),
        TEST(a_sender_survives_until_the_transfer),
        TEST(a_receiver_survives_until_the_transfer),
        TEST(an_answer_that_waits_survives),
        TEST(an_offer_after_a_restart_needs_no_second_hints),
        TEST(a_text_survives),
        TEST(nonsense_is_not_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
