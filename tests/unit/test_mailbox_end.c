/* The mailbox machine, input by input: its bounds, crowding, and closing. */
#include "mailbox_rig.h"

/* ---- bounds ---- */

static void room_counts_places_bytes_and_the_reserve(void **state)
{
    static const uint8_t body[OWN_BODY_MAX];
    char number[24];

    (void)state;
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 1), 56);
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, 1), 64);
    assert_int_equal(mailbox_room(&m, MAILBOX_EPHEMERAL, 1), 64);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 0), 56);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, OWN_BODY_MAX),
                     (512 * 1024 - 4096) / OWN_BODY_MAX);
    for (int i = 0; i < 32; i++) {
        assert_true(mailbox_room(&m, MAILBOX_NORMAL, OWN_BODY_MAX) > 0);
        snprintf(number, sizeof(number), "%d", i);
        assert_int_equal(mailbox_add(&m, &r, number, body, OWN_BODY_MAX, &actions), PROTO_OK);
        actions_release(&actions);
        mailbox_forget(&m, number, &actions);
        actions_release(&actions);
        if (mailbox_room(&m, MAILBOX_NORMAL, OWN_BODY_MAX) == 0)
            break;
    }
    assert_int_equal(m.next_number, 32);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 1024), 4);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 100), 56 - 32);
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, OWN_BODY_MAX), 0);
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, 1024), 8);
}

static void the_reserve_is_for_control_messages(void **state)
{
    char number[24];

    (void)state;
    for (int i = 0; i < 56; i++) {
        snprintf(number, sizeof(number), "%d", i);
        add(number, "x");
    }
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 1), 0);
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, 1), 8);
    for (int i = 56; i < 64; i++) {
        snprintf(number, sizeof(number), "%d", i);
        add(number, "x");
    }
    assert_int_equal(mailbox_room(&m, MAILBOX_CONTROL, 1), 0);
}

static void ephemeral_places_run_out(void **state)
{
    (void)state;
    open_empty();
    for (int i = 0; i < 64; i++)
        assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_OK);
    assert_int_equal(mailbox_room(&m, MAILBOX_EPHEMERAL, 1), 0);
    assert_int_equal(mailbox_add_once(&m, &r, EPHEMERAL, "x", 1, &actions), PROTO_ERR_FULL);
}

static void opened(const char *phase)
{
    message("peer", phase, "00");
    mailbox_opened(&m, phase, 1);
}

static void half_used_looks_at_both_sides(void **state)
{
    (void)state;
    open_empty();
    for (int i = 0; i < 32; i++) {
        char number[24];
        snprintf(number, sizeof(number), "%d", i);
        add(number, "x");
    }
    assert_false(mailbox_half_used(&m));
    add("32", "x");
    assert_true(mailbox_half_used(&m));
    tear_down(NULL);
    set_up(NULL);
    open_empty();
    message("peer", "63", "00"); /* it does not open: anybody may have put it there */
    opened("31");
    assert_false(mailbox_half_used(&m));
    opened("32");
    assert_true(mailbox_half_used(&m));
    tear_down(NULL);
    set_up(NULL);
    open_empty();
    for (int i = 0; i < 32; i++)
        opened(EPHEMERAL);
    assert_false(mailbox_half_used(&m));
    opened(EPHEMERAL);
    assert_true(mailbox_half_used(&m));
}

/* ---- crowding and the end ---- */

static void crowded_is_final(void **state)
{
    (void)state;
    up();
    failed("crowded", "claim");
    assert_event(MAILBOX_EVENT_NONE);
    failed("crowded", "open");
    assert_event(MAILBOX_EVENT_CROWDED);
    assert_int_equal(m.state, MAILBOX_CROWDED);
    assert_true(mailbox_is_final(&m));
    down();
    assert_string_equal(up(), "");
    assert_string_equal(close_with(MOOD_HAPPY), "");
    assert_int_equal(m.state, MAILBOX_CROWDED);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 1), 0);
}

static void an_open_that_failed_otherwise_has_no_fence(void **state)
{
    (void)state;
    add("version", "V");
    up();
    char text[64];
    snprintf(text, sizeof(text), "{\"type\":\"pong\",\"pong\":%d}", (int)m.fence);
    failed("strange", "open");
    assert_event(MAILBOX_EVENT_NONE);
    assert_string_equal(server(text), "");
    assert_event(MAILBOX_EVENT_NONE);
    down();
    up();
    assert_string_equal(pong(), "1 add version:56");
}

static void closing_is_final_when_the_server_says_so(void **state)
{
    (void)state;
    open_empty();
    assert_string_equal(close_with(MOOD_LONELY), "1 close m lonely");
    assert_string_equal(close_with(MOOD_HAPPY), "");
    assert_int_equal(m.state, MAILBOX_CLOSING);
    assert_int_equal(mailbox_add(&m, &r, "0", "a", 1, &actions), PROTO_ERR_STATE);
    server("{\"type\":\"closed\"}");
    assert_event(MAILBOX_EVENT_CLOSED);
    assert_int_equal(m.state, MAILBOX_CLOSED);
    down();
    assert_string_equal(up(), "");
}

static void closing_brings_everything_to_the_server_first(void **state)
{
    (void)state;
    add("version", "V");
    assert_string_equal(close_with(MOOD_HAPPY), "");
    assert_int_equal(m.state, MAILBOX_ENDING_DOWN);
    assert_string_equal(up(), "1 open m, 1 ping 1");
    message("peer", "0", "00");
    assert_event(MAILBOX_EVENT_NONE);
    assert_string_equal(pong(), "1 add version:56, 1 close m happy");
    assert_event(MAILBOX_EVENT_NONE);
    down();
    assert_int_equal(m.state, MAILBOX_ENDING_DOWN);
    up();
    message("us", "version", "56");
    assert_event(MAILBOX_EVENT_NONE);
    assert_string_equal(pong(), "1 close m happy");
    server("{\"type\":\"closed\"}");
    assert_event(MAILBOX_EVENT_CLOSED);
}

static void closing_during_the_replay_waits_for_the_fence(void **state)
{
    (void)state;
    up();
    assert_string_equal(close_with(MOOD_SCARY), "");
    assert_int_equal(m.state, MAILBOX_ENDING_REPLAY);
    assert_string_equal(pong(), "1 close m scary");
}

static void a_held_mailbox_is_not_closed(void **state)
{
    (void)state;
    mailbox_hold(&m);
    open_empty();
    assert_string_equal(close_with(MOOD_HAPPY), "");
    assert_int_equal(m.state, MAILBOX_ENDING_HELD);
    down();
    assert_int_equal(m.state, MAILBOX_ENDING_DOWN);
    up();
    assert_string_equal(pong(), "");
    assert_int_equal(m.state, MAILBOX_ENDING_HELD);
    mailbox_unhold(&m, &r, &actions);
    assert_string_equal(acts_take(&actions), "1 close m happy");
    tear_down(NULL);
    set_up(NULL);
    mailbox_hold(&m);
    open_empty();
    mailbox_unhold(&m, &r, &actions);
    assert_string_equal(acts_take(&actions), "");
    assert_string_equal(close_with(MOOD_HAPPY), "1 close m happy");
}

static void crowded_in_answer_to_close_is_final(void **state)
{
    (void)state;
    open_empty();
    close_with(MOOD_HAPPY);
    failed("other", "close");
    assert_event(MAILBOX_EVENT_NONE);
    failed("crowded", "close");
    assert_event(MAILBOX_EVENT_CLOSED);
    tear_down(NULL);
    set_up(NULL);
    close_with(MOOD_HAPPY);
    up();
    failed("crowded", "open");
    assert_event(MAILBOX_EVENT_CLOSED);
    assert_int_equal(m.state, MAILBOX_CLOSED);
}

static void without_an_id_there_is_nothing_to_close(void **state)
{
    (void)state;
    mailbox_init(&m, MAILBOX_OF_CODE, NULL, "us", NULL);
    up();
    assert_string_equal(close_with(MOOD_HAPPY), "");
    assert_int_equal(m.state, MAILBOX_CLOSED);
    mailbox_set_id(&m, "m", &r, &actions);
    assert_string_equal(acts_take(&actions), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(room_counts_places_bytes_and_the_reserve),
        TEST(the_reserve_is_for_control_messages),
        TEST(ephemeral_places_run_out),
        TEST(half_used_looks_at_both_sides),
        TEST(crowded_is_final),
        TEST(an_open_that_failed_otherwise_has_no_fence),
        TEST(closing_is_final_when_the_server_says_so),
        TEST(closing_brings_everything_to_the_server_first),
        TEST(closing_during_the_replay_waits_for_the_fence),
        TEST(a_held_mailbox_is_not_closed),
        TEST(crowded_in_answer_to_close_is_final),
        TEST(without_an_id_there_is_nothing_to_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
