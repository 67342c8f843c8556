/* One code, from its nameplate to the pairing (PROTOCOL.md §4).
 *
 * boss     key          what happens                            then
 * WAITING  NONE         a nameplate is allocated                a code, KEY_STARTED
 * JOINING  STARTED      (from the start: the code is known)
 * both     STARTED      the peer's pake                         UNVERIFIED, generation 0; or FORKED
 * both     FORKED       some seconds without a version          UNVERIFIED, generation 0
 * both     FORKED       the peer's version                      generation 0, PAIRED
 * both     STARTED      the server has forgotten the mailbox    expired
 * both     STARTED      crowded, nonsense                       burnt
 * both     UNVERIFIED   the peer's version, from either mailbox PAIRED
 * both     UNVERIFIED   … that does not open                    burnt
 * WAITING  UNVERIFIED   a day without a version                 burnt
 * JOINING  UNVERIFIED   the same after the mailbox was lost     burnt
 * both     UNVERIFIED   crowded for ten minutes                 burnt
 * PAIRED   VERIFIED     a wormholefs peer's, in generation 0    KEY_ERASED, the mailbox is closed
 */
#include "proto/boss_inner.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/phase.h"
#include "proto/version.h"

static struct rendezvous *link_of(struct boss *b)
{
    return boss_rendezvous(b, LINK_CODE);
}

static bool nameplate_is_final(const struct boss *b)
{
    return b->nameplate.state == NAMEPLATE_NONE || b->nameplate.state == NAMEPLATE_RELEASED ||
           b->nameplate.state == NAMEPLATE_REFUSED;
}

/* ---- beginning and ending ---- */

static int start_key(struct boss *b)
{
    struct bytes pake = {0};

    int err = key_start(&b->key, b->code, b->appid, b->now, &pake);
    if (err == PROTO_OK)
        err = mailbox_add(&b->code_mailbox, link_of(b), "pake", pake.data, pake.len, b->actions);
    bytes_release(&pake);
    action_set_text(b->actions, actions_add(b->actions, ACTION_CODE), b->code);
    return err;
}

static int begin_code(struct boss *b, bool joined)
{
    b->has_code = true;
    b->joined = joined;
    b->code_ms = 0;
    b->alone_ms = 0;
    b->fork_ms = 0;
    nameplate_init(&b->nameplate);
    key_init(&b->key);
    order_init(&b->code_order, true);
    return mailbox_init(&b->code_mailbox, MAILBOX_OF_CODE, NULL, b->side, NULL);
}

static void forget_bodies(struct boss *b)
{
    if (b->code_mailbox.kept != NULL)
        mailbox_forget_all(&b->code_mailbox, b->actions);
}

static void release_machines(struct boss *b)
{
    forget_bodies(b);
    mailbox_release(&b->code_mailbox);
    order_release(&b->code_order);
    key_release(&b->key);
    b->has_code = false;
}

/* What the server takes once a connection it has to be asked on a new one; and a new side, for the
 * old one is known to whoever was there. */
int boss_code_abandon(struct boss *b, enum mailbox_mood mood)
{
    bool done;

    sodium_memzero(b->code, sizeof(b->code));
    if (!b->has_code)
        return PROTO_OK;
    int err = nameplate_release(&b->nameplate, link_of(b), b->actions, &done);
    forget_bodies(b);
    if (err == PROTO_OK)
        err = mailbox_unhold(&b->code_mailbox, link_of(b), b->actions);
    if (err == PROTO_OK)
        err = mailbox_close(&b->code_mailbox, mood, link_of(b), b->actions);
    release_machines(b);
    boss_renew(b, LINK_CODE);
    boss_draw_side(b);
    return err;
}

int boss_code_allocate(struct boss *b)
{
    int err = begin_code(b, false);

    boss_problem_over(b, PROBLEM_CODE);
    boss_set_state(b, BOSS_WAITING, "");
    return err != PROTO_OK ? err : nameplate_allocate(&b->nameplate, link_of(b), b->actions);
}

int boss_code_join(struct boss *b, const char *code)
{
    char nameplate[CODE_NAMEPLATE_MAX + 1];

    if (b->joined && b->has_code && strcmp(code, b->code) == 0)
        return PROTO_OK; /* a second claim, with another side, would crowd the mailbox */
    int err = code_nameplate(nameplate, code);
    if (err == PROTO_OK)
        err = boss_generation_drop(b, MOOD_LONELY);
    if (err == PROTO_OK)
        err = boss_code_abandon(b, MOOD_LONELY);
    if (err == PROTO_OK)
        err = begin_code(b, true);
    if (err != PROTO_OK)
        return err;
    strcpy(b->code, code);
    boss_problem_over(b, PROBLEM_CODE);
    boss_set_state(b, BOSS_JOINING, "");
    boss_event(b, EVENT_JOINING, nameplate);
    err = start_key(b);
    return err != PROTO_OK ? err : nameplate_join(&b->nameplate, nameplate, link_of(b), b->actions);
}

static void code_gone(struct boss *b, enum boss_code_end why)
{
    actions_add(b->actions, ACTION_CODE_GONE)->number = why;
    sodium_memzero(b->code, sizeof(b->code));
}

/* The code is lost. Whoever made it makes another, unless too many were lost in a row; whoever was
 * given it needs another. `enough` says why there is none, and what the user can do. */
static int lose_code(struct boss *b, const char *enough)
{
    bool another = b->burnt < BOSS_CODES_MAX;
    int err = boss_generation_drop(b, MOOD_SCARY);

    if (err == PROTO_OK)
        err = boss_code_abandon(b, MOOD_SCARY);
    if (b->state == BOSS_LEAVING) {
        boss_finish(b);
        return err;
    }
    if (b->joined) {
        boss_set_state(b, BOSS_FAILED, "the code was wrong, or is not good any more");
        boss_problem(b, PROBLEM_CODE,
                     "the code was wrong, or is not good any more: ask for another");
        return err;
    }
    if (another)
        return err != PROTO_OK ? err : boss_code_allocate(b);
    boss_set_state(b, BOSS_FAILED, "three codes were lost");
    boss_problem_over(b, PROBLEM_CODE); /* of the code before */
    boss_problem(b, PROBLEM_CODE, enough);
    return err;
}

static int burnt(struct boss *b, const char *reason)
{
    b->burnt++;
    code_gone(b, CODE_END_BURNT);
    boss_event(b, EVENT_CODE_BURNT, reason);
    int err = lose_code(b, "three codes were burnt by wrong guesses: read code for another");
    if (b->state == BOSS_WAITING)
        boss_problem(b, PROBLEM_CODE, "a wrong guess has used the code up: tell the new one");
    return err;
}

/* A server that forgets each code at once would have us make codes, and note each in the log, as
 * fast as it can refuse them. One that is old is forgotten as it should be. */
static bool has_lasted(const struct boss *b)
{
    return b->code_ms != 0 && b->now->ms - b->code_ms >= BOSS_CODE_LASTS_MS;
}

static int expired(struct boss *b)
{
    if (!has_lasted(b))
        b->burnt++;
    code_gone(b, CODE_END_EXPIRED);
    boss_event(b, EVENT_CODE_EXPIRED, "");
    int err = lose_code(b, "the mailbox server forgets each code at once: read code for another, "
                           "or use another server");
    if (b->state == BOSS_WAITING)
        boss_problem(b, PROBLEM_CODE,
                     "the server had forgotten the code: whoever was told it needs the new one");
    return err;
}

/* ---- the nameplate ---- */

static int allocated(struct boss *b, const char *nameplate)
{
    int err = code_generate(b->code, nameplate, b->code_words, b->now);

    if (err != PROTO_OK)
        return PROTO_OK; /* a server that allocates what is no number: nothing can be done */
    boss_event(b, EVENT_CODE_ALLOCATED, nameplate);
    return start_key(b);
}

static int claimed(struct boss *b, const char *mailbox)
{
    b->code_ms = b->now->ms;
    mailbox_hold(&b->code_mailbox);
    return mailbox_set_id(&b->code_mailbox, mailbox, link_of(b), b->actions);
}

static int nameplate_event(struct boss *b, const struct nameplate_event *event)
{
    switch (event->kind) {
    case NAMEPLATE_EVENT_NONE:
        break;
    case NAMEPLATE_EVENT_ALLOCATED:
        return allocated(b, event->nameplate);
    case NAMEPLATE_EVENT_CLAIMED:
        return claimed(b, event->mailbox);
    case NAMEPLATE_EVENT_RELEASED:
        return mailbox_unhold(&b->code_mailbox, link_of(b), b->actions);
    case NAMEPLATE_EVENT_CROWDED:
        return burnt(b, "crowded");
    case NAMEPLATE_EVENT_RECLAIMED:
        return expired(b);
    }
    return PROTO_OK;
}

/* ---- the key and the version ---- */

static int say_version(struct boss *b, const uint8_t content_key[static RATCHET_KEY_BYTES])
{
    struct bytes plain = {0}, body = {0};

    int err = version_build(&plain, b->outbound.incarnation, b->software);
    if (err == PROTO_OK)
        err = key_seal(&b->key, b->side, "version", plain.data, plain.len, b->now, &body);
    if (err == PROTO_OK)
        err = mailbox_add(&b->code_mailbox, link_of(b), "version", body.data, body.len, b->actions);
    if (err == PROTO_OK)
        err = boss_generation_first(b, content_key, &body);
    bytes_release(&plain);
    bytes_release(&body);
    return err;
}

/* K is known: from here on there is a generation 0. */
static int begin_hand_over(struct boss *b)
{
    uint8_t content_key[RATCHET_KEY_BYTES];

    ratchet_start(&b->roots, content_key, b->key.key);
    int err = say_version(b, content_key);
    sodium_memzero(content_key, sizeof(content_key));
    return err;
}

static int take_pake(struct boss *b, const struct bytes *body)
{
    int err = key_pake(&b->key, body->data, body->len);
    if (err == PROTO_ERR_CRYPTO)
        return burnt(b, "nonsense for a key");
    if (err != PROTO_OK)
        return PROTO_OK;
    strcpy(b->peer, b->code_mailbox.peer);
    b->leader = strcmp(b->side, b->peer) < 0;
    if (b->key.state != KEY_FORKED)
        return begin_hand_over(b);
    b->fork_ms = b->now->ms + BOSS_FORK_MS;
    return PROTO_OK;
}

static int take_version(struct boss *b, const struct bytes *body)
{
    bool forked = b->key.state == KEY_FORKED;
    struct bytes plain = {0};

    if (b->persistent || b->classic != NULL)
        return PROTO_OK; /* known from generation 0 already */
    int err = key_open(&b->key, b->peer, "version", body->data, body->len, &plain);
    if (err == PROTO_OK && forked)
        err = begin_hand_over(b);
    if (err == PROTO_OK)
        err = boss_paired(b, &plain);
    else if (err == PROTO_ERR_CRYPTO || err == PROTO_ERR_MALFORMED)
        err = burnt(b, "a wrong guess");
    bytes_release(&plain);
    return err;
}

/* What does not open in generation 0 was put there by the server: it is no guess at the code. */
int boss_code_open_version(struct boss *b, const void *body, size_t len, struct bytes *plain)
{
    if (b->key.state != KEY_UNVERIFIED && b->key.state != KEY_VERIFIED)
        return PROTO_ERR_STATE;
    int err = phase_decrypt(plain, b->key.key, b->peer, "version", body, len);
    if (err != PROTO_OK)
        return err;
    bytes_clear(plain);
    return key_open(&b->key, b->peer, "version", body, len, plain);
}

static int take_one(struct boss *b, const struct order_item *item)
{
    if (strcmp(item->phase, "pake") == 0)
        return take_pake(b, &item->data);
    if (strcmp(item->phase, "version") == 0)
        return take_version(b, &item->data);
    return b->classic != NULL ? boss_classic_received(b, item->phase, &item->data) : PROTO_OK;
}

static int inbound(struct boss *b, const struct mailbox_event *event)
{
    struct order_item *item;

    int err = order_put(&b->code_order, event->phase, event->body, event->len);
    if (err < 0)
        return err;
    err = PROTO_OK;
    while (err == PROTO_OK && b->has_code && !b->links[LINK_CODE].renew &&
           (item = order_take(&b->code_order)) != NULL) {
        err = take_one(b, item);
        order_item_free(item);
    }
    return err;
}

static void say_paired(struct boss *b, const struct version *v)
{
    boss_set_state(b, BOSS_PAIRED, "");
    struct action *a = actions_add(b->actions, ACTION_PAIRED);
    a->number = v->persistent ? 1 : 2;
    action_set_text(b->actions, a, v->software);
}

static int paired_while_leaving(struct boss *b)
{
    struct bytes close = {0};

    if (!b->persistent) {
        boss_finish(b);
        return boss_code_abandon(b, MOOD_HAPPY);
    }
    bytes_put_u8(&close, MESSAGE_CLOSE);
    int err = boss_stream_say(b, &close);
    bytes_release(&close);
    return err;
}

int boss_paired(struct boss *b, const struct bytes *plain)
{
    struct version v = {0};
    bool done;

    /* If it is nonsense, it is a peer all the same, for it has the key: a stock one. */
    if (version_parse(&v, plain->data, plain->len) != PROTO_OK)
        v.persistent = false;
    b->persistent = v.persistent;
    b->burnt = 0;
    boss_heard(b);
    boss_problem_over(b, PROBLEM_CODE);
    code_gone(b, CODE_END_USED);
    if (b->state != BOSS_LEAVING)
        say_paired(b, &v);
    int err = nameplate_release(&b->nameplate, link_of(b), b->actions, &done);
    if (err == PROTO_OK && done)
        err = mailbox_unhold(&b->code_mailbox, link_of(b), b->actions);
    if (err == PROTO_OK && b->persistent) {
        meeting_init(&b->meeting, b->leader);
        err = boss_meeting_init(b);
    } else if (err == PROTO_OK) {
        err = boss_generation_drop(b, MOOD_HAPPY);
    }
    if (err == PROTO_OK && b->state == BOSS_LEAVING)
        return paired_while_leaving(b);
    return err == PROTO_OK && !b->persistent ? boss_classic_begin(b) : err;
}

int boss_code_leave(struct boss *b)
{
    if (!b->has_code)
        return PROTO_OK;
    key_erase(&b->key);
    order_release(&b->code_order);
    return mailbox_close(&b->code_mailbox, MOOD_HAPPY, link_of(b), b->actions);
}

/* ---- the mailbox ---- */

/* The server's database has no more room for us there. Before the key is known that is the end of
 * the code; after, the two may still meet in generation 0. */
static int crowded(struct boss *b)
{
    if (b->classic != NULL)
        return boss_classic_crowded(b);
    if (b->persistent)
        return PROTO_OK;
    if (b->key.state < KEY_UNVERIFIED || b->key.state == KEY_FORKED)
        return burnt(b, "crowded");
    b->alone_ms = b->now->ms;
    return PROTO_OK;
}

static int fence(struct boss *b, const struct mailbox_event *event)
{
    bool unseen = !b->code_mailbox.echoed_any && b->now->ms - b->code_ms > BOSS_CODE_UNSEEN_MS;

    actions_add(b->actions, ACTION_CAUGHT_UP)->link = LINK_CODE;
    if (b->key.state == KEY_STARTED && (event->lost || unseen))
        return expired(b);
    if (b->key.state == KEY_UNVERIFIED && event->lost && b->alone_ms == 0)
        b->alone_ms = b->now->ms;
    return PROTO_OK;
}

static int mailbox_event(struct boss *b, const struct mailbox_event *event)
{
    switch (event->kind) {
    case MAILBOX_EVENT_INBOUND:
        return inbound(b, event);
    case MAILBOX_EVENT_OWN_UNKNOWN:
        if (strcmp(event->phase, "pake") == 0 && b->key.state == KEY_STARTED)
            return burnt(b, "the peer has our side");
        break;
    case MAILBOX_EVENT_FENCE:
        return fence(b, event);
    case MAILBOX_EVENT_CROWDED:
        return crowded(b);
    case MAILBOX_EVENT_OVERFULL:
        if (b->classic != NULL)
            return boss_classic_too_long(b);
        boss_problem_seen(b, PROBLEM_OVERFULL, "the peer has put too much into its mailbox");
        break;
    case MAILBOX_EVENT_NONE:
    case MAILBOX_EVENT_OWN:
    case MAILBOX_EVENT_CLOSED:
        break;
    }
    return PROTO_OK;
}

/* ---- the link ---- */

int boss_code_up(struct boss *b)
{
    if (!b->has_code)
        return PROTO_OK;
    int err = nameplate_up(&b->nameplate, link_of(b), b->actions);
    return err != PROTO_OK ? err : mailbox_up(&b->code_mailbox, link_of(b), b->actions);
}

void boss_code_down(struct boss *b)
{
    if (!b->has_code)
        return;
    nameplate_down(&b->nameplate);
    mailbox_down(&b->code_mailbox);
}

int boss_code_received(struct boss *b, const struct server_msg *msg)
{
    struct nameplate_event named;
    struct mailbox_event event;

    if (!b->has_code)
        return PROTO_OK;
    int err = nameplate_received(&b->nameplate, link_of(b), msg, &named, b->actions);
    if (err == PROTO_OK)
        err = nameplate_event(b, &named);
    if (err != PROTO_OK || !b->has_code || b->links[LINK_CODE].renew)
        return err;
    err = mailbox_received(&b->code_mailbox, link_of(b), msg, &event, b->actions);
    return err != PROTO_OK ? err : mailbox_event(b, &event);
}

bool boss_code_wants_link(const struct boss *b)
{
    return b->has_code && !(mailbox_is_final(&b->code_mailbox) && nameplate_is_final(b));
}

bool boss_code_waits(const struct boss *b)
{
    return b->has_code &&
           (b->nameplate.state == NAMEPLATE_ALLOCATE_UP ||
            b->nameplate.state == NAMEPLATE_CLAIM_UP ||
            b->nameplate.state == NAMEPLATE_RELEASE_UP || b->code_mailbox.state == MAILBOX_REPLAY ||
            b->code_mailbox.state == MAILBOX_ENDING_REPLAY ||
            b->code_mailbox.state == MAILBOX_CLOSING);
}

static bool is_paired(const struct boss *b)
{
    return b->persistent || b->classic != NULL;
}

/* The peer that would tell us which of the two keys is K says nothing: perhaps it waits as we do.
 */
static int settle_fork(struct boss *b)
{
    if (b->fork_ms == 0)
        b->fork_ms = b->now->ms + BOSS_FORK_MS;
    if (!boss_due(b, b->fork_ms))
        return PROTO_OK;
    b->fork_ms = 0;
    key_settle(&b->key);
    return begin_hand_over(b);
}

/* Somebody has said a pake and no version. */
static bool is_unverified(const struct boss *b)
{
    return b->has_code && b->key.state == KEY_UNVERIFIED && !is_paired(b);
}

static bool is_crowded(const struct boss *b)
{
    return b->code_mailbox.state == MAILBOX_CROWDED;
}

/* All that came while we were away was seen, in both mailboxes: there is no version. */
static bool has_looked(const struct boss *b)
{
    return b->current != NULL && generation_is_open(b->current) &&
           (b->code_mailbox.state == MAILBOX_OPEN || is_crowded(b));
}

/* Who has told our code to somebody should know that it is used. */
static bool is_worth_telling(const struct boss *b)
{
    return b->state == BOSS_WAITING && b->problem < PROBLEM_CODE;
}

/* When the wait for a version is to be looked at, or given up. */
static int64_t patience_ms(const struct boss *b)
{
    bool soon = is_crowded(b) || is_worth_telling(b);

    return b->alone_ms + (soon ? BOSS_CROWDED_MS : BOSS_GUESS_MS);
}

/* A stranger's guess, or a stock client that was interrupted: without an end the code that we show
 * would be good for nobody, and the same for ever. A wormholefs that stopped between its pake and
 * its version finds us for a day, in generation 0 if nowhere else. A peer that has made the code
 * need not have been there since we joined: it is waited for while the server keeps our pake. */
static int settle_unverified(struct boss *b)
{
    if (b->alone_ms == 0 && !b->joined)
        b->alone_ms = b->now->ms;
    if (b->alone_ms == 0 || !has_looked(b) || b->now->ms < patience_ms(b))
        return PROTO_OK;
    if (is_crowded(b))
        return burnt(b, "crowded");
    if (b->now->ms >= b->alone_ms + BOSS_GUESS_MS)
        return burnt(b, "a guess that said no more");
    boss_problem(b, PROBLEM_CODE,
                 "somebody has used the code and said no more: for another peer make another "
                 "wormhole");
    return PROTO_OK;
}

int boss_code_settle(struct boss *b)
{
    if (b->has_code && b->key.state == KEY_FORKED)
        return settle_fork(b);
    if (is_unverified(b))
        return settle_unverified(b);
    /* Kept while its key could still open a version, or its messages a classic peer's mouth. */
    if (b->has_code && !boss_code_wants_link(b) && is_paired(b) && b->key.state == KEY_ERASED)
        release_machines(b);
    return PROTO_OK;
}

int64_t boss_code_deadline(const struct boss *b)
{
    if (b->has_code && b->key.state == KEY_FORKED)
        return b->fork_ms;
    return is_unverified(b) && b->alone_ms != 0 && has_looked(b) ? patience_ms(b) : INT64_MAX;
}
