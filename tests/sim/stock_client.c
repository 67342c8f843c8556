#include "tests/sim/stock_client.h"

#include <stdio.h>
#include <string.h>

#include "proto/error.h"

/* ---- makers ---- */

static int own_pake(void *context, struct key *key, const char *code, const char *appid,
                    struct now *now, struct bytes *body)
{
    (void)context;
    return key_start(key, code, appid, now, body);
}

static int own_seal(void *context, const struct key *key, const char *side, const char *phase,
                    const void *plain, size_t len, struct now *now, struct bytes *body)
{
    (void)context;
    return key_seal(key, side, phase, plain, len, now, body);
}

/* ---- life ---- */

static void set_defaults(struct stock_client *s, const char *appid)
{
    *s = (struct stock_client){.appid = appid};
    s->makers.pake = own_pake;
    s->makers.seal = own_seal;
    rendezvous_init(&s->link, LINK_CODE);
}

int stock_client_init(struct stock_client *s, const char *appid, const char *side)
{
    set_defaults(s, appid);
    nameplate_init(&s->nameplate);
    order_init(&s->order, true);
    key_init(&s->key);
    return mailbox_init(&s->mailbox, MAILBOX_OF_CODE, NULL, side, NULL);
}

void stock_client_release(struct stock_client *s)
{
    mailbox_release(&s->mailbox);
    order_release(&s->order);
    key_release(&s->key);
    classic_release(&s->classic);
}

bool stock_client_is_over(const struct stock_client *s)
{
    return s->ended && mailbox_is_final(&s->mailbox);
}

static void snapshot(struct actions *actions)
{
    actions_add(actions, ACTION_SNAPSHOT);
}

/* ---- the end ---- */

/* Release first, then close. */
static int end(struct stock_client *s, enum mailbox_mood mood, struct actions *actions)
{
    bool released;

    if (s->ended)
        return PROTO_OK;
    s->ended = true;
    int err = nameplate_release(&s->nameplate, &s->link, actions, &released);
    if (err == PROTO_OK && released)
        err = mailbox_unhold(&s->mailbox, &s->link, actions);
    return err != PROTO_OK ? err : mailbox_close(&s->mailbox, mood, &s->link, actions);
}

static int end_if_over(struct stock_client *s, struct actions *actions)
{
    snapshot(actions);
    if (!s->has_classic || !classic_over(&s->classic))
        return PROTO_OK;
    return end(s, s->classic.state == CLASSIC_DONE ? MOOD_HAPPY : MOOD_ERRORY, actions);
}

/* ---- our messages ---- */

static int add_sealed(struct stock_client *s, const char *phase, const void *plain, size_t len,
                      struct now *now, struct actions *actions)
{
    struct bytes body = {0};

    int err =
        s->makers.seal(s->makers.context, &s->key, s->mailbox.side, phase, plain, len, now, &body);
    if (err == PROTO_OK)
        err = mailbox_add(&s->mailbox, &s->link, phase, body.data, body.len, actions);
    bytes_release(&body);
    return err;
}

/* Sends what classic wants sent, frees it, and ends the session if it is over. */
static int add_all(struct stock_client *s, int err, struct classic_out *out, struct now *now,
                   struct actions *actions)
{
    char phase[PHASE_LEN_MAX + 1];

    for (size_t i = 0; i < out->count && err == PROTO_OK; i++) {
        mailbox_phase_of_number(phase, s->mailbox.next_number);
        err = add_sealed(s, phase, out->messages[i].data, out->messages[i].len, now, actions);
    }
    classic_out_release(out);
    return err != PROTO_OK ? err : end_if_over(s, actions);
}

/* ---- from the user ---- */

/* The code is known: our pake is made. */
static int begin(struct stock_client *s, struct now *now, struct actions *actions)
{
    struct bytes pake = {0};

    action_set_text(actions, actions_add(actions, ACTION_CODE), s->code);
    int err = s->makers.pake(s->makers.context, &s->key, s->code, s->appid, now, &pake);
    if (err == PROTO_OK)
        err = mailbox_add(&s->mailbox, &s->link, "pake", pake.data, pake.len, actions);
    bytes_release(&pake);
    snapshot(actions);
    return err;
}

int stock_client_allocate(struct stock_client *s, const char *words, struct now *now,
                          struct actions *actions)
{
    (void)now;
    s->words = words;
    snapshot(actions);
    return nameplate_allocate(&s->nameplate, &s->link, actions);
}

int stock_client_join(struct stock_client *s, const char *code, struct now *now,
                      struct actions *actions)
{
    char nameplate[CODE_NAMEPLATE_MAX + 1];

    if (code_check(code) != PROTO_OK || code_nameplate(nameplate, code) != PROTO_OK)
        return PROTO_ERR_INVALID;
    snprintf(s->code, sizeof(s->code), "%s", code);
    mailbox_hold(&s->mailbox);
    int err = nameplate_join(&s->nameplate, nameplate, &s->link, actions);
    return err != PROTO_OK ? err : begin(s, now, actions);
}

int stock_client_offer(struct stock_client *s, const struct classic_offer *offer, const char *text,
                       struct now *now, struct actions *actions)
{
    struct classic_out out = {0};

    return add_all(s, classic_offer(&s->classic, offer, text, &out, actions), &out, now, actions);
}

int stock_client_answer(struct stock_client *s, const char *refusal, struct now *now,
                        struct actions *actions)
{
    struct classic_out out = {0};

    return add_all(s, classic_answer(&s->classic, refusal, &out, actions), &out, now, actions);
}

int stock_client_hints(struct stock_client *s, uint64_t attempt, const struct hint_list *direct,
                       struct now *now, struct actions *actions)
{
    struct classic_out out = {0};

    return add_all(s, classic_hints(&s->classic, attempt, direct, &s->relays, &out, actions), &out,
                   now, actions);
}

int stock_client_finished(struct stock_client *s, bool ok, struct actions *actions)
{
    int err = classic_finished(&s->classic, ok, actions);

    return err != PROTO_OK ? err : end_if_over(s, actions);
}

int stock_client_leave(struct stock_client *s, enum mailbox_mood mood, struct actions *actions)
{
    snapshot(actions);
    return end(s, mood, actions);
}

/* ---- the peer's messages, in order ---- */

static int got_pake(struct stock_client *s, const struct bytes *body, struct now *now,
                    struct actions *actions)
{
    static const char version[] = "{\"app_versions\": {}}";
    bool released;

    if (key_pake(&s->key, body->data, body->len) != PROTO_OK)
        return end(s, MOOD_SCARY, actions);
    if (s->key.state == KEY_FORKED && s->trims_keys)
        memcpy(s->key.key, s->key.trimmed, sizeof(s->key.key));
    key_settle(&s->key);
    int err = nameplate_release(&s->nameplate, &s->link, actions, &released);
    if (err != PROTO_OK)
        return err;
    return add_sealed(s, "version", version, sizeof(version) - 1, now, actions);
}

static int got_plain(struct stock_client *s, const struct order_item *item,
                     const struct bytes *plain, struct now *now, struct actions *actions)
{
    struct classic_out out = {0};

    if (strcmp(item->phase, "version") != 0)
        return add_all(s, classic_received(&s->classic, plain->data, plain->len, &out, actions),
                       &out, now, actions);
    classic_init(&s->classic, s->key.key, 1);
    s->has_classic = true;
    struct action *a = actions_add(actions, ACTION_PAIRED);
    a->number = 2;
    return PROTO_OK;
}

static int got_item(struct stock_client *s, const struct order_item *item, struct now *now,
                    struct actions *actions)
{
    struct bytes plain = {0};

    if (strcmp(item->phase, "pake") == 0)
        return got_pake(s, &item->data, now, actions);
    int err =
        key_open(&s->key, s->mailbox.peer, item->phase, item->data.data, item->data.len, &plain);
    if (err == PROTO_OK)
        err = got_plain(s, item, &plain, now, actions);
    else if (err == PROTO_ERR_CRYPTO)
        err = end(s, MOOD_SCARY, actions);
    bytes_release(&plain);
    return err;
}

static int inbound(struct stock_client *s, const struct mailbox_event *event, struct now *now,
                   struct actions *actions)
{
    struct order_item *item;

    int err = order_put(&s->order, event->phase, event->body, event->len);
    while (err >= 0 && !s->ended && (item = order_take(&s->order)) != NULL) {
        err = got_item(s, item, now, actions);
        snapshot(actions);
        order_item_free(item);
    }
    return err < 0 ? err : PROTO_OK;
}

/* ---- the server ---- */

static int nameplate_happened(struct stock_client *s, const struct nameplate_event *event,
                              struct now *now, struct actions *actions)
{
    switch (event->kind) {
    case NAMEPLATE_EVENT_ALLOCATED:
        snprintf(s->code, sizeof(s->code), "%s-%s", event->nameplate, s->words);
        mailbox_hold(&s->mailbox);
        return begin(s, now, actions);
    case NAMEPLATE_EVENT_CLAIMED:
        snapshot(actions);
        return mailbox_set_id(&s->mailbox, event->mailbox, &s->link, actions);
    case NAMEPLATE_EVENT_RELEASED:
        snapshot(actions);
        return mailbox_unhold(&s->mailbox, &s->link, actions);
    case NAMEPLATE_EVENT_CROWDED:
    case NAMEPLATE_EVENT_RECLAIMED:
        snapshot(actions);
        return end(s, MOOD_ERRORY, actions);
    case NAMEPLATE_EVENT_NONE:
        break;
    }
    return PROTO_OK;
}

static int mailbox_happened(struct stock_client *s, const struct mailbox_event *event,
                            struct now *now, struct actions *actions)
{
    switch (event->kind) {
    case MAILBOX_EVENT_INBOUND:
        if (event->commit)
            snapshot(actions);
        return inbound(s, event, now, actions);
    case MAILBOX_EVENT_OWN_UNKNOWN:
    case MAILBOX_EVENT_OVERFULL:
        snapshot(actions);
        return end(s, MOOD_ERRORY, actions);
    case MAILBOX_EVENT_CROWDED:
        s->ended = true;
        snapshot(actions);
        break;
    case MAILBOX_EVENT_FENCE:
        actions_add(actions, ACTION_CAUGHT_UP)->link = LINK_CODE;
        break;
    case MAILBOX_EVENT_CLOSED:
        mailbox_forget_all(&s->mailbox, actions);
        snapshot(actions);
        actions_add(actions, ACTION_LINK_CLOSE)->link = LINK_CODE;
        break;
    case MAILBOX_EVENT_OWN:
    case MAILBOX_EVENT_NONE:
        break;
    }
    return PROTO_OK;
}

static int dispatch(struct stock_client *s, const struct server_msg *msg, struct now *now,
                    struct actions *actions)
{
    struct nameplate_event ne;
    struct mailbox_event me;

    int err = nameplate_received(&s->nameplate, &s->link, msg, &ne, actions);
    if (err == PROTO_OK)
        err = nameplate_happened(s, &ne, now, actions);
    if (err == PROTO_OK)
        err = mailbox_received(&s->mailbox, &s->link, msg, &me, actions);
    return err != PROTO_OK ? err : mailbox_happened(s, &me, now, actions);
}

int stock_client_received(struct stock_client *s, const void *text, size_t len, struct now *now,
                          struct actions *actions)
{
    struct server_msg msg;
    const char *problem;

    int err = rendezvous_received(&s->link, text, len, &msg, &problem);
    if (err == PROTO_OK)
        err = dispatch(s, &msg, now, actions);
    server_msg_release(&msg);
    return err == PROTO_ERR_MALFORMED || err == PROTO_ERR_TOO_BIG ? PROTO_OK : err;
}

int stock_client_up(struct stock_client *s, struct now *now, struct actions *actions)
{
    (void)now;
    int err = rendezvous_up(&s->link, s->appid, s->mailbox.side, actions);
    if (err == PROTO_OK)
        err = nameplate_up(&s->nameplate, &s->link, actions);
    return err != PROTO_OK ? err : mailbox_up(&s->mailbox, &s->link, actions);
}

void stock_client_down(struct stock_client *s)
{
    rendezvous_down(&s->link);
    nameplate_down(&s->nameplate);
    mailbox_down(&s->mailbox);
}

/* ---- save and load ---- */

int stock_client_save(const struct stock_client *s, struct bytes *out)
{
    bytes_put_blob(out, s->code, strlen(s->code));
    bytes_put_u8(out, s->has_classic);
    bytes_put_u8(out, s->ended);
    nameplate_save(&s->nameplate, out);
    mailbox_save(&s->mailbox, out);
    order_save(&s->order, out);
    key_save(&s->key, out);
    if (s->has_classic)
        classic_save(&s->classic, out);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static int load_machines(struct stock_client *s, struct reader *in)
{
    int err = nameplate_load(&s->nameplate, in);

    if (err == PROTO_OK)
        err = mailbox_load(&s->mailbox, in);
    if (err == PROTO_OK)
        err = order_load(&s->order, in);
    if (err == PROTO_OK)
        err = key_load(&s->key, in);
    if (err == PROTO_OK && s->has_classic)
        err = classic_load(&s->classic, in);
    return err;
}

int stock_client_load(struct stock_client *s, const char *appid, const char *words,
                      struct reader *in)
{
    size_t len;

    set_defaults(s, appid);
    s->words = words;
    const uint8_t *code = reader_blob(in, CODE_TEXT_MAX, &len);
    if (code != NULL)
        memcpy(s->code, code, len);
    s->has_classic = reader_u8(in) != 0;
    s->ended = reader_u8(in) != 0;
    return load_machines(s, in);
}

int stock_client_restored(struct stock_client *s, struct actions *actions)
{
    int err = s->has_classic ? classic_restored(&s->classic, 1, actions) : PROTO_OK;

    return err != PROTO_OK ? err : end_if_over(s, actions);
}
