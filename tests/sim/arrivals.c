/* What the receiver of a bulk parcel says is on its disk: it is there after any restart, byte for
 * byte as it was sent. The linker leads the frames through here before they are encrypted. */
#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/parcel_table.h"
#include "proto/bulk.h"
#include "store/content.h"
#include "tests/sim/seed_inner.h"

size_t __real_bulk_seal_control(struct bulk_sender *sender, uint8_t *frame, enum bulk_kind kind,
                                const uint8_t *revision, uint64_t offset);
size_t __wrap_bulk_seal_control(struct bulk_sender *sender, uint8_t *frame, enum bulk_kind kind,
                                const uint8_t *revision, uint64_t offset);
size_t __real_bulk_seal_data(struct bulk_sender *sender, uint8_t *frame,
                             const uint8_t revision[static BULK_REVISION_BYTES], uint64_t offset,
                             size_t len);
size_t __wrap_bulk_seal_data(struct bulk_sender *sender, uint8_t *frame,
                             const uint8_t revision[static BULK_REVISION_BYTES], uint64_t offset,
                             size_t len);

static struct seed *watched; /* the seed that runs; what is known belongs to its parcels */

void arrivals_watch(struct seed *s)
{
    watched = s;
}

/* ---- what is said ---- */

/* 1 if it is arriving; 0 if it was decided, or nobody can say; NOT_FOUND. */
static int find(struct store *store, uint64_t wormhole, const struct parcel *p, struct arrival *a)
{
    struct view *v;
    struct decided d;
    if (view_begin(store, &v) < 0)
        return 0;
    int err = decided_get(v, wormhole, p->rev, &d);
    if (err == STORE_ERR_NOT_FOUND) {
        err = arrival_get(v, wormhole, p->rev, a);
        err = err == 0 ? 1 : err;
    }
    view_end(v);
    return err == 1 || err == STORE_ERR_NOT_FOUND ? err : 0;
}

/* Who gets it; NULL: nobody knows yet who sealed it. *wormhole: there. */
static const struct party_state *receiver_of(const struct seed *s, const struct parcel *p,
                                             uint64_t *wormhole)
{
    if (p->pair < 0 || p->from < 0)
        return NULL;
    const struct pair *pair = &s->pairs[p->pair];
    int end = 1 - pair_end(pair, p->from);
    *wormhole = pair->id[end];
    return &s->party[pair->peer[end]];
}

/* Has the disk failed, or been full, since it was said? Then it may have had to begin again. */
static bool is_troubled(const struct party_state *party, const struct parcel *p)
{
    return disk_troubles(party->disk) != p->durable_troubles;
}

static void promised(struct seed *s, const uint8_t *revision, uint64_t offset)
{
    uint64_t wormhole;
    struct parcel *p = ledger_parcel(s, revision);
    const struct party_state *to = receiver_of(s, p, &wormhole);
    struct arrival a;
    if (to == NULL)
        return;
    int peer = (int)(to - s->party);
    if (!world_running(s->world, peer)) /* it is said by a copy of it */
        return;
    if (find(world_store(s->world, peer), wormhole, p, &a) == STORE_ERR_NOT_FOUND)
        return; /* refused while this waited to be sent, for want of room: it begins again */
    if (offset > p->sent_len)
        seed_fail(s, "more of a parcel was said to be on disk than was ever sent");
    if (offset < p->durable && !is_troubled(to, p))
        return; /* by a connection that is given up */
    p->durable = offset;
    p->durable_troubles = disk_troubles(to->disk);
    s->result->promises++;
    seed_endanger(s, peer, 4);
}

static void sent(struct seed *s, const uint8_t *revision, uint64_t offset, const uint8_t *data,
                 size_t len)
{
    struct parcel *p = ledger_parcel(s, revision);
    if (offset > p->sent_len) {
        seed_fail(s, "a parcel was sent with a hole in it");
        return;
    }
    size_t known = p->sent_len - (size_t)offset < len ? p->sent_len - (size_t)offset : len;
    if (known > 0 && memcmp(p->sent + offset, data, known) != 0)
        seed_fail(s, "one revision was sent with two contents");
    if (known == len)
        return;
    p->sent_len = (size_t)offset + len;
    p->sent = realloc(p->sent, p->sent_len);
    if (p->sent == NULL)
        abort();
    memcpy(p->sent + offset, data, len);
}

size_t __wrap_bulk_seal_control(struct bulk_sender *sender, uint8_t *frame, enum bulk_kind kind,
                                const uint8_t *revision, uint64_t offset)
{
    if (kind == BULK_DURABLE && watched != NULL)
        promised(watched, revision, offset);
    return __real_bulk_seal_control(sender, frame, kind, revision, offset);
}

size_t __wrap_bulk_seal_data(struct bulk_sender *sender, uint8_t *frame,
                             const uint8_t revision[static BULK_REVISION_BYTES], uint64_t offset,
                             size_t len)
{
    if (watched != NULL)
        sent(watched, revision, offset, frame + BULK_DATA_AT, len);
    return __real_bulk_seal_data(sender, frame, revision, offset, len);
}

/* ---- what is there ---- */

/* Is this part of a file as it was sent? */
static bool is_same(struct seed *s, struct store *store, const struct parcel_extent *x, uint64_t at,
                    const uint8_t *want, size_t len)
{
    while (len > 0) {
        size_t most = len < SEED_FILE_MAX ? len : SEED_FILE_MAX;
        ssize_t n = content_read(store, x->ino, s->buffer, most, x->offset + at - x->at);
        if (n <= 0 || memcmp(s->buffer, want, (size_t)n) != 0)
            return false;
        at += (uint64_t)n;
        want += n;
        len -= (size_t)n;
    }
    return true;
}

static bool is_whole(struct seed *s, struct store *store, const struct parcel *p,
                     const struct arrival *a)
{
    struct parcel_table table = {0};
    bool same = parcel_table_load(&table, store, a->manifest) == 0;
    for (uint64_t at = table.data_start; same && at < a->durable;) {
        struct parcel_extent x;
        same = parcel_table_at(&table, at, &x) == 1;
        uint64_t end = same && x.at + x.len < a->durable ? x.at + x.len : a->durable;
        if (same && x.ino != 0)
            same = is_same(s, store, &x, at, p->sent + at, (size_t)(end - at));
        at = end;
    }
    parcel_table_release(&table);
    return same;
}

static void check(struct seed *s, struct parcel *p, const struct party_state *to, uint64_t wormhole)
{
    int peer = (int)(to - s->party);
    struct store *store = world_store(s->world, peer);
    struct arrival a = {0};
    int found = find(store, wormhole, p, &a);
    uint64_t has = found == 1 && a.state == ARRIVAL_DATA ? a.durable : 0;
    if (found == 0)
        return;
    if (has < p->durable && !is_troubled(to, p)) {
        seed_fail(s, "%c said that %llu bytes of what arrives are on its disk, and %llu are",
                  'A' + peer, (unsigned long long)p->durable, (unsigned long long)has);
        return;
    }
    if (has > 0 && has < a.size)
        s->result->in_part++;
    if (has > 0 && has <= p->sent_len && !is_whole(s, store, p, &a) && !is_troubled(to, p))
        seed_fail(s, "%c said that %llu bytes of what arrives are on its disk, and has others",
                  'A' + peer, (unsigned long long)p->durable);
    if (has < p->durable)
        p->durable = has;
}

void arrivals_check(struct seed *s, int peer)
{
    for (size_t i = 0; i < s->parcel_count && !s->failed; i++) {
        struct parcel *p = &s->parcels[i];
        const struct pair *pair = p->pair >= 0 ? &s->pairs[p->pair] : NULL;
        uint64_t wormhole;
        const struct party_state *to = p->durable > 0 ? receiver_of(s, p, &wormhole) : NULL;
        if (to == &s->party[peer] && pair->state != PAIR_CLOSED && !pair->back && !pair->cloned)
            check(s, p, to, wormhole);
    }
}
