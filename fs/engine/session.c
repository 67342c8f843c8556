#include "fs/engine/session.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/intake.h"
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/progress.h"
#include "proto/bulk.h"
#include "proto/error.h"
#include "proto/vault.h"
#include "store/entries.h"

enum {
    WANTS_AHEAD_MAX = 32,  /* parcels that we have wanted and that have not come whole */
    WANTS_TAKEN_MAX = 256, /* the peer's wants that wait; more ends the connection */
    CONTROLS_MAX = 1024,   /* small frames that wait to be sent */
    IDLE_MS = 60 * 1000,   /* nothing wanted either way for so long: the connection is given up */
    /* Data bytes of one frame. Each costs the peer a checkpoint, so a fast connection has large
     * ones (512 MiB on loopback: 1 MiB at a time takes 15 % less than 256 KiB); a part of a frame
     * is worth nothing if the connection breaks, so a slow one has small ones. */
    FRAME_FIRST = 256 << 10,
    FRAME_LEAST = 32 << 10,
    FRAME_FAST_MS = 20,  /* sent in so long or less: the next one may be twice as large */
    FRAME_SLOW_MS = 500, /* sent in so long or more: half as large */
    SYNC_EVERY_BYTES = 64 << 20,
    SYNC_EVERY_MS = 2000,
    WORK_AT_ONCE_MS = 200, /* of planting and such, between two looks at the connection */
};

struct control {
    enum bulk_kind kind;
    uint8_t rev[REV_BYTES];
    uint64_t offset;
};

struct session {
    struct engine *e;
    uint64_t wormhole;
    struct stream *stream;
    struct bulk_sender tx;
    struct bulk_receiver rx;
    /* leaving */
    uint8_t *out;
    size_t out_at, out_len;
    struct control controls[CONTROLS_MAX];
    size_t control_first, control_count;
    /* sending a parcel */
    struct control wanted[WANTS_TAKEN_MAX]; /* by the peer, in its order */
    size_t wanted_count;
    struct parcel *parcel; /* of wanted[0], once it is open */
    uint64_t parcel_size;
    size_t frame_bytes; /* data bytes of the next frame */
    int64_t frame_ms;   /* when the last one began to be sent; 0 if nothing is being sent */
    /* receiving parcels */
    struct control wants[WANTS_AHEAD_MAX]; /* ours, in order; the first one comes first */
    size_t wants_count;
    struct intake *intake; /* of wants[0] */
    bool publishing;       /* it is complete and on disk, and being finished */
    uint64_t since_sync_bytes;
    int64_t last_sync_ms;
    bool look_for_arrivals;
    /* time */
    int64_t last_sent_ms, last_received_ms, last_busy_ms;
    bool over;
};

static int64_t now_ms(const struct session *s)
{
    return s->e->out.now_ms(s->e->out.arg);
}

static void say(struct session *s, enum bulk_kind kind, const uint8_t *rev, uint64_t offset)
{
    if (s->control_count == CONTROLS_MAX) {
        s->over = true; /* a peer that makes us answer faster than it reads */
        return;
    }
    struct control *c = &s->controls[(s->control_first + s->control_count++) % CONTROLS_MAX];
    *c = (struct control){.kind = kind, .offset = offset};
    if (rev != NULL)
        memcpy(c->rev, rev, REV_BYTES);
}

/* ---- sending ---- */

static void end_parcel(struct session *s)
{
    parcel_close(s->parcel);
    s->parcel = NULL;
    s->frame_ms = 0;
    s->wanted_count--;
    memmove(&s->wanted[0], &s->wanted[1], s->wanted_count * sizeof s->wanted[0]);
    progress_end(s->e, s->wormhole);
}

/* Does the revision still stand? What was read before a "yes" was read before any change. */
static bool stands(struct session *s, const uint8_t rev[static REV_BYTES], struct revision *r)
{
    struct view *v;
    if (view_begin(s->e->store, &v) < 0)
        return false;
    int err = revision_get(v, rev, r);
    view_end(v);
    return err == 0 && r->wormhole == s->wormhole && r->state == REVISION_TOLD && r->manifest != 0;
}

static void show_begin(struct session *s, const struct revision *r, uint64_t offset)
{
    struct entry entry;
    struct view *v;
    char shown[NAME_SHOWN_MAX + 1] = "";
    if (view_begin(s->e->store, &v) < 0)
        return;
    if (entry_get(v, r->ino, &entry) == 0)
        name_show(shown, entry.name.text, entry.name.len);
    view_end(v);
    progress_begin(s->e, s->wormhole, r->ino, shown, r->size, offset);
}

static int open_parcel(struct session *s)
{
    struct revision r;
    if (s->parcel != NULL)
        return 0;
    if (!stands(s, s->wanted[0].rev, &r) || s->wanted[0].offset > r.size)
        return STORE_ERR_INVALID; /* not ours to give */
    int err = parcel_open(&s->parcel, s->e->store, &r);
    if (err < 0)
        return err;
    s->parcel_size = r.size;
    show_begin(s, &r, s->wanted[0].offset);
    return 0;
}

static int say_unreadable(struct step *step, void *arg)
{
    return outbox_unreadable(step, arg);
}

/* What the peer wants is not to be had. If it should be, that is our disk's fault, and the user's
 * to know. */
static void give_up(struct session *s, ssize_t err, bool standing)
{
    struct control *want = &s->wanted[0];
    if (standing && (err == STORE_ERR_IO || err == STORE_ERR_CORRUPT || err == STORE_ERR_NOT_FOUND))
        (void)step_alone(s->e, s->wormhole, say_unreadable, want->rev); /* else at the next want */
    say(s, BULK_GONE, want->rev, 0);
    end_parcel(s);
}

/* How large the next data frame is, by how long the last one took. */
static size_t pace(struct session *s)
{
    int64_t now = now_ms(s), took = now - s->frame_ms;
    if (s->frame_ms != 0 && took <= FRAME_FAST_MS && s->frame_bytes < BULK_DATA_MAX)
        s->frame_bytes *= 2;
    else if (s->frame_ms != 0 && took >= FRAME_SLOW_MS && s->frame_bytes > FRAME_LEAST)
        s->frame_bytes /= 2;
    s->frame_ms = now;
    return s->frame_bytes;
}

/* Makes the next data frame of what the peer wants. */
static void fill_data(struct session *s)
{
    struct control *want = &s->wanted[0];
    struct revision r;
    ssize_t len = open_parcel(s);
    if (len == 0)
        len = parcel_read(s->parcel, s->out + BULK_DATA_AT, pace(s), want->offset);
    bool standing = stands(s, want->rev, &r);
    if (len < 0 || !standing) {
        give_up(s, len, standing);
        return;
    }
    if (len > 0) {
        s->out_len = bulk_seal_data(&s->tx, s->out, want->rev, want->offset, (size_t)len);
        s->over = s->out_len == 0;
        want->offset += (uint64_t)len;
    }
    if (len == 0 || want->offset == s->parcel_size)
        end_parcel(s);
}

static void fill_control(struct session *s)
{
    while (s->control_count > 0 && s->out_len + BULK_CONTROL_MAX <= BULK_FRAME_MAX) {
        const struct control *c = &s->controls[s->control_first];
        size_t len = bulk_seal_control(&s->tx, s->out + s->out_len, c->kind, c->rev, c->offset);
        s->out_len += len;
        s->over = s->over || len == 0;
        s->control_first = (s->control_first + 1) % CONTROLS_MAX;
        s->control_count--;
    }
}

static void send_some(struct session *s)
{
    if (s->out_at == s->out_len) {
        s->out_at = s->out_len = 0;
        fill_control(s);
        if (s->out_len == 0 && s->wanted_count > 0)
            fill_data(s);
        if (s->out_len == 0)
            return;
    }
    ssize_t n = stream_send(s->stream, s->out + s->out_at, s->out_len - s->out_at);
    if (n < 0) {
        s->over = true;
        return;
    }
    s->out_at += (size_t)n;
    if (n > 0)
        s->last_sent_ms = now_ms(s);
}

static bool has_output(const struct session *s)
{
    return s->out_at < s->out_len || s->control_count > 0 || s->wanted_count > 0;
}

/* The peer wants a parcel from an offset; a later want for it replaces an earlier one. */
static void got_want(struct session *s, const struct bulk_message *m)
{
    for (size_t i = 0; i < s->wanted_count; i++) {
        if (memcmp(s->wanted[i].rev, m->revision, REV_BYTES) == 0) {
            s->wanted[i].offset = m->offset;
            return;
        }
    }
    if (s->wanted_count == WANTS_TAKEN_MAX) {
        s->over = true;
        return;
    }
    struct control *want = &s->wanted[s->wanted_count++];
    *want = (struct control){.kind = BULK_WANT, .offset = m->offset};
    memcpy(want->rev, m->revision, REV_BYTES);
}

/* ---- receiving ---- */

static bool wanted_already(const struct session *s, const uint8_t rev[static REV_BYTES])
{
    for (size_t i = 0; i < s->wants_count; i++)
        if (memcmp(s->wants[i].rev, rev, REV_BYTES) == 0)
            return true;
    return false;
}

static int want_arrival(void *arg, const struct arrival *a)
{
    struct session *s = arg;
    if (a->state == ARRIVAL_PIECES || wanted_already(s, a->rev))
        return 0;
    if (s->wants_count == WANTS_AHEAD_MAX)
        return 1;
    uint64_t offset = a->state == ARRIVAL_DATA ? a->durable : 0;
    struct control *want = &s->wants[s->wants_count++];
    *want = (struct control){.kind = BULK_WANT, .offset = offset};
    memcpy(want->rev, a->rev, REV_BYTES);
    if (offset < a->size)
        say(s, BULK_WANT, a->rev, offset);
    return 0;
}

static void look_for_arrivals(struct session *s)
{
    struct view *v;
    s->look_for_arrivals = false;
    if (view_begin(s->e->store, &v) < 0) {
        s->over = true;
        return;
    }
    if (arrival_each(v, s->wormhole, want_arrival, s) < 0)
        s->over = true;
    view_end(v);
}

static void end_want(struct session *s, size_t i)
{
    if (i == 0) {
        intake_close(s->intake);
        s->intake = NULL;
        s->publishing = false;
    }
    s->wants_count--;
    memmove(&s->wants[i], &s->wants[i + 1], (s->wants_count - i) * sizeof s->wants[0]);
    s->look_for_arrivals = true;
}

struct refusal {
    const uint8_t *rev;
    bool for_ever;
    const char *why;
};

static int say_refusal(struct step *step, void *arg)
{
    const struct refusal *r = arg;
    return inbox_refuse(step, r->rev, r->for_ever, r->why);
}

static void refuse(struct session *s, bool for_ever, const char *why)
{
    struct refusal r = {s->wants[0].rev, for_ever, why};
    if (step_alone(s->e, s->wormhole, say_refusal, &r) < 0)
        s->over = true;
    end_want(s, 0);
}

/* What went wrong with what is arriving: the parcel's fault, the disk's, or it was withdrawn. */
static void failed(struct session *s, int err)
{
    switch (err) {
    case STORE_ERR_HOSTILE:
    case STORE_ERR_TOO_BIG:
        refuse(s, true, s->intake != NULL ? intake_why(s->intake) : "the parcel is malformed");
        break;
    case STORE_ERR_NOSPACE:
    case STORE_ERR_QUOTA:
        refuse(s, false, "no room");
        break;
    case STORE_ERR_NOT_FOUND:
        end_want(s, 0);
        break;
    default:
        s->over = true; /* the disk, or memory: again with the next connection */
    }
}

static void sync_now(struct session *s)
{
    uint64_t durable;
    int err = intake_sync(s->intake, &durable);
    s->since_sync_bytes = 0;
    s->last_sync_ms = now_ms(s);
    if (err < 0)
        failed(s, err);
    else
        say(s, BULK_DURABLE, s->wants[0].rev, durable);
}

static void complete(struct session *s)
{
    sync_now(s);
    s->publishing = s->intake != NULL && !s->over;
}

static bool is_busy(const struct session *s)
{
    return s->intake != NULL && !s->over && (s->publishing || intake_busy(s->intake));
}

static void work_once(struct session *s)
{
    int more = s->publishing ? intake_publish(s->intake) : intake_work(s->intake);
    if (more < 0)
        failed(s, more);
    else if (s->publishing && more == 0)
        end_want(s, 0);
    else if (intake_complete(s->intake) && !s->publishing)
        complete(s);
}

/* What is to be done with what came, before more is read. A large tree takes longer than the peer
 * waits for a word of us: so a part of it at each step. */
static void work(struct session *s)
{
    int64_t since_ms = now_ms(s);
    while (is_busy(s) && now_ms(s) - since_ms < WORK_AT_ONCE_MS)
        work_once(s);
}

static int begin_intake(struct session *s)
{
    struct view *v;
    struct arrival a;
    int err = view_begin(s->e->store, &v);
    if (err < 0)
        return err;
    err = arrival_get(v, s->wormhole, s->wants[0].rev, &a);
    view_end(v);
    return err < 0 ? err : intake_open(&s->intake, s->e, &a);
}

/* Opens the intake of what comes next. What has come whole, and was not published before the
 * program stopped, needs nothing more from the peer. */
static void open_first(struct session *s)
{
    while (!s->over && s->wants_count > 0 && s->intake == NULL) {
        int err = begin_intake(s);
        if (err < 0) {
            failed(s, err);
        } else if (intake_complete(s->intake)) {
            complete(s);
            work(s);
        } else if (intake_next(s->intake) != s->wants[0].offset) {
            s->wants[0].offset = intake_next(s->intake); /* it had to begin again, or went on */
            say(s, BULK_WANT, s->wants[0].rev, s->wants[0].offset);
        }
    }
}

static void got_data(struct session *s, const struct bulk_message *m)
{
    open_first(s);
    if (s->over || s->wants_count == 0 || memcmp(s->wants[0].rev, m->revision, REV_BYTES) != 0)
        return; /* of a parcel that was withdrawn meanwhile */
    if (m->offset != intake_next(s->intake))
        return; /* for an earlier want: what we said last is on its way */
    int err = intake_write(s->intake, m->data, m->len);
    if (err < 0) {
        failed(s, err);
        return;
    }
    s->since_sync_bytes += m->len;
    if (intake_complete(s->intake))
        complete(s);
    else if (intake_busy(s->intake))
        work(s);
    else if (s->since_sync_bytes >= SYNC_EVERY_BYTES ||
             now_ms(s) - s->last_sync_ms >= SYNC_EVERY_MS)
        sync_now(s);
}

static void got_gone(struct session *s, const struct bulk_message *m)
{
    for (size_t i = 0; i < s->wants_count; i++) {
        if (memcmp(s->wants[i].rev, m->revision, REV_BYTES) == 0) {
            end_want(s, i);
            s->look_for_arrivals = false; /* the withdrawal is on its way; do not ask again now */
            return;
        }
    }
}

static void got_durable(struct session *s, const struct bulk_message *m)
{
    if (s->wanted_count > 0 && memcmp(s->wanted[0].rev, m->revision, REV_BYTES) == 0)
        progress_is(s->e, s->wormhole, m->offset);
}

static void take(struct session *s, const struct bulk_message *m)
{
    switch (m->kind) {
    case BULK_WANT:
        got_want(s, m);
        break;
    case BULK_DATA:
        got_data(s, m);
        break;
    case BULK_DURABLE:
        got_durable(s, m);
        break;
    case BULK_GONE:
        got_gone(s, m);
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
    while (!s->over && !is_busy(s) && (more = bulk_receiver_next(&s->rx, &m)) > 0) {
        take(s, &m);
        work(s);
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
    s->last_received_ms = now_ms(s);
    take_received(s);
}

/* ---- the loop ---- */

static void mind_time(struct session *s)
{
    int64_t now = now_ms(s);
    if (now < s->last_received_ms || now < s->last_busy_ms) /* the clock was set back */
        s->last_sent_ms = s->last_received_ms = s->last_busy_ms = s->last_sync_ms = now;
    if (has_output(s) || s->wants_count > 0)
        s->last_busy_ms = now;
    if (is_busy(s))
        s->last_received_ms = now; /* nothing is read meanwhile */
    if (now - s->last_received_ms > BULK_SILENCE_MS || now - s->last_busy_ms > IDLE_MS)
        s->over = true;
    if (now - s->last_sent_ms > BULK_PING_AFTER_MS && !has_output(s))
        say(s, BULK_PING, NULL, 0);
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

static void set_running(struct session *s, bool running)
{
    pthread_mutex_lock(&s->e->live_lock);
    struct slot *slot = slot_find(s->e, s->wormhole);
    if (slot != NULL)
        slot->live.stream = running ? s->stream : NULL;
    pthread_mutex_unlock(&s->e->live_lock);
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
    s->frame_bytes = FRAME_FIRST;
    if (s->out == NULL || bulk_sender_init(&s->tx, plan->key, plan->sender, plan->aes) < 0 ||
        bulk_receiver_init(&s->rx, plan->key, plan->sender, plan->aes) < 0) {
        release(s);
        return NULL;
    }
    s->last_sent_ms = s->last_received_ms = s->last_busy_ms = s->last_sync_ms = now_ms(s);
    s->look_for_arrivals = true;
    set_running(s, true);
    progress_here(e, wormhole, true);
    return s;
}

int session_interest(const struct session *s)
{
    return (is_busy(s) ? 0 : STREAM_READABLE) |
           (has_output(s) || s->look_for_arrivals ? STREAM_WRITABLE : 0);
}

bool session_step(struct session *s, int ready)
{
    if (ready < 0 || (ready & STREAM_BROKEN) != 0)
        return false;
    if ((ready & STREAM_WOKEN) != 0)
        s->look_for_arrivals = true;
    if (is_busy(s)) {
        work(s);
        take_received(s);
    }
    if (!is_busy(s) && (ready & STREAM_READABLE) != 0)
        receive_some(s);
    if (!s->over && s->look_for_arrivals)
        look_for_arrivals(s);
    open_first(s);
    if (!s->over && (ready & STREAM_WRITABLE) != 0)
        send_some(s);
    mind_time(s);
    return !s->over;
}

void session_close(struct session *s)
{
    uint64_t durable;
    if (s->intake != NULL)
        intake_sync(s->intake, &durable); /* what has come need not come again */
    set_running(s, false);
    progress_here(s->e, s->wormhole, false);
    if (s->parcel != NULL)
        progress_end(s->e, s->wormhole);
    release(s);
}

enum { STEP_AT_LEAST_EVERY_MS = 1000 };

void session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                 struct stream *stream)
{
    struct session *s = session_open(e, wormhole, plan, stream);
    if (s == NULL)
        return;
    int ready = STREAM_WRITABLE;
    while (session_step(s, ready))
        ready = stream_wait(stream, session_interest(s), is_busy(s) ? 0 : STEP_AT_LEAST_EVERY_MS);
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
