/* TCP sockets of transit: all nonblocking and closed on exec. */
#ifndef PROTO_NET_TCP_H
#define PROTO_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "proto/hints.h"
#include "proto/net/address.h"

/* Starts to connect. A socket that becomes writable when tcp_finish can be asked, or -1. */
int tcp_dial(const union address *to);
/* Did the connection that has become writable succeed? */
bool tcp_finish(int fd);
/* The next connection that came in; -1 if there is none now, -2 if none can be taken now (out of
 * descriptors): wait before trying again. */
int tcp_accept(int listening_fd);
void tcp_close(int fd);

/* Never block. How many bytes were taken to be sent, 0 if none can be now, -1: the connection is
 * gone. */
ssize_t tcp_send(int fd, const void *data, size_t len);
/* Copies what has come and leaves it there: how many bytes, 0 if there are none now, -1: it has
 * ended. */
ssize_t tcp_peek(int fd, void *buf, size_t len);
/* The same, and takes it. */
ssize_t tcp_recv(int fd, void *buf, size_t len);

/* Where one attempt listens. A zeroed struct is not a listener; tcp_listen makes it one. */
struct tcp_listener {
    int v4_fd; /* -1: not listening */
    int v6_fd;
    uint16_t port; /* the same for both; 0: listening on neither */
};

/* Listens on one ephemeral port of all addresses, of both families if possible. */
void tcp_listen(struct tcp_listener *l);
void tcp_listen_close(struct tcp_listener *l);
/* The addresses at which the peer may reach the listener, as direct hints; loopback only if there
 * is nothing else. Empties *hints first. */
void tcp_listen_hints(const struct tcp_listener *l, struct hint_list *hints);

#endif
