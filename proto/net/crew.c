#include "proto/net/crew.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/bytes.h"
#include "proto/net/limits.h"
#include "proto/net/race.h"
#include "proto/net/stream_own.h"
#include "proto/net/tcp.h"
#include "proto/net/thread.h"
#include "proto/transit.h"

enum crew_attempt_state {
    CREW_NEW,     /* waits for a thread, to listen */
    CREW_TELLING, /* has one: listens, and says where */
    CREW_PARKED,  /* needs none until there is a plan */
    CREW_READY,   /* waits for a thread, to race, or only to end */
    CREW_RUNNING, /* has one, and a stream */
};

struct crew_attempt {
    struct crew *crew;
    struct crew_attempt *next;
    uint64_t wormhole;
    uint64_t number;
    enum crew_attempt_state state;
    bool cancelled;
    struct tcp_listener listener; /* its thread's while it has one, else the lock's */
    struct transit_plan *plan;    /* NULL until it is started; a secret */
    struct stream stream;
    /* RUNNING: what it moves in the time that its session waits for the peer. */
    bool waited;          /* when it was last looked at */
    int64_t waited_ms;    /* in the present window, which is whole after CREW_TURN_MS */
    uint64_t begin_bytes; /* what the stream had moved when it began */
    uint64_t last_bytes;  /* what it moved in the window before, up to CREW_TURN_BYTES */
};

void crew_init(struct crew *s, const struct net_callbacks *callbacks, struct resolver *resolver,
               bool listen)
{
    memset(s, 0, sizeof(*s));
    s->callbacks = callbacks;
    s->resolver = resolver;
    s->listen = listen;
    pthread_mutex_init(&s->lock, NULL);
}

void crew_release(struct crew *s)
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

static struct crew_attempt *find(struct crew *s, uint64_t wormhole, uint64_t number)
{
    struct crew_attempt *a = s->first;

    while (a != NULL && (a->wormhole != wormhole || a->number != number))
        a = a->next;
    return a;
}

static bool append(struct crew *s, uint64_t wormhole, uint64_t number)
{
    struct crew_attempt **end = &s->first;

    struct crew_attempt *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return false;
    a->crew = s;
    a->listener = (struct tcp_listener){.v4_fd = -1, .v6_fd = -1};
    a->wormhole = wormhole;
    a->number = number;
    while (*end != NULL)
        end = &(*end)->next;
    *end = a;
    s->count++;
    s->waiting++;
    return true;
}

static void unlink_attempt(struct crew *s, struct crew_attempt *gone)
{
    struct crew_attempt **at = &s->first;

    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    s->count--;
}

static void make_ready(struct crew_attempt *a)
{
    a->state = CREW_READY;
    a->crew->waiting++;
}

/* The longest without a plan loses its port if there are too many. It can still dial the peer, and
 * both of them the relay. */
static void bound_ports(struct crew *s)
{
    struct crew_attempt *oldest = NULL;
    size_t ports = 0;

    for (struct crew_attempt *a = s->first; a != NULL; a = a->next) {
        if (a->state != CREW_PARKED || a->listener.port == 0)
            continue;
        ports++;
        if (oldest == NULL)
            oldest = a;
    }
    if (ports > CREW_PORTS_MAX)
        tcp_listen_close(&oldest->listener);
}

/* It has told, and does without a thread until there is something to do. Meanwhile the kernel
 * completes connections that come in, and keeps what they say. */
static void park(struct crew_attempt *a)
{
    if (a->plan != NULL || a->cancelled) {
        make_ready(a);
        return;
    }
    a->state = CREW_PARKED;
    bound_ports(a->crew);
}

static void cancel(struct crew_attempt *a)
{
    a->cancelled = true;
    switch (a->state) {
    case CREW_NEW:
        a->state = CREW_READY; /* it waited before */
        break;
    case CREW_PARKED:
        tcp_listen_close(&a->listener);
        make_ready(a);
        break;
    case CREW_READY:
        tcp_listen_close(&a->listener);
        break;
    case CREW_RUNNING:
        stream_break(&a->stream);
        break;
    case CREW_TELLING:
        break;
    }
}

/* -- one attempt, on its thread --------------------------------------------------------------- */

static bool is_cancelled(void *arg)
{
    struct crew_attempt *a = arg;

    pthread_mutex_lock(&a->crew->lock);
    bool cancelled = a->cancelled;
    pthread_mutex_unlock(&a->crew->lock);
    return cancelled;
}

static void drain(void *arg)
{
    stream_drain_wakes(&((struct crew_attempt *)arg)->stream);
}

static void announce(struct crew_attempt *a)
{
    const struct net_callbacks *callbacks = a->crew->callbacks;
    struct hint_list *direct = calloc(1, sizeof(*direct));

    /* Without memory for a list it is still an answer that there is nothing. */
    static const struct hint_list nothing;
    if (direct != NULL)
        tcp_listen_hints(&a->listener, direct);
    callbacks->transit_hints(callbacks->arg, a->wormhole, a->number,
                             direct != NULL ? direct : &nothing);
    free(direct);
}

static void tell(struct crew_attempt *a)
{
    if (a->crew->listen)
        tcp_listen(&a->listener);
    announce(a);
    pthread_mutex_lock(&a->crew->lock);
    park(a);
    pthread_mutex_unlock(&a->crew->lock);
}

static void run_session(struct crew_attempt *a, int fd, const char *kind)
{
    const struct net_callbacks *callbacks = a->crew->callbacks;

    stream_attach(&a->stream, fd, kind);
    callbacks->transit_session(callbacks->arg, a->wormhole, a->number, a->plan, &a->stream);
}

static void draw_side(char side[static TRANSIT_SIDE_LEN + 1])
{
    uint8_t random[TRANSIT_SIDE_LEN / 2];

    randombytes_buf(random, sizeof(random));
    hex_encode(side, random, sizeof(random));
}

static void run_attempt(struct crew_attempt *a)
{
    char side[TRANSIT_SIDE_LEN + 1];
    struct race_options options = {.plan = a->plan,
                                   .listener = &a->listener,
                                   .resolver = a->crew->resolver,
                                   .relay_side = side};
    struct race_owner owner = {
        .wake_fd = a->stream.wake_fd, .drain = drain, .stopped = is_cancelled, .arg = a};
    const char *kind = "";

    draw_side(side);
    int fd = race_run(&options, &owner, &kind);
    tcp_listen_close(&a->listener);
    if (fd >= 0)
        run_session(a, fd, kind);
}

/* -- the threads ------------------------------------------------------------------------------ */

static bool is_waiting(const struct crew_attempt *a)
{
    return a->state == CREW_NEW || a->state == CREW_READY;
}

static void begin_running(struct crew_attempt *a)
{
    a->state = CREW_RUNNING;
    a->last_bytes = CREW_TURN_BYTES; /* until a window was whole: as if it had been enough */
    /* Out of descriptors: no connection could be had either. */
    if (stream_init(&a->stream) != 0)
        a->cancelled = true;
}

/* Gives the oldest waiting attempt to the calling thread. One that is ready is older than all that
 * have yet to listen: it was before them when it did. */
static struct crew_attempt *take(struct crew *s)
{
    struct crew_attempt *a = s->first;

    while (a != NULL && !is_waiting(a))
        a = a->next;
    if (a == NULL)
        return NULL;
    s->waiting--;
    if (a->state == CREW_READY)
        begin_running(a);
    else
        a->state = CREW_TELLING;
    return a;
}

static void finish(struct crew *s, struct crew_attempt *a)
{
    pthread_mutex_lock(&s->lock);
    unlink_attempt(s, a);
    pthread_mutex_unlock(&s->lock);
    tcp_listen_close(&a->listener);
    if (a->state == CREW_RUNNING)
        stream_release(&a->stream);
    s->callbacks->transit_down(s->callbacks->arg, a->wormhole, a->number);
    free_plan(a->plan);
    free(a);
}

static void *run_worker(void *arg)
{
    struct crew_worker *worker = arg;
    struct crew *s = worker->crew;
    struct crew_attempt *a;

    pthread_mutex_lock(&s->lock);
    s->starting--;
    while ((a = take(s)) != NULL) {
        bool telling = a->state == CREW_TELLING, cancelled = a->cancelled;
        pthread_mutex_unlock(&s->lock);
        if (telling) {
            tell(a);
        } else {
            if (!cancelled)
                run_attempt(a);
            finish(s, a);
        }
        pthread_mutex_lock(&s->lock);
    }
    worker->state = WORKER_ENDED;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* A thread for each that waits, as long as there are places. Lock held. */
static void start_workers(struct crew *s)
{
    for (size_t i = 0; i < NET_TRANSIT_MAX && s->starting < s->waiting; i++) {
        struct crew_worker *w = &s->workers[i];
        if (w->state == WORKER_RUNNING)
            continue;
        if (w->state == WORKER_ENDED)
            pthread_join(w->thread, NULL); /* it has given up the lock for good */
        w->crew = s;
        w->state = WORKER_NONE;
        if (thread_start(&w->thread, TRANSIT_STACK_BYTES, run_worker, w) != 0)
            return;
        w->state = WORKER_RUNNING;
        s->starting++;
    }
}

/* -- who has to make room; lock held ---------------------------------------------------------- */

static uint64_t up_to_enough(uint64_t bytes)
{
    return bytes < CREW_TURN_BYTES ? bytes : CREW_TURN_BYTES;
}

/* In the present window. */
static uint64_t moved_now(const struct crew_attempt *a)
{
    return up_to_enough(stream_moved(&a->stream) - a->begin_bytes);
}

/* In the last whole window and since. */
static uint64_t moved(const struct crew_attempt *a)
{
    return a->last_bytes + moved_now(a);
}

static void begin_window(struct crew_attempt *a)
{
    a->last_bytes = moved_now(a);
    a->begin_bytes = stream_moved(&a->stream);
    a->waited_ms = 0;
}

/* A step counts for who waited at both its ends. */
static void look(struct crew_attempt *a, int64_t step_ms)
{
    bool waited = a->waited;

    a->waited = stream_is_waiting(&a->stream);
    if (waited && a->waited)
        a->waited_ms += step_ms;
    if (a->waited_ms >= CREW_TURN_MS)
        begin_window(a);
}

static void look_at_all(struct crew *s, int64_t now_ms)
{
    int64_t step_ms = now_ms - s->seen_ms;

    s->seen_ms = now_ms;
    if (step_ms < 0)
        step_ms = 0;
    if (step_ms > CREW_STEP_MAX_MS)
        step_ms = CREW_STEP_MAX_MS;
    for (struct crew_attempt *a = s->first; a != NULL; a = a->next)
        if (a->state == CREW_RUNNING)
            look(a, step_ms);
}

static bool is_quiet(const struct crew_attempt *a)
{
    return a->state == CREW_RUNNING && !a->cancelled && stream_is_waiting(&a->stream) &&
           moved(a) < CREW_TURN_BYTES;
}

/* What a stock peer has had of a transfer is of no use in another one. */
static bool is_less_of_a_loss(const struct crew_attempt *a, const struct crew_attempt *than)
{
    if (a->plan->classic != than->plan->classic)
        return than->plan->classic;
    return moved(a) < moved(than);
}

static struct crew_attempt *least_loss(const struct crew *s)
{
    struct crew_attempt *least = NULL;

    for (struct crew_attempt *a = s->first; a != NULL; a = a->next)
        if (is_quiet(a) && (least == NULL || is_less_of_a_loss(a, least)))
            least = a;
    return least;
}

/* How many threads are wanted more than there are, or soon will be. One listens for all that have
 * yet to: that takes no time, and then they may not need one for long. */
static size_t count_lacking(const struct crew *s)
{
    size_t ready = 0, soon = s->starting;
    bool some_new = false;

    for (const struct crew_attempt *a = s->first; a != NULL; a = a->next) {
        ready += a->state == CREW_READY && !a->cancelled;
        some_new = some_new || a->state == CREW_NEW;
        soon += a->state == CREW_TELLING || (a->state == CREW_RUNNING && a->cancelled);
    }
    size_t wanted = ready + some_new;
    return wanted > soon ? wanted - soon : 0;
}

static void make_room(struct crew *s)
{
    size_t lacking = s->waiting > s->starting ? count_lacking(s) : 0;
    struct crew_attempt *a;

    for (; lacking > 0 && (a = least_loss(s)) != NULL; lacking--)
        cancel(a);
}

static void serve(struct crew *s)
{
    if (s->stopping)
        return;
    start_workers(s);
    make_room(s);
}

/* -- the calls -------------------------------------------------------------------------------- */

void crew_listen(struct crew *s, uint64_t wormhole, uint64_t attempt)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stopping && s->count < TRANSIT_ATTEMPTS_MAX && find(s, wormhole, attempt) == NULL &&
        append(s, wormhole, attempt))
        serve(s);
    pthread_mutex_unlock(&s->lock);
}

void crew_start(struct crew *s, uint64_t wormhole, uint64_t attempt,
                const struct transit_plan *plan)
{
    pthread_mutex_lock(&s->lock);
    struct crew_attempt *a = find(s, wormhole, attempt);
    if (a != NULL && a->plan == NULL) {
        a->plan = malloc(sizeof(*a->plan));
        if (a->plan != NULL)
            memcpy(a->plan, plan, sizeof(*a->plan));
        else
            cancel(a);
        if (a->state == CREW_PARKED)
            make_ready(a);
        serve(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void crew_cancel(struct crew *s, uint64_t wormhole, uint64_t attempt)
{
    pthread_mutex_lock(&s->lock);
    for (struct crew_attempt *a = s->first; a != NULL; a = a->next)
        if (a->wormhole == wormhole && (attempt == 0 || a->number == attempt))
            cancel(a);
    serve(s);
    pthread_mutex_unlock(&s->lock);
}

void crew_wake(struct crew *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct crew_attempt *a = s->first; a != NULL; a = a->next)
        if (a->state == CREW_RUNNING)
            stream_poke(&a->stream);
    pthread_mutex_unlock(&s->lock);
}

void crew_pump(struct crew *s, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    if (now_ms < s->seen_ms || now_ms - s->seen_ms >= CREW_STEP_MIN_MS)
        look_at_all(s, now_ms);
    serve(s);
    pthread_mutex_unlock(&s->lock);
}

static void join_worker(struct crew *s, struct crew_worker *w)
{
    pthread_mutex_lock(&s->lock);
    bool started = w->state != WORKER_NONE;
    pthread_mutex_unlock(&s->lock);
    if (started)
        pthread_join(w->thread, NULL);
    w->state = WORKER_NONE;
}

void crew_stop(struct crew *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct crew_attempt *a = s->first; a != NULL; a = a->next)
        cancel(a);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < NET_TRANSIT_MAX; i++)
        join_worker(s, &s->workers[i]);
    /* Those that had no thread. */
    while (s->first != NULL)
        finish(s, s->first);
}
