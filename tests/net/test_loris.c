/* Guests who are let in and then say a byte now and then have all threads: somebody else gets one
 * after a turn, on real time, though the network thread has nothing else to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "proto/net/clock.h"
#include "proto/net/limits.h"
#include "recorder.h"

enum {
    SOON_MS = 20000,
    BYTE_EVERY_MS = 30000,
    /* Each look may come late by as much as they are apart. */
    TURN_MAX_MS = CREW_TURN_MS + 3 * TICK_RECHECK_MS,
};

static struct recorder recorder;
static struct net *net;
static int guests[NET_TRANSIT_MAX];

static void run_session(void *arg, uint64_t wormhole, const struct transit_plan *plan,
                        struct stream *stream)
{
    uint8_t buf[16];

    (void)arg;
    (void)wormhole;
    (void)plan;
    while ((stream_wait(stream, STREAM_READABLE, -1) & STREAM_BROKEN) == 0)
        if (stream_recv(stream, buf, sizeof(buf)) < 0)
            return;
}

static void seat(uint64_t w)
{
    struct transit_plan plan = guest_plan();

    net_transit_listen(net, w, 1);
    struct record r = recorder_wait(&recorder, RECORD_HINTS, w, 1, NULL, SOON_MS);
    guests[w] = guest_knock(r.hints);
    assert_true(guests[w] >= 0);
    net_transit_start(net, w, 1, &plan);
    recorder_wait(&recorder, RECORD_SESSION, w, 1, NULL, SOON_MS);
}

static void say_a_byte_each(void)
{
    for (size_t i = 0; i < NET_TRANSIT_MAX; i++)
        assert_int_equal(send(guests[i], "", 1, MSG_NOSIGNAL), 1);
}

static void test_loris(void **state)
{
    (void)state;
    for (uint64_t w = 0; w < NET_TRANSIT_MAX; w++)
        seat(w);
    int64_t begun_ms = clock_mono_ms();
    net_transit_listen(net, NET_TRANSIT_MAX, 1);
    /* Who types so slowly is what this is about. */
    struct timespec pause = {.tv_sec = BYTE_EVERY_MS / 1000};
    while (clock_mono_ms() - begun_ms < CREW_TURN_MS - BYTE_EVERY_MS) {
        assert_int_equal(recorder_count(&recorder, RECORD_TRANSIT_DOWN), 0);
        say_a_byte_each();
        nanosleep(&pause, NULL);
    }
    recorder_wait(&recorder, RECORD_HINTS, NET_TRANSIT_MAX, 1, NULL,
                  TURN_MAX_MS - CREW_TURN_MS + BYTE_EVERY_MS);
    assert_true(clock_mono_ms() - begun_ms < TURN_MAX_MS);
    assert_int_equal(recorder_count(&recorder, RECORD_TRANSIT_DOWN), 1);
}

static int set_up(void **state)
{
    char why[NET_WHY_MAX];
    struct net_options options = {.mailbox_url = "ws://127.0.0.1:1/v1", .listen = true};

    (void)state;
    recorder_init(&recorder);
    recorder.session = run_session;
    struct net_callbacks callbacks = recorder_callbacks(&recorder);
    return net_start(&net, &options, &callbacks, why);
}

static int tear_down(void **state)
{
    (void)state;
    net_stop(net);
    for (size_t i = 0; i < NET_TRANSIT_MAX; i++)
        close(guests[i]);
    recorder_release(&recorder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loris, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
