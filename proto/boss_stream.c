/* The stream of numbered messages to and from a persistent peer, and the ephemeral ones beside it
 * (PROTOCOL.md §5). What a message means for generations is in boss_generation.c. */
#include "proto/boss_inner.h"

#include <string.h>

#include "proto/error.h"
#include "proto/mailbox_phase.h"

enum { ACK_BODY_MAX = 256 /* longest body of an ack or meet */ };

/* ---- acknowledging ---- */

static void owe_ack(struct boss *b)
{
    if (!b->ack_owed)
        b->ack_ms = b->now->ms + BOSS_ACK_DELAY_MS;
    b->ack_owed = true;
}

static const struct message_id *position(const struct boss *b)
{
    return b->inbound.position.some ? &b->inbound.position : &b->inbound.have;
}

void boss_stream_acked_by(struct boss *b, const struct message_id *said)
{
    if (message_id_equal(said, position(b)))
        b->ack_owed = false;
}

int boss_stream_ephemeral(struct boss *b, const struct message_ephemeral *m)
{
    struct generation *g = boss_newest(b);
    struct bytes plain = {0};

    int err = message_ephemeral_build(&plain, m);
    if (err == PROTO_OK)
        err = generation_add_once(g, &plain, boss_rendezvous_of(b, g), b->now, b->actions);
    bytes_release(&plain);
    return boss_check(b, err);
}

/* Can an ephemeral message be said now? What is muted says only `meet`. */
static bool can_say(const struct boss *b, bool meet)
{
    const struct generation *g = boss_newest(b);

    return g != NULL && generation_is_open(g) && (meet || !g->mailbox.muted) &&
           mailbox_room(&g->mailbox, MAILBOX_EPHEMERAL, ACK_BODY_MAX) > 0;
}

static bool ack_can_go(const struct boss *b)
{
    return b->ack_owed && position(b)->some && can_say(b, false);
}

static int settle_ack(struct boss *b)
{
    if (!ack_can_go(b) || b->now->ms < b->ack_ms)
        return PROTO_OK;
    b->ack_owed = false;
    return boss_stream_ephemeral(
        b, &(struct message_ephemeral){.kind = MESSAGE_ACK, .have = *position(b)});
}

/* What we have cannot be gone on with in the newest generation: the peer has to meet us, and would
 * not come by itself, for it may hear us well. */
static bool must_meet(const struct boss *b)
{
    const struct generation *g = boss_newest(b);

    return g != NULL && (g->broken || (b->adrift && g->mailbox.muted) || boss_due(b, b->gap_ms));
}

static int settle_meet(struct boss *b)
{
    if (!must_meet(b) || b->called || !can_say(b, true))
        return PROTO_OK;
    b->called = true;
    return boss_stream_ephemeral(b, &(struct message_ephemeral){.kind = MESSAGE_MEET});
}

/* ---- our numbered messages ---- */

static const struct outbound_item *next_pending(const struct boss *b)
{
    const struct generation *g = boss_newest(b);

    return g != NULL ? outbound_find(&b->outbound, generation_next_number(g)) : NULL;
}

bool boss_stream_has_pending(const struct boss *b)
{
    return next_pending(b) != NULL;
}

int boss_stream_put(struct boss *b)
{
    struct generation *g = boss_newest(b);
    const struct outbound_item *item;
    int err = PROTO_OK;

    while (b->persistent && err == PROTO_OK && (item = next_pending(b)) != NULL &&
           generation_has_room(g, item->content.data, item->content.len)) {
        err = generation_put(g, &b->outbound, item, position(b), boss_rendezvous_of(b, g), b->now,
                             b->actions);
        if (generation_is_open(g))
            b->ack_owed = false;
    }
    return boss_check(b, err);
}

int boss_stream_say(struct boss *b, const struct bytes *content)
{
    const struct outbound_item *item;

    if (!bytes_ok(content))
        return PROTO_ERR_NOMEM;
    int err = outbound_add(&b->outbound, content->data, content->len, true, &item);
    return err != PROTO_OK ? err : boss_stream_put(b);
}

/* ---- what the peer acknowledges ---- */

static void acked_until(struct boss *b, uint64_t first)
{
    uint64_t last = b->outbound.floor.number;

    for (uint64_t number = first; number <= last; number++) {
        if (b->current != NULL)
            generation_acked(b->current, number, b->actions);
        if (b->next != NULL)
            generation_acked(b->next, number, b->actions);
    }
    actions_add(b->actions, ACTION_ACKED)->number = last;
}

static void take_ack(struct boss *b, const struct message_id *have)
{
    uint64_t first = outbound_first(&b->outbound);

    switch (outbound_ack(&b->outbound, have)) {
    case OUTBOUND_NOTHING:
        break;
    case OUTBOUND_ACKED:
        acked_until(b, first);
        break;
    case OUTBOUND_UNKNOWN:
        boss_went_back(b);
        break;
    }
}

/* ---- the peer's version ---- */

static void note_peer_back(struct boss *b, struct generation *g)
{
    if (!g->peer_back)
        boss_event(b, EVENT_WENT_BACK_PEER, "");
    g->peer_back = true;
}

/* Is what the peer has of us less than what we know it to have had? */
static bool is_behind(const struct boss *b, const struct message_id *have)
{
    const struct message_id *floor = &b->outbound.floor;

    return floor->some && (!have->some || have->number < floor->number);
}

/* Learning from the version of a new generation that we went back needs no further meeting: here
 * both say what they have, and all that is unacknowledged comes again. */
static void compare(struct boss *b, struct generation *g, const struct message_version *v)
{
    uint64_t first = outbound_first(&b->outbound);

    if (is_behind(b, &v->have))
        note_peer_back(b, g);
    enum outbound_news news = outbound_ack(&b->outbound, &v->have);
    if (news == OUTBOUND_ACKED)
        acked_until(b, first);
    bool lost = inbound_floor(&b->inbound, &v->floor);
    if ((lost || news == OUTBOUND_UNKNOWN) && !b->adrift)
        boss_event(b, EVENT_WENT_BACK_HERE, "");
}

static int take_later_version(struct boss *b, struct generation *g, const struct bytes *plain)
{
    struct message_version v;

    if (message_version_parse(&v, plain->data, plain->len) != PROTO_OK)
        return PROTO_OK;
    compare(b, g, &v);
    return g == b->next ? boss_generation_confirm(b) : PROTO_OK;
}

static int take_version(struct boss *b, struct generation *g, const struct bytes *plain)
{
    if (g->mailbox.generation != 0)
        return take_later_version(b, g, plain);
    int err = PROTO_OK;
    if (!b->persistent)
        err = boss_paired(b, plain);
    return err == PROTO_OK && b->persistent ? boss_code_leave(b) : err;
}

/* ---- the peer's numbered messages ---- */

static void deliver(struct boss *b, const struct message *m)
{
    if (b->state != BOSS_PAIRED) /* nothing is taken any more */
        return;
    struct action *a = actions_add(b->actions, ACTION_DELIVER);
    a->number = m->id.number;
    action_set_body(b->actions, a, m->content, m->len);
}

static void take_close(struct boss *b)
{
    b->peer_closed = true;
    if (b->state != BOSS_PAIRED) /* the two cross */
        return;
    b->end_ms = b->now->ms + BOSS_END_MS;
    attempt_stop(&b->attempt, b->actions);
    actions_add(b->actions, ACTION_PEER_CLOSED);
    boss_set_state(b, BOSS_CLOSED, "");
}

static int take_new(struct boss *b, struct generation *g, const struct message *m)
{
    switch (message_kind(m)) {
    case MESSAGE_ROTATE:
    case MESSAGE_ROTATED:
        return boss_rotate_received(b, g, m);
    case MESSAGE_CLOSE:
        take_close(b);
        break;
    case MESSAGE_FULL:
        g->full = true;
        break;
    default:
        if (message_kind(m) >= MESSAGE_KIND_APPLICATION)
            deliver(b, m);
        break;
    }
    return PROTO_OK;
}

/* What does not parse is not acknowledged either: the peer has a bug. */
static int take_numbered(struct boss *b, struct generation *g, const struct bytes *plain)
{
    struct message m;

    if (g->broken || message_parse(&m, plain->data, plain->len) != PROTO_OK)
        return PROTO_OK;
    enum inbound_verdict verdict = inbound_classify(&b->inbound, &m);
    if (verdict == INBOUND_GAP) {
        g->broken = true;
        boss_meeting_call(b);
        return PROTO_OK;
    }
    if (verdict == INBOUND_NEW && inbound_process(&b->inbound, &m.id))
        note_peer_back(b, g);
    inbound_handled(&b->inbound, &m.id, g->mailbox.generation);
    owe_ack(b);
    return verdict == INBOUND_NEW ? take_new(b, g, &m) : PROTO_OK;
}

/* A phase may be missing for ever: the peer erased its body when we acknowledged it from elsewhere.
 * Then what comes after it follows on something that we have seen. */
static bool can_skip(const struct boss *b, const struct generation *g)
{
    const struct order_item *first = order_first(&g->order);
    struct message m;

    return first != NULL && generation_is_met(g) &&
           message_parse(&m, first->data.data, first->data.len) == PROTO_OK &&
           inbound_classify(&b->inbound, &m) != INBOUND_GAP;
}

/* Until the fence numbered messages wait: then all that the replay had are one turn, and who
 * processes one of them can see what the later ones say of it. */
static bool may_take(const struct generation *g)
{
    return generation_is_open(g) || !generation_is_met(g);
}

static struct order_item *take_next(const struct boss *b, struct generation *g)
{
    if (!may_take(g))
        return NULL;
    struct order_item *item = order_take(&g->order);

    if (item != NULL || !can_skip(b, g))
        return item;
    order_skip(&g->order);
    return order_take(&g->order);
}

static int take_ordered(struct boss *b, struct generation *g)
{
    struct order_item *item;
    int err = PROTO_OK;

    while (err == PROTO_OK && (item = take_next(b, g)) != NULL) {
        if (strcmp(item->phase, "version") == 0)
            err = take_version(b, g, &item->data);
        else
            err = take_numbered(b, g, &item->data);
        order_item_free(item);
        if (g != b->current && g != b->next) /* a stock peer: it is gone */
            break;
    }
    return err;
}

/* ---- what arrives ---- */

static int open_body(struct boss *b, const struct generation *g, const struct mailbox_event *event,
                     struct bytes *plain)
{
    if (g->mailbox.generation == 0 && strcmp(event->phase, "version") == 0)
        return boss_code_open_version(b, event->body, event->len, plain);
    return generation_open(g, b->peer, event->phase, event->body, event->len, plain);
}

static bool was_handled(const struct generation *g, const char *phase)
{
    uint64_t number;

    return mailbox_phase_number(phase, &number) && number < g->order.next;
}

/* What it acknowledges is true even if it has to wait for its turn. */
static void look_ahead(struct boss *b, const struct generation *g, const struct bytes *plain)
{
    struct message m;

    if (generation_is_met(g) && message_parse(&m, plain->data, plain->len) == PROTO_OK)
        take_ack(b, &m.have);
}

static int take_lasting(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    struct bytes plain = {0};
    bool handled = was_handled(g, event->phase), wanted = order_wants(&g->order, event->phase);

    if (handled)
        owe_ack(b); /* the peer may not know it */
    /* In a replay what was handled tells how full the mailbox is: if it opens. */
    if (!wanted && (!handled || event->live))
        return PROTO_OK;
    int err = open_body(b, g, event, &plain);
    if (err == PROTO_OK)
        mailbox_opened(&g->mailbox, event->phase, event->len);
    if (err == PROTO_OK && wanted) {
        boss_heard(b);
        look_ahead(b, g, &plain);
        err = order_put(&g->order, event->phase, plain.data, plain.len);
        err = err < 0 ? err : take_ordered(b, g);
    }
    bytes_release(&plain);
    return boss_check(b, err);
}

static int take_ephemeral(struct boss *b, struct generation *g, const struct message_ephemeral *m,
                          bool live)
{
    switch (m->kind) {
    case MESSAGE_ACK:
        take_ack(b, &m->have);
        break;
    case MESSAGE_HINTS:
        return g == boss_newest(b) ? attempt_peer(&b->attempt, m, live) : PROTO_OK;
    case MESSAGE_MEET:
        if (!b->asked)
            boss_meeting_call(b);
        b->asked = true;
        break;
    }
    return PROTO_OK;
}

static int ephemeral(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    struct message_ephemeral m;
    struct bytes plain = {0};

    if (!generation_is_met(g))
        return PROTO_OK;
    int err = generation_open(g, b->peer, event->phase, event->body, event->len, &plain);
    if (err == PROTO_OK) {
        mailbox_opened(&g->mailbox, event->phase, event->len);
        boss_heard(b);
        err = message_ephemeral_parse(&m, plain.data, plain.len);
    }
    if (err == PROTO_OK)
        err = take_ephemeral(b, g, &m, event->live);
    bytes_release(&plain);
    return boss_check(b, err);
}

static int peer_message(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    if (g == boss_newest(b)) { /* hints of ours before it are not outstanding any more */
        attempt_heard(&b->attempt);
        b->called = false;
    }
    return mailbox_phase_is_ephemeral(event->phase) ? ephemeral(b, g, event)
                                                    : take_lasting(b, g, event);
}

/* ---- what a mailbox tells ---- */

static int fence(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    actions_add(b->actions, ACTION_CAUGHT_UP)->link = boss_rendezvous_of(b, g)->link;
    boss_problem_over(b, PROBLEM_OVERFULL); /* else it would have been noticed again */
    if (event->lost && boss_may_note(b))
        boss_event(b, EVENT_MAILBOX_LOST, "");
    return boss_check(b, take_ordered(b, g));
}

int boss_stream_event(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    switch (event->kind) {
    case MAILBOX_EVENT_INBOUND:
        return peer_message(b, g, event);
    case MAILBOX_EVENT_OWN:
        return boss_own_message(b, g, event);
    case MAILBOX_EVENT_OWN_UNKNOWN:
        return boss_own_unknown(b, g, event);
    case MAILBOX_EVENT_FENCE:
        return fence(b, g, event);
    case MAILBOX_EVENT_OVERFULL:
        boss_problem_seen(b, PROBLEM_OVERFULL, "the peer has put too much into its mailbox");
        break;
    case MAILBOX_EVENT_CROWDED: /* a third side knows a secret id: nothing helps but a meeting */
        g->broken = true;
        break;
    case MAILBOX_EVENT_NONE:
    case MAILBOX_EVENT_CLOSED:
        break;
    }
    return PROTO_OK;
}

/* ---- the end of a step ---- */

/* Is a phase of the peer missing in what the server has shown? */
static bool has_gap(const struct generation *g)
{
    return g != NULL && (g->broken || (generation_is_open(g) && g->order.count > 0));
}

static void settle_gap(struct boss *b)
{
    if (!has_gap(b->current) && !has_gap(b->next))
        b->gap_ms = 0;
    else if (b->gap_ms == 0)
        b->gap_ms = b->now->ms + BOSS_SILENCE_MS;
}

/* Does the time in end_ms end something in this state? */
static bool is_ending(const struct boss *b)
{
    return b->state == BOSS_LEAVING || (b->state == BOSS_CLOSED && b->persistent);
}

/* The close was acknowledged; or it crossed the peer's, which we have acknowledged; or nobody ever
 * will. */
static int settle_end(struct boss *b)
{
    struct generation *g = boss_newest(b);

    if (b->state == BOSS_CLOSED && b->persistent && boss_due(b, b->end_ms)) {
        b->end_ms = 0;
        return boss_generation_drop(b, MOOD_HAPPY);
    }
    if (b->state != BOSS_LEAVING || !(b->persistent || boss_due(b, b->end_ms)))
        return PROTO_OK;
    bool acked = b->persistent && !outbound_has_kind(&b->outbound, MESSAGE_CLOSE);
    bool crossed = b->peer_closed && g != NULL && generation_is_open(g) && !b->ack_owed &&
                   !boss_stream_has_pending(b);
    if (!acked && !crossed && !boss_due(b, b->end_ms))
        return PROTO_OK;
    boss_finish(b);
    return acked ? boss_generation_drop(b, MOOD_HAPPY) : PROTO_OK;
}

int boss_stream_settle(struct boss *b)
{
    int err = settle_meet(b);

    if (err == PROTO_OK)
        err = settle_ack(b);
    settle_gap(b);
    return err != PROTO_OK ? err : settle_end(b);
}

static void sooner(int64_t *deadline_ms, int64_t at_ms)
{
    if (at_ms < *deadline_ms)
        *deadline_ms = at_ms;
}

int64_t boss_stream_deadline(const struct boss *b)
{
    int64_t deadline_ms = INT64_MAX;

    if (ack_can_go(b))
        sooner(&deadline_ms, b->ack_ms);
    if (b->end_ms != 0 && is_ending(b))
        sooner(&deadline_ms, b->end_ms);
    return deadline_ms;
}

/* ---- our user ---- */

static bool is_streaming(const struct boss *b)
{
    return b->persistent && b->state == BOSS_PAIRED;
}

unsigned boss_room(const struct boss *b)
{
    const struct generation *g = boss_newest(b);

    if (!is_streaming(b) || b->adrift || g == NULL || next_pending(b) != NULL)
        return 0;
    return mailbox_room(&g->mailbox, MAILBOX_NORMAL, OWN_BODY_MAX);
}

int boss_stream_send(struct boss *b, const void *content, size_t len, uint64_t *number,
                     uint8_t *incarnation)
{
    const struct outbound_item *item;
    const uint8_t *bytes = content;

    if (len < 1 || len > BOSS_CONTENT_MAX)
        return PROTO_ERR_TOO_BIG;
    if (!is_streaming(b) || bytes[0] < MESSAGE_KIND_APPLICATION || bytes[0] > MESSAGE_KIND_MAX)
        return PROTO_ERR_STATE;
    if (b->adrift || next_pending(b) != NULL || !generation_has_room(boss_newest(b), bytes, len))
        return PROTO_ERR_FULL;
    int err = outbound_add(&b->outbound, content, len, false, &item);
    if (err != PROTO_OK)
        return err;
    *number = item->id.number;
    memcpy(incarnation, item->id.incarnation, MESSAGE_INCARNATION_BYTES);
    return boss_stream_put(b);
}
