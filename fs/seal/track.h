/* What seal.c keeps in memory: a track for each outbox entry that may have to be sealed, held or
 * released, the writable handles, and the order in which the tracks are due. Only data: no lock, no
 * clock, no store. */
#ifndef FS_SEAL_TRACK_H
#define FS_SEAL_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "fs/seal/makers.h"
#include "fs/seal/seal_rule.h"

#define TRACK_NEVER INT64_MAX /* not due */

struct track;

/* One writable handle, from open to release. */
struct track_handle {
    struct track_handle *next;         /* of its bucket */
    struct track_handle *alike;        /* of its bucket by inode */
    struct track_handle *left, *right; /* of its track */
    struct track *track;
    struct track_handle *prior, *later; /* in doubt, like it */
    bool doubted;                       /* `track` may not be its own any more */
    uint64_t doubted_at;                /* the epoch (seal_state.h) of the last reason for that */
    uint64_t id;
    uint64_t ino;
    pid_t opener;         /* thread */
    bool unflushed;       /* opened or written since its last FLUSH */
    bool killed;          /* what its last FLUSH said */
    bool before_accident; /* it was open already when another's writer was killed */
};

struct track {
    struct track *next; /* of its bucket */
    uint64_t entry;
    struct track_handle *handles;
    struct makers *makers; /* of what may be a tree and was changed in this run; else NULL */
    uint64_t generation;   /* counts changes */
    int64_t changed_ms;    /* of the last change, or of when we began to look */
    int64_t due_ms;        /* TRACK_NEVER, or when to look */
    size_t place;          /* in the heap */
    enum seal_accident accident;
    bool is_file;  /* known not to be a tree */
    bool changed;  /* in this run */
    bool touched;  /* in this run, in a way that lets an entry go of which a write had failed */
    bool well;     /* the store holds it for no accident, as far as is known */
    bool complete; /* renamed in whole, unchanged since */
    bool idle;     /* its last writable handle was released */
    bool marked;   /* the store knows that its writers were gone, see seal_turn.h */
    bool warned;   /* that it could not be sealed */
};

struct track_table {
    struct track **tracks;
    size_t track_count, track_buckets;
    struct track_handle **handles;
    struct track_handle **by_ino; /* the same, with as many buckets */
    size_t handle_count, handle_buckets;
    struct track_handle *doubted;
    size_t doubted_count;
    struct track **heap;
    size_t heap_count, heap_cap;
};

/* A zeroed table is an empty one. */
void track_table_release(struct track_table *t);

struct track *track_find(const struct track_table *t, uint64_t entry);
/* Finds it, or adds one that is not due. NULL: out of memory. */
struct track *track_get(struct track_table *t, uint64_t entry);
/* It must have no handles. */
void track_drop(struct track_table *t, struct track *track);

/* Sets when it is due; never fails (its place in the heap is reserved by track_get). */
void track_due(struct track_table *t, struct track *track, int64_t due_ms);
/* The one that is due first; NULL if none is. */
struct track *track_first(const struct track_table *t);

/* The numbers of all entries; `out` has room for track_count. */
void track_entries(const struct track_table *t, uint64_t *out);

struct track_handle *track_handle_find(const struct track_table *t, uint64_t id);
/* One of the file's; and the next one of the same file. */
struct track_handle *track_handle_of_file(const struct track_table *t, uint64_t ino);
struct track_handle *track_handle_next(const struct track_handle *h);
/* NULL: out of memory. */
struct track_handle *track_handle_add(struct track_table *t, struct track *track, uint64_t id,
                                      uint64_t ino);
void track_handle_move(struct track_handle *h, struct track *to);
void track_handle_drop(struct track_table *t, struct track_handle *h);
/* Its track has to be found out anew; it is known again. Each does nothing the second time. */
void track_handle_doubt(struct track_table *t, struct track_handle *h);
void track_handle_trust(struct track_table *t, struct track_handle *h);

#endif
