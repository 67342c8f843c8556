#include "fs/worker_process.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "fs/deadline.h"
#include "fs/descriptor.h"
#include "fs/identity.h"
#include "fs/log.h"
#include "fs/options.h"
#include "fs/paths.h"
#include "fs/privacy.h"
#include "fs/sandbox.h"
#include "fs/seal/witness.h"
#include "fs/service.h"
#include "fs/terminal.h"
#include "store/store.h"

enum { LOCK_LOOK_MS = 20 };

struct process {
    const struct worker_plan *plan;
    int sock;
    struct service *service;
};

static int fail(char *why, const char *what)
{
    snprintf(why, WORKER_WHY_MAX, "%s: %m", what);
    return -1;
}

/* ---- before the store is open ---- */

/* A thousand connections and the files of as many transfers. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Nobody else would unmount what it serves, so it does not outlive its supervisor. A change of user
 * would undo this. */
static int follow(pid_t supervisor, char *why)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return fail(why, "cannot follow the supervisor");
    if (getppid() == supervisor)
        return 0;
    snprintf(why, WORKER_WHY_MAX, "the supervisor is gone");
    return -1;
}

static int become_ourselves(const struct process *p, pid_t supervisor, char *why)
{
    _Static_assert((int)WORKER_WHY_MAX >= (int)IDENTITY_WHY_MAX, "one sentence is passed on");

    if (p->plan->supervisors_fd >= 0)
        close(p->plan->supervisors_fd);
    privacy_raise_limit();
    if (identity_become(p->plan->identity, why) < 0 || follow(supervisor, why) < 0)
        return -1;
    if (!privacy_begin())
        log_debug("only the keys are locked in memory: there is a limit (RLIMIT_MEMLOCK)");
    raise_descriptor_limit();
    return 0;
}

/* The lock tells nobody when it becomes free, so look often. */
static int open_in_time(struct process *p, char *why)
{
    const struct worker_plan *plan = p->plan;
    const struct timespec pause = {.tv_nsec = LOCK_LOOK_MS * 1000000};
    int64_t end_ms = deadline_now_ms() + WORKER_LOCK_MS;
    int rc;

    while ((rc = service_open(&p->service, plan->options, plan->store_dir, plan->identity->uid,
                              plan->identity->gid, why)) == STORE_ERR_LOCKED &&
           deadline_now_ms() < end_ms)
        nanosleep(&pause, NULL);
    return rc < 0 ? -1 : 0;
}

static int open_service(struct process *p, char *why)
{
    _Static_assert((int)WORKER_WHY_MAX >= (int)SERVICE_WHY_MAX, "one sentence is passed on");
    const struct worker_plan *plan = p->plan;

    if (!*plan->options->store && paths_make_parents(plan->store_dir) < 0)
        return fail(why, plan->store_dir);
    return open_in_time(p, why);
}

/* ---- talking to the supervisor ---- */

static int say(const struct process *p, enum worker_word word, const char *why)
{
    struct worker_report report = {.word = word};

    snprintf(report.why, sizeof(report.why), "%s", why);
    return send(p->sock, &report, sizeof(report), MSG_NOSIGNAL) == sizeof(report) ? 0 : -1;
}

/* ---- signals ---- */

struct ender {
    struct service *service;
    sigset_t set;
    pthread_t thread;
    atomic_bool served; /* the mount has ended by itself */
    bool signalled;
};

static void *wait_for_signal(void *arg)
{
    struct ender *e = arg;
    int signal = 0;

    sigwait(&e->set, &signal);
    if (atomic_load(&e->served))
        return NULL;
    log_debug("ending: %s", strsignal(signal));
    e->signalled = true;
    service_end(e->service);
    return NULL;
}

/* They are blocked in all threads. */
static int start_ender(struct ender *e)
{
    sigemptyset(&e->set);
    sigaddset(&e->set, SIGTERM);
    sigaddset(&e->set, SIGINT);
    sigaddset(&e->set, SIGHUP);
    return pthread_create(&e->thread, NULL, wait_for_signal, e) == 0 ? 0 : -1;
}

static void stop_ender(struct ender *e)
{
    atomic_store(&e->served, true);
    /* sigwait takes it. */
    pthread_kill(e->thread, SIGTERM); // NOLINT(bugprone-bad-signal-to-kill-thread): it is blocked
    pthread_join(e->thread, NULL);
}

/* ---- serving ---- */

static enum worker_exit serve(struct process *p)
{
    struct ender ender = {.service = p->service};
    char why[WORKER_WHY_MAX] = "cannot start a thread";

    if (start_ender(&ender) < 0) {
        say(p, WORKER_FAILED, why);
        return WORKER_EXIT_FAILED;
    }
    if (p->plan->background)
        terminal_leave();
    else
        terminal_leave_but_log();
    if (say(p, WORKER_SERVES, "") < 0)
        log_debug("nobody waits for the mount any more");
    int rc = service_loop(p->service);
    stop_ender(&ender);
    if (rc < 0)
        log_error("could not go on: %s", strerror(-rc));
    return rc < 0            ? WORKER_EXIT_BROKEN
           : ender.signalled ? WORKER_EXIT_SIGNALLED
                             : WORKER_EXIT_ENDED;
}

/* All that needs more than the sandbox allows lies behind us: the store is open, and there is only
 * one thread yet. */
static void confine(const struct process *p)
{
    witness_use(p->sock);
    if (!p->plan->options->no_sandbox)
        sandbox_enter(p->plan->store_dir);
}

static enum worker_exit live(struct process *p, pid_t supervisor)
{
    char why[WORKER_WHY_MAX];

    if (become_ourselves(p, supervisor, why) < 0 || open_service(p, why) < 0)
        goto fail;
    if (say(p, WORKER_OPENED, "") < 0)
        return WORKER_EXIT_FAILED;
    int fuse_fd = descriptor_receive(p->sock);
    if (fuse_fd < 0)
        return WORKER_EXIT_FAILED; /* it could not be mounted */
    confine(p);
    if (service_start(p->service, fuse_fd, why) == 0)
        return serve(p);
fail:
    say(p, WORKER_FAILED, why);
    return WORKER_EXIT_FAILED;
}

enum worker_exit worker_process_run(const struct worker_plan *plan, int sock, pid_t supervisor)
{
    struct process p = {.plan = plan, .sock = sock};
    enum worker_exit how = live(&p, supervisor);

    service_close(p.service);
    witness_use(-1);
    close(sock);
    return how;
}
