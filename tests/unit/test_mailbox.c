/* The mailbox machine, input by input: connecting, our messages, the peer's. */
#include "mailbox_rig.h"

/* ---- connecting ---- */

static void names_have_bounds(void **state)
{
    char name[MAILBOX_ID_LEN_MAX + 2];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(mailbox_init(&m, 0, name, "us", NULL), PROTO_ERR_INVALID);
    assert_int_equal(mailbox_init(&m, 0, "m", name, NULL), PROTO_ERR_INVALID);
    assert_int_equal(mailbox_init(&m, 0, "m", "us", name), PROTO_ERR_INVALID);
    assert_int_equal(mailbox_init(&m, 0, "m", "", NULL), PROTO_ERR_INVALID);
    assert_int_equal(mailbox_init(&m, 0, "", "us", NULL), PROTO_ERR_INVALID);
    assert_int_equal(mailbox_init(&m, 0, name + 1, "us", NULL), PROTO_OK);
}

static void a_mailbox_without_id_waits_for_it(void **state)
{
    (void)state;
    assert_int_equal(mailbox_init(&m, MAILBOX_OF_CODE, NULL, "us", NULL), PROTO_OK);
    assert_string_equal(add("pake", "P"), "keep code pake:50");
    assert_string_equal(up(), "");
    assert_int_equal(m.state, MAILBOX_NO_ID_UP);
    assert_int_equal(mailbox_set_id(&m, "abc", &r, &actions), PROTO_OK);
    assert_string_equal(acts_take(&actions), "1 open abc, 1 ping 1");
    assert_int_equal(mailbox_set_id(&m, "other", &r, &actions), PROTO_OK);
    assert_string_equal(m.id, "abc");
    assert_string_equal(pong(), "1 add pake:50");
}

static void an_id_may_come_while_disconnected(void **state)
{
    (void)state;
    mailbox_init(&m, MAILBOX_OF_CODE, NULL, "us", NULL);
    up();
    down();
    assert_int_equal(m.state, MAILBOX_NO_ID_DOWN);
    mailbox_set_id(&m, "abc", &r, &actions);
    assert_string_equal(acts_take(&actions), "");
    assert_string_equal(up(), "1 open abc, 1 ping 1");
}

/* ---- our own messages ---- */

static void nothing_is_added_before_the_fence(void **state)
{
    (void)state;
    assert_string_equal(add("version", "V"), "keep 3 version:56");
    assert_string_equal(up(), "1 open m, 1 ping 1");
    assert_string_equal(add("0", "a"), "keep 3 0:61");
    assert_string_equal(server("{\"type\":\"pong\",\"pong\":99}"), "");
    assert_string_equal(pong(), "1 add version:56, 1 add 0:61");
    assert_event(MAILBOX_EVENT_FENCE);
    assert_false(event.lost);
    assert_string_equal(add("1", "b"), "keep 3 1:62, 1 add 1:62");
    assert_string_equal(pong(), "");
}

static void only_what_the_replay_lacks_is_added_again(void **state)
{
    (void)state;
    open_empty();
    add("version", "V");
    add("0", "a");
    add("1", "b");
    message("us", "version", "56");
    assert_message(MAILBOX_EVENT_OWN, "us version 1 live");
    down();
    assert_string_equal(up(), "1 open m, 1 ping 2");
    message("us", "version", "56");
    assert_message(MAILBOX_EVENT_OWN, "us version 1 replay");
    message("us", "1", "62");
    assert_string_equal(pong(), "1 add 0:61");
    assert_false(event.lost);
    message("us", "0", "61");
    assert_message(MAILBOX_EVENT_OWN, "us 0 1 live");
}

static void a_forgotten_body_is_not_added_and_not_unknown(void **state)
{
    (void)state;
    open_empty();
    add("version", "V");
    add("0", "a");
    add("1", "b");
    mailbox_forget(&m, "0", &actions);
    assert_string_equal(acts_take(&actions), "forget 3 0:");
    mailbox_forget(&m, "0", &actions);
    assert_string_equal(acts_take(&actions), "");
    assert_null(mailbox_kept(&m, "0"));
    assert_int_equal(mailbox_kept(&m, "1")->len, 1);
    message("us", "0", "61");
    assert_message(MAILBOX_EVENT_OWN, "us 0 1 live");
    down();
    up();
    assert_string_equal(pong(), "1 add version:56, 1 add 1:62");
    mailbox_forget_all(&m, &actions);
    assert_string_equal(acts_take(&actions), "forget 3 :");
    assert_null(m.kept);
}

static void phases_are_used_once_and_numbers_in_order(void **state)
{
    (void)state;
    add("version", "V");
    assert_int_equal(mailbox_add(&m, &r, "version", "W", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_add(&m, &r, "1", "W", 1, &actions), PROTO_ERR_STATE);
    add("0", "a");
    assert_int_equal(mailbox_add(&m, &r, "0", "a", 1, &actions), PROTO_ERR_STATE);
    mailbox_forget(&m, "0", &actions);
    mailbox_forget(&m, "version", &actions);
    acts_take(&actions);
    assert_int_equal(mailbox_add(&m, &r, "0", "a", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_add(&m, &r, "version", "V", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_add(&m, &r, "", "V", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_add(&m, &r, "123456789012345678901234", "V", 1, &actions),
                     PROTO_ERR_STATE);
    assert_string_equal(acts_take(&actions), "");
    assert_int_equal(m.next_number, 1);
}

static void a_body_has_a_bound(void **state)
{
    char *body = calloc(1, OWN_BODY_MAX + 1);

    (void)state;
    assert_non_null(body);
    assert_int_equal(mailbox_add(&m, &r, "0", body, OWN_BODY_MAX + 1, &actions), PROTO_ERR_TOO_BIG);
    assert_int_equal(mailbox_keep(&m, "0", body, OWN_BODY_MAX + 1), PROTO_ERR_TOO_BIG);
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, body, OWN_BODY_MAX + 1, &actions),
                     PROTO_ERR_TOO_BIG);
    assert_int_equal(mailbox_add(&m, &r, "0", body, OWN_BODY_MAX, &actions), PROTO_OK);
    free(body);
}

static void an_ephemeral_message_goes_out_once(void **state)
{
    (void)state;
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_ERR_STATE);
    up();
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_ERR_STATE);
    pong();
    assert_int_equal(mailbox_add_once(&m, &r, "0", "x", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_OK);
    assert_string_equal(acts_take(&actions), "1 add " EPHEMERAL ":78");
    message("us", EPHEMERAL, "78");
    assert_message(MAILBOX_EVENT_OWN, "us " EPHEMERAL " 1 live");
    assert_int_equal(m.sent.ephemeral, 1);
    down();
    up();
    message("us", EPHEMERAL, "78");
    assert_message(MAILBOX_EVENT_OWN, "us " EPHEMERAL " 1 replay");
    assert_string_equal(pong(), "");
    assert_int_equal(m.sent.ephemeral, 1);
    assert_int_equal(m.sent.bytes, 1);
}

/* The meeting's challenge. */
static void an_ephemeral_phase_may_be_kept(void **state)
{
    (void)state;
    open_empty();
    assert_string_equal(add(EPHEMERAL, "c"), "keep 3 " EPHEMERAL ":63, 1 add " EPHEMERAL ":63");
    assert_int_equal(m.sent.ephemeral, 1);
    assert_int_equal(m.next_number, 0);
    down();
    up();
    message("us", EPHEMERAL, "63");
    assert_string_equal(pong(), "");
    assert_int_equal(m.sent.ephemeral, 1);
    down();
    up();
    assert_string_equal(pong(), "1 add " EPHEMERAL ":63");
    assert_true(event.lost);
}

/* ---- going back in time, and clones ---- */

static void a_phase_of_ours_that_we_never_made_is_reported(void **state)
{
    (void)state;
    add("version", "V");
    add("0", "a");
    up();
    message("us", "version", "56");
    message("us", "0", "61");
    assert_event(MAILBOX_EVENT_OWN);
    message("us", "1", "62");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us 1 1 replay");
    message("us", "pake", "62");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us pake 1 replay");
    pong();
    message("us", "7", "62");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us 7 1 live");
    message("us", "dilate-0", "62");
    assert_event(MAILBOX_EVENT_NONE);
}

static void a_phase_of_ours_with_another_body_is_reported_and_ours_added(void **state)
{
    (void)state;
    add("version", "V");
    add("0", "a");
    up();
    message("us", "version", "56");
    message("us", "0", "62");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us 0 1 replay");
    message("us", "0", "6161");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us 0 2 replay");
    assert_string_equal(pong(), "1 add 0:61");
    message("us", "0", "62");
    assert_message(MAILBOX_EVENT_OWN_UNKNOWN, "us 0 1 live");
}

static void a_muted_mailbox_adds_nothing_but_ephemeral(void **state)
{
    (void)state;
    add("version", "V");
    up();
    mailbox_mute(&m);
    assert_string_equal(pong(), "");
    assert_event(MAILBOX_EVENT_FENCE);
    assert_int_equal(mailbox_add(&m, &r, "0", "a", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, 1), 0);
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_OK);
    assert_string_equal(acts_take(&actions), "1 add " EPHEMERAL ":78");
    assert_string_equal(close_with(MOOD_ERRORY), "1 close m errory");
}

/* ---- a server that forgot ---- */

static void what_was_there_and_is_not_any_more_is_lost(void **state)
{
    (void)state;
    open_empty();
    add("version", "V");
    add("0", "a");
    down();
    up();
    pong();
    assert_false(event.lost);
    message("us", "version", "56");
    message("us", "0", "61");
    down();
    up();
    assert_string_equal(pong(), "1 add version:56, 1 add 0:61");
    assert_true(event.lost);
}

static void loss_is_noticed_though_everything_was_acknowledged(void **state)
{
    (void)state;
    open_empty();
    add("0", "a");
    message("us", "0", "61");
    mailbox_forget(&m, "0", &actions);
    down();
    up();
    message("us", "0", "61");
    pong();
    assert_false(event.lost);
    down();
    up();
    pong();
    assert_true(event.lost);
}

/* ---- the peer ---- */

static void the_first_foreign_side_is_the_peer_for_ever(void **state)
{
    (void)state;
    up();
    message("peer", "pake", "01");
    assert_message(MAILBOX_EVENT_INBOUND, "peer pake 1 replay");
    assert_memory_equal(event.body, "\x01", 1);
    assert_true(event.commit);
    message("third", "pake", "02");
    assert_event(MAILBOX_EVENT_NONE);
    pong();
    message("peer", "version", "0203");
    assert_message(MAILBOX_EVENT_INBOUND, "peer version 2 live");
    assert_false(event.commit);
    down();
    up();
    message("third", "pake", "02");
    assert_event(MAILBOX_EVENT_NONE);
    message("peer", "pake", "01");
    assert_message(MAILBOX_EVENT_INBOUND, "peer pake 1 replay");
    assert_int_equal(m.heard.bytes, 1);
}

static void a_known_peer_is_the_only_one(void **state)
{
    (void)state;
    mailbox_init(&m, 3, "m", "us", "peer");
    up();
    message("first", "0", "01");
    assert_event(MAILBOX_EVENT_NONE);
    message("peer", "0", "01");
    assert_message(MAILBOX_EVENT_INBOUND, "peer 0 1 replay");
    assert_false(event.commit);
}

/* A forged body must not hide the true one: whoever can decrypt decides. */
static void a_phase_may_come_twice(void **state)
{
    (void)state;
    open_empty();
    message("peer", "0", "01");
    assert_event(MAILBOX_EVENT_INBOUND);
    message("peer", "0", "02");
    assert_message(MAILBOX_EVENT_INBOUND, "peer 0 1 live");
}

static void messages_before_open_or_after_close_are_nothing(void **state)
{
    (void)state;
    message("peer", "0", "01");
    assert_event(MAILBOX_EVENT_NONE);
    open_empty();
    close_with(MOOD_HAPPY);
    message("peer", "0", "01");
    assert_event(MAILBOX_EVENT_NONE);
}

static void a_peer_that_exceeds_twice_the_bounds_is_not_heard(void **state)
{
    char number[24];

    (void)state;
    open_empty();
    for (int i = 0; i < 2 * MAILBOX_NUMBERED_MAX; i++) {
        snprintf(number, sizeof(number), "%d", i);
        message("peer", number, "00");
        assert_event(MAILBOX_EVENT_INBOUND);
    }
    message("peer", "128", "00");
    assert_event(MAILBOX_EVENT_OVERFULL);
    message("peer", "0", "00");
    assert_event(MAILBOX_EVENT_NONE);
    down();
    open_empty();
    message("peer", "127", "00");
    assert_event(MAILBOX_EVENT_INBOUND);
    message("peer", "99999999999999999999", "00");
    assert_event(MAILBOX_EVENT_INBOUND); /* no number at all: order.h drops it */
    message("peer", "4000000000", "00");
    assert_event(MAILBOX_EVENT_OVERFULL);
}

static void ephemeral_ones_and_bytes_are_bounded_too(void **state)
{
    char *hex = malloc(2 * FOREIGN_BODY_MAX + 1), *text = malloc(2 * FOREIGN_BODY_MAX + 128);

    (void)state;
    assert_non_null(hex);
    assert_non_null(text);
    open_empty();
    for (int i = 0; i < 2 * MAILBOX_EPHEMERAL_MAX; i++) {
        message("peer", EPHEMERAL, "00");
        assert_event(MAILBOX_EVENT_INBOUND);
    }
    message("peer", EPHEMERAL, "00");
    assert_event(MAILBOX_EVENT_OVERFULL);
    down();
    open_empty();
    memset(hex, 'a', 2 * FOREIGN_BODY_MAX);
    hex[2 * FOREIGN_BODY_MAX] = '\0';
    snprintf(text, 2 * FOREIGN_BODY_MAX + 128,
             "{\"type\":\"message\",\"side\":\"peer\",\"phase\":\"0\",\"body\":\"%s\"}", hex);
    server(text);
    assert_event(MAILBOX_EVENT_INBOUND);
    message("peer", "1", "00");
    assert_event(MAILBOX_EVENT_OVERFULL);
    free(hex);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_have_bounds),
        TEST(a_mailbox_without_id_waits_for_it),
        TEST(an_id_may_come_while_disconnected),
        TEST(nothing_is_added_before_the_fence),
        TEST(only_what_the_replay_lacks_is_added_again),
        TEST(a_forgotten_body_is_not_added_and_not_unknown),
        TEST(phases_are_used_once_and_numbers_in_order),
        TEST(a_body_has_a_bound),
        TEST(an_ephemeral_message_goes_out_once),
        TEST(an_ephemeral_phase_may_be_kept),
        TEST(a_phase_of_ours_that_we_never_made_is_reported),
        TEST(a_phase_of_ours_with_another_body_is_reported_and_ours_added),
        TEST(a_muted_mailbox_adds_nothing_but_ephemeral),
        TEST(what_was_there_and_is_not_any_more_is_lost),
        TEST(loss_is_noticed_though_everything_was_acknowledged),
        TEST(the_first_foreign_side_is_the_peer_for_ever),
        TEST(a_known_peer_is_the_only_one),
        TEST(a_phase_may_come_twice),
        TEST(messages_before_open_or_after_close_are_nothing),
        TEST(a_peer_that_exceeds_twice_the_bounds_is_not_heard),
        TEST(ephemeral_ones_and_bytes_are_bounded_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
