#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/error.h"
#include "proto/hints.h"

static int parse(struct hint_list *list, const char *text)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    assert_non_null(object);
    int err = hints_parse(list, object);
    json_decref(object);
    return err;
}

/* The list that "hints-v1": [text] gives. */
static struct hint_list parsed(const char *text)
{
    struct hint_list list;
    char object[8192];

    int len = snprintf(object, sizeof(object), "{\"hints-v1\": [%s]}", text);
    assert_true(len > 0 && (size_t)len < sizeof(object));
    assert_int_equal(parse(&list, object), PROTO_OK);
    return list;
}

static void assert_hint(const struct hint *h, enum hint_kind kind, const char *host, int port,
                        double priority)
{
    assert_int_equal(h->kind, kind);
    assert_string_equal(h->host, host);
    assert_int_equal(h->port, port);
    assert_true(fabs(h->priority - priority) < 1e-9);
}

static void pythons_hints(void **state)
{
    struct hint_list list = parsed(
        "{\"type\": \"direct-tcp-v1\", \"priority\": 0.0, \"hostname\": \"127.0.0.1\", \"port\": "
        "44391}, {\"type\": \"relay-v1\", \"hints\": [{\"type\": \"direct-tcp-v1\", \"priority\": "
        "0.0, \"hostname\": \"relay.example\", \"port\": 4001}]}");

    (void)state;
    assert_int_equal(list.count, 2);
    assert_hint(&list.at[0], HINT_DIRECT, "127.0.0.1", 44391, 0);
    assert_hint(&list.at[1], HINT_RELAY, "relay.example", 4001, 0);
}

static void gos_relay_hint_with_its_junk(void **state)
{
    struct hint_list list = parsed(
        "{\"hostname\":\"\",\"port\":0,\"priority\":0,\"type\":\"relay-v1\",\"hints\":[{"
        "\"hostname\":\"relay.example\",\"port\":4001,\"priority\":2,\"type\":\"direct-tcp-v1\"}]},"
        "{\"hostname\":\"\",\"port\":0,\"priority\":0,\"type\":\"direct-tcp-v1\"}");

    (void)state;
    assert_int_equal(list.count, 1);
    assert_hint(&list.at[0], HINT_RELAY, "relay.example", 4001, 2);
}

static void numbers_may_be_ints_or_floats_or_missing(void **state)
{
    struct hint_list list =
        parsed("{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":1.0,\"priority\":-0.5},"
               "{\"type\":\"direct-tcp-v1\",\"hostname\":\"b\",\"port\":65535},"
               "{\"type\":\"direct-tcp-v1\",\"hostname\":\"c\",\"port\":3,\"priority\":\"high\"}");

    (void)state;
    assert_int_equal(list.count, 3);
    assert_hint(&list.at[0], HINT_DIRECT, "a", 1, -0.5);
    assert_hint(&list.at[1], HINT_DIRECT, "b", 65535, 0);
    assert_hint(&list.at[2], HINT_DIRECT, "c", 3, 0);
}

#define USABLE "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":1}"

static void useless_hints_are_skipped(void **state)
{
    static const char *const junk[] = {
        "null",
        "1",
        "\"x\"",
        "[]",
        "{}",
        "{\"type\":\"tor-tcp-v1\",\"hostname\":\"x.onion\",\"port\":1}",
        "{\"type\":\"direct-udp-v9\",\"hostname\":\"a\",\"port\":1}",
        "{\"type\":7,\"hostname\":\"a\",\"port\":1}",
        "{\"hostname\":\"a\",\"port\":1}",
        "{\"type\":\"direct-tcp-v1\",\"port\":1}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":7,\"port\":1}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"\",\"port\":1}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\"}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":\"1\"}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":true}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":0}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":-1}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":65536}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":9223372036854775807}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":1e300}",
        "{\"type\":\"direct-tcp-v1\",\"hostname\":\"a\",\"port\":1.5}",
        "{\"type\":\"relay-v1\"}",
        "{\"type\":\"relay-v1\",\"hints\":null}",
        "{\"type\":\"relay-v1\",\"hints\":{\"0\":1}}",
        "{\"type\":\"relay-v1\",\"hints\":[7,{\"type\":\"websocket-v1\",\"url\":\"ws://a\"}]}",
        "{\"type\":\"relay-v1\",\"hostname\":\"a\",\"port\":1}",
        "{\"type\":\"relay-v1\",\"hints\":[{\"type\":\"relay-v1\",\"hints\":[" USABLE "]}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        struct hint_list list = parsed(junk[i]);
        assert_int_equal(list.count, 0);
    }
    struct hint_list list = parsed(USABLE);
    assert_int_equal(list.count, 1);
}

static void hosts_that_could_harm_are_skipped(void **state)
{
    static const char *const hosts[] = {
        "a\\nb", "a\\u0000b", "\\u0000", "a\\u001b[2J",          "a\\u007f",
        "a b",   "a\\tb",     "\\u0085", "b\\u00fccher.example",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{\"type\":\"direct-tcp-v1\",\"hostname\":\"%s\",\"port\":1}",
                 hosts[i]);
        struct hint_list list = parsed(text);
        assert_int_equal(list.count, 0);
    }
}

static void the_longest_host(void **state)
{
    char host[HINT_HOST_MAX + 2];
    struct hint_list list = {0};

    (void)state;
    memset(host, 'h', sizeof(host));
    host[HINT_HOST_MAX + 1] = '\0';
    assert_int_equal(hints_add(&list, HINT_DIRECT, host, 1, 0), PROTO_ERR_INVALID);
    host[HINT_HOST_MAX] = '\0';
    assert_int_equal(hints_add(&list, HINT_DIRECT, host, 1, 0), PROTO_OK);
    assert_string_equal(list.at[0].host, host);
}

static void what_has_no_list_of_hints(void **state)
{
    static const char *const empty[] = {"{}", "{\"hints-v1\": []}", "{\"hints-v1\": null}",
                                        "{\"abilities-v1\": [{\"type\": \"direct-tcp-v1\"}]}"};
    static const char *const bad[] = {"[]", "null", "7", "{\"hints-v1\": {}}",
                                      "{\"hints-v1\": \"x\"}"};
    struct hint_list list;

    (void)state;
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        memset(&list, 0x5a, sizeof(list));
        assert_int_equal(parse(&list, empty[i]), PROTO_OK);
        assert_int_equal(list.count, 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&list, 0x5a, sizeof(list));
        assert_int_equal(parse(&list, bad[i]), PROTO_ERR_MALFORMED);
        assert_int_equal(list.count, 0);
    }
    assert_int_equal(hints_parse(&list, NULL), PROTO_ERR_MALFORMED);
}

static void fill(struct hint_list *list, enum hint_kind kind, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(hints_add(list, kind, "a", (uint16_t)(1 + i), 0), PROTO_OK);
}

static void only_so_many_are_kept(void **state)
{
    struct hint_list list = {0};

    (void)state;
    fill(&list, HINT_DIRECT, HINTS_DIRECT_MAX);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "b", 1, 0), PROTO_ERR_FULL);
    fill(&list, HINT_RELAY, HINTS_RELAY_MAX);
    assert_int_equal(hints_add(&list, HINT_RELAY, "b", 1, 0), PROTO_ERR_FULL);
    assert_int_equal(list.count, HINTS_MAX);
    assert_int_equal(hints_count(&list, HINT_DIRECT), HINTS_DIRECT_MAX);
    assert_int_equal(hints_count(&list, HINT_RELAY), HINTS_RELAY_MAX);
    assert_int_equal(hints_add(&list, HINT_RELAY, "a", 1, 0), PROTO_OK);
    assert_int_equal(list.count, HINTS_MAX);
}

static void a_peer_with_many_hints_keeps_its_first_ones(void **state)
{
    json_t *array = json_array(), *object = json_pack("{s:o}", "hints-v1", array);
    struct hint_list list;

    (void)state;
    for (int i = 0; i < 1000; i++)
        json_array_append_new(array, json_pack("{s:s,s:s,s:i}", "type", "direct-tcp-v1", "hostname",
                                               "a", "port", 1 + i));
    json_array_append_new(array, json_pack("{s:s,s:[{s:s,s:s,s:i}]}", "type", "relay-v1", "hints",
                                           "type", "direct-tcp-v1", "hostname", "r", "port", 9));
    assert_int_equal(hints_parse(&list, object), PROTO_OK);
    json_decref(object);
    assert_int_equal(list.count, HINTS_DIRECT_MAX + 1);
    assert_hint(&list.at[0], HINT_DIRECT, "a", 1, 0);
    assert_hint(&list.at[HINTS_DIRECT_MAX], HINT_RELAY, "r", 9, 0);
}

static void a_duplicate_takes_no_place(void **state)
{
    struct hint_list list = {0};

    (void)state;
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 1, 0), PROTO_OK);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 1, 5), PROTO_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(hints_add(&list, HINT_RELAY, "a", 1, 0), PROTO_OK);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 2, 0), PROTO_OK);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "b", 1, 0), PROTO_OK);
    assert_int_equal(list.count, 4);
}

static void bad_arguments_are_not_added(void **state)
{
    struct hint_list list = {0};

    (void)state;
    assert_int_equal(hints_add(&list, HINT_DIRECT, "", 1, 0), PROTO_ERR_INVALID);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 0, 0), PROTO_ERR_INVALID);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 1, (double)NAN), PROTO_ERR_INVALID);
    assert_int_equal(hints_add(&list, HINT_DIRECT, "a", 1, (double)INFINITY), PROTO_ERR_INVALID);
    assert_int_equal(list.count, 0);
}

static void assert_json(json_t *object, const char *want)
{
    assert_non_null(object);
    char *text = json_dumps(object, JSON_COMPACT);
    assert_string_equal(text, want);
    free(text);
    json_decref(object);
}

static void built_as_upstream_expects(void **state)
{
    struct hint_list list = {0};

    (void)state;
    assert_json(hints_build(&list), "{\"hints-v1\":[]}");
    hints_add(&list, HINT_DIRECT, "::1", 5, 1);
    hints_add(&list, HINT_RELAY, "r", 4001, 0);
    assert_json(hints_build(&list),
                "{\"hints-v1\":[{\"type\":\"direct-tcp-v1\",\"hostname\":\"::1\",\"port\":5,"
                "\"priority\":1.0},{\"type\":\"relay-v1\",\"hints\":[{\"type\":\"direct-tcp-v1\","
                "\"hostname\":\"r\",\"port\":4001,\"priority\":0.0}]}]}");
    list.count = 0;
    assert_json(hints_build_transit(&list),
                "{\"abilities-v1\":[{\"type\":\"direct-tcp-v1\"},{\"type\":\"relay-v1\"}],"
                "\"hints-v1\":[]}");
}

static void what_was_built_is_read_back(void **state)
{
    struct hint_list list = {0}, back;

    (void)state;
    fill(&list, HINT_DIRECT, HINTS_DIRECT_MAX);
    fill(&list, HINT_RELAY, HINTS_RELAY_MAX);
    list.at[3].priority = 2.5;
    json_t *object = hints_build_transit(&list);
    assert_int_equal(hints_parse(&back, object), PROTO_OK);
    json_decref(object);
    assert_int_equal(back.count, list.count);
    for (size_t i = 0; i < list.count; i++)
        assert_hint(&back.at[i], list.at[i].kind, list.at[i].host, list.at[i].port,
                    list.at[i].priority);
}

static void options_that_name_a_relay(void **state)
{
    struct hint h;

    (void)state;
    assert_int_equal(hints_parse_option(&h, HINT_RELAY, "tcp:relay.example:4001"), PROTO_OK);
    assert_hint(&h, HINT_RELAY, "relay.example", 4001, 0);
    assert_int_equal(hints_parse_option(&h, HINT_DIRECT, "tcp:127.0.0.1:1"), PROTO_OK);
    assert_hint(&h, HINT_DIRECT, "127.0.0.1", 1, 0);
    assert_int_equal(hints_parse_option(&h, HINT_RELAY, "tcp:[2001:db8::1]:65535"), PROTO_OK);
    assert_hint(&h, HINT_RELAY, "2001:db8::1", 65535, 0);
    assert_int_equal(hints_parse_option(&h, HINT_RELAY, "tcp:[fe80::1%eth0]:00080"), PROTO_OK);
    assert_hint(&h, HINT_RELAY, "fe80::1%eth0", 80, 0);
}

static void options_that_do_not(void **state)
{
    static const char *const bad[] = {
        "",         "none",         "tcp",       "tcp:",          "tcp::",         "tcp::4001",
        "tcp:a",    "tcp:a:",       "tcp:a:0",   "tcp:a:65536",   "tcp:a:-1",      "tcp:a:+1",
        "tcp:a: 1", "tcp:a:1 ",     "tcp:a:1x",  "tcp:a:000001",  "tcp:a:1:2",     "udp:a:1",
        "TCP:a:1",  "tcp:::1:4001", "tcp:[::1]", "tcp:[::1]4001", "tcp:[::1:4001", "tcp:[]:1",
        "tcp:[:1",  "tcp:a b:1",    "tcp:a\n:1", "tcp:x[::1]:1",  " tcp:a:1",
    };
    struct hint h = {.host = "untouched"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hints_parse_option(&h, HINT_RELAY, bad[i]), PROTO_ERR_INVALID);
    assert_string_equal(h.host, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pythons_hints),
        cmocka_unit_test(gos_relay_hint_with_its_junk),
        cmocka_unit_test(numbers_may_be_ints_or_floats_or_missing),
        cmocka_unit_test(useless_hints_are_skipped),
        cmocka_unit_test(hosts_that_could_harm_are_skipped),
        cmocka_unit_test(the_longest_host),
        cmocka_unit_test(what_has_no_list_of_hints),
        cmocka_unit_test(only_so_many_are_kept),
        cmocka_unit_test(a_peer_with_many_hints_keeps_its_first_ones),
        cmocka_unit_test(a_duplicate_takes_no_place),
        cmocka_unit_test(bad_arguments_are_not_added),
        cmocka_unit_test(built_as_upstream_expects),
        cmocka_unit_test(what_was_built_is_read_back),
        cmocka_unit_test(options_that_name_a_relay),
        cmocka_unit_test(options_that_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
