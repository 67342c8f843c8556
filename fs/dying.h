/* Daemons of ours that were killed and cannot end.
 *
 * Telling the kernel to forget a name waits, beyond kill -9, for the lock of its directory, and
 * whoever makes a file in that directory holds the lock while waiting for our answer. Killed in
 * that moment a daemon stays: its other threads are gone, but /dev/fuse is open, so nobody's
 * request fails, and the lock of the store is held. Only aborting the connection ends it
 * (fusemount_abort). */
#ifndef FS_DYING_H
#define FS_DYING_H

#include <stdbool.h>
#include <sys/types.h>

/* Is there a process of this program whose first thread has ended while others have not? True also
 * for the few microseconds in which an ordinary death takes that long: ask only about a mount that
 * does not answer. */
bool dying_exists(void);

/* The same of one process, for the tests. */
bool dying_is(pid_t pid);

#endif
