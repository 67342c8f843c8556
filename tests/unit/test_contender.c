#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/contender.h"
#include "proto/net/limits.h"
#include "proto/net/tcp.h"

enum { NOW_MS = 5000, SOON_MS = 20000 };

static struct contender sender, receiver;
static struct transit_plan sender_plan, receiver_plan;

static int set_up(void **state)
{
    (void)state;
    memset(&sender, 0, sizeof(sender));
    memset(&receiver, 0, sizeof(receiver));
    memset(&sender_plan, 0, sizeof(sender_plan));
    memset(sender_plan.key, 3, sizeof(sender_plan.key));
    receiver_plan = sender_plan;
    sender_plan.sender = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    contender_drop(&sender);
    contender_drop(&receiver);
    return 0;
}

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* One round of what a race does. */
static void advance(struct contender *c)
{
    struct pollfd fd = {.fd = c->fd, .events = contender_events(c)};

    if (c->state == CONTENDER_FREE || c->state == CONTENDER_CHOSEN)
        return;
    if (poll(&fd, 1, 0) > 0)
        contender_ready(c, fd.revents, NOW_MS);
}

static void test_two_choose_each_other(void **state)
{
    int fds[2];
    char buf[8];

    (void)state;
    make_pair(fds);
    contender_accept(&sender, fds[0], &sender_plan, NOW_MS);
    contender_accept(&receiver, fds[1], &receiver_plan, NOW_MS);
    assert_true(contender_is_stranger(&sender));
    assert_int_equal(sender.deadline_ms, NOW_MS + RACE_HANDSHAKE_MS);
    advance(&receiver); /* its line is sent */
    advance(&sender);
    assert_int_equal(sender.state, CONTENDER_CHOSEN);
    assert_true(contender_is_selected(&sender));
    int from = contender_take(&sender);
    assert_int_equal(sender.state, CONTENDER_FREE);
    assert_int_equal(write(from, "records", 7), 7); /* before the peer has read "go" */
    advance(&receiver);
    assert_int_equal(receiver.state, CONTENDER_CHOSEN);
    int to = contender_take(&receiver);
    assert_int_equal(read(to, buf, sizeof(buf)), 7);
    assert_memory_equal(buf, "records", 7);
    close(from);
    close(to);
}

/* A receiver that is shown the right line waits for the choice as long as it takes; the wrong word
 * ends it. */
static void test_receiver_waits(void **state)
{
    int fds[2];
    struct transit t;
    size_t len;

    (void)state;
    make_pair(fds);
    contender_accept(&receiver, fds[1], &receiver_plan, NOW_MS);
    assert_int_equal(transit_init(&t, sender_plan.key, TRANSIT_SENDER, NULL), 0);
    const uint8_t *line = transit_tx(&t, &len);
    for (size_t i = 0; i < len; i++) { /* byte by byte */
        assert_int_equal(write(fds[0], line + i, 1), 1);
        advance(&receiver);
        assert_int_equal(receiver.state, CONTENDER_TALKING);
        assert_int_equal(contender_is_stranger(&receiver), i + 1 < len);
    }
    assert_int_equal(receiver.deadline_ms, INT64_MAX);
    assert_int_equal(write(fds[0], "nevermind\n", 10), 10);
    advance(&receiver);
    assert_int_equal(receiver.state, CONTENDER_FREE);
    close(fds[0]);
}

static void expect_dropped(const void *said, size_t len)
{
    int fds[2];

    make_pair(fds);
    contender_accept(&receiver, fds[1], &receiver_plan, NOW_MS);
    assert_int_equal(send(fds[0], said, len, MSG_NOSIGNAL), (ssize_t)len);
    if (len == 0)
        shutdown(fds[0], SHUT_WR);
    advance(&receiver);
    assert_int_equal(receiver.state, CONTENDER_FREE);
    close(fds[0]);
}

static void test_drops_who_is_wrong(void **state)
{
    static const uint8_t other_key[TRANSIT_KEY_BYTES] = {1};
    struct transit t;
    size_t len;

    (void)state;
    expect_dropped("", 0); /* hung up */
    expect_dropped("GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(transit_init(&t, other_key, TRANSIT_SENDER, NULL), 0);
    const uint8_t *line = transit_tx(&t, &len);
    expect_dropped(line, len);
    assert_int_equal(transit_init(&t, sender_plan.key, TRANSIT_RECEIVER, NULL), 0);
    line = transit_tx(&t, &len);
    expect_dropped(line, len); /* our own line, sent back */
}

/* Dialled: through a relay, whose answer may take as long as the peer. */
static void test_through_a_relay(void **state)
{
    static const char side[] = "0123456789abcdef";
    struct tcp_listener listener;
    union address to;
    char buf[512] = "";

    (void)state;
    tcp_listen(&listener);
    assert_true(address_parse(&to, "127.0.0.1"));
    address_set_port(&to, listener.port);
    contender_dial(&receiver, &to, &receiver_plan, side, NOW_MS);
    assert_int_equal(receiver.state, CONTENDER_DIALLING);
    assert_true(receiver.relayed);
    struct pollfd fd = {.fd = receiver.fd, .events = contender_events(&receiver)};
    assert_int_equal(poll(&fd, 1, SOON_MS), 1);
    contender_ready(&receiver, fd.revents, NOW_MS);
    assert_int_equal(receiver.state, CONTENDER_TALKING);
    assert_int_equal(receiver.deadline_ms, INT64_MAX);
    struct pollfd incoming = {.fd = listener.v4_fd, .events = POLLIN};
    assert_int_equal(poll(&incoming, 1, SOON_MS), 1);
    int relay = tcp_accept(listener.v4_fd);
    assert_true(relay >= 0);
    struct pollfd asked = {.fd = relay, .events = POLLIN};
    assert_int_equal(poll(&asked, 1, SOON_MS), 1);
    assert_true(read(relay, buf, sizeof(buf) - 1) > 0);
    assert_memory_equal(buf, "please relay ", 13);
    assert_non_null(strstr(buf, " for side 0123456789abcdef\n"));
    assert_int_equal(write(relay, "ok\n", 3), 3);
    fd.events = contender_events(&receiver);
    assert_int_equal(poll(&fd, 1, SOON_MS), 1);
    contender_ready(&receiver, fd.revents, NOW_MS + 40000);
    assert_int_equal(receiver.deadline_ms, NOW_MS + 40000 + RACE_HANDSHAKE_MS);
    assert_int_equal(poll(&asked, 1, SOON_MS), 1);
    memset(buf, 0, sizeof(buf));
    assert_true(read(relay, buf, sizeof(buf) - 1) > 0);
    assert_memory_equal(buf, "transit receiver ", 17);
    close(relay);
    tcp_listen_close(&listener);
}

static void test_nobody_there(void **state)
{
    struct tcp_listener listener;
    union address to;

    (void)state;
    tcp_listen(&listener);
    assert_true(address_parse(&to, "127.0.0.1"));
    address_set_port(&to, listener.port);
    tcp_listen_close(&listener); /* a port that is free */
    contender_dial(&receiver, &to, &receiver_plan, NULL, NOW_MS);
    if (receiver.state == CONTENDER_DIALLING) {
        struct pollfd fd = {.fd = receiver.fd, .events = contender_events(&receiver)};
        assert_int_equal(poll(&fd, 1, SOON_MS), 1);
        contender_ready(&receiver, fd.revents, NOW_MS);
    }
    assert_int_equal(receiver.state, CONTENDER_FREE);
    contender_dial(&receiver, &to, &receiver_plan, "not a side", NOW_MS);
    assert_int_equal(receiver.state, CONTENDER_FREE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_choose_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receiver_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drops_who_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_through_a_relay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_there, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
