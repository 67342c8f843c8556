/* What the oracle knows, and its verdict. It learns from the peers' own logs, which are what their
 * users see, and holds every line of them against all later ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/limits.h"
#include "store/content.h"
#include "store/queues.h"
#include "tests/sim/ciphers.h"
#include "tests/sim/seed_inner.h"

enum { NEWS_MAX = 4096, CHILDREN_MAX = 64, ROWS_MAX = 64 + 64 + 2, MAILBOXES_A_PAIR = 8 };

/* ---- contents ---- */

static int hash_file(struct seed *s, struct store *store, uint64_t ino, uint64_t *hash)
{
    ssize_t n = 0;
    *hash = 7;
    for (uint64_t at = 0;; at += (uint64_t)n) {
        n = content_read(store, ino, s->buffer, SEED_FILE_MAX, at);
        if (n <= 0)
            return (int)n;
        *hash = memo_hash(*hash, s->buffer, (size_t)n);
    }
}

struct children {
    size_t count;
    uint64_t ino[CHILDREN_MAX], hash[CHILDREN_MAX];
};

static int child(void *arg, const struct node_item *item)
{
    struct children *c = arg;
    if (c->count < CHILDREN_MAX) {
        c->ino[c->count] = item->ino;
        c->hash[c->count++] = memo_hash(3, item->name, item->name_len);
    }
    return 0;
}

/* Names and bytes of an entry, in whatever order a directory lists them. */
static int hash_entry(struct seed *s, int peer, uint64_t ino, uint64_t *hash)
{
    struct store *store = world_store(s->world, peer);
    struct children children = {0};
    struct view *v;
    struct node node;
    int err = view_begin(store, &v);
    if (err < 0)
        return err;
    err = node_get(v, ino, &node);
    if (err == 0 && node.type == NODE_DIR)
        err = node_list(v, ino, 0, child, &children);
    view_end(v);
    if (err < 0)
        return err;
    if (node.type != NODE_DIR)
        return hash_file(s, store, ino, hash);
    *hash = 5;
    for (size_t i = 0; err == 0 && i < children.count; i++) {
        uint64_t one;
        err = hash_file(s, store, children.ino[i], &one);
        *hash += memo_hash(children.hash[i], &one, sizeof one);
    }
    return err;
}

int ledger_hash(struct seed *s, int peer, uint64_t ino, uint64_t *hash)
{
    return hash_entry(s, peer, ino, hash);
}

/* ---- parcels ---- */

static struct parcel *parcel_of(struct seed *s, const uint8_t rev[static REV_BYTES], bool make)
{
    for (size_t i = s->parcel_count; i-- > 0;)
        if (memcmp(s->parcels[i].rev, rev, REV_BYTES) == 0)
            return &s->parcels[i];
    if (!make)
        return NULL;
    if (s->parcel_count == s->parcel_cap) {
        s->parcel_cap = s->parcel_cap == 0 ? 64 : 2 * s->parcel_cap;
        s->parcels = realloc(s->parcels, s->parcel_cap * sizeof *s->parcels);
        if (s->parcels == NULL)
            abort();
    }
    struct parcel *p = &s->parcels[s->parcel_count++];
    *p = (struct parcel){.from = -1, .pair = -1, .to = -1};
    memcpy(p->rev, rev, REV_BYTES);
    return p;
}

struct parcel *ledger_parcel(struct seed *s, const uint8_t rev[static REV_BYTES])
{
    return parcel_of(s, rev, true);
}

static void set_pair(struct seed *s, struct parcel *p, int peer, uint64_t wormhole)
{
    int end;
    const struct pair *pair = seed_pair(s, peer, wormhole, &end);
    if (pair != NULL)
        p->pair = (int)(pair - s->pairs);
}

static void compare(struct seed *s, const struct parcel *p)
{
    if (!p->hashed || !p->to_hashed || p->arrived == 0)
        return;
    s->result->compared++;
    if (p->hash != p->to_hash)
        seed_fail(s, "%c got other bytes than %c sealed as entry %llu", 'A' + p->to, 'A' + p->from,
                  (unsigned long long)p->ino);
}

/* ---- events ---- */

/* One line of a log, as far as the ledger cares. */
struct news {
    uint64_t id, hash, wormhole, ino;
    enum log_type type;
    bool has_rev;
    uint8_t rev[REV_BYTES];
};

struct news_list {
    struct news *list;
    size_t count;
};

static int take_news(void *arg, const struct log_row *row)
{
    struct news_list *l = arg;
    struct news *n = &l->list[l->count++];
    char *text = json_dumps(row->event.detail, JSON_COMPACT | JSON_SORT_KEYS);
    const char *rev = json_string_value(json_object_get(row->event.detail, "rev"));
    *n = (struct news){.id = row->id,
                       .wormhole = row->event.wormhole,
                       .ino = row->event.ino,
                       .type = row->event.type};
    uint64_t head[] = {n->id, n->wormhole, n->ino, (uint64_t)n->type, (uint64_t)row->time_ms};
    n->hash = memo_hash(1, head, sizeof head);
    if (text != NULL)
        n->hash = memo_hash(n->hash, text, strlen(text));
    free(text);
    if (rev != NULL && strlen(rev) == 2 * REV_BYTES) {
        n->has_rev = true;
        for (int i = 0; i < REV_BYTES; i++)
            sscanf(rev + 2 * i, "%2hhx", &n->rev[i]);
    }
    return l->count == NEWS_MAX;
}

/* Is the entry still what this event sealed? (A journal that was broken for a while tells late.) */
static bool is_still(struct seed *s, int peer, const struct news *n)
{
    struct entry row;
    struct view *v;
    if (view_begin(world_store(s->world, peer), &v) < 0)
        return false;
    int err = entry_get(v, n->ino, &row);
    view_end(v);
    return err == 0 && row.state == ENTRY_SEALED && memcmp(row.rev, n->rev, REV_BYTES) == 0;
}

static void sealed(struct seed *s, int peer, const struct news *n)
{
    struct parcel *p = parcel_of(s, n->rev, true);
    if (p->from >= 0)
        return; /* known: it is being read again */
    p->from = peer;
    p->ino = n->ino;
    p->order = (unsigned)s->parcel_count;
    s->result->sealed++;
    set_pair(s, p, peer, n->wormhole);
    p->hashed = is_still(s, peer, n) && hash_entry(s, peer, n->ino, &p->hash) == 0;
    compare(s, p);
}

static void arrived(struct seed *s, int peer, const struct news *n)
{
    struct parcel *p = parcel_of(s, n->rev, true);
    if (p->arrived > 0 && !p->excused)
        seed_fail(s, "%c got one revision twice, as %llu and %llu", 'A' + peer,
                  (unsigned long long)p->to_ino, (unsigned long long)n->ino);
    p->arrived++;
    p->to = peer;
    p->to_ino = n->ino;
    p->to_event = n->id;
    p->to_gone = false;
    s->result->arrived++;
    set_pair(s, p, peer, n->wormhole);
    int err = hash_entry(s, peer, n->ino, &p->to_hash);
    if (err == STORE_ERR_NOT_FOUND)
        p->to_gone = true; /* removed since: the event that says so follows */
    else if (err < 0 && !disk_dead(s->party[peer].disk))
        seed_say(s, "%c cannot read %llu just now: %d", 'A' + peer, (unsigned long long)n->ino,
                 err);
    p->to_hashed = err == 0;
    compare(s, p);
}

static void removed(struct seed *s, int peer, uint64_t ino)
{
    for (size_t i = 0; i < s->parcel_count; i++)
        if (s->parcels[i].to == peer && s->parcels[i].to_ino == ino)
            s->parcels[i].to_gone = true;
}

/* Only a copy may stop a wormhole that was paired; or what looks like one: a server that shows,
 * after the fence, what a store that went back has lost and what it did not show before. */
static void stopped(struct seed *s, int peer, uint64_t wormhole)
{
    int end;
    struct pair *pair = seed_pair(s, peer, wormhole, &end);
    if (pair == NULL || pair->state != PAIR_PAIRED || pair->cloned)
        return;
    if (!s->party[peer].shown)
        seed_fail(s, "%c has stopped a wormhole for a copy that never ran", 'A' + peer);
    pair->cloned = true;
}

/* The entry went away or was changed otherwise: what it was is not to be compared any more. */
static void heed(struct seed *s, int peer, const struct news *n)
{
    struct parcel *p = n->has_rev ? parcel_of(s, n->rev, false) : NULL;
    if (n->type == LOG_ENTRY_SEALED && n->has_rev)
        sealed(s, peer, n);
    else if (n->type == LOG_ARRIVED && n->has_rev)
        arrived(s, peer, n);
    else if (n->type == LOG_INBOX_REMOVED)
        removed(s, peer, n->ino);
    else if (n->type == LOG_ENTRY_WITHDRAWN && p != NULL)
        p->withdrawn = true;
    else if (n->type == LOG_ENTRY_DELIVERED && p != NULL)
        p->delivered = true;
    else if (n->type == LOG_FAILED)
        stopped(s, peer, n->wormhole);
    else if (n->type == LOG_WENT_BACK && !s->wire.back)
        seed_fail(s, "%c says that a store went back, and none did", 'A' + peer);
}

static void remember(struct party_state *party, const struct news *n)
{
    if (party->event_count == party->event_cap) {
        party->event_cap = party->event_cap == 0 ? 256 : 2 * party->event_cap;
        party->events = realloc(party->events, party->event_cap * sizeof *party->events);
        if (party->events == NULL)
            abort();
    }
    struct seen_event *e = &party->events[party->event_count++];
    *e = (struct seen_event){.id = n->id, .hash = n->hash, .type = n->type, .ino = n->ino};
}

static uint64_t last_seen(const struct party_state *party)
{
    return party->event_count == 0 ? 0 : party->events[party->event_count - 1].id;
}

/* Reads on from `since`. False: the log cannot be read now. */
static bool read_news(struct seed *s, int peer, uint64_t since, struct news_list *l)
{
    struct view *v;
    l->count = 0;
    if (view_begin(world_store(s->world, peer), &v) < 0)
        return false;
    int err = log_read(v, since, NEWS_MAX, take_news, l);
    view_end(v);
    return err >= 0;
}

static bool readable(struct seed *s, int peer)
{
    return seed_peer_up(s, peer) && !disk_dead(s->party[peer].disk) &&
           !store_broken(world_store(s->world, peer));
}

static void look(struct seed *s, int peer, struct news_list *l)
{
    struct party_state *party = &s->party[peer];
    while (readable(s, peer) && read_news(s, peer, last_seen(party), l) && l->count > 0) {
        for (size_t i = 0; i < l->count; i++) {
            remember(party, &l->list[i]);
            heed(s, peer, &l->list[i]);
        }
    }
}

/* ---- after a start: nothing that was ever seen may be gone or other ---- */

static bool check_events(struct seed *s, int peer, struct news_list *l)
{
    const struct party_state *party = &s->party[peer];
    for (size_t at = 0; at < party->event_count;) {
        if (!read_news(s, peer, at == 0 ? 0 : party->events[at - 1].id, l))
            return false;
        if (l->count == 0) {
            seed_fail(s, "event %llu of %c is gone", (unsigned long long)party->events[at].id,
                      'A' + peer);
            return true;
        }
        for (size_t i = 0; i < l->count && at < party->event_count; i++, at++) {
            if (l->list[i].hash != party->events[at].hash) {
                seed_fail(s, "event %llu of %c is another one now (%s, was %s)",
                          (unsigned long long)party->events[at].id, 'A' + peer,
                          log_type_text(l->list[i].type), log_type_text(party->events[at].type));
                return true;
            }
        }
    }
    return true;
}

static bool check_promises(struct seed *s, int peer)
{
    for (size_t i = 0; i < s->promise_count;) {
        struct promise *p = &s->promises[i];
        const struct party_state *party = &s->party[peer];
        bool kept = false;
        for (size_t k = 0; p->peer == peer && k < party->event_count && !kept; k++)
            kept = party->events[k].type == LOG_ARRIVED && party->events[k].ino == p->ino;
        if (p->peer == peer && !kept)
            seed_fail(s, "%c showed arrival %llu and does not know it", 'A' + peer,
                      (unsigned long long)p->ino);
        if (p->peer == peer)
            *p = s->promises[--s->promise_count];
        else
            i++;
    }
    return true;
}

/* What lies in boxes is what was there. */
static void check_contents(struct seed *s, int peer)
{
    for (size_t i = 0; i < s->parcel_count && !s->failed; i++) {
        struct parcel *p = &s->parcels[i];
        uint64_t hash;
        struct entry row;
        struct view *v;
        if (p->arrived > 0 && p->to == peer && p->to_hashed && !p->to_gone) {
            int err = hash_entry(s, peer, p->to_ino, &hash);
            if (err < 0 || hash != p->to_hash)
                seed_fail(s, "inbox entry %llu of %c is not what had arrived: %d",
                          (unsigned long long)p->to_ino, 'A' + peer, err);
        }
        if (p->from != peer || !p->hashed || p->withdrawn || p->delivered ||
            view_begin(world_store(s->world, peer), &v) < 0)
            continue;
        int err = entry_get(v, p->ino, &row);
        view_end(v);
        if (err < 0 || row.state != ENTRY_SEALED || memcmp(row.rev, p->rev, REV_BYTES) != 0)
            continue;
        err = hash_entry(s, peer, p->ino, &hash);
        if (err < 0 || hash != p->hash)
            seed_fail(s, "sealed entry %llu of %c has changed: %d", (unsigned long long)p->ino,
                      'A' + peer, err);
    }
}

void ledger_started(struct seed *s, int peer)
{
    s->party[peer].check = true;
}

/* ---- what the server keeps for us ---- */

struct kept {
    size_t mailboxes, messages, bytes; /* of these two the most of any mailbox */
    size_t nameplates;
};

static struct kept kept_now(struct seed *s)
{
    const struct mailbox_rows *rows = mailbox_server_rows(world_server(s->world));
    struct kept k = {0};
    for (const struct row_mailbox *m = rows->mailboxes; m != NULL; m = m->next) {
        size_t messages = 0, bytes = 0;
        k.mailboxes++;
        for (const struct row_message *r = mailbox_rows_find(rows->messages, m->appid, m->id);
             r != NULL; r = mailbox_rows_find(r->next, m->appid, m->id)) {
            messages++;
            bytes += strlen(r->body);
        }
        k.messages = messages > k.messages ? messages : k.messages;
        k.bytes = bytes > k.bytes ? bytes : k.bytes;
    }
    for (const struct row_nameplate *n = rows->nameplates; n != NULL; n = n->next)
        k.nameplates++;
    return k;
}

static void check_server(struct seed *s)
{
    struct kept k = kept_now(s);
    if (k.messages > 2 * ROWS_MAX + s->injected)
        seed_fail(s, "a mailbox has %zu messages", k.messages);
    if (k.bytes > 2 * 2 * (size_t)MAILBOX_BYTES_MAX + s->injected * CLIENT_TEXT_MAX)
        seed_fail(s, "a mailbox has %zu bytes", k.bytes);
    if (k.mailboxes > (size_t)(MAILBOXES_A_PAIR * s->pair_count) + s->injected)
        seed_fail(s, "the server has %zu mailboxes for %d wormholes", k.mailboxes, s->pair_count);
}

/* Does this end wait for its peer? Nobody knows of one that is down; and who has forgotten the
 * wormhole gives back no code. */
static bool is_waiting(struct seed *s, const struct pair *p, int end)
{
    struct wormhole row;
    struct view *v;
    if (p->id[end] == 0)
        return false;
    if (!readable(s, p->peer[end]) || view_begin(world_store(s->world, p->peer[end]), &v) < 0)
        return true;
    int err = wormhole_get(v, p->id[end], &row);
    view_end(v);
    return err == STORE_ERR_NOT_FOUND ? p->back : err == 0 && row.state != WORMHOLE_PAIRED;
}

/* A code that nobody waits for any more is given back, or forgotten by the server. But of one that
 * the server gave and could not tell, as who had asked was dead or cut off then, nobody knows. */
static void check_nameplates(struct seed *s)
{
    size_t waiting = s->unsure_makes, kept = kept_now(s).nameplates;
    size_t unheard =
        s->result->kills + s->result->faults[FAULT_LINKS] + s->result->faults[FAULT_DEATH];
    for (int i = 0; i < s->pair_count; i++)
        for (int end = 0; end < 2; end++)
            waiting += is_waiting(s, &s->pairs[i], end); /* each perhaps with a code of its own */
    if (kept > waiting + unheard)
        seed_fail(s, "the server has %zu nameplates, and %zu ends of wormholes wait", kept,
                  waiting);
}

void ledger_look(struct seed *s)
{
    static struct news room[NEWS_MAX];
    struct news_list l = {room, 0};
    for (int peer = 0; peer < s->peers; peer++) {
        if (!readable(s, peer))
            continue;
        disk_spare(s->party[peer].disk, true);
        bool check = s->party[peer].check && check_events(s, peer, &l);
        look(s, peer, &l);
        if (readable(s, peer))
            check_promises(s, peer);
        if (check && readable(s, peer)) {
            check_contents(s, peer);
            arrivals_check(s, peer);
            s->party[peer].check = false;
        }
        disk_spare(s->party[peer].disk, false);
    }
    check_server(s);
}

void ledger_promise(struct seed *s, int peer, uint64_t ino)
{
    if (peer < s->peers && s->promise_count < SEED_PROMISES_MAX)
        s->promises[s->promise_count++] = (struct promise){peer, ino};
}

void ledger_went_back(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    party->event_count = party->image_events;
    uint64_t last = last_seen(party);
    for (size_t i = 0; i < s->promise_count;)
        if (s->promises[i].peer == peer)
            s->promises[i] = s->promises[--s->promise_count];
        else
            i++;
    for (size_t i = 0; i < s->parcel_count; i++) {
        struct parcel *p = &s->parcels[i];
        const struct pair *pair = p->pair >= 0 ? &s->pairs[p->pair] : NULL;
        if (pair != NULL && pair_has(pair, peer))
            p->excused = true;
        if (p->to == peer && p->to_event > last) {
            p->arrived = 0;
            p->to = -1;
        } else if (p->to == peer) {
            p->to_gone = true; /* perhaps it is there again; not worth following */
        }
    }
}

/* ---- the verdict ---- */

/* Must this one have arrived by now? */
static bool is_owed(const struct seed *s, const struct parcel *p)
{
    const struct pair *pair = p->pair >= 0 ? &s->pairs[p->pair] : NULL;
    return pair != NULL && pair->state == PAIR_PAIRED && !pair->cloned && p->from >= 0 &&
           !p->withdrawn && !p->excused;
}

static int find_sealed(void *arg, const struct entry *e)
{
    *(uint64_t *)arg = e->ino;
    return e->state == ENTRY_SEALED && e->held[0] == '\0' && e->error[0] == '\0';
}

static bool is_paired(struct view *v, uint64_t wormhole)
{
    struct wormhole row;
    return wormhole_get(v, wormhole, &row) == 0 && row.state == WORMHOLE_PAIRED;
}

/* Where a store went back nobody knows what each parcel may have come to; but nothing that is in an
 * outbox then may stay there. Its inode, or 0. */
static uint64_t left_at(struct seed *s, const struct pair *p, int end)
{
    struct view *v[2] = {NULL, NULL};
    uint64_t ino = 0;
    int found = 0;
    if (!readable(s, p->peer[0]) || !readable(s, p->peer[1]))
        return 0;
    if (view_begin(world_store(s->world, p->peer[0]), &v[0]) == 0 &&
        view_begin(world_store(s->world, p->peer[1]), &v[1]) == 0 && is_paired(v[0], p->id[0]) &&
        is_paired(v[1], p->id[1]))
        found = entry_each(v[end], p->id[end], 0, find_sealed, &ino);
    view_end(v[1]);
    view_end(v[0]);
    return found > 0 ? ino : 0;
}

static bool is_left(struct seed *s, const struct pair *p)
{
    return p->back && !p->cloned && p->state == PAIR_PAIRED &&
           (left_at(s, p, 0) != 0 || left_at(s, p, 1) != 0);
}

bool ledger_drained(struct seed *s)
{
    for (size_t i = 0; i < s->parcel_count; i++)
        if (is_owed(s, &s->parcels[i]) && !s->parcels[i].delivered)
            return false;
    for (int i = 0; i < s->pair_count; i++)
        if (is_left(s, &s->pairs[i]))
            return false;
    return true;
}

static int count_op(void *arg, const struct outbound *op)
{
    (void)op;
    ++*(unsigned *)arg;
    return 0;
}

static void tell_queue(struct seed *s, struct view *v, uint64_t wormhole)
{
    struct message_sum waiting;
    unsigned ops = 0;
    if (message_sum(v, wormhole, &waiting) == 0 &&
        outbound_each(v, wormhole, 0, count_op, &ops) == 0)
        seed_say(s, "its wormhole %llu has %u operations to say, and %llu messages without an ack",
                 (unsigned long long)wormhole, ops, (unsigned long long)waiting.count);
}

/* How far the sender is with an entry, for the trace. */
static void tell_state(struct seed *s, int peer, uint64_t ino)
{
    struct revision r;
    struct entry row;
    struct view *v;
    if (!readable(s, peer) || view_begin(world_store(s->world, peer), &v) < 0)
        return;
    if (entry_get(v, ino, &row) == 0) {
        seed_say(s, "its entry is in state %d, held \"%s\", error \"%s\"", (int)row.state, row.held,
                 row.error);
        if (revision_get(v, row.rev, &r) == 0)
            seed_say(s, "its revision is in state %d, number %llu, size %llu", r.state,
                     (unsigned long long)r.number, (unsigned long long)r.size);
        tell_queue(s, v, row.wormhole);
    }
    view_end(v);
}

static void check_parcel(struct seed *s, const struct parcel *p)
{
    const struct pair *pair = p->pair >= 0 ? &s->pairs[p->pair] : NULL;
    bool odd = p->excused || pair == NULL || pair->cloned || pair->back;
    if (is_owed(s, p) && !p->delivered)
        tell_state(s, p->from, p->ino);
    if (is_owed(s, p) && !p->delivered)
        seed_fail(s, "entry %llu of %c was sealed and never left the outbox",
                  (unsigned long long)p->ino, 'A' + p->from);
    if (p->delivered && p->arrived == 0 && !odd)
        seed_fail(s, "%c was told that entry %llu is delivered, and it is not", 'A' + p->from,
                  (unsigned long long)p->ino);
    if (p->arrived > 0 && p->from < 0 && !odd)
        seed_fail(s, "%c got %llu, which nobody sealed", 'A' + p->to,
                  (unsigned long long)p->to_ino);
    if (p->arrived > 0 && p->from == p->to && !odd)
        seed_fail(s, "%c got its own entry %llu", 'A' + p->to, (unsigned long long)p->ino);
}

static void check_order(struct seed *s, const struct parcel *a, const struct parcel *b)
{
    if (a->from == b->from && a->ino == b->ino && a->from >= 0 && a->arrived > 0 &&
        b->arrived > 0 && !a->excused && !b->excused && a->to == b->to &&
        (a->order < b->order) != (a->to_event < b->to_event))
        seed_fail(s, "two revisions of entry %llu of %c came in the wrong order",
                  (unsigned long long)a->ino, 'A' + a->from);
}

static void check_left(struct seed *s, const struct pair *p)
{
    if (!is_left(s, p))
        return;
    int end = left_at(s, p, 0) != 0 ? 0 : 1;
    tell_state(s, p->peer[end], left_at(s, p, end));
    seed_fail(s, "a store went back, and entry %llu of %c never left the outbox",
              (unsigned long long)left_at(s, p, end), 'A' + p->peer[end]);
}

void ledger_verdict(struct seed *s)
{
    if (ciphers_reused())
        seed_fail(s, "something was encrypted twice under one key and nonce");
    if (s->wire.wrong != NULL)
        seed_fail(s, "%s", s->wire.wrong);
    for (size_t i = 0; i < s->parcel_count && !s->failed; i++) {
        check_parcel(s, &s->parcels[i]);
        for (size_t k = 0; k < i; k++)
            check_order(s, &s->parcels[k], &s->parcels[i]);
    }
    for (int i = 0; i < s->pair_count && !s->failed; i++)
        check_left(s, &s->pairs[i]);
    check_nameplates(s);
    s->result->encryptions = ciphers_count();
}

void ledger_release(struct seed *s)
{
    for (size_t i = 0; i < s->parcel_count; i++)
        free(s->parcels[i].sent);
    free(s->parcels);
    for (int i = 0; i < WORLD_PEERS_MAX; i++)
        free(s->party[i].events);
}
