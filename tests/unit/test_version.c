#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/version.h"

#define HEX "000102030405060708090a0b0c0d0e0f"

static const uint8_t incarnation[VERSION_INCARNATION_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                               8, 9, 10, 11, 12, 13, 14, 15};

static int parse(struct version *v, const char *text)
{
    return version_parse(v, text, strlen(text));
}

static void ours_says_who_we_are(void **state)
{
    struct bytes out = {0};
    struct version v;

    (void)state;
    assert_int_equal(version_build(&out, incarnation, "wormholefs 0.1"), PROTO_OK);
    bytes_put_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": \"" HEX "\", "
                        "\"software\": \"wormholefs 0.1\"}}}");
    assert_int_equal(version_parse(&v, out.data, out.len - 1), PROTO_OK);
    assert_true(v.persistent);
    assert_memory_equal(v.incarnation, incarnation, sizeof(incarnation));
    assert_string_equal(v.software, "wormholefs 0.1");
    bytes_release(&out);
}

static void it_is_appended(void **state)
{
    struct bytes out = {0};

    (void)state;
    bytes_put_str(&out, "before ");
    assert_int_equal(version_build(&out, incarnation, "\"x\\"), PROTO_OK);
    assert_memory_equal(out.data, "before {\"app", 12);
    struct version v;
    assert_int_equal(version_parse(&v, out.data + 7, out.len - 7), PROTO_OK);
    assert_string_equal(v.software, "\"x\\");
    bytes_release(&out);
    out.failed = true;
    assert_int_equal(version_build(&out, incarnation, "x"), PROTO_ERR_NOMEM);
}

static void stock_versions_are_not_persistent(void **state)
{
    static const char *const stock[] = {
        "{}",
        "{\"app_versions\": {}}",
        "{\"app_versions\":{}}",
        "{\"abilities\":[],\"app_versions\":{\"abilities\":[\"transfer-v1\"]}}",
        "{\"can-dilate\": [\"ged\"], \"dilation-abilities\": [], \"app_versions\": {}}",
        "{\"app_versions\": 7}",
        "{\"app_versions\": {\"wormholefs-v2\": {\"incarnation\": \"" HEX "\"}}}",
        "{\"app_versions\": {\"wormholefs-v1\": 7}}",
        "{\"app_versions\": {\"wormholefs-v1\": {}}}",
        "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": \"00\"}}}",
        "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": 7}}}",
        "{\"wormholefs-v1\": {\"incarnation\": \"" HEX "\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stock) / sizeof(stock[0]); i++) {
        struct version v = {.persistent = true};
        assert_int_equal(parse(&v, stock[i]), PROTO_OK);
        assert_false(v.persistent);
        assert_string_equal(v.software, "");
    }
}

static void what_is_no_object_is_malformed(void **state)
{
    static const char *const bad[] = {"", "[]", "7", "{", "\xff"};
    struct version v = {.persistent = true};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(&v, bad[i]), PROTO_ERR_MALFORMED);
    assert_true(v.persistent);
    char *text = malloc(VERSION_PLAIN_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', VERSION_PLAIN_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(version_parse(&v, text, VERSION_PLAIN_MAX + 1), PROTO_ERR_TOO_BIG);
    assert_int_equal(version_parse(&v, text, VERSION_PLAIN_MAX), PROTO_OK);
    free(text);
}

static void the_name_of_the_software_is_harmless(void **state)
{
    struct version v;
    char text[400];

    (void)state;
    assert_int_equal(parse(&v, "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": \"" HEX
                               "\", \"software\": \"a\\u001b\\u00e9b\"}}}"),
                     PROTO_OK);
    assert_string_equal(v.software, "a???b");
    assert_int_equal(parse(&v, "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": \"" HEX
                               "\", \"software\": 7}}}"),
                     PROTO_OK);
    assert_true(v.persistent);
    assert_string_equal(v.software, "");
    snprintf(text, sizeof(text),
             "{\"app_versions\": {\"wormholefs-v1\": {\"incarnation\": \"" HEX
             "\", \"software\": \"%0200d\"}}}",
             0);
    assert_int_equal(parse(&v, text), PROTO_OK);
    assert_int_equal(strlen(v.software), SOFTWARE_LEN_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_says_who_we_are),
        cmocka_unit_test(it_is_appended),
        cmocka_unit_test(stock_versions_are_not_persistent),
        cmocka_unit_test(what_is_no_object_is_malformed),
        cmocka_unit_test(the_name_of_the_software_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
