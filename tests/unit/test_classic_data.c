#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/classic_data.h"
#include "proto/error.h"

#define HASH "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static uint8_t hash[CLASSIC_DATA_SHA256_BYTES];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hash); i++)
        hash[i] = (uint8_t)i;
    return 0;
}

static int check(const char *text)
{
    return classic_data_ack_check(text, strlen(text), hash);
}

static void records_add_up_to_the_offer(void **state)
{
    struct classic_data d;
    size_t len, records = 0;

    (void)state;
    classic_data_init(&d, 100000);
    while ((len = classic_data_next(&d)) > 0) {
        assert_false(classic_data_complete(&d));
        assert_int_equal(len, records < 6 ? 16384 : 100000 - 6 * 16384);
        assert_int_equal(classic_data_count(&d, len), PROTO_OK);
        records++;
    }
    assert_int_equal(records, 7); /* as recorded of Python */
    assert_true(classic_data_complete(&d));
    assert_int_equal(classic_data_count(&d, 0), PROTO_OK);
    assert_int_equal(classic_data_count(&d, 1), PROTO_ERR_TOO_BIG);
    assert_int_equal(d.done, 100000);
}

static void an_empty_file_needs_no_record(void **state)
{
    struct classic_data d;

    (void)state;
    classic_data_init(&d, 0);
    assert_int_equal(classic_data_next(&d), 0);
    assert_true(classic_data_complete(&d));
}

static void more_than_was_offered_is_refused(void **state)
{
    struct classic_data d;

    (void)state;
    classic_data_init(&d, UINT64_MAX);
    assert_int_equal(classic_data_count(&d, SIZE_MAX), PROTO_OK);
    classic_data_init(&d, 10);
    assert_int_equal(classic_data_count(&d, 6), PROTO_OK);
    assert_int_equal(classic_data_count(&d, 5), PROTO_ERR_TOO_BIG);
    assert_int_equal(classic_data_count(&d, SIZE_MAX), PROTO_ERR_TOO_BIG);
    assert_int_equal(d.done, 6);
    assert_int_equal(classic_data_count(&d, 4), PROTO_OK);
}

static void our_ack_is_pythons(void **state)
{
    struct bytes out = {0};

    (void)state;
    assert_int_equal(classic_data_ack_build(&out, hash), PROTO_OK);
    assert_int_equal(classic_data_ack_check(out.data, out.len, hash), PROTO_OK);
    bytes_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, "{\"ack\": \"ok\", \"sha256\": \"" HASH "\"}");
    bytes_release(&out);
    out.failed = true;
    assert_int_equal(classic_data_ack_build(&out, hash), PROTO_ERR_NOMEM);
}

static void that_it_failed_is_no_ack(void **state)
{
    struct bytes out = {0};

    (void)state;
    assert_int_equal(classic_data_nack_build(&out, "no \"room\""), PROTO_OK);
    assert_int_equal(classic_data_ack_check(out.data, out.len, hash), PROTO_ERR_CRYPTO);
    bytes_put_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"ack\": \"failed\", \"error\": \"no \\\"room\\\"\"}");
    bytes_release(&out);
    assert_int_equal(classic_data_nack_build(&out, "\xff"), PROTO_ERR_INVALID);
    out.failed = true;
    assert_int_equal(classic_data_nack_build(&out, ""), PROTO_ERR_NOMEM);
}

static void their_ack_is_checked(void **state)
{
    (void)state;
    assert_int_equal(check("{\"ack\":\"ok\",\"sha256\":\"" HASH "\"}"), PROTO_OK);
    assert_int_equal(check("{\"ack\":\"ok\"}"), PROTO_OK);
    assert_int_equal(check("{\"ack\":\"ok\",\"sha256\":null,\"more\":1}"), PROTO_OK);
    assert_int_equal(check("{\"ack\":\"ok\",\"sha256\":"
                           "\"ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}"),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(check("{\"ack\":\"no\",\"sha256\":\"" HASH "\"}"), PROTO_ERR_CRYPTO);
    assert_int_equal(check("{\"ack\":7}"), PROTO_ERR_CRYPTO);
    assert_int_equal(check("{}"), PROTO_ERR_CRYPTO);
    assert_int_equal(check("{\"ack\":\"ok\",\"sha256\":\"00\"}"), PROTO_ERR_MALFORMED);
    assert_int_equal(check("{\"ack\":\"ok\",\"sha256\":7}"), PROTO_ERR_MALFORMED);
    assert_int_equal(check(""), PROTO_ERR_MALFORMED);
    assert_int_equal(check("[]"), PROTO_ERR_MALFORMED);
    char *text = malloc(CLASSIC_DATA_ACK_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', CLASSIC_DATA_ACK_MAX + 1);
    memcpy(text, "{\"ack\":\"ok\"}", 12);
    assert_int_equal(classic_data_ack_check(text, CLASSIC_DATA_ACK_MAX, hash), PROTO_OK);
    assert_int_equal(classic_data_ack_check(text, CLASSIC_DATA_ACK_MAX + 1, hash),
                     PROTO_ERR_TOO_BIG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_add_up_to_the_offer),
        cmocka_unit_test(an_empty_file_needs_no_record),
        cmocka_unit_test(more_than_was_offered_is_refused),
        cmocka_unit_test(our_ack_is_pythons),
        cmocka_unit_test(that_it_failed_is_no_ack),
        cmocka_unit_test(their_ack_is_checked),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
