/* The race for an attempt's one connection: all direct hints are dialled at once, the relays
 * RACE_RELAY_DELAY_MS later, or at once without direct hints; what comes in takes part.
 *
 * The peer chooses the hints, and names lead anywhere: at most HINTS_DIRECT_MAX addresses are
 * dialled directly and HINTS_RELAY_MAX as relays, RACE_ADDRESSES_MAX of a name, and none (with its
 * port) twice as the same kind. */
#ifndef PROTO_NET_RACE_H
#define PROTO_NET_RACE_H

#include <stdbool.h>
#include "proto/action.h"
#include "proto/net/resolve.h"
#include "proto/net/tcp.h"

struct race_options {
    const struct transit_plan *plan;
    const struct tcp_listener *listener;
    struct resolver *resolver;
    int wake_fd;              /* readable when `stopped` may have changed, or a lookup ended */
    void (*drain)(void *arg); /* makes wake_fd unreadable */
    bool (*stopped)(void *arg);
    void *arg;
};

/* Blocks until it is decided, hopeless, stopped, or RACE_MS have passed. Returns the chosen
 * connection, whose next byte is the peer's first record, with "direct" or "relay" in *kind; or -1.
 */
int race_run(const struct race_options *options, const char **kind);

#endif
