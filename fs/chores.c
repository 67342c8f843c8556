#include "fs/chores.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include "fs/deadline.h"
#include "fs/engine/engine.h"
#include "store/nodes.h"
#include "store/scrub.h"
#include "store/slack.h"

enum { TIDY_S = 3, SCRUB_ROUNDS = 10 /* of TIDY_S, between two scrubs */ };

struct chores {
    struct store *store;
    struct engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    bool work;
    pthread_t worker, tidier;
    bool has_worker, has_tidier;
};

/* Waits until there is work; false at the end. */
static bool wait_for_work(struct chores *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->stop && !c->work)
        pthread_cond_wait(&c->wake, &c->lock);
    c->work = false;
    bool go_on = !c->stop;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

static bool stopping(struct chores *c)
{
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void *work(void *arg)
{
    struct chores *c = arg;

    while (wait_for_work(c))
        while (!stopping(c) && engine_work(c->engine))
            ;
    return NULL;
}

/* False at the end. */
static bool wait_a_while(struct chores *c)
{
    const struct timespec until = deadline_in(TIDY_S * 1000);

    pthread_mutex_lock(&c->lock);
    int rc = 0;
    while (!c->stop && rc == 0)
        rc = pthread_cond_timedwait(&c->wake, &c->lock, &until);
    bool go_on = !c->stop;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

static void tidy_journal(struct chores *c)
{
    if (!store_sync_owed(c->store) && !node_sweep_owed(c->store))
        return;
    while (!stopping(c) && node_sweep(c->store) > 0)
        ;
    while (!stopping(c) && slack_give_back(c->store) > 0)
        ;
    store_sync(c->store);
}

/* Errors are met again by whoever needs the disk, and reported there. */
static void *tidy(void *arg)
{
    struct chores *c = arg;
    unsigned rounds = 0;

    while (wait_a_while(c)) {
        if (++rounds >= SCRUB_ROUNDS && scrub_owed(c->store) && scrub_run(c->store) == 0)
            rounds = 0;
        tidy_journal(c);
        store_reap(c->store);
    }
    return NULL;
}

int chores_start(struct chores **out, struct store *store, struct engine *engine)
{
    pthread_condattr_t attr;
    struct chores *c = calloc(1, sizeof(*c));

    if (!c)
        return STORE_ERR_NOMEM;
    c->store = store;
    c->engine = engine;
    c->work = true; /* what an earlier run left */
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    c->has_worker = pthread_create(&c->worker, NULL, work, c) == 0;
    c->has_tidier = pthread_create(&c->tidier, NULL, tidy, c) == 0;
    if (!c->has_worker || !c->has_tidier) {
        chores_stop(c);
        chores_free(c);
        return STORE_ERR_NOMEM;
    }
    *out = c;
    return 0;
}

void chores_wake(struct chores *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->work = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void chores_stop(struct chores *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->has_worker)
        pthread_join(c->worker, NULL);
    if (c->has_tidier)
        pthread_join(c->tidier, NULL);
    c->has_worker = c->has_tidier = false;
}

void chores_free(struct chores *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
