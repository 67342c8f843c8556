#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/clock.h"
#include "proto/net/stream_own.h"

enum { SOON_MS = 20000, BOTH = STREAM_READABLE | STREAM_WRITABLE };

static struct stream stream;
static int peer;

static int set_up(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(stream_init(&stream), 0);
    stream_attach(&stream, fds[0], "direct");
    peer = fds[1];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stream_release(&stream);
    if (peer >= 0)
        close(peer);
    return 0;
}

static void test_sends_and_receives(void **state)
{
    char buf[8];

    (void)state;
    assert_string_equal(stream_kind(&stream), "direct");
    assert_int_equal(stream_wait(&stream, BOTH, SOON_MS), STREAM_WRITABLE);
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), 0); /* none now */
    assert_int_equal(stream_send(&stream, "abc", 3), 3);
    assert_int_equal(read(peer, buf, sizeof(buf)), 3);
    assert_memory_equal(buf, "abc", 3);
    assert_int_equal(write(peer, "defg", 4), 4);
    assert_int_equal(stream_wait(&stream, BOTH, SOON_MS), BOTH);
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, SOON_MS), STREAM_READABLE);
    assert_int_equal(stream_recv(&stream, buf, 3), 3);
    assert_int_equal(stream_recv(&stream, buf, 0), 0);
    assert_int_equal(stream_recv(&stream, buf, 3), 1);
    assert_memory_equal(buf, "g", 1);
}

/* What the crew judges it by. */
static void test_counts_what_it_moves(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(stream_moved(&stream), 0);
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), 0);
    assert_int_equal(stream_moved(&stream), 0);
    assert_int_equal(stream_send(&stream, "abc", 3), 3);
    assert_int_equal(write(peer, "defg", 4), 4);
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), 4);
    assert_int_equal(stream_moved(&stream), 7);
    close(peer);
    peer = -1;
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), -1);
    assert_int_equal(stream_moved(&stream), 7);
}

static void test_times_out(void **state)
{
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, 0), 0);
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, 30), 0);
    assert_true(clock_mono_ms() - begun_ms >= 29);
    assert_int_equal(stream_wait(&stream, 0, 1), 0);
}

/* Full: not writable until the peer has read. */
static void test_takes_what_fits(void **state)
{
    static uint8_t buf[1 << 16];
    size_t sent = 0, got = 0;
    ssize_t n;

    (void)state;
    while ((n = stream_send(&stream, buf, sizeof(buf))) > 0)
        sent += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(stream_wait(&stream, STREAM_WRITABLE, 0), 0);
    while (got < sent && (n = read(peer, buf, sizeof(buf))) > 0)
        got += (size_t)n;
    assert_int_equal(got, sent);
    assert_int_equal(stream_wait(&stream, STREAM_WRITABLE, SOON_MS), STREAM_WRITABLE);
}

static void test_wakes(void **state)
{
    (void)state;
    stream_wake(&stream);
    stream_wake(&stream);
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, SOON_MS), STREAM_WOKEN); /* the next */
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, 0), 0);                  /* once */
    stream_wake(&stream);
    assert_int_equal(stream_wait(&stream, STREAM_WRITABLE, SOON_MS),
                     STREAM_WOKEN | STREAM_WRITABLE);
    stream_poke(&stream); /* is not for the session */
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, 0), 0);
}

static void *wake_soon(void *arg)
{
    stream_wake(arg);
    return NULL;
}

static void *break_soon(void *arg)
{
    stream_break(arg);
    return NULL;
}

static void test_from_another_thread(void **state)
{
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(pthread_create(&thread, NULL, wake_soon, &stream), 0);
        assert_int_equal(stream_wait(&stream, STREAM_READABLE, -1), STREAM_WOKEN);
        pthread_join(thread, NULL);
    }
    assert_int_equal(pthread_create(&thread, NULL, break_soon, &stream), 0);
    assert_int_equal(stream_wait(&stream, STREAM_READABLE, -1), STREAM_BROKEN);
    pthread_join(thread, NULL);
}

static void test_stays_broken(void **state)
{
    char byte = 'x';

    (void)state;
    assert_int_equal(write(peer, "y", 1), 1);
    stream_break(&stream);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stream_wait(&stream, BOTH, SOON_MS), STREAM_BROKEN);
        assert_int_equal(stream_recv(&stream, &byte, 1), -1);
        assert_int_equal(stream_send(&stream, &byte, 1), -1);
    }
}

/* What the peer sent before it went is still read; then it is broken. */
static void test_the_peer_goes(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(write(peer, "last", 4), 4);
    close(peer);
    peer = -1;
    assert_int_equal(stream_wait(&stream, BOTH, SOON_MS) & STREAM_READABLE, STREAM_READABLE);
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), 4);
    assert_int_equal(stream_recv(&stream, buf, sizeof(buf)), -1);
    assert_int_equal(stream_send(&stream, buf, 1), -1); /* and no SIGPIPE */
    assert_int_equal(stream_wait(&stream, 0, SOON_MS), STREAM_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sends_and_receives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts_what_it_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_takes_what_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_from_another_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stays_broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_peer_goes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
