/* The reserve: a preallocated file that is given up when the disk is full, so that removing,
 * acknowledging and closing still work. Used by turn.c and vfs.c; others only see store_tight and
 * turn_begin_relief. Called with the writer lock held. */
#ifndef STORE_RESERVE_H
#define STORE_RESERVE_H

#include <stdbool.h>
#include "store/io.h"

enum { RESERVE_RETRY_MS = 1000 };

struct reserve {
    const struct io *io;
    int dir;
    bool held;        /* the file is there, all its bytes take room */
    int64_t tried_ms; /* when making it failed last */
};

/* Makes the reserve if there is room for it twice over. Never fails: see `held`. */
void reserve_init(struct reserve *r, const struct io *io, int dir);
/* Gives it up. True if that made room. */
bool reserve_spend(struct reserve *r);
/* Makes it again, at most every RESERVE_RETRY_MS unless `now` says that room was made. True if it
 * is held. */
bool reserve_restore(struct reserve *r, bool room_was_made);

#endif
