#include "fs/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/fusemount.h"
#include "fs/identity.h"
#include "fs/log.h"
#include "fs/mountpoint.h"
#include "fs/options.h"
#include "fs/paths.h"
#include "fs/worker.h"

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

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    log_leave_stderr();
    if (null < 0)
        return;
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

/* ---- signals ---- */

struct ender {
    const struct plan *plan;
    struct worker *worker;
    sigset_t set;
    pthread_t thread;
    atomic_bool served; /* the mount has ended by itself */
};

static void ending_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

/* As a user who unmounts does; whoever is in there yet gets errors from then on. */
static void *wait_for_signal(void *arg)
{
    struct ender *e = arg;
    int signal = 0;

    sigwait(&e->set, &signal);
    if (atomic_load(&e->served))
        return NULL;
    log_debug("ending: %s", strsignal(signal));
    if (fusemount_detach(e->plan->dir) < 0)
        log_warning("%s could not be unmounted: %m", e->plan->dir);
    worker_end(e->worker);
    return NULL;
}

static int start_ender(struct ender *e)
{
    ending_signals(&e->set);
    return pthread_create(&e->thread, NULL, wait_for_signal, e) == 0 ? 0 : -1;
}

static void stop_ender(struct ender *e)
{
    atomic_store(&e->served, true);
    pthread_kill(e->thread, SIGTERM); /* sigwait takes it */
    pthread_join(e->thread, NULL);
}

/* Before any thread is started, so that all have them blocked. */
static void prepare_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    ending_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- mounting and serving ---- */

static int mount_it(const struct plan *p, char *why)
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

    if (mountpoint_prepare(p->dir, p->identity.uid, p->identity.gid, why) < 0)
        return -1;
    return fusemount_attach(&what, why);
}

/* From an open store to an answering mount. On failure nothing is mounted. */
static int bring_up(const struct plan *p, struct worker *w, char *why)
{
    if (identity_regain(&p->identity, why) < 0)
        return -1;
    int fd = mount_it(p, why);
    if (fd < 0)
        return -1;
    if (identity_become(&p->identity, why) < 0)
        close(fd);
    else if (worker_start(w, fd, why) == 0)
        return 0;
    fusemount_detach(p->dir);
    return -1;
}

static enum supervisor_exit serve(const struct plan *p, struct worker *w, struct report *r)
{
    struct ender ender = {.plan = p, .worker = w};

    if (start_ender(&ender) < 0) {
        fusemount_detach(p->dir);
        return complain(SUPERVISOR_SYSTEM, "cannot start a thread");
    }
    bool background = r->fd >= 0;
    if (!report(r, SUPERVISOR_OK))
        kill(getpid(), SIGTERM); /* the caller has given up */
    if (background)
        leave_terminal();
    log_notice("mounted on %s, store %s", p->dir, p->store);
    int rc = worker_serve(w);
    stop_ender(&ender);
    if (rc < 0)
        log_error("could not go on: %s", strerror(-rc));
    log_notice("unmounted from %s", p->dir);
    return rc < 0 ? SUPERVISOR_SYSTEM : SUPERVISOR_OK;
}

static enum supervisor_exit run(const struct plan *p, struct report *r)
{
    struct worker *w = NULL;
    char why[WHY_MAX];
    enum supervisor_exit code;

    umask(077);
    prepare_signals();
    if (identity_assume(&p->identity, why) < 0 ||
        worker_open(&w, p->options, p->store, p->identity.uid, p->identity.gid, why) < 0 ||
        bring_up(p, w, why) < 0)
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
