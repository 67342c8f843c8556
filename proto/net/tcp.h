/* TCP sockets of transit: all nonblocking and closed on exec. */
#ifndef PROTO_NET_TCP_H
#define PROTO_NET_TCP_H

#include <stdbool.h>
#include <stdint.h>
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
