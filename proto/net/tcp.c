#include "proto/net/tcp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "proto/net/limits.h"

static void set_option(int fd, int level, int option, int value)
{
    /* Only speed and the discovery of dead peers depend on these. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* The sizes of the buffers are left to the kernel, which adapts them to the path. No
 * TCP_USER_TIMEOUT: it would also end the connection to a peer who is only slow to read. */
static void tune(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, STREAM_KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, STREAM_KEEPALIVE_EVERY_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, STREAM_KEEPALIVE_COUNT);
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int tcp_dial(const union address *to)
{
    int fd = open_socket(to->any.sa_family);

    if (fd < 0)
        return -1;
    tune(fd);
    if (connect(fd, &to->any, address_len(to)) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

bool tcp_finish(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0;
}

int tcp_accept(int listening_fd)
{
    int fd = accept4(listening_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        tune(fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return -2;
    return fd;
}

void tcp_close(int fd)
{
    close(fd);
}

/* -- bytes ------------------------------------------------------------------------------------ */

static ssize_t outcome(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

ssize_t tcp_send(int fd, const void *data, size_t len)
{
    return outcome(send(fd, data, len, MSG_NOSIGNAL));
}

ssize_t tcp_peek(int fd, void *buf, size_t len)
{
    ssize_t n = recv(fd, buf, len, MSG_PEEK);
    return n == 0 ? -1 : outcome(n);
}

ssize_t tcp_recv(int fd, void *buf, size_t len)
{
    ssize_t n = recv(fd, buf, len, 0);
    return n == 0 ? -1 : outcome(n);
}

/* -- listening -------------------------------------------------------------------------------- */

static union address any_address(int family, uint16_t port)
{
    union address a;

    memset(&a, 0, sizeof(a)); /* all zero means every address, in both families */
    a.any.sa_family = (sa_family_t)family;
    address_set_port(&a, port);
    return a;
}

/* -1 with errno. */
static int listen_on(int family, uint16_t port)
{
    union address a = any_address(family, port);
    int fd = open_socket(family);

    if (fd < 0)
        return -1;
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, &a.any, address_len(&a)) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

static uint16_t bound_port(int fd)
{
    union address a = {0};
    socklen_t len = sizeof(a);

    return getsockname(fd, &a.any, &len) == 0 ? address_port(&a) : 0;
}

/* False if the port that IPv4 got is taken in IPv6: then another try may do better. */
static bool listen_on_both(struct tcp_listener *l)
{
    *l = (struct tcp_listener){.v4_fd = listen_on(AF_INET, 0), .v6_fd = -1};
    if (l->v4_fd >= 0)
        l->port = bound_port(l->v4_fd);
    l->v6_fd = listen_on(AF_INET6, l->port);
    bool taken = l->v6_fd < 0 && errno == EADDRINUSE;
    if (l->v6_fd >= 0 && l->port == 0)
        l->port = bound_port(l->v6_fd);
    return !taken;
}

void tcp_listen(struct tcp_listener *l)
{
    for (int i = 0; i < LISTEN_TRIES; i++) {
        if (listen_on_both(l))
            break;
        if (i + 1 < LISTEN_TRIES)
            tcp_listen_close(l);
    }
    if (l->port == 0)
        tcp_listen_close(l);
}

void tcp_listen_close(struct tcp_listener *l)
{
    if (l->v4_fd >= 0)
        close(l->v4_fd);
    if (l->v6_fd >= 0)
        close(l->v6_fd);
    *l = (struct tcp_listener){.v4_fd = -1, .v6_fd = -1};
}

static bool is_reachable(const struct tcp_listener *l, const struct ifaddrs *i, union address *a)
{
    if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 || !address_copy(a, i->ifa_addr))
        return false;
    if (address_is_link_local(a))
        return false;
    return (a->any.sa_family == AF_INET ? l->v4_fd : l->v6_fd) >= 0;
}

static void add_addresses(const struct tcp_listener *l, const struct ifaddrs *all, bool loopback,
                          struct hint_list *hints)
{
    char host[ADDRESS_TEXT_MAX];
    union address a;

    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
        if (is_reachable(l, i, &a) && address_is_loopback(&a) == loopback && address_text(&a, host))
            (void)hints_add(hints, HINT_DIRECT, host, l->port, 0); /* enough are enough */
}

void tcp_listen_hints(const struct tcp_listener *l, struct hint_list *hints)
{
    struct ifaddrs *all = NULL;

    hints->count = 0;
    if (l->port == 0 || getifaddrs(&all) != 0)
        return;
    add_addresses(l, all, false, hints);
    if (hints->count == 0)
        add_addresses(l, all, true, hints);
    freeifaddrs(all);
}
