#include "fs/engine/outbox.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/jobs.h"
#include "fs/engine/limits.h"
#include "fs/engine/parcel.h"
#include "fs/engine/progress.h"
#include "fs/engine/release.h"
#include "proto/peer.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/wormholes.h"

static int push(struct step *step, enum outbound_kind kind, const uint8_t *rev, const void *detail,
                size_t detail_len)
{
    struct outbound op = {.wormhole = step->slot->id,
                          .kind = (int)kind,
                          .has_rev = true,
                          .detail = detail,
                          .detail_len = detail_len};
    memcpy(op.rev, rev, REV_BYTES);
    uint64_t seq;
    return outbound_push(step->t, &op, &seq);
}

static int push_revision(struct step *step, struct revision *r)
{
    r->state = REVISION_QUEUED;
    int err = revision_put(step->t, r);
    if (err < 0)
        return err;
    const uint8_t from_start[8] = {0};
    return r->manifest == 0 ? push(step, OUTBOUND_PIECES, r->rev, from_start, sizeof from_start)
                            : push(step, OUTBOUND_OFFER, r->rev, "", 0);
}

/* ---- sealing ---- */

/* A job is to list it. Should it be lost (a disk that fails, and again when that is to be noted),
 * it is listed again by and by. */
static int list(struct step *step, struct revision *r)
{
    r->number = (uint64_t)(step->now.ms + LIST_LOST_AFTER_MS);
    if ((int64_t)r->number < step->slot->retry_ms)
        step->slot->retry_ms = (int64_t)r->number;
    int err = revision_put(step->t, r);
    return err < 0 ? err : jobs_add(step, JOB_PREPARE, r->rev);
}

int outbox_seal(struct step *step, uint64_t entry)
{
    struct view *v = turn_view(step->t);
    struct node_sum sum;
    int err = node_sum(v, entry, &sum);
    if (err < 0)
        return err;
    struct entry_seal seal = {.ino = entry, .size = sum.bytes, .files = sum.files};
    now_random(&step->now, seal.rev, sizeof seal.rev);
    err = entry_seal(step->t, &seal);
    if (err < 0)
        return err;
    struct revision r = {.wormhole = step->slot->id, .ino = entry, .state = REVISION_PREPARING};
    memcpy(r.rev, seal.rev, REV_BYTES);
    step->state_changed = true;
    if (parcel_may_be_small(&sum)) {
        struct bytes parcel = {0};
        err = parcel_small(v, entry, &parcel);
        r.size = parcel.len;
        bytes_release(&parcel);
        if (err != STORE_ERR_TOO_BIG)
            return err < 0 ? err : push_revision(step, &r);
    }
    return list(step, &r);
}

int outbox_prepared(struct step *step, const uint8_t rev[static REV_BYTES], uint64_t manifest,
                    uint64_t size, uint64_t items)
{
    struct revision r;
    int err = revision_get(turn_view(step->t), rev, &r);
    if (err == STORE_ERR_NOT_FOUND || (err == 0 && r.state != REVISION_PREPARING))
        return node_discard(step->t, manifest);
    if (err < 0)
        return err;
    r.manifest = manifest;
    r.size = size;
    r.items = items;
    r.number = 0;
    return push_revision(step, &r);
}

/* ---- withdrawing ---- */

static int withdraw_revision(struct step *step, struct revision *r)
{
    if (r->state == REVISION_WITHDRAWN)
        return 0; /* it was unreadable: the peer has been told, or will be */
    int dropped = outbound_drop_rev(step->t, step->slot->id, r->rev);
    if (dropped < 0)
        return dropped;
    bool said = r->state == REVISION_TOLD || r->state == REVISION_REFUSED ||
                (r->state == REVISION_QUEUED && r->number != 0);
    if (!said)
        return revision_erase(step->t, r->rev);
    r->state = REVISION_WITHDRAWN;
    int err = revision_put(step->t, r);
    return err < 0 ? err : push(step, OUTBOUND_WITHDRAW, r->rev, "", 0);
}

int outbox_unseal(struct step *step, uint64_t ino)
{
    struct entry entry;
    int err = entry_get(turn_view(step->t), ino, &entry);
    if (err < 0)
        return err == STORE_ERR_NOT_FOUND ? 0 : err;
    if (entry.state == ENTRY_OPEN)
        return 0;
    step->state_changed = true;
    if (entry.state == ENTRY_SENT)
        return entry_reopen(step->t, ino);
    struct revision r;
    err = revision_get(turn_view(step->t), entry.rev, &r);
    if (err == 0)
        err = withdraw_revision(step, &r);
    else if (err == STORE_ERR_NOT_FOUND)
        err = 0;
    if (err == 0)
        err = entry_release(step->t, ino); /* what held a sealed entry was said of that revision */
    return err < 0 ? err : entry_withdraw(step->t, ino, "changed");
}

/* The entry stays sealed, so that the next change brings a new revision: of what can be read
 * then. */
int outbox_unreadable(struct step *step, const uint8_t rev[static REV_BYTES])
{
    struct revision r;
    int err = revision_get(turn_view(step->t), rev, &r);
    if (err < 0 || r.state == REVISION_WITHDRAWN)
        return err == STORE_ERR_NOT_FOUND ? 0 : err; /* withdrawn meanwhile */
    step->state_changed = true;
    err =
        entry_hold(step->t, r.ino, "its bytes cannot be read from the disk, touch it to try again");
    return err < 0 ? err : withdraw_revision(step, &r);
}

/* ---- what the peer acknowledges; what we decide ---- */

int outbox_acked(struct step *step, uint64_t number)
{
    int dropped = message_acked(step->t, step->slot->id, number);
    return dropped < 0 ? dropped : 0;
}

int outbox_push_decision(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                         const void *text, size_t len)
{
    struct bytes detail = {0};
    bytes_put_u8(&detail, (uint8_t)verdict);
    bytes_put(&detail, text, len > PEER_REASON_MAX ? PEER_REASON_MAX : len);
    int err = bytes_ok(&detail) ? push(step, OUTBOUND_DECISION, rev, detail.data, detail.len)
                                : STORE_ERR_NOMEM;
    bytes_release(&detail);
    if (err == 0)
        step->slot->decisions++;
    return err;
}

/* ---- decisions of the peer ---- */

int outbox_leave(struct step *step, uint64_t ino)
{
    struct entry entry;
    struct wormhole w;
    int err = entry_get(turn_view(step->t), ino, &entry);
    if (err == 0)
        err = wormhole_get(turn_view(step->t), entry.wormhole, &w);
    if (err != 0 || entry.state != ENTRY_SENT || step->e->options.keep_sent)
        return err == STORE_ERR_NOT_FOUND ? 0 : err;
    const struct engine_watch *watch = &step->e->watch;
    if (watch->writing != NULL && watch->writing(watch->arg, ino))
        return 0;
    err = name_remove_tree(step->t, w.outbox_ino, entry.name.text, entry.name.len, "delivered");
    step->state_changed = true;
    return err < 0 ? err : release_change(step, CHANGE_ENTRY_GONE, ino, &entry.name);
}

static int taken(struct step *step, const struct revision *r, const char *at_peer)
{
    struct entry entry;
    int err = entry_by_rev(turn_view(step->t), r->rev, &entry);
    step->state_changed = true;
    if (err == STORE_ERR_NOT_FOUND) /* changed or removed here after the peer had published it */
        return log_append(step->t,
                          &(struct log_event){.type = LOG_ENTRY_DELIVERED,
                                              .wormhole = step->slot->id,
                                              .ino = r->ino,
                                              .detail = log_delivery(r->rev, at_peer, "too late")},
                          NULL);
    if (err == 0)
        err = entry_delivered(step->t, entry.ino, r->rev, at_peer, "delivered");
    return err < 0 ? err : outbox_leave(step, entry.ino);
}

/* A refused revision is offered again soon at first, while somebody may be making room for it, then
 * less and less often: after half of its age. */
static int64_t retry_after_ms(struct step *step, uint64_t ino)
{
    struct entry entry;
    if (entry_get(turn_view(step->t), ino, &entry) < 0)
        return RETRY_AFTER_MAX_MS;
    int64_t after_ms = (step->now.ms - entry.sealed_ms) / 2;
    if (after_ms < RETRY_AFTER_MIN_MS)
        return RETRY_AFTER_MIN_MS;
    return after_ms < RETRY_AFTER_MAX_MS ? after_ms : RETRY_AFTER_MAX_MS;
}

static int refused(struct step *step, struct revision *r, const char *reason, bool for_ever)
{
    if (r->state == REVISION_WITHDRAWN)
        return revision_erase(step->t, r->rev);
    step->state_changed = true;
    int err = entry_refused(step->t, r->ino, reason);
    if (err == 0 && for_ever)
        err = entry_hold(step->t, r->ino, reason);
    if (err < 0 && err != STORE_ERR_NOT_FOUND)
        return err;
    r->state = REVISION_REFUSED;
    r->number = for_ever ? INT64_MAX : (uint64_t)(step->now.ms + retry_after_ms(step, r->ino));
    err = revision_put(step->t, r);
    return err < 0 ? err : outbox_retry(step);
}

/* We took it back and know nothing of that: our store is older. What it has is to be sent, as
 * another revision. */
static int seal_anew(struct step *step, const struct revision *r)
{
    struct entry entry;
    int err = revision_erase(step->t, r->rev);
    if (err == 0)
        err = entry_by_rev(turn_view(step->t), r->rev, &entry);
    if (err != 0)
        return err == STORE_ERR_NOT_FOUND ? 0 : err;
    err = entry_withdraw(step->t, entry.ino, "changed");
    return err < 0 ? err : outbox_seal(step, entry.ino);
}

/* Was just that decided before, and the revision not said again since? */
static bool is_refused(const struct revision *r, int verdict)
{
    return r->state == REVISION_REFUSED &&
           (verdict == PEER_REFUSED_NOW ||
            (verdict == PEER_REFUSED_EVER && r->number == INT64_MAX));
}

int outbox_decided(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                   const char *text, size_t len)
{
    struct revision r;
    int err = revision_get(turn_view(step->t), rev, &r);
    if (err < 0)
        return err == STORE_ERR_NOT_FOUND ? 0 : err; /* decided before: a repeated decision */
    if (r.wormhole != step->slot->id || is_refused(&r, verdict))
        return 0;
    /* It may come while the revision is being said again: the peer remembers. */
    err = outbound_drop_rev(step->t, step->slot->id, rev);
    if (err < 0)
        return err;
    char shown[NAME_SHOWN_MAX + 1];
    name_show(shown, text, len > NAME_BYTES_MAX ? NAME_BYTES_MAX : len);
    switch (verdict) {
    case PEER_TAKEN:
        err = taken(step, &r, shown);
        return err < 0 ? err : revision_erase(step->t, rev);
    case PEER_WITHDRAWN:
        return r.state == REVISION_WITHDRAWN ? revision_erase(step->t, rev) : seal_anew(step, &r);
    case PEER_REFUSED_NOW:
        return refused(step, &r, shown, false);
    case PEER_REFUSED_EVER:
        return refused(step, &r, shown, true);
    default:
        return 0; /* peer_parse admits no other */
    }
}

/* ---- again ---- */

struct retrying {
    struct step *step;
    int64_t next_ms;
    uint8_t due[REV_BYTES];
    bool found;
    bool too_far; /* it is not due: the clock was set back */
};

/* The latest time that can have been meant when it was noted. */
static int64_t latest_ms(const struct step *step, const struct revision *r)
{
    bool refused = r->state == REVISION_REFUSED;
    return step->now.ms + (refused ? RETRY_AFTER_MAX_MS : LIST_LOST_AFTER_MS);
}

static int find_due(void *arg, const struct revision *r)
{
    struct retrying *find = arg;
    bool waits = r->state == REVISION_REFUSED || (r->state == REVISION_PREPARING && r->number != 0);
    if (!waits)
        return 0;
    find->too_far = r->number != INT64_MAX && (int64_t)r->number > latest_ms(find->step, r);
    if ((int64_t)r->number > find->step->now.ms && !find->too_far) {
        if ((int64_t)r->number < find->next_ms)
            find->next_ms = (int64_t)r->number;
        return 0;
    }
    memcpy(find->due, r->rev, REV_BYTES);
    find->found = true;
    return 1;
}

static int again(struct step *step, struct revision *r)
{
    r->number = 0;
    if (r->state != REVISION_PREPARING)
        return push_revision(step, r);
    return list(step, r);
}

static int bring_nearer(struct step *step, struct revision *r)
{
    r->number = (uint64_t)latest_ms(step, r);
    return revision_put(step->t, r);
}

int outbox_retry(struct step *step)
{
    for (;;) {
        struct retrying find = {.step = step, .next_ms = INT64_MAX};
        int err = revision_each(turn_view(step->t), step->slot->id, find_due, &find);
        if (err < 0)
            return err;
        step->slot->retry_ms = find.next_ms;
        if (!find.found)
            return 0;
        struct revision r;
        err = revision_get(turn_view(step->t), find.due, &r);
        if (err == 0)
            err = find.too_far ? bring_nearer(step, &r) : again(step, &r);
        if (err < 0)
            return err;
    }
}

int outbox_unprepared(struct step *step, const uint8_t rev[static REV_BYTES], bool for_ever)
{
    struct revision r;
    int err = revision_get(turn_view(step->t), rev, &r);
    if (err < 0 || r.state != REVISION_PREPARING)
        return err == STORE_ERR_NOT_FOUND ? 0 : err; /* withdrawn meanwhile */
    if (for_ever)
        return refused(step, &r, "it is too deep, or has too many names, to be sent", true);
    r.number = (uint64_t)(step->now.ms + LIST_AGAIN_AFTER_MS);
    err = revision_put(step->t, &r);
    return err < 0 ? err : outbox_retry(step);
}

static int is_bulk(void *arg, const struct revision *r)
{
    (void)arg;
    return r->state == REVISION_TOLD && r->manifest != 0;
}

int outbox_wants_bulk(struct view *v, uint64_t wormhole, bool *wants)
{
    int found = revision_each(v, wormhole, is_bulk, NULL);
    *wants = found > 0;
    return found < 0 ? found : 0;
}

static int requeue(void *arg, const struct entry *entry)
{
    struct step *step = arg;
    if (entry->state != ENTRY_SEALED)
        return 0;
    struct revision r;
    int err = revision_get(turn_view(step->t), entry->rev, &r);
    if (err == STORE_ERR_NOT_FOUND)
        return 0; /* a stock peer has it, perhaps; stock.c */
    if (err < 0 || r.state == REVISION_PREPARING)
        return err;
    r.number = 0;
    r.acked_bytes = 0;
    return push_revision(step, &r);
}

static int find_withdrawn(void *arg, const struct revision *r)
{
    if (r->state != REVISION_WITHDRAWN)
        return 0;
    memcpy(arg, r->rev, REV_BYTES);
    return 1;
}

static int erase_withdrawn(struct step *step)
{
    uint8_t rev[REV_BYTES];
    int found;
    while ((found = revision_each(turn_view(step->t), step->slot->id, find_withdrawn, rev)) > 0) {
        int err = revision_erase(step->t, rev);
        if (err < 0)
            return err;
    }
    return found;
}

/* ---- a store went back ---- */

struct rev_list {
    uint8_t (*revs)[REV_BYTES];
    size_t count, cap;
};

/* What something was said of, and is not decided. */
static int collect_said(void *arg, const struct revision *r)
{
    struct rev_list *list = arg;
    if (r->state != REVISION_TOLD && r->state != REVISION_WITHDRAWN &&
        !(r->state == REVISION_QUEUED && r->number != 0))
        return 0;
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 16 : 2 * list->cap;
        uint8_t(*grown)[REV_BYTES] = realloc(list->revs, cap * sizeof *grown);
        if (grown == NULL)
            return STORE_ERR_NOMEM;
        list->revs = grown;
        list->cap = cap;
    }
    memcpy(list->revs[list->count++], r->rev, REV_BYTES);
    return 0;
}

static int repeat(struct step *step, const uint8_t rev[static REV_BYTES])
{
    struct revision r;
    int err = outbound_drop_rev(step->t, step->slot->id, rev);
    if (err >= 0)
        err = revision_get(turn_view(step->t), rev, &r);
    if (err < 0)
        return err;
    r.number = 0;
    return r.state == REVISION_WITHDRAWN ? push(step, OUTBOUND_WITHDRAW, rev, "", 0)
                                         : push_revision(step, &r);
}

int outbox_repeat(struct step *step)
{
    struct rev_list list = {0};
    int err = revision_each(turn_view(step->t), step->slot->id, collect_said, &list);
    for (size_t i = 0; err >= 0 && i < list.count; i++)
        err = repeat(step, list.revs[i]);
    free(list.revs);
    step->state_changed = true;
    return err < 0 ? err : 0;
}

int outbox_restart(struct step *step)
{
    progress_forget(step->e, step->slot->id);
    int err = message_drop_all(step->t, step->slot->id);
    if (err >= 0)
        err = outbound_drop_all(step->t, step->slot->id);
    if (err >= 0)
        step->slot->decisions = 0;
    if (err >= 0)
        err = inbox_drop_arrivals(step);
    if (err >= 0)
        err = erase_withdrawn(step);
    return err < 0 ? err : entry_each(turn_view(step->t), step->slot->id, 0, requeue, step);
}
