/* What each wormhole was called when: gathered from the log in its order, so that an old event can
 * be told with the name of its time. Only in memory.
 *
 * Not thread-safe. */
#ifndef FS_FACE_NAMINGS_H
#define FS_FACE_NAMINGS_H

#include "store/log.h"

struct namings;

int namings_open(struct namings **out); /* 0 or NOMEM */
void namings_close(struct namings *n);  /* accepts NULL */

/* Events in the order of their ids; those that name nothing are fine. 0 or NOMEM. */
int namings_note(struct namings *n, const struct log_row *row);

/* What the wormhole was called at (and by) the event, as shown; NULL if it had no name yet. */
const char *namings_at(const struct namings *n, uint64_t wormhole, uint64_t event);

#endif
