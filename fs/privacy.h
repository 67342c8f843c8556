/* Keeps what a process has in memory from leaving it by way of the system: no core dump, no
 * debugger, no other process's look into it, and no swap as far as the limits allow.
 *
 * Call it before the first secret is in memory and before any thread is started. What the system
 * does not allow is not missed: it is one more wall, and the daemon works without it. */
#ifndef FS_PRIVACY_H
#define FS_PRIVACY_H

#include <stdbool.h>

/* Of the calling process, for good (but execve and a change of user make it dumpable again).
 * Returns whether all memory stays out of the swap; if not, only what is locked by
 * itself does. */
bool privacy_begin(void);

#endif
