#include "fs/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "fs/options.h"
#include "fs/paths.h"
#include "fs/service.h"
#include "store/store.h"

enum { LOCK_LOOK_MS = 20 };

struct worker {
    struct service *service;
};

static int fail(char *why, const char *what)
{
    snprintf(why, WORKER_WHY_MAX, "%s: %m", what);
    return -1;
}

int worker_check(const char *store_dir, char *why)
{
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

/* A thousand connections and the files of as many transfers. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The lock tells nobody when it becomes free, so look often. */
static int open_in_time(struct worker *w, const struct options *options, const char *store_dir,
                        uid_t uid, gid_t gid, char *why)
{
    const struct timespec pause = {.tv_nsec = LOCK_LOOK_MS * 1000000};
    int64_t end_ms = now_ms() + WORKER_LOCK_MS;
    int rc;

    while ((rc = service_open(&w->service, options, store_dir, uid, gid, why)) ==
               STORE_ERR_LOCKED &&
           now_ms() < end_ms)
        nanosleep(&pause, NULL);
    return rc;
}

int worker_open(struct worker **out, const struct options *options, const char *store_dir,
                uid_t uid, gid_t gid, char *why)
{
    _Static_assert((int)WORKER_WHY_MAX >= (int)SERVICE_WHY_MAX, "one sentence is passed on");
    _Static_assert((int)WORKER_WHY_MAX >= (int)STORE_WHY_MAX, "one sentence is passed on");
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        return fail(why, "cannot start");
    raise_descriptor_limit();
    if (!*options->store && paths_make_parents(store_dir) < 0) {
        fail(why, store_dir);
        goto fail;
    }
    if (open_in_time(w, options, store_dir, uid, gid, why) < 0)
        goto fail;
    *out = w;
    return 0;
fail:
    free(w);
    return -1;
}

int worker_start(struct worker *w, int fuse_fd, char *why)
{
    return service_start(w->service, fuse_fd, why) < 0 ? -1 : 0;
}

int worker_serve(struct worker *w)
{
    return service_loop(w->service);
}

void worker_end(struct worker *w)
{
    service_end(w->service);
}

void worker_close(struct worker *w)
{
    if (!w)
        return;
    service_close(w->service);
    free(w);
}
