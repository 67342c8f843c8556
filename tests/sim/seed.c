#include "tests/sim/seed.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/ciphers.h"
#include "tests/sim/outputs.h"
#include "tests/sim/seed_inner.h"

enum {
    AWAY_MS_MAX = 20000,
    HEAL_MS = 6 * 60 * 60 * 1000, /* as long as it may take after the last misfortune */
    OFFER_MS = 60 * 60 * 1000,    /* how often users look whether something is held, meanwhile */
    SETTLE_MS = 15 * 60 * 1000,   /* and then until the server has forgotten what nobody needs */
    HEAL_STEPS_MAX = 400000,
    LOOK_EVERY = 64,
    NEAR_CALLS = 12,
};

void seed_say(struct seed *s, const char *format, ...)
{
    va_list args;
    if (!s->options.trace)
        return;
    fprintf(stderr, "%lld - ", (long long)(world_now_ms(s->world) % 100000000));
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void seed_fail(struct seed *s, const char *format, ...)
{
    va_list args;
    if (s->failed)
        return;
    s->failed = true;
    va_start(args, format);
    vsnprintf(s->result->why, sizeof s->result->why, format, args);
    va_end(args);
    seed_say(s, "FAILED: %s", s->result->why);
}

void seed_did(struct seed *s, enum deed deed)
{
    s->result->deeds[deed]++;
}

void seed_endanger(struct seed *s, int peer, uint64_t one_in)
{
    uint32_t deaths = s->options.faults & (FAULT_BIT(KILL) | FAULT_BIT(POWER));
    struct party_state *party = &s->party[peer];
    if (s->quiet || deaths == 0 || !party->up || !dice_once_in(&s->dice, one_in))
        return;
    bool power =
        deaths == FAULT_BIT(POWER) || (deaths != FAULT_BIT(KILL) && dice_below(&s->dice, 2) == 0);
    party->loss = power ? DISK_LOSES : DISK_KEEPS;
    s->result->faults[power ? FAULT_POWER : FAULT_KILL]++;
    uint64_t calls = 1 + dice_below(&s->dice, NEAR_CALLS);
    disk_die_in(party->disk, calls);
    seed_say(s, "%c will %s at call %llu", 'A' + peer, power ? "lose its power" : "die",
             (unsigned long long)calls);
}

bool seed_peer_up(const struct seed *s, int peer)
{
    return s->party[peer].up;
}

struct pair *seed_pair(struct seed *s, int peer, uint64_t wormhole, int *end)
{
    for (int i = 0; i < s->pair_count; i++)
        for (*end = 0; *end < 2; ++*end)
            if (s->pairs[i].peer[*end] == peer && s->pairs[i].id[*end] == wormhole)
                return &s->pairs[i];
    return NULL;
}

/* ---- what the world asks ---- */

int64_t seed_now_ns(void *arg)
{
    const struct seed *s = arg;
    return s->world == NULL ? INT64_C(1800000000000000000) : world_now_ms(s->world) * 1000000;
}

static const struct io *disk_of(void *arg, int peer, char dir[static 64])
{
    struct seed *s = arg;
    snprintf(dir, 64, "%s", disk_path(s->party[peer].disk));
    return outputs_watch(peer, disk_io(s->party[peer].disk));
}

struct watcher {
    struct seed *s;
    int peer;
};

/* What a user is shown is promised. */
static void changed(void *arg, enum engine_change what, uint64_t wormhole, uint64_t ino,
                    const char *name, size_t name_len)
{
    const struct watcher *w = arg;
    (void)wormhole, (void)name, (void)name_len;
    if (what == CHANGE_ARRIVED && !disk_dead(w->s->party[w->peer].disk))
        ledger_promise(w->s, w->peer, ino);
}

static void watch(void *arg, int peer, struct engine_watch *out)
{
    static struct watcher watchers[WORLD_PEERS_MAX];
    watchers[peer] = (struct watcher){arg, peer};
    *out = (struct engine_watch){.arg = &watchers[peer], .changed = changed};
}

/* Nothing leaves before the commit that records it is on disk: while something leaves, nothing of
 * the journal is written and not synced. */
static void let_go(void *arg, int peer)
{
    struct seed *s = arg;
    const struct disk *d = s->party[peer].disk;
    if (!disk_dead(d) && disk_owes(d, "journal.sqlite-wal"))
        seed_fail(s, "something left %c before its commit was on disk", 'A' + peer);
}

static void said(void *arg, int peer, uint64_t connection, const char *text, size_t len)
{
    wire_said(&((struct seed *)arg)->wire, peer, connection, text, len);
}

static void heard(void *arg, int peer, uint64_t connection, const char *text, size_t len)
{
    (void)peer;
    wire_heard(&((struct seed *)arg)->wire, connection, text, len);
}

/* ---- life and death ---- */

static void bury(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    seed_say(s, "%c is dead: %s", 'A' + peer, disk_last_call(party->disk));
    world_kill(s->world, peer);
    party->up = false;
    s->result->kills++;
    if (peer == SEED_CLONE)
        return;
    disk_revive(party->disk, party->loss);
    misfortunes_died(s, peer);
    party->up_at_ms =
        world_now_ms(s->world) + (s->quiet ? 0 : (int64_t)dice_below(&s->dice, AWAY_MS_MAX));
}

static void start(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    int err = world_try_start(s->world, peer);
    seed_say(s, "%c starts: %d", 'A' + peer, err);
    party->up = err == 0;
    if (err == 0) {
        ledger_started(s, peer);
        ledger_look(s); /* before anything happens */
    } else if (disk_dead(party->disk)) {
        disk_revive(party->disk, party->loss);
    }
    party->up_at_ms = world_now_ms(s->world) + 1000;
}

/* Those who died are buried, those whose time has come are started. */
static void attend(struct seed *s)
{
    for (int i = 0; i < WORLD_PEERS_MAX; i++) {
        struct party_state *party = &s->party[i];
        if (party->disk == NULL)
            continue;
        if (party->up && disk_dead(party->disk))
            bury(s, i);
        else if (i < s->peers && !party->up && world_now_ms(s->world) >= party->up_at_ms)
            start(s, i);
    }
}

/* What the daemon's tidier does every few seconds. */
static void tidy(struct seed *s)
{
    for (int i = 0; i < s->peers; i++) {
        if (!s->party[i].up || disk_dead(s->party[i].disk))
            continue;
        struct store *store = world_store(s->world, i);
        if (store_sync_owed(store)) {
            while (node_sweep(store) > 0)
                ;
            store_sync(store);
        }
        store_reap(store);
    }
}

/* At most so many things happen, or so much time passes. False: nothing is left to happen. */
static bool live(struct seed *s, int steps, int64_t ms)
{
    int64_t until_ms = world_now_ms(s->world) + ms;
    for (int i = 0; i < steps && !s->failed; i++) {
        bool moved = world_step(s->world, until_ms);
        attend(s);
        if (!moved)
            return false;
    }
    return true;
}

/* ---- one seed ---- */

static int64_t no_time(void *arg)
{
    (void)arg;
    return INT64_C(1800000000000000000);
}

/* What a first start makes, made once: most seeds begin with it and save its cost. */
static const struct disk_image *empty_store(void)
{
    static struct disk_image *image;
    struct store *store;
    char why[STORE_WHY_MAX];
    if (image != NULL)
        return image;
    struct disk *d = disk_new(1, no_time, NULL);
    if (store_open(&store, disk_path(d), disk_io(d), why) != 0)
        abort();
    store_close(store);
    image = disk_copy(d);
    disk_free(d);
    return image;
}

static void begin(struct seed *s)
{
    s->dice.state = s->options.seed;
    s->dice.state =
        dice_next(&s->dice); /* mixed: else seed N + 1 is seed N but for a draw or two */
    s->peers = 2 + (int)(dice_below(&s->dice, 6) == 0 ? 1 + dice_below(&s->dice, 2) : 0);
    if (s->options.outcome != NULL)
        s->peers = 2;
    uint32_t wanted = s->options.faults;
    misfortunes_begin(s);
    if (s->options.outcome != NULL)
        s->options.faults = plan_faults(wanted, s->options.faults);
    s->large = dice_below(&s->dice, 3) == 0;
    s->wire.digest = 1;
    s->buffer = malloc(SEED_FILE_MAX + 8);
    ciphers_forget();
    arrivals_watch(s);
    const struct disk_image *empty = empty_store();
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1 + (int)(s->options.seed % 1000000), NULL);
    outputs_begin(s->options.whole);
    for (int i = 0; i < WORLD_PEERS_MAX; i++)
        s->party[i].disk = disk_new(dice_next(&s->dice), seed_now_ns, s);
    size_t part = dice_below(&s->dice, 2) == 0 ? 0 : (size_t)(16 << 10) << dice_below(&s->dice, 3);
    s->world = world_new_with(&(struct world_options){.seed = dice_next(&s->dice),
                                                      .peers = WORLD_PEERS_MAX,
                                                      .trace = s->options.trace,
                                                      .aes = (unsigned)(s->options.seed % 31),
                                                      .shuffled = true,
                                                      .frame_bytes_max = part,
                                                      .sync_every_bytes = part,
                                                      .disk = disk_of,
                                                      .watch = watch,
                                                      .let_go = let_go,
                                                      .said = said,
                                                      .heard = heard,
                                                      .arg = s});
    misfortunes_world(s);
    if (dice_below(&s->dice, 16) != 0)
        for (int i = 0; i < s->peers; i++)
            disk_restore(s->party[i].disk, empty);
    for (int i = 0; i < s->peers; i++)
        start(s, i);
    for (int i = 1; i < s->peers; i++)
        users_pair(s, i - 1, i);
    if (s->peers > 2 || dice_below(&s->dice, 6) == 0) /* two wormholes: one can forward */
        users_pair(s, s->peers - 1, 0);
    if (s->options.outcome != NULL)
        plan_begin(s);
}

/* Mostly in peace; sometimes the misfortunes begin before anybody has met. */
static void meet(struct seed *s)
{
    if (s->plan == NULL && dice_below(&s->dice, 8) == 0)
        return;
    for (int i = 0; i < 200 && !s->failed && s->result->paired < (uint64_t)s->pair_count; i++) {
        live(s, 50, 1000);
        users_follow(s);
    }
    ledger_look(s);
}

static void suffer(struct seed *s)
{
    for (unsigned i = 0; i < s->options.steps && !s->failed; i++) {
        if (dice_below(&s->dice, 3) == 0)
            misfortunes_step(s);
        else if (s->plan != NULL)
            plan_step(s);
        else
            users_step(s);
        if (dice_below(&s->dice, 4) == 0)
            tidy(s);
        attend(s);
        live(s, (int)dice_below(&s->dice, 24), (int64_t)dice_below(&s->dice, 3000));
        users_follow(s);
        ledger_look(s);
    }
}

/* Peace: everybody runs, everything that was made is offered, and must arrive. */
static void heal(struct seed *s)
{
    misfortunes_end(s);
    int64_t until_ms = world_now_ms(s->world) + HEAL_MS, offer_ms = 0;
    bool sealed = false;
    for (int i = 0; i < HEAL_STEPS_MAX / LOOK_EVERY && !s->failed; i++) {
        if (!live(s, LOOK_EVERY, 60 * 1000) && sealed && world_now_ms(s->world) >= until_ms)
            break;
        users_follow(s);
        tidy(s);
        attend(s);
        ledger_look(s);
        if (sealed && (ledger_drained(s) || world_now_ms(s->world) >= until_ms))
            break;
        bool all_up = true;
        for (int k = 0; k < s->peers; k++)
            all_up = all_up && s->party[k].up;
        if (s->plan != NULL) {
            sealed = all_up && plan_step(s);
        } else if (all_up && world_now_ms(s->world) >= offer_ms && users_seal_all(s)) {
            sealed = true;
            offer_ms = world_now_ms(s->world) + OFFER_MS;
        }
    }
    int64_t settled_ms = world_now_ms(s->world) + SETTLE_MS;
    for (int i = 0; i < 4000 && !s->failed && world_now_ms(s->world) < settled_ms; i++)
        live(s, LOOK_EVERY, 60 * 1000);
    ledger_look(s);
}

/* Some of them once more, from what is on disk. */
static void restart_some(struct seed *s)
{
    for (int i = 0; i < s->peers && !s->failed; i++) {
        if (!s->party[i].up || dice_below(&s->dice, 2) == 0)
            continue;
        s->party[i].loss = dice_below(&s->dice, 2) == 0 ? DISK_KEEPS : DISK_LOSES;
        disk_die(s->party[i].disk);
        bury(s, i);
        start(s, i);
    }
    ledger_look(s);
}

static void end(struct seed *s)
{
    struct seed_result *r = s->result;
    for (int i = 0; i < s->pair_count; i++)
        r->unpaired += s->pairs[i].state == PAIR_CODE || s->pairs[i].state == PAIR_JOINING;
    for (int i = 0; i < 2; i++)
        r->connected[i] = world_connected(s->world, i != 0);
    r->virtual_ms = world_now_ms(s->world) - INT64_C(1800000000000);
    world_free(s->world);
    s->world = NULL;
    for (int i = 0; i < WORLD_PEERS_MAX; i++) {
        r->calls += disk_calls(s->party[i].disk);
        disk_image_free(s->party[i].image);
        disk_free(s->party[i].disk);
    }
    uint64_t digests[] = {s->wire.digest, outputs_digest()};
    r->digest = memo_hash(1, digests, sizeof digests);
    r->passed = !s->failed;
    arrivals_watch(NULL);
    ledger_release(s);
    wire_release(&s->wire);
    free(s->buffer);
    free(s->plan);
    ciphers_forget();
}

void seed_run(const struct seed_options *options, struct seed_result *result)
{
    struct seed *s = calloc(1, sizeof *s);
    if (s == NULL)
        abort();
    memset(result, 0, sizeof *result);
    s->options = *options;
    s->result = result;
    begin(s);
    meet(s);
    suffer(s);
    heal(s);
    restart_some(s);
    if (s->plan != NULL)
        plan_end(s);
    ledger_verdict(s);
    end(s);
    free(s);
}
