/* Visits to the meeting mailbox (PROTOCOL.md §7): when, for how long, and what is done there. */
#include "proto/boss_inner.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/phase.h"

enum { BODY_MAX = 256 /* longest body of ours there */ };

int boss_meeting_init(struct boss *b)
{
    char id[RATCHET_MAILBOX_LEN + 1];

    ratchet_meeting_mailbox(id, &b->roots);
    return mailbox_init(&b->meeting_mailbox, MAILBOX_OF_MEETING, id, b->side, b->peer);
}

/* ---- reasons ---- */

static bool may_meet(const struct boss *b)
{
    return b->persistent && b->current != NULL &&
           (b->state == BOSS_PAIRED || b->state == BOSS_LEAVING);
}

static bool is_urgent(const struct boss *b)
{
    return b->adrift || b->asked || boss_newest(b)->broken;
}

static bool has_reason(const struct boss *b, int64_t now_ms)
{
    return is_urgent(b) || now_ms >= b->quiet_ms || (b->gap_ms != 0 && now_ms >= b->gap_ms);
}

/* A reason of our own to be met, not only to look whether we are needed. */
static bool needs_meeting(const struct boss *b)
{
    if (is_urgent(b) || boss_due(b, b->gap_ms))
        return true;
    return b->now->ms >= b->quiet_ms && (b->outbound.count > 0 || b->next != NULL);
}

/* ---- coming and leaving ---- */

/* Not all at the same distance: two who miss each other once would do so for ever. */
static int64_t until_next_ms(struct boss *b)
{
    uint32_t spread;

    now_random(b->now, &spread, sizeof(spread));
    return BOSS_VISIT_EVERY_MS / 2 + spread % (BOSS_VISIT_EVERY_MS / 2);
}

static void leave(struct boss *b, int64_t away_ms)
{
    b->visit.on = false;
    b->visit.fenced = false;
    b->visit.next_ms = b->now->ms + away_ms;
}

static void come(struct boss *b)
{
    b->visit.on = true;
    b->visit.fenced = false;
    b->visit.agreed = false;
    b->visit.leave_ms = b->now->ms + BOSS_VISIT_FENCE_MS;
}

static void stay_until(struct boss *b, int64_t at_ms)
{
    if (at_ms > b->visit.leave_ms)
        b->visit.leave_ms = at_ms;
}

/* A peer can give us a reason in each generation. If each were met at once that would go on at the
 * speed of its messages, and each meeting stays in the log. */
static int64_t soonest_ms(const struct boss *b)
{
    int64_t apart_ms = b->visit.met_ms + BOSS_MEETING_APART_MS;

    return b->visit.met_ms != 0 && apart_ms > b->now->ms ? apart_ms : b->now->ms;
}

void boss_meeting_call(struct boss *b)
{
    b->visit.next_ms = soonest_ms(b);
    if (b->visit.on)
        stay_until(b, b->now->ms + BOSS_VISIT_URGENT_MS);
}

static void forget_bodies(struct boss *b)
{
    if (b->meeting_mailbox.kept != NULL)
        mailbox_forget_all(&b->meeting_mailbox, b->actions);
    meeting_forget(&b->meeting);
}

/* The store may have gone back to before our challenge was met: the peer would never answer it
 * again. So what is not answered in the life of one machine is said anew in that of the next. */
void boss_meeting_restored(struct boss *b)
{
    if (b->meeting.mine.known && b->meeting_mailbox.kept != NULL)
        mailbox_forget(&b->meeting_mailbox, b->meeting.phase, b->actions);
    meeting_forget(&b->meeting);
}

void boss_meeting_begun(struct boss *b)
{
    forget_bodies(b);
}

int boss_meeting_over(struct boss *b)
{
    int err = PROTO_OK;

    forget_bodies(b);
    if (!b->visit.on)
        return PROTO_OK;
    if (b->meeting_mailbox.state == MAILBOX_OPEN)
        err = mailbox_close(&b->meeting_mailbox, MOOD_HAPPY, boss_rendezvous(b, LINK_MEETING),
                            b->actions);
    leave(b, until_next_ms(b));
    mailbox_release(&b->meeting_mailbox);
    return err == PROTO_OK ? boss_meeting_init(b) : err;
}

int boss_meeting_drop(struct boss *b)
{
    int err = PROTO_OK;

    forget_bodies(b);
    if (b->visit.on && b->meeting_mailbox.state == MAILBOX_OPEN)
        err = mailbox_close(&b->meeting_mailbox, MOOD_HAPPY, boss_rendezvous(b, LINK_MEETING),
                            b->actions);
    mailbox_release(&b->meeting_mailbox);
    b->visit = (struct boss_visit){0};
    return err;
}

/* ---- what is said there ---- */

/* Kept and added again, or said once. */
static int say(struct boss *b, const char *phase, const struct bytes *plain, bool keep)
{
    struct rendezvous *r = boss_rendezvous(b, LINK_MEETING);
    struct mailbox *m = &b->meeting_mailbox;
    struct bytes body = {0};

    int err =
        phase_encrypt(&body, b->roots.meeting, b->side, phase, plain->data, plain->len, b->now);
    if (err == PROTO_OK && keep)
        err = mailbox_add(m, r, phase, body.data, body.len, b->actions);
    else if (err == PROTO_OK)
        err = mailbox_add_once(m, r, phase, body.data, body.len, b->actions);
    bytes_release(&body);
    return boss_check(b, err);
}

static int challenge(struct boss *b)
{
    struct bytes plain = {0};
    char phase[PHASE_LEN_MAX + 1];

    mailbox_phase_draw(phase, b->now);
    int err = meeting_challenge(&b->meeting, phase, boss_named(b), b->now, &plain);
    if (err == PROTO_OK)
        err = say(b, phase, &plain, true);
    bytes_release(&plain);
    return err;
}

static int answer(struct boss *b)
{
    struct bytes plain = {0};
    char phase[PHASE_LEN_MAX + 1];

    mailbox_phase_draw(phase, b->now);
    int err = meeting_answer(&b->meeting, boss_named(b), &plain);
    if (err == PROTO_OK)
        err = say(b, phase, &plain, false);
    bytes_release(&plain);
    return err;
}

static int agree(struct boss *b)
{
    uint8_t key[RATCHET_KEY_BYTES];
    struct bytes confirm = {0};
    char phase[PHASE_LEN_MAX + 1];
    uint64_t number;

    int err = meeting_agree(&b->meeting, &b->roots, &number, key, &confirm);
    if (err == PROTO_OK && number > b->begun)
        err = boss_generation_begin(b, number, GENERATION_MET, key);
    if (err == PROTO_OK && confirm.len > 0) {
        mailbox_phase_draw(phase, b->now);
        err = say(b, phase, &confirm, true);
    }
    sodium_memzero(key, sizeof(key));
    bytes_release(&confirm);
    b->visit.agreed = true;
    stay_until(b, b->now->ms + BOSS_VISIT_STAY_MS);
    return boss_check(b, err);
}

/* One thing at a time; 1 if there may be more. */
static int carry_on(struct boss *b)
{
    enum meeting_step step = meeting_step(&b->meeting, needs_meeting(b));
    int err = PROTO_OK;

    bool speaks = step == MEETING_CHALLENGE || step == MEETING_ANSWER ||
                  (step == MEETING_AGREED && !b->meeting.leader);
    if (speaks && mailbox_room(&b->meeting_mailbox, MAILBOX_EPHEMERAL, BODY_MAX) == 0) {
        leave(b, BOSS_VISIT_FULL_MS);
        return 0;
    }
    switch (step) {
    case MEETING_WAIT:
        return 0;
    case MEETING_CHALLENGE:
        err = challenge(b);
        break;
    case MEETING_ANSWER:
        err = answer(b);
        break;
    case MEETING_AGREED:
        err = agree(b);
        break;
    }
    return err != PROTO_OK ? err : 1;
}

/* ---- the mailbox ---- */

int boss_meeting_up(struct boss *b)
{
    meeting_begin_visit(&b->meeting);
    b->visit.fenced = false;
    return mailbox_up(&b->meeting_mailbox, boss_rendezvous(b, LINK_MEETING), b->actions);
}

static int take(struct boss *b, const struct mailbox_event *event, bool own)
{
    struct bytes plain = {0};

    int err = phase_decrypt(&plain, b->roots.meeting, own ? b->side : b->peer, event->phase,
                            event->body, event->len);
    if (err == PROTO_OK && own)
        meeting_own(&b->meeting, plain.data, plain.len);
    else if (err == PROTO_OK)
        err = meeting_received(&b->meeting, plain.data, plain.len, b->begun);
    bytes_release(&plain);
    return boss_check(b, err);
}

static void fence(struct boss *b)
{
    b->visit.fenced = true;
    b->visit.leave_ms = b->now->ms;
    if (is_urgent(b) || boss_due(b, b->gap_ms) || b->meeting.theirs_count > 0)
        stay_until(b, b->now->ms + BOSS_VISIT_URGENT_MS);
}

int boss_meeting_received(struct boss *b, const struct server_msg *msg)
{
    struct mailbox_event event;

    if (!b->visit.on)
        return PROTO_OK;
    int err = mailbox_received(&b->meeting_mailbox, boss_rendezvous(b, LINK_MEETING), msg, &event,
                               b->actions);
    if (err != PROTO_OK)
        return err;
    switch (event.kind) {
    case MAILBOX_EVENT_INBOUND:
        return take(b, &event, false);
    case MAILBOX_EVENT_OWN:
        return take(b, &event, true);
    case MAILBOX_EVENT_FENCE:
        fence(b);
        break;
    case MAILBOX_EVENT_CROWDED:
    case MAILBOX_EVENT_OVERFULL:
        leave(b, BOSS_VISIT_FULL_MS);
        forget_bodies(
            b); /* where the challenge stood it is not any more: the next visit says a new one */
        mailbox_release(&b->meeting_mailbox);
        return boss_meeting_init(b);
    case MAILBOX_EVENT_NONE:
    case MAILBOX_EVENT_OWN_UNKNOWN:
    case MAILBOX_EVENT_CLOSED:
        break;
    }
    return PROTO_OK;
}

/* ---- the end of a step ---- */

/* Was it found before? From now on it was. */
static bool was_found(struct boss_visit *visit, const uint8_t *challenge)
{
    uint64_t begins;

    memcpy(&begins, challenge, sizeof(begins));
    for (size_t i = 0; i < MEETING_THEIRS_MAX; i++)
        if (visit->found[i] == begins)
            return true;
    visit->found[visit->found_next++ % MEETING_THEIRS_MAX] = begins;
    return false;
}

/* A challenge that was not there before is worth waiting for. */
static void stay_for_challenges(struct boss *b)
{
    for (size_t i = 0; i < b->meeting.theirs_count; i++)
        if (!was_found(&b->visit, b->meeting.theirs[i].challenge))
            stay_until(b, b->now->ms + BOSS_VISIT_STAY_MS);
}

static int settle_visit(struct boss *b)
{
    int more = b->visit.fenced;

    while (more == 1 && b->visit.on && !b->visit.agreed)
        more = carry_on(b);
    if (b->visit.fenced)
        stay_for_challenges(b);
    if (b->visit.on && b->now->ms >= b->visit.leave_ms)
        leave(b, until_next_ms(b));
    return more < 0 ? more : PROTO_OK;
}

static bool is_reachable(const struct boss *b)
{
    return b->links[LINK_CURRENT].r.state == RENDEZVOUS_UP;
}

int boss_meeting_settle(struct boss *b)
{
    if (!may_meet(b)) {
        b->visit.on = false;
        return PROTO_OK;
    }
    if (b->visit.on)
        return settle_visit(b);
    if (is_reachable(b) && b->now->ms >= b->visit.next_ms && has_reason(b, b->now->ms))
        come(b);
    return PROTO_OK;
}

int64_t boss_meeting_deadline(const struct boss *b)
{
    int64_t reason_ms = b->quiet_ms;

    if (!may_meet(b))
        return INT64_MAX;
    if (b->visit.on)
        return b->visit.leave_ms;
    if (!is_reachable(b))
        return INT64_MAX;
    if (b->gap_ms != 0 && b->gap_ms < reason_ms)
        reason_ms = b->gap_ms;
    return is_urgent(b) || reason_ms < b->visit.next_ms ? b->visit.next_ms : reason_ms;
}
