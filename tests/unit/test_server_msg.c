#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/error.h"
#include "proto/server_msg.h"

static struct server_msg msg;

static int tear_down(void **state)
{
    (void)state;
    server_msg_release(&msg);
    return 0;
}

static enum server_msg_kind kind(const char *text)
{
    server_msg_release(&msg);
    assert_int_equal(server_msg_parse(&msg, text, strlen(text)), PROTO_OK);
    return msg.kind;
}

static int error(const char *text, size_t len)
{
    server_msg_release(&msg);
    return server_msg_parse(&msg, text, len);
}

/* ---- parsing ---- */

static void what_is_no_object_with_a_type_is_malformed(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[]",
        "7",
        "null",
        "{}",
        "{\"type\":7}",
        "{\"type\":null}",
        "{\"type\":\"ack\"} x",
        "{\"type\":\"ack\xff\"}",
        "{\"type\":\"a\\u0000\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(error(bad[i], strlen(bad[i])), PROTO_ERR_MALFORMED);
}

static void what_is_too_long_is_not_looked_at(void **state)
{
    size_t len = SERVER_TEXT_MAX;
    char *text = malloc(len + 1);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', len + 1);
    memcpy(text, "{\"type\":\"ack\"}", 14);
    assert_int_equal(error(text, len), PROTO_OK);
    assert_int_equal(error(text, len + 1), PROTO_ERR_TOO_BIG);
    free(text);
}

static void unknown_types_and_keys_are_no_error(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"type\":\"surprise\",\"x\":[1,{}]}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"ack\",\"id\":null,\"server_tx\":1.5e9,\"y\":{}}"),
                     SERVER_ACK);
    assert_int_equal(kind("{\"type\":\"released\",\"server_tx\":1}"), SERVER_RELEASED);
    assert_int_equal(kind("{\"type\":\"closed\"}"), SERVER_CLOSED);
}

static void a_welcome(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"type\":\"welcome\",\"welcome\":{}}"), SERVER_WELCOME);
    assert_string_equal(msg.error, "");
    assert_string_equal(msg.motd, "");
    assert_false(msg.wants_permission);
    assert_int_equal(kind("{\"type\":\"welcome\",\"welcome\":{\"motd\":\"hi\\nthere\",\"error\":"
                          "\"gone\",\"current_cli_version\":\"0.1\",\"your-address\":{}}}"),
                     SERVER_WELCOME);
    assert_string_equal(msg.motd, "hi there");
    assert_string_equal(msg.error, "gone");
    assert_int_equal(kind("{\"type\":\"welcome\",\"welcome\":{\"motd\":7,\"error\":null}}"),
                     SERVER_WELCOME);
    assert_string_equal(msg.error, "");
    assert_int_equal(kind("{\"type\":\"welcome\",\"welcome\":7}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"welcome\"}"), SERVER_OTHER);
}

static void a_welcome_may_want_a_permit(void **state)
{
    (void)state;
    kind("{\"type\":\"welcome\",\"welcome\":{\"permission-required\":{\"hashcash\":{\"bits\":20}}}"
         "}");
    assert_true(msg.wants_permission);
    kind("{\"type\":\"welcome\",\"welcome\":{\"permission-required\":{\"none\":{},\"hashcash\":{}}}"
         "}");
    assert_false(msg.wants_permission);
    kind("{\"type\":\"welcome\",\"welcome\":{\"permission-required\":null}}");
    assert_false(msg.wants_permission);
}

static void sentences_are_harmless_and_cut_between_characters(void **state)
{
    char text[2 * SERVER_SENTENCE_MAX + 100];

    (void)state;
    kind("{\"type\":\"error\",\"error\":\"a\\u001b[31mb\\u007fc\\u0085d\\u00e9\"}");
    assert_string_equal(msg.error, "a [31mb c  d\xc3\xa9");
    /* 199 times two bytes, then one byte and a character of three that does not fit. */
    strcpy(text, "{\"type\":\"error\",\"error\":\"");
    for (int i = 0; i < SERVER_SENTENCE_MAX / 2 - 1; i++)
        strcat(text, "\xc3\xa9");
    strcat(text, "x\xe2\x82\xac\"}");
    kind(text);
    assert_int_equal(strlen(msg.error), SERVER_SENTENCE_MAX - 1);
    assert_int_equal(msg.error[SERVER_SENTENCE_MAX - 2], 'x');
    /* A C1 control of two bytes across the end. */
    strcpy(text, "{\"type\":\"error\",\"error\":\"y");
    for (int i = 0; i < SERVER_SENTENCE_MAX / 2; i++)
        strcat(text, "\xc2\x9b");
    strcat(text, "\"}");
    kind(text);
    assert_true(strlen(msg.error) <= SERVER_SENTENCE_MAX);
    assert_int_equal(strspn(msg.error + 1, " "), strlen(msg.error) - 1);
}

static void nameplates_are_digits(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"type\":\"allocated\",\"nameplate\":\"42\"}"), SERVER_ALLOCATED);
    assert_string_equal(msg.nameplate, "42");
    assert_int_equal(
        kind("{\"type\":\"allocated\",\"nameplate\":\"1234567890123456789012345678901234567890\"}"),
        SERVER_ALLOCATED);
    assert_int_equal(
        kind(
            "{\"type\":\"allocated\",\"nameplate\":\"12345678901234567890123456789012345678901\"}"),
        SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"allocated\",\"nameplate\":\"4x\"}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"allocated\",\"nameplate\":\"\"}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"allocated\",\"nameplate\":4}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"allocated\"}"), SERVER_OTHER);
    assert_int_equal(
        kind("{\"type\":\"nameplates\",\"nameplates\":[{\"id\":\"4\"},{\"id\":\"x\"},7,"
             "{\"id\":\"12\",\"more\":1}]}"),
        SERVER_NAMEPLATES);
    assert_int_equal(msg.nameplate_count, 2);
    assert_string_equal(msg.nameplates[0], "4");
    assert_string_equal(msg.nameplates[1], "12");
    assert_int_equal(kind("{\"type\":\"nameplates\",\"nameplates\":[]}"), SERVER_NAMEPLATES);
    assert_int_equal(msg.nameplate_count, 0);
    assert_int_equal(kind("{\"type\":\"nameplates\",\"nameplates\":{}}"), SERVER_OTHER);
}

static void a_list_is_bounded(void **state)
{
    json_t *list = json_array();

    (void)state;
    for (int i = 0; i < SERVER_NAMEPLATES_MAX + 5; i++)
        json_array_append_new(list, json_pack("{s:s}", "id", "7"));
    json_t *root = json_pack("{s:s, s:o}", "type", "nameplates", "nameplates", list);
    char *text = json_dumps(root, 0);
    assert_int_equal(kind(text), SERVER_NAMEPLATES);
    assert_int_equal(msg.nameplate_count, SERVER_NAMEPLATES_MAX);
    free(text);
    json_decref(root);
}

static void a_claim_gives_a_mailbox(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"type\":\"claimed\",\"mailbox\":\"4pfcjxmpelncq\"}"), SERVER_CLAIMED);
    assert_string_equal(msg.mailbox, "4pfcjxmpelncq");
    assert_int_equal(kind("{\"type\":\"claimed\",\"mailbox\":\"a b\"}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"claimed\",\"mailbox\":\"\\u00e9\"}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"claimed\"}"), SERVER_OTHER);
}

static void a_message_has_side_phase_and_a_body_in_hex(void **state)
{
    (void)state;
    assert_int_equal(
        kind("{\"type\":\"message\",\"side\":\"5eb1833acb\",\"phase\":\"pake\",\"body\":"
             "\"7b0aFF\",\"server_rx\":1.5,\"id\":\"de8f\"}"),
        SERVER_MESSAGE);
    assert_string_equal(msg.side, "5eb1833acb");
    assert_string_equal(msg.phase, "pake");
    assert_int_equal(msg.body.len, 3);
    assert_memory_equal(msg.body.data, "\x7b\x0a\xff", 3);
    assert_int_equal(kind("{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":\"\"}"),
                     SERVER_MESSAGE);
    assert_int_equal(msg.body.len, 0);
}

static void what_no_peer_of_ours_makes_is_other(void **state)
{
    static const char *const odd[] = {
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":\"0\"}",
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":\"abc\"}",
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":\"0g\"}",
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":7}",
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\"}",
        "{\"type\":\"message\",\"side\":\"\",\"phase\":\"0\",\"body\":\"\"}",
        "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"\",\"body\":\"\"}",
        "{\"type\":\"message\",\"side\":\"s\\n\",\"phase\":\"0\",\"body\":\"\"}",
        ("{\"type\":\"message\",\"side\":\"s\",\"phase\":\"123456789012345678901234\",\"body\":"
         "\"\"}"),
        "{\"type\":\"message\",\"side\":7,\"phase\":\"0\",\"body\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(kind(odd[i]), SERVER_OTHER);
}

static void a_body_is_bounded(void **state)
{
    static const char before[] = "{\"type\":\"message\",\"side\":\"s\",\"phase\":\"0\",\"body\":\"";
    size_t len = 2 * FOREIGN_BODY_MAX;
    char *text = malloc(sizeof(before) + len + 8);

    (void)state;
    assert_non_null(text);
    strcpy(text, before);
    memset(text + strlen(before), 'a', len + 2);
    strcpy(text + strlen(before) + len, "\"}");
    assert_int_equal(kind(text), SERVER_MESSAGE);
    assert_int_equal(msg.body.len, FOREIGN_BODY_MAX);
    assert_false(msg.too_long);
    strcpy(text + strlen(before) + len, "aa\"}");
    assert_int_equal(kind(text), SERVER_OTHER);
    assert_true(msg.too_long);
    assert_string_equal(msg.side, "s");
    free(text);
}

static void a_pong_is_a_whole_number(void **state)
{
    (void)state;
    assert_int_equal(kind("{\"type\":\"pong\",\"pong\":17}"), SERVER_PONG);
    assert_int_equal(msg.pong, 17);
    assert_int_equal(kind("{\"type\":\"pong\",\"pong\":\"17\"}"), SERVER_OTHER);
    assert_int_equal(kind("{\"type\":\"pong\",\"pong\":1.5}"), SERVER_OTHER);
}

static void errors_say_what_failed(void **state)
{
    static const struct {
        const char *type;
        enum server_command command;
    } commands[] = {
        {"bind", COMMAND_BIND},       {"allocate", COMMAND_ALLOCATE}, {"claim", COMMAND_CLAIM},
        {"release", COMMAND_RELEASE}, {"open", COMMAND_OPEN},         {"add", COMMAND_ADD},
        {"close", COMMAND_CLOSE},     {"ping", COMMAND_PING},         {"list", COMMAND_LIST},
        {"other", COMMAND_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text),
                 "{\"type\":\"error\",\"error\":\"crowded\",\"orig\":{\"type\":\"%s\"}}",
                 commands[i].type);
        assert_int_equal(kind(text), SERVER_ERROR);
        assert_int_equal(msg.command, commands[i].command);
        assert_int_equal(msg.fault, FAULT_CROWDED);
    }
    assert_int_equal(kind("{\"type\":\"error\",\"error\":\"reclaimed\",\"orig\":7}"), SERVER_ERROR);
    assert_int_equal(msg.fault, FAULT_RECLAIMED);
    assert_int_equal(msg.command, COMMAND_OTHER);
    assert_int_equal(kind("{\"type\":\"error\"}"), SERVER_ERROR);
    assert_int_equal(msg.fault, FAULT_OTHER);
}

/* ---- building ---- */

static void assert_built(struct bytes *out, const char *want)
{
    json_t *ours = json_loadb((const char *)out->data, out->len, 0, NULL);
    json_t *wanted = json_loads(want, 0, NULL);

    assert_true(bytes_ok(out));
    assert_non_null(wanted);
    assert_true(json_equal(ours, wanted));
    json_decref(ours);
    json_decref(wanted);
    bytes_clear(out);
}

static void commands_are_built_as_the_server_wants_them(void **state)
{
    struct bytes out = {0};

    (void)state;
    server_msg_bind(&out, "0001", "lothar.com/x\"y\\z\n\xc3\xa9", "5eb1833acb");
    assert_built(
        &out, "{\"type\":\"bind\",\"id\":\"0001\",\"appid\":\"lothar.com/x\\\"y\\\\z\\n\\u00e9\","
              "\"side\":\"5eb1833acb\",\"client_version\":[\"wormholefs\","
              "\"" WORMHOLEFS_VERSION "\"]}");
    server_msg_allocate(&out, "2");
    assert_built(&out, "{\"type\":\"allocate\",\"id\":\"2\"}");
    server_msg_claim(&out, "3", "8");
    assert_built(&out, "{\"type\":\"claim\",\"id\":\"3\",\"nameplate\":\"8\"}");
    server_msg_release_nameplate(&out, "4", "8");
    assert_built(&out, "{\"type\":\"release\",\"id\":\"4\",\"nameplate\":\"8\"}");
    server_msg_open(&out, "5", "m");
    assert_built(&out, "{\"type\":\"open\",\"id\":\"5\",\"mailbox\":\"m\"}");
    server_msg_add(&out, "6", "version", "\x01\xfe", 2);
    assert_built(&out, "{\"type\":\"add\",\"id\":\"6\",\"phase\":\"version\",\"body\":\"01fe\"}");
    server_msg_add(&out, "6", "0", "", 0);
    assert_built(&out, "{\"type\":\"add\",\"id\":\"6\",\"phase\":\"0\",\"body\":\"\"}");
    server_msg_ping(&out, "7", INT64_MIN);
    assert_built(&out, "{\"type\":\"ping\",\"id\":\"7\",\"ping\":-9223372036854775808}");
    server_msg_list(&out, "8");
    assert_built(&out, "{\"type\":\"list\",\"id\":\"8\"}");
    bytes_release(&out);
}

static void closing_has_a_mood(void **state)
{
    static const char *const moods[] = {"happy", "lonely", "scary", "errory", "unwelcome"};
    struct bytes out = {0};

    (void)state;
    for (int i = MOOD_HAPPY; i <= MOOD_UNWELCOME; i++) {
        char want[128];
        snprintf(want, sizeof(want),
                 "{\"type\":\"close\",\"id\":\"9\",\"mailbox\":\"m\",\"mood\":\"%s\"}", moods[i]);
        server_msg_close(&out, "9", "m", (enum mailbox_mood)i);
        assert_built(&out, want);
    }
    bytes_release(&out);
}

/* What the server sends on to the peer: our message with its own fields, as Python writes it. */
static void the_longest_body_fits_into_a_go_client(void **state)
{
    struct bytes out = {0};
    uint8_t *body = calloc(1, OWN_BODY_MAX);

    (void)state;
    assert_non_null(body);
    server_msg_add(&out, "ffffffff", "e0123456789abcdef", body, OWN_BODY_MAX);
    assert_true(out.len <= CLIENT_TEXT_MAX);
    size_t echo =
        strlen("{\"side\": \"0123456789\", \"phase\": \"e0123456789abcdef\", \"body\": \"\", "
               "\"server_rx\": 1795297921.4170225, \"id\": \"ffffffff\", \"type\": "
               "\"message\", \"server_tx\": 1795297921.4178016}") +
        2 * OWN_BODY_MAX;
    assert_true(echo <= CLIENT_TEXT_MAX);
    free(body);
    bytes_release(&out);
}

static void a_failed_buffer_stays_failed(void **state)
{
    struct bytes out = {.failed = true};

    (void)state;
    server_msg_add(&out, "1", "0", "x", 1);
    assert_false(bytes_ok(&out));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_object_with_a_type_is_malformed),
        cmocka_unit_test(what_is_too_long_is_not_looked_at),
        cmocka_unit_test(unknown_types_and_keys_are_no_error),
        cmocka_unit_test(a_welcome),
        cmocka_unit_test(a_welcome_may_want_a_permit),
        cmocka_unit_test(sentences_are_harmless_and_cut_between_characters),
        cmocka_unit_test(nameplates_are_digits),
        cmocka_unit_test(a_list_is_bounded),
        cmocka_unit_test(a_claim_gives_a_mailbox),
        cmocka_unit_test(a_message_has_side_phase_and_a_body_in_hex),
        cmocka_unit_test(what_no_peer_of_ours_makes_is_other),
        cmocka_unit_test(a_body_is_bounded),
        cmocka_unit_test(a_pong_is_a_whole_number),
        cmocka_unit_test(errors_say_what_failed),
        cmocka_unit_test(commands_are_built_as_the_server_wants_them),
        cmocka_unit_test(closing_has_a_mood),
        cmocka_unit_test(the_longest_body_fits_into_a_go_client),
        cmocka_unit_test(a_failed_buffer_stays_failed),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
