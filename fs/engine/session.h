/* One bulk connection between two wormholefs (PROTOCOL.md §8), both directions, on the transit
 * thread: what we are promised is wanted, received, made durable and published; what the peer wants
 * is read and sent. */
#ifndef FS_ENGINE_SESSION_H
#define FS_ENGINE_SESSION_H

#include "fs/engine/step.h"
#include "proto/net/stream.h"

/* Runs it to its end: broken, stopped, silent, or idle for a minute. */
void session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                 struct stream *stream);

/* Something that a running session of this wormhole should look at was changed in this turn. */
void session_wake(struct step *step);

#endif
