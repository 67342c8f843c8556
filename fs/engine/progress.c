#include "fs/engine/progress.h"

#include <stdio.h>
#include <string.h>

enum { TELL_EVERY_MS = 1000, SERVER_KNOWN_MS = 60 * 1000 };

static void tell(struct engine *e, uint64_t wormhole)
{
    if (e->watch.changed != NULL)
        e->watch.changed(e->watch.arg, CHANGE_STATE, wormhole, 0, NULL, 0);
}

/* The slot, if `by` is its connection. Under live_lock. */
static struct slot *slot_by(struct engine *e, uint64_t wormhole, const struct stream *by)
{
    struct slot *s = slot_find(e, wormhole);
    return s != NULL && s->live.stream == by ? s : NULL;
}

void progress_here(struct engine *e, uint64_t wormhole, struct stream *by)
{
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL) {
        s->live.stream = by;
        s->live.sending = false; /* what the one before sent */
    }
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole);
}

bool progress_is_here(struct engine *e, uint64_t wormhole, const struct stream *by)
{
    pthread_mutex_lock(&e->live_lock);
    bool here = slot_by(e, wormhole, by) != NULL;
    pthread_mutex_unlock(&e->live_lock);
    return here;
}

void progress_gone(struct engine *e, uint64_t wormhole, const struct stream *by)
{
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL) {
        s->live.stream = NULL;
        s->live.sending = false;
    }
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole);
}

void progress_begin(struct engine *e, uint64_t wormhole, const struct stream *by, uint64_t entry,
                    const char *name, uint64_t size, uint64_t done)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL) {
        s->live.sending = true;
        s->live.sending_entry = entry;
        snprintf(s->live.sending_name, sizeof s->live.sending_name, "%s", name);
        s->live.sending_size = size;
        s->live.sending_done = done;
        s->live.rate_since_ms = now_ms;
        s->live.rate_since_bytes = done;
        s->live.bytes_per_s = 0;
    }
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole);
}

void progress_is(struct engine *e, uint64_t wormhole, const struct stream *by, uint64_t done)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    bool due = false;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL && s->live.sending) {
        struct live *l = &s->live;
        int64_t passed_ms = now_ms - l->rate_since_ms;
        l->sending_done =
            done < l->sending_size ? done : l->sending_size; /* it is the peer's word */
        if (passed_ms < 0) { /* the clock was set back: measure anew */
            l->rate_since_ms = now_ms;
            l->rate_since_bytes = done;
        }
        if (passed_ms >= TELL_EVERY_MS) {
            uint64_t bytes = done > l->rate_since_bytes ? done - l->rate_since_bytes : 0;
            l->bytes_per_s = (double)bytes * 1000.0 / (double)passed_ms;
            l->rate_since_ms = now_ms;
            l->rate_since_bytes = done;
            due = true;
        }
    }
    pthread_mutex_unlock(&e->live_lock);
    if (due)
        tell(e, wormhole);
}

void progress_end(struct engine *e, uint64_t wormhole, const struct stream *by)
{
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL)
        s->live.sending = false;
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole);
}

/* ---- looking ---- */

static bool any_link(const struct live *l)
{
    for (int link = 0; link < LINK_COUNT; link++)
        if (l->link_up[link])
            return true;
    return false;
}

void engine_status(struct engine *e, uint64_t wormhole, struct engine_status *out)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&e->live_lock);
    const struct slot *s = slot_find(e, wormhole);
    if (s != NULL) {
        const struct live *l = &s->live;
        out->here_now = l->stream != NULL;
        out->connected = any_link(l);
        out->last_heard_ms = l->last_heard_ms;
        out->sending = l->sending;
        memcpy(out->sending_name, l->sending_name, sizeof out->sending_name);
        out->sending_done = l->sending_done;
        out->sending_size = l->sending_size;
        out->bytes_per_s = l->bytes_per_s;
        memcpy(out->trouble, l->trouble, sizeof out->trouble);
        setback_say(&s->setback, out->setback);
    }
    pthread_mutex_unlock(&e->live_lock);
}

uint64_t engine_acked_bytes(struct engine *e, uint64_t entry)
{
    uint64_t done = 0;
    pthread_mutex_lock(&e->live_lock);
    for (size_t i = 0; i < SLOT_BUCKETS; i++)
        for (const struct slot *s = e->buckets[i]; s != NULL; s = s->next)
            if (s->live.sending && s->live.sending_entry == entry)
                done = s->live.sending_done;
    pthread_mutex_unlock(&e->live_lock);
    return done;
}

static bool known_to(const struct live *l, int64_t now_ms)
{
    return any_link(l) || (l->link_lost_ms != 0 && now_ms - l->link_lost_ms < SERVER_KNOWN_MS);
}

bool engine_server_known(struct engine *e)
{
    bool known = false;
    int64_t now_ms = e->out.now_ms(e->out.arg);
    pthread_mutex_lock(&e->live_lock);
    for (size_t i = 0; i < SLOT_BUCKETS && !known; i++)
        for (const struct slot *s = e->buckets[i]; s != NULL && !known; s = s->next)
            known = known_to(&s->live, now_ms);
    pthread_mutex_unlock(&e->live_lock);
    return known;
}
