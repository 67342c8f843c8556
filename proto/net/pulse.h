/* The keepalive of all connections that are up: one timer for all of them looks every WS_PULSE_MS
 * for silent ones, has them pinged after WS_PING_MS, and cut off after WS_DEAD_MS. libwebsockets'
 * own keeps a timer for each connection, which a thousand idle links would pay for.
 * Thread: the network thread. */
#ifndef PROTO_NET_PULSE_H
#define PROTO_NET_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <libwebsockets.h>

struct link;

/* One connection's. Zeroed: not in the list. */
struct pulse_conn {
    struct link *next;
    struct link **before; /* what points at it; NULL: not in the list */
    int64_t heard_ms;
    bool ping_wanted; /* for the writer, who sends one and clears it */
    bool pinged;      /* since it was last heard */
};

struct pulse {
    struct lws_context *context;
    struct link *first;
    lws_sorted_usec_list_t timer;
};

/* The connection is up, is to be forgotten (fine if it never was up), or has sent us something. */
void pulse_add(struct pulse *p, struct link *l);
void pulse_remove(struct link *l);
void pulse_heard(struct link *l);

#endif
