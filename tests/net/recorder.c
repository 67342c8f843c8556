#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

void recorder_init(struct recorder *r)
{
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->next_tick_ms = INT64_MAX;
}

void recorder_release(struct recorder *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->records[i].text);
        free(r->records[i].hints);
    }
    free(r->records);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

static void keep(struct recorder *r, struct record record)
{
    if (r->count == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 64;
        r->records = realloc(r->records, r->cap * sizeof(*r->records));
        if (r->records == NULL)
            abort();
    }
    r->records[r->count++] = record;
}

static void add(struct recorder *r, struct record record, const char *text, size_t len)
{
    pthread_mutex_lock(&r->lock);
    r->counts[record.kind]++;
    if (!r->counts_only) {
        record.text = calloc(1, len + 1);
        if (record.text == NULL)
            abort();
        memcpy(record.text, text, len);
        record.len = len;
        keep(r, record);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void link_up(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    add(arg, (struct record){.kind = RECORD_UP, .wormhole = wormhole, .which = link}, "", 0);
}

static void link_down(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    add(arg, (struct record){.kind = RECORD_DOWN, .wormhole = wormhole, .which = link}, "", 0);
}

static void link_received(void *arg, uint64_t wormhole, enum wormhole_link link, const char *text,
                          size_t len)
{
    add(arg, (struct record){.kind = RECORD_RECEIVED, .wormhole = wormhole, .which = link}, text,
        len);
}

static void link_failed(void *arg, uint64_t wormhole, enum wormhole_link link, const char *why)
{
    add(arg, (struct record){.kind = RECORD_FAILED, .wormhole = wormhole, .which = link}, why,
        strlen(why));
}

static void transit_hints(void *arg, uint64_t wormhole, uint64_t attempt,
                          const struct hint_list *direct)
{
    struct hint_list *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        abort();
    *copy = *direct;
    add(arg,
        (struct record){
            .kind = RECORD_HINTS, .wormhole = wormhole, .which = attempt, .hints = copy},
        "", 0);
}

static void transit_session(void *arg, uint64_t wormhole, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream)
{
    struct recorder *r = arg;
    const char *kind = stream_kind(stream);

    add(r, (struct record){.kind = RECORD_SESSION, .wormhole = wormhole, .which = attempt}, kind,
        strlen(kind));
    if (r->session != NULL)
        r->session(r->session_arg, wormhole, plan, stream);
}

static void transit_down(void *arg, uint64_t wormhole, uint64_t attempt)
{
    add(arg, (struct record){.kind = RECORD_TRANSIT_DOWN, .wormhole = wormhole, .which = attempt},
        "", 0);
}

static int64_t tick(void *arg, int64_t now_ms)
{
    struct recorder *r = arg;

    (void)now_ms;
    int64_t next_ms = r->next_tick_ms;
    r->next_tick_ms = INT64_MAX;
    add(r, (struct record){.kind = RECORD_TICK}, "", 0);
    return next_ms;
}

struct net_callbacks recorder_callbacks(struct recorder *r)
{
    return (struct net_callbacks){.arg = r,
                                  .link_up = link_up,
                                  .link_down = link_down,
                                  .link_received = link_received,
                                  .link_failed = link_failed,
                                  .transit_hints = transit_hints,
                                  .transit_session = transit_session,
                                  .transit_down = transit_down,
                                  .tick = tick};
}

static struct timespec deadline_in(int timeout_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool matches(const struct record *at, enum record_kind kind, uint64_t wormhole,
                    uint64_t which, const char *part)
{
    return at->kind == kind && at->wormhole == wormhole && at->which == which &&
           (part == NULL || strstr(at->text, part) != NULL);
}

static struct record *find(struct recorder *r, enum record_kind kind, uint64_t wormhole,
                           uint64_t which, const char *part)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->records[i].taken && matches(&r->records[i], kind, wormhole, which, part))
            return &r->records[i];
    return NULL;
}

size_t recorder_count_of(struct recorder *r, enum record_kind kind, uint64_t wormhole,
                         uint64_t which, const char *part)
{
    size_t count = 0;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        count += matches(&r->records[i], kind, wormhole, which, part);
    pthread_mutex_unlock(&r->lock);
    return count;
}

static void print_all(struct recorder *r)
{
    for (size_t i = 0; i < r->count; i++)
        print_message("# recorded%s: kind %d wormhole %llu which %llu %.120s\n",
                      r->records[i].taken ? " (taken)" : "", (int)r->records[i].kind,
                      (unsigned long long)r->records[i].wormhole,
                      (unsigned long long)r->records[i].which, r->records[i].text);
}

struct record recorder_wait(struct recorder *r, enum record_kind kind, uint64_t wormhole,
                            uint64_t which, const char *part, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    struct record *found, copy = {0};

    pthread_mutex_lock(&r->lock);
    while ((found = find(r, kind, wormhole, which, part)) == NULL)
        if (pthread_cond_timedwait(&r->changed, &r->lock, &deadline) != 0)
            break;
    if (found != NULL) {
        found->taken = true;
        copy = *found;
    } else
        print_all(r);
    pthread_mutex_unlock(&r->lock);
    if (found == NULL)
        fail_msg("waited %d ms for kind %d of (%llu, %llu) with \"%s\"", timeout_ms, (int)kind,
                 (unsigned long long)wormhole, (unsigned long long)which, part != NULL ? part : "");
    return copy;
}

size_t recorder_count(struct recorder *r, enum record_kind kind)
{
    pthread_mutex_lock(&r->lock);
    size_t count = r->counts[kind];
    pthread_mutex_unlock(&r->lock);
    return count;
}

void recorder_wait_count(struct recorder *r, enum record_kind kind, size_t count, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);

    pthread_mutex_lock(&r->lock);
    while (r->counts[kind] < count)
        if (pthread_cond_timedwait(&r->changed, &r->lock, &deadline) != 0)
            break;
    size_t reached = r->counts[kind];
    pthread_mutex_unlock(&r->lock);
    if (reached < count)
        fail_msg("waited %d ms for %zu of kind %d, got %zu", timeout_ms, count, (int)kind, reached);
}
