#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/tcp.h"

enum { SOON_MS = 20000 };

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_socket(int fd)
{
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
}

static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    assert_int_equal(poll(&p, 1, SOON_MS), 1);
}

static void connect_and_accept(const char *host, int listening_fd, uint16_t port)
{
    union address to;

    assert_true(address_parse(&to, host));
    address_set_port(&to, port);
    assert_int_equal(tcp_accept(listening_fd), -1); /* none yet */
    int out = tcp_dial(&to);
    assert_true(out >= 0);
    wait_for(out, POLLOUT);
    assert_true(tcp_finish(out));
    wait_for(listening_fd, POLLIN);
    int in = tcp_accept(listening_fd);
    assert_true(in >= 0);
    check_socket(out);
    check_socket(in);
    tcp_close(out);
    tcp_close(in);
}

/* Both families on one port. */
static void test_listens(void **state)
{
    struct tcp_listener l;

    (void)state;
    for (int i = 0; i < 20; i++) {
        tcp_listen(&l);
        assert_true(l.v4_fd >= 0);
        assert_true(l.port != 0);
        connect_and_accept("127.0.0.1", l.v4_fd, l.port);
        if (l.v6_fd >= 0) /* not on every machine */
            connect_and_accept("::1", l.v6_fd, l.port);
        tcp_listen_close(&l);
        assert_int_equal(l.port, 0);
        tcp_listen_close(&l);
    }
}

static void test_refused(void **state)
{
    struct tcp_listener l;
    union address to;

    (void)state;
    tcp_listen(&l);
    uint16_t port = l.port;
    tcp_listen_close(&l);
    assert_true(address_parse(&to, "127.0.0.1"));
    address_set_port(&to, port);
    int fd = tcp_dial(&to);
    if (fd < 0)
        return;
    wait_for(fd, POLLOUT);
    assert_false(tcp_finish(fd));
    tcp_close(fd);
}

/* Every hint can be dialled and leads to us. */
static void test_hints(void **state)
{
    struct hint_list hints = {.count = 3};
    struct tcp_listener l;
    size_t loopback = 0;

    (void)state;
    tcp_listen(&l);
    tcp_listen_hints(&l, &hints);
    assert_in_range(hints.count, 1, HINTS_DIRECT_MAX);
    for (size_t i = 0; i < hints.count; i++) {
        union address a;
        assert_int_equal(hints.at[i].kind, HINT_DIRECT);
        assert_int_equal(hints.at[i].port, l.port);
        assert_true(address_parse(&a, hints.at[i].host));
        assert_false(address_is_link_local(&a));
        loopback += address_is_loopback(&a);
        connect_and_accept(hints.at[i].host, a.any.sa_family == AF_INET ? l.v4_fd : l.v6_fd,
                           l.port);
    }
    assert_true(loopback == 0 || loopback == hints.count); /* only if there is nothing else */
    tcp_listen_close(&l);
    tcp_listen_hints(&l, &hints);
    assert_int_equal(hints.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listens),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
