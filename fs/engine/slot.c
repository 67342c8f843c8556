#include "fs/engine/slot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "fs/engine/outbox.h"
#include "fs/engine/stock.h"
#include "proto/error.h"
#include "store/queues.h"
#include "store/secrets.h"
#include "store/wormholes.h"

static size_t bucket_of(uint64_t wormhole)
{
    return (size_t)(wormhole % SLOT_BUCKETS);
}

struct slot *slot_find(struct engine *e, uint64_t wormhole)
{
    struct slot *s = e->buckets[bucket_of(wormhole)];
    while (s != NULL && s->id != wormhole)
        s = s->next;
    return s;
}

struct slot *slot_get(struct engine *e, uint64_t wormhole)
{
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->e = e;
    s->id = wormhole;
    s->retry_ms = INT64_MAX;
    s->deadline_ms = INT64_MAX;
    pthread_mutex_lock(&e->live_lock);
    s->next = e->buckets[bucket_of(wormhole)];
    e->buckets[bucket_of(wormhole)] = s;
    pthread_mutex_unlock(&e->live_lock);
    return s;
}

void slot_drop_machine(struct slot *s)
{
    boss_free(s->boss);
    s->boss = NULL;
    s->stale = false;
    s->want_bulk = false;
    notes_forget_refused(&s->notes);
}

static void free_slot(struct slot *s)
{
    slot_drop_machine(s);
    stock_free(s->stock);
    free(s);
}

void slot_free(struct slot *s)
{
    struct engine *e = s->e;
    struct slot **at = &e->buckets[bucket_of(s->id)];
    pthread_mutex_lock(&e->live_lock);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    pthread_mutex_unlock(&e->live_lock);
    free_slot(s);
}

void slots_release(struct engine *e)
{
    for (size_t i = 0; i < SLOT_BUCKETS; i++) {
        struct slot *s = e->buckets[i];
        while (s != NULL) {
            struct slot *next = s->next;
            free_slot(s);
            s = next;
        }
        e->buckets[i] = NULL;
    }
}

void engine_now(struct engine *e, struct now *now)
{
    now->ms = e->out.now_ms(e->out.arg);
    now->steady_ms = e->out.steady_ms != NULL ? e->out.steady_ms(e->out.arg) : 0;
    e->out.random(e->out.arg, now->seed, sizeof now->seed);
}

static bool is_too_far(int64_t at_ms, int64_t now_ms)
{
    return at_ms != INT64_MAX && at_ms > now_ms + SLOT_WAIT_MAX_MS;
}

void slot_follow_clock(struct slot *s, int64_t now_ms)
{
    if (is_too_far(s->retry_ms, now_ms))
        s->retry_ms = now_ms;
    if (is_too_far(s->stock_offer_ms, now_ms))
        s->stock_offer_ms = now_ms;
}

/* ---- restoring a machine ---- */

struct restoring {
    struct boss *boss;
    uint64_t mailbox;
    int err;
};

static int give_kept(void *arg, int64_t mailbox, const char *phase, const uint8_t *body, size_t len)
{
    struct restoring *r = arg;
    r->err = boss_restore_kept(r->boss, (uint64_t)mailbox, phase, body, len);
    return r->err;
}

static int give_message(void *arg, const struct message *m)
{
    struct restoring *r = arg;
    r->err = boss_restore_message(r->boss, m->number, m->incarnation, m->body, m->body_len);
    return r->err;
}

static int to_store_error(int proto_err)
{
    return proto_err == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_CORRUPT;
}

/* A restored machine is a disconnected one: what the old one had open is closed first. */
static void disconnect(struct slot *s, struct actions *actions)
{
    pthread_mutex_lock(&s->e->live_lock);
    for (int link = 0; link < LINK_COUNT; link++)
        s->closes[link]++; /* also the news that made us restore it is of the past */
    pthread_mutex_unlock(&s->e->live_lock);
    for (int link = 0; link < LINK_COUNT; link++)
        actions_add(actions, ACTION_LINK_CLOSE)->link = (enum wormhole_link)link;
    actions_add(actions, ACTION_TRANSIT_STOP)->number = SLOT_ATTEMPTS_ALL;
}

int slot_load(struct engine *e, struct turn *t, struct slot *s, struct now *now,
              struct actions *actions)
{
    if (s->gone)
        return STORE_ERR_NOT_FOUND;
    if (s->boss != NULL && !s->stale)
        return 0;
    if (s->stale)
        disconnect(s, actions);
    slot_drop_machine(s);
    struct view *v = turn_view(t);
    struct blob snapshot = {0};
    int err = secret_get(v, s->id, &snapshot);
    if (err < 0)
        return err;
    struct restoring r = {0};
    int perr = boss_restore(&r.boss, &e->boss_options, snapshot.data, snapshot.len, now, actions);
    blob_release(&snapshot);
    if (perr < 0)
        return to_store_error(perr);
    err = ciphertext_all(v, s->id, give_kept, &r);
    if (err == 0)
        err = message_each(v, s->id, give_message, &r);
    if (err == 0 && r.err == 0)
        r.err = boss_restored(r.boss, now, actions);
    if (err < 0 || r.err < 0) {
        boss_free(r.boss);
        return r.err < 0 ? to_store_error(r.err) : err;
    }
    s->boss = r.boss;
    s->loads++;
    s->decisions_after = 0;
    return outbound_count(v, s->id, OUTBOUND_DECISION, &s->decisions);
}
