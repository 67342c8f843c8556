/* What runs in the worker's process: the service, behind the walls that sandbox.h and privacy.h put
 * up around it, in order of what each step still needs. */
#ifndef FS_WORKER_PROCESS_H
#define FS_WORKER_PROCESS_H

#include <sys/types.h>
#include "fs/worker.h"

/* What it tells its supervisor: each of the first two once, in this order, or FAILED and its end.
 */
enum worker_word {
    WORKER_OPENED, /* the store is open: send the descriptor of a mount */
    WORKER_SERVES,
    WORKER_FAILED, /* with a sentence */
};

struct worker_report {
    enum worker_word word;
    char why[WORKER_WHY_MAX];
};

/* How it exits; anything else is a death. */
enum worker_exit {
    WORKER_EXIT_ENDED = 0,
    WORKER_EXIT_BROKEN = 2,
    WORKER_EXIT_SIGNALLED = 3,
    WORKER_EXIT_FAILED = 4, /* and has reported it */
};

/* All of the process's life, right after the fork. `sock`: its end of a SOCK_SEQPACKET pair;
 * `supervisor`: who holds the other end. After WORKER_SERVES it asks the witness over it
 * (seal/witness.h). Returns when nothing is left but to exit. */
enum worker_exit worker_process_run(const struct worker_plan *plan, int sock, pid_t supervisor);

#endif
