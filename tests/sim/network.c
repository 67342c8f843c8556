#include "tests/sim/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/net/limits.h"
#include "proto/net/resolve.h"
#include "proto/net/tcp.h"
#include "tests/sim/must.h"

enum { FD_FIRST = 1 << 20, PORT_FIRST = 20000, PORT_LAST = 60000 };

enum socket_kind {
    SOCKET_FREE,
    SOCKET_LISTENING,
    SOCKET_SILENT,  /* dials, and nobody answers */
    SOCKET_REFUSED, /* dialled where nobody listens */
    SOCKET_CONNECTED,
};

struct socket {
    enum socket_kind kind;
    int peer;
    uint16_t port;         /* LISTENING */
    struct stream *stream; /* CONNECTED */
    struct stream *queue[LISTEN_BACKLOG];
    int queued;
};

struct network {
    struct relay *relay;
    int peers;
    unsigned hidden; /* a bit for each peer that cannot be dialled */
    uint16_t next_port;
    uint64_t changes;
    struct socket *sockets;
    int count;
};

/* Whose call it is. tcp.h knows of no network. */
static struct network *here;
static int caller;

struct network *network_new(int peers, struct relay *relay)
{
    struct network *n = must(calloc(1, sizeof *n));
    n->relay = relay;
    n->peers = peers;
    n->next_port = PORT_FIRST;
    return n;
}

static void socket_clear(struct socket *s)
{
    if (s->stream != NULL)
        pipe_close(s->stream);
    for (int i = 0; i < s->queued; i++)
        pipe_close(s->queue[i]);
    *s = (struct socket){0};
}

void network_free(struct network *n)
{
    for (int i = 0; i < n->count; i++)
        socket_clear(&n->sockets[i]);
    free(n->sockets);
    if (here == n)
        here = NULL;
    free(n);
}

void network_enter(struct network *n, int peer)
{
    here = n;
    caller = peer;
}

void network_set_reachable(struct network *n, int peer, bool reachable)
{
    n->hidden = reachable ? n->hidden & ~(1u << peer) : n->hidden | 1u << peer;
}

uint64_t network_changes(const struct network *n)
{
    return n->changes + pipe_changes();
}

/* ---- sockets ---- */

static int socket_new(enum socket_kind kind, struct stream *stream)
{
    int i = 0;
    while (i < here->count && here->sockets[i].kind != SOCKET_FREE)
        i++;
    if (i == here->count) {
        here->count += 64;
        here->sockets = must(realloc(here->sockets, (size_t)here->count * sizeof *here->sockets));
        memset(here->sockets + i, 0, 64 * sizeof *here->sockets);
    }
    here->sockets[i] = (struct socket){.kind = kind, .peer = caller, .stream = stream};
    here->changes++;
    return FD_FIRST + i;
}

static struct socket *socket_of(struct network *n, int fd)
{
    if (fd < FD_FIRST || fd - FD_FIRST >= n->count || n->sockets[fd - FD_FIRST].kind == SOCKET_FREE)
        abort();
    return &n->sockets[fd - FD_FIRST];
}

/* Who listens at this address? */
static struct socket *listener_at(const union address *to, bool *hidden)
{
    uint32_t host = ntohl(to->v4.sin_addr.s_addr);
    for (int i = 0; to->any.sa_family == AF_INET && i < here->count; i++) {
        struct socket *s = &here->sockets[i];
        if (s->kind != SOCKET_LISTENING || s->port != address_port(to) ||
            host != (UINT32_C(10) << 24) + 1 + (uint32_t)s->peer)
            continue;
        *hidden = s->peer != caller && (here->hidden >> s->peer & 1) != 0;
        return s;
    }
    return NULL;
}

static bool is_relay(const union address *to)
{
    struct in_addr relay;
    inet_pton(AF_INET, NETWORK_RELAY_HOST, &relay);
    return to->any.sa_family == AF_INET && to->v4.sin_addr.s_addr == relay.s_addr &&
           address_port(to) == NETWORK_RELAY_PORT;
}

int tcp_dial(const union address *to)
{
    struct stream *ours, *theirs;
    bool hidden = false;
    struct socket *listener = listener_at(to, &hidden);
    if (hidden)
        return socket_new(SOCKET_SILENT, NULL);
    if (is_relay(to) && !relay_weather(here->relay)->away) {
        pipe_open(&ours, &theirs);
        relay_accept(here->relay, theirs);
    } else if (listener != NULL && listener->queued < LISTEN_BACKLOG) {
        pipe_open(&ours, &theirs);
        listener->queue[listener->queued++] = theirs;
    } else {
        return socket_new(SOCKET_REFUSED, NULL);
    }
    return socket_new(SOCKET_CONNECTED, ours);
}

bool tcp_finish(int fd)
{
    return socket_of(here, fd)->kind == SOCKET_CONNECTED;
}

int tcp_accept(int listening_fd)
{
    struct socket *s = socket_of(here, listening_fd);
    if (s->queued == 0)
        return -1;
    struct stream *stream = s->queue[0];
    s->queued--;
    memmove(s->queue, s->queue + 1, (size_t)s->queued * sizeof s->queue[0]);
    return socket_new(SOCKET_CONNECTED, stream);
}

void tcp_close(int fd)
{
    here->changes++;
    socket_clear(socket_of(here, fd));
}

ssize_t tcp_send(int fd, const void *data, size_t len)
{
    return pipe_send(socket_of(here, fd)->stream, data, len);
}

ssize_t tcp_peek(int fd, void *buf, size_t len)
{
    return pipe_peek(socket_of(here, fd)->stream, buf, len);
}

ssize_t tcp_recv(int fd, void *buf, size_t len)
{
    return stream_recv(socket_of(here, fd)->stream, buf, len);
}

void tcp_listen(struct tcp_listener *l)
{
    int fd = socket_new(SOCKET_LISTENING, NULL);
    uint16_t port = here->next_port++;
    if (here->next_port > PORT_LAST)
        here->next_port = PORT_FIRST;
    socket_of(here, fd)->port = port;
    *l = (struct tcp_listener){.v4_fd = fd, .v6_fd = -1, .port = port};
}

void tcp_listen_close(struct tcp_listener *l)
{
    if (l->v4_fd >= 0)
        tcp_close(l->v4_fd);
    *l = (struct tcp_listener){.v4_fd = -1, .v6_fd = -1};
}

void tcp_listen_hints(const struct tcp_listener *l, struct hint_list *hints)
{
    char host[24];
    hints->count = 0;
    snprintf(host, sizeof host, "10.0.0.%d", 1 + caller);
    (void)hints_add(hints, HINT_DIRECT, host, l->port, 0);
}

/* ---- names: there are none but numbers ---- */

void resolve_lookup(struct resolver *r, const char *host, bool urgent,
                    struct resolve_answer *answer)
{
    (void)r, (void)urgent;
    *answer = (struct resolve_answer){.state = RESOLVE_FAILED, .why = "no such name"};
    if (!address_parse(&answer->at[0], host))
        return;
    answer->state = RESOLVE_FOUND;
    answer->count = 1;
}

void resolve_give_up(struct resolver *r, const char *host)
{
    (void)r, (void)host;
}

/* ---- the world's ---- */

static short revents(const struct socket *s)
{
    switch (s->kind) {
    case SOCKET_LISTENING:
        return s->queued > 0 ? POLLIN : 0;
    case SOCKET_REFUSED:
        return POLLOUT | POLLERR;
    case SOCKET_CONNECTED: {
        int ready = pipe_ready(s->stream, STREAM_READABLE | STREAM_WRITABLE);
        if (ready & STREAM_BROKEN)
            return POLLIN | POLLOUT | POLLHUP;
        return (short)((ready & STREAM_READABLE ? POLLIN : 0) |
                       (ready & STREAM_WRITABLE ? POLLOUT : 0));
    }
    case SOCKET_FREE:
    case SOCKET_SILENT:
        break;
    }
    return 0;
}

int network_poll(struct network *n, struct pollfd *fds, size_t count)
{
    int ready = 0;
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        fds[i].revents =
            (short)(revents(socket_of(n, fds[i].fd)) & (fds[i].events | POLLERR | POLLHUP));
        ready += fds[i].revents != 0;
    }
    return ready;
}

struct stream *network_take(struct network *n, int fd)
{
    struct socket *s = socket_of(n, fd);
    struct stream *stream = s->stream;
    s->stream = NULL;
    socket_clear(s);
    return stream;
}

void network_cut(struct network *n)
{
    for (int i = 0; i < n->count; i++)
        if (n->sockets[i].kind == SOCKET_CONNECTED)
            stream_break(n->sockets[i].stream);
}
