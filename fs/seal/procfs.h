/* A file of /proc/TID, read without waiting for a process that may be waiting for us.
 *
 * A process inside execve closes its O_CLOEXEC descriptors and waits for our answer to each FLUSH,
 * and all that while the kernel keeps from everybody what only those may see who could trace the
 * process: `stat`, and the link `exe`, among others (exec_update_lock in the kernel's fs/exec.c;
 * for `stat` since some version before 6.18). If we waited for that before we answer, in the same
 * thread or by a lock that the answer needs, it would be for ever. So threads of our own read
 * those, and whoever asked goes on without them after a while. `status` is nowhere kept from
 * anybody.
 *
 * Any thread, with any lock held. */
#ifndef FS_SEAL_PROCFS_H
#define FS_SEAL_PROCFS_H

#include <sys/types.h>

enum {
    PROCFS_TEXT_MAX = 16384, /* what is longer is cut: `status` lists the groups, often hundreds */
    PROCFS_WAIT_MS = 500,    /* far more than a read takes on a busy machine */
    PROCFS_THREADS_MAX = 8,  /* started as needed; they may all be waiting, but not for ever */
};

enum procfs_result {
    PROCFS_OK,
    PROCFS_UNKNOWN, /* no such process, or nothing that we may know */
    PROCFS_BUSY,    /* it is there, in the middle of execve; or there was no memory, no thread */
};

/* /proc/TID/status: at once. `text` is terminated. OK or UNKNOWN. */
enum procfs_result procfs_status(pid_t tid, char text[static PROCFS_TEXT_MAX]);

/* /proc/TID/stat: within PROCFS_WAIT_MS. */
enum procfs_result procfs_stat(pid_t tid, char text[static PROCFS_TEXT_MAX]);

/* The same in this thread. Only of a thread that is exiting: that one is not inside execve. */
enum procfs_result procfs_stat_of_exiting(pid_t tid, char text[static PROCFS_TEXT_MAX]);

#endif
