/* Sealing, as the store sees it: what it knows of an entry, and the turns that seal, hold and
 * release one. Everything here is without a turn or view open, returns 0 or a negative enum
 * store_error, and leaves an entry alone that is not what the caller thinks it is.
 *
 * A tree of which all writers were known to have exited is *marked* in the store (an xattr of its
 * top directory that is never listed or sent): so that, if we die before it is sealed, it is not
 * taken for interrupted. So is a file without a byte when it is closed: nothing else tells it from
 * one that is about to be written. The mark holds until something in the entry changes. */
#ifndef FS_SEAL_SEAL_TURN_H
#define FS_SEAL_SEAL_TURN_H

#include "fs/engine/engine.h"
#include "fs/seal/seal_rule.h"
#include "store/entries.h"

/* Below "user.wormhole.", like everything of ours. */
#define SEAL_TURN_MARK "user.wormhole.whole"

struct seal_look {
    struct entry row;
    bool empty;     /* a directory with nothing in it */
    bool bare;      /* a file without a byte */
    int64_t age_ms; /* since the last change of the top node, by the wall clock */
};
int seal_turn_look(struct store *s, uint64_t entry, struct seal_look *out); /* 0 or NOT_FOUND */

/* What is below the entry; costly for a large tree. */
struct seal_sum {
    bool damaged; /* the disk has failed on bytes of it, or lost some */
    bool dirty;   /* a file has bytes written since its last FLUSH */
    bool foreign; /* the last FLUSH of one did not come from its opener */
    bool whole;   /* marked, and unchanged since */
    bool bare;    /* a single file without a byte: unless marked, perhaps not yet written to */
};
int seal_turn_sum(struct store *s, uint64_t entry, struct seal_sum *out);

/* To which entry does each of `count` inodes belong? 0: to none that is known. */
int seal_turn_entries_of(struct store *s, const uint64_t *inos, uint64_t *entries, size_t count);

/* Every entry that is open, by number. The caller frees *out. */
int seal_turn_open_entries(struct store *s, uint64_t **out, size_t *count);

/* Is the entry still settled, in the turn? `settled` is called with the writer lock held, and may
 * not wait for anything. settle_ms: nothing in the entry may be younger by the store's clock (0:
 * whatever). */
struct seal_turn_check {
    bool (*settled)(void *arg, uint64_t entry);
    void *arg;
    unsigned settle_ms;
};

/* Makes the content durable, then seals the entry in one turn. BUSY if it was not settled. */
int seal_turn_seal(struct store *s, struct engine *e, uint64_t entry,
                   const struct seal_turn_check *check);

/* Holds the entry for one of our reasons; SEAL_NOT_HELD releases it if one of them holds it.
 * Reasons of others stay. engine may be NULL: nobody is told. */
int seal_turn_hold(struct store *s, struct engine *e, uint64_t entry, enum seal_hold why);

/* An accident was made good: releases the entry if it is held for one. */
int seal_turn_good(struct store *s, struct engine *e, uint64_t entry);

/* The last writable handle of an entry that is no longer open was released. */
int seal_turn_idle(struct store *s, struct engine *e, uint64_t entry);

/* Marks an entry, if it is settled. */
int seal_turn_mark(struct store *s, uint64_t entry, const struct seal_turn_check *check);

/* The same for a file, if it is open and without a byte; else nothing is done, and the result 0. */
int seal_turn_mark_empty(struct store *s, uint64_t entry, const struct seal_turn_check *check);

#endif
