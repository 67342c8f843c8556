/* A parcel that arrives becomes a staged tree. Small ones whole, in one turn; large ones as their
 * bytes come, resumable at the durable offset after any interruption.
 *
 * A large arrival (queues.h) is MANIFEST until its manifest has come and its nodes are made: an
 * interruption before that begins it again from 0. Then it is DATA: .manifest is a file as parcel.h
 * describes, .durable counts bytes of the parcel that are on disk.
 *
 * A manifest may be 64 MiB long and name a million files, so it is never whole in memory, and what
 * follows from it is done in batches, between which a session can keep its connection alive:
 *
 *     HEAD --its last byte--> CHECK --every rule holds--> PLANT --all nodes made--> DATA */
#ifndef FS_ENGINE_INTAKE_H
#define FS_ENGINE_INTAKE_H

#include "fs/engine/step.h"
#include "store/queues.h"

struct intake_taken {
    uint64_t top;     /* staged */
    struct name name; /* as in the manifest, as is .files */
    uint64_t files;
    uint64_t overhead; /* as in struct arrival */
    const char *why;   /* HOSTILE: one sentence for the sender, static */
};
/* In a turn. HOSTILE: the parcel breaks a rule, and nothing is left of it; TOO_BIG: its overhead is
 * more than `room`, and nothing was made; NOMEM, IO, NOSPACE, QUOTA: abort the turn. */
int intake_small(struct step *step, const void *parcel, size_t len, uint64_t room,
                 struct intake_taken *out);

struct intake;
/* No turn or view open for any of these; one thread. After an error of one of them only
 * intake_close is of use (the others repeat the error): what was durable is, and a new intake goes
 * on from there.
 *
 * Each says NOT_FOUND when the arrival was withdrawn, or is not any more as this intake left it.
 * HOSTILE, TOO_BIG: refuse it for ever; NOSPACE, QUOTA: refuse it for now; others: try again later.
 */
int intake_open(struct intake **out, struct engine *e, const struct arrival *a);
void intake_close(struct intake *in);
/* The offset that it needs next. */
uint64_t intake_next(const struct intake *in);
bool intake_complete(const struct intake *in);
/* The manifest is whole, and work is to be done before more is taken: intake_work, a batch at a
 * time (a fraction of a second). */
bool intake_busy(const struct intake *in);
int intake_work(struct intake *in);
/* After HOSTILE or TOO_BIG: one sentence for the sender, static. */
const char *intake_why(const struct intake *in);
/* Bytes at intake_next, as many as there are. BUSY while it is busy. */
int intake_write(struct intake *in, const uint8_t *data, size_t len);
/* Makes what has come durable and commits it. *durable is the offset before which all is on disk,
 * also after an error. */
int intake_sync(struct intake *in, uint64_t *durable);
/* Complete and synced: sets the times, a batch at each call, then publishes it in a turn of its own
 * (inbox_publish). 1: call it again; 0: it is published. INVALID if it is not complete or not
 * synced. */
int intake_publish(struct intake *in);

#endif
