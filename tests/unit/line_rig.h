/* A bulk connection on an engine of its own (engine_rig.h): the session of the program on one end;
 * the frames of the other are the test's. */
#ifndef LINE_RIG_H
#define LINE_RIG_H

#include "engine_rig.h"

#include "fs/engine/session.h"
#include "proto/bulk.h"
#include "tests/sim/pipe.h"

struct line {
    struct erig *g;
    struct stream *ours, *theirs;
    struct session *session;
    struct bulk_sender tx;
    struct bulk_receiver rx;
    struct bulk_message got; /* the last frame from the session */
    uint8_t data[BULK_DATA_MAX];
};

static inline struct line *line_open(struct erig *g)
{
    struct line *l = calloc(1, sizeof *l);
    struct transit_plan plan = {.key = {1, 2, 3}, .sender = true};
    assert_non_null(l);
    l->g = g;
    pipe_open(&l->ours, &l->theirs);
    assert_int_equal(bulk_sender_init(&l->tx, plan.key, false, false), 0);
    assert_int_equal(bulk_receiver_init(&l->rx, plan.key, false, false), 0);
    l->session = session_open(g->e, g->id, &plan, l->ours);
    assert_non_null(l->session);
    return l;
}

static inline void line_close(struct line *l)
{
    session_close(l->session);
    pipe_close(l->ours);
    pipe_close(l->theirs);
    bulk_sender_release(&l->tx);
    bulk_receiver_release(&l->rx);
    free(l);
}

static inline bool step(struct line *l)
{
    return session_step(l->session, pipe_ready(l->ours, session_interest(l->session)));
}

#endif
