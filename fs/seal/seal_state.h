/* What seal.c and seal_look.c share. For them only. */
#ifndef FS_SEAL_SEAL_STATE_H
#define FS_SEAL_SEAL_STATE_H

#include <pthread.h>
#include "fs/seal/seal.h"
#include "fs/seal/seal_rule.h"
#include "fs/seal/track.h"

/* Lock order: the store's writer lock, then ours. The timer thread takes ours alone to look, leaves
 * it, begins a turn, and asks once more from inside it whether anything has happened. */
struct seal {
    struct store *store;
    struct engine *engine;
    struct seal_times times;
    int64_t (*now_ms)(void); /* a clock that never steps */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started;
    bool stop;
    bool blind;         /* a handle could not be remembered: nothing more is sealed in this run */
    int64_t waiting_ms; /* until when the thread sleeps */
    uint64_t epoch;     /* counts reasons to doubt in which entry a handle is */
    struct track_table table;
};

/* The following need the lock. */

/* NULL, and blind, when out of memory. */
struct track *seal_track(struct seal *s, uint64_t entry);
/* The timer thread looks at it then at the latest; an earlier look stays. */
void seal_look_by(struct seal *s, struct track *t, int64_t due_ms);
/* One of those who make the tree was killed, perhaps: then it is interrupted from now on. */
void seal_notice_kills(struct track *t);
/* The entry that the handle was in may be settling now. */
void seal_move_handle(struct seal *s, struct track_handle *h, struct track *to);
/* Looks at one entry that is due, leaving the lock for it: 0. If none is, when one will be
 * (INT64_MAX: not before something happens). */
int64_t seal_step(struct seal *s);

/* seal_look.c: looks at one entry and does what the rule says; without the lock. `closing`: no
 * request is served any more, so everything has been quiet for ever. */
void seal_look(struct seal *s, uint64_t entry, bool closing);

/* The same for an entry that nobody was watching when we started. 0 or a store_error. */
int seal_look_first(struct seal *s, uint64_t entry);

#endif
