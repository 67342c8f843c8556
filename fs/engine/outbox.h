/* What goes out to a wormholefs peer: sealed revisions become queued operations, operations become
 * numbered messages as the window has room, and the peer's decisions end them.
 *
 * A revision (queues.h) is in one of these states:
 *
 *     PREPARING --listed--> QUEUED --said--> TOLD --decision--> (row erased)
 *                                             |  \--refused for now--> REFUSED --later--> QUEUED
 *                                             `--withdraw--> WITHDRAWN --decision--> (row erased)
 *
 * .number of a PREPARING one is when to list it again (ms): while a job is at it, should that be
 * lost. Of a QUEUED one it is 1 if some pieces were said, else 0; of a REFUSED one, when to offer
 * it again (ms), INT64_MAX: never. It means nothing in the other states. A revision that is
 * withdrawn before anything of it was said is simply erased. */
#ifndef FS_ENGINE_OUTBOX_H
#define FS_ENGINE_OUTBOX_H

#include "fs/engine/step.h"
#include "store/queues.h"

enum revision_state {
    REVISION_PREPARING = 1, /* a large tree whose manifest is still being listed (jobs.h) */
    REVISION_QUEUED,        /* an operation in `outbound` will say it */
    REVISION_TOLD,          /* its pieces or its offer are messages; the peer decides */
    REVISION_WITHDRAWN, /* the withdrawal is queued or said; its bytes are not served any more */
    REVISION_REFUSED,   /* no room at the peer; .number is when (ms) to offer it again */
};

enum outbound_kind {
    OUTBOUND_PIECES = 1, /* detail: u64 offset of the next piece */
    OUTBOUND_OFFER,
    OUTBOUND_WITHDRAW,
    OUTBOUND_DECISION, /* detail: u8 verdict, then the name or reason */
};

/* Seals what `entry` is now (see engine_entry_seal). */
int outbox_seal(struct step *step, uint64_t entry);
/* The entry is about to change: takes its revision back. The unseal hook's work. */
int outbox_unseal(struct step *step, uint64_t ino);
/* A manifest has been listed for a PREPARING revision: it may be offered. Takes the staged file
 * over; discards it if the revision was withdrawn meanwhile. */
int outbox_prepared(struct step *step, const uint8_t rev[static REV_BYTES], uint64_t manifest,
                    uint64_t size, uint64_t items);
/* It cannot be listed: for ever (it exceeds a bound; the entry is held), or not just now. */
int outbox_unprepared(struct step *step, const uint8_t rev[static REV_BYTES], bool for_ever);
/* The bytes of a revision that still stands cannot be read (any more): the entry is held with that
 * reason, and the peer, if it was told of it, need not wait for it. */
int outbox_unreadable(struct step *step, const uint8_t rev[static REV_BYTES]);
/* Turns queued operations into messages while the window has room. */
int outbox_fill(struct step *step);
int outbox_acked(struct step *step, uint64_t number);
/* A peer was found: everything sealed is queued for it as if for the first time. */
int outbox_restart(struct step *step);
/* A store went back, ours or the peer's: messages of before, or the decisions that they led to, may
 * be lost for good although they were acknowledged. What is undecided is said again, from its
 * beginning; the peer repeats what it has decided. */
int outbox_repeat(struct step *step);
/* The peer's decision on one of our revisions. `text` is the name in its inbox or the reason. */
int outbox_decided(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                   const char *text, size_t len);
/* Queues our decision on one of the peer's revisions. */
int outbox_push_decision(struct step *step, const uint8_t rev[static REV_BYTES], int verdict,
                         const void *text, size_t len);
/* Acknowledged: the entry leaves the outbox, unless kept; if it is in use, when it is idle. */
int outbox_leave(struct step *step, uint64_t ino);
/* Offers again what was refused for want of room, and lists again what could not be, if its time
 * has come; else notes when. */
int outbox_retry(struct step *step);
/* Is anything told and undecided that travels by bulk? */
int outbox_wants_bulk(struct view *v, uint64_t wormhole, bool *wants);

#endif
