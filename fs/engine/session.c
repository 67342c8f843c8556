#include "fs/engine/session_inner.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/intake.h"
#include "fs/engine/parcel.h"
#include "fs/engine/progress.h"
#include "proto/vault.h"

int64_t session_now_ms(const struct session *s)
{
    const struct engine_out *o = &s->e->out;
    return o->steady_ms != NULL ? o->steady_ms(o->arg) : o->now_ms(o->arg);
}

static int say_flooded(struct step *step, void *arg)
{
    (void)arg;
    step->state_changed = true;
    return inbox_problem(step, "The peer asks for more at once than it may; the connection was "
                               "ended, and is made anew.");
}

void session_flooded(struct session *s)
{
    s->flooded = s->over = true; /* said at the end: a view may be open now */
}

void session_say(struct session *s, enum bulk_kind kind, const uint8_t *rev, uint64_t offset)
{
    if (s->control_count == CONTROLS_MAX) {
        session_flooded(s); /* it makes us answer faster than it reads */
        return;
    }
    struct control *c = &s->controls[(s->control_first + s->control_count++) % CONTROLS_MAX];
    *c = (struct control){.kind = kind, .offset = offset};
    if (rev != NULL)
        memcpy(c->rev, rev, REV_BYTES);
}

static void take(struct session *s, const struct bulk_message *m)
{
    switch (m->kind) {
    case BULK_WANT:
        session_wanted(s, m);
        break;
    case BULK_DATA:
        s->last_data_ms = session_now_ms(s);
        session_data(s, m);
        break;
    case BULK_DURABLE:
        session_durable(s, m);
        break;
    case BULK_GONE:
        session_gone(s, m);
        break;
    case BULK_PING:
        break;
    }
}

/* Takes what has been received, until there is work to be done first. */
static void take_received(struct session *s)
{
    struct bulk_message m;
    int more = 0;
    while (!s->over && !session_is_busy(s) && (more = bulk_receiver_next(&s->rx, &m)) > 0) {
        take(s, &m);
        session_work(s);
    }
    s->over = s->over || more < 0;
}

static void receive_some(struct session *s)
{
    size_t room;
    uint8_t *to = bulk_receiver_room(&s->rx, &room);
    ssize_t n = to != NULL ? stream_recv(s->stream, to, room) : -1;
    if (n < 0) {
        s->over = true;
        return;
    }
    if (n == 0)
        return;
    bulk_receiver_filled(&s->rx, (size_t)n);
    s->last_received_ms = session_now_ms(s);
    take_received(s);
    if (s->rx.end - s->rx.begin > BULK_CONTROL_MAX) /* a part of a data frame, on a slow line */
        s->last_data_ms = s->last_received_ms;
}

/* ---- the loop ---- */

static void begin_times(struct session *s, int64_t now)
{
    s->last_sent_ms = s->last_received_ms = s->last_busy_ms = s->last_data_ms = now;
    s->last_sync_ms = now;
}

static void mind_time(struct session *s)
{
    int64_t now = session_now_ms(s);
    if (now < s->last_received_ms || now < s->last_busy_ms) /* the clock was set back */
        begin_times(s, now);
    if (session_has_output(s) || s->wants_count > 0)
        s->last_busy_ms = now;
    if (session_is_busy(s))
        s->last_received_ms = now; /* nothing is read meanwhile */
    if (session_is_busy(s) || s->wants_count == 0)
        s->last_data_ms = now;
    if (now - s->last_received_ms > BULK_SILENCE_MS || now - s->last_busy_ms > SESSION_IDLE_MS ||
        now - s->last_data_ms > SESSION_UNANSWERED_MS)
        s->over = true;
    if (now - s->last_sent_ms > BULK_PING_AFTER_MS && !session_has_output(s))
        session_say(s, BULK_PING, NULL, 0);
}

static void release(struct session *s)
{
    intake_close(s->intake);
    parcel_close(s->parcel);
    bulk_sender_release(&s->tx);
    bulk_receiver_release(&s->rx);
    free(s->out);
    vault_free(s, sizeof *s);
}

/* A newer connection has begun before the end of this one was noticed: only that one goes on. Both
 * would take the same arrivals. */
static bool is_superseded(const struct session *s)
{
    return !progress_is_here(s->e, s->wormhole, s->stream);
}

struct session *session_open(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                             struct stream *stream)
{
    struct session *s = vault_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->e = e;
    s->wormhole = wormhole;
    s->stream = stream;
    s->out = malloc(BULK_FRAME_MAX);
    session_send_begin(s);
    if (s->out == NULL || bulk_sender_init(&s->tx, plan->key, plan->sender, plan->aes) < 0 ||
        bulk_receiver_init(&s->rx, plan->key, plan->sender, plan->aes) < 0) {
        release(s);
        return NULL;
    }
    begin_times(s, session_now_ms(s));
    s->look_for_arrivals = true;
    progress_here(e, wormhole, stream);
    return s;
}

int session_interest(const struct session *s)
{
    return (session_is_busy(s) ? 0 : STREAM_READABLE) |
           (session_has_output(s) || s->look_for_arrivals ? STREAM_WRITABLE : 0);
}

bool session_step(struct session *s, int ready)
{
    if (ready < 0 || (ready & STREAM_BROKEN) != 0 || is_superseded(s))
        return false;
    if ((ready & STREAM_WOKEN) != 0)
        s->look_for_arrivals = true;
    if (session_is_busy(s)) {
        session_work(s);
        take_received(s);
    }
    if (!session_is_busy(s) && (ready & STREAM_READABLE) != 0)
        receive_some(s);
    if (!s->over && s->look_for_arrivals)
        session_look(s);
    session_begin_next(s);
    if (!s->over && (ready & STREAM_WRITABLE) != 0)
        session_send(s);
    mind_time(s);
    return !s->over;
}

void session_close(struct session *s)
{
    uint64_t durable;
    if (s->intake != NULL && !is_superseded(s))
        intake_sync(s->intake, &durable); /* what has come need not come again */
    if (s->flooded)
        (void)step_alone(s->e, s->wormhole, say_flooded, NULL); /* else it is said the next time */
    progress_gone(s->e, s->wormhole, s->stream);
    progress_record(s->e, s->wormhole);
    release(s);
}

void session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                 struct stream *stream)
{
    struct session *s = session_open(e, wormhole, plan, stream);
    if (s == NULL)
        return;
    int ready = STREAM_WRITABLE;
    while (session_step(s, ready))
        ready = stream_wait(stream, session_interest(s),
                            session_is_busy(s) ? 0 : SESSION_STEP_EVERY_MS);
    session_close(s);
}

static void wake(void *arg, bool committed)
{
    struct slot *slot = arg;
    if (!committed)
        return;
    pthread_mutex_lock(&slot->e->live_lock);
    if (slot->live.stream != NULL)
        stream_wake(slot->live.stream);
    pthread_mutex_unlock(&slot->e->live_lock);
}

void session_wake(struct step *step)
{
    if (turn_after(step->t, wake, step->slot) < 0)
        step->actions.failed = true;
}
