/* Users who do what they have planned, whatever befalls them: each entry has a name of its own, and
 * is made, and offered, again and again until its user has read in his own log that it is sealed;
 * some are removed from the inbox where they arrive. So what it all comes to must not depend on who
 * dies when: two lives of one plan end alike. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/content.h"
#include "store/namespace.h"
#include "tests/sim/seed_inner.h"

enum {
    PLANNED_MAX = 64,
    EACH_MAX = 3, /* entries of one end */
    FILES_MAX = 2,
    LOST_ONE_IN = 8, /* a deed is one that its user may die of */
    FAULTS_OF_PLANS = FAULT_BIT(KILL) | FAULT_BIT(POWER) | FAULT_BIT(LINKS) | FAULT_BIT(TRANSIT) |
                      FAULT_BIT(DELAY) | FAULT_BIT(DEATH) | FAULT_BIT(REPEAT) | FAULT_BIT(REORDER) |
                      FAULT_BIT(PRUNE) | FAULT_BIT(ERROR) | FAULT_BIT(NAT) | FAULT_BIT(RELAY) |
                      FAULT_BIT(GARBLE),
};

struct deed_planned {
    int pair, end;
    char name[16];
    unsigned files; /* of a tree; 0: a file */
    size_t len[FILES_MAX];
    uint64_t contents;
    bool taken; /* who gets it removes it from his inbox */
    uint64_t ino;
    bool sealed, came;
};

struct plan {
    struct deed_planned deeds[PLANNED_MAX];
    size_t count;
};

/* ---- beforehand ---- */

static size_t draw_len(struct dice *dice, bool large)
{
    uint64_t kind = dice_below(dice, 8);
    if (kind == 0)
        return 0;
    if (kind == 1 || large)
        return (60 << 10) + dice_below(dice, 200 << 10);
    return 1 + dice_below(dice, 3000);
}

static void add(struct seed *s, struct plan *plan, struct dice *dice, int pair, int end)
{
    if (plan->count == PLANNED_MAX)
        return;
    struct deed_planned *d = &plan->deeds[plan->count++];
    *d = (struct deed_planned){.pair = pair, .end = end, .contents = dice_next(dice)};
    snprintf(d->name, sizeof d->name, "e%zu", plan->count);
    d->files = dice_below(dice, 4) == 0 ? 1 + (unsigned)dice_below(dice, FILES_MAX) : 0;
    for (int i = 0; i < FILES_MAX; i++)
        d->len[i] = draw_len(dice, s->large);
    d->taken = dice_below(dice, 4) == 0;
}

/* Of dice of its own: the same for two lives with other misfortunes. */
void plan_begin(struct seed *s)
{
    struct dice dice = {s->options.seed ^ UINT64_C(0x7477696e73)};
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        abort();
    dice.state = dice_next(&dice);
    s->plan = plan;
    for (int pair = 0; pair < s->pair_count; pair++)
        for (int end = 0; end < 2; end++)
            for (uint64_t n = 1 + dice_below(&dice, EACH_MAX); n > 0; n--)
                add(s, plan, &dice, pair, end);
}

uint32_t plan_faults(uint32_t wanted, uint32_t drawn)
{
    uint32_t deaths = wanted & (FAULT_BIT(KILL) | FAULT_BIT(POWER));
    drawn &= FAULTS_OF_PLANS;
    return (drawn & deaths) != 0 ? drawn : drawn | deaths;
}

/* ---- one deed ---- */

static bool is_there(struct seed *s, int peer)
{
    return seed_peer_up(s, peer) && !disk_dead(s->party[peer].disk);
}

static int find(struct seed *s, int peer, uint64_t box, const char *name, uint64_t *ino)
{
    struct view *v;
    struct node node;
    int err = view_begin(world_store(s->world, peer), &v);
    if (err < 0)
        return err;
    err = node_lookup_get(v, box, name, strlen(name), &node);
    *ino = err == 0 ? node.ino : 0;
    view_end(v);
    return err;
}

static int make(struct seed *s, int peer, uint64_t parent, const char *name, bool dir,
                uint64_t *ino)
{
    int err = find(s, peer, parent, name, ino);
    if (err != STORE_ERR_NOT_FOUND)
        return err;
    return users_make(s, peer, parent, name, dir ? NODE_DIR : NODE_FILE, ino);
}

static int put(struct seed *s, int peer, uint64_t ino, uint64_t contents, size_t len)
{
    struct store *store = world_store(s->world, peer);
    int err = content_truncate(store, ino, 0);
    users_fill(s, contents, len);
    return err == 0 && len > 0 ? content_write(store, ino, s->buffer, len, 0) : err;
}

/* All of it anew, but for the names that are there. */
static int write_all(struct seed *s, int peer, uint64_t outbox, struct deed_planned *d)
{
    int err = make(s, peer, outbox, d->name, d->files > 0, &d->ino);
    if (err == 0 && d->files == 0)
        return put(s, peer, d->ino, d->contents, d->len[0]);
    for (unsigned i = 0; err == 0 && i < d->files; i++) {
        char name[12];
        uint64_t ino;
        snprintf(name, sizeof name, "%u", i);
        err = make(s, peer, d->ino, name, false, &ino);
        if (err == 0)
            err = put(s, peer, ino, d->contents + i, d->len[i]);
    }
    return err;
}

static bool has_sealed(const struct party_state *party, uint64_t ino)
{
    for (size_t i = 0; i < party->event_count; i++)
        if (party->events[i].type == LOG_ENTRY_SEALED && party->events[i].ino == ino)
            return true;
    return false;
}

static void send(struct seed *s, int peer, struct deed_planned *d)
{
    struct wormhole row;
    ledger_look(s);
    d->sealed = d->ino != 0 && has_sealed(&s->party[peer], d->ino);
    if (d->sealed || !is_there(s, peer) ||
        users_row(s, peer, s->pairs[d->pair].id[d->end], &row) < 0)
        return;
    seed_endanger(s, peer, LOST_ONE_IN);
    int err = write_all(s, peer, row.outbox_ino, d);
    seed_say(s, "%c writes %s (%llu): %d", 'A' + peer, d->name, (unsigned long long)d->ino, err);
    if (err == 0)
        d->sealed = users_seal(s, peer, d->ino) == 0;
    else if (is_there(s, peer) && d->ino != 0) /* what was not synced is damaged */
        users_remove(s, peer, row.outbox_ino, d->name, d->ino);
}

/* What lay in the inbox once, and is there again as its removal was not synced, goes again. */
static bool take(struct seed *s, int peer, struct deed_planned *d)
{
    struct wormhole row;
    uint64_t ino;
    if (!is_there(s, peer) || users_row(s, peer, s->pairs[d->pair].id[1 - d->end], &row) < 0)
        return false;
    int err = find(s, peer, row.inbox_ino, d->name, &ino);
    if (err == STORE_ERR_NOT_FOUND)
        return d->came;
    ledger_look(s); /* what arrived is compared first */
    d->came = d->came || err == 0;
    seed_endanger(s, peer, LOST_ONE_IN);
    if (err == 0)
        users_remove(s, peer, row.inbox_ino, d->name, ino);
    return false;
}

bool plan_step(struct seed *s)
{
    bool all = true, at_work[SEED_PEERS_MAX] = {false};
    for (size_t i = 0; i < s->plan->count && !s->failed; i++) {
        struct deed_planned *d = &s->plan->deeds[i];
        const struct pair *p = &s->pairs[d->pair];
        int peer = p->peer[d->end];
        if (!d->sealed && !at_work[peer] && is_there(s, peer))
            send(s, peer, d);
        if (!d->sealed) /* one after the other: else another may get the lost one's number */
            at_work[peer] = true;
        all = all && d->sealed;
        if (d->taken && d->sealed)
            all = take(s, p->peer[1 - d->end], d) && all;
    }
    return all;
}

/* ---- what it has come to ---- */

__attribute__((format(printf, 2, 3))) static void tell(struct seed_outcome *o, const char *format,
                                                       ...)
{
    va_list args;
    if (o->count == SEED_OUTCOME_LINES)
        return;
    va_start(args, format);
    vsnprintf(o->lines[o->count++], sizeof o->lines[0], format, args);
    va_end(args);
}

struct listing {
    size_t count;
    uint64_t ino[SEED_OUTCOME_LINES];
    struct name name[SEED_OUTCOME_LINES];
};

static int list_one(void *arg, const struct node_item *item)
{
    struct listing *l = arg;
    if (l->count == SEED_OUTCOME_LINES)
        return 1;
    l->ino[l->count] = item->ino;
    return name_set(&l->name[l->count++], item->name, item->name_len);
}

static void tell_box(struct seed *s, int pair, int peer, const char *what, uint64_t box)
{
    static struct listing l;
    struct view *v;
    l.count = 0;
    if (view_begin(world_store(s->world, peer), &v) == 0) {
        node_list(v, box, 0, list_one, &l);
        view_end(v);
    }
    for (size_t i = 0; i < l.count; i++) {
        uint64_t hash = 0;
        int err = ledger_hash(s, peer, l.ino[i], &hash);
        tell(s->options.outcome, "wormhole %d: the %s of %c has %.20s: %016llx, %d", pair, what,
             'A' + peer, l.name[i].text, (unsigned long long)hash, err);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void plan_end(struct seed *s)
{
    struct seed_outcome *o = s->options.outcome;
    o->count = 0;
    for (int i = 0; i < 2 * s->pair_count; i++) {
        struct wormhole row;
        int peer = s->pairs[i / 2].peer[i % 2];
        if (!is_there(s, peer) || users_row(s, peer, s->pairs[i / 2].id[i % 2], &row) < 0)
            continue;
        tell_box(s, i / 2, peer, "inbox", row.inbox_ino);
        tell_box(s, i / 2, peer, "outbox", row.outbox_ino);
    }
    for (size_t i = 0; i < s->parcel_count; i++) {
        const struct parcel *p = &s->parcels[i];
        tell(o, "wormhole %d: %016llx of %c arrived %u times, %s", p->pair,
             (unsigned long long)(p->to_hashed ? p->to_hash : 0), 'A' + p->from, p->arrived,
             p->delivered ? "and left" : "and stayed");
    }
    qsort(o->lines, o->count, sizeof o->lines[0], compare);
    for (size_t i = 0; i < o->count; i++)
        seed_say(s, "%s", o->lines[i]);
}

bool seed_outcomes_same(const struct seed_outcome *calm, const struct seed_outcome *other,
                        char why[static SEED_WHY_MAX])
{
    for (size_t i = 0; i < calm->count || i < other->count; i++) {
        int order = i == calm->count    ? 1
                    : i == other->count ? -1
                                        : strcmp(calm->lines[i], other->lines[i]);
        if (order == 0)
            continue;
        snprintf(why, SEED_WHY_MAX, "two lives of one plan end otherwise; %s: %s",
                 order < 0 ? "only in peace" : "not in peace",
                 order < 0 ? calm->lines[i] : other->lines[i]);
        return false;
    }
    return true;
}
