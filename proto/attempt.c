#include "proto/attempt.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/ratchet.h"

void attempt_init(struct attempt *a)
{
    *a = (struct attempt){.backoff_ms = ATTEMPT_RETRY_MIN_MS};
}

void attempt_release(struct attempt *a)
{
    bytes_release(&a->hints);
    bytes_release(&a->their_hints);
    sodium_memzero(a, sizeof(*a));
}

void attempt_want(struct attempt *a, bool want)
{
    a->want = want;
}

/* ---- the stream ---- */

static bool same(const uint8_t *a, const uint8_t *b)
{
    return sodium_memcmp(a, b, MESSAGE_CHALLENGE_BYTES) == 0;
}

static void set(uint8_t *to, const uint8_t *from)
{
    memcpy(to, from, MESSAGE_CHALLENGE_BYTES);
}

void attempt_restart(struct attempt *a)
{
    a->open = ATTEMPT_OPEN_NONE;
    a->pair = ATTEMPT_PAIR_NONE;
    a->mine_sent = false;
    a->mine_seen = false;
    a->outstanding = false;
}

void attempt_heard(struct attempt *a)
{
    a->outstanding = false;
}

static void pair(struct attempt *a, const uint8_t *ours, bool peer_waits)
{
    bool mine = a->state >= ATTEMPT_OFFERED && same(ours, a->mine);

    a->open = ATTEMPT_OPEN_NONE;
    if (mine && a->state == ATTEMPT_OFFERED)
        a->pair = ATTEMPT_PAIR_READY;
    else if (mine && same(a->their_challenge, a->theirs))
        a->pair = ATTEMPT_PAIR_TAKEN;
    else
        a->pair = peer_waits ? ATTEMPT_PAIR_WAITED : ATTEMPT_PAIR_DEAD;
}

int attempt_own(struct attempt *a, const struct message_ephemeral *m)
{
    if (a->state >= ATTEMPT_OFFERED && same(m->challenge, a->mine))
        a->mine_seen = true;
    a->outstanding = a->open != ATTEMPT_OPEN_THEIRS;
    if (!a->outstanding) {
        pair(a, m->challenge, false);
        return PROTO_OK;
    }
    a->open = ATTEMPT_OPEN_OURS;
    a->pair = ATTEMPT_PAIR_NONE;
    set(a->open_challenge, m->challenge);
    return PROTO_OK;
}

int attempt_peer(struct attempt *a, const struct message_ephemeral *m, bool live)
{
    a->outstanding = false;
    set(a->their_challenge, m->challenge);
    a->their_capabilities = m->capabilities;
    bytes_clear(&a->their_hints);
    bytes_put(&a->their_hints, m->json, m->json_len);
    if (!bytes_ok(&a->their_hints))
        return PROTO_ERR_NOMEM;
    if (a->open == ATTEMPT_OPEN_OURS) {
        pair(a, a->open_challenge, live);
        return PROTO_OK;
    }
    a->open = ATTEMPT_OPEN_THEIRS;
    a->pair = ATTEMPT_PAIR_NONE;
    return PROTO_OK;
}

/* ---- what transit says ---- */

static void go_idle(struct attempt *a)
{
    a->state = ATTEMPT_IDLE;
    bytes_clear(&a->hints);
    sodium_memzero(a->mine, sizeof(a->mine));
}

static void failed(struct attempt *a, int64_t now_ms)
{
    go_idle(a);
    a->retry_ms = now_ms + a->backoff_ms;
    a->backoff_ms =
        a->backoff_ms < ATTEMPT_RETRY_MAX_MS / 2 ? 2 * a->backoff_ms : ATTEMPT_RETRY_MAX_MS;
}

static void ended(struct attempt *a, int64_t now_ms)
{
    if (a->state != ATTEMPT_UP || now_ms - a->up_ms < ATTEMPT_STABLE_MS) {
        failed(a, now_ms);
        return;
    }
    a->backoff_ms = ATTEMPT_RETRY_MIN_MS;
    a->retry_ms = a->spaced_ms = now_ms;
    go_idle(a);
}

static int put_hints(struct bytes *out, const struct hint_list *list)
{
    json_t *object = hints_build(list);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    if (text != NULL)
        bytes_put_str(out, text);
    free(text);
    json_decref(object);
    return text != NULL && bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

/* Enough of a kind is no error: the first are the best. */
static void add_relays(struct hint_list *list, const struct attempt_context *c)
{
    for (size_t i = 0; i < c->relay_count; i++)
        hints_add(list, HINT_RELAY, c->relays[i].host, c->relays[i].port, c->relays[i].priority);
}

int attempt_hints(struct attempt *a, uint64_t number, const struct hint_list *direct,
                  const struct attempt_context *c)
{
    struct hint_list list = *direct;

    if (a->state != ATTEMPT_PREPARING || number != a->number || a->hints.len > 0)
        return PROTO_OK;
    add_relays(&list, c);
    return put_hints(&a->hints, &list);
}

void attempt_up(struct attempt *a, uint64_t number, int64_t now_ms)
{
    if (a->state != ATTEMPT_RUNNING || number != a->number)
        return;
    a->state = ATTEMPT_UP;
    a->up_ms = now_ms;
}

void attempt_down(struct attempt *a, uint64_t number, int64_t now_ms)
{
    if (a->state == ATTEMPT_IDLE || number != a->number)
        return;
    ended(a, now_ms);
}

/* ---- carrying on ---- */

static void stop(struct attempt *a, struct actions *actions)
{
    actions_add(actions, ACTION_TRANSIT_STOP)->number = a->number;
    go_idle(a);
}

void attempt_stop(struct attempt *a, struct actions *actions)
{
    if (a->state != ATTEMPT_IDLE)
        stop(a, actions);
}

static bool is_timed(const struct attempt *a)
{
    return a->state > ATTEMPT_IDLE && a->state < ATTEMPT_UP;
}

static void time_out(struct attempt *a, struct now *now, struct actions *actions)
{
    if (!is_timed(a) || now->ms < a->deadline_ms)
        return;
    stop(a, actions);
    failed(a, now->ms);
}

/* Does the peer wait for new hints of ours? */
static bool is_asked(const struct attempt *a)
{
    return a->open == ATTEMPT_OPEN_THEIRS || a->pair == ATTEMPT_PAIR_WAITED;
}

/* OFFERED: the server has lost what we offered, or it was paired and spent unseen by us. */
static bool is_void(const struct attempt *a)
{
    return a->mine_seen ? is_asked(a) : !a->mine_sent;
}

static bool is_due(const struct attempt *a, int64_t now_ms)
{
    if (now_ms < a->spaced_ms)
        return false;
    return is_asked(a) || (a->want && !a->outstanding && now_ms >= a->retry_ms);
}

/* A peer's hints are addresses that we dial: one that lets every attempt fail must not make us
 * knock at one door after the other. */
static int64_t spacing_ms(const struct attempt *a)
{
    int64_t ms = a->backoff_ms / 8;

    if (ms < ATTEMPT_SPACING_MS)
        return ATTEMPT_SPACING_MS;
    return ms < ATTEMPT_SPACING_MAX_MS ? ms : ATTEMPT_SPACING_MAX_MS;
}

static void prepare(struct attempt *a, struct now *now, struct actions *actions)
{
    a->state = ATTEMPT_PREPARING;
    a->number++;
    a->deadline_ms = now->ms + ATTEMPT_TIMEOUT_MS;
    a->spaced_ms = now->ms + spacing_ms(a);
    bytes_clear(&a->hints);
    actions_add(actions, ACTION_TRANSIT_LISTEN)->number = a->number;
}

static void offer(struct attempt *a, const struct attempt_context *c, struct now *now,
                  struct message_ephemeral *m)
{
    now_random(now, a->mine, sizeof(a->mine));
    a->state = ATTEMPT_OFFERED;
    a->deadline_ms = now->ms + ATTEMPT_TIMEOUT_MS;
    a->mine_sent = true;
    a->mine_seen = false;
    a->outstanding = true;
    *m = (struct message_ephemeral){.kind = MESSAGE_HINTS,
                                    .capabilities = c->aes ? MESSAGE_CAPABILITY_AES : 0,
                                    .json = a->hints.data,
                                    .json_len = a->hints.len};
    set(m->challenge, a->mine);
}

/* What the peer says may be nonsense; then only our relays are tried, and it may come to us. */
static void take_hints(const struct attempt *a, struct hint_list *list)
{
    json_t *object = json_loadb((const char *)a->their_hints.data, a->their_hints.len,
                                JSON_REJECT_DUPLICATES, NULL);

    if (object == NULL || hints_parse(list, object) != PROTO_OK)
        *list = (struct hint_list){0};
    json_decref(object);
}

static int start(struct attempt *a, const struct attempt_context *c, struct now *now,
                 struct actions *actions)
{
    struct action *action = actions_add(actions, ACTION_TRANSIT_START);
    struct transit_plan *plan = calloc(1, sizeof(*plan));

    if (plan == NULL)
        return PROTO_ERR_NOMEM;
    set(a->theirs, a->their_challenge);
    ratchet_bulk(plan->key, c->content_key, c->leader ? a->mine : a->theirs,
                 c->leader ? a->theirs : a->mine);
    plan->sender = c->leader;
    plan->aes = c->aes && (a->their_capabilities & MESSAGE_CAPABILITY_AES) != 0;
    take_hints(a, &plan->hints);
    add_relays(&plan->hints, c);
    action->number = a->number;
    action->plan = plan;
    a->state = ATTEMPT_RUNNING;
    a->pair = ATTEMPT_PAIR_TAKEN;
    a->deadline_ms = now->ms + ATTEMPT_TIMEOUT_MS;
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

int attempt_run(struct attempt *a, const struct attempt_context *c, struct now *now,
                struct message_ephemeral *m, struct actions *actions)
{
    time_out(a, now, actions);
    if (!c->fenced)
        return 0;
    if (a->state == ATTEMPT_OFFERED && a->pair == ATTEMPT_PAIR_READY)
        return start(a, c, now, actions);
    if (a->state >= ATTEMPT_RUNNING && is_asked(a)) { /* the peer has given that one up */
        actions_add(actions, ACTION_TRANSIT_STOP)->number = a->number;
        ended(a, now->ms);
    }
    if (a->state == ATTEMPT_OFFERED && is_void(a))
        a->state = ATTEMPT_PREPARING;
    if (a->state == ATTEMPT_IDLE && is_due(a, now->ms))
        prepare(a, now, actions);
    if (a->state != ATTEMPT_PREPARING || a->hints.len == 0 || !c->room)
        return 0;
    offer(a, c, now, m);
    return 1;
}

int64_t attempt_deadline(const struct attempt *a, bool fenced)
{
    if (is_timed(a))
        return a->deadline_ms;
    if (a->state != ATTEMPT_IDLE || !fenced)
        return INT64_MAX;
    if (is_asked(a))
        return a->spaced_ms;
    if (!a->want || a->outstanding)
        return INT64_MAX;
    return a->retry_ms > a->spaced_ms ? a->retry_ms : a->spaced_ms;
}
