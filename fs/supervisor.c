#include "fs/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/fusemount.h"
#include "fs/identity.h"
#include "fs/log.h"
#include "fs/mountpoint.h"
#include "fs/options.h"
#include "fs/paths.h"
#include "fs/terminal.h"
#include "fs/worker.h"

enum { DYING_CHECK_MS = 5000 };
enum { WHY_MAX = 512 + 2 * PATH_MAX }; /* room for paths */

_Static_assert((int)WHY_MAX >= (int)OPTIONS_WHY_MAX && (int)WHY_MAX >= (int)MOUNTPOINT_WHY_MAX &&
                   (int)WHY_MAX >= (int)FUSEMOUNT_WHY_MAX &&
                   (int)WHY_MAX >= (int)IDENTITY_WHY_MAX && (int)WHY_MAX >= (int)WORKER_WHY_MAX,
               "any sentence fits");

/* What is mounted where, and by whom. */
struct plan {
    const struct options *options;
    struct identity identity;
    char dir[PATH_MAX];
    char store[PATH_MAX];
};

static enum supervisor_exit complain(enum supervisor_exit code, const char *why)
{
    log_error("%s", why);
    return code;
}

/* ---- the plan ---- */

/* -N: a process id, or a file such as /proc/PID/ns/mnt. */
static int enter_namespace(const char *name_space, char *why)
{
    char path[PATH_MAX];

    if (!*name_space)
        return 0;
    snprintf(path, sizeof(path), strchr(name_space, '/') ? "%s" : "/proc/%s/ns/mnt", name_space);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : setns(fd, CLONE_NEWNS);
    if (rc < 0)
        snprintf(why, WHY_MAX, "-N %s: %m", name_space);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int find_store(struct plan *p, const char *cwd, char *why)
{
    char path[PATH_MAX];
    const struct options_places places = {
        .home = p->identity.home,
        .state_home = p->identity.other ? NULL : getenv("XDG_STATE_HOME"),
        .cwd = cwd,
    };

    if (options_store_dir(p->options, &places, path, why) < 0)
        return -1;
    if (paths_resolve(path, p->store) == 0)
        return 0;
    snprintf(why, WHY_MAX, "store %s: %m", path);
    return -1;
}

static int find_dir(struct plan *p, const char *cwd, char *why)
{
    const char *dir = p->options->dir;
    char path[2 * PATH_MAX];

    if (*dir == '/')
        return mountpoint_resolve(dir, p->dir, why);
    snprintf(path, sizeof(path), "%s/%s", cwd, dir);
    return mountpoint_resolve(path, p->dir, why);
}

/* Entering a namespace changes the working directory, too. */
static int make_plan(struct plan *p, const struct options *options, char *why)
{
    char cwd[PATH_MAX];

    *p = (struct plan){.options = options};
    if (!getcwd(cwd, sizeof(cwd)))
        strcpy(cwd, "/");
    if (enter_namespace(options->name_space, why) < 0 ||
        identity_find(&p->identity, options->user, why) < 0 || find_store(p, cwd, why) < 0 ||
        find_dir(p, cwd, why) < 0)
        return -1;
    if (!mountpoint_contains(p->dir, p->store))
        return mountpoint_check(p->dir, why);
    snprintf(why, WHY_MAX, "the store %s would lie below its own mount %s", p->store, p->dir);
    return -1;
}

static enum supervisor_exit check(const struct plan *p)
{
    char why[WHY_MAX];

    if (identity_assume(&p->identity, why) < 0 || worker_check(p->store, why) < 0)
        return complain(SUPERVISOR_MOUNT, why);
    return SUPERVISOR_OK;
}

/* ---- telling the caller ---- */

/* The pipe to the process that was started; -1 when that is ourselves. */
struct report {
    int fd;
};

/* One byte, the exit code. False if nobody waits for it any more. */
static bool report(struct report *r, enum supervisor_exit code)
{
    const uint8_t byte = (uint8_t)code;

    if (r->fd < 0)
        return true;
    bool told = write(r->fd, &byte, 1) == 1;
    close(r->fd);
    r->fd = -1;
    return told;
}

/* ---- signals ---- */

/* Blocked from before the worker is started, which waits for them, too. */
static void ending_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void prepare_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    ending_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* A descriptor that is readable when one has come, or -1. */
static int open_signals(void)
{
    sigset_t set;

    ending_signals(&set);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- mounting and serving ---- */

/* *made: the directory was missing. */
static int mount_it(const struct plan *p, bool *made, char *why)
{
    const struct options *o = p->options;
    const struct fusemount what = {
        .dir = p->dir,
        .source = o->name,
        .flags = o->mount_flags,
        .allow_other = o->allow_other || o->allow_root,
        .max_read = o->max_read,
        .kernel = o->kernel,
        .uid = p->identity.uid,
        .gid = p->identity.gid,
    };

    int rc = mountpoint_prepare(p->dir, p->identity.uid, p->identity.gid, why);
    *made = rc > 0;
    return rc < 0 ? -1 : fusemount_attach(&what, why);
}

/* From an open store to an answering mount. On failure nothing is mounted, and nothing made. */
static int bring_up(const struct plan *p, struct worker *w, char *why)
{
    bool made = false;
    int fd = mount_it(p, &made, why);

    if (fd >= 0) {
        if (identity_become(&p->identity, why) < 0)
            close(fd);
        else if (worker_start(w, fd, why) == 0)
            return 0;
        fusemount_detach(p->dir);
    }
    if (made)
        mountpoint_unmake(p->dir);
    return -1;
}

static void detach(const struct plan *p)
{
    if (fusemount_detach(p->dir) < 0)
        log_warning("%s could not be unmounted: %m", p->dir);
}

/* As a user who unmounts does; whoever is in there yet gets errors from then on. */
static void end(const struct plan *p, struct worker *w)
{
    detach(p);
    worker_end(w);
}

/* Until the worker closes its end of the socket. Returns whether we have unmounted. A worker that
 * was killed in the wrong moment does not close it before the mount is ended (dying.h). */
static bool watch(const struct plan *p, struct worker *w, int signals)
{
    struct pollfd fds[] = {{.fd = worker_socket(w), .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    bool ended = false;

    for (;;) {
        int ready = poll(fds, 2, DYING_CHECK_MS);
        if (ready == 0 && worker_dying(w))
            mountpoint_end_dying(p->dir);
        if (ready <= 0)
            continue; /* or interrupted */
        if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info) && !ended) {
            log_debug("ending: %s", strsignal((int)info.ssi_signo));
            end(p, w);
            ended = true;
        }
        /* An empty message looks like the end, and is none of it: it must not hold up a signal. */
        if (fds[0].revents && worker_answer(w) < 0 && (fds[0].revents & (POLLHUP | POLLERR)))
            return ended;
    }
}

static enum supervisor_exit conclude(const struct plan *p, enum worker_outcome how, bool ended)
{
    switch (how) {
    case WORKER_SIGNALLED:
        if (!ended)
            detach(p);
        break;
    case WORKER_ENDED:
        break;
    case WORKER_DIED: /* the dead mount stays: what lies under it is not for those who write to it
                       */
        log_error("the process that served %s died", p->dir);
        return SUPERVISOR_SYSTEM;
    case WORKER_BROKEN:
        return SUPERVISOR_SYSTEM;
    }
    log_notice("unmounted from %s", p->dir);
    return SUPERVISOR_OK;
}

static enum supervisor_exit serve(const struct plan *p, struct worker *w, struct report *r)
{
    bool background = r->fd >= 0;
    bool ended = false;
    int signals = open_signals();

    if (signals < 0) {
        end(p, w);
        return complain(SUPERVISOR_SYSTEM, "cannot wait for signals");
    }
    if (!report(r, SUPERVISOR_OK)) { /* the caller has given up */
        end(p, w);
        ended = true;
    }
    if (background)
        terminal_leave();
    log_notice("mounted on %s, store %s", p->dir, p->store);
    ended = watch(p, w, signals) || ended;
    close(signals);
    return conclude(p, worker_wait(w), ended);
}

static enum supervisor_exit run(const struct plan *p, struct report *r)
{
    const struct worker_plan plan = {
        .options = p->options,
        .identity = &p->identity,
        .store_dir = p->store,
        .background = r->fd >= 0,
        .supervisors_fd = r->fd,
    };
    struct worker *w = NULL;
    char why[WHY_MAX];
    enum supervisor_exit code;

    umask(077);
    prepare_signals();
    mountpoint_end_dying(p->dir);
    if (worker_open(&w, &plan, why) < 0 || bring_up(p, w, why) < 0)
        code = complain(SUPERVISOR_MOUNT, why);
    else
        code = serve(p, w, r);
    worker_close(w);
    report(r, code);
    return code;
}

/* ---- the daemon ---- */

static enum supervisor_exit wait_for_report(int fd, pid_t child)
{
    uint8_t byte;
    ssize_t n;
    int status = 0;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    close(fd);
    if (n == 1)
        return (enum supervisor_exit)byte;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        log_error("the daemon died while it started: %s", strsignal(WTERMSIG(status)));
    else
        log_error("the daemon ended while it started");
    return SUPERVISOR_SYSTEM;
}

static enum supervisor_exit run_in_background(const struct plan *p)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return complain(SUPERVISOR_SYSTEM, "cannot make a pipe");
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return complain(SUPERVISOR_SYSTEM, "cannot start the daemon");
    }
    if (child > 0) {
        close(ends[1]);
        return wait_for_report(ends[0], child);
    }
    close(ends[0]);
    setsid();
    if (chdir("/") < 0)
        log_debug("cannot leave the working directory");
    return run(p, &(struct report){.fd = ends[1]});
}

/* Whoever started us may wait until a descriptor that we have from it is closed everywhere. */
static void shed_descriptors(void)
{
    close_range(STDERR_FILENO + 1, ~0U, 0);
}

static void begin_log(const struct options *o)
{
    bool stays = o->foreground || o->task == OPTIONS_CHECK;

    log_start(&(struct log_options){
        .name = o->name, .to_syslog = !stays, .to_stderr = true, .verbose = o->verbose});
}

enum supervisor_exit supervisor_run(const struct options *options)
{
    struct plan *p = malloc(sizeof(*p));
    char why[WHY_MAX];
    enum supervisor_exit code;

    if (!p)
        return complain(SUPERVISOR_SYSTEM, "out of memory");
    if (!options->foreground)
        shed_descriptors();
    begin_log(options);
    if (make_plan(p, options, why) < 0)
        code = complain(SUPERVISOR_MOUNT, why);
    else if (options->task == OPTIONS_CHECK)
        code = check(p);
    else if (options->foreground)
        code = run(p, &(struct report){.fd = -1});
    else
        code = run_in_background(p);
    free(p);
    return code;
}
