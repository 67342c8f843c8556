/* A transfer with a stock peer, as the mailbox has agreed on it, on such an engine (engine_rig.h):
 * what is left is the connection. There is no mailbox: what the machine says is not heard. */
#ifndef STOCK_RIG_H
#define STOCK_RIG_H

#include "engine_rig.h"

#include "fs/engine/stock_session.h"
#include "proto/net/stream.h"
#include "proto/record.h"
#include "tests/fuzz/agreed.h"

static const struct transit_plan stock_key = {.key = {5, 6, 7}, .classic = true};

/* Their end of the connection: what they encrypt, and what they read. */
struct stock_peer {
    struct record_encoder tx;
    struct record_decoder rx;
};

static inline void stock_peer_init(struct stock_peer *p, bool we_send)
{
    enum transit_role theirs = we_send ? TRANSIT_RECEIVER : TRANSIT_SENDER;
    record_encoder_init(&p->tx, stock_key.key, theirs);
    record_decoder_init(&p->rx, stock_key.key, theirs);
}

static inline void stock_peer_release(struct stock_peer *p)
{
    record_encoder_release(&p->tx);
    record_decoder_release(&p->rx);
}

/* The transfer begins; `s` is the engine's from here on, with its items. */
static inline void stock_agree(struct erig *g, const struct stock *s)
{
    struct slot *slot = slot_find(g->e, g->id);
    assert_non_null(slot);
    assert_null(slot->stock);
    agreed_transfer(slot->boss);
    slot->stock = malloc(sizeof *slot->stock);
    assert_non_null(slot->stock);
    *slot->stock = *s;
}

/* It is over, one way or the other: nothing of it is left. */
static inline enum classic_state stock_is_over(struct erig *g)
{
    struct slot *slot = slot_find(g->e, g->id);
    enum classic_state end = agreed_state(slot->boss);
    assert_null(slot->stock);
    assert_true(end == CLASSIC_DONE || end == CLASSIC_FAILED);
    agreed_end(slot->boss);
    return end;
}

static inline void stock_run(struct erig *g, bool we_send, struct stream *stream)
{
    struct transit_plan plan = stock_key;
    plan.sender = we_send;
    stock_session_run(g->e, g->id, &plan, stream);
}

/* A file in the outbox that the peer was offered. */
static inline uint64_t stock_offered_file(struct erig *g, const char *name, size_t len, uint8_t n,
                                          struct stock_item *item)
{
    uint64_t ino = make_file(g, g->outbox, name, len);
    struct entry_seal seal = {.ino = ino, .size = len, .files = 1};
    assert_int_equal(content_flush(g->r->store, ino, true), 0);
    make_rev(seal.rev, n);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(entry_seal(t, &seal), 0);
    assert_int_equal(entry_offered(t, ino), 0);
    commit(t);
    item->ino = ino;
    memcpy(item->rev, seal.rev, REV_BYTES);
    return ino;
}

#endif
