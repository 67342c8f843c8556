/* state       input                        out                                     then
 * IDLE        offer a bulk                 LISTEN                                  PREPARING
 * IDLE        offer a bulk, hints sent     offer                                   OFFERED
 * IDLE        offer a text                 offer                                   OFFERED
 * PREPARING   our hints                    transit, offer                          OFFERED
 * OFFERED     accepted, a text             DONE                                    DONE
 * OFFERED     accepted, a bulk             ANSWERED                                AGREED
 * OFFERED     declined                     FAILED                                  FAILED
 * IDLE, PREPARING, OFFERED
 *             their offer                  OFFERED (LISTEN) or TEXT                ASKED
 * ASKED       our answer, a text           accept; DONE                            DONE
 * ASKED       our answer, a bulk           accept, now or behind our hints         AGREED
 * ASKED       our refusal                  error; DONE                             DONE
 * AGREED      both hints known             START                                   TRANSFER
 * TRANSFER    finished                     DONE or FAILED                          that
 * TRANSFER    transit down                 FAILED                                  FAILED
 * not final   their error                  FAILED                                  FAILED
 * not final   nonsense, or we give up      error; FAILED                           FAILED
 *
 * Beside it `listening`: their transit message or a bulk offer, of whomever, makes us ask for our
 * hints once, and when those come our transit message goes out.
 *
 * Invariants: our transit message precedes our offer and our answer, as stock clients need it. In
 * the final states nothing is sent. */
#include "proto/classic.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/classic_msg.h"
#include "proto/error.h"

enum { FORMAT = 1 };

void classic_out_release(struct classic_out *out)
{
    for (size_t i = 0; i < CLASSIC_OUT_MAX; i++)
        bytes_release(&out->messages[i]);
    out->count = 0;
}

void classic_init(struct classic *c, const uint8_t key[static KDF_KEY_BYTES], uint64_t attempt)
{
    *c = (struct classic){.state = CLASSIC_IDLE, .attempt = attempt};
    kdf_purpose(c->transit_key, sizeof(c->transit_key), key,
                "lothar.com/wormhole/text-or-file-xfer/transit-key");
}

void classic_release(struct classic *c)
{
    bytes_release(&c->offer);
    sodium_memzero(c, sizeof(*c));
    c->state = CLASSIC_FAILED;
}

bool classic_idle(const struct classic *c)
{
    return c->state == CLASSIC_IDLE;
}

bool classic_over(const struct classic *c)
{
    return c->state == CLASSIC_DONE || c->state == CLASSIC_FAILED;
}

bool classic_waits(const struct classic *c)
{
    return c->state == CLASSIC_OFFERED || c->state == CLASSIC_AGREED;
}

/* ---- ends ---- */

static void add_transit_action(struct classic *c, enum action_kind kind, struct actions *actions)
{
    struct action *a = actions_add(actions, kind);

    a->number = c->attempt;
}

static void finish(struct classic *c, enum classic_state state, struct actions *actions)
{
    if (c->listening != CLASSIC_HINTS_UNASKED)
        add_transit_action(c, ACTION_TRANSIT_STOP, actions);
    bytes_release(&c->offer);
    sodium_memzero(c->transit_key, sizeof(c->transit_key));
    c->state = state;
}

static void done(struct classic *c, struct actions *actions)
{
    actions_add(actions, ACTION_CLASSIC_DONE);
    finish(c, CLASSIC_DONE, actions);
}

static void failed(struct classic *c, const char *why, bool refused, struct actions *actions)
{
    struct action *a = actions_add(actions, ACTION_CLASSIC_FAILED);

    a->number = refused;
    action_set_text(actions, a, why);
    finish(c, CLASSIC_FAILED, actions);
}

/* ---- our hints ---- */

static struct bytes *next_out(struct classic_out *out)
{
    return &out->messages[out->count++];
}

static bool hints_are_sent(const struct classic *c)
{
    return c->listening == CLASSIC_HINTS_SENT || c->listening == CLASSIC_HINTS_REASKED;
}

static void listen(struct classic *c, struct actions *actions)
{
    if (c->listening != CLASSIC_HINTS_UNASKED)
        return;
    c->listening = CLASSIC_HINTS_ASKED;
    add_transit_action(c, ACTION_TRANSIT_LISTEN, actions);
}

static void add_hints(struct hint_list *list, const struct hint_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        const struct hint *h = &more->at[i];
        hints_add(list, h->kind, h->host, h->port, h->priority);
    }
}

/* Starts the transfer once it is agreed and both sides can be reached. */
static int start(struct classic *c, struct actions *actions)
{
    if (c->state != CLASSIC_AGREED || !c->peer_hints_known || c->listening != CLASSIC_HINTS_SENT)
        return PROTO_OK;
    struct action *a = actions_add(actions, ACTION_TRANSIT_START);
    a->number = c->attempt;
    a->plan = calloc(1, sizeof(*a->plan));
    if (a->plan == NULL) {
        actions->failed = true;
        return PROTO_ERR_NOMEM;
    }
    memcpy(a->plan->key, c->transit_key, sizeof(a->plan->key));
    a->plan->sender = c->sender;
    a->plan->classic = true;
    a->plan->hints = c->peer_hints;
    add_hints(&a->plan->hints, &c->relays);
    c->state = CLASSIC_TRANSFER;
    return PROTO_OK;
}

static int build_transit(const struct hint_list *direct, const struct hint_list *relays,
                         struct bytes *out)
{
    struct hint_list all = *direct;

    add_hints(&all, relays);
    return classic_msg_transit(out, &all);
}

/* What had to wait for our hints. */
static int send_waiting(struct classic *c, struct classic_out *out)
{
    if (c->state == CLASSIC_AGREED && !c->sender)
        return classic_msg_accept(next_out(out), false);
    if (c->state != CLASSIC_PREPARING)
        return PROTO_OK;
    *next_out(out) = c->offer;
    c->offer = (struct bytes){0};
    c->state = CLASSIC_OFFERED;
    return PROTO_OK;
}

int classic_hints(struct classic *c, uint64_t attempt, const struct hint_list *direct,
                  const struct hint_list *relays, struct classic_out *out, struct actions *actions)
{
    int err = PROTO_OK;
    bool asked = c->listening == CLASSIC_HINTS_ASKED;

    if (classic_over(c) || attempt != c->attempt ||
        (!asked && c->listening != CLASSIC_HINTS_REASKED))
        return PROTO_OK;
    c->listening = CLASSIC_HINTS_SENT;
    c->relays = *relays;
    if (asked)
        err = build_transit(direct, relays, next_out(out));
    if (asked && err == PROTO_OK)
        err = send_waiting(c, out);
    return err != PROTO_OK ? err : start(c, actions);
}

/* ---- our user ---- */

static int build_offer(const struct classic_offer *offer, const char *text, struct bytes *out)
{
    int err = offer != NULL ? classic_msg_offer(out, offer) : classic_msg_offer_text(out, text);

    return err == PROTO_OK && out->len > CLASSIC_PLAIN_MAX ? PROTO_ERR_TOO_BIG : err;
}

int classic_offer(struct classic *c, const struct classic_offer *offer, const char *text,
                  struct classic_out *out, struct actions *actions)
{
    struct bytes message = {0};

    if (c->state != CLASSIC_IDLE)
        return PROTO_ERR_STATE;
    int err = build_offer(offer, text, &message);
    if (err != PROTO_OK) {
        bytes_release(&message);
        return err;
    }
    c->sender = true;
    c->thing = offer != NULL ? CLASSIC_BULK : CLASSIC_TEXT;
    if (offer == NULL || hints_are_sent(c)) {
        *next_out(out) = message;
        c->state = CLASSIC_OFFERED;
        return PROTO_OK;
    }
    c->offer = message;
    c->state = CLASSIC_PREPARING;
    listen(c, actions);
    return PROTO_OK;
}

static int refuse(struct classic *c, const char *reason, struct classic_out *out,
                  struct actions *actions)
{
    int err = classic_msg_error(next_out(out), reason);

    if (err == PROTO_OK)
        done(c, actions);
    else
        classic_out_release(out);
    return err;
}

static int accept_text(struct classic *c, struct classic_out *out, struct actions *actions)
{
    int err = classic_msg_accept(next_out(out), true);

    done(c, actions);
    return err;
}

int classic_answer(struct classic *c, const char *refusal, struct classic_out *out,
                   struct actions *actions)
{
    int err = PROTO_OK;

    if (c->state != CLASSIC_ASKED)
        return PROTO_ERR_STATE;
    if (refusal != NULL)
        return refuse(c, refusal, out, actions);
    if (c->thing == CLASSIC_TEXT)
        return accept_text(c, out, actions);
    c->state = CLASSIC_AGREED;
    if (hints_are_sent(c))
        err = classic_msg_accept(next_out(out), false);
    return err != PROTO_OK ? err : start(c, actions);
}

int classic_finished(struct classic *c, bool ok, struct actions *actions)
{
    if (c->state != CLASSIC_TRANSFER)
        return PROTO_OK;
    if (ok)
        done(c, actions);
    else
        failed(c, "the transfer failed", false, actions);
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

/* ---- the peer ---- */

/* Their words for "my user said no"; Go's are the same. */
static bool is_refusal(const struct bytes *text)
{
    static const char words[] = "transfer rejected";

    return text->len == sizeof(words) - 1 && memcmp(text->data, words, text->len) == 0;
}

static int got_error(struct classic *c, struct bytes *text, struct actions *actions)
{
    bool refused = c->sender && is_refusal(text);

    if (text->len == 0)
        bytes_put_str(text, "the peer reported an error");
    bytes_put_u8(text, 0);
    if (!bytes_ok(text))
        return PROTO_ERR_NOMEM;
    failed(c, (const char *)text->data, refused, actions);
    return PROTO_OK;
}

static int got_transit(struct classic *c, const struct hint_list *hints, struct actions *actions)
{
    if (c->state == CLASSIC_TRANSFER)
        return PROTO_OK;
    c->peer_hints = *hints;
    c->peer_hints_known = true;
    listen(c, actions);
    return start(c, actions);
}

static int got_answer(struct classic *c, const struct classic_msg *msg, struct actions *actions)
{
    if (c->state != CLASSIC_OFFERED)
        return PROTO_OK;
    if (msg->kind == CLASSIC_MSG_DECLINE) {
        failed(c, "the peer declined", true, actions);
        return PROTO_OK;
    }
    if (msg->is_text != (c->thing == CLASSIC_TEXT)) {
        failed(c, "the peer answered another offer than ours", false, actions);
        return PROTO_OK;
    }
    if (c->thing == CLASSIC_TEXT) {
        done(c, actions);
        return PROTO_OK;
    }
    actions_add(actions, ACTION_CLASSIC_ANSWERED);
    c->state = CLASSIC_AGREED;
    return start(c, actions);
}

static int got_offer(struct classic *c, const struct classic_msg *msg, struct actions *actions)
{
    if (c->state != CLASSIC_IDLE && c->state != CLASSIC_PREPARING && c->state != CLASSIC_OFFERED)
        return PROTO_OK;
    bytes_release(&c->offer);
    c->sender = false;
    c->state = CLASSIC_ASKED;
    if (msg->kind == CLASSIC_MSG_TEXT) {
        c->thing = CLASSIC_TEXT;
        struct action *a = actions_add(actions, ACTION_CLASSIC_TEXT);
        action_set_body(actions, a, msg->text.data, msg->text.len);
        return PROTO_OK;
    }
    c->thing = CLASSIC_BULK;
    struct action *a = actions_add(actions, ACTION_CLASSIC_OFFERED);
    a->offer = calloc(1, sizeof(*a->offer));
    if (a->offer == NULL)
        actions->failed = true;
    else
        *a->offer = msg->offer;
    listen(c, actions);
    return PROTO_OK;
}

static int got(struct classic *c, struct classic_msg *msg, struct actions *actions)
{
    switch (msg->kind) {
    case CLASSIC_MSG_ERROR:
        return got_error(c, &msg->text, actions);
    case CLASSIC_MSG_TRANSIT:
        return got_transit(c, &msg->hints, actions);
    case CLASSIC_MSG_ACCEPT:
    case CLASSIC_MSG_DECLINE:
        return got_answer(c, msg, actions);
    case CLASSIC_MSG_BULK:
    case CLASSIC_MSG_TEXT:
        return got_offer(c, msg, actions);
    case CLASSIC_MSG_OTHER:
        break;
    }
    return PROTO_OK;
}

static int got_nonsense(struct classic *c, struct classic_out *out, struct actions *actions)
{
    int err = classic_msg_error(next_out(out), "this message makes no sense to wormholefs");

    failed(c, "the peer sent a message that makes no sense", false, actions);
    return err;
}

int classic_end(struct classic *c, const char *reason, struct classic_out *out,
                struct actions *actions)
{
    if (classic_over(c))
        return PROTO_OK;
    int err = classic_msg_error(next_out(out), reason);
    failed(c, reason, false, actions);
    return err;
}

int classic_received(struct classic *c, const void *plain, size_t len, struct classic_out *out,
                     struct actions *actions)
{
    struct classic_msg msg;

    if (classic_over(c))
        return PROTO_OK;
    int err = classic_msg_parse(&msg, plain, len);
    if (err == PROTO_OK)
        err = got(c, &msg, actions);
    else if (err == PROTO_ERR_MALFORMED)
        err = got_nonsense(c, out, actions);
    classic_msg_release(&msg);
    return actions->failed ? PROTO_ERR_NOMEM : err;
}

int classic_transit_down(struct classic *c, uint64_t attempt, struct actions *actions)
{
    if (c->state == CLASSIC_TRANSFER && attempt == c->attempt)
        failed(c, "no connection to the peer, or it broke off", false, actions);
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

/* ---- save and load ---- */

static void put_hints(struct bytes *out, const struct hint_list *hints)
{
    bytes_put_u8(out, (uint8_t)hints->count);
    for (size_t i = 0; i < hints->count; i++) {
        const struct hint *h = &hints->at[i];
        uint64_t priority;
        memcpy(&priority, &h->priority, sizeof(priority));
        bytes_put_u8(out, (uint8_t)h->kind);
        bytes_put_blob(out, h->host, strlen(h->host));
        bytes_put_u16(out, h->port);
        bytes_put_u64(out, priority);
    }
}

static void take_hint(struct hint_list *hints, struct reader *in)
{
    char host[HINT_HOST_MAX + 1] = {0};
    size_t len;
    double priority;

    uint8_t kind = reader_u8(in);
    const uint8_t *text = reader_blob(in, HINT_HOST_MAX, &len);
    if (text != NULL)
        memcpy(host, text, len);
    uint16_t port = reader_u16(in);
    uint64_t bits = reader_u64(in);
    memcpy(&priority, &bits, sizeof(priority));
    if (!reader_ok(in) || kind > HINT_RELAY ||
        hints_add(hints, (enum hint_kind)kind, host, port, priority) != PROTO_OK)
        in->bad = true;
}

int classic_save(const struct classic *c, struct bytes *out)
{
    enum classic_listening listening =
        c->listening == CLASSIC_HINTS_REASKED ? CLASSIC_HINTS_SENT : c->listening;

    bytes_put_u8(out, FORMAT);
    bytes_put_u8(out, (uint8_t)c->state);
    bytes_put_u8(out, (uint8_t)c->thing);
    bytes_put_u8(out, (uint8_t)listening);
    bytes_put_u8(out, c->sender);
    bytes_put_u8(out, c->peer_hints_known);
    bytes_put(out, c->transit_key, sizeof(c->transit_key));
    bytes_put_blob(out, c->offer.data, c->offer.len);
    put_hints(out, &c->peer_hints);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static void take_fields(struct classic *c, struct reader *in)
{
    size_t len;

    uint8_t state = reader_u8(in), thing = reader_u8(in), listening = reader_u8(in);
    uint8_t sender = reader_u8(in), known = reader_u8(in);
    if (state > CLASSIC_FAILED || thing > CLASSIC_TEXT || listening > CLASSIC_HINTS_SENT ||
        sender > 1 || known > 1)
        in->bad = true;
    c->state = (enum classic_state)state;
    c->thing = (enum classic_thing)thing;
    c->listening = (enum classic_listening)listening;
    c->sender = sender;
    c->peer_hints_known = known;
    reader_copy(in, c->transit_key, sizeof(c->transit_key));
    const uint8_t *offer = reader_blob(in, CLASSIC_PLAIN_MAX, &len);
    if (offer != NULL)
        bytes_put(&c->offer, offer, len);
    for (uint8_t count = reader_u8(in); count > 0 && reader_ok(in); count--)
        take_hint(&c->peer_hints, in);
}

int classic_load(struct classic *c, struct reader *in)
{
    *c = (struct classic){0};
    uint8_t format = reader_u8(in);
    take_fields(c, in);
    bool lost = !bytes_ok(&c->offer);
    if (format == FORMAT && reader_ok(in) && !lost)
        return PROTO_OK;
    classic_release(c);
    return lost ? PROTO_ERR_NOMEM : PROTO_ERR_MALFORMED;
}

int classic_restored(struct classic *c, uint64_t attempt, struct actions *actions)
{
    c->attempt = attempt;
    if (classic_over(c) || c->listening == CLASSIC_HINTS_UNASKED)
        return PROTO_OK;
    if (c->state == CLASSIC_TRANSFER) {
        c->listening = CLASSIC_HINTS_UNASKED;
        failed(c, "the transfer was interrupted", false, actions);
    } else {
        if (c->listening == CLASSIC_HINTS_SENT)
            c->listening = CLASSIC_HINTS_REASKED;
        add_transit_action(c, ACTION_TRANSIT_LISTEN, actions);
    }
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}
