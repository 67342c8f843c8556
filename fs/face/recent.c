#include "fs/face/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include "fs/face/limits.h"
#include "store/error.h"

struct seen {
    struct writer_id process; /* pid 0: unused */
    uint64_t wormhole;
    unsigned open;
    bool told;
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

enum deed { DID_OPEN, DID_CLOSE, DID_CHANGE };

/* A close may come late, after the code was read: it is no change. */
static void count_deed(struct seen *s, enum deed deed)
{
    switch (deed) {
    case DID_OPEN:
        s->open++;
        break;
    case DID_CLOSE:
        if (s->open > 0)
            s->open--;
        break;
    case DID_CHANGE:
        s->told = false;
        break;
    }
}

static void note(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                 int64_t now_ms, enum deed deed)
{
    if (process->pid <= 0 || wormhole == 0)
        return;
    pthread_mutex_lock(&r->lock);
    struct seen *s = find(r, process, wormhole);
    if (!s && deed != DID_CLOSE && (s = spare(r)))
        *s = (struct seen){.process = *process, .wormhole = wormhole};
    if (s) {
        s->last_ms = now_ms;
        count_deed(s, deed);
    }
    pthread_mutex_unlock(&r->lock);
}

void recent_opened(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms)
{
    note(r, process, wormhole, now_ms, DID_OPEN);
}

void recent_closed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms)
{
    note(r, process, wormhole, now_ms, DID_CLOSE);
}

void recent_changed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                    int64_t now_ms)
{
    note(r, process, wormhole, now_ms, DID_CHANGE);
}

static bool in_line(const struct writer_id *line, size_t count, const struct writer_id *process)
{
    for (size_t i = 0; i < count; i++)
        if (writer_id_equal(&line[i], process))
            return true;
    return false;
}

void recent_told(struct recent *r, const struct writer_id *line, size_t count, uint64_t wormhole)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < FACE_PROCESSES_MAX; i++)
        if (r->all[i].wormhole == wormhole && in_line(line, count, &r->all[i].process))
            r->all[i].told = true;
    pthread_mutex_unlock(&r->lock);
}

struct recent_facts recent_get(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                               int64_t now_ms)
{
    struct recent_facts facts = {0};
    if (process->pid <= 0)
        return facts;
    pthread_mutex_lock(&r->lock);
    const struct seen *s = find(r, process, wormhole);
    if (s)
        facts =
            (struct recent_facts){.last_ms = s->open > 0 ? now_ms : s->last_ms, .told = s->told};
    pthread_mutex_unlock(&r->lock);
    return facts;
}
