/* One TCP connection in a race: dialled or accepted, direct or to a relay, until its Transit
 * handshake has made it the chosen one or it has dropped out. */
#ifndef PROTO_NET_CONTENDER_H
#define PROTO_NET_CONTENDER_H

#include <stdbool.h>
#include <stdint.h>
#include "proto/action.h"
#include "proto/net/address.h"
#include "proto/transit.h"

enum contender_state {
    CONTENDER_FREE, /* no connection: it was never begun, or has dropped out */
    CONTENDER_DIALLING,
    CONTENDER_TALKING, /* the handshake is on */
    CONTENDER_CHOSEN,  /* nothing of the handshake is left to be sent or received */
};

/* A zeroed struct is free. */
struct contender {
    enum contender_state state;
    int fd;
    bool incoming;
    bool relayed;
    int64_t since_ms;
    int64_t deadline_ms; /* drops out then; INT64_MAX: no bound but the race's */
    struct transit transit;
};

/* Begin with a free one, which stays free on failure. `relay_side` is NULL for a direct
 * connection, else as in transit_init. contender_accept takes over the socket. */
void contender_dial(struct contender *c, const union address *to, const struct transit_plan *plan,
                    const char *relay_side, int64_t now_ms);
void contender_accept(struct contender *c, int fd, const struct transit_plan *plan, int64_t now_ms);
/* Closes and wipes it: free. */
void contender_drop(struct contender *c);
/* The chosen one's socket, the caller's to close; its records begin with the next byte read. */
int contender_take(struct contender *c);

/* What to poll for. */
short contender_events(const struct contender *c);
/* Goes on after poll. With Transit's sender role it selects its connection as soon as it can. */
void contender_ready(struct contender *c, short revents, int64_t now_ms);
/* It was selected, by us or by the peer, and soon is CHOSEN: all others must be dropped at once. */
bool contender_is_selected(const struct contender *c);
/* A stranger who has shown nothing yet, and may be dropped for another. */
bool contender_is_stranger(const struct contender *c);

#endif
