/* One stock transfer over its transit connection: records of the bytes, then the acknowledgement.
 */
#ifndef FS_ENGINE_STOCK_SESSION_H
#define FS_ENGINE_STOCK_SESSION_H

#include "fs/engine/stock.h"
#include "proto/net/stream.h"
#include "store/queues.h"
#include "store/zip.h"

/* An entry of the offer. */
struct stock_item {
    uint64_t ino;
    uint8_t rev[REV_BYTES];
};

/* One session with a stock peer. Guarded by the writer lock; a transfer works on a copy. */
struct stock {
    bool packing, offered;
    bool sent_all; /* every byte left: the peer may have it */
    bool receiving;
    bool text;       /* the offer is a text: its acknowledgement delivers it */
    uint64_t source; /* the file whose bytes are sent */
    uint64_t zip;    /* the same if it was packed for this, else 0 */
    uint64_t size;
    char name[256];
    struct stock_item *items;
    size_t count;
    struct classic_offer in; /* receiving: what the peer offered */
    uint8_t *text_in;        /* receiving a long text (stock_text.h): what is not written yet */
    size_t text_in_len;
    uint64_t text_ino; /* and the staged file for it, or 0 */
    const char *why;   /* the transfer failed for this; NULL: the machine knows better */
    bool removed;      /* it ended because our user removed all that was offered */
};

/* The peer is the sender: an offer of ours is dropped. */
int stock_receives(struct step *step);
/* Is there room for so many bytes from the peer? 1; 0, which is said in the log; a store_error. */
int stock_room(struct step *step, uint64_t bytes);

/* The peer has acknowledged what was offered: each entry that still stands as it was is delivered.
 */
int stock_deliver(struct step *step, const struct stock *s);

void stock_session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                       struct stream *stream);

#endif
