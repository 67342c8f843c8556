/* A text from a stock client: the file message.txt in the inbox. What fits into the journal is
 * written in the turn that brings it; a longer one by a job, and the peer gets its answer then. If
 * the session ends before (a restart, say), nothing has arrived and the peer is told so. */
#ifndef FS_ENGINE_STOCK_TEXT_H
#define FS_ENGINE_STOCK_TEXT_H

#include "fs/engine/step.h"

#define STOCK_TEXT_NAME "message.txt"

/* The machine's action. */
int stock_text(struct step *step, const void *text, size_t len);
/* JOB_STOCK_TEXT. */
void stock_text_write(struct engine *e, uint64_t wormhole);

#endif
