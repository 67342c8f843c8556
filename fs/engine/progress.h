/* What a transfer of ours shows while it runs: `here` and `sending:` in the state file,
 * user.wormhole.acked_bytes. Volatile, but for what progress_record notes.
 *
 * `by` is the connection that says so. A wormhole has one: the newest. One whose end was not
 * noticed yet when the next began is none any more, and what is said by it counts no more. */
#ifndef FS_ENGINE_PROGRESS_H
#define FS_ENGINE_PROGRESS_H

#include "fs/engine/slot.h"

void progress_here(struct engine *e, uint64_t wormhole, struct stream *by);
bool progress_is_here(struct engine *e, uint64_t wormhole, const struct stream *by);
void progress_gone(struct engine *e, uint64_t wormhole, const struct stream *by);
/* rev: the revision of which the peer says what is durable; NULL, if it says nothing of that. */
void progress_begin(struct engine *e, uint64_t wormhole, const struct stream *by,
                    const uint8_t *rev, const char *name, uint64_t size, uint64_t done);
/* The peer has so much of a revision; of one that never began: nothing. */
void progress_acked(struct engine *e, uint64_t wormhole, const struct stream *by,
                    const uint8_t rev[static REV_BYTES], uint64_t bytes);
/* A connection has ended: what the peer has goes into the store, so that the next run knows it,
 * too. Not synced. Without a turn open. */
void progress_record(struct engine *e, uint64_t wormhole);
/* There is another peer, which has nothing. */
void progress_forget(struct engine *e, uint64_t wormhole);
/* `done`: bytes that the peer has (or, stock, that were sent). Tells the face at most once a
 * second. */
void progress_is(struct engine *e, uint64_t wormhole, const struct stream *by, uint64_t done);
void progress_end(struct engine *e, uint64_t wormhole, const struct stream *by);

#endif
