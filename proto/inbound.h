/* The peer's numbered messages that are processed here: the inbound half of the stream
 * (PROTOCOL.md §5.2). What was seen is remembered as the highest number of each incarnation; of
 * those what the peer could still send again is kept, and some more for a peer whose store goes
 * back.
 *
 * Everything is durable. */
#ifndef PROTO_INBOUND_H
#define PROTO_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "message.h"

enum {
    INBOUND_SEEN_MAX = 96,      /* incarnations; the peer has fewer unacknowledged messages */
    INBOUND_SEEN_KEPT = 32,     /* this many are not forgotten, however old */
    INBOUND_SEEN_NUMBERS = 256, /* of the others, those that ended this far back are */
};

struct inbound {
    struct message_id have;     /* the last that was processed or counted as lost */
    struct message_id position; /* the last that was handled, duplicates too: what we acknowledge */
    uint64_t position_generation;             /* the mailbox that it was handled in */
    struct message_id seen[INBOUND_SEEN_MAX]; /* the last of each incarnation, oldest first */
    size_t count;
};

void inbound_init(struct inbound *in);

enum inbound_verdict {
    INBOUND_NEW,  /* process it, then inbound_process */
    INBOUND_SEEN, /* a duplicate: acknowledge it again */
    INBOUND_GAP,  /* its predecessor is missing */
};
enum inbound_verdict inbound_classify(const struct inbound *in, const struct message *m);
/* A new message is processed, in this turn. True if its number shows that the peer's store went
 * back: it makes numbers again that we have seen from another incarnation. */
bool inbound_process(struct inbound *in, const struct message_id *id);
/* A message, new or not, was handled that arrived in `generation`: acknowledge up to it. One of an
 * older generation than the last does not move the position: it comes again in the newer. */
void inbound_handled(struct inbound *in, const struct message_id *id, uint64_t generation);

/* The peer says that we have all up to `floor`. If that is more than we know of, we have lost it:
 * it is counted as seen and true is returned. A floor far behind what we have is made known again,
 * so that a peer whose store went back can go on from there. */
bool inbound_floor(struct inbound *in, const struct message_id *floor);

int inbound_save(const struct inbound *in, struct bytes *out);
int inbound_load(struct inbound *in, struct reader *r); /* PROTO_ERR_MALFORMED */

#endif
