/* Top-level entries of the outboxes and inboxes: the projections' rows, and the turns that carry an
 * entry from open to sealed, sent and gone. Creating, renaming and removing them is namespace.h's.
 *
 *     open --seal--> sealed --delivered--> sent --(name_remove_tree, unless keep_sent)--> gone
 *       ^--withdraw----'                     '--reopen--> open
 * `held` is beside the state: a held entry is not offered, whatever state it is in. */
#ifndef STORE_ENTRIES_H
#define STORE_ENTRIES_H

#include "store/log.h"
#include "store/nodes.h"

enum entry_state { ENTRY_OPEN = 1, ENTRY_SEALED, ENTRY_SENT };

struct entry {
    uint64_t ino;
    uint64_t wormhole;
    struct name name;
    enum node_type kind; /* file, dir, symlink */
    enum entry_state state;
    char held[LOG_TEXT_BYTES_MAX + 1];  /* the reason, "" if not held */
    unsigned held_code;                 /* the same, for who holds it; 0: nobody needs one */
    char error[LOG_TEXT_BYTES_MAX + 1]; /* the peer's refusal of the current revision, or "" */
    uint8_t rev[REV_BYTES];             /* when sealed or sent */
    uint64_t rev_size, rev_files;
    bool offered; /* this revision was offered to the peer */
    bool maybe;   /* a stock peer may have it already */
    int64_t created_ms, sealed_ms, sent_ms;
    uint64_t created_event; /* entries are listed, sealed and sent in this order */
};

int entry_get(struct view *v, uint64_t ino, struct entry *out); /* 0 or NOT_FOUND */
int entry_by_rev(struct view *v, const uint8_t rev[static REV_BYTES], struct entry *out);
/* Of one wormhole (0: of all), oldest first, with created_event > after. */
int entry_each(struct view *v, uint64_t wormhole, uint64_t after,
               int (*fn)(void *arg, const struct entry *e), void *arg);

struct entry_count {
    uint64_t entries, open, sealed, sent, held, offered;
    uint64_t refused;      /* by the peer for now, not held */
    uint64_t sealed_bytes; /* of the sealed and sent ones; for open ones see node_sum */
};
int entry_count(struct view *v, uint64_t wormhole, struct entry_count *out);

struct entry_seal {
    uint64_t ino;
    uint8_t rev[REV_BYTES]; /* fresh and random */
    uint64_t size, files;
};
/* The bytes are frozen from here on: from this call (not only the commit) every change calls the
 * unseal hook first, and waits for this turn. BUSY if a write into the entry is in flight just now;
 * INVALID if it is not open; NOT_FOUND. The caller has made the content durable (content_flush of
 * each dirty file) and checked that no writable handle is open. */
int entry_seal(struct turn *t, const struct entry_seal *what);

int entry_withdraw(struct turn *t, uint64_t ino, const char *cause); /* sealed → open */
int entry_reopen(struct turn *t, uint64_t ino);                      /* sent → open */
int entry_hold(struct turn *t, uint64_t ino, const char *reason); /* no event if it is the same */
/* The same with a number, by which who holds it knows the reason again, however it is worded. */
int entry_hold_as(struct turn *t, uint64_t ino, unsigned code, const char *reason);
int entry_release(struct turn *t, uint64_t ino); /* no event if not held */
int entry_offered(struct turn *t, uint64_t ino); /* no event if it was */
int entry_refused(struct turn *t, uint64_t ino, const char *reason);
int entry_maybe(struct turn *t, uint64_t ino);

/* Sealed → sent; counts in `sent:`. `at_peer` is the name it got there (NULL: its own); `how` is
 * "delivered" or "too late". The caller removes the name in the same turn or later
 * (name_remove_tree), or keeps it. INVALID if `rev` is not the current revision. */
int entry_delivered(struct turn *t, uint64_t ino, const uint8_t rev[static REV_BYTES],
                    const char *at_peer, const char *how);

/* (A revision that had been withdrawn here and was published there all the same changes no entry:
 * log an entry_delivered of it with log_delivery(…, "too late").) */

/* What was sent, newest first, of one wormhole (0: of all). */
struct sent {
    uint64_t event;
    uint64_t wormhole;
    char name[NAME_SHOWN_MAX + 1];
    char at_peer[NAME_SHOWN_MAX + 1];
    char how[64];
    uint64_t size;
    int64_t time_ms;
};
int sent_each(struct view *v, uint64_t wormhole, uint64_t limit,
              int (*fn)(void *arg, const struct sent *s), void *arg);

/* Top-level entries of inboxes. */
struct inbox_entry {
    uint64_t ino;
    uint64_t wormhole;
    struct name name;
    enum node_type kind;
    bool local; /* made here by a program, not received */
    bool has_rev;
    uint8_t rev[REV_BYTES];
    uint64_t size, files; /* of the parcel; size: what counts for inbox_max */
    int64_t received_ms;
    uint64_t created_event;
};
int inbox_get(struct view *v, uint64_t ino, struct inbox_entry *out);
int inbox_each(struct view *v, uint64_t wormhole, uint64_t after,
               int (*fn)(void *arg, const struct inbox_entry *e), void *arg);
/* Sizes of everything received and still there, in all wormholes, at the cost of a row for each. */
int inbox_bytes_sum(struct view *v, uint64_t *bytes);
int inbox_count(struct view *v, uint64_t wormhole, uint64_t *count);

#endif
