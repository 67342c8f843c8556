/* What comes by itself, each in a turn of its own: news of the links and of transit, and time. */
#include "fs/engine/engine.h"

#include "fs/engine/limits.h"
#include "fs/engine/outbox.h"
#include "fs/engine/session.h"
#include "fs/engine/step.h"
#include "fs/engine/stock.h"
#include "fs/engine/stock_session.h"

/* ---- the network ---- */

struct link_input {
    enum wormhole_link link;
    const char *text;
    size_t len;
    unsigned closes;     /* of the link, when this news came */
    uint64_t connection; /* that is up */
};

/* How often the link was closed before this news came. False: a close is under way, the news is of
 * the past. */
static bool link_is_current(struct engine *e, uint64_t wormhole, struct link_input *in)
{
    pthread_mutex_lock(&e->live_lock);
    const struct slot *s = slot_find(e, wormhole);
    bool current = s != NULL && s->closing[in->link] == 0;
    in->closes = s != NULL ? s->closes[in->link] : 0;
    pthread_mutex_unlock(&e->live_lock);
    return current;
}

/* In the turn: has it been closed since the news came? */
static bool link_was_closed(struct step *step, const struct link_input *in)
{
    pthread_mutex_lock(&step->e->live_lock);
    bool closed = step->slot->closes[in->link] != in->closes;
    pthread_mutex_unlock(&step->e->live_lock);
    return closed;
}

/* The number of the connection, 0 if it is down. */
static uint64_t set_link(struct engine *e, uint64_t wormhole, enum wormhole_link link, bool up)
{
    uint64_t connection = 0;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL) {
        if (s->live.connection[link] != 0 && !up)
            s->live.link_lost_ms = e->out.now_ms(e->out.arg);
        connection = up ? ++s->live.connections : 0;
        s->live.connection[link] = connection;
        if (up)
            s->live.trouble[0] = '\0';
    }
    pthread_mutex_unlock(&e->live_lock);
    return connection;
}

static void news(struct engine *e, uint64_t wormhole, step_fn *fn, void *arg)
{
    setback_note(e, wormhole, step_alone(e, wormhole, fn, arg));
}

static int feed_up(struct step *step, void *arg)
{
    struct link_input *in = arg;
    if (link_was_closed(step, in))
        return 0;
    step->slot->connection[in->link] = in->connection;
    return step_error(boss_link_up(step->slot->boss, in->link, &step->now, &step->actions));
}

static int feed_down(struct step *step, void *arg)
{
    struct link_input *in = arg;
    if (link_was_closed(step, in))
        return 0;
    return step_error(boss_link_down(step->slot->boss, in->link, &step->now, &step->actions));
}

static int feed_received(struct step *step, void *arg)
{
    struct link_input *in = arg;
    if (link_was_closed(step, in))
        return 0;
    return step_error(boss_link_received(step->slot->boss, in->link, in->text, in->len, &step->now,
                                         &step->actions));
}

static void link_news(struct engine *e, uint64_t wormhole, step_fn *fn, struct link_input *in)
{
    if (link_is_current(e, wormhole, in))
        news(e, wormhole, fn, in);
}

void engine_link_up(struct engine *e, uint64_t wormhole, enum wormhole_link link)
{
    uint64_t connection = set_link(e, wormhole, link, true);
    link_news(e, wormhole, feed_up, &(struct link_input){.link = link, .connection = connection});
}

void engine_link_down(struct engine *e, uint64_t wormhole, enum wormhole_link link)
{
    set_link(e, wormhole, link, false);
    link_news(e, wormhole, feed_down, &(struct link_input){.link = link});
}

void engine_link_received(struct engine *e, uint64_t wormhole, enum wormhole_link link,
                          const char *text, size_t len)
{
    link_news(e, wormhole, feed_received,
              &(struct link_input){.link = link, .text = text, .len = len});
}

void engine_link_failed(struct engine *e, uint64_t wormhole, enum wormhole_link link,
                        const char *why)
{
    (void)link;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL)
        snprintf(s->live.trouble, sizeof s->live.trouble, "%s", why);
    pthread_mutex_unlock(&e->live_lock);
    if (e->watch.changed != NULL)
        e->watch.changed(e->watch.arg, CHANGE_STATE, wormhole, 0, NULL, 0);
}

/* The attempt as the machine numbers it; 0 if it was an older machine's. */
static uint64_t own_number(const struct step *step, uint64_t attempt)
{
    return attempt >> 32 == step->slot->loads ? (uint32_t)attempt : 0;
}

struct transit_input {
    uint64_t attempt; /* as the network numbers it */
    const struct hint_list *direct;
};

static int feed_hints(struct step *step, void *arg)
{
    struct transit_input *in = arg;
    return step_error(boss_transit_hints(step->slot->boss, own_number(step, in->attempt),
                                         in->direct, &step->now, &step->actions));
}

static int feed_transit_up(struct step *step, void *arg)
{
    struct transit_input *in = arg;
    return step_error(boss_transit_up(step->slot->boss, own_number(step, in->attempt), &step->now,
                                      &step->actions));
}

static int feed_transit_down(struct step *step, void *arg)
{
    struct transit_input *in = arg;
    return step_error(boss_transit_down(step->slot->boss, own_number(step, in->attempt), &step->now,
                                        &step->actions));
}

void engine_transit_hints(struct engine *e, uint64_t wormhole, uint64_t attempt,
                          const struct hint_list *direct)
{
    news(e, wormhole, feed_hints, &(struct transit_input){attempt, direct});
}

void engine_transit_begin(struct engine *e, uint64_t wormhole, uint64_t attempt)
{
    news(e, wormhole, feed_transit_up, &(struct transit_input){.attempt = attempt});
}

void engine_transit_session(struct engine *e, uint64_t wormhole, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream)
{
    if (plan->classic) {
        stock_session_run(e, wormhole, plan, stream);
        return;
    }
    engine_transit_begin(e, wormhole, attempt);
    session_run(e, wormhole, plan, stream);
}

void engine_transit_down(struct engine *e, uint64_t wormhole, uint64_t attempt)
{
    news(e, wormhole, feed_transit_down, &(struct transit_input){.attempt = attempt});
}

/* ---- time ---- */

static int tick_one(struct step *step, void *arg)
{
    (void)arg;
    int err = stock_consider(step);
    if (err == 0 && step->slot->retry_ms <= step->now.ms)
        err = outbox_retry(step);
    return err < 0 ? err : step_error(boss_tick(step->slot->boss, &step->now, &step->actions));
}

/* One slot whose deadline has passed, or NULL; *next_ms is the earliest deadline of all. */
static struct slot *due(struct engine *e, int64_t now_ms, int64_t *next_ms)
{
    struct slot *found = NULL;
    *next_ms = INT64_MAX;
    for (size_t i = 0; i < SLOT_BUCKETS; i++) {
        for (struct slot *s = e->buckets[i]; s != NULL; s = s->next) {
            if (s->deadline_ms < *next_ms)
                *next_ms = s->deadline_ms;
            if (s->deadline_ms <= now_ms && (found == NULL || s->deadline_ms < found->deadline_ms))
                found = s;
        }
    }
    return found;
}

/* A clock that was set back has put off all deadlines: each is looked at. Under live_lock. */
static void follow_clock(struct engine *e, int64_t now_ms)
{
    bool back = now_ms < e->tick_ms;
    e->tick_ms = now_ms;
    for (size_t i = 0; back && i < SLOT_BUCKETS; i++)
        for (struct slot *s = e->buckets[i]; s != NULL; s = s->next)
            if (s->deadline_ms > now_ms)
                s->deadline_ms = now_ms;
}

int64_t engine_tick(struct engine *e, int64_t now_ms)
{
    for (int i = 0; i < TICKS_AT_ONCE_MAX; i++) {
        int64_t next_ms;
        pthread_mutex_lock(&e->live_lock);
        follow_clock(e, now_ms);
        struct slot *s = due(e, now_ms, &next_ms);
        uint64_t id = s != NULL ? s->id : 0; /* unlocked, the slot may go */
        if (s != NULL)
            s->deadline_ms = now_ms + TICK_AFTER_ERROR_MS; /* the step sets the true one */
        pthread_mutex_unlock(&e->live_lock);
        if (id == 0)
            return next_ms;
        news(e, id, tick_one, NULL);
    }
    return now_ms;
}
