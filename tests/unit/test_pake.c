#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/pake.h"

#define HEX_66 "53c1d0bdf1d05a7dc4000e87d516859d838c4092f91c313053faeb7322e548aa0d"

static uint8_t want[SPAKE2_MSG_BYTES];

static int set_up(void **state)
{
    (void)state;
    return hex_decode(want, sizeof(want), HEX_66, strlen(HEX_66));
}

static int parse(const char *text)
{
    uint8_t msg[SPAKE2_MSG_BYTES], untouched[SPAKE2_MSG_BYTES];

    memset(msg, 0x5a, sizeof(msg));
    memset(untouched, 0x5a, sizeof(untouched));
    int err = pake_body_parse(msg, text, strlen(text));
    assert_memory_equal(msg, err == PROTO_OK ? want : untouched, sizeof(msg));
    return err;
}

static void it_is_written_as_upstream_does(void **state)
{
    struct bytes body = {0};

    (void)state;
    assert_int_equal(pake_body_build(&body, want), PROTO_OK);
    bytes_put_u8(&body, 0);
    assert_string_equal((const char *)body.data, "{\"pake_v1\": \"" HEX_66 "\"}");
    assert_int_equal(parse((const char *)body.data), PROTO_OK);
    bytes_release(&body);
    body.failed = true;
    assert_int_equal(pake_body_build(&body, want), PROTO_ERR_NOMEM);
}

static void harmless_variants_are_read(void **state)
{
    static const char *const good[] = {
        "{\"pake_v1\":\"" HEX_66 "\"}",
        " {\n\t\"pake_v1\" : \"" HEX_66 "\" } \n",
        "{\"x\": [1, {}], \"pake_v1\": \"" HEX_66 "\", \"y\": null}",
        "{\"pake_v1\": "
        "\"53C1D0BDF1D05A7DC4000E87D516859D838C4092F91C313053FAEB7322E548AA0D\"}",
        "{\"\\u0070ake_v1\": \"\\u0035"
        "3c1d0bdf1d05a7dc4000e87d516859d838c4092f91c313053faeb7322e548aa0d\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(parse(good[i]), PROTO_OK);
}

static void everything_else_is_malformed(void **state)
{
    static const char *const bad[] = {
        "",
        "xx",
        "null",
        "[]",
        "{}",
        "\"" HEX_66 "\"",
        "[\"pake_v1\"]",
        "{\"pake_v2\": \"" HEX_66 "\"}",
        "{\"pake_v1\": 53}",
        "{\"pake_v1\": null}",
        "{\"pake_v1\": [\"" HEX_66 "\"]}",
        "{\"pake_v1\": \"\"}",
        "{\"pake_v1\": \"535\"}",
        "{\"pake_v1\": \"" HEX_66 "00\"}",
        "{\"pake_v1\": \" " HEX_66 "\"}",
        "{\"pake_v1\": \"53g1d0bdf1d05a7dc4000e87d516859d838c4092f91c313053faeb7322e548aa0d\"}",
        "{\"pake_v1\": \"" HEX_66 "\"",
        "{\"pake_v1\": \"" HEX_66 "\"} x",
        "\xff\xfe",
        "{\"pake_v1\": \"" HEX_66 "\", \"\xff\": 1}",
        "{\"pake_v1\": \"" HEX_66 "\", \"a\\u0000b\": 1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), PROTO_ERR_MALFORMED);
    uint8_t msg[SPAKE2_MSG_BYTES];
    assert_int_equal(pake_body_parse(msg, NULL, 0), PROTO_ERR_MALFORMED);
}

static void a_long_body_is_not_looked_at(void **state)
{
    struct bytes body = {0};

    (void)state;
    assert_int_equal(pake_body_build(&body, want), PROTO_OK);
    while (body.len < PAKE_BODY_MAX)
        bytes_put_u8(&body, ' ');
    bytes_put_u8(&body, 0);
    assert_int_equal(parse((const char *)body.data), PROTO_OK);
    body.data[PAKE_BODY_MAX] = ' ';
    bytes_put_u8(&body, 0);
    assert_int_equal(parse((const char *)body.data), PROTO_ERR_TOO_BIG);
    bytes_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_written_as_upstream_does),
        cmocka_unit_test(harmless_variants_are_read),
        cmocka_unit_test(everything_else_is_malformed),
        cmocka_unit_test(a_long_body_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
