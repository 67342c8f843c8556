/* What a transfer of ours shows while it runs: `sending:` in the state file,
 * user.wormhole.acked_bytes. Volatile. */
#ifndef FS_ENGINE_PROGRESS_H
#define FS_ENGINE_PROGRESS_H

#include "fs/engine/slot.h"

void progress_here(struct engine *e, uint64_t wormhole, bool here_now);
void progress_begin(struct engine *e, uint64_t wormhole, uint64_t entry, const char *name,
                    uint64_t size, uint64_t done);
/* `done`: bytes that the peer has (or, stock, that were sent). Tells the face at most once a
 * second. */
void progress_is(struct engine *e, uint64_t wormhole, uint64_t done);
void progress_end(struct engine *e, uint64_t wormhole);

#endif
