#include "fs/face/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include "fs/face/limits.h"
#include "store/error.h"

struct seen {
    struct writer_id process; /* pid 0: unused */
    uint64_t wormhole;
    unsigned open;
    int64_t last_ms;
};

struct recent {
    pthread_mutex_t lock;
    struct seen all[FACE_PROCESSES_MAX];
};

int recent_open(struct recent **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return STORE_ERR_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return 0;
}

void recent_close(struct recent *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct seen *find(struct recent *r, const struct writer_id *process, uint64_t wormhole)
{
    for (size_t i = 0; i < FACE_PROCESSES_MAX; i++)
        if (writer_id_equal(&r->all[i].process, process) && r->all[i].wormhole == wormhole)
            return &r->all[i];
    return NULL;
}

/* The unused or the longest idle row; NULL if all have files open. */
static struct seen *spare(struct recent *r)
{
    struct seen *best = NULL;
    for (size_t i = 0; i < FACE_PROCESSES_MAX; i++) {
        struct seen *s = &r->all[i];
        if (s->process.pid == 0)
            return s;
        if (s->open == 0 && (!best || s->last_ms < best->last_ms))
            best = s;
    }
    return best;
}

static void note(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                 int64_t now_ms, int open)
{
    if (process->pid <= 0 || wormhole == 0)
        return;
    pthread_mutex_lock(&r->lock);
    struct seen *s = find(r, process, wormhole);
    if (!s && open >= 0 && (s = spare(r)))
        *s = (struct seen){.process = *process, .wormhole = wormhole};
    if (s) {
        s->last_ms = now_ms;
        if (open > 0)
            s->open++;
        else if (open < 0 && s->open > 0)
            s->open--;
    }
    pthread_mutex_unlock(&r->lock);
}

void recent_opened(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms)
{
    note(r, process, wormhole, now_ms, 1);
}

void recent_closed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms)
{
    note(r, process, wormhole, now_ms, -1);
}

void recent_changed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                    int64_t now_ms)
{
    note(r, process, wormhole, now_ms, 0);
}

int64_t recent_last(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                    int64_t now_ms)
{
    int64_t last = 0;
    if (process->pid <= 0)
        return 0;
    pthread_mutex_lock(&r->lock);
    const struct seen *s = find(r, process, wormhole);
    if (s)
        last = s->open > 0 ? now_ms : s->last_ms;
    pthread_mutex_unlock(&r->lock);
    return last;
}
