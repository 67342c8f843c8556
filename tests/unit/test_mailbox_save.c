/* A mailbox through a save and a load, in every state. */
#include "mailbox_rig.h"

/* ---- save and load ---- */

static void put_back(struct mailbox *copy)
{
    for (const struct mailbox_kept *k = m.kept; k != NULL; k = k->next)
        assert_int_equal(mailbox_keep(copy, k->phase, k->body.data, k->body.len), PROTO_OK);
}

/* Through a save and a load, as a crash does it. */
static void reload(enum mailbox_state want)
{
    struct bytes saved = {0}, again = {0};
    struct mailbox copy;

    assert_int_equal(mailbox_save(&m, &saved), PROTO_OK);
    for (size_t len = 0; len < saved.len; len++) {
        struct reader cut = reader_of(saved.data, len);
        assert_int_equal(mailbox_load(&copy, &cut), PROTO_ERR_MALFORMED);
    }
    struct reader in = reader_of(saved.data, saved.len);
    assert_int_equal(mailbox_load(&copy, &in), PROTO_OK);
    assert_true(reader_done(&in));
    assert_int_equal(copy.state, want);
    put_back(&copy);
    assert_int_equal(mailbox_save(&copy, &again), PROTO_OK);
    assert_int_equal(saved.len, again.len);
    assert_memory_equal(saved.data, again.data, saved.len);
    mailbox_release(&m);
    m = copy;
    rendezvous_down(&r);
    bytes_release(&saved);
    bytes_release(&again);
}

static void every_state_survives(void **state)
{
    (void)state;
    mailbox_init(&m, MAILBOX_OF_CODE, NULL, "us", NULL);
    add("pake", "P");
    reload(MAILBOX_NO_ID_DOWN);
    up();
    reload(MAILBOX_NO_ID_DOWN);
    mailbox_set_id(&m, "m", &r, &actions);
    mailbox_hold(&m);
    reload(MAILBOX_DOWN);
    up();
    message("peer", "pake", "00");
    reload(MAILBOX_DOWN);
    assert_string_equal(m.peer, "peer");
    up();
    assert_string_equal(pong(), "1 add pake:50");
    reload(MAILBOX_DOWN);
    close_with(MOOD_SCARY);
    reload(MAILBOX_ENDING_DOWN);
    up();
    reload(MAILBOX_ENDING_DOWN);
    up();
    assert_string_equal(pong(), "1 add pake:50");
    assert_int_equal(m.state, MAILBOX_ENDING_HELD);
    reload(MAILBOX_ENDING_DOWN);
    mailbox_unhold(&m, &r, &actions);
    up();
    message("us", "pake", "50");
    assert_string_equal(pong(), "1 close m scary");
    reload(MAILBOX_ENDING_DOWN);
    m.state = MAILBOX_CLOSED;
    reload(MAILBOX_CLOSED);
    m.state = MAILBOX_CROWDED;
    reload(MAILBOX_CROWDED);
}

static void what_we_made_and_the_server_had_is_remembered(void **state)
{
    (void)state;
    open_empty();
    add("version", "V");
    add("0", "a");
    add("1", "b");
    message("us", "version", "56");
    message("us", "0", "61");
    mailbox_forget(&m, "0", &actions);
    actions_release(&actions);
    reload(MAILBOX_DOWN);
    assert_int_equal(mailbox_add(&m, &r, "0", "a", 1, &actions), PROTO_ERR_STATE);
    assert_int_equal(mailbox_room(&m, MAILBOX_NORMAL, 1),
                     MAILBOX_NUMBERED_MAX - MAILBOX_RESERVED_NUMBERED - 2);
    up();
    message("us", "0", "61");
    assert_event(MAILBOX_EVENT_OWN);
    message("us", "2", "62");
    assert_event(MAILBOX_EVENT_OWN_UNKNOWN);
    assert_string_equal(pong(), "1 add version:56, 1 add 1:62");
    assert_false(event.lost);
    message("us", "1", "62");
    reload(MAILBOX_DOWN);
    up();
    assert_string_equal(pong(), "1 add version:56, 1 add 1:62");
    assert_true(event.lost);
}

/* A server that lost only its latest writes. */
static void a_part_that_is_missing_is_a_loss_too(void **state)
{
    (void)state;
    open_empty();
    add("version", "V");
    add("0", "a");
    message("us", "version", "56");
    message("us", "0", "61");
    reload(MAILBOX_DOWN);
    up();
    message("us", "version", "56");
    assert_string_equal(pong(), "1 add 0:61");
    assert_true(event.lost);
}

static void a_muted_mailbox_stays_muted(void **state)
{
    (void)state;
    add("version", "V");
    mailbox_mute(&m);
    reload(MAILBOX_DOWN);
    up();
    assert_string_equal(pong(), "");
}

static void keeping_is_checked(void **state)
{
    (void)state;
    assert_int_equal(mailbox_keep(&m, "5", "x", 1), PROTO_OK);
    assert_int_equal(m.next_number, 6);
    assert_int_equal(mailbox_keep(&m, "5", "x", 1), PROTO_ERR_STATE);
    assert_int_equal(mailbox_keep(&m, "", "x", 1), PROTO_ERR_MALFORMED);
    assert_int_equal(mailbox_keep(&m, "123456789012345678901234", "x", 1), PROTO_ERR_MALFORMED);
    assert_int_equal(mailbox_keep(&m, "version", "v", 1), PROTO_OK);
    assert_int_equal(mailbox_keep(&m, "3", "y", 1), PROTO_OK);
    up();
    assert_string_equal(pong(), "1 add version:76, 1 add 3:79, 1 add 5:78");
}

/* One byte of a good save changed: refused, or loaded into a machine that works. */
static void nonsense_is_not_loaded(void **state)
{
    struct bytes saved = {0};

    (void)state;
    add("version", "V");
    mailbox_save(&m, &saved);
    for (size_t i = 0; i < saved.len; i++) {
        for (int v = 0; v < 256; v += 5) {
            struct mailbox copy;
            uint8_t was = saved.data[i];
            saved.data[i] = (uint8_t)v;
            struct reader in = reader_of(saved.data, saved.len);
            int err = mailbox_load(&copy, &in);
            if (i == 0 && v != was)
                assert_int_equal(err, PROTO_ERR_MALFORMED);
            assert_true(err == PROTO_OK || mailbox_is_final(&copy));
            saved.data[i] = was;
            mailbox_release(&copy);
        }
    }
    bytes_release(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_state_survives),
        TEST(what_we_made_and_the_server_had_is_remembered),
        TEST(a_part_that_is_missing_is_a_loss_too),
        TEST(a_muted_mailbox_stays_muted),
        TEST(keeping_is_checked),
        TEST(nonsense_is_not_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
