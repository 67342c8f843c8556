#include "proto/net/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/net/clock.h"
#include "proto/net/thread.h"

enum name_state { NAME_WAITING, NAME_RUNNING, NAME_DONE };

/* A name that was asked for. Its thread refers to it, so it stays while NAME_RUNNING. */
struct name {
    struct name *next;
    char *host;
    enum name_state state;
    bool urgent;
    bool stale;       /* forgotten by resolve_forget */
    bool given_up;    /* nobody waits for it since the latest resolve_give_up */
    int64_t asked_ms; /* latest question */
    int64_t done_ms;
    struct resolve_answer answer;
};

struct resolver {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a thread has */
    struct name *names;
    size_t count;
    unsigned threads;
    bool abandoned; /* freed while threads ran: the last of them destroys it */
    void (*changed)(void *arg);
    void *arg;
};

struct resolver *resolve_new(void (*changed)(void *arg), void *arg)
{
    pthread_condattr_t monotonic;

    struct resolver *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->changed = changed;
    r->arg = arg;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return r;
}

static void free_name(struct name *n)
{
    free(n->host);
    free(n);
}

static void destroy(struct resolver *r)
{
    while (r->names != NULL) {
        struct name *n = r->names;
        r->names = n->next;
        free_name(n);
    }
    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct timespec deadline_in(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

void resolve_silence(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    r->changed = NULL;
    pthread_mutex_unlock(&r->lock);
}

void resolve_free(struct resolver *r)
{
    if (r == NULL)
        return;
    struct timespec deadline = deadline_in(RESOLVE_STOP_MS);
    resolve_silence(r);
    pthread_mutex_lock(&r->lock);
    while (r->threads > 0 && pthread_cond_timedwait(&r->ended, &r->lock, &deadline) == 0)
        ;
    r->abandoned = r->threads > 0;
    bool unused = !r->abandoned;
    pthread_mutex_unlock(&r->lock);
    if (unused)
        destroy(r);
}

/* IPv4 and IPv6 take turns, beginning with the system's favourite, so that a family without a
 * route costs one try and not all of them. */
static void take_turns(struct resolve_answer *answer, const struct addrinfo *found)
{
    const struct addrinfo *favourite = found, *other = found;
    union address a;
    int family = found->ai_family;

    while (answer->count < RESOLVE_ADDRESSES_MAX && (favourite != NULL || other != NULL)) {
        while (favourite != NULL && favourite->ai_family != family)
            favourite = favourite->ai_next;
        while (other != NULL && other->ai_family == family)
            other = other->ai_next;
        if (favourite != NULL) {
            if (address_copy(&a, favourite->ai_addr))
                answer->at[answer->count++] = a;
            favourite = favourite->ai_next;
        }
        if (other != NULL) {
            if (answer->count < RESOLVE_ADDRESSES_MAX && address_copy(&a, other->ai_addr))
                answer->at[answer->count++] = a;
            other = other->ai_next;
        }
    }
}

/* Not with AI_ADDRCONFIG: without any but loopback addresses glibc would find nothing at all. */
static void look_up(const char *host, struct resolve_answer *answer)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

    *answer = (struct resolve_answer){.state = RESOLVE_FAILED};
    int err = getaddrinfo(host, NULL, &hints, &found);
    if (err != 0) {
        answer->why = gai_strerror(err);
        return;
    }
    take_turns(answer, found);
    freeaddrinfo(found);
    if (answer->count > 0)
        answer->state = RESOLVE_FOUND;
    else
        answer->why = "it has no usable address";
}

struct job {
    struct resolver *resolver;
    struct name *name;
};

static void *run(void *arg);

/* Lock held. */
static bool start_thread(struct resolver *r, struct name *n)
{
    pthread_t thread;
    struct job *job = malloc(sizeof(*job));

    if (job == NULL)
        return false;
    *job = (struct job){.resolver = r, .name = n};
    if (thread_start(&thread, 0, run, job) != 0) {
        free(job);
        return false;
    }
    pthread_detach(thread);
    r->threads++;
    n->state = NAME_RUNNING;
    return true;
}

static void fail_now(struct name *n)
{
    n->answer = (struct resolve_answer){.state = RESOLVE_FAILED, .why = "out of threads or memory"};
    n->state = NAME_DONE;
    n->done_ms = clock_mono_ms();
}

/* Lock held. */
static void start_waiting(struct resolver *r)
{
    const unsigned ordinary_max = RESOLVE_THREADS_MAX - RESOLVE_THREADS_RESERVED;

    for (struct name *n = r->names; n != NULL; n = n->next)
        if (n->state == NAME_WAITING && !n->given_up &&
            r->threads < (n->urgent ? (unsigned)RESOLVE_THREADS_MAX : ordinary_max))
            if (!start_thread(r, n))
                fail_now(n);
}

static void *run(void *arg)
{
    struct job job = *(struct job *)arg;
    struct resolver *r = job.resolver;
    struct resolve_answer answer;

    free(arg);
    look_up(job.name->host, &answer); /* host is not changed while NAME_RUNNING */
    pthread_mutex_lock(&r->lock);
    job.name->answer = answer;
    job.name->done_ms = clock_mono_ms();
    job.name->state = NAME_DONE;
    r->threads--;
    if (r->changed != NULL) {
        start_waiting(r);
        r->changed(r->arg);
    }
    bool last = r->abandoned && r->threads == 0;
    pthread_cond_broadcast(&r->ended);
    pthread_mutex_unlock(&r->lock);
    if (last)
        destroy(r);
    return NULL;
}

static struct name *find(struct resolver *r, const char *host)
{
    struct name *n = r->names;

    while (n != NULL && strcmp(n->host, host) != 0)
        n = n->next;
    return n;
}

/* Urgent names stay, whatever a peer lets us look up: without the server's no link comes back. */
static bool may_go(const struct name *n)
{
    return !n->urgent && (n->state == NAME_DONE || (n->state == NAME_WAITING && n->given_up));
}

/* What was given up is of no use to anybody; an answer still may be. */
static bool goes_before(const struct name *a, const struct name *b)
{
    if (a->state != b->state)
        return a->state == NAME_WAITING;
    return a->asked_ms < b->asked_ms;
}

static bool make_room(struct resolver *r)
{
    struct name **first = NULL;

    if (r->count < RESOLVE_NAMES_MAX)
        return true;
    for (struct name **at = &r->names; *at != NULL; at = &(*at)->next)
        if (may_go(*at) && (first == NULL || goes_before(*at, *first)))
            first = at;
    if (first == NULL)
        return false;
    struct name *n = *first;
    *first = n->next;
    r->count--;
    free_name(n);
    return true;
}

static struct name *add(struct resolver *r, const char *host, bool urgent)
{
    struct name **end = &r->names;

    if (!urgent && !make_room(r))
        return NULL;
    struct name *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->host = strdup(host);
    if (n->host == NULL) {
        free(n);
        return NULL;
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = n;
    r->count++;
    return n;
}

static bool is_fresh(const struct name *n, int64_t now_ms)
{
    int64_t age_ms = now_ms - n->done_ms;

    if (n->state != NAME_DONE)
        return false;
    if (age_ms < RESOLVE_KEEP_FAILED_MS)
        return true;
    return n->answer.state == RESOLVE_FOUND && !n->stale && age_ms < RESOLVE_KEEP_MS;
}

static void ask(struct resolver *r, const char *host, bool urgent, struct resolve_answer *answer)
{
    int64_t now_ms = clock_mono_ms();

    *answer = (struct resolve_answer){.state = RESOLVE_FAILED, .why = "too many names at once"};
    struct name *n = find(r, host);
    if (n == NULL)
        n = add(r, host, urgent);
    if (n == NULL)
        return;
    n->asked_ms = now_ms;
    n->urgent = n->urgent || urgent;
    n->given_up = false;
    if (n->state == NAME_DONE && !is_fresh(n, now_ms)) {
        n->state = NAME_WAITING;
        n->stale = false;
    }
    start_waiting(r);
    if (n->state == NAME_DONE)
        *answer = n->answer;
    else
        answer->state = RESOLVE_PENDING;
}

void resolve_lookup(struct resolver *r, const char *host, bool urgent,
                    struct resolve_answer *answer)
{
    if (address_parse(&answer->at[0], host)) {
        answer->state = RESOLVE_FOUND;
        answer->count = 1;
        answer->why = NULL;
        return;
    }
    pthread_mutex_lock(&r->lock);
    ask(r, host, urgent, answer);
    pthread_mutex_unlock(&r->lock);
}

void resolve_forget(struct resolver *r, const char *host)
{
    pthread_mutex_lock(&r->lock);
    struct name *n = find(r, host);
    if (n != NULL)
        n->stale = true;
    pthread_mutex_unlock(&r->lock);
}

void resolve_give_up(struct resolver *r, const char *host)
{
    pthread_mutex_lock(&r->lock);
    struct name *n = find(r, host);
    if (n != NULL)
        n->given_up = !n->urgent;
    pthread_mutex_unlock(&r->lock);
}
