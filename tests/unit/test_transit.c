#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/transit.h"

static const uint8_t key[TRANSIT_KEY_BYTES] = {1, 2, 3};
static const char side_a[] = "0123456789abcdef", side_b[] = "fedcba9876543210";

static struct transit made(enum transit_role role, const char *relay_side)
{
    struct transit t;

    assert_int_equal(transit_init(&t, key, role, relay_side), PROTO_OK);
    return t;
}

static int say(struct transit *t, const char *text)
{
    return transit_rx(t, text, strlen(text));
}

static void assert_tx(const struct transit *t, const char *text)
{
    size_t len;
    const uint8_t *tx = transit_tx(t, &len);

    assert_int_equal(len, strlen(text));
    assert_memory_equal(tx, text, len);
}

static void drain(struct transit *t)
{
    size_t len;

    transit_tx(t, &len);
    transit_tx_done(t, len);
}

/* Moves what `from` has to send into `to`, `step` bytes at a time. */
static void carry(struct transit *from, struct transit *to, size_t step)
{
    size_t len;

    for (const uint8_t *tx = transit_tx(from, &len); len > 0; tx = transit_tx(from, &len)) {
        size_t take = len < step ? len : step;
        assert_int_equal(transit_rx(to, tx, take), take);
        transit_tx_done(from, take);
    }
}

/* A sender to which the receiver's line has come. */
static struct transit offered(void)
{
    struct transit s = made(TRANSIT_SENDER, NULL), r = made(TRANSIT_RECEIVER, NULL);

    carry(&r, &s, 1000);
    drain(&s);
    assert_int_equal(s.state, TRANSIT_OFFERED);
    return s;
}

/* A receiver to which the sender's line has come. */
static struct transit waiting(void)
{
    struct transit s = made(TRANSIT_SENDER, NULL), r = made(TRANSIT_RECEIVER, NULL);

    carry(&s, &r, 1000);
    drain(&r);
    assert_int_equal(r.state, TRANSIT_WAIT_GO);
    return r;
}

static void two_that_share_a_key_agree_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t step = 1; step < 100; step++) {
        struct transit s = made(TRANSIT_SENDER, NULL), r = made(TRANSIT_RECEIVER, NULL);
        carry(&s, &r, step);
        assert_int_equal(r.state, TRANSIT_WAIT_GO);
        carry(&r, &s, step);
        assert_int_equal(s.state, TRANSIT_OFFERED);
        assert_tx(&s, "");
        assert_int_equal(transit_select(&s), PROTO_OK);
        assert_int_equal(s.state, TRANSIT_SELECTED);
        carry(&s, &r, step);
        assert_int_equal(r.state, TRANSIT_SELECTED);
        assert_tx(&r, "");
        transit_release(&s);
        transit_release(&r);
    }
}

static void both_lines_go_out_at_once(void **state)
{
    struct transit s = made(TRANSIT_SENDER, NULL), r = made(TRANSIT_RECEIVER, NULL);
    size_t len;

    (void)state;
    const uint8_t *tx = transit_tx(&s, &len);
    assert_int_equal(len, 15 + 64 + 8);
    assert_memory_equal(tx, "transit sender ", 15);
    assert_memory_equal(tx + len - 8, " ready\n\n", 8);
    tx = transit_tx(&r, &len);
    assert_int_equal(len, 17 + 64 + 8);
    assert_memory_equal(tx, "transit receiver ", 17);
}

static void a_relay_is_asked_first(void **state)
{
    struct transit s = made(TRANSIT_SENDER, side_a), direct = made(TRANSIT_SENDER, NULL);
    size_t len, direct_len;

    (void)state;
    assert_int_equal(s.state, TRANSIT_RELAY_WAIT);
    const uint8_t *tx = transit_tx(&s, &len);
    assert_int_equal(len, 13 + 64 + 10 + 16 + 1);
    assert_memory_equal(tx, "please relay ", 13);
    assert_memory_equal(tx + 13 + 64, " for side 0123456789abcdef\n", 27);
    drain(&s);
    assert_int_equal(say(&s, "ok"), 2);
    assert_tx(&s, "");
    assert_int_equal(say(&s, "\n"), 1);
    assert_int_equal(s.state, TRANSIT_HANDSHAKE);
    tx = transit_tx(&s, &len);
    const uint8_t *direct_tx = transit_tx(&direct, &direct_len);
    assert_int_equal(len, direct_len);
    assert_memory_equal(tx, direct_tx, len);
}

static void two_ask_the_relay_for_the_same_but_as_themselves(void **state)
{
    struct transit s = made(TRANSIT_SENDER, side_a), r = made(TRANSIT_RECEIVER, side_b);
    size_t s_len, r_len;

    (void)state;
    const uint8_t *s_tx = transit_tx(&s, &s_len), *r_tx = transit_tx(&r, &r_len);
    assert_int_equal(s_len, r_len);
    assert_memory_equal(s_tx, r_tx, 13 + 64 + 10);
    assert_memory_equal(r_tx + 13 + 64 + 10, side_b, TRANSIT_SIDE_LEN);
}

static void what_comes_with_ok_is_not_lost(void **state)
{
    struct transit s = made(TRANSIT_SENDER, side_a), r = made(TRANSIT_RECEIVER, NULL);
    uint8_t read[200] = "ok\n";
    size_t len;

    (void)state;
    const uint8_t *line = transit_tx(&r, &len);
    memcpy(read + 3, line, len);
    drain(&s);
    assert_int_equal(transit_rx(&s, read, 3 + len), 3 + len);
    assert_int_equal(s.state, TRANSIT_OFFERED);
    transit_tx(&s, &len);
    assert_int_equal(len, 87);
}

static void an_ok_before_our_request_left_is_kept_in_order(void **state)
{
    struct transit s = made(TRANSIT_SENDER, side_a);
    size_t len;

    (void)state;
    assert_int_equal(say(&s, "ok\n"), 3);
    const uint8_t *tx = transit_tx(&s, &len);
    assert_int_equal(len, 104 + 87);
    assert_memory_equal(tx, "please relay ", 13);
    assert_memory_equal(tx + 104, "transit sender ", 15);
}

static void everything_queued_at_once_fits(void **state)
{
    struct transit s = made(TRANSIT_SENDER, side_a), r = made(TRANSIT_RECEIVER, NULL);
    size_t len;

    (void)state;
    assert_int_equal(say(&s, "ok\n"), 3);
    carry(&r, &s, 7);
    assert_int_equal(transit_reject(&s), PROTO_OK);
    const uint8_t *tx = transit_tx(&s, &len);
    assert_int_equal(len, 104 + 87 + 10);
    assert_memory_equal(tx + 104 + 87, "nevermind\n", 10);
}

static void what_comes_with_go_is_left_for_the_records(void **state)
{
    struct transit r = waiting();

    (void)state;
    assert_int_equal(say(&r, "go\nrecords"), 3);
    assert_int_equal(r.state, TRANSIT_SELECTED);
    assert_int_equal(say(&r, "records"), 0);
    assert_int_equal(r.state, TRANSIT_SELECTED);
}

static void an_offered_connection_waits_and_takes_nothing(void **state)
{
    struct transit s = offered();

    (void)state;
    assert_int_equal(say(&s, "records"), 0);
    assert_int_equal(s.state, TRANSIT_OFFERED);
    assert_int_equal(transit_select(&s), PROTO_OK);
    assert_tx(&s, "go\n");
    assert_int_equal(say(&s, "records"), 0);
    assert_int_equal(s.state, TRANSIT_SELECTED);
}

static void a_rejected_one_says_nevermind(void **state)
{
    struct transit s = offered(), r = waiting();

    (void)state;
    assert_int_equal(transit_reject(&s), PROTO_OK);
    assert_int_equal(s.state, TRANSIT_REJECTED);
    assert_tx(&s, "nevermind\n");
    carry(&s, &r, 3);
    assert_int_equal(r.state, TRANSIT_REJECTED);
    assert_int_equal(say(&r, "x"), PROTO_ERR_STATE);
    assert_int_equal(say(&s, "x"), PROTO_ERR_STATE);
}

static void only_an_offered_sender_may_choose(void **state)
{
    struct transit s = made(TRANSIT_SENDER, NULL), r = waiting(), chosen = offered();

    (void)state;
    assert_int_equal(transit_select(&s), PROTO_ERR_STATE);
    assert_int_equal(transit_reject(&s), PROTO_ERR_STATE);
    assert_int_equal(s.state, TRANSIT_HANDSHAKE);
    assert_int_equal(transit_select(&r), PROTO_ERR_STATE);
    assert_int_equal(r.state, TRANSIT_WAIT_GO);
    assert_int_equal(transit_select(&chosen), PROTO_OK);
    assert_int_equal(transit_reject(&chosen), PROTO_ERR_STATE);
    assert_int_equal(transit_select(&chosen), PROTO_ERR_STATE);
    assert_tx(&chosen, "go\n");
}

static void another_key_fails(void **state)
{
    static const uint8_t other[TRANSIT_KEY_BYTES] = {9};
    struct transit s = made(TRANSIT_SENDER, NULL), r;
    size_t len;

    (void)state;
    assert_int_equal(transit_init(&r, other, TRANSIT_RECEIVER, NULL), PROTO_OK);
    const uint8_t *tx = transit_tx(&r, &len);
    assert_int_equal(transit_rx(&s, tx, len - 1), len - 1);
    assert_int_equal(transit_rx(&s, tx + len - 1, 1), PROTO_ERR_CRYPTO);
    assert_int_equal(s.state, TRANSIT_FAILED);
    assert_tx(&s, "");
    assert_int_equal(say(&s, "x"), PROTO_ERR_STATE);
}

static void our_own_line_reflected_fails(void **state)
{
    struct transit s = made(TRANSIT_SENDER, NULL), r = made(TRANSIT_RECEIVER, NULL);
    size_t len;

    (void)state;
    const uint8_t *tx = transit_tx(&s, &len);
    assert_true(transit_rx(&s, tx, len) < 0);
    assert_int_equal(s.state, TRANSIT_FAILED);
    tx = transit_tx(&r, &len);
    assert_true(transit_rx(&r, tx, len) < 0);
    assert_int_equal(r.state, TRANSIT_FAILED);
}

static void each_wrong_byte_fails(void **state)
{
    struct transit r = made(TRANSIT_RECEIVER, NULL);
    uint8_t line[TRANSIT_LINE_MAX];
    size_t len;

    (void)state;
    const uint8_t *tx = transit_tx(&r, &len);
    memcpy(line, tx, len);
    for (size_t i = 0; i < len; i++) {
        struct transit s = made(TRANSIT_SENDER, NULL);
        line[i] ^= 1;
        assert_true(transit_rx(&s, line, len) < 0);
        assert_int_equal(s.state, TRANSIT_FAILED);
        line[i] ^= 1;
    }
}

static void strangers_fail_by_their_first_line(void **state)
{
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",          "\n", "ok\n", "nevermind\n", "SSH-2.0-OpenSSH_9.2\r\n",
        "transit receiver 00 ready\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct transit s = made(TRANSIT_SENDER, NULL);
        assert_int_equal(say(&s, lines[i]), PROTO_ERR_MALFORMED);
        assert_int_equal(s.state, TRANSIT_FAILED);
    }
}

static void a_line_without_end_fails(void **state)
{
    struct transit s = made(TRANSIT_SENDER, NULL);
    char endless[1000];

    (void)state;
    memset(endless, 'x', sizeof(endless));
    assert_int_equal(transit_rx(&s, endless, sizeof(endless)), PROTO_ERR_MALFORMED);
    assert_int_equal(s.state, TRANSIT_FAILED);
}

static void a_relay_that_does_not_say_ok_fails(void **state)
{
    static const char *const lines[] = {"impatient\n", "bad handshake\n", "OK\n", "ok \n",
                                        "o\n",         "okay\n",          "\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct transit s = made(TRANSIT_SENDER, side_a);
        assert_int_equal(say(&s, lines[i]), PROTO_ERR_MALFORMED);
        assert_int_equal(s.state, TRANSIT_FAILED);
        assert_tx(&s, "");
    }
}

static void another_word_than_go_or_nevermind_fails(void **state)
{
    static const char *const words[] = {"stop\n", "go \n",       "g\n", "gone\n",    "no\n",
                                        "n\n",    "neverming\n", "\n",  "nevermindx"};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct transit r = waiting();
        assert_int_equal(say(&r, words[i]), PROTO_ERR_MALFORMED);
        assert_int_equal(r.state, TRANSIT_FAILED);
    }
}

static void a_relay_side_is_sixteen_hex_digits(void **state)
{
    static const char *const bad[] = {
        "",
        "0123456789abcde",
        "0123456789abcdef0",
        "0123456789ABCDEF",
        "0123456789abcde\n",
        "0123456789abcdeg",
    };
    struct transit t;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(transit_init(&t, key, TRANSIT_SENDER, bad[i]), PROTO_ERR_INVALID);
}

static void release_wipes(void **state)
{
    struct transit t = made(TRANSIT_SENDER, side_a), zero;

    (void)state;
    memset(&zero, 0, sizeof(zero));
    transit_release(&t);
    assert_memory_equal(&t, &zero, sizeof(t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_that_share_a_key_agree_however_it_is_cut),
        cmocka_unit_test(both_lines_go_out_at_once),
        cmocka_unit_test(a_relay_is_asked_first),
        cmocka_unit_test(two_ask_the_relay_for_the_same_but_as_themselves),
        cmocka_unit_test(what_comes_with_ok_is_not_lost),
        cmocka_unit_test(an_ok_before_our_request_left_is_kept_in_order),
        cmocka_unit_test(everything_queued_at_once_fits),
        cmocka_unit_test(what_comes_with_go_is_left_for_the_records),
        cmocka_unit_test(an_offered_connection_waits_and_takes_nothing),
        cmocka_unit_test(a_rejected_one_says_nevermind),
        cmocka_unit_test(only_an_offered_sender_may_choose),
        cmocka_unit_test(another_key_fails),
        cmocka_unit_test(our_own_line_reflected_fails),
        cmocka_unit_test(each_wrong_byte_fails),
        cmocka_unit_test(strangers_fail_by_their_first_line),
        cmocka_unit_test(a_line_without_end_fails),
        cmocka_unit_test(a_relay_that_does_not_say_ok_fails),
        cmocka_unit_test(another_word_than_go_or_nevermind_fails),
        cmocka_unit_test(a_relay_side_is_sixteen_hex_digits),
        cmocka_unit_test(release_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
