/* The stock peer: the machine of classic.h on the code's mailbox. Its plaintexts are sealed under K
 * as the next numeric phases. */
#include "proto/boss_inner.h"

#include <stdlib.h>

#include "proto/classic_msg.h"
#include "proto/error.h"
#include "proto/mailbox_phase.h"
#include "proto/vault.h"

static int say(struct boss *b, const struct bytes *plain)
{
    struct bytes body = {0};
    char phase[PHASE_LEN_MAX + 1];

    mailbox_phase_of_number(phase, b->code_mailbox.next_number);
    int err = key_seal(&b->key, b->side, phase, plain->data, plain->len, b->now, &body);
    if (err == PROTO_OK)
        err = mailbox_add(&b->code_mailbox, boss_rendezvous(b, LINK_CODE), phase, body.data,
                          body.len, b->actions);
    bytes_release(&body);
    return err;
}

/* After each input: says what it led to. Other errors than NOMEM are the caller's mistake. */
static int carry_on(struct boss *b, int err, struct classic_out *out)
{
    int said = PROTO_OK;

    for (size_t i = 0; i < out->count && said == PROTO_OK; i++)
        said = say(b, &out->messages[i]);
    classic_out_release(out);
    return boss_check(b, said) != PROTO_OK ? PROTO_ERR_NOMEM : err;
}

/* Nothing was offered by either side, and all that came while we were away was seen. */
static bool is_silent(const struct boss *b)
{
    return b->state == BOSS_PAIRED && classic_idle(b->classic) &&
           b->code_mailbox.state == MAILBOX_OPEN;
}

static int64_t answer_deadline(const struct boss *b)
{
    return b->classic_ms != 0 ? b->classic_ms + BOSS_CLASSIC_MS : INT64_MAX;
}

int64_t boss_classic_deadline(const struct boss *b)
{
    if (b->classic == NULL)
        return INT64_MAX;
    if (is_silent(b) && b->problem < PROBLEM_CODE)
        return b->alone_ms + BOSS_CLASSIC_MS;
    return answer_deadline(b);
}

/* One that is gone cannot be told from one that waits for our offer, perhaps for hours: it stays,
 * and our user is told. */
static void tell_silence(struct boss *b)
{
    if (b->alone_ms == 0)
        b->alone_ms = b->now->ms;
    if (is_silent(b) && b->now->ms >= b->alone_ms + BOSS_CLASSIC_MS)
        boss_problem(b, PROBLEM_CODE,
                     "somebody has used the code and said no more: put something into the outbox "
                     "if they wait for it, or make another wormhole for another peer");
}

/* Before anything else is told of it. */
static void end_silence(struct boss *b)
{
    if (!classic_idle(b->classic))
        return;
    b->alone_ms = b->now->ms;
    boss_problem_over(b, PROBLEM_CODE);
}

/* A client that is gone says nothing of that: one that was interrupted where it asks its user, say.
 * Without an end our user would have no other code. */
static int mind_silence(struct boss *b)
{
    tell_silence(b);
    if (!classic_waits(b->classic))
        b->classic_ms = 0;
    else if (b->classic_ms == 0)
        b->classic_ms = b->now->ms;
    if (b->now->ms < answer_deadline(b))
        return PROTO_OK;
    b->classic_ms = 0;
    return boss_classic_give_up(b, "there was no answer for ten minutes");
}

/* Everything is said: the mailbox is closed once what we said is there. */
int boss_classic_settle(struct boss *b)
{
    if (b->classic == NULL || b->state != BOSS_PAIRED)
        return PROTO_OK;
    int err = mind_silence(b);
    if (err != PROTO_OK || !classic_over(b->classic))
        return err;
    boss_set_state(b, BOSS_CLOSED, "");
    return mailbox_close(&b->code_mailbox, MOOD_HAPPY, boss_rendezvous(b, LINK_CODE), b->actions);
}

void boss_classic_stop(struct boss *b)
{
    if (b->classic == NULL)
        return;
    if (b->classic->listening != CLASSIC_HINTS_UNASKED && !classic_over(b->classic))
        actions_add(b->actions, ACTION_TRANSIT_STOP)->number = b->classic->attempt;
    classic_release(b->classic);
    vault_free(b->classic, sizeof(*b->classic));
    b->classic = NULL;
}

/* ---- inputs ---- */

int boss_classic_begin(struct boss *b)
{
    b->classic = vault_alloc(sizeof(*b->classic));
    if (b->classic == NULL)
        return PROTO_ERR_NOMEM;
    classic_init(b->classic, b->key.key, ++b->attempt.number);
    b->alone_ms = 0; /* it begins to count with the end of this step */
    return PROTO_OK;
}

/* What does not open was put there by the server: an empty plaintext is nonsense, and ends it. */
int boss_classic_received(struct boss *b, const char *phase, const struct bytes *body)
{
    struct classic_out out = {0};
    struct bytes plain = {0};

    if (classic_over(b->classic))
        return PROTO_OK;
    end_silence(b);
    int err = key_open(&b->key, b->peer, phase, body->data, body->len, &plain);
    if (err == PROTO_OK)
        boss_heard(b);
    if (err != PROTO_ERR_NOMEM)
        err = classic_received(b->classic, plain.data, plain.len, &out, b->actions);
    bytes_release(&plain);
    return carry_on(b, err, &out);
}

/* No message passes any more. A transfer that is under way does not need any. */
int boss_classic_crowded(struct boss *b)
{
    if (classic_over(b->classic) || b->classic->state == CLASSIC_TRANSFER)
        return PROTO_OK;
    end_silence(b);
    action_set_text(b->actions, actions_add(b->actions, ACTION_CLASSIC_FAILED),
                    "somebody else has entered the mailbox of the code");
    boss_classic_stop(b);
    boss_set_state(b, BOSS_CLOSED, "");
    return PROTO_OK;
}

int boss_classic_hints(struct boss *b, uint64_t attempt, const struct hint_list *direct)
{
    struct classic_out out = {0};
    struct hint_list relays = {0};

    for (size_t i = 0; i < b->relay_count; i++)
        hints_add(&relays, HINT_RELAY, b->relays[i].host, b->relays[i].port, b->relays[i].priority);
    int err = classic_hints(b->classic, attempt, direct, &relays, &out, b->actions);
    return carry_on(b, err, &out);
}

int boss_classic_down(struct boss *b, uint64_t attempt)
{
    struct classic_out out = {0};

    return carry_on(b, classic_transit_down(b->classic, attempt, b->actions), &out);
}

/* ---- our user ---- */

int boss_classic_say_offer(struct boss *b, const struct classic_offer *offer, const char *text)
{
    struct classic_out out = {0};

    if (b->classic == NULL || b->state != BOSS_PAIRED)
        return PROTO_ERR_STATE;
    end_silence(b);
    return carry_on(b, classic_offer(b->classic, offer, text, &out, b->actions), &out);
}

int boss_classic_say_answer(struct boss *b, const char *refusal)
{
    struct classic_out out = {0};

    if (b->classic == NULL || b->state != BOSS_PAIRED)
        return PROTO_ERR_STATE;
    return carry_on(b, classic_answer(b->classic, refusal, &out, b->actions), &out);
}

int boss_classic_say_finished(struct boss *b, bool ok)
{
    struct classic_out out = {0};

    if (b->classic == NULL)
        return PROTO_OK;
    return carry_on(b, classic_finished(b->classic, ok, b->actions), &out);
}

int boss_classic_give_up(struct boss *b, const char *reason)
{
    struct classic_out out = {0};

    if (b->classic == NULL || b->state != BOSS_PAIRED)
        return PROTO_OK;
    end_silence(b);
    return carry_on(b, classic_end(b->classic, reason, &out, b->actions), &out);
}

int boss_classic_too_long(struct boss *b)
{
    return boss_classic_give_up(b, "the text is too long (a megabyte at most): send it as a file");
}

int boss_classic_say_goodbye(struct boss *b)
{
    struct bytes plain = {0};

    if (classic_over(b->classic))
        return PROTO_OK;
    int err = classic_msg_error(&plain, "this wormhole was removed");
    if (err == PROTO_OK)
        err = say(b, &plain);
    bytes_release(&plain);
    return boss_check(b, err);
}

bool boss_classic_idle(const struct boss *b)
{
    return b->classic != NULL && classic_idle(b->classic);
}
