/* What a private mailbox shows under our own side: what we have said, how it stands among the
 * peer's, and what we never said. */
#include "proto/boss_inner.h"

#include "proto/error.h"

static int own_ephemeral(struct boss *b, const struct bytes *plain)
{
    struct message_ephemeral m;

    if (message_ephemeral_parse(&m, plain->data, plain->len) != PROTO_OK)
        return PROTO_OK;
    switch (m.kind) {
    case MESSAGE_ACK:
        boss_stream_acked_by(b, &m.have);
        break;
    case MESSAGE_HINTS:
        return attempt_own(&b->attempt, &m);
    case MESSAGE_MEET:
        b->called = true;
        break;
    }
    return PROTO_OK;
}

int boss_own_message(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    struct bytes plain = {0};
    struct message m;
    bool ephemeral = mailbox_phase_is_ephemeral(event->phase);

    if (g != boss_newest(b) || (!ephemeral && !b->ack_owed))
        return PROTO_OK;
    int err = generation_open(g, b->side, event->phase, event->body, event->len, &plain);
    if (err == PROTO_OK && ephemeral)
        err = own_ephemeral(b, &plain);
    else if (err == PROTO_OK && message_parse(&m, plain.data, plain.len) == PROTO_OK)
        boss_stream_acked_by(b, &m.have);
    bytes_release(&plain);
    return boss_check(b, err);
}

/* Somebody with our side and our key has added what we never made: we did, later than our store
 * knows; or, if it comes live, a copy of us. What was there before may be shown again: a server
 * that repeats itself makes no copy. */
int boss_own_unknown(struct boss *b, struct generation *g, const struct mailbox_event *event)
{
    struct bytes plain = {0};
    uint64_t number;

    if (!mailbox_phase_number(event->phase, &number))
        return PROTO_OK;
    int err = generation_open(g, b->side, event->phase, event->body, event->len, &plain);
    bytes_release(&plain);
    if (err != PROTO_OK)
        return boss_check(b, err);
    if (event->live)
        return number < g->lost ? PROTO_OK : boss_clone(b);
    if (number >= g->lost)
        g->lost = number + 1;
    boss_went_back(b);
    return PROTO_OK;
}
