/* Work that is too long for a turn: listing the manifest of a large tree, packing a zip for a stock
 * peer, writing its long text. A job is volatile; what makes it necessary is in the store, and
 * engine_start asks for it again. */
#ifndef FS_ENGINE_JOBS_H
#define FS_ENGINE_JOBS_H

#include "fs/engine/step.h"

enum job_kind {
    JOB_PREPARE,    /* list the manifest of a PREPARING revision */
    JOB_STOCK_PACK, /* make the offer for a stock peer */
    JOB_STOCK_TEXT, /* write a long text of a stock peer's */
};

/* Asks for it, once this turn's commit is durable. `rev` is NULL but for JOB_PREPARE. 0 or NOMEM.
 */
int jobs_add(struct step *step, enum job_kind kind, const uint8_t *rev);
/* Should longer work end (engine_end)? For who polls a function: the argument is the engine. */
bool jobs_end(void *engine);
void jobs_release(struct engine *e);

#endif
