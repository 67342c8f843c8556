/* Slow, over a minute: a mailbox server that falls silent with its connections open is found out
 * and left; one that is idle and answers pings is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "recorder.h"
#include "server.h"

enum { SOON_MS = 60000, SILENCE_MS = 75000 };

struct side {
    struct server mailbox;
    struct recorder recorder;
    struct net *net;
};

static void start_side(struct side *s)
{
    char why[NET_WHY_MAX], url[64];

    server_start_mailbox(&s->mailbox, 0);
    recorder_init(&s->recorder);
    struct net_callbacks callbacks = recorder_callbacks(&s->recorder);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1", (unsigned)s->mailbox.port);
    struct net_options options = {.mailbox_url = url};
    if (net_start(&s->net, &options, &callbacks, why) != 0)
        fail_msg("%s", why);
    net_link_open(s->net, 1, LINK_CURRENT);
    recorder_wait(&s->recorder, RECORD_RECEIVED, 1, LINK_CURRENT, "\"welcome\"", SOON_MS);
}

static void stop_side(struct side *s)
{
    net_stop(s->net);
    server_kill(&s->mailbox);
    recorder_release(&s->recorder);
}

static void test_silence(void **state)
{
    struct side idle, silent;

    (void)state;
    start_side(&idle);
    start_side(&silent);
    server_freeze(&silent.mailbox);
    recorder_wait(&silent.recorder, RECORD_DOWN, 1, LINK_CURRENT, NULL, SILENCE_MS);
    recorder_wait(&silent.recorder, RECORD_FAILED, 1, LINK_CURRENT, "does not answer", SOON_MS);
    server_thaw(&silent.mailbox);
    recorder_wait(&silent.recorder, RECORD_UP, 1, LINK_CURRENT, NULL, SOON_MS); /* the first */
    recorder_wait(&silent.recorder, RECORD_UP, 1, LINK_CURRENT, NULL, SOON_MS);
    assert_int_equal(recorder_count(&idle.recorder, RECORD_DOWN), 0);
    stop_side(&idle);
    stop_side(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
