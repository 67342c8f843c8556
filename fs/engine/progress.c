#include "fs/engine/progress.h"

#include <stdio.h>
#include <string.h>
#include "fs/engine/limits.h"
#include "store/entries.h"
#include "store/queues.h"

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

/* Its place in the ring, or NULL. Under live_lock. */
static struct acked *acked_find(struct live *l, const uint8_t *rev)
{
    for (size_t i = 0; i < PROGRESS_ACKED_MAX && i < l->acked_count; i++)
        if (memcmp(l->acked[i].rev, rev, REV_BYTES) == 0)
            return &l->acked[i];
    return NULL;
}

static void acked_begin(struct live *l, const uint8_t *rev, uint64_t bytes)
{
    struct acked *a = acked_find(l, rev);
    if (a == NULL)
        a = &l->acked[l->acked_count++ % PROGRESS_ACKED_MAX];
    memcpy(a->rev, rev, REV_BYTES);
    a->bytes = bytes;
}

void progress_begin(struct engine *e, uint64_t wormhole, const struct stream *by,
                    const uint8_t *rev, const char *name, uint64_t size, uint64_t done)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL) {
        s->live.sending = true;
        snprintf(s->live.sending_name, sizeof s->live.sending_name, "%s", name);
        s->live.sending_size = size;
        s->live.sending_done = done;
        s->live.rate_since_ms = now_ms;
        s->live.rate_since_bytes = done;
        s->live.bytes_per_s = 0;
        s->live.rate_first = true;
        if (rev != NULL)
            acked_begin(&s->live, rev, done);
    }
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole);
}

void progress_acked(struct engine *e, uint64_t wormhole, const struct stream *by,
                    const uint8_t rev[static REV_BYTES], uint64_t bytes)
{
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    struct acked *a = s != NULL ? acked_find(&s->live, rev) : NULL;
    if (a != NULL)
        a->bytes = bytes;
    pthread_mutex_unlock(&e->live_lock);
}

void progress_forget(struct engine *e, uint64_t wormhole)
{
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL)
        s->live.acked_count = 0;
    pthread_mutex_unlock(&e->live_lock);
}

static int record(struct turn *t, const struct acked *a)
{
    struct revision r;
    int err = revision_get(turn_view(t), a->rev, &r);
    if (err < 0 || r.acked_bytes == a->bytes)
        return err == STORE_ERR_NOT_FOUND ? 0 : err; /* decided, or withdrawn */
    r.acked_bytes = a->bytes;
    return revision_put(t, &r);
}

void progress_record(struct engine *e, uint64_t wormhole)
{
    struct acked all[PROGRESS_ACKED_MAX];
    size_t count = 0;
    struct turn *t;
    pthread_mutex_lock(&e->live_lock);
    const struct slot *s = slot_find(e, wormhole);
    if (s != NULL) {
        count = s->live.acked_count < PROGRESS_ACKED_MAX ? s->live.acked_count : PROGRESS_ACKED_MAX;
        memcpy(all, s->live.acked, count * sizeof all[0]);
    }
    pthread_mutex_unlock(&e->live_lock);
    if (count == 0 || turn_begin_relief(e->store, &t) < 0)
        return;
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++)
        err = record(t, &all[i]);
    if (err == 0)
        (void)turn_checkpoint(t); /* it is for people: what is lost is heard again */
    else
        turn_abort(t);
}

static double rate(uint64_t from, uint64_t to, int64_t passed_ms)
{
    return to > from ? (double)(to - from) * 1000.0 / (double)passed_ms : 0;
}

/* Of the last full window; before there was one, of what has passed of it. True: one is full. */
static bool measure(struct live *l, uint64_t done, int64_t now_ms)
{
    int64_t passed_ms = now_ms - l->rate_since_ms;
    bool full = passed_ms >= PROGRESS_TELL_EVERY_MS;
    if (full || (l->rate_first && passed_ms > 0))
        l->bytes_per_s = rate(l->rate_since_bytes, done, passed_ms);
    if (full || passed_ms < 0) { /* the clock was set back: measure anew */
        l->rate_since_ms = now_ms;
        l->rate_since_bytes = done;
    }
    l->rate_first = l->rate_first && !full;
    return full;
}

void progress_is(struct engine *e, uint64_t wormhole, const struct stream *by, uint64_t done)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    bool due = false;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_by(e, wormhole, by);
    if (s != NULL && s->live.sending) {
        struct live *l = &s->live;
        l->sending_done =
            done < l->sending_size ? done : l->sending_size; /* it is the peer's word */
        due = measure(l, done, now_ms);
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
        if (l->connection[link] != 0)
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

uint64_t engine_acked_bytes(struct engine *e, struct view *v, const struct entry *entry)
{
    struct revision r;
    if (entry->state == ENTRY_SENT)
        return entry->rev_size;
    if (entry->state != ENTRY_SEALED)
        return 0;
    uint64_t bytes = revision_get(v, entry->rev, &r) == 0 ? r.acked_bytes : 0;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, entry->wormhole);
    const struct acked *a = s != NULL ? acked_find(&s->live, entry->rev) : NULL;
    if (a != NULL)
        bytes = a->bytes;
    pthread_mutex_unlock(&e->live_lock);
    return bytes < entry->rev_size ? bytes : entry->rev_size; /* a parcel is a little larger */
}

static bool known_to(const struct live *l, int64_t now_ms)
{
    return any_link(l) ||
           (l->link_lost_ms != 0 && now_ms - l->link_lost_ms < PROGRESS_SERVER_KNOWN_MS);
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
