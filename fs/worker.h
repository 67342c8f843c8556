/* The process that serves: everything but mounting and holding /dev/fuse, which is the
 * supervisor's. Today both are one process; they meet only in these functions, so that the worker
 * can become a process that is started anew while the supervisor keeps the mount. */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include <sys/types.h>

struct options;
struct worker;

enum {
    WORKER_WHY_MAX = 512,
    WORKER_LOCK_MS = 5000, /* how long a daemon that is just ending is waited for */
};

/* Could the store be opened? Makes nothing that is not there. 0, or -1 with a sentence in why. */
int worker_check(const char *store_dir, char *why);

/* Opens the store (making its default place) and all that lives in it, as the effective user. Waits
 * for WORKER_LOCK_MS if another process has it. 0, or -1 with a sentence in why. */
int worker_open(struct worker **out, const struct options *options, const char *store_dir,
                uid_t uid, gid_t gid, char *why);

/* Takes over a mounted /dev/fuse, also on failure. After it, the mount is usable as soon as
 * worker_serve runs. */
int worker_start(struct worker *w, int fuse_fd, char *why);

/* Serves until it is unmounted or worker_end is called. 0, or a negative errno. */
int worker_serve(struct worker *w);

/* Any thread, from worker_start on; returns when worker_serve has. */
void worker_end(struct worker *w);

void worker_close(struct worker *w); /* accepts NULL */

#endif
