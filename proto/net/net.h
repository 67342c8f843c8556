/* The only code with sockets: carries out the machines' released actions and feeds back what the
 * network says. Decides nothing.
 *
 * One network thread runs libwebsockets (one WebSocket connection a link), the timers and the
 * resolver's answers. Each transit attempt runs on a thread of its own from dialling to the end of
 * its session, and before that for as long as it takes to listen (at most NET_TRANSIT_MAX at once;
 * further ones wait, and who hardly moves anything makes room for them: crew.h). Callbacks are
 * made without any lock of this folder held; those marked [net] on the network thread, [transit] on
 * a transit thread. All net_* calls but net_start and net_stop may be made from any thread, also
 * from inside a callback, and never block. */
#ifndef PROTO_NET_NET_H
#define PROTO_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/action.h"
#include "proto/hints.h"
#include "proto/net/stream.h"

enum {
    NET_TRANSIT_MAX = 64,
    NET_WHY_MAX = 256,
    NET_MESSAGE_MAX = 4 << 20 /* bytes of one server message */
};

struct net;

struct net_callbacks {
    void *arg;
    void (*link_up)(void *arg, uint64_t wormhole, enum wormhole_link link); /* [net] */
    /* After each link_up. [net] */
    void (*link_down)(void *arg, uint64_t wormhole, enum wormhole_link link);
    /* One whole message. [net] */
    void (*link_received)(void *arg, uint64_t wormhole, enum wormhole_link link, const char *text,
                          size_t len);
    /* A link could not connect: why is a sentence for `problem:`. Once for each reason. [net] */
    void (*link_failed)(void *arg, uint64_t wormhole, enum wormhole_link link, const char *why);
    /* Answer to net_transit_listen: where we can be reached directly; may be an empty list. */
    void (*transit_hints)(void *arg, uint64_t wormhole, uint64_t attempt,
                          const struct hint_list *direct); /* [transit] */
    /* A connection was selected: run its whole session, then return; the stream is closed after. */
    void (*transit_session)(void *arg, uint64_t wormhole, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream); /* [transit] */
    /* The attempt is over: after its session returned, or without one. Exactly once for every
     * listen. */
    void (*transit_down)(void *arg, uint64_t wormhole, uint64_t attempt); /* [transit] */
    /* Timers: called at the time that the last call returned (now_ms, CLOCK_REALTIME), or after
     * net_wake. Returns when to be called next, INT64_MAX for only on net_wake. The first call is
     * at the start. */
    int64_t (*tick)(void *arg, int64_t now_ms); /* [net] */
};

struct net_options {
    const char *mailbox_url; /* ws:// or wss:// URL with path; checked by net_url_check */
    bool listen;             /* listen for direct connections (not with -o no_listen) */
};

/* 0, or PROTO_ERR_INVALID with a sentence in why[NET_WHY_MAX]. */
int net_url_check(const char *url, char *why);

/* Starts the network thread. 0 or a negative enum proto_error with a sentence in why. The caller
 * has raised RLIMIT_NOFILE: a link is a descriptor. */
int net_start(struct net **out, const struct net_options *options,
              const struct net_callbacks *callbacks, char *why);
/* Ends every connection and thread, within two seconds if sessions heed their broken streams; what
 * is queued on the links is sent if it takes no more than half a second. No link callback is made
 * any more (no link_down either), every attempt still gets its transit_down, and no callback is
 * running or made after it returns. Nobody else may be in a net_* call by then. NULL is fine. */
void net_stop(struct net *net);

/* Calls tick soon. */
void net_wake(struct net *net);

/* Keeps a connection for (wormhole, link): first try at once, none more than 2 s apart in the first
 * 30 s, then growing random delays up to a minute; WebSocket pings find dead ones. A second open is
 * a no-op. */
void net_link_open(struct net *net, uint64_t wormhole, enum wormhole_link link);
/* Copies the text. Dropped if the link is down (the machine re-adds after the next fence). If too
 * much waits, the connection is broken instead: link_down, and all over again. */
void net_link_send(struct net *net, uint64_t wormhole, enum wormhole_link link, const void *text,
                   size_t len);
/* Sends what is queued, then disconnects; no callback for that link after it but a running one. */
void net_link_close(struct net *net, uint64_t wormhole, enum wormhole_link link);
/* The connection that serves `from` serves `to` from now on (a begun mailbox became the current
 * one); the one that served `to`, if any, is closed as by net_link_close. Nothing if `from` is not
 * open. */
void net_link_move(struct net *net, uint64_t wormhole, enum wormhole_link from,
                   enum wormhole_link to);

/* Is any mailbox connection up now, or has one been in the last minute? */
bool net_reachable(struct net *net);

/* A transit attempt: listen (IPv4 and IPv6, one ephemeral port) and answer with transit_hints; then
 * start dials all direct hints of plan at once and the relays (ours and the plan's are all in
 * plan->hints) 2 s later, or at once if there is no direct hint; accepts what comes in; does the
 * handshake on each; selects (or is selected); 60 s in all, from the start; over sooner if nothing
 * can come of it. `plan` is copied. stop makes a session's stream fail soon; attempt 0 stops all
 * that the wormhole has. Calls for an attempt that is not there, or over, are nothing. */
void net_transit_listen(struct net *net, uint64_t wormhole, uint64_t attempt);
void net_transit_start(struct net *net, uint64_t wormhole, uint64_t attempt,
                       const struct transit_plan *plan);
void net_transit_stop(struct net *net, uint64_t wormhole, uint64_t attempt);

#endif
