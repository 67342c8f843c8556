#include "proto/boss_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "mutant.h"
#include "proto/error.h"
#include "proto/vault.h"

/* ---- saying what happened ---- */

void boss_event(struct boss *b, enum boss_event event, const char *detail)
{
    struct action *a = actions_add(b->actions, ACTION_EVENT);

    a->number = event;
    action_set_text(b->actions, a, detail);
}

void boss_event_number(struct boss *b, enum boss_event event, uint64_t number)
{
    char detail[32];

    snprintf(detail, sizeof(detail), "%" PRIu64, number);
    boss_event(b, event, detail);
}

void boss_set_state(struct boss *b, enum boss_state state, const char *why)
{
    if (b->state == state)
        return;
    b->state = state;
    struct action *a = actions_add(b->actions, ACTION_STATE);
    a->number = state;
    action_set_text(b->actions, a, why);
}

static void say_problem(struct boss *b, enum boss_problem problem, const char *text)
{
    b->problem = problem;
    action_set_text(b->actions, actions_add(b->actions, ACTION_PROBLEM), text);
}

/* What a server says may change; the others are sentences of ours. */
void boss_problem(struct boss *b, enum boss_problem problem, const char *text)
{
    if (problem > b->problem)
        say_problem(b, problem, text);
}

void boss_problem_over(struct boss *b, enum boss_problem problem)
{
    if (b->problem == problem)
        say_problem(b, PROBLEM_NONE, "");
}

void boss_heard(struct boss *b)
{
    b->quiet_ms = b->now->ms + BOSS_SILENCE_MS;
    if (!b->told_heard)
        actions_add(b->actions, ACTION_HEARD);
    b->told_heard = true;
}

void boss_finish(struct boss *b)
{
    if (!b->over)
        actions_add(b->actions, ACTION_CLOSE_DONE);
    b->over = true;
}

int boss_check(struct boss *b, int err)
{
    return err == PROTO_ERR_NOMEM || b->actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

bool boss_due(const struct boss *b, int64_t at_ms)
{
    return at_ms != 0 && b->now->ms >= at_ms;
}

void boss_draw_side(struct boss *b)
{
    uint8_t side[SIDE_LEN / 2];

    now_random(b->now, side, sizeof(side));
    hex_encode(b->side, side, sizeof(side));
}

/* ---- the step ---- */

void boss_begin(struct boss *b, struct now *now, struct actions *actions)
{
    b->now = now;
    b->actions = actions;
    b->told_heard = false;
    boss_follow_clock(b, now);
}

/* What follows from the state, whatever the input was. */
static int settle(struct boss *b)
{
    int err = boss_code_settle(b);

    if (err == PROTO_OK)
        err = boss_classic_settle(b);
    if (err == PROTO_OK)
        err = boss_meeting_settle(b);
    if (err == PROTO_OK)
        err = boss_rotation_settle(b);
    if (err == PROTO_OK)
        err = boss_stream_put(b);
    if (err == PROTO_OK)
        err = boss_stream_settle(b);
    if (err == PROTO_OK)
        err = boss_bulk_settle(b);
    return err;
}

/* Whether a snapshot is due is seen by comparing, so that no change can be forgotten. */
static int settle_snapshot(struct boss *b)
{
    uint8_t fingerprint[sizeof(b->fingerprint)];

    int err = snapshot_fingerprint(b, fingerprint);
    if (err != PROTO_OK || memcmp(fingerprint, b->fingerprint, sizeof(fingerprint)) == 0)
        return err;
    memcpy(b->fingerprint, fingerprint, sizeof(fingerprint));
    actions_add(b->actions, ACTION_SNAPSHOT);
    return PROTO_OK;
}

int boss_end(struct boss *b, int err)
{
    bool stopped = b->over || b->state == BOSS_FAILED;
    int settled = err;

    if (err != PROTO_ERR_NOMEM && !stopped)
        settled = settle(b);
    boss_links_settle(b);
    if (settled != PROTO_ERR_NOMEM)
        settled = settle_snapshot(b);
    if (b->actions->failed)
        settled = PROTO_ERR_NOMEM;
    b->now = NULL;
    b->actions = NULL;
    return settled == PROTO_ERR_NOMEM ? settled : err;
}

/* ---- life ---- */

static int take_options(struct boss *b, const struct boss_options *options)
{
    const struct hint_list *relays = &options->relays;

    b->appid = options->appid;
    b->code_words = options->code_words;
    b->aes = options->aes;
    snprintf(b->software, sizeof(b->software), "%s", options->software);
    if (relays->count == 0)
        return PROTO_OK;
    b->relays = malloc(relays->count * sizeof(relays->at[0]));
    if (b->relays == NULL)
        return PROTO_ERR_NOMEM;
    memcpy(b->relays, relays->at, relays->count * sizeof(relays->at[0]));
    b->relay_count = relays->count;
    return PROTO_OK;
}

static struct boss *new_boss(const struct boss_options *options)
{
    struct boss *b = vault_alloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++)
        rendezvous_init(&b->links[link].r, link);
    attempt_init(&b->attempt);
    if (take_options(b, options) == PROTO_OK)
        return b;
    boss_free(b);
    return NULL;
}

void boss_free(struct boss *b)
{
    if (b == NULL)
        return;
    key_release(&b->key);
    order_release(&b->code_order);
    mailbox_release(&b->code_mailbox);
    mailbox_release(&b->meeting_mailbox);
    if (b->classic != NULL)
        classic_release(b->classic);
    vault_free(b->classic, sizeof(*b->classic));
    generation_free(b->current);
    generation_free(b->next);
    meeting_release(&b->meeting);
    outbound_release(&b->outbound);
    attempt_release(&b->attempt);
    free(b->relays);
    vault_free(b, sizeof(*b));
}

static void draw_incarnation(uint8_t incarnation[static MESSAGE_INCARNATION_BYTES], struct now *now)
{
    now_random(now, incarnation, MESSAGE_INCARNATION_BYTES);
}

int boss_create(struct boss **out, const struct boss_options *options, struct now *now,
                struct actions *actions)
{
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];
    struct boss *b = new_boss(options);

    *out = NULL;
    if (b == NULL)
        return PROTO_ERR_NOMEM;
    boss_begin(b, now, actions);
    boss_draw_side(b);
    draw_incarnation(incarnation, now);
    outbound_init(&b->outbound, incarnation);
    inbound_init(&b->inbound);
    int err = boss_end(b, PROTO_OK);
    if (err != PROTO_OK) {
        boss_free(b);
        return err;
    }
    *out = b;
    return PROTO_OK;
}

int boss_restore(struct boss **out, const struct boss_options *options, const void *snapshot,
                 size_t len, struct now *now, struct actions *actions)
{
    struct reader in = reader_of(snapshot, len);
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];
    struct boss *b = new_boss(options);

    *out = NULL;
    if (b == NULL)
        return PROTO_ERR_NOMEM;
    int err = snapshot_load(b, &in);
    if (err == PROTO_OK && b->persistent)
        err = boss_meeting_init(b);
    if (err != PROTO_OK) {
        boss_free(b);
        return err;
    }
    draw_incarnation(incarnation, now);
    outbound_incarnate(&b->outbound, incarnation);
    boss_bound_times(b, now);
    actions_add(actions, ACTION_SNAPSHOT);
    *out = b;
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

int boss_restore_kept(struct boss *b, uint64_t mailbox, const char *phase, const void *body,
                      size_t len)
{
    if (MUTANT(REENCRYPT_ON_RESTART) && phase[0] <= '9')
        return PROTO_OK;
    if (mailbox == MAILBOX_OF_CODE)
        return b->has_code ? mailbox_keep(&b->code_mailbox, phase, body, len) : PROTO_ERR_INVALID;
    if (mailbox == MAILBOX_OF_MEETING)
        return b->persistent ? mailbox_keep(&b->meeting_mailbox, phase, body, len)
                             : PROTO_ERR_INVALID;
    if (b->current != NULL && b->current->mailbox.generation == mailbox)
        return mailbox_keep(&b->current->mailbox, phase, body, len);
    if (b->next != NULL && b->next->mailbox.generation == mailbox)
        return mailbox_keep(&b->next->mailbox, phase, body, len);
    return PROTO_ERR_INVALID;
}

int boss_restore_message(struct boss *b, uint64_t number, const uint8_t incarnation[static 16],
                         const void *content, size_t len)
{
    return outbound_restore(&b->outbound, number, incarnation, content, len);
}

int boss_restored(struct boss *b, struct now *now, struct actions *actions)
{
    uint32_t spread;
    int err = PROTO_OK;

    if (!outbound_complete(&b->outbound))
        return PROTO_ERR_MALFORMED;
    if (MUTANT(REENCRYPT_ON_RESTART) && b->current != NULL)
        b->current->mailbox.next_number = outbound_first(&b->outbound) - b->current->first_number;
    boss_begin(b, now, actions);
    boss_meeting_restored(b);
    now_random(now, &spread, sizeof(spread));
    b->quiet_ms = now->ms + BOSS_FIRST_SILENCE_MS + spread % (BOSS_FIRST_SILENCE_MS / 2);
    if (b->classic != NULL)
        err = classic_restored(b->classic, ++b->attempt.number, actions);
    return boss_end(b, boss_check(b, err));
}

int boss_snapshot(const struct boss *b, struct bytes *out)
{
    return snapshot_save(b, out);
}

/* ---- our user ---- */

/* A new peer may be anybody: nothing of the old one stays. */
static int start_afresh(struct boss *b)
{
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];

    int err = boss_code_abandon(b, MOOD_HAPPY);
    if (err == PROTO_OK)
        err = boss_generation_drop(b, MOOD_HAPPY);
    if (err == PROTO_OK)
        err = boss_meeting_drop(b);
    boss_classic_stop(b);
    attempt_stop(&b->attempt, b->actions);
    boss_draw_side(b);
    outbound_release(&b->outbound);
    draw_incarnation(incarnation, b->now);
    outbound_init(&b->outbound, incarnation);
    inbound_init(&b->inbound);
    sodium_memzero(&b->roots, sizeof(b->roots));
    b->persistent = b->leader = b->adrift = b->peer_closed = false;
    b->begun = 0;
    b->burnt = 0;
    b->end_ms = 0;
    if (b->problem != PROBLEM_NONE)
        boss_problem_over(b, b->problem);
    boss_set_state(b, BOSS_NEW, "");
    return err;
}

static bool is_ended(const struct boss *b)
{
    return b->state == BOSS_CLOSED || b->state == BOSS_FAILED;
}

int boss_allocate(struct boss *b, struct now *now, struct actions *actions)
{
    int err = PROTO_OK;

    boss_begin(b, now, actions);
    if (is_ended(b))
        err = start_afresh(b);
    if (err == PROTO_OK && b->state == BOSS_NEW && !b->over) {
        b->burnt = 0;
        err = boss_code_allocate(b);
    }
    return boss_end(b, err);
}

int boss_join(struct boss *b, const char *code, struct now *now, struct actions *actions)
{
    int err = code_check(code);

    if (err != PROTO_OK)
        return err;
    if (b->state == BOSS_PAIRED || b->state == BOSS_LEAVING || b->over)
        return PROTO_ERR_STATE;
    boss_begin(b, now, actions);
    if (is_ended(b))
        err = start_afresh(b);
    if (err == PROTO_OK)
        err = boss_code_join(b, code);
    return boss_end(b, err);
}

/* Our close is a message like any other; the peer may still have to be met. */
static int leave(struct boss *b)
{
    struct bytes close = {0};

    boss_set_state(b, BOSS_LEAVING, "");
    b->end_ms = b->now->ms + BOSS_END_MS;
    attempt_stop(&b->attempt, b->actions);
    if (!b->persistent) /* the hand-over is under way: whoever comes is told */
        return PROTO_OK;
    bytes_put_u8(&close, MESSAGE_CLOSE);
    int err = boss_stream_say(b, &close);
    bytes_release(&close);
    return err;
}

static int close_now(struct boss *b)
{
    bool may_be_paired = b->key.state == KEY_UNVERIFIED || b->state == BOSS_PAIRED;

    if (b->classic == NULL && may_be_paired)
        return leave(b);
    int err =
        b->classic != NULL && b->state == BOSS_PAIRED ? boss_classic_say_goodbye(b) : PROTO_OK;
    boss_classic_stop(b);
    b->ack_ms = b->now->ms; /* of the peer's close, if that is what we owe */
    if (err != PROTO_OK)
        return err;
    if (b->state == BOSS_CLOSED)
        err = boss_stream_settle(b);
    else if (b->state != BOSS_FAILED)
        err = boss_code_abandon(b, MOOD_HAPPY);
    boss_finish(b);
    return err;
}

int boss_close(struct boss *b, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, b->state == BOSS_LEAVING || b->over ? PROTO_OK : close_now(b));
}

/* ---- the persistent stream ---- */

int boss_send(struct boss *b, const void *content, size_t len, uint64_t *number,
              uint8_t incarnation[static 16], struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, boss_stream_send(b, content, len, number, incarnation));
}

int boss_want_bulk(struct boss *b, bool want, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    attempt_want(&b->attempt, want);
    return boss_end(b, PROTO_OK);
}

int boss_transit_hints(struct boss *b, uint64_t attempt, const struct hint_list *direct,
                       struct now *now, struct actions *actions)
{
    int err = PROTO_OK;

    boss_begin(b, now, actions);
    if (b->classic != NULL) {
        err = boss_classic_hints(b, attempt, direct);
    } else if (boss_newest(b) != NULL) {
        struct attempt_context context = boss_bulk_context(b);
        err = attempt_hints(&b->attempt, attempt, direct, &context);
    }
    return boss_end(b, boss_check(b, err));
}

int boss_transit_up(struct boss *b, uint64_t attempt, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    if (b->classic == NULL)
        attempt_up(&b->attempt, attempt, now->ms);
    return boss_end(b, PROTO_OK);
}

int boss_transit_down(struct boss *b, uint64_t attempt, struct now *now, struct actions *actions)
{
    int err = PROTO_OK;

    boss_begin(b, now, actions);
    if (b->classic != NULL)
        err = boss_classic_down(b, attempt);
    else
        attempt_down(&b->attempt, attempt, now->ms);
    return boss_end(b, boss_check(b, err));
}

/* ---- the stock protocol ---- */

int boss_classic_offer(struct boss *b, const struct classic_offer *offer, const char *text,
                       struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, boss_classic_say_offer(b, offer, text));
}

int boss_classic_answer(struct boss *b, const char *refusal, struct now *now,
                        struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, boss_classic_say_answer(b, refusal));
}

int boss_classic_finished(struct boss *b, bool ok, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, boss_classic_say_finished(b, ok));
}

int boss_classic_end(struct boss *b, const char *reason, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, boss_classic_give_up(b, reason));
}

/* ---- time ---- */

static void sooner(int64_t *deadline_ms, int64_t at_ms)
{
    if (at_ms < *deadline_ms)
        *deadline_ms = at_ms;
}

int64_t boss_deadline_ms(const struct boss *b)
{
    int64_t deadline_ms = INT64_MAX;

    if (b->over)
        return deadline_ms;
    sooner(&deadline_ms, boss_links_deadline(b));
    if (b->state == BOSS_FAILED)
        return deadline_ms;
    sooner(&deadline_ms, boss_code_deadline(b));
    sooner(&deadline_ms, boss_classic_deadline(b));
    sooner(&deadline_ms, boss_stream_deadline(b));
    sooner(&deadline_ms, boss_meeting_deadline(b));
    sooner(&deadline_ms, boss_bulk_deadline(b));
    return deadline_ms;
}

int boss_tick(struct boss *b, struct now *now, struct actions *actions)
{
    boss_begin(b, now, actions);
    return boss_end(b, PROTO_OK);
}

/* ---- looking ---- */

enum boss_state boss_state(const struct boss *b)
{
    return b->state;
}

bool boss_is_persistent(const struct boss *b)
{
    return b->persistent;
}

const char *boss_code(const struct boss *b)
{
    return b->code[0] != '\0' ? b->code : NULL;
}

bool boss_bulk_up(const struct boss *b)
{
    return b->attempt.state == ATTEMPT_UP;
}

bool boss_is_open(const struct boss *b)
{
    const struct generation *g = boss_newest(b);

    return g != NULL && generation_is_open(g);
}
