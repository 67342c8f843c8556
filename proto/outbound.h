/* Our numbered messages that the peer has not acknowledged: the outbound half of the stream
 * (PROTOCOL.md §5.2). Their numbers are consecutive; each follows on the one before it, the first
 * on the floor.
 *
 * Durable: outbound_save has all but the application's contents, which the caller of boss_send
 * stores and gives back in any order with outbound_restore; outbound_complete checks that none is
 * missing. */
#ifndef PROTO_OUTBOUND_H
#define PROTO_OUTBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "message.h"

struct outbound_item {
    struct outbound_item *next;
    struct message_id id;
    bool stored_here;     /* a message of this layer: saved with the rest */
    struct bytes content; /* its kind and what follows */
};

struct outbound {
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES]; /* of new messages */
    uint64_t next_number;
    struct message_id floor; /* the last that was acknowledged */
    /* The peer's position in a future that our store has lost: acknowledged, but never made. Said
     * again it is no news. */
    struct message_id lost;
    struct outbound_item *items; /* unacknowledged, by number */
    size_t count;
};

void outbound_init(struct outbound *o, const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES]);
void outbound_release(struct outbound *o);
void outbound_incarnate(struct outbound *o,
                        const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES]);

/* Makes the next message; *item stays the outbound's. PROTO_ERR_TOO_BIG beyond MESSAGE_CONTENT_MAX,
 * PROTO_ERR_NOMEM. */
int outbound_add(struct outbound *o, const void *content, size_t len, bool stored_here,
                 const struct outbound_item **item);
/* What precedes `item`. */
struct message_id outbound_prev(const struct outbound *o, const struct outbound_item *item);
/* The unacknowledged one with this number, NULL if there is none. */
const struct outbound_item *outbound_find(const struct outbound *o, uint64_t number);
/* The number of the first that is unacknowledged, or of the next to be made. */
uint64_t outbound_first(const struct outbound *o);
bool outbound_has_kind(const struct outbound *o, uint8_t kind);

enum outbound_news {
    OUTBOUND_NOTHING, /* known already */
    OUTBOUND_ACKED,   /* all up to that one are erased, and it is the floor */
    OUTBOUND_UNKNOWN, /* we never made it: our store went back. It is `lost` from now on */
};
/* The peer acknowledges `have` and all before it. */
enum outbound_news outbound_ack(struct outbound *o, const struct message_id *have);

int outbound_save(const struct outbound *o, struct bytes *out);
/* PROTO_ERR_MALFORMED, PROTO_ERR_NOMEM: leaves *o released. */
int outbound_load(struct outbound *o, struct reader *in);
/* PROTO_ERR_INVALID for a number that cannot be or is there already. */
int outbound_restore(struct outbound *o, uint64_t number,
                     const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES],
                     const void *content, size_t len);
/* Are all from the floor to next_number there? */
bool outbound_complete(const struct outbound *o);

#endif
