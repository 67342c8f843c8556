/* The process that serves, as its supervisor sees it: started before anything is mounted, given the
 * mounted /dev/fuse, and outlived. What runs in it is worker_process.h.
 *
 * It is confined (sandbox.h), so what it cannot do itself is done here: mounting, unmounting, and
 * reading how a dying writer ends. It dies with its supervisor. Not thread-safe. */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include <stdbool.h>

struct identity;
struct options;
struct worker;

enum {
    WORKER_WHY_MAX = 512,
    WORKER_LOCK_MS = 5000, /* how long a daemon that is just ending is waited for */
};

/* All of it stays the caller's, and unchanged until worker_open returns. */
struct worker_plan {
    const struct options *options;
    const struct identity *identity; /* as whom it runs */
    const char *store_dir;
    bool background;    /* it leaves the terminal when it serves */
    int supervisors_fd; /* that it must not keep; -1: none */
};

enum worker_outcome {
    WORKER_ENDED,     /* the file system is unmounted, or worker_end was called */
    WORKER_SIGNALLED, /* the same, after a signal to itself: it may be mounted yet */
    WORKER_BROKEN,    /* it could not go on, and has said why in the log */
    WORKER_DIED,      /* by a signal */
};

/* Could the store be opened? Makes nothing that is not there. 0, or -1 with a sentence in why. */
int worker_check(const char *store_dir, char *why);

/* Starts the process, and waits until it has opened the store (making its default place) and all
 * that lives in it. It waits for WORKER_LOCK_MS if another process has the store. The caller has
 * blocked the signals that end a daemon, which the process waits for, and has no threads. 0, or -1
 * with a sentence in why. */
int worker_open(struct worker **out, const struct worker_plan *plan, char *why);

/* Gives it a mounted /dev/fuse, of which the caller keeps no copy, also on failure, and waits until
 * it serves: then the mount is usable. 0, or -1 with a sentence in why. */
int worker_start(struct worker *w, int fuse_fd, char *why);

/* From worker_start on: what to poll for reading, and what to call then. -1: it is ending. */
int worker_socket(const struct worker *w);
int worker_answer(struct worker *w);

/* Was it killed, and cannot end (dying.h)? */
bool worker_dying(const struct worker *w);

/* Asks it to end in order. */
void worker_end(struct worker *w);

/* Waits until it is gone. */
enum worker_outcome worker_wait(struct worker *w);

/* Waits until it is gone, too: one that serves no mount ends now. Accepts NULL. */
void worker_close(struct worker *w);

#endif
