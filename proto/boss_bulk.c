/* Bulk connections with a persistent peer: the machine of attempt.h on the newest generation. */
#include "proto/boss_inner.h"

#include "proto/error.h"
#include "proto/phase.h"

enum { HINTS_OVERHEAD = 128 /* of the body of hints, beside their JSON */ };

static bool may_attempt(const struct boss *b)
{
    return b->persistent && b->state == BOSS_PAIRED && !b->adrift && boss_newest(b) != NULL;
}

struct attempt_context boss_bulk_context(const struct boss *b)
{
    const struct generation *g = boss_newest(b);
    size_t len = b->attempt.hints.len + HINTS_OVERHEAD;

    return (struct attempt_context){
        .leader = b->leader,
        .aes = b->aes,
        .fenced = generation_is_open(g),
        .room = mailbox_room(&g->mailbox, MAILBOX_EPHEMERAL, len) > 0,
        .content_key = g->key,
        .relays = b->relays,
        .relay_count = b->relay_count,
    };
}

int boss_bulk_settle(struct boss *b)
{
    struct message_ephemeral offer;

    if (!may_attempt(b)) {
        attempt_stop(&b->attempt, b->actions);
        return PROTO_OK;
    }
    struct attempt_context context = boss_bulk_context(b);
    int got = attempt_run(&b->attempt, &context, b->now, &offer, b->actions);
    return got == 1 ? boss_stream_ephemeral(b, &offer) : got;
}

int64_t boss_bulk_deadline(const struct boss *b)
{
    return may_attempt(b) ? attempt_deadline(&b->attempt, generation_is_open(boss_newest(b)))
                          : INT64_MAX;
}
