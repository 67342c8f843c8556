/* How did a process end that is nobody's child here? A pidfd that was opened while it ran tells,
 * from Linux 6.15 on: PIDFD_GET_INFO with PIDFD_INFO_EXIT (include/uapi/linux/pidfd.h and
 * fs/pidfs.c there). It asks for no right to trace the process, so it works from inside a sandbox
 * and for processes of other users. Older kernels tell only whether it runs
 * (but see doomed.h). What a first thread that ended before the others hides is not known, either.
 *
 * Any thread; never blocks, and reads nothing of /proc. */
#ifndef FS_SEAL_ENDING_H
#define FS_SEAL_ENDING_H

#include <sys/types.h>

enum { ENDINGS_MAX = 256 }; /* descriptors, in all; whoever gets none has an unknown ending */

enum ending_kind {
    ENDING_RUNS,
    ENDING_UNREAPED, /* it has exited, and how may be known once its parent has heard of it */
    ENDING_EXITED,   /* by itself, with whatever other code */
    ENDING_KILLED,   /* by a signal, or it caught one and says so by its code */
    ENDING_UNKNOWN,  /* and never will be known; without a descriptor also whether it runs */
};

/* A zeroed struct watches nobody. */
struct ending {
    int fd_plus_1;
};

/* Watches the process, which runs now; nobody if that cannot be. */
void ending_watch(struct ending *e, pid_t pid);
void ending_release(struct ending *e);

enum ending_kind ending_look(const struct ending *e);

/* ---- pure, and for tests ---- */

/* A wait status, as wait(2) gives it. Who catches a signal, cleans up and exits has not finished
 * either; the codes for that are 128 + the signal's number, as shells and most others have it, and
 * rsync's 19 and 20 (RERR_SIGNAL1 and RERR_SIGNAL, errcode.h there). */
enum ending_kind ending_of_status(int status);
/* How many are watched in the whole process. */
int ending_count(void);

#endif
