#include "fs/engine/session_inner.h"

#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/intake.h"

/* ---- what we want ---- */

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
    struct want *want = &s->wants[s->wants_count++];
    *want = (struct want){.offset = offset};
    memcpy(want->rev, a->rev, REV_BYTES);
    if (offset < a->size)
        session_say(s, BULK_WANT, a->rev, offset);
    return 0;
}

void session_look(struct session *s)
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

/* ---- how it ends ---- */

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

static bool is_withdrawn(const struct session *s)
{
    struct view *v;
    struct arrival a;
    if (view_begin(s->e->store, &v) < 0)
        return false;
    int err = arrival_get(v, s->wormhole, s->wants[0].rev, &a);
    view_end(v);
    return err == STORE_ERR_NOT_FOUND;
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
        if (is_withdrawn(s))
            end_want(s, 0);
        else
            s->over = true; /* an older session has changed it: again with the next connection */
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
    s->last_sync_ms = session_now_ms(s);
    if (err < 0)
        failed(s, err);
    else
        session_say(s, BULK_DURABLE, s->wants[0].rev, durable);
}

static bool is_sync_due(const struct session *s)
{
    size_t every = s->e->options.sync_every_bytes;
    return s->since_sync_bytes >= (every != 0 ? every : SESSION_SYNC_EVERY_BYTES) ||
           session_now_ms(s) - s->last_sync_ms >= SESSION_SYNC_EVERY_MS;
}

static void complete(struct session *s)
{
    sync_now(s);
    s->publishing = s->intake != NULL && !s->over;
}

bool session_is_busy(const struct session *s)
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
void session_work(struct session *s)
{
    int64_t since_ms = session_now_ms(s);
    while (session_is_busy(s) && session_now_ms(s) - since_ms < SESSION_WORK_MS)
        work_once(s);
}

/* ---- what comes ---- */

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

/* What has come whole, and was not published before the
 * program stopped, needs nothing more from the peer. */
void session_begin_next(struct session *s)
{
    while (!s->over && s->wants_count > 0 && s->intake == NULL) {
        int err = begin_intake(s);
        if (err < 0) {
            failed(s, err);
        } else if (intake_complete(s->intake)) {
            complete(s);
            session_work(s);
        } else if (s->wants[0].missed || intake_next(s->intake) != s->wants[0].offset) {
            s->wants[0].offset = intake_next(s->intake); /* it had to begin again, or went on */
            s->wants[0].missed = false;
            session_say(s, BULK_WANT, s->wants[0].rev, s->wants[0].offset);
        }
    }
}

/* The peer's order is another one: what it has of ours was wanted anew meanwhile, behind others. It
 * will not send this again of its own accord. */
static void mark_missed(struct session *s, const uint8_t rev[static REV_BYTES])
{
    for (size_t i = 0; i < s->wants_count; i++)
        if (memcmp(s->wants[i].rev, rev, REV_BYTES) == 0)
            s->wants[i].missed = true;
}

void session_data(struct session *s, const struct bulk_message *m)
{
    session_begin_next(s);
    if (s->over)
        return;
    if (s->wants_count == 0 || memcmp(s->wants[0].rev, m->revision, REV_BYTES) != 0) {
        mark_missed(s, m->revision); /* or it was withdrawn meanwhile */
        return;
    }
    /* For an earlier want: what we said last is on its way. Of two wants that were answered one
     * after the other the frames may be cut differently, so it is taken from where we are. */
    uint64_t next = intake_next(s->intake);
    if (m->offset > next || m->len <= next - m->offset)
        return;
    size_t known = (size_t)(next - m->offset);
    int err = intake_write(s->intake, m->data + known, m->len - known);
    if (err < 0) {
        failed(s, err);
        return;
    }
    s->since_sync_bytes += m->len - known;
    if (intake_complete(s->intake))
        complete(s);
    else if (intake_busy(s->intake))
        session_work(s);
    else if (is_sync_due(s))
        sync_now(s);
}

void session_gone(struct session *s, const struct bulk_message *m)
{
    for (size_t i = 0; i < s->wants_count; i++) {
        if (memcmp(s->wants[i].rev, m->revision, REV_BYTES) == 0) {
            end_want(s, i);
            s->look_for_arrivals = false; /* the withdrawal is on its way; do not ask again now */
            return;
        }
    }
}
