/* What comes in from a wormholefs peer: pieces, offers, withdrawals and decisions, each processed
 * once, in the turn that acknowledges it. Every revision of the peer's is decided once, durably, in
 * one turn with what it means. */
#ifndef FS_ENGINE_INBOX_H
#define FS_ENGINE_INBOX_H

#include "fs/engine/limits.h"
#include "fs/engine/step.h"
#include "store/queues.h"

enum arrival_state {
    ARRIVAL_PIECES = 1, /* small: its pieces are collected in the staged file .manifest */
    ARRIVAL_MANIFEST,   /* by bulk: the manifest is being received into the staged file .manifest */
    ARRIVAL_DATA,       /* by bulk: the tree is staged, its files are being filled */
};

/* One application message (a machine's ACTION_DELIVER). What breaks the protocol's rules is dropped
 * with a problem line. What is more than limits.h allows is refused for now, with a problem line
 * that stays until there is room for more. */
int inbox_deliver(struct step *step, const void *content, size_t len);

/* The arrival is complete and on disk: publishes its staged tree, decides `taken`, forgets the
 * arrival. */
int inbox_publish(struct step *step, const struct arrival *a, uint64_t files);
/* It can never be taken (malformed, hostile, beyond a bound), or not now (no room). */
int inbox_refuse(struct step *step, const uint8_t rev[static REV_BYTES], bool for_ever,
                 const char *why);
/* Shows this `problem:` line, if it is not shown and the peer has not caused too many (notes.h). */
int inbox_problem(struct step *step, const char *problem);
/* One of our decisions was said. */
int inbox_answered(struct step *step);
/* Everything that is arriving is dropped: the peer is gone. */
int inbox_drop_arrivals(struct step *step);
/* Is there an arrival that travels by bulk? */
int inbox_wants_bulk(struct view *v, uint64_t wormhole, bool *wants);
/* How many further bytes fit into the inboxes, beside what is promised to arrivals? Against
 * inbox_max counts all of what arrives or has arrived, with its overhead (plant.h); of the free
 * space only what is still to come. 0 or a store_error: then nothing can be said, and nothing be
 * decided. */
int inbox_room(struct engine *e, struct view *v, uint64_t *bytes);
/* Would `more` further bytes fit? 1, 0 or a store_error. */
int inbox_has_room(struct engine *e, struct view *v, uint64_t more);

#endif
