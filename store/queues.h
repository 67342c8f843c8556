/* Protocol state that is rows and not machine memory: operations waiting to become messages,
 * messages waiting for their acknowledgement, sealed revisions, parcels that are arriving, and what
 * was decided about them. Plain data: its meaning is the protocol's. Pointers inside rows are
 * borrowed, valid during the callback. A non-zero return of a callback stops and is returned. */
#ifndef STORE_QUEUES_H
#define STORE_QUEUES_H

#include <stdbool.h>
#include "store/blob.h"
#include "store/turn.h"

/* ---- outbound: operations that have not yet been made into messages, in order ---- */
struct outbound {
    uint64_t seq; /* global, increasing, never reused */
    uint64_t wormhole;
    int kind; /* the protocol's */
    bool has_rev;
    uint8_t rev[REV_BYTES];
    const uint8_t *detail;
    size_t detail_len;
};
int outbound_push(struct turn *t, const struct outbound *op, uint64_t *seq); /* op->seq ignored */
int outbound_each(struct view *v, uint64_t wormhole, uint64_t after,
                  int (*fn)(void *arg, const struct outbound *op), void *arg);
/* How many of one kind are queued: reads them all. */
int outbound_count(struct view *v, uint64_t wormhole, int kind, uint64_t *count);
int outbound_pop(struct turn *t, uint64_t seq); /* 0 or NOT_FOUND */
/* Replaces the detail of a queued operation that was carried out in part; its place stays. 0 or
 * NOT_FOUND. */
int outbound_set_detail(struct turn *t, uint64_t seq, const void *detail, size_t len);
int outbound_drop_all(struct turn *t, uint64_t wormhole); /* the count removed */
/* Removes all of one revision: it was withdrawn before it was said. The count removed. */
int outbound_drop_rev(struct turn *t, uint64_t wormhole, const uint8_t rev[static REV_BYTES]);

/* ---- message: numbered and not yet acknowledged ---- */
struct message {
    uint64_t wormhole;
    uint64_t number;
    uint8_t incarnation[INCARNATION_BYTES];
    const uint8_t *body;
    size_t body_len;
};
int message_add(struct turn *t, const struct message *m); /* 0, EXISTS, TOO_BIG */
/* All, by number. */
int message_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct message *m),
                 void *arg);
/* Drops those up to and including `number`, of whichever incarnation: in one store numbers only go
 * up. The count dropped. */
int message_acked(struct turn *t, uint64_t wormhole, uint64_t number);
int message_drop_all(struct turn *t, uint64_t wormhole);
struct message_sum {
    uint64_t count, bytes, first, last; /* first and last: numbers, 0 if there is none */
};
int message_sum(struct view *v, uint64_t wormhole, struct message_sum *out);

/* ---- revision: sealed here, not yet decided by the peer ---- */
struct revision {
    uint8_t rev[REV_BYTES];
    uint64_t wormhole;
    uint64_t ino; /* the entry; it may be gone when the revision was withdrawn */
    int state;    /* the protocol's */
    uint64_t size;
    uint64_t acked_bytes; /* durable at the receiver, for progress and for resuming */
    uint64_t manifest; /* a staged file (nodes.h) that lists the parcel, or 0; owned by the row */
    uint64_t number;   /* free for the protocol (the message that announced it, say) */
    uint64_t items;    /* that the manifest lists; 0: there is none, or an older version made it */
};
int revision_put(struct turn *t, const struct revision *r); /* inserts or replaces */
int revision_get(struct view *v, const uint8_t rev[static REV_BYTES], struct revision *out);
int revision_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct revision *r),
                  void *arg);                                            /* oldest first */
int revision_erase(struct turn *t, const uint8_t rev[static REV_BYTES]); /* and its manifest */

/* ---- arrival: a parcel from the peer, in progress ---- */
struct arrival {
    uint64_t wormhole;
    uint8_t rev[REV_BYTES];
    struct name name;
    int state; /* the protocol's */
    uint64_t size;
    uint64_t durable;  /* bytes of the parcel's stream that are on disk here */
    uint64_t top_ino;  /* the staged tree, or 0; owned by the row until it is published */
    uint64_t manifest; /* a staged file, or 0; owned by the row */
    int64_t started_ms;
    uint64_t overhead; /* bytes that its nodes take in the journal beside `size` */
};
int arrival_put(struct turn *t, const struct arrival *a); /* inserts or replaces */
int arrival_get(struct view *v, uint64_t wormhole, const uint8_t rev[static REV_BYTES],
                struct arrival *out);
int arrival_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct arrival *a),
                 void *arg);
/* Bytes that all arrivals of all wormholes have still to get, at the cost of a few rows for each
 * wormhole that has any. IO if the sum exceeds what SQLite adds. */
int arrival_rest_sum(struct view *v, uint64_t *bytes);
/* The same of all that they are, what has come included: size and overhead. */
int arrival_bytes_sum(struct view *v, uint64_t *bytes);
/* How many there are of one wormhole: in all, and in one state. */
struct arrival_count {
    uint64_t all, in_state;
};
int arrival_count(struct view *v, uint64_t wormhole, int state, struct arrival_count *out);
/* Forgets it, with its manifest, and its staged tree unless that was published (name_publish). */
int arrival_erase(struct turn *t, uint64_t wormhole, const uint8_t rev[static REV_BYTES]);

/* ---- decided: what we answered to each revision of the peer's, once and for ever ---- */
struct decided {
    uint64_t wormhole;
    uint8_t rev[REV_BYTES];
    int verdict;      /* the protocol's */
    struct name name; /* that it got here; len 0 if none */
    int64_t time_ms;
};
int decided_add(struct turn *t, const struct decided *d); /* 0, EXISTS; keeps the newest
                                                             DECIDED_KEPT_MAX of the wormhole */
int decided_get(struct view *v, uint64_t wormhole, const uint8_t rev[static REV_BYTES],
                struct decided *out);

#endif
