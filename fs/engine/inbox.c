#include "fs/engine/inbox.h"

#include <stdio.h>
#include <string.h>
#include "fs/engine/intake.h"
#include "fs/engine/outbox.h"
#include "fs/engine/release.h"
#include "fs/engine/session.h"
#include "mutant.h"
#include "proto/peer.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/wormholes.h"

/* ---- room ---- */

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

int inbox_room(struct engine *e, struct view *v, uint64_t *bytes)
{
    struct store_space space;
    uint64_t promised = 0, held = 0;
    int err;
    *bytes = 0;
    if (e->options.inbox_max != 0) {
        err = arrival_bytes_sum(v, &promised);
        if (err == 0)
            err = inbox_bytes_sum(v, &held);
        if (err == 0)
            *bytes = less(less(e->options.inbox_max, held), promised);
    } else { /* what has come of an arrival is not free any more */
        err = arrival_rest_sum(v, &promised);
        if (err == 0)
            err = store_space(e->store, &space);
        if (err == 0)
            *bytes = less(less(space.free_bytes, SPACE_KEPT_BYTES), promised);
    }
    return err;
}

int inbox_has_room(struct engine *e, struct view *v, uint64_t more)
{
    uint64_t room = 0;
    int err = inbox_room(e, v, &room);
    return err < 0 ? err : more <= room;
}

/* ---- the bound on what is under way ---- */

static const char crowded[] = "The peer announces more than can be under way at once; what is too "
                              "much is refused for now, and comes later.";

static const char unheard[] = "The peer sends on and on and takes none of our answers: what is too "
                              "much is not answered.";

/* May one more begin, in this state? */
static int admits(struct step *step, enum arrival_state state)
{
    struct arrival_count count;
    int err = arrival_count(turn_view(step->t), step->slot->id, (int)state, &count);
    if (err < 0)
        return err;
    return count.all < ARRIVALS_MAX &&
           (state != ARRIVAL_PIECES || count.in_state < ARRIVAL_PIECES_MAX);
}

static bool is_shown(struct step *step, const char *problem)
{
    struct wormhole w;
    return wormhole_get(turn_view(step->t), step->slot->id, &w) == 0 &&
           strcmp(w.problem, problem) == 0;
}

static bool is_heard(const struct step *step)
{
    return step->slot->decisions < DECISIONS_MAX;
}

int inbox_problem(struct step *step, const char *problem)
{
    if (!is_heard(step))
        problem = unheard; /* of such a peer nothing else matters */
    return is_shown(step, problem) || !notes_problem(&step->slot->notes, step->now.ms)
               ? 0
               : wormhole_event(step->t, step->slot->id, LOG_PROBLEM, "text", problem);
}

/* Half of it has gone: later than at the first, so that the line does not flicker. */
static int ease(struct step *step)
{
    struct arrival_count count;
    if (!is_shown(step, crowded))
        return 0;
    int err = arrival_count(turn_view(step->t), step->slot->id, ARRIVAL_PIECES, &count);
    if (err < 0 || count.all > ARRIVALS_MAX / 2 || count.in_state > ARRIVAL_PIECES_MAX / 2)
        return err;
    return wormhole_event(step->t, step->slot->id, LOG_PROBLEM_CLEARED, NULL, NULL);
}

static const char cramped[] =
    "There is no room for what the peer sends; it was refused for now and "
    "is offered again: make room, or raise inbox_max.";

/* Only a bulk parcel can have been too large: that a small one fits proves nothing. */
static int uncramp(struct step *step)
{
    return is_shown(step, cramped)
               ? wormhole_event(step->t, step->slot->id, LOG_PROBLEM_CLEARED, NULL, NULL)
               : 0;
}

/* ---- decisions of ours ---- */

/* Beyond the bound nothing is queued: who takes answers never comes to it, and who offers a
 * revision once more gets one. */
static int answer(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                  const void *text, size_t len)
{
    return is_heard(step) ? outbox_push_decision(step, rev, verdict, text, len)
                          : inbox_problem(step, unheard);
}

int inbox_answered(struct step *step)
{
    struct slot *slot = step->slot;
    if (slot->decisions > 0)
        slot->decisions--;
    return slot->decisions == DECISIONS_MAX / 2 && is_shown(step, unheard)
               ? wormhole_event(step->t, slot->id, LOG_PROBLEM_CLEARED, NULL, NULL)
               : 0;
}

static int decide(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                  const struct name *name, const char *reason)
{
    struct decided d = {.wormhole = step->slot->id, .verdict = verdict, .time_ms = step->now.ms};
    memcpy(d.rev, rev, REV_BYTES);
    const char *text = reason;
    size_t len = reason != NULL ? strlen(reason) : 0;
    if (name != NULL) {
        d.name = *name;
        text = name->text;
        len = name->len;
    }
    int err = verdict == PEER_REFUSED_NOW ? 0 : decided_add(step->t, &d);
    return err < 0 ? err : answer(step, rev, verdict, text, len);
}

/* Says again what was decided about `rev`. 1 if it was, 0 if it was not. */
static int decided_before(struct step *step, const uint8_t rev[static REV_BYTES])
{
    if (MUTANT(FORGET_SEEN))
        return 0;
    struct decided d;
    int err = decided_get(turn_view(step->t), step->slot->id, rev, &d);
    if (err == STORE_ERR_NOT_FOUND)
        return 0;
    if (err == 0)
        err = answer(step, rev, d.verdict, d.name.text, d.name.len);
    return err < 0 ? err : 1;
}

int inbox_publish(struct step *step, const struct arrival *a, uint64_t files)
{
    struct name final;
    struct name_arrival arrival = {.wormhole = step->slot->id,
                                   .ino = a->top_ino,
                                   .name = a->name.text,
                                   .name_len = a->name.len,
                                   .rev = a->rev,
                                   .size = a->size,
                                   .overhead = a->overhead,
                                   .files = files};
    int err = name_publish(step->t, &arrival, &final);
    if (err == 0)
        err = decide(step, a->rev, PEER_TAKEN, &final, NULL);
    if (err < 0)
        return err;
    err = arrival_erase(step->t, step->slot->id, a->rev);
    if (err == 0)
        err = ease(step);
    else if (err == STORE_ERR_NOT_FOUND)
        err = 0; /* it came in one piece */
    if (a->state != ARRIVAL_PIECES)
        notes_published(&step->slot->notes);
    step->state_changed = true;
    return err < 0 ? err : release_change(step, CHANGE_ARRIVED, a->top_ino, &final);
}

/* A row that the peer causes, unless there are too many; takes over `more`, what it says beside the
 * revision, or NULL. */
static int note(struct step *step, enum log_type type, const uint8_t rev[static REV_BYTES],
                json_t *more)
{
    char hex[2 * REV_BYTES + 1];
    uint64_t left_out;
    step->state_changed = true;
    if (!notes_arrival(&step->slot->notes, step->now.ms, &left_out)) {
        json_decref(more);
        return 0;
    }
    hex_encode(hex, rev, REV_BYTES);
    json_t *detail = json_pack("{s:s}", "rev", hex);
    if (left_out > 0)
        json_object_set_new(detail, "left_out", json_integer((json_int_t)left_out));
    json_object_update(detail, more);
    json_decref(more);
    return log_append(
        step->t, &(struct log_event){.type = type, .wormhole = step->slot->id, .detail = detail},
        NULL);
}

/* For now: once for each revision, however often the peer tries. */
static int note_refused(struct step *step, const uint8_t rev[static REV_BYTES], bool for_ever,
                        const char *why)
{
    if (!for_ever && notes_refused_before(&step->slot->notes, rev))
        return 0;
    return note(step, LOG_ARRIVAL_REFUSED, rev, json_pack("{s:s}", "reason", why));
}

static int drop_arrival(struct step *step, const uint8_t rev[static REV_BYTES])
{
    int err = arrival_erase(step->t, step->slot->id, rev);
    session_wake(step);
    if (err == 0)
        err = ease(step);
    return err == STORE_ERR_NOT_FOUND ? 0 : err;
}

int inbox_refuse(struct step *step, const uint8_t rev[static REV_BYTES], bool for_ever,
                 const char *why)
{
    int err = drop_arrival(step, rev);
    if (err == 0)
        err = note_refused(step, rev, for_ever, why);
    if (err == 0 && !for_ever && !is_shown(step, crowded))
        err = inbox_problem(step, cramped);
    return err < 0 ? err
                   : decide(step, rev, for_ever ? PEER_REFUSED_EVER : PEER_REFUSED_NOW, NULL, why);
}

/* May this parcel begin to arrive? 1; 0: it was refused for now. */
static int begins(struct step *step, const struct peer_message *m, enum arrival_state state)
{
    int err = admits(step, state);
    if (err < 0)
        return err;
    if (err == 0) {
        err = inbox_problem(step, crowded);
        return err < 0 ? err
                       : inbox_refuse(step, m->revision, false, "too many entries are under way");
    }
    err = inbox_has_room(step->e, turn_view(step->t), m->size);
    if (err <= 0)
        return err < 0 ? err : inbox_refuse(step, m->revision, false, "no room");
    err = state == ARRIVAL_PIECES ? 0 : uncramp(step);
    return err < 0 ? err : 1;
}

/* Does the peer take it back in the rest of this turn? So it is with what a replay brings all at
 * once: then nothing of it is taken, and the withdrawal is decided when its turn comes. */
static bool is_withdrawn_later(const struct step *step, const uint8_t rev[static REV_BYTES])
{
    struct peer_message m;
    for (const struct action *a = step->actions.first; a != NULL; a = a->next)
        if (a->kind == ACTION_DELIVER && peer_parse(&m, a->body.data, a->body.len) == 0 &&
            m.kind == PEER_WITHDRAW && memcmp(m.revision, rev, REV_BYTES) == 0)
            return true;
    return false;
}

/* ---- small parcels, in pieces ---- */

static const char misfit[] = "its pieces do not fit together";

/* For its nodes: its bytes are promised by now, if it is not the first piece. */
static int room_beside(struct step *step, const struct arrival *a, uint64_t *room)
{
    int err = inbox_room(step->e, turn_view(step->t), room);
    if (a->manifest == 0)
        *room = less(*room, a->size);
    return err;
}

static int take_small(struct step *step, const struct arrival *a, const void *parcel, size_t len)
{
    struct arrival done = *a;
    struct intake_taken taken;
    uint64_t room;
    int err = room_beside(step, a, &room);
    if (err < 0)
        return err;
    err = intake_small(step, parcel, len, room, &taken);
    if (err == STORE_ERR_TOO_BIG)
        return inbox_refuse(step, a->rev, false, "no room");
    if (err == STORE_ERR_HOSTILE)
        return inbox_refuse(step, a->rev, true, taken.why);
    if (err == STORE_ERR_NOSPACE || err == STORE_ERR_QUOTA)
        return err; /* not acknowledged: the peer says it again */
    if (err < 0)
        return err;
    done.top_ino = taken.top;
    done.name = taken.name;
    done.overhead = taken.overhead;
    if (a->manifest != 0) {
        err = node_discard(step->t, a->manifest);
        done.manifest = 0;
    }
    return err < 0 ? err : inbox_publish(step, &done, taken.files);
}

/* Some are missing: our store may have gone back. The peer will say all of it again. */
static int have_again(struct step *step, const uint8_t rev[static REV_BYTES])
{
    int err = drop_arrival(step, rev);
    if (err == 0)
        err = note_refused(step, rev, false, misfit);
    return err < 0 ? err : decide(step, rev, PEER_REFUSED_NOW, NULL, misfit);
}

/* Appends the piece to those that came before, in the staged file. 0 until the last one. The first
 * one may come once more, from a peer that says all of it again. */
static int collect(struct step *step, const struct peer_message *m, struct arrival *a)
{
    uint8_t parcel[INLINE_BYTES_MAX];
    ssize_t had = 0;
    if (a->manifest != 0 && m->offset != 0)
        had = content_peek(turn_view(step->t), a->manifest, parcel, sizeof parcel);
    if (had < 0)
        return (int)had;
    if ((uint64_t)had != m->offset)
        return have_again(step, a->rev);
    if (m->offset + m->len > sizeof parcel)
        return inbox_refuse(step, a->rev, true, misfit);
    memcpy(parcel + had, m->data, m->len);
    size_t len = (size_t)had + m->len;
    if (len == m->size)
        return take_small(step, a, parcel, len);
    int err = 0;
    if (a->manifest == 0)
        err =
            node_stage(step->t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &a->manifest);
    if (err == 0)
        err = content_put(step->t, a->manifest, parcel, len);
    a->durable = len;
    return err < 0 ? err : arrival_put(step->t, a);
}

static int got_piece(struct step *step, const struct peer_message *m)
{
    struct arrival a = {.wormhole = step->slot->id,
                        .state = ARRIVAL_PIECES,
                        .size = m->size,
                        .started_ms = step->now.ms};
    memcpy(a.rev, m->revision, REV_BYTES);
    int before = decided_before(step, m->revision);
    if (before != 0 || is_withdrawn_later(step, m->revision))
        return before < 0 ? before : 0;
    if (m->size > INLINE_BYTES_MAX || m->len > m->size || m->offset > m->size - m->len)
        return inbox_refuse(step, m->revision, true, misfit);
    int err = arrival_get(turn_view(step->t), step->slot->id, m->revision, &a);
    if (err < 0 && err != STORE_ERR_NOT_FOUND)
        return err;
    if (err == 0 && (a.state != ARRIVAL_PIECES || a.size != m->size))
        return inbox_refuse(step, m->revision, true, misfit);
    if (err == STORE_ERR_NOT_FOUND && m->offset != 0)
        return 0; /* the rest of what was refused for now: it will come again, from the start */
    int begun = err == 0 ? 1 : begins(step, m, ARRIVAL_PIECES);
    return begun > 0 ? collect(step, m, &a) : begun;
}

/* ---- large ones ---- */

static int got_offer(struct step *step, const struct peer_message *m)
{
    int before = decided_before(step, m->revision);
    if (before != 0 || is_withdrawn_later(step, m->revision))
        return before < 0 ? before : 0;
    struct arrival a;
    int err = arrival_get(turn_view(step->t), step->slot->id, m->revision, &a);
    if (err != STORE_ERR_NOT_FOUND)
        return err; /* 0: offered again, and under way */
    int begun = begins(step, m, ARRIVAL_MANIFEST);
    if (begun <= 0)
        return begun;
    a = (struct arrival){.wormhole = step->slot->id,
                         .state = ARRIVAL_MANIFEST,
                         .size = m->size,
                         .started_ms = step->now.ms};
    memcpy(a.rev, m->revision, REV_BYTES);
    name_make_safe(&a.name, (const char *)m->data, m->len, true);
    err = arrival_put(step->t, &a);
    if (err < 0)
        return err;
    json_t *more = json_pack("{s:I}", "parcel_size", (json_int_t)m->size);
    err = log_put_name(more, "name", &a.name);
    if (err == 0)
        err = note(step, LOG_ARRIVING, m->revision, more);
    else
        json_decref(more);
    session_wake(step);
    step->state_changed = true;
    return err;
}

static int got_withdraw(struct step *step, const struct peer_message *m)
{
    struct decided d;
    int err = decided_get(turn_view(step->t), step->slot->id, m->revision, &d);
    if (err != STORE_ERR_NOT_FOUND)
        return err; /* too late: that decision stands, and is on its way */
    err = drop_arrival(step, m->revision);
    if (err == 0)
        err = note(step, LOG_ARRIVAL_WITHDRAWN, m->revision, NULL);
    if (err == 0)
        err = uncramp(step);
    return err < 0 ? err : decide(step, m->revision, PEER_WITHDRAWN, NULL, NULL);
}

static int nonsense(struct step *step)
{
    return inbox_problem(
        step, "The peer sent a message that this version does not understand; it was ignored.");
}

int inbox_deliver(struct step *step, const void *content, size_t len)
{
    struct peer_message m;
    step->state_changed = true;
    if (peer_parse(&m, content, len) < 0)
        return nonsense(step);
    switch (m.kind) {
    case PEER_PIECE:
        return got_piece(step, &m);
    case PEER_OFFER:
        return got_offer(step, &m);
    case PEER_WITHDRAW:
        return got_withdraw(step, &m);
    case PEER_DECISION:
        return outbox_decided(step, m.revision, (int)m.verdict, (const char *)m.data, m.len);
    }
    return nonsense(step);
}

/* ---- looking ---- */

static int any_arrival(void *arg, const struct arrival *a)
{
    memcpy(arg, a->rev, REV_BYTES);
    return 1;
}

int inbox_drop_arrivals(struct step *step)
{
    uint8_t rev[REV_BYTES];
    int found;
    while ((found = arrival_each(turn_view(step->t), step->slot->id, any_arrival, rev)) > 0) {
        int err = drop_arrival(step, rev);
        if (err < 0)
            return err;
    }
    return found;
}

int inbox_wants_bulk(struct view *v, uint64_t wormhole, bool *wants)
{
    struct arrival_count count;
    int err = arrival_count(v, wormhole, ARRIVAL_PIECES, &count);
    *wants = err == 0 && count.all > count.in_state;
    return err;
}
