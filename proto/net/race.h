/* The race for an attempt's one connection: all direct hints are dialled at once, the relays
 * RACE_RELAY_DELAY_MS later, or at once without direct hints; what comes in takes part.
 *
 * The peer chooses the hints, and names lead anywhere: at most HINTS_DIRECT_MAX addresses are
 * dialled directly and HINTS_RELAY_MAX as relays, RACE_ADDRESSES_MAX of a name, and none (with its
 * port) twice as the same kind. */
#ifndef PROTO_NET_RACE_H
#define PROTO_NET_RACE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/action.h"
#include "proto/net/tcp.h"

struct race;
struct resolver;

enum race_state {
    RACE_ON,
    RACE_WON,
    RACE_LOST, /* hopeless, or RACE_MS have passed */
};

/* All of it stays the caller's, and alive. */
struct race_options {
    const struct transit_plan *plan;
    const struct tcp_listener *listener;
    struct resolver *resolver;
    const char *relay_side; /* TRANSIT_SIDE_LEN hex digits, drawn for this race */
};

/* What a race waits for. The first of `fds` is free for the caller, who fills it in before, and
 * calls race_step after a poll of them, or at until_ms. */
struct race_wait {
    struct pollfd *fds;
    size_t count;
    int64_t until_ms;
};

/* Times are of one steady clock. NULL when out of memory. */
struct race *race_begin(const struct race_options *options, int64_t now_ms);
/* Begins what is due: lookups, and connections. *wait is set when it is ON. */
enum race_state race_prepare(struct race *r, int64_t now_ms, struct race_wait *wait);
/* After race_prepare, with the revents of its fds. */
enum race_state race_step(struct race *r, int64_t now_ms);
/* WON: the chosen connection, the caller's to close, whose next byte is the peer's first record;
 * "direct" or "relay" in *kind. */
int race_take(struct race *r, const char **kind);
/* Drops what is not taken. NULL is fine. */
void race_end(struct race *r);

/* All of it, with real time. */
struct race_owner {
    int wake_fd;              /* readable when `stopped` may have changed, or a lookup ended */
    void (*drain)(void *arg); /* makes wake_fd unreadable */
    bool (*stopped)(void *arg);
    void *arg;
};

/* Blocks until it is won, lost or stopped. The chosen connection, or -1. */
int race_run(const struct race_options *options, const struct race_owner *owner, const char **kind);

#endif
