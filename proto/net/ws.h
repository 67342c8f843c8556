/* The WebSocket connections of the links, all to the one mailbox server: names looked up, addresses
 * tried in turn, reconnected by the schedule, kept alive by pings, closed politely.
 *
 *   NEW ──► QUEUED ──► CONNECTING ──► UP ──► ENDING ──► (freed)
 *             ▲            │          │
 *             └─ WAITING ◄─┴──────────┘
 *
 * QUEUED links wait for the server's address or for one of WS_CONNECTS_MAX places. KILLED is a
 * CONNECTING, UP or ENDING that is cut off as soon as libwebsockets allows.
 * Thread: all of it the network thread, `ws_reachable` apart. */
#ifndef PROTO_NET_WS_H
#define PROTO_NET_WS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libwebsockets.h>
#include "proto/net/backoff.h"
#include "proto/net/pace.h"
#include "proto/net/pulse.h"
#include "proto/net/resolve.h"
#include "proto/net/url.h"

struct link;
struct links;
struct net_callbacks;
struct ws;

enum ws_state {
    WS_NEW,
    WS_WAITING, /* for its next try */
    WS_QUEUED,
    WS_CONNECTING,
    WS_UP,
    WS_ENDING, /* no longer wanted: what is queued is sent, a pong awaited, then it is closed */
    WS_KILLED,
};

/* How far a connection has come, to say where it failed. */
enum ws_stage { WS_STAGE_NAME, WS_STAGE_TCP, WS_STAGE_TLS, WS_STAGE_HTTP, WS_STAGE_OPEN };

/* A message of which a part has arrived. */
struct ws_partial {
    char *data;
    size_t len;
    size_t cap;
};

struct ws_conn {
    struct ws *ws;
    enum ws_state state;
    enum ws_stage stage;
    bool pending;            /* counts in ws->connecting */
    bool up;                 /* counts in ws->up */
    unsigned looks;          /* at how it gets on with connecting (check_progress) */
    bool silent;             /* no answer in time */
    bool too_big;            /* the server's message was */
    bool fenced;             /* ENDING, and all is sent: the server's pong is awaited */
    uint8_t tried;           /* addresses tried in this round */
    uint8_t index;           /* of the address of this try */
    uint32_t told;           /* hash of the last link_failed sentence; 0: none */
    const char *certificate; /* what is wrong with the server's; static */
    struct lws *wsi;
    struct backoff backoff;
    struct link *queue_next;
    struct ws_partial partial;
    struct pulse_conn pulse;
    lws_sorted_usec_list_t timer;
};

struct ws {
    struct lws_context *context;
    struct links *links;
    struct resolver *resolver;
    const struct url *url;
    const struct net_callbacks *callbacks;
    struct link *queue_first;
    struct link **queue_last; /* NULL while empty */
    unsigned connecting;
    unsigned alive;         /* links that ws_work has seen and not yet freed */
    size_t addresses;       /* of the server, when last looked up */
    size_t preferred;       /* which of them worked last */
    int64_t unreachable_ms; /* none of them could be connected to then; 0: one could since */
    bool unreachable_silent;
    struct pulse pulse;
    struct pace pace;
    lws_sorted_usec_list_t pump_timer;
    atomic_uint up;
    _Atomic int64_t last_up_ms; /* some link was up then; 0: never */
};

/* The first five members are the caller's to set, `context` as soon as there is one. */
void ws_init(struct ws *ws);
/* Brings the connections in line with what the links want, and goes on with what waits for a
 * name. To be called when a link is dirty or a lookup has ended. */
void ws_work(struct ws *ws);
/* The libwebsockets callback of a connection; `reason` is an enum lws_callback_reasons. */
int ws_event(struct lws *wsi, int reason, void *user, void *in, size_t len);
/* Has the connection of a link that is up cut off soon: it counts as lost. */
void ws_kill(struct link *l);
/* Everything was closed and has ended. */
bool ws_is_idle(const struct ws *ws);
bool ws_reachable(struct ws *ws); /* any thread */

#endif
