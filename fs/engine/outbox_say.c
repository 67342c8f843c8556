/* Queued operations become numbered messages, as the window has room. */
#include "fs/engine/outbox.h"

#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/parcel.h"
#include "proto/manifest.h"
#include "proto/peer.h"
#include "store/entries.h"

/* One queued operation, copied out of the store's cursor. */
struct next_op {
    bool found;
    uint64_t seq;
    enum outbound_kind kind;
    uint8_t rev[REV_BYTES];
    uint8_t detail[1 + PEER_REASON_MAX];
    size_t detail_len;
};

static int take_first(void *arg, const struct outbound *op)
{
    struct next_op *next = arg;
    if (op->detail_len > sizeof next->detail)
        return STORE_ERR_CORRUPT;
    next->found = true;
    next->seq = op->seq;
    next->kind = (enum outbound_kind)op->kind;
    memcpy(next->rev, op->rev, REV_BYTES);
    if (op->detail_len > 0)
        memcpy(next->detail, op->detail, op->detail_len);
    next->detail_len = op->detail_len;
    return 1;
}

/* Goes on to a decision. */
static int take_decision(void *arg, const struct outbound *op)
{
    return op->kind == OUTBOUND_DECISION ? take_first(arg, op) : 0;
}

static int send_message(struct step *step, const struct peer_message *what)
{
    struct bytes content = {0};
    struct message m = {.wormhole = step->slot->id};
    int err = step_error(peer_build(&content, what));
    if (err == 0)
        err = step_error(boss_send(step->slot->boss, content.data, content.len, &m.number,
                                   m.incarnation, &step->now, &step->actions));
    m.body = content.data;
    m.body_len = content.len;
    if (err == 0)
        err = message_add(step->t, &m);
    bytes_release(&content);
    return err;
}

static int mark_told(struct step *step, struct revision *r)
{
    r->state = REVISION_TOLD;
    int err = revision_put(step->t, r);
    if (err == 0)
        err = entry_offered(step->t, r->ino);
    return err == STORE_ERR_NOT_FOUND ? 0 : err;
}

/* What was sealed as a small parcel is none any more: damaged, for nothing changes it. */
static bool is_damage(int err)
{
    return err == STORE_ERR_CORRUPT || err == STORE_ERR_TOO_BIG || err == STORE_ERR_NOT_FOUND;
}

static int send_piece(struct step *step, const struct revision *r, const struct bytes *parcel,
                      uint64_t offset, size_t len)
{
    struct peer_message m = {.kind = PEER_PIECE,
                             .size = r->size,
                             .offset = offset,
                             .data = parcel->data + offset,
                             .len = len};
    memcpy(m.revision, r->rev, REV_BYTES);
    return send_message(step, &m);
}

/* The operation stays, with its next offset, until the last piece. */
static int piece_said(struct step *step, const struct next_op *op, struct revision *r,
                      uint64_t next)
{
    if (next == r->size) {
        int err = outbound_pop(step->t, op->seq);
        return err < 0 ? err : mark_told(step, r);
    }
    r->number = 1; /* something of it was said */
    int err = revision_put(step->t, r);
    struct bytes detail = {0};
    bytes_put_u64(&detail, next);
    if (err == 0)
        err = bytes_ok(&detail) ? outbound_set_detail(step->t, op->seq, detail.data, detail.len)
                                : STORE_ERR_NOMEM;
    bytes_release(&detail);
    return err;
}

static int say_piece(struct step *step, const struct next_op *op)
{
    struct revision r;
    int err = revision_get(turn_view(step->t), op->rev, &r);
    if (err == STORE_ERR_NOT_FOUND)
        return outbound_pop(step->t, op->seq); /* decided or withdrawn: nothing is left to say */
    if (err < 0)
        return err;
    struct reader in = reader_of(op->detail, op->detail_len);
    uint64_t offset = reader_u64(&in);
    size_t len = 0;
    struct bytes parcel = {0};
    err = parcel_small(turn_view(step->t), r.ino, &parcel);
    if (err == 0 && (!reader_done(&in) || offset >= parcel.len || parcel.len != r.size))
        err = STORE_ERR_CORRUPT;
    bool damaged = is_damage(err);
    if (err == 0) {
        len = parcel.len - offset < PEER_PIECE_MAX ? parcel.len - offset : PEER_PIECE_MAX;
        err = send_piece(step, &r, &parcel, offset, len);
    }
    bytes_release(&parcel);
    if (damaged)
        return outbox_unreadable(step, r.rev);
    return err < 0 ? err : piece_said(step, op, &r, offset + len);
}

/* An older version did not note what it listed: then each inode counts once. */
static int items_of(struct step *step, const struct revision *r, uint32_t *items)
{
    uint64_t count = r->items;
    struct node_sum sum;
    int err = count == 0 ? node_sum(turn_view(step->t), r->ino, &sum) : 0;
    if (err == 0 && count == 0)
        count = sum.nodes;
    *items = count < MANIFEST_ITEMS_MAX ? (uint32_t)count : MANIFEST_ITEMS_MAX;
    return err;
}

static int say_offer(struct step *step, const struct next_op *op)
{
    struct revision r;
    struct entry entry;
    int err = revision_get(turn_view(step->t), op->rev, &r);
    if (err == 0)
        err = entry_get(turn_view(step->t), r.ino, &entry);
    uint32_t items = 0;
    if (err == 0)
        err = items_of(step, &r, &items);
    if (err != 0)
        return err;
    struct peer_message m = {.kind = PEER_OFFER,
                             .size = r.size,
                             .items = items,
                             .data = (const uint8_t *)entry.name.text,
                             .len = entry.name.len};
    memcpy(m.revision, r.rev, REV_BYTES);
    err = send_message(step, &m);
    if (err == 0)
        err = outbound_pop(step->t, op->seq);
    return err < 0 ? err : mark_told(step, &r);
}

static int say_decision(struct step *step, const struct next_op *op)
{
    if (op->detail_len < 1)
        return STORE_ERR_CORRUPT;
    struct peer_message m = {.kind = PEER_DECISION,
                             .verdict = (enum peer_verdict)op->detail[0],
                             .data = op->detail + 1,
                             .len = op->detail_len - 1};
    memcpy(m.revision, op->rev, REV_BYTES);
    int err = send_message(step, &m);
    if (err == 0)
        err = outbound_pop(step->t, op->seq);
    return err < 0 ? err : inbox_answered(step);
}

static int say_withdraw(struct step *step, const struct next_op *op)
{
    struct peer_message m = {.kind = PEER_WITHDRAW};
    memcpy(m.revision, op->rev, REV_BYTES);
    int err = send_message(step, &m);
    return err < 0 ? err : outbound_pop(step->t, op->seq);
}

static int say(struct step *step, const struct next_op *op)
{
    switch (op->kind) {
    case OUTBOUND_PIECES:
        return say_piece(step, op);
    case OUTBOUND_OFFER:
        return say_offer(step, op);
    case OUTBOUND_WITHDRAW:
        return say_withdraw(step, op);
    case OUTBOUND_DECISION:
        return say_decision(step, op);
    }
    return STORE_ERR_CORRUPT;
}

static int want_bulk_now(struct step *step)
{
    bool out = false, in = false;
    int err = outbox_wants_bulk(turn_view(step->t), step->slot->id, &out);
    if (err == 0)
        err = inbox_wants_bulk(turn_view(step->t), step->slot->id, &in);
    if (err < 0 || (out || in) == step->slot->want_bulk)
        return err;
    step->slot->want_bulk = out || in;
    return boss_want_bulk(step->slot->boss, out || in, &step->now, &step->actions) < 0
               ? STORE_ERR_NOMEM
               : 0;
}

/* What is said next: our decisions first, in their order, so that what a peer waits for, and what
 * it makes us keep, does not stand behind all that we have for it. */
static int next_op(struct step *step, struct next_op *op)
{
    struct slot *slot = step->slot;
    struct view *v = turn_view(step->t);
    int err = slot->decisions == 0
                  ? 0
                  : outbound_each(v, slot->id, slot->decisions_after, take_decision, op);
    if (err >= 0 && op->found)
        slot->decisions_after = op->seq - 1;
    else if (err >= 0)
        err = outbound_each(v, slot->id, 0, take_first, op);
    return err;
}

int outbox_fill(struct step *step)
{
    if (!boss_is_persistent(step->slot->boss) || boss_state(step->slot->boss) != BOSS_PAIRED)
        return 0;
    /* What is not said yet can still be taken back without a trace: so nothing is said before it
     * can leave. */
    while (boss_is_open(step->slot->boss) && boss_room(step->slot->boss) > 0) {
        struct next_op op = {0};
        int err = next_op(step, &op);
        if (err >= 0 && !op.found)
            break;
        if (err >= 0)
            err = say(step, &op);
        if (err < 0)
            return err;
        step->state_changed = true;
    }
    return want_bulk_now(step);
}
