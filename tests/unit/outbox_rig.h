/* What is done with an outbox entry in an engine that has no peer (engine_rig.h): sealed, said,
 * decided. And what is to be seen of its revision then. */
#ifndef OUTBOX_RIG_H
#define OUTBOX_RIG_H

#include "engine_rig.h"

enum { KIB = 1024, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static inline void seal(struct erig *g, uint64_t entry)
{
    assert_int_equal(engine_entry_prepare(g->e, entry), 0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_seal(g->e, t, entry), 0);
    commit(t);
}

static inline int revision_of(struct erig *g, const uint8_t rev[static REV_BYTES],
                              struct revision *r)
{
    struct view *v = rig_view(g->r);
    int err = revision_get(v, rev, r);
    view_end(v);
    return err;
}

/* The revision of a sealed entry, in this state. */
static inline struct revision expect_revision(struct erig *g, uint64_t entry,
                                              enum revision_state state)
{
    struct entry e = rig_entry(g->r, entry);
    struct revision r;
    assert_int_equal(e.state, ENTRY_SEALED);
    assert_int_equal(revision_of(g, e.rev, &r), 0);
    assert_int_equal(r.ino, entry);
    assert_int_equal(r.wormhole, g->id);
    assert_int_equal(r.state, state);
    return r;
}

static inline void expect_gone(struct erig *g, const struct revision *r)
{
    struct revision now;
    assert_int_equal(revision_of(g, r->rev, &now), STORE_ERR_NOT_FOUND);
    assert_int_equal(erig_staged(g), 0);
}

static inline void expect_queued(struct erig *g, enum outbound_kind kind, const struct revision *r)
{
    struct queued q;
    assert_true(pop_queued(g, &q));
    assert_int_equal(q.op.kind, kind);
    assert_memory_equal(q.op.rev, r->rev, REV_BYTES);
    if (kind == OUTBOUND_PIECES) {
        assert_int_equal(q.op.detail_len, 8);
        assert_memory_equal(q.detail, "\0\0\0\0\0\0\0\0", 8);
    }
}

static inline void work(struct erig *g)
{
    while (engine_work(g->e))
        ;
}

/* As if it had been said: the operation is in a message now. */
static inline struct revision tell(struct erig *g, uint64_t entry)
{
    struct revision r = expect_revision(g, entry, REVISION_QUEUED);
    struct queued q;
    assert_true(pop_queued(g, &q));
    struct turn *t = rig_turn(g->r);
    r.state = REVISION_TOLD;
    assert_int_equal(revision_put(t, &r), 0);
    assert_int_equal(entry_offered(t, entry), 0);
    commit(t);
    return r;
}

struct verdict {
    const struct revision *r;
    enum peer_verdict verdict;
    const char *text;
};

static inline int take_verdict(struct step *step, void *arg)
{
    const struct verdict *v = arg;
    return outbox_decided(step, v->r->rev, (int)v->verdict, v->text, strlen(v->text));
}

static inline void decide(struct erig *g, const struct revision *r, enum peer_verdict verdict,
                          const char *text)
{
    assert_int_equal(step_alone(g->e, g->id, take_verdict, &(struct verdict){r, verdict, text}), 0);
}

static inline bool wants(struct erig *g)
{
    bool want;
    struct view *v = rig_view(g->r);
    assert_int_equal(outbox_wants_bulk(v, g->id, &want), 0);
    view_end(v);
    return want;
}

#endif
