/* The generations of private mailboxes (PROTOCOL.md §4, §6, §10): at most two at a time, the
 * current one and the one that was begun and waits for the peer's first message there. */
#include "proto/boss_inner.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"

struct generation *boss_newest(const struct boss *b)
{
    return b->next != NULL ? b->next : b->current;
}

struct rendezvous *boss_rendezvous_of(struct boss *b, const struct generation *g)
{
    return boss_rendezvous(b, g == b->next ? LINK_NEXT : LINK_CURRENT);
}

struct generation_names boss_names(const struct boss *b)
{
    return (struct generation_names){.side = b->side, .peer = b->peer, .roots = &b->roots};
}

uint64_t boss_named(const struct boss *b)
{
    return b->rotation.proposed && b->rotation.next > b->begun ? b->rotation.next : b->begun;
}

/* ---- beginning ---- */

int boss_generation_first(struct boss *b, const uint8_t key[static RATCHET_KEY_BYTES],
                          const struct bytes *version)
{
    struct generation_names names = boss_names(b);

    b->begun = 0;
    b->current = generation_new(0, GENERATION_FIRST, key, outbound_first(&b->outbound), &names);
    if (b->current == NULL)
        return PROTO_ERR_NOMEM;
    return mailbox_add(&b->current->mailbox, boss_rendezvous(b, LINK_CURRENT), "version",
                       version->data, version->len, b->actions);
}

/* Says where we stand; never changes once it is made. */
static int say_version(struct boss *b, struct generation *g)
{
    struct message_version v = {.have = b->inbound.have, .floor = b->outbound.floor};
    struct bytes plain = {0};

    memcpy(v.incarnation, b->outbound.incarnation, sizeof(v.incarnation));
    int err = message_version_build(&plain, &v);
    if (err == PROTO_OK)
        err =
            generation_add(g, "version", &plain, boss_rendezvous(b, LINK_NEXT), b->now, b->actions);
    bytes_release(&plain);
    return err;
}

static void drop_next(struct boss *b)
{
    if (b->next == NULL)
        return;
    mailbox_forget_all(&b->next->mailbox, b->actions);
    generation_free(b->next);
    b->next = NULL;
    boss_renew(b, LINK_NEXT);
}

int boss_generation_begin(struct boss *b, uint64_t number, enum generation_origin origin,
                          const uint8_t key[static RATCHET_KEY_BYTES])
{
    struct generation_names names = boss_names(b);

    drop_next(b);
    b->next = generation_new(number, origin, key, outbound_first(&b->outbound), &names);
    if (b->next == NULL)
        return PROTO_ERR_NOMEM;
    b->begun = number;
    rotation_clear(&b->rotation);
    boss_meeting_begun(b);
    attempt_restart(&b->attempt);
    b->called = false;
    int err = say_version(b, b->next);
    return err != PROTO_OK ? err : boss_stream_put(b);
}

/* ---- confirming and ending ---- */

/* If it is open on the server it is closed there, without waiting for anything: what is not open
 * now the server forgets by itself. */
static int end_mailbox(struct boss *b, struct generation *g, enum mailbox_mood mood)
{
    bool open = g->mailbox.state == MAILBOX_REPLAY || g->mailbox.state == MAILBOX_OPEN;
    int err = PROTO_OK;

    mailbox_forget_all(&g->mailbox, b->actions);
    if (open)
        err = rendezvous_close(boss_rendezvous_of(b, g), g->mailbox.id, mood, b->actions);
    generation_free(g);
    return err;
}

static void move_link(struct boss *b)
{
    struct boss_link *current = &b->links[LINK_CURRENT], *next = &b->links[LINK_NEXT];

    *current = *next;
    current->r.link = LINK_CURRENT;
    *next = (struct boss_link){0};
    rendezvous_init(&next->r, LINK_NEXT);
    b->next_moved = true;
    actions_add(b->actions, ACTION_LINK_MOVE)->link = LINK_NEXT;
}

int boss_generation_confirm(struct boss *b)
{
    struct generation *old = b->current;
    bool met = b->next->origin == GENERATION_MET;

    int err = boss_code_leave(b);
    if (err == PROTO_OK)
        err = end_mailbox(b, old, MOOD_HAPPY);
    b->current = b->next;
    b->next = NULL;
    move_link(b);
    boss_event_number(b, met ? EVENT_MET : EVENT_ROTATED, b->current->mailbox.generation);
    if (met) {
        b->visit.met_ms = b->now->ms;
        b->adrift = false;
        boss_problem_over(b, PROBLEM_BACK);
    }
    b->asked = false;
    return err == PROTO_OK ? boss_meeting_over(b) : err;
}

int boss_generation_drop(struct boss *b, enum mailbox_mood mood)
{
    int err = PROTO_OK;

    drop_next(b);
    if (b->current != NULL)
        err = end_mailbox(b, b->current, mood);
    b->current = NULL;
    boss_renew(b, LINK_CURRENT);
    rotation_clear(&b->rotation);
    return err;
}

/* ---- rotation ---- */

static int rotate(struct boss *b, struct generation *g, const struct message *m)
{
    uint8_t key[RATCHET_KEY_BYTES];
    struct bytes rotated = {0};
    uint64_t number;

    int err = rotation_answer(m->content, m->len, g->key, b->begun, b->now, &number, key, &rotated);
    if (err != PROTO_OK) {
        bytes_release(&rotated);
        return boss_check(b, err); /* old, or nonsense: acknowledged and ignored */
    }
    /* The answer goes where the proposal came from, before the next generation is begun. */
    err = boss_stream_say(b, &rotated);
    if (err == PROTO_OK)
        err = boss_generation_begin(b, number, GENERATION_ROTATED, key);
    bytes_release(&rotated);
    sodium_memzero(key, sizeof(key));
    return err;
}

static int rotated(struct boss *b, struct generation *g, const struct message *m)
{
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t number;

    int err = rotation_finish(&b->rotation, m->content, m->len, g->key, &number, key);
    if (err != PROTO_OK)
        return boss_check(b, err);
    err = boss_generation_begin(b, number, GENERATION_ROTATED, key);
    sodium_memzero(key, sizeof(key));
    return err;
}

/* Only in the current generation: what is said in one that is begun is older than it. */
int boss_rotate_received(struct boss *b, struct generation *g, const struct message *m)
{
    bool proposal = message_kind(m) == MESSAGE_ROTATE;

    if (b->adrift || b->next != NULL || g != b->current || proposal == b->leader)
        return PROTO_OK;
    return proposal ? rotate(b, g, m) : rotated(b, g, m);
}

static bool can_rotate(const struct boss *b)
{
    const struct generation *g = b->current;

    return b->persistent && !b->adrift && b->next == NULL && g != NULL && generation_is_met(g) &&
           generation_is_open(g) && !g->mailbox.muted;
}

static bool wants_rotation(const struct boss *b)
{
    return b->leader && !b->rotation.proposed &&
           (mailbox_half_used(&b->current->mailbox) || b->current->full);
}

/* The places of bodies that were acknowledged from the last generation are used, although the
 * leader never saw them here. */
static bool is_stuck(const struct boss *b)
{
    return !b->leader && b->outbound.count == 0 &&
           mailbox_room(&b->current->mailbox, MAILBOX_NORMAL, OWN_BODY_MAX) == 0;
}

static int say_full(struct boss *b)
{
    struct bytes content = {0};

    bytes_put_u8(&content, MESSAGE_FULL);
    int err = boss_stream_say(b, &content);
    bytes_release(&content);
    return err;
}

int boss_rotation_settle(struct boss *b)
{
    struct bytes content = {0};

    if (!can_rotate(b))
        return PROTO_OK;
    if (is_stuck(b))
        return say_full(b);
    if (!wants_rotation(b))
        return PROTO_OK;
    int err = rotation_propose(&b->rotation, boss_named(b) + 1, b->now, &content);
    if (err == PROTO_OK)
        err = boss_stream_say(b, &content);
    bytes_release(&content);
    return err;
}

/* ---- when a store goes back ---- */

void boss_went_back(struct boss *b)
{
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];

    if (b->adrift)
        return;
    b->adrift = true;
    now_random(b->now, incarnation, sizeof(incarnation));
    outbound_incarnate(&b->outbound, incarnation);
    if (b->current != NULL)
        mailbox_mute(&b->current->mailbox);
    if (b->next != NULL)
        mailbox_mute(&b->next->mailbox);
    boss_event(b, EVENT_WENT_BACK_HERE, "");
    boss_problem(b, PROBLEM_BACK,
                 "this store is older than what was done with it: what arrived since is lost here; "
                 "the rest is sent again");
    boss_meeting_call(b);
}

int boss_clone(struct boss *b)
{
    boss_event(b, EVENT_CLONE, "");
    boss_set_state(b, BOSS_FAILED, "a copy of this store is in use");
    boss_problem(b, PROBLEM_CLONE,
                 "a copy of this store is in use elsewhere: this one has stopped for good");
    attempt_stop(&b->attempt, b->actions);
    return PROTO_OK;
}
