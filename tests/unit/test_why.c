#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/net/net.h"
#include "proto/net/why.h"

static char why[NET_WHY_MAX];

static const char *describe(struct ws_conn conn, const char *detail, unsigned status)
{
    struct url url = {
        .tls = true, .host = "h.example", .port = 444, .path = "/v1", .authority = "h.example:444"};

    why_describe(why, &url, &conn, detail, status);
    return why;
}

static void test_sentences(void **state)
{
    (void)state;
    assert_string_equal(
        describe((struct ws_conn){.stage = WS_STAGE_NAME}, "Name or service not known", 0),
        "the address of the mailbox server h.example is not known: Name or service not known");
    assert_string_equal(
        describe((struct ws_conn){.stage = WS_STAGE_TCP}, NULL, 0),
        "the mailbox server h.example:444 cannot be reached, or refuses connections");
    assert_string_equal(describe((struct ws_conn){.stage = WS_STAGE_TCP, .silent = true}, "x", 0),
                        "the mailbox server h.example:444 does not answer");
    assert_string_equal(
        describe((struct ws_conn){.stage = WS_STAGE_TLS, .certificate = "it has expired"}, NULL, 0),
        "the certificate of the mailbox server h.example is not trusted: it has expired");
    assert_string_equal(describe((struct ws_conn){.stage = WS_STAGE_TLS}, NULL, 0),
                        "no secure connection to the mailbox server h.example:444: the TLS "
                        "handshake failed");
    assert_string_equal(describe((struct ws_conn){.stage = WS_STAGE_HTTP}, "hung up", 404),
                        "h.example:444 is not a mailbox server, or not at /v1: it answered with "
                        "HTTP status 404");
    assert_string_equal(describe((struct ws_conn){.stage = WS_STAGE_HTTP}, NULL, 0),
                        "the mailbox server h.example:444 broke off the connection (no reason "
                        "given)");
    assert_string_equal(describe((struct ws_conn){.stage = WS_STAGE_OPEN}, NULL, 0),
                        "the mailbox server h.example:444 sent a message larger than 4 MiB");
}

/* Whatever a server or a resolver says, it fits. */
static void test_bounds(void **state)
{
    char long_text[1000];

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    for (int stage = WS_STAGE_NAME; stage <= WS_STAGE_OPEN; stage++)
        assert_true(strlen(describe(
                        (struct ws_conn){.stage = (enum ws_stage)stage, .certificate = long_text},
                        long_text, 0)) < NET_WHY_MAX);
}

static void test_hash(void **state)
{
    (void)state;
    assert_int_equal(why_hash("a"), why_hash("a"));
    assert_int_not_equal(why_hash("a"), why_hash("b"));
    assert_int_not_equal(why_hash(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
