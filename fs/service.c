#include "fs/service.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include "fs/bridge.h"
#include "fs/chores.h"
#include "fs/deadline.h"
#include "fs/face/face.h"
#include "fs/log.h"
#include "fs/options.h"
#include "fs/seal/seal.h"

enum {
    THREADS_MAX = 8,        /* that answer requests */
    NUDGE_SIGNAL = SIGUSR1, /* wakes the loop's own thread */
    NUDGE_MS = 20,
};

struct service {
    struct options options;
    struct store *store;
    struct face *face;
    struct bridge bridge;
    struct seal *seal;
    struct chores *chores;
    struct net *net;
    struct fuse_session *session;
    bool face_started;

    pthread_mutex_t lock;
    pthread_cond_t ended;
    pthread_t looper;
    bool looping; /* looper is in service_loop */
};

static int fail(char *why, const char *what, int rc)
{
    snprintf(why, SERVICE_WHY_MAX, "%s: %s", what, store_strerror(rc));
    return rc;
}

/* ---- opening ---- */

static void engine_options(struct engine_options *out, const struct options *o)
{
    *out = (struct engine_options){
        .appid = o->appid,
        .code_words = o->code_words,
        .inbox_max = o->inbox_max,
        .keep_sent = o->keep_sent,
        .keep_exec = o->keep_exec,
        .aes = crypto_aead_aes256gcm_is_available(),
    };
    if (o->has_relay)
        hints_add(&out->relays, HINT_RELAY, o->relay.host, o->relay.port, o->relay.priority);
}

static void log_setback(void *arg, uint64_t wormhole, const char *text)
{
    (void)arg;
    log_warning("wormhole number %llu: %s", (unsigned long long)wormhole, text);
}

static int open_engine(struct service *s)
{
    struct engine_options options;
    struct engine_watch watch;
    struct engine_out out;

    engine_options(&options, &s->options);
    bridge_outputs(&s->bridge, &out);
    face_watch(s->face, &watch);
    watch.setback = log_setback;
    return engine_open(&s->bridge.engine, s->store, &options, &out, &watch);
}

static int open_seal(struct service *s)
{
    const struct seal_options options = {.settle_ms = s->options.settle_ms,
                                         .settle_tree_ms = s->options.settle_tree_ms};

    return seal_open(&s->seal, s->store, s->bridge.engine, &options);
}

static void init_ending(struct service *s)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->ended, &attr);
    pthread_condattr_destroy(&attr);
}

int service_open(struct service **out, const struct options *options, const char *store_dir,
                 uid_t uid, gid_t gid, char *why)
{
    _Static_assert((int)SERVICE_WHY_MAX >= (int)STORE_WHY_MAX, "one sentence is passed on");
    const struct face_options owner = {
        .uid = uid, .gid = gid, .read_only = options->mount_flags & MS_RDONLY};

    if (sodium_init() < 0)
        return fail(why, "libsodium", STORE_ERR_NOMEM);
    struct service *s = calloc(1, sizeof(*s));
    if (!s)
        return fail(why, "cannot start", STORE_ERR_NOMEM);
    s->options = *options;
    init_ending(s);
    int rc = store_open(&s->store, store_dir, io_real(), why);
    if (rc < 0)
        goto fail;
    if ((rc = face_open(&s->face, s->store, &owner)) < 0 || (rc = open_engine(s)) < 0 ||
        (rc = open_seal(s)) < 0) {
        fail(why, store_dir, rc);
        goto fail;
    }
    *out = s;
    return 0;
fail:
    service_close(s);
    return rc;
}

/* ---- starting ---- */

/* libfuse would write to stderr. */
__attribute__((format(printf, 2, 0))) static void log_fuse(enum fuse_log_level level,
                                                           const char *format, va_list args)
{
    char line[LOG_LINE_MAX];

    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    if (level <= FUSE_LOG_WARNING)
        log_warning("%s", line);
    else
        log_debug("%s", line);
}

/* The session adopts a descriptor that it is given as /dev/fd/N. */
static int open_session(struct service *s, int fuse_fd)
{
    char path[32];
    char *argv[] = {(char[]){"mount.wormholefs"}, (char[]){"-oallow_root"}, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(s->options.allow_root ? 2 : 1, argv);

    fuse_set_log_func(log_fuse);
    snprintf(path, sizeof(path), "/dev/fd/%d", fuse_fd);
    s->session = fuse_session_new(&args, face_ops(), sizeof(*face_ops()), s->face);
    fuse_opt_free_args(&args);
    return s->session && fuse_session_mount(s->session, path) == 0 ? 0 : STORE_ERR_NOMEM;
}

static int start_net(struct service *s, char *why)
{
    struct net_options options = {.mailbox_url = s->options.mailbox,
                                  .listen = !s->options.no_listen};
    struct net_callbacks callbacks;
    char reason[NET_WHY_MAX];

    bridge_callbacks(&s->bridge, &callbacks);
    if (net_start(&s->net, &options, &callbacks, reason) < 0) {
        snprintf(why, SERVICE_WHY_MAX, "the network: %s", reason);
        return STORE_ERR_IO;
    }
    atomic_store(&s->bridge.net, s->net);
    return 0;
}

static int start_engine(struct service *s)
{
    int rc = chores_start(&s->chores, s->store, s->bridge.engine);

    if (rc < 0)
        return rc;
    atomic_store(&s->bridge.chores, s->chores);
    rc = engine_start(s->bridge.engine);
    if (rc < 0)
        return rc;
    atomic_store(&s->bridge.ticking, true);
    net_wake(s->net);
    return seal_start(s->seal);
}

int service_start(struct service *s, int fuse_fd, char *why)
{
    int rc = open_session(s, fuse_fd);

    if (rc < 0) {
        close(fuse_fd);
        return fail(why, "cannot start a session", rc);
    }
    rc = face_start(s->face, s->bridge.engine, s->seal, s->session);
    s->face_started = rc == 0;
    if (rc < 0)
        return fail(why, "cannot start", rc);
    rc = start_net(s, why);
    if (rc < 0)
        return rc;
    rc = start_engine(s);
    return rc < 0 ? fail(why, "cannot start", rc) : 0;
}

/* ---- serving ---- */

static void nudged(int signal)
{
    (void)signal;
}

/* libfuse's loop looks whether it should end when its own thread is interrupted. */
static void accept_nudges(void)
{
    struct sigaction action = {.sa_handler = nudged};
    sigset_t set;

    sigaction(NUDGE_SIGNAL, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, NUDGE_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void set_looping(struct service *s, bool looping)
{
    pthread_mutex_lock(&s->lock);
    s->looper = pthread_self();
    s->looping = looping;
    pthread_cond_broadcast(&s->ended);
    pthread_mutex_unlock(&s->lock);
}

int service_loop(struct service *s)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();

    if (!config)
        return -ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, 0); /* a clone would take its requests with it */
    fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
    accept_nudges();
    set_looping(s, true);
    int rc = fuse_session_loop_mt(s->session, config);
    set_looping(s, false);
    fuse_loop_cfg_destroy(config);
    return rc < 0 ? rc : 0;
}

static void wait_a_moment(struct service *s)
{
    const struct timespec until = deadline_in(NUDGE_MS);

    pthread_cond_timedwait(&s->ended, &s->lock, &until);
}

/* A nudge between the loop's look and its sleep is lost: so nudge until it has ended. */
void service_end(struct service *s)
{
    fuse_session_exit(s->session);
    pthread_mutex_lock(&s->lock);
    while (s->looping) {
        pthread_kill(s->looper, NUDGE_SIGNAL);
        wait_a_moment(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- ending ---- */

/* First nothing comes in any more, then what is whole is sealed while the engine and the network
 * still run, then they end, and the store last. */
void service_close(struct service *s)
{
    if (!s)
        return;
    if (s->face_started)
        face_stop(s->face);
    if (s->session)
        fuse_session_destroy(s->session);
    seal_close(s->seal);
    engine_end(s->bridge.engine);
    chores_stop(s->chores);
    if (s->net) {
        net_stop(s->net); /* its threads may wake the chores until here */
        atomic_store(&s->bridge.net, NULL);
    }
    atomic_store(&s->bridge.chores, NULL);
    chores_free(s->chores);
    if (s->bridge.engine)
        engine_close(s->bridge.engine);
    face_close(s->face);
    store_close(s->store);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    sodium_memzero(&s->options, sizeof(s->options));
    free(s);
}
