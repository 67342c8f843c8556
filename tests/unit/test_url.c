#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/net/net.h"
#include "proto/net/url.h"

struct good {
    const char *text;
    bool tls;
    const char *host;
    uint16_t port;
    const char *path;
    const char *authority;
};

static const struct good GOOD[] = {
    {"ws://relay.magic-wormhole.io:4000/v1", false, "relay.magic-wormhole.io", 4000, "/v1",
     "relay.magic-wormhole.io:4000"},
    {"wss://relay.magic-wormhole.io/v1", true, "relay.magic-wormhole.io", 443, "/v1",
     "relay.magic-wormhole.io"},
    {"WS://h", false, "h", 80, "/", "h"},
    {"WsS://h:443", true, "h", 443, "/", "h"},
    {"ws://h:443/", false, "h", 443, "/", "h:443"},
    {"ws://127.0.0.1:4100/v1", false, "127.0.0.1", 4100, "/v1", "127.0.0.1:4100"},
    {"ws://[::1]:4100/v1", false, "::1", 4100, "/v1", "[::1]:4100"},
    {"ws://[fe80::1%eth0]/v1", false, "fe80::1%eth0", 80, "/v1", "[fe80::1%eth0]"},
    {"ws://a_b-c.example./a/b?c=d&e=f", false, "a_b-c.example.", 80, "/a/b?c=d&e=f",
     "a_b-c.example."},
    {"ws://h?q", false, "h", 80, "/?q", "h"},
    {"ws://h:00080/x", false, "h", 80, "/x", "h"},
    {"ws://h:65535", false, "h", 65535, "/", "h:65535"},
};

static void test_takes_apart(void **state)
{
    char why[NET_WHY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        struct url url;
        if (url_parse(&url, GOOD[i].text, why) != 0)
            fail_msg("%s: %s", GOOD[i].text, why);
        assert_int_equal(url.tls, GOOD[i].tls);
        assert_string_equal(url.host, GOOD[i].host);
        assert_int_equal(url.port, GOOD[i].port);
        assert_string_equal(url.path, GOOD[i].path);
        assert_string_equal(url.authority, GOOD[i].authority);
        assert_int_equal(net_url_check(GOOD[i].text, why), 0);
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "ws:// or wss://"},
        {"http://h/v1", "ws:// or wss://"},
        {"ws:h", "ws:// or wss://"},
        {"relay.magic-wormhole.io:4000/v1", "ws:// or wss://"},
        {"ws://", "host"},
        {"ws:///v1", "host"},
        {"ws://:4000/v1", "host"},
        {"ws://[::1/v1", "host"},
        {"ws://[]/v1", "host"},
        {"ws://h!/v1", "host"},
        {"wss://[::1]/v1", "IPv6"},
        {"ws://u:p@h/v1", "character"},
        {"ws://h/v1#x", "character"},
        {"ws://h/v 1", "character"},
        {"ws://h/v1\r\nX: y", "character"},
        {"ws://h\xc3\xa4/v1", "character"},
        {"ws://h:/v1", "port"},
        {"ws://h:0/v1", "port"},
        {"ws://h:65536/v1", "port"},
        {"ws://h:-1/v1", "port"},
        {"ws://h:99999999999999999999/v1", "port"},
        {"ws://h:80x/v1", "after its host"},
        {"ws://[::1]x/v1", "after its host"},
    };
    struct url url = {.port = 7};
    char why[NET_WHY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (url_parse(&url, bad[i].text, why) != PROTO_ERR_INVALID)
            fail_msg("%s was taken", bad[i].text);
        if (strstr(why, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].text, why);
        assert_int_equal(url.port, 7);
    }
}

static void check_length(size_t host_len, size_t path_len, int expected)
{
    char text[1024] = "ws://", why[NET_WHY_MAX];
    struct url url;

    memset(text + 5, 'h', host_len);
    text[5 + host_len] = '/';
    memset(text + 6 + host_len, 'p', path_len - 1);
    text[5 + host_len + path_len] = '\0';
    assert_int_equal(url_parse(&url, text, why), expected);
}

static void test_bounds(void **state)
{
    (void)state;
    check_length(URL_HOST_MAX, 3, 0);
    check_length(URL_HOST_MAX + 1, 3, PROTO_ERR_INVALID);
    check_length(3, URL_PATH_MAX, 0);
    check_length(3, URL_PATH_MAX + 1, PROTO_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_apart),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
