#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/error.h"

static void integers_are_big_endian(void **state)
{
    static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct bytes b = {0};

    (void)state;
    bytes_put_u8(&b, 0x01);
    bytes_put_u16(&b, 0x0203);
    bytes_put_u32(&b, 0x04050607);
    bytes_put_u64(&b, 0x08090a0b0c0d0e0f);
    assert_true(bytes_ok(&b));
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));

    struct reader r = reader_of(b.data, b.len);
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_ok(&r));
    assert_false(reader_done(&r));
    assert_true(reader_u64(&r) == 0x08090a0b0c0d0e0f);
    assert_true(reader_done(&r));
    bytes_release(&b);
}

static void a_buffer_grows_and_keeps_its_content(void **state)
{
    struct bytes b = {0};

    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        bytes_put_u16(&b, (uint16_t)i);
    assert_int_equal(b.len, 20000);
    struct reader r = reader_of(b.data, b.len);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(reader_u16(&r), i);
    assert_true(reader_done(&r));
    bytes_release(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, 0);
}

static void reserved_room_is_there_at_once(void **state)
{
    struct bytes b = {0};

    (void)state;
    bytes_put_str(&b, "abc");
    bytes_reserve(&b, 1000);
    assert_true(b.cap - b.len >= 1000);
    const uint8_t *before = b.data;
    for (unsigned i = 0; i < 1000; i++)
        bytes_put_u8(&b, 'x');
    assert_ptr_equal(b.data, before);
    assert_memory_equal(b.data, "abcx", 4);
    bytes_release(&b);
}

static void nothing_can_be_put(void **state)
{
    struct bytes b = {0};

    (void)state;
    bytes_put(&b, NULL, 0);
    bytes_put_str(&b, "");
    assert_true(bytes_ok(&b));
    assert_int_equal(b.len, 0);
    bytes_release(&b);
}

static void clearing_wipes_and_keeps_the_memory(void **state)
{
    struct bytes b = {0};
    static const uint8_t zeros[6];

    (void)state;
    bytes_put_str(&b, "secret");
    size_t cap = b.cap;
    bytes_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, cap);
    assert_memory_equal(b.data, zeros, sizeof(zeros));
    bytes_put_str(&b, "next");
    assert_memory_equal(b.data, "next", 4);
    bytes_release(&b);
}

static void beyond_the_bound_it_fails_and_stays_failed(void **state)
{
    struct bytes b = {0};

    (void)state;
    bytes_put_str(&b, "kept");
    bytes_reserve(&b, SIZE_MAX);
    assert_false(bytes_ok(&b));
    bytes_put_str(&b, "dropped");
    bytes_put_u32(&b, 1);
    bytes_put_blob(&b, "x", 1);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "kept", 4);
    bytes_clear(&b);
    assert_true(bytes_ok(&b));
    bytes_put_blob(&b, "never read", (size_t)BYTES_LEN_MAX);
    assert_false(bytes_ok(&b));
    assert_int_equal(b.len, 0);
    bytes_release(&b);
    assert_true(bytes_ok(&b));
}

static void the_front_can_be_dropped(void **state)
{
    struct bytes b = {0};

    (void)state;
    bytes_put_str(&b, "abcdef");
    bytes_drop_front(&b, 2);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "cdef\0\0", 6);
    bytes_drop_front(&b, 0);
    bytes_drop_front(&b, 4);
    assert_int_equal(b.len, 0);
    assert_memory_equal(b.data, "\0\0\0\0\0\0", 6);
    bytes_release(&b);
    bytes_drop_front(&b, 0);
}

static void blobs_come_back(void **state)
{
    struct bytes b = {0};
    size_t len;

    (void)state;
    bytes_put_blob(&b, "hello", 5);
    bytes_put_blob(&b, NULL, 0);
    assert_memory_equal(b.data, "\0\0\0\5hello\0\0\0\0", 13);
    struct reader r = reader_of(b.data, b.len);
    const uint8_t *blob = reader_blob(&r, 5, &len);
    assert_int_equal(len, 5);
    assert_memory_equal(blob, "hello", 5);
    assert_non_null(reader_blob(&r, 5, &len));
    assert_int_equal(len, 0);
    assert_true(reader_done(&r));
    bytes_release(&b);
}

static void a_blob_too_long_or_cut_is_bad(void **state)
{
    static const uint8_t blob[] = {0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
    size_t len = 99;

    (void)state;
    struct reader r = reader_of(blob, sizeof(blob));
    assert_null(reader_blob(&r, 4, &len));
    assert_int_equal(len, 0);
    assert_false(reader_ok(&r));
    for (size_t cut = 0; cut < sizeof(blob); cut++) {
        r = reader_of(blob, cut);
        len = 99;
        assert_null(reader_blob(&r, 100, &len));
        assert_int_equal(len, 0);
        assert_false(reader_ok(&r));
    }
}

static void a_word_is_printable_text(void **state)
{
    static const char *const bad[] = {"a b", "a\n", "\x7f", "\xc3\xa4", "abcde", "a\0b"};
    struct bytes b = {0};
    char out[5];

    (void)state;
    bytes_put_blob(&b, "~a!", 3);
    bytes_put_blob(&b, "", 0);
    struct reader r = reader_of(b.data, b.len);
    reader_word(&r, out, 4);
    assert_string_equal(out, "~a!");
    reader_word(&r, out, 4);
    assert_string_equal(out, "");
    assert_true(reader_done(&r));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bytes_clear(&b);
        bytes_put_blob(&b, bad[i], i == 5 ? 3 : strlen(bad[i]));
        r = reader_of(b.data, b.len);
        reader_word(&r, out, 4);
        assert_false(reader_ok(&r));
        assert_string_equal(out, "");
    }
    bytes_release(&b);
}

static void reading_past_the_end_is_bad_for_good(void **state)
{
    static const uint8_t three[] = {1, 2, 3};
    uint8_t out[4] = {9, 9, 9, 9};

    (void)state;
    struct reader r = reader_of(three, sizeof(three));
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u32(&r), 0);
    assert_false(reader_ok(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_u16(&r), 0);
    assert_true(reader_u64(&r) == 0);
    assert_null(reader_take(&r, 0));
    assert_false(reader_copy(&r, out, 1));
    assert_int_equal(out[0], 9);
    assert_int_equal(r.left, 2);
    assert_false(reader_done(&r));
}

static void nothing_can_be_taken_of_nothing(void **state)
{
    uint8_t out[1] = {7};

    (void)state;
    struct reader r = reader_of(NULL, 0);
    assert_non_null(reader_take(&r, 0));
    assert_true(reader_copy(&r, out, 0));
    assert_true(reader_done(&r));
    assert_null(reader_take(&r, 1));
    assert_false(reader_done(&r));
}

static void copying_takes(void **state)
{
    uint8_t out[2];

    (void)state;
    struct reader r = reader_of("abcd", 4);
    assert_true(reader_copy(&r, out, 2));
    assert_memory_equal(out, "ab", 2);
    assert_memory_equal(reader_take(&r, 2), "cd", 2);
    assert_true(reader_done(&r));
}

static void hex_goes_both_ways(void **state)
{
    static const uint8_t raw[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[9];
    uint8_t back[4];

    (void)state;
    hex_encode(text, raw, sizeof(raw));
    assert_string_equal(text, "000fa5ff");
    assert_int_equal(hex_decode(back, 4, text, 8), PROTO_OK);
    assert_memory_equal(back, raw, 4);
    assert_int_equal(hex_decode(back, 4, "000FA5fF", 8), PROTO_OK);
    assert_memory_equal(back, raw, 4);
    hex_encode(text, NULL, 0);
    assert_string_equal(text, "");
    assert_int_equal(hex_decode(back, 0, "", 0), PROTO_OK);
}

static void what_is_not_hex_leaves_the_output_alone(void **state)
{
    static const char *const bad[] = {"0g", "g0", " 0", "0 ", "-1", "0x", "\xc3\xa9", "@`", "/:"};
    uint8_t out[2] = {0x5a, 0x5a};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hex_decode(out, 1, bad[i], 2), PROTO_ERR_MALFORMED);
    assert_int_equal(hex_decode(out, 2, "0102030", 7), PROTO_ERR_MALFORMED);
    assert_int_equal(hex_decode(out, 2, "01020", 5), PROTO_ERR_MALFORMED);
    assert_int_equal(hex_decode(out, 2, "010203", 6), PROTO_ERR_MALFORMED);
    assert_int_equal(hex_decode(out, 2, "010x", 4), PROTO_ERR_MALFORMED);
    assert_int_equal(out[0], 0x5a);
    assert_int_equal(out[1], 0x5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_content),
        cmocka_unit_test(reserved_room_is_there_at_once),
        cmocka_unit_test(nothing_can_be_put),
        cmocka_unit_test(clearing_wipes_and_keeps_the_memory),
        cmocka_unit_test(beyond_the_bound_it_fails_and_stays_failed),
        cmocka_unit_test(the_front_can_be_dropped),
        cmocka_unit_test(blobs_come_back),
        cmocka_unit_test(a_blob_too_long_or_cut_is_bad),
        cmocka_unit_test(a_word_is_printable_text),
        cmocka_unit_test(reading_past_the_end_is_bad_for_good),
        cmocka_unit_test(nothing_can_be_taken_of_nothing),
        cmocka_unit_test(copying_takes),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(what_is_not_hex_leaves_the_output_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
