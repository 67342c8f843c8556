/* Which processes were seen with a fatal signal on its way to them, while they waited for an answer
 * of ours? Once they are gone, that is how they ended. For kernels that do not tell it afterwards
 * (ending.h); it misses who is killed while it waits for nothing.
 *
 * All functions from any thread. Reads /proc/TID/status, which never blocks, not even in execve. */
#ifndef FS_SEAL_DOOMED_H
#define FS_SEAL_DOOMED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { DOOMED_MAX = 64 }; /* are remembered, the last ones */

/* The thread waits for us, and a signal has come: remembers its process if that ends it. */
void doomed_look(pid_t tid);

/* Was the process, which is gone, one of those? */
bool doomed_has(pid_t pid);

/* ---- pure ---- */

/* The process, by the text of /proc/TID/status, if a signal that ends it is pending; else 0.
 *
 * A fatal signal stays pending for the process (or, sent to one thread, for that), and SIGKILL is
 * put to each of its threads (complete_signal of the kernel's signal.c). SIGKILL for a thread alone
 * says nothing: another thread may have called exit() or execve(). */
pid_t doomed_of_status(const char *text);

#endif
