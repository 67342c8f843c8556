#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/classic_msg.h"
#include "proto/error.h"

static struct classic_msg msg;
static struct bytes out;

static int tear_down(void **state)
{
    (void)state;
    classic_msg_release(&msg);
    bytes_release(&out);
    return 0;
}

static int parse(const char *text)
{
    classic_msg_release(&msg);
    return classic_msg_parse(&msg, text, strlen(text));
}

static enum classic_msg_kind kind(const char *text)
{
    assert_int_equal(parse(text), PROTO_OK);
    return msg.kind;
}

static const char *text_of_msg(void)
{
    bytes_put_u8(&msg.text, 0);
    return (const char *)msg.text.data;
}

static const char *built(int err)
{
    assert_int_equal(err, PROTO_OK);
    bytes_put_u8(&out, 0);
    out.len = 0;
    return (const char *)out.data;
}

static void a_file_is_offered(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"offer\": {\"file\": {\"filename\": \"a/b.bin\", \"filesize\": 7}}}"),
                     CLASSIC_MSG_BULK);
    assert_false(msg.offer.directory);
    assert_string_equal(msg.offer.name, "a/b.bin");
    assert_int_equal(msg.offer.size, 7);
    assert_int_equal(msg.offer.total, 7);
    assert_int_equal(msg.offer.files, 1);
    assert_int_equal(kind("{\"offer\": {\"file\": {\"filename\": \"z\", \"filesize\": "
                          "9223372036854775807}}}"),
                     CLASSIC_MSG_BULK);
    assert_int_equal(msg.offer.size, INT64_MAX);
}

static void a_directory_is_offered(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"offer\":{\"directory\":{\"dirname\":\"dir\",\"mode\":\"zipfile/"
                          "deflated\",\"numbytes\":12,\"numfiles\":2,\"zipsize\":262}}}"),
                     CLASSIC_MSG_BULK);
    assert_true(msg.offer.directory);
    assert_string_equal(msg.offer.name, "dir");
    assert_int_equal(msg.offer.size, 262);
    assert_int_equal(msg.offer.total, 12);
    assert_int_equal(msg.offer.files, 2);
    assert_int_equal(kind("{\"offer\":{\"directory\":{\"dirname\":\"d\",\"mode\":\"zipfile/new\","
                          "\"numbytes\":0,\"numfiles\":0,\"zipsize\":0}}}"),
                     CLASSIC_MSG_BULK);
}

static void a_text_is_offered(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"offer\": {\"message\": \"h\\u00f6 \\\"q\\\"\\n\"}}"),
                     CLASSIC_MSG_TEXT);
    assert_string_equal(text_of_msg(), "h\xc3\xb6 \"q\"\n");
    assert_int_equal(kind("{\"offer\": {\"message\": \"\"}}"), CLASSIC_MSG_TEXT);
    assert_int_equal(msg.text.len, 0);
}

static void offers_that_make_no_sense_are_malformed(void **state)
{
    static const char *const bad[] = {
        "{\"offer\": 7}",
        "{\"offer\": {}}",
        "{\"offer\": {\"message\": 7}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\"}}}",
        "{\"offer\": {\"file\": {\"filename\": \"\", \"filesize\": 7}}}",
        "{\"offer\": {\"file\": {\"filename\": 7, \"filesize\": 7}}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\", \"filesize\": -1}}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\", \"filesize\": 1.5}}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\", \"filesize\": \"7\"}}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\", \"filesize\": 9223372036854775808}}}",
        "{\"offer\": {\"file\": {\"filename\": \"a\\u0000b\", \"filesize\": 7}}}",
        "{\"offer\":{\"directory\":{\"dirname\":\"d\",\"mode\":\"tar\",\"numbytes\":0,"
        "\"numfiles\":0,\"zipsize\":0}}}",
        "{\"offer\":{\"directory\":{\"dirname\":\"d\",\"mode\":\"zipfile\",\"numbytes\":0,"
        "\"zipsize\":0}}}",
        "{\"offer\":{\"directory\":{\"dirname\":\"d\",\"mode\":\"zipfile\",\"numbytes\":0,"
        "\"numfiles\":4294967296,\"zipsize\":0}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), PROTO_ERR_MALFORMED);
}

static void a_long_name_keeps_its_end_and_whole_characters(void **state)
{
    char text[1200];

    (void)state;
    snprintf(text, sizeof(text),
             "{\"offer\": {\"file\": {\"filename\": \"%0300d/name\", \"filesize\": 7}}}", 0);
    assert_int_equal(kind(text), CLASSIC_MSG_BULK);
    assert_string_equal(msg.offer.name, "name");
    strcpy(text, "{\"offer\": {\"file\": {\"filename\": \"");
    for (int i = 0; i < 200; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "\", \"filesize\": 7}}}");
    assert_int_equal(kind(text), CLASSIC_MSG_BULK);
    assert_int_equal(strlen(msg.offer.name), 254);
    snprintf(text, sizeof(text),
             "{\"offer\": {\"file\": {\"filename\": \"%0300d/\", \"filesize\": 7}}}", 0);
    assert_int_equal(parse(text), PROTO_ERR_MALFORMED);
}

static void answers(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"answer\": {\"file_ack\": \"ok\"}}"), CLASSIC_MSG_ACCEPT);
    assert_false(msg.is_text);
    assert_int_equal(kind("{\"answer\":{\"message_ack\":\"ok\"}}"), CLASSIC_MSG_ACCEPT);
    assert_true(msg.is_text);
    assert_int_equal(kind("{\"answer\": {\"file_ack\": \"no\"}}"), CLASSIC_MSG_DECLINE);
    assert_int_equal(kind("{\"answer\": {\"file_ack\": 7}}"), CLASSIC_MSG_DECLINE);
    assert_int_equal(parse("{\"answer\": {}}"), PROTO_ERR_MALFORMED);
    assert_int_equal(parse("{\"answer\": 7}"), PROTO_ERR_MALFORMED);
}

static void hints(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"transit\":{\"abilities-v1\":[{\"type\":\"direct-tcp-v1\"}],"
                          "\"hints-v1\":[{\"type\":\"direct-tcp-v1\",\"hostname\":\"1.2.3.4\","
                          "\"port\":7,\"priority\":0}]}}"),
                     CLASSIC_MSG_TRANSIT);
    assert_int_equal(msg.hints.count, 1);
    assert_string_equal(msg.hints.at[0].host, "1.2.3.4");
    assert_int_equal(parse("{\"transit\": 7}"), PROTO_ERR_MALFORMED);
}

static void errors_are_harmless_sentences(void **state)
{
    char text[600];

    (void)state;
    assert_int_equal(kind("{\"error\": \"a\\u001b[2J\\u009bb\\u00e9\"}"), CLASSIC_MSG_ERROR);
    assert_string_equal(text_of_msg(), "a [2J  b\xc3\xa9");
    assert_int_equal(kind("{\"error\": 7}"), CLASSIC_MSG_ERROR);
    assert_int_equal(msg.text.len, 0);
    snprintf(text, sizeof(text), "{\"error\": \"%0400d\"}", 0);
    assert_int_equal(kind(text), CLASSIC_MSG_ERROR);
    assert_int_equal(msg.text.len, CLASSIC_REASON_LEN_MAX);
}

static void of_several_keys_the_error_comes_first(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"answer\": {\"file_ack\": \"ok\"}, \"error\": \"no\"}"),
                     CLASSIC_MSG_ERROR);
    assert_int_equal(kind("{\"news\": 1}"), CLASSIC_MSG_OTHER);
    assert_int_equal(kind("{}"), CLASSIC_MSG_OTHER);
}

static void what_is_no_object_is_malformed(void **state)
{
    static const char *const bad[] = {"", "[]", "7", "{", "\xff", "{} {}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]), PROTO_ERR_MALFORMED);
}

static void ours_are_built_as_python_does(void **state)
{
    const struct classic_offer file = {.name = "f100k.bin", .size = 100000};
    const struct classic_offer directory = {
        .directory = true, .name = "dir", .size = 308, .total = 14, .files = 3};
    struct hint_list list = {0};

    (void)state;
    assert_string_equal(
        built(classic_msg_offer(&out, &file)),
        "{\"offer\": {\"file\": {\"filename\": \"f100k.bin\", \"filesize\": 100000}}}");
    assert_string_equal(built(classic_msg_offer(&out, &directory)),
                        "{\"offer\": {\"directory\": {\"mode\": \"zipfile/deflated\", \"dirname\": "
                        "\"dir\", \"zipsize\": 308, \"numbytes\": 14, \"numfiles\": 3}}}");
    assert_string_equal(built(classic_msg_offer_text(&out, "h\xc3\xb6 \"q\"")),
                        "{\"offer\": {\"message\": \"h\xc3\xb6 \\\"q\\\"\"}}");
    assert_string_equal(built(classic_msg_accept(&out, false)),
                        "{\"answer\": {\"file_ack\": \"ok\"}}");
    assert_string_equal(built(classic_msg_accept(&out, true)),
                        "{\"answer\": {\"message_ack\": \"ok\"}}");
    assert_string_equal(built(classic_msg_error(&out, "transfer rejected")),
                        "{\"error\": \"transfer rejected\"}");
    assert_string_equal(built(classic_msg_transit(&out, &list)),
                        "{\"transit\": {\"abilities-v1\": [{\"type\": \"direct-tcp-v1\"}, "
                        "{\"type\": \"relay-v1\"}], \"hints-v1\": []}}");
}

static void what_cannot_be_said_is_refused(void **state)
{
    struct classic_offer offer = {.name = "bad\xff", .size = 1};
    char reason[3 * CLASSIC_REASON_LEN_MAX];

    (void)state;
    assert_int_equal(classic_msg_offer(&out, &offer), PROTO_ERR_INVALID);
    strcpy(offer.name, "");
    assert_int_equal(classic_msg_offer(&out, &offer), PROTO_ERR_INVALID);
    strcpy(offer.name, "x");
    offer.size = (uint64_t)INT64_MAX + 1;
    assert_int_equal(classic_msg_offer(&out, &offer), PROTO_ERR_INVALID);
    offer.size = 0;
    offer.total = UINT64_MAX;
    assert_int_equal(classic_msg_offer(&out, &offer), PROTO_ERR_INVALID);
    assert_int_equal(classic_msg_offer_text(&out, "\xff"), PROTO_ERR_INVALID);
    assert_int_equal(classic_msg_offer_text(&out, ""), PROTO_ERR_INVALID);
    assert_int_equal(classic_msg_error(&out, "\xff"), PROTO_ERR_INVALID);
    assert_int_equal(out.len, 0);
    strcpy(reason, "x");
    for (int i = 0; i < CLASSIC_REASON_LEN_MAX; i++)
        strcat(reason, "\xc3\xa9");
    assert_int_equal(classic_msg_error(&out, reason), PROTO_OK);
    assert_int_equal(out.len, strlen("{\"error\": \"\"}") + CLASSIC_REASON_LEN_MAX - 1);
    bytes_release(&out);
    out.failed = true;
    assert_int_equal(classic_msg_accept(&out, true), PROTO_ERR_NOMEM);
}

/* A name of 255 characters that all need escapes, and the most hints there can be. */
static void the_longest_messages_fit(void **state)
{
    struct classic_offer offer = {.directory = true, .size = INT64_MAX, .total = INT64_MAX};
    struct hint_list list = {0};
    char host[HINT_HOST_MAX + 1];

    (void)state;
    memset(offer.name, 1, sizeof(offer.name) - 1);
    assert_int_equal(classic_msg_offer(&out, &offer), PROTO_OK);
    assert_true(out.len <= CLASSIC_PLAIN_MAX);
    bytes_clear(&out);
    memset(host, 'h', HINT_HOST_MAX);
    host[HINT_HOST_MAX] = '\0';
    for (uint16_t i = 0; i < HINTS_MAX; i++)
        hints_add(&list, i < HINTS_DIRECT_MAX ? HINT_DIRECT : HINT_RELAY, host,
                  (uint16_t)(60000 + i), 1.0 / 3);
    assert_int_equal(list.count, HINTS_MAX);
    assert_int_equal(classic_msg_transit(&out, &list), PROTO_OK);
    assert_true(out.len <= CLASSIC_PLAIN_MAX);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_offered),
        TEST(a_directory_is_offered),
        TEST(a_text_is_offered),
        TEST(offers_that_make_no_sense_are_malformed),
        TEST(a_long_name_keeps_its_end_and_whole_characters),
        TEST(answers),
        TEST(hints),
        TEST(errors_are_harmless_sentences),
        TEST(of_several_keys_the_error_comes_first),
        TEST(what_is_no_object_is_malformed),
        TEST(ours_are_built_as_python_does),
        TEST(what_cannot_be_said_is_refused),
        TEST(the_longest_messages_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
