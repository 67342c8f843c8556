/* Keeps what a process has in memory from leaving it by way of the system: no core dump, no
 * debugger, no other process's look into it, and no swap as far as the limits allow.
 *
 * Call it before the first secret is in memory and before any thread is started. What the system
 * does not allow is not missed: it is one more wall, and the daemon works without it. */
#ifndef FS_PRIVACY_H
#define FS_PRIVACY_H

#include <stdbool.h>

/* Of the calling process, for good (but execve and a change of user make it dumpable again).
 * Returns whether all memory stays out of the swap; if not, what proto/vault.h allocates does, as
 * far as the limit goes, but not the journal's cache. */
bool privacy_begin(void);

/* While still root, before becoming a user for good: lets the user lock all memory, too. */
void privacy_raise_limit(void);

#endif
