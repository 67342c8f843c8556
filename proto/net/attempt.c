#include "proto/net/attempt.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/net/limits.h"
#include "proto/net/race.h"
#include "proto/net/stream_own.h"
#include "proto/net/tcp.h"
#include "proto/net/thread.h"

struct attempt {
    struct attempts *attempts;
    struct attempt *next;
    uint64_t wormhole;
    uint64_t number;
    bool taken; /* has a thread, and so a stream */
    bool cancelled;
    struct transit_plan *plan; /* NULL until it is started; a secret */
    struct stream stream;
};

void attempts_init(struct attempts *s, const struct net_callbacks *callbacks,
                   struct resolver *resolver, bool listen)
{
    memset(s, 0, sizeof(*s));
    s->callbacks = callbacks;
    s->resolver = resolver;
    s->listen = listen;
    pthread_mutex_init(&s->lock, NULL);
}

void attempts_release(struct attempts *s)
{
    assert(s->count == 0);
    pthread_mutex_destroy(&s->lock);
}

static void free_plan(struct transit_plan *plan)
{
    if (plan == NULL)
        return;
    sodium_memzero(plan, sizeof(*plan));
    free(plan);
}

/* -- the table; lock held --------------------------------------------------------------------- */

static struct attempt *find(struct attempts *s, uint64_t wormhole, uint64_t number)
{
    struct attempt *a = s->first;

    while (a != NULL && (a->wormhole != wormhole || a->number != number))
        a = a->next;
    return a;
}

static bool append(struct attempts *s, uint64_t wormhole, uint64_t number)
{
    struct attempt **end = &s->first;

    struct attempt *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return false;
    a->attempts = s;
    a->wormhole = wormhole;
    a->number = number;
    while (*end != NULL)
        end = &(*end)->next;
    *end = a;
    s->count++;
    s->waiting++;
    return true;
}

static void unlink_attempt(struct attempts *s, struct attempt *gone)
{
    struct attempt **at = &s->first;

    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    s->count--;
}

static void cancel(struct attempt *a)
{
    a->cancelled = true;
    if (a->taken)
        stream_break(&a->stream);
}

/* -- one attempt, on its thread --------------------------------------------------------------- */

static bool is_cancelled(void *arg)
{
    struct attempt *a = arg;

    pthread_mutex_lock(&a->attempts->lock);
    bool cancelled = a->cancelled;
    pthread_mutex_unlock(&a->attempts->lock);
    return cancelled;
}

static void drain(void *arg)
{
    stream_drain_wakes(&((struct attempt *)arg)->stream);
}

static void announce(struct attempt *a, const struct tcp_listener *listener)
{
    const struct net_callbacks *callbacks = a->attempts->callbacks;
    struct hint_list *direct = calloc(1, sizeof(*direct));

    /* Without memory for a list it is still an answer that there is nothing. */
    static const struct hint_list nothing;
    if (direct != NULL)
        tcp_listen_hints(listener, direct);
    callbacks->transit_hints(callbacks->arg, a->wormhole, a->number,
                             direct != NULL ? direct : &nothing);
    free(direct);
}

/* Meanwhile the kernel completes connections that come in, and keeps what they say. */
static struct transit_plan *wait_for_plan(struct attempt *a)
{
    struct pollfd wake = {.fd = a->stream.wake_fd, .events = POLLIN};

    for (;;) {
        pthread_mutex_lock(&a->attempts->lock);
        struct transit_plan *plan = a->plan;
        bool cancelled = a->cancelled;
        pthread_mutex_unlock(&a->attempts->lock);
        if (plan != NULL || cancelled)
            return cancelled ? NULL : plan;
        (void)poll(&wake, 1, -1);
        drain(a);
    }
}

static void run_session(struct attempt *a, int fd, const char *kind)
{
    const struct net_callbacks *callbacks = a->attempts->callbacks;

    stream_attach(&a->stream, fd, kind);
    callbacks->transit_session(callbacks->arg, a->wormhole, a->number, a->plan, &a->stream);
}

static void run_attempt(struct attempt *a)
{
    struct tcp_listener listener = {.v4_fd = -1, .v6_fd = -1};
    const char *kind = "";
    int fd = -1;

    if (a->attempts->listen)
        tcp_listen(&listener);
    announce(a, &listener);
    const struct transit_plan *plan = wait_for_plan(a);
    if (plan != NULL) {
        struct race_options options = {.plan = plan,
                                       .listener = &listener,
                                       .resolver = a->attempts->resolver,
                                       .wake_fd = a->stream.wake_fd,
                                       .drain = drain,
                                       .stopped = is_cancelled,
                                       .arg = a};
        fd = race_run(&options, &kind);
    }
    tcp_listen_close(&listener);
    if (fd >= 0)
        run_session(a, fd, kind);
}

/* -- the threads ------------------------------------------------------------------------------ */

/* Gives the oldest waiting attempt to the calling thread. */
static struct attempt *take(struct attempts *s)
{
    struct attempt *a = s->first;

    while (a != NULL && a->taken)
        a = a->next;
    if (a == NULL)
        return NULL;
    /* Out of descriptors: no connection could be had either. */
    if (stream_init(&a->stream) != 0)
        a->cancelled = true;
    a->taken = true;
    s->waiting--;
    return a;
}

static void finish(struct attempts *s, struct attempt *a)
{
    pthread_mutex_lock(&s->lock);
    unlink_attempt(s, a);
    pthread_mutex_unlock(&s->lock);
    stream_release(&a->stream);
    s->callbacks->transit_down(s->callbacks->arg, a->wormhole, a->number);
    free_plan(a->plan);
    free(a);
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct attempts *s = worker->attempts;
    struct attempt *a;

    pthread_mutex_lock(&s->lock);
    s->starting--;
    while ((a = take(s)) != NULL) {
        bool cancelled = a->cancelled;
        pthread_mutex_unlock(&s->lock);
        if (!cancelled)
            run_attempt(a);
        finish(s, a);
        pthread_mutex_lock(&s->lock);
    }
    worker->state = WORKER_ENDED;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* A thread for each that waits, as long as there are places. Lock held. */
static void start_workers(struct attempts *s)
{
    for (size_t i = 0; i < NET_TRANSIT_MAX && s->starting < s->waiting; i++) {
        struct worker *w = &s->workers[i];
        if (w->state == WORKER_RUNNING)
            continue;
        if (w->state == WORKER_ENDED)
            pthread_join(w->thread, NULL); /* it has given up the lock for good */
        w->attempts = s;
        w->state = WORKER_NONE;
        if (thread_start(&w->thread, TRANSIT_STACK_BYTES, run_worker, w) != 0)
            return;
        w->state = WORKER_RUNNING;
        s->starting++;
    }
}

/* -- the calls -------------------------------------------------------------------------------- */

void attempts_listen(struct attempts *s, uint64_t wormhole, uint64_t attempt)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopping && s->count < TRANSIT_ATTEMPTS_MAX && find(s, wormhole, attempt) == NULL &&
        append(s, wormhole, attempt))
        start_workers(s);
    pthread_mutex_unlock(&s->lock);
}

void attempts_start(struct attempts *s, uint64_t wormhole, uint64_t attempt,
                    const struct transit_plan *plan)
{
    pthread_mutex_lock(&s->lock);
    struct attempt *a = find(s, wormhole, attempt);
    if (a != NULL && a->plan == NULL) {
        a->plan = malloc(sizeof(*a->plan));
        if (a->plan != NULL)
            memcpy(a->plan, plan, sizeof(*a->plan));
        else
            cancel(a);
        if (a->taken)
            stream_poke(&a->stream);
    }
    pthread_mutex_unlock(&s->lock);
}

void attempts_cancel(struct attempts *s, uint64_t wormhole, uint64_t attempt)
{
    pthread_mutex_lock(&s->lock);
    struct attempt *a = find(s, wormhole, attempt);
    if (a != NULL)
        cancel(a);
    pthread_mutex_unlock(&s->lock);
}

void attempts_wake(struct attempts *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct attempt *a = s->first; a != NULL; a = a->next)
        if (a->taken)
            stream_poke(&a->stream);
    pthread_mutex_unlock(&s->lock);
}

void attempts_pump(struct attempts *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopping)
        start_workers(s);
    pthread_mutex_unlock(&s->lock);
}

static void join_worker(struct attempts *s, struct worker *w)
{
    pthread_mutex_lock(&s->lock);
    bool started = w->state != WORKER_NONE;
    pthread_mutex_unlock(&s->lock);
    if (started)
        pthread_join(w->thread, NULL);
    w->state = WORKER_NONE;
}

void attempts_stop(struct attempts *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct attempt *a = s->first; a != NULL; a = a->next)
        cancel(a);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < NET_TRANSIT_MAX; i++)
        join_worker(s, &s->workers[i]);
    /* Those that no thread could be started for. */
    while (s->first != NULL) {
        struct attempt *a = s->first;
        a->stream.fd = -1;
        a->stream.wake_fd = -1;
        finish(s, a);
    }
}
