/* The links that the callers want: a table by (wormhole, link) with what waits to be sent on each.
 *
 * One lock guards the table and the upper half of every struct link. The calls for the callers work
 * from any thread: they change the table, so that the next call and the next callback see it, and
 * mark the link *dirty*; the network thread, woken, brings the connection in line. It alone touches
 * the lower half, and it alone frees a link: one that is no longer wanted leaves the table at once,
 * and lives on, mute, until its connection has ended. */
#ifndef PROTO_NET_LINKS_H
#define PROTO_NET_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include "proto/action.h"
#include "proto/net/ws.h"

/* One text message on its way out. libwebsockets writes its header into the bytes before `text`. */
struct link_message {
    struct link_message *next;
    size_t len;
    unsigned char room[LWS_PRE];
    unsigned char text[];
};

struct links;

struct link {
    /* Guarded by the lock. */
    struct link *next; /* in its bucket */
    struct link *next_dirty;
    uint64_t wormhole;
    enum wormhole_link which;
    bool wanted; /* is in the table */
    bool up;     /* messages are taken */
    bool broken; /* too much waits, or memory ran out: the connection must be dropped */
    bool dirty;
    struct link_message *first;
    struct link_message **last; /* NULL while empty */
    size_t tx_bytes;

    /* The network thread's. */
    struct ws_conn conn;
};

enum { LINK_BUCKETS = 1024 };

struct links {
    pthread_mutex_t lock;
    struct link *buckets[LINK_BUCKETS];
    size_t count;
    struct link *dirty;
    bool closed;             /* no further opens */
    void (*wake)(void *arg); /* the network thread; called without the lock */
    void *arg;
};

void links_init(struct links *s, void (*wake)(void *arg), void *arg);
/* Every link must have been closed and freed. */
void links_release(struct links *s);

/* -- any thread: as their namesakes in net.h -- */
void links_open(struct links *s, uint64_t wormhole, enum wormhole_link which);
void links_send(struct links *s, uint64_t wormhole, enum wormhole_link which, const void *text,
                size_t len);
void links_close(struct links *s, uint64_t wormhole, enum wormhole_link which);
void links_move(struct links *s, uint64_t wormhole, enum wormhole_link from, enum wormhole_link to);
/* Closes all, and lets none be opened again. */
void links_close_all(struct links *s);

/* -- the network thread -- */

/* What a link wants, seen at one moment. */
struct link_wish {
    uint64_t wormhole; /* these two only while wanted */
    enum wormhole_link which;
    bool wanted;
    bool broken;
    bool sending; /* something waits */
};

/* Takes one link that has changed, NULL when there is none. */
struct link *links_take_dirty(struct links *s);
struct link_wish links_wish(struct links *s, const struct link *l);
/* The connection is up or down. Down drops what waits. */
void links_set_up(struct links *s, struct link *l, bool up);
/* Takes what is to be sent next, the caller's to free; NULL when there is nothing. */
struct link_message *links_take_message(struct links *s, struct link *l);
/* Frees a link that is not wanted. False, and nothing is done, if it has become dirty meanwhile:
 * then it is to be freed when links_take_dirty gives it. */
bool links_free(struct links *s, struct link *l);

#endif
