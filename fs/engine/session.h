/* One bulk connection between two wormholefs (PROTOCOL.md §8), both directions, on the transit
 * thread: what we are promised is wanted, received, made durable and published; what the peer wants
 * is read and sent. */
#ifndef FS_ENGINE_SESSION_H
#define FS_ENGINE_SESSION_H

#include "fs/engine/step.h"
#include "proto/net/stream.h"

struct session;

/* NULL: out of memory. The stream must outlive it. */
struct session *session_open(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                             struct stream *stream);
/* One round: what is to be received, looked after and sent. `ready` as stream_wait gave it. False:
 * it is over (broken, silent, idle for a minute, without an answer to our wants, or another one of
 * this wormhole was opened). */
bool session_step(struct session *s, int ready);
/* What to wait for before the next step: STREAM_READABLE, and STREAM_WRITABLE if something is to be
 * sent. */
int session_interest(const struct session *s);
/* Makes durable what has come (unless a newer one wants it already), and ends it. */
void session_close(struct session *s);

/* The daemon's loop around these, to its end. */
void session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                 struct stream *stream);

/* Something that a running session of this wormhole should look at was changed in this turn. */
void session_wake(struct step *step);

#endif
