#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "proto/error.h"
#include "proto/record.h"

static const uint8_t key[TRANSIT_KEY_BYTES] = {1, 2, 3};

/* One direction of a connection. */
struct line {
    struct record_encoder sender;
    struct record_decoder receiver;
    struct bytes wire, plain;
};

static int set_up(void **state)
{
    struct line *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    record_encoder_init(&l->sender, key, TRANSIT_SENDER);
    record_decoder_init(&l->receiver, key, TRANSIT_RECEIVER);
    *state = l;
    return 0;
}

static int tear_down(void **state)
{
    struct line *l = *state;

    record_encoder_release(&l->sender);
    record_decoder_release(&l->receiver);
    bytes_release(&l->wire);
    bytes_release(&l->plain);
    free(l);
    return 0;
}

static void encode(struct line *l, const char *text)
{
    size_t before = l->wire.len;

    assert_int_equal(record_encode(&l->sender, &l->wire, text, strlen(text)), PROTO_OK);
    assert_int_equal(l->wire.len - before, strlen(text) + RECORD_OVERHEAD);
}

/* Feeds wire[from..to), expecting all of it to be taken up to a record's end, and returns what
 * record_decode said last. */
static int feed(struct line *l, size_t from, size_t to)
{
    size_t used;

    int got = record_decode(&l->receiver, l->wire.data + from, to - from, &used, &l->plain);
    if (got >= 0)
        assert_true(got == 1 || used == to - from);
    return got;
}

static void assert_plain(struct line *l, const char *text)
{
    assert_int_equal(l->plain.len, strlen(text));
    assert_memory_equal(l->plain.data, text, strlen(text));
    bytes_clear(&l->plain);
}

/* As before the first byte came: the buffer is none yet. */
static void nothing_is_no_error(void **state)
{
    struct line *l = *state;
    size_t used = 7;

    assert_int_equal(record_decode(&l->receiver, NULL, 0, &used, &l->plain), 0);
    assert_int_equal(used, 0);
    encode(l, "hello");
    assert_int_equal(feed(l, 0, l->wire.len), 1);
    assert_plain(l, "hello");
}

static void records_come_one_at_a_time(void **state)
{
    struct line *l = *state;
    size_t used, at = 0;
    static const char *const texts[] = {"hello", "", "world"};

    for (size_t i = 0; i < 3; i++)
        encode(l, texts[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            record_decode(&l->receiver, l->wire.data + at, l->wire.len - at, &used, &l->plain), 1);
        assert_int_equal(used, strlen(texts[i]) + RECORD_OVERHEAD);
        at += used;
        assert_plain(l, texts[i]);
    }
    assert_int_equal(feed(l, at, l->wire.len), 0);
}

static void a_record_may_be_cut_anywhere(void **state)
{
    struct line *l = *state;

    for (size_t cut = 0; cut < 5 + RECORD_OVERHEAD; cut++) {
        bytes_clear(&l->wire);
        encode(l, "hello");
        assert_int_equal(feed(l, 0, cut), 0);
        assert_int_equal(l->plain.len, 0);
        assert_int_equal(feed(l, cut, l->wire.len), 1);
        assert_plain(l, "hello");
    }
}

static void bytes_may_come_singly(void **state)
{
    struct line *l = *state;
    unsigned records = 0;

    encode(l, "hello ");
    encode(l, "");
    encode(l, "world");
    for (size_t i = 0; i < l->wire.len; i++)
        records += (unsigned)feed(l, i, i + 1);
    assert_int_equal(records, 3);
    assert_plain(l, "hello world");
}

static void a_cut_record_takes_only_its_own_bytes(void **state)
{
    struct line *l = *state;
    size_t used;

    encode(l, "first");
    encode(l, "second");
    assert_int_equal(feed(l, 0, 10), 0);
    assert_int_equal(
        record_decode(&l->receiver, l->wire.data + 10, l->wire.len - 10, &used, &l->plain), 1);
    assert_int_equal(used, 5 + RECORD_OVERHEAD - 10);
    assert_plain(l, "first");
    assert_int_equal(feed(l, 10 + used, l->wire.len), 1);
    assert_plain(l, "second");
}

static void each_direction_has_its_own_key(void **state)
{
    struct line *l = *state;
    struct record_decoder mirror;
    size_t used;

    encode(l, "hello");
    record_decoder_init(&mirror, key, TRANSIT_SENDER);
    assert_int_equal(record_decode(&mirror, l->wire.data, l->wire.len, &used, &l->plain),
                     PROTO_ERR_CRYPTO);
    record_decoder_release(&mirror);
    assert_int_equal(l->plain.len, 0);
}

static void the_receiver_answers(void **state)
{
    struct line *l = *state;
    struct record_encoder answer;
    struct record_decoder hears;
    size_t used;

    record_encoder_init(&answer, key, TRANSIT_RECEIVER);
    record_decoder_init(&hears, key, TRANSIT_SENDER);
    assert_int_equal(record_encode(&answer, &l->wire, "ack", 3), PROTO_OK);
    assert_int_equal(record_decode(&hears, l->wire.data, l->wire.len, &used, &l->plain), 1);
    assert_plain(l, "ack");
    record_encoder_release(&answer);
    record_decoder_release(&hears);
}

static void a_skipped_record_is_fatal_and_stays_so(void **state)
{
    struct line *l = *state;

    encode(l, "lost");
    size_t second = l->wire.len;
    encode(l, "second");
    assert_int_equal(feed(l, second, l->wire.len), PROTO_ERR_CRYPTO);
    assert_int_equal(feed(l, 0, second), PROTO_ERR_CRYPTO);
    assert_int_equal(l->plain.len, 0);
}

static void a_repeated_record_is_fatal(void **state)
{
    struct line *l = *state;

    encode(l, "once");
    assert_int_equal(feed(l, 0, l->wire.len), 1);
    assert_int_equal(feed(l, 0, l->wire.len), PROTO_ERR_CRYPTO);
    assert_plain(l, "once");
}

static void no_byte_of_a_record_may_change(void **state)
{
    struct line *l = *state;

    encode(l, "hello");
    for (size_t i = RECORD_LENGTH_BYTES; i < l->wire.len; i++) {
        struct record_decoder d;
        size_t used;
        record_decoder_init(&d, key, TRANSIT_RECEIVER);
        l->wire.data[i] ^= 4;
        assert_int_equal(record_decode(&d, l->wire.data, l->wire.len, &used, &l->plain),
                         PROTO_ERR_CRYPTO);
        l->wire.data[i] ^= 4;
        record_decoder_release(&d);
    }
    assert_int_equal(l->plain.len, 0);
}

static void put_length(struct line *l, uint32_t len)
{
    bytes_clear(&l->wire);
    bytes_put_u32(&l->wire, len);
}

static void a_length_too_small_is_fatal_at_once(void **state)
{
    struct line *l = *state;

    put_length(l, RECORD_BOX_OVERHEAD - 1);
    assert_int_equal(feed(l, 0, 4), PROTO_ERR_MALFORMED);
    put_length(l, RECORD_BOX_OVERHEAD);
    assert_int_equal(feed(l, 0, 4), PROTO_ERR_MALFORMED);
}

static void a_length_too_big_is_fatal_at_once(void **state)
{
    struct line *l = *state;

    put_length(l, RECORD_PLAIN_MAX + RECORD_BOX_OVERHEAD + 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(feed(l, i, i + 1), 0);
    assert_int_equal(feed(l, 3, 4), PROTO_ERR_TOO_BIG);
}

static void an_announced_length_takes_no_memory(void **state)
{
    struct line *l = *state;

    put_length(l, RECORD_PLAIN_MAX + RECORD_BOX_OVERHEAD);
    assert_int_equal(feed(l, 0, 4), 0);
    assert_true(l->receiver.partial.cap <= 1024);
}

static void the_largest_record_passes(void **state)
{
    struct line *l = *state;
    static uint8_t big[RECORD_PLAIN_MAX + 1];

    big[RECORD_PLAIN_MAX - 1] = 7;
    assert_int_equal(record_encode(&l->sender, &l->wire, big, RECORD_PLAIN_MAX + 1),
                     PROTO_ERR_TOO_BIG);
    assert_int_equal(l->wire.len, 0);
    for (unsigned i = 0; i < 2; i++) {
        bytes_clear(&l->wire);
        bytes_clear(&l->plain);
        assert_int_equal(record_encode(&l->sender, &l->wire, big, RECORD_PLAIN_MAX), PROTO_OK);
        size_t cut = i == 0 ? 0 : 1 << 20; /* in place, and collected */
        assert_int_equal(feed(l, 0, cut), 0);
        assert_int_equal(feed(l, cut, l->wire.len), 1);
        assert_int_equal(l->plain.len, RECORD_PLAIN_MAX);
        assert_memory_equal(l->plain.data, big, RECORD_PLAIN_MAX);
    }
}

/* The counter is big-endian, over more than its last byte. */
static void the_counter_carries(void **state)
{
    struct line *l = *state;

    for (unsigned i = 0; i < 300; i++) {
        bytes_clear(&l->wire);
        encode(l, "x");
        assert_int_equal(feed(l, 0, l->wire.len), 1);
    }
    static const uint8_t nonce_299[24] = {[22] = 1, [23] = 43};
    assert_memory_equal(l->wire.data + RECORD_LENGTH_BYTES, nonce_299, 24);
}

static void a_failed_buffer_uses_up_no_number(void **state)
{
    struct line *l = *state;
    struct bytes failed = {.failed = true};
    size_t used;

    assert_int_equal(record_encode(&l->sender, &failed, "x", 1), PROTO_ERR_NOMEM);
    encode(l, "x");
    assert_int_equal(record_decode(&l->receiver, l->wire.data, l->wire.len, &used, &failed),
                     PROTO_ERR_NOMEM);
    assert_int_equal(feed(l, 0, l->wire.len), PROTO_ERR_NOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_no_error),
        TEST(records_come_one_at_a_time),
        TEST(a_record_may_be_cut_anywhere),
        TEST(bytes_may_come_singly),
        TEST(a_cut_record_takes_only_its_own_bytes),
        TEST(each_direction_has_its_own_key),
        TEST(the_receiver_answers),
        TEST(a_skipped_record_is_fatal_and_stays_so),
        TEST(a_repeated_record_is_fatal),
        TEST(no_byte_of_a_record_may_change),
        TEST(a_length_too_small_is_fatal_at_once),
        TEST(a_length_too_big_is_fatal_at_once),
        TEST(an_announced_length_takes_no_memory),
        TEST(the_largest_record_passes),
        TEST(the_counter_carries),
        TEST(a_failed_buffer_uses_up_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
