#include "tests/sim/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "tests/sim/pair_inner.h"

enum { START_MS = 1700000000, STEPS_MAX = 3000000, SMALL_MAX = 400, LARGE_MAX = 15000 };

#define APPID "lothar.com/wormhole/text-or-file-xfer"

void pair_must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pair: %s\n", what);
    abort();
}

/* splitmix64 */
uint64_t pair_draw(struct pair *p, uint64_t below)
{
    uint64_t z = p->rng += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static struct now make_now(struct pair *p)
{
    struct now now = {.ms = p->now_ms};

    for (size_t i = 0; i < sizeof(now.seed); i++)
        now.seed[i] = (uint8_t)pair_draw(p, 256);
    return now;
}

/* ---- one turn ---- */

struct turn {
    struct side *side;
    struct now now;
    struct actions actions;
    enum pair_crash crash;
};

static enum pair_crash choose_crash(struct pair *p, const struct side *s)
{
    if (s->who == PAIR_COPY)
        return PAIR_NO_CRASH;
    p->turns++;
    if (p->crash_turn != PAIR_NEVER_CRASH && p->turns == p->crash_turn)
        return p->crash;
    if (p->crash_often > 0 && pair_draw(p, p->crash_often) == 0)
        return (enum pair_crash)(1 + pair_draw(p, PAIR_CRASH_IN_RELEASE));
    return PAIR_NO_CRASH;
}

static struct turn turn_begin(struct pair *p, struct side *s)
{
    return (struct turn){.side = s, .now = make_now(p), .crash = choose_crash(p, s)};
}

static void fold(struct pair *p, const void *data, size_t len)
{
    crypto_generichash_update(&p->digest, data, len);
}

static void digest(struct pair *p, const struct side *s, const struct action *a)
{
    uint64_t numbers[] = {s->who, a->kind, a->link, a->number, a->mailbox, (uint64_t)p->now_ms};

    fold(p, numbers, sizeof(numbers));
    fold(p, a->phase, sizeof(a->phase));
    if (a->text != NULL)
        fold(p, a->text, strlen(a->text));
    if (a->body.len > 0)
        fold(p, a->body.data, a->body.len);
    if (a->plan != NULL)
        fold(p, a->plan, sizeof(*a->plan));
}

/* The application says what it has to say, as long as there is room. */
static void fill(struct pair *p, struct turn *t)
{
    struct pair_store *store = &t->side->store;

    while (store->sent < t->side->goal && boss_room(t->side->boss) > 0) {
        struct bytes content = {0};
        uint8_t incarnation[16];
        uint64_t number;
        bytes_put_u8(&content, 16);
        bytes_put_u64(&content, store->sent);
        bytes_reserve(&content, LARGE_MAX);
        size_t padding = pair_draw(p, pair_draw(p, 16) == 0 ? LARGE_MAX : SMALL_MAX);
        memset(content.data + content.len, 'x', padding);
        content.len += padding;
        pair_must(boss_send(t->side->boss, content.data, content.len, &number, incarnation, &t->now,
                            &t->actions) == PROTO_OK,
                  "no room for what there is room for");
        pair_store_add_message(store, number, incarnation, content.data, content.len);
        store->sent++;
        bytes_release(&content);
    }
}

static void put_snapshot(struct side *s)
{
    s->store.snapshots++;
    bytes_clear(&s->store.snapshot);
    pair_must(boss_snapshot(s->boss, &s->store.snapshot) == PROTO_OK, "snapshot");
    s->has_store = true;
}

/* Commits the durable actions; gives the others back. */
static struct actions commit(struct pair *p, struct turn *t)
{
    struct actions released = {0};
    struct action *a;

    while ((a = actions_take(&t->actions)) != NULL) {
        digest(p, t->side, a);
        if (a->kind == ACTION_SNAPSHOT)
            put_snapshot(t->side);
        else if (action_is_durable(a->kind))
            pair_store_apply(&t->side->store, a);
        if (action_is_durable(a->kind)) {
            action_free(a);
            continue;
        }
        if (released.last == NULL)
            released.last = &released.first;
        *released.last = a;
        released.last = &a->next;
    }
    return released;
}

static size_t count(const struct actions *actions)
{
    size_t n = 0;

    for (const struct action *a = actions->first; a != NULL; a = a->next)
        n++;
    return n;
}

static void kill_side(struct pair *p, struct side *s)
{
    boss_free(s->boss);
    s->boss = NULL;
    pair_disconnect(p, s, false);
}

static void turn_end(struct pair *p, struct turn *t, int err)
{
    struct side *s = t->side;
    struct action *a;

    pair_must(err == PROTO_OK && !t->actions.failed, "an input failed");
    if (t->crash == PAIR_CRASH_BEFORE_COMMIT) {
        actions_release(&t->actions);
    } else {
        fill(p, t);
        struct actions released = commit(p, t);
        size_t allowed = t->crash == PAIR_NO_CRASH           ? SIZE_MAX
                         : t->crash == PAIR_CRASH_IN_RELEASE ? count(&released) / 2
                                                             : 0;
        for (; allowed > 0 && (a = actions_take(&released)) != NULL; allowed--) {
            pair_release(p, s, a);
            action_free(a);
        }
        actions_release(&released);
    }
    if (t->crash == PAIR_NO_CRASH)
        return;
    kill_side(p, s);
    pair_start(p, s->who);
}

void pair_turn_up(struct pair *p, struct side *s, enum wormhole_link link)
{
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_link_up(s->boss, link, &t.now, &t.actions));
}

void pair_turn_down(struct pair *p, struct side *s, enum wormhole_link link)
{
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_link_down(s->boss, link, &t.now, &t.actions));
}

void pair_turn_received(struct pair *p, struct side *s, enum wormhole_link link, const char *text,
                        size_t len)
{
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_link_received(s->boss, link, text, len, &t.now, &t.actions));
}

void pair_turn_transit(struct pair *p, struct side *s, uint64_t number, enum transit_news news)
{
    struct turn t = turn_begin(p, s);
    struct hint_list direct = {0};
    int err = PROTO_OK;

    hints_add(&direct, HINT_DIRECT, "192.0.2.1", (uint16_t)(1 + number % 60000), 0);
    if (news == TRANSIT_HINTS)
        err = boss_transit_hints(s->boss, number, &direct, &t.now, &t.actions);
    else if (news == TRANSIT_UP)
        err = boss_transit_up(s->boss, number, &t.now, &t.actions);
    else
        err = boss_transit_down(s->boss, number, &t.now, &t.actions);
    turn_end(p, &t, err);
}

void pair_turn_tick(struct pair *p, struct side *s)
{
    struct turn t = turn_begin(p, s);
    bool crash = t.crash != PAIR_NO_CRASH;

    turn_end(p, &t, boss_tick(s->boss, &t.now, &t.actions));
    pair_must(crash || s->boss == NULL || boss_deadline_ms(s->boss) > p->now_ms,
              "a timer is due again at once");
}

/* ---- life ---- */

struct pair *pair_new(uint64_t seed)
{
    struct mailbox_server_options options = {.seed = seed};
    struct pair *p = calloc(1, sizeof(*p));

    pair_must(p != NULL && sodium_init() >= 0, "memory");
    p->now_ms = START_MS;
    p->rng = seed;
    p->reachable = true;
    p->server = mailbox_server_new(&options, p->now_ms);
    crypto_generichash_init(&p->digest, NULL, 0, 32);
    for (enum pair_who who = PAIR_A; who < PAIR_SIDES; who++) {
        p->sides[who].who = who;
        pair_store_init(&p->sides[who].store);
        pair_store_init(&p->sides[who].backup);
    }
    pair_start(p, PAIR_A);
    pair_start(p, PAIR_B);
    return p;
}

void pair_free(struct pair *p)
{
    for (enum pair_who who = PAIR_A; who < PAIR_SIDES; who++) {
        pair_stop(p, who);
        pair_store_release(&p->sides[who].store);
        pair_store_release(&p->sides[who].backup);
    }
    mailbox_server_free(p->server);
    free(p);
}

static struct boss_options options(void)
{
    struct boss_options o = {
        .appid = APPID, .code_words = 2, .software = "wormholefs test", .aes = true};

    hints_add(&o.relays, HINT_RELAY, "relay.example", 4001, 0);
    return o;
}

static int restore(struct side *s, struct turn *t, const struct boss_options *o)
{
    int err = boss_restore(&s->boss, o, s->store.snapshot.data, s->store.snapshot.len, &t->now,
                           &t->actions);

    if (err == PROTO_OK)
        err = pair_store_give(&s->store, s->boss);
    return err == PROTO_OK ? boss_restored(s->boss, &t->now, &t->actions) : err;
}

void pair_start(struct pair *p, enum pair_who who)
{
    struct side *s = &p->sides[who];
    struct boss_options o = options();
    struct turn t = turn_begin(p, s);

    pair_must(s->boss == NULL, "runs already");
    if (t.crash == PAIR_CRASH_BEFORE_COMMIT && !s->has_store)
        t.crash = PAIR_NO_CRASH;
    turn_end(p, &t,
             s->has_store ? restore(s, &t, &o) : boss_create(&s->boss, &o, &t.now, &t.actions));
    if (s->boss == NULL || !s->want_bulk)
        return;
    t = turn_begin(p, s);
    turn_end(p, &t, boss_want_bulk(s->boss, true, &t.now, &t.actions));
}

void pair_stop(struct pair *p, enum pair_who who)
{
    if (p->sides[who].boss != NULL)
        kill_side(p, &p->sides[who]);
}

/* ---- running ---- */

static unsigned ticks_due(struct pair *p, int64_t *next_ms)
{
    unsigned due = 0;

    for (int who = 0; who < PAIR_SIDES; who++) {
        if (p->sides[who].boss == NULL)
            continue;
        int64_t at_ms = boss_deadline_ms(p->sides[who].boss);
        if (at_ms <= p->now_ms)
            due++;
        else if (at_ms < *next_ms)
            *next_ms = at_ms;
    }
    return due;
}

static void tick_nth(struct pair *p, unsigned nth)
{
    for (int who = 0; who < PAIR_SIDES; who++) {
        struct side *s = &p->sides[who];
        if (s->boss == NULL || boss_deadline_ms(s->boss) > p->now_ms || nth-- > 0)
            continue;
        pair_turn_tick(p, s);
        return;
    }
}

bool pair_step(struct pair *p, int64_t until_ms)
{
    int64_t next_ms = mailbox_server_deadline_ms(p->server);

    if (next_ms <= p->now_ms) {
        mailbox_server_tick(p->server, p->now_ms);
        return true;
    }
    unsigned net = pair_net_due(p, &next_ms);
    unsigned ticks = ticks_due(p, &next_ms);
    if (net + ticks > 0) {
        unsigned nth = (unsigned)pair_draw(p, net + ticks);
        if (nth < net)
            pair_net_do(p, nth);
        else
            tick_nth(p, nth - net);
        return true;
    }
    bool there = next_ms <= until_ms;
    p->now_ms = there ? next_ms : until_ms;
    return there;
}

bool pair_run(struct pair *p, bool (*done)(const struct pair *p), int64_t limit_ms)
{
    int64_t until_ms = p->now_ms + limit_ms;
    unsigned steps = 0;

    while (done == NULL || !done(p)) {
        pair_must(++steps < STEPS_MAX, "it never comes to rest");
        if (!pair_step(p, until_ms))
            return done != NULL && done(p);
    }
    return true;
}

int64_t pair_now_ms(const struct pair *p)
{
    return p->now_ms;
}

unsigned pair_turns(const struct pair *p)
{
    return p->turns;
}

uint64_t pair_digest(const struct pair *p)
{
    crypto_generichash_state state = p->digest;
    uint8_t hash[32];
    uint64_t folded;

    crypto_generichash_final(&state, hash, sizeof(hash));
    memcpy(&folded, hash, sizeof(folded));
    return folded;
}

/* ---- users ---- */

void pair_allocate(struct pair *p, enum pair_who who)
{
    struct side *s = &p->sides[who];
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_allocate(s->boss, &t.now, &t.actions));
}

void pair_join(struct pair *p, enum pair_who who, const char *code)
{
    struct side *s = &p->sides[who];
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_join(s->boss, code, &t.now, &t.actions));
}

static bool has_code(const struct pair *p)
{
    return p->sides[PAIR_A].store.code[0] != '\0';
}

static bool are_paired(const struct pair *p)
{
    return p->sides[PAIR_A].store.state == BOSS_PAIRED &&
           p->sides[PAIR_B].store.state == BOSS_PAIRED;
}

/* A user whose machine crashed asks again. */
void pair_connect(struct pair *p)
{
    while (p->sides[PAIR_A].store.state == BOSS_NEW)
        pair_allocate(p, PAIR_A);
    pair_must(pair_run(p, has_code, 60000), "no code");
    while (p->sides[PAIR_B].store.state == BOSS_NEW)
        pair_join(p, PAIR_B, p->sides[PAIR_A].store.code);
    pair_must(pair_run(p, are_paired, 600000), "not paired");
}

void pair_send(struct pair *p, enum pair_who who, uint64_t goal)
{
    struct side *s = &p->sides[who];

    s->goal = goal;
    if (s->boss != NULL)
        pair_turn_tick(p, s);
}

void pair_close(struct pair *p, enum pair_who who)
{
    struct side *s = &p->sides[who];
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, boss_close(s->boss, &t.now, &t.actions));
}

void pair_want_bulk(struct pair *p, enum pair_who who, bool want)
{
    struct side *s = &p->sides[who];
    struct turn t = turn_begin(p, s);

    s->want_bulk = want;
    turn_end(p, &t, boss_want_bulk(s->boss, want, &t.now, &t.actions));
}

void pair_input(struct pair *p, enum pair_who who, pair_input_fn *input, const void *arg)
{
    struct side *s = &p->sides[who];
    struct turn t = turn_begin(p, s);

    turn_end(p, &t, input(s->boss, &t.now, &t.actions, arg));
}

/* ---- misfortunes ---- */

void pair_crash_in(struct pair *p, unsigned turns, enum pair_crash crash)
{
    p->crash_turn = p->turns + turns;
    p->crash = crash;
}

void pair_crash_often(struct pair *p, unsigned n)
{
    p->crash_often = n;
}

void pair_cut(struct pair *p, enum pair_who who)
{
    if (p->sides[who].boss != NULL)
        pair_disconnect(p, &p->sides[who], true);
}

void pair_set_server(struct pair *p, bool reachable)
{
    p->reachable = reachable;
    for (enum pair_who who = PAIR_A; who < PAIR_SIDES && !reachable; who++)
        pair_cut(p, who);
}

void pair_backup(struct pair *p, enum pair_who who)
{
    struct side *s = &p->sides[who];

    pair_store_release(&s->backup);
    pair_store_copy(&s->backup, &s->store);
    s->has_backup = true;
}

void pair_restore(struct pair *p, enum pair_who who)
{
    struct side *s = &p->sides[who];
    uint64_t sent = s->store.sent;

    pair_must(s->has_backup, "no backup");
    pair_stop(p, who);
    pair_store_release(&s->store);
    pair_store_copy(&s->store, &s->backup);
    s->store.sent = sent; /* what its application makes from now on is new */
    pair_start(p, who);
}

void pair_copy(struct pair *p)
{
    struct side *copy = &p->sides[PAIR_COPY];

    pair_store_copy(&copy->store, &p->sides[PAIR_A].store);
    copy->has_store = true;
    copy->goal = copy->store.sent;
    pair_start(p, PAIR_COPY);
}

void pair_repeat_messages(struct pair *p, bool repeat)
{
    p->repeat = repeat;
}

void pair_on_stranger(struct pair *p,
                      void (*hear)(void *arg, const struct mailbox_server_output *o), void *arg)
{
    p->hear = hear;
    p->hear_arg = arg;
}

/* ---- looking ---- */

const struct pair_store *pair_store(const struct pair *p, enum pair_who who)
{
    return &p->sides[who].store;
}

struct boss *pair_boss(struct pair *p, enum pair_who who)
{
    return p->sides[who].boss;
}

struct mailbox_server *pair_server(struct pair *p)
{
    return p->server;
}

bool pair_bulk_up(const struct pair *p)
{
    const struct boss *a = p->sides[PAIR_A].boss, *b = p->sides[PAIR_B].boss;

    return a != NULL && b != NULL && boss_bulk_up(a) && boss_bulk_up(b);
}

void pair_peak(const struct pair *p, size_t *messages, size_t *bytes)
{
    *messages = p->peak_messages;
    *bytes = p->peak_bytes;
}

size_t pair_mailboxes(const struct pair *p)
{
    size_t n = 0;

    for (const struct row_mailbox *m = mailbox_server_rows(p->server)->mailboxes; m != NULL;
         m = m->next)
        n++;
    return n;
}
