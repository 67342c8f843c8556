/* What leaves the process: each becomes one turn_after, so that it goes out exactly when the commit
 * that records it is durable, in order. What a step does goes out here alone; only what no commit
 * records is told from elsewhere: how connections and transfers go, that a job waits
 * (engine_news.c, progress.c, jobs.c). */
#ifndef FS_ENGINE_RELEASE_H
#define FS_ENGINE_RELEASE_H

#include "fs/engine/step.h"
#include "store/blob.h"

/* Takes over the action. 0 or NOMEM. */
int release_action(struct step *step, struct action *a);
/* Tells the face, for the step's wormhole. `name` may be NULL. */
int release_change(struct step *step, enum engine_change what, uint64_t ino,
                   const struct name *name);
/* Asks for a new look at the deadlines. */
int release_wake(struct step *step);
/* The wormhole is forgotten in this turn: when that is on disk its machine is wiped, and the slot
 * freed. The last release of the slot. */
int release_forget(struct step *step);
/* Marks the slot stale if this turn is aborted or its commit fails. */
int release_watch_abort(struct turn *t, struct slot *slot);
/* The same for the turn that creates the wormhole: there is no machine then. */
int release_watch_create(struct turn *t, struct slot *slot);

#endif
