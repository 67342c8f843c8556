#include "fs/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/descriptor.h"
#include "fs/dying.h"
#include "fs/paths.h"
#include "fs/seal/witness.h"
#include "fs/worker_process.h"
#include "store/store.h"

struct worker {
    pid_t pid; /* 0: it is gone */
    int sock;
    enum worker_outcome outcome; /* once it is gone */
};

static int fail(char *why, const char *what)
{
    snprintf(why, WORKER_WHY_MAX, "%s: %m", what);
    return -1;
}

int worker_check(const char *store_dir, char *why)
{
    _Static_assert((int)WORKER_WHY_MAX >= (int)STORE_WHY_MAX, "one sentence is passed on");
    struct store *store;

    if (paths_can_make(store_dir) == 0)
        return 0;
    if (errno != EEXIST)
        return fail(why, store_dir);
    if (store_open(&store, store_dir, io_real(), why) < 0)
        return -1;
    store_close(store);
    return 0;
}

/* ---- starting ---- */

/* Its next report must be `wanted`. */
static int hear(const struct worker *w, enum worker_word wanted, char *why)
{
    struct worker_report report;
    ssize_t n;

    do
        n = recv(w->sock, &report, sizeof(report), MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n == sizeof(report) && report.word == wanted)
        return 0;
    if (n == sizeof(report) && report.word == WORKER_FAILED)
        snprintf(why, WORKER_WHY_MAX, "%.*s", WORKER_WHY_MAX - 1, report.why);
    else
        snprintf(why, WORKER_WHY_MAX, "the process that serves died while it started");
    return -1;
}

/* The child never returns from here. */
static int start(struct worker *w, const struct worker_plan *plan, char *why)
{
    pid_t supervisor = getpid();
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail(why, "cannot make a socket");
    w->pid = fork();
    if (w->pid < 0) {
        w->pid = 0;
        fail(why, "cannot start a process");
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (w->pid == 0) {
        close(ends[0]);
        exit((int)worker_process_run(plan, ends[1], supervisor));
    }
    close(ends[1]);
    w->sock = ends[0];
    return 0;
}

int worker_open(struct worker **out, const struct worker_plan *plan, char *why)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        return fail(why, "cannot start");
    w->sock = -1;
    if (start(w, plan, why) < 0 || hear(w, WORKER_OPENED, why) < 0) {
        worker_close(w);
        return -1;
    }
    *out = w;
    return 0;
}

int worker_start(struct worker *w, int fuse_fd, char *why)
{
    int rc = descriptor_send(w->sock, fuse_fd);

    if (rc < 0)
        fail(why, "cannot pass the mount on");
    close(fuse_fd);
    return rc < 0 ? rc : hear(w, WORKER_SERVES, why);
}

/* ---- while it serves ---- */

int worker_socket(const struct worker *w)
{
    return w->sock;
}

int worker_answer(struct worker *w)
{
    return witness_answer(w->sock);
}

bool worker_dying(const struct worker *w)
{
    return w->pid > 0 && dying_is(w->pid);
}

void worker_end(struct worker *w)
{
    if (w->pid > 0)
        kill(w->pid, SIGTERM);
}

static enum worker_outcome outcome_of(int status)
{
    if (!WIFEXITED(status))
        return WORKER_DIED;
    switch (WEXITSTATUS(status)) {
    case WORKER_EXIT_ENDED:
        return WORKER_ENDED;
    case WORKER_EXIT_SIGNALLED:
        return WORKER_SIGNALLED;
    default:
        return WORKER_BROKEN;
    }
}

enum worker_outcome worker_wait(struct worker *w)
{
    int status = 0;

    if (w->pid == 0)
        return w->outcome;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
    w->outcome = outcome_of(status);
    return w->outcome;
}

void worker_close(struct worker *w)
{
    if (!w)
        return;
    if (w->sock >= 0)
        close(w->sock); /* it may be waiting for a mount */
    worker_wait(w);
    free(w);
}
