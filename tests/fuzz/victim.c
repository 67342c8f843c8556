#include "tests/fuzz/victim.h"

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

enum {
    START_MS = 1700000000,
    ACTIONS_MAX = 2000,     /* that one input may lead to */
    SNAPSHOT_MAX = 4 << 20, /* what the journal takes */
    TICKS_MAX = 100,        /* timers that may be due one after the other */
};

const struct boss_options victim_options = {
    .appid = "lothar.com/wormhole/text-or-file-xfer",
    .code_words = 2,
    .software = "wormholefs fuzz",
    .relays = {.at = {{.kind = HINT_RELAY, .host = "relay.example", .port = 4001}}, .count = 1},
    .aes = true,
};

/* ---- what must stay true ---- */

static void check_order(const struct order *o)
{
    MUST(o->bytes <= ORDER_BYTES_MAX && o->count <= ORDER_ITEMS_MAX);
}

static void check_bounds(const struct boss *b)
{
    if (b->has_code)
        check_order(&b->code_order);
    if (b->current != NULL)
        check_order(&b->current->order);
    if (b->next != NULL)
        check_order(&b->next->order);
    MUST(b->inbound.count <= INBOUND_SEEN_MAX);
    MUST(b->attempt.their_hints.len <= OWN_PLAIN_MAX);
}

/* What is stored is a snapshot that this program takes. */
static void check_snapshot(const struct bytes *snapshot)
{
    struct boss *copy;
    struct actions actions = {0};
    struct now now = {.ms = START_MS};

    MUST(snapshot->len <= SNAPSHOT_MAX);
    MUST(boss_restore(&copy, &victim_options, snapshot->data, snapshot->len, &now, &actions) ==
         PROTO_OK);
    boss_free(copy);
    actions_release(&actions);
}

static void put_snapshot(struct victim *v)
{
    bytes_clear(&v->store.snapshot);
    MUST(boss_snapshot(v->b, &v->store.snapshot) == PROTO_OK);
    check_snapshot(&v->store.snapshot);
}

/* ---- what it wants ---- */

static void note_added(struct victim *v, enum wormhole_link link, const char *phase,
                       const char *hex)
{
    struct victim_added *added = &v->added[v->added_count++ % VICTIM_ADDED];
    size_t len = strlen(hex) / 2;

    added->link = link;
    snprintf(added->phase, sizeof added->phase, "%s", phase);
    bytes_clear(&added->body);
    bytes_reserve(&added->body, len + 1);
    MUST(hex_decode(added->body.data, len, hex, strlen(hex)) == PROTO_OK);
    added->body.len = len;
}

static void sent(struct victim *v, const struct action *a)
{
    json_t *text = json_loadb((const char *)a->body.data, a->body.len, 0, NULL);

    MUST(text != NULL && a->body.len <= CLIENT_TEXT_MAX);
    const json_t *ping = json_object_get(text, "ping");
    if (json_is_integer(ping))
        v->ping = json_integer_value(ping);
    const char *phase = json_string_value(json_object_get(text, "phase"));
    if (phase != NULL)
        note_added(v, a->link, phase, json_string_value(json_object_get(text, "body")));
    json_decref(text);
}

static void carry_out(struct victim *v, const struct action *a)
{
    if (a->kind == ACTION_SNAPSHOT)
        put_snapshot(v);
    else if (action_is_durable(a->kind))
        pair_store_apply(&v->store, a);
    else if (a->kind == ACTION_LINK_SEND)
        sent(v, a);
    else if (a->kind == ACTION_LINK_OPEN)
        v->link_opens++;
    else if (a->kind == ACTION_TRANSIT_LISTEN)
        v->attempt = a->number;
}

void victim_done(struct victim *v, struct actions *actions, int err)
{
    struct action *a;
    unsigned count = 0;

    MUST(err != PROTO_ERR_NOMEM && !actions->failed);
    while ((a = actions_take(actions)) != NULL) {
        MUST(++count <= ACTIONS_MAX);
        carry_out(v, a);
        action_free(a);
    }
    check_bounds(v->b);
}

/* ---- life ---- */

static bool restore(struct victim *v, struct actions *actions)
{
    const struct bytes *s = &v->store.snapshot;

    if (boss_restore(&v->b, &victim_options, s->data, s->len, &v->now, actions) != PROTO_OK)
        return false;
    if (pair_store_give(&v->store, v->b) == PROTO_OK &&
        boss_restored(v->b, &v->now, actions) == PROTO_OK)
        return true;
    boss_free(v->b);
    v->b = NULL;
    return false;
}

bool victim_start(struct victim *v, const struct pair_store *store)
{
    struct actions actions = {0};
    bool stored = store != NULL && store->snapshot.len > 0;

    *v = (struct victim){.now = {.ms = START_MS}};
    if (stored)
        pair_store_copy(&v->store, store);
    else
        pair_store_init(&v->store);
    if (stored && !restore(v, &actions)) {
        actions_release(&actions);
        pair_store_release(&v->store);
        return false;
    }
    if (!stored)
        MUST(boss_create(&v->b, &victim_options, &v->now, &actions) == PROTO_OK);
    victim_done(v, &actions, PROTO_OK);
    return true;
}

void victim_stop(struct victim *v)
{
    boss_free(v->b);
    pair_store_release(&v->store);
    for (size_t i = 0; i < VICTIM_ADDED; i++)
        bytes_release(&v->added[i].body);
}

void victim_restart(struct victim *v)
{
    struct actions actions = {0};

    boss_free(v->b);
    v->b = NULL;
    MUST(restore(v, &actions));
    victim_done(v, &actions, PROTO_OK);
}

void victim_wait(struct victim *v, int64_t ms)
{
    unsigned ticks = 0;

    v->now.ms += ms;
    while (boss_deadline_ms(v->b) <= v->now.ms) {
        struct actions actions = {0};
        MUST(++ticks <= TICKS_MAX);
        victim_done(v, &actions, boss_tick(v->b, &v->now, &actions));
    }
}

void victim_hear(struct victim *v, enum wormhole_link link, const void *text, size_t len)
{
    struct actions actions = {0};
    int err = boss_link_received(v->b, link, text, len, &v->now, &actions);

    MUST(err == PROTO_OK);
    victim_done(v, &actions, err);
}
