/* One step: one input to one wormhole's machine, within a turn, and everything that follows from it
 * before the commit: the durable actions carried out in the store, freed room in the window filled
 * from the outbox, the rest queued for release.
 *
 *     step_begin → boss_…(step.slot->boss, …, &step.now, &step.actions) → step_end
 *
 * If any part fails the slot is marked stale, the error is returned, and the caller aborts the
 * turn. */
#ifndef FS_ENGINE_STEP_H
#define FS_ENGINE_STEP_H

#include "fs/engine/slot.h"

struct step {
    struct engine *e;
    struct turn *t;
    struct slot *slot;
    struct now now;
    struct actions actions;
    bool snapshot_owed;
    bool state_changed; /* the state file shows something new */
    bool paired_anew;   /* a peer was found in this step: the outbox starts afresh for it */
};

/* 0; NOT_FOUND: there is no such wormhole (any more); NOMEM, CORRUPT, IO. */
int step_begin(struct step *step, struct engine *e, struct turn *t, uint64_t wormhole);
/* `err` is what the machine's call returned (an enum proto_error); it is turned into a store error.
 */
int step_end(struct step *step, int proto_err);

/* The same when it was not (only) a machine's call: `err` is a store error. */
int step_end_with(struct step *step, int err);

/* What a machine's error means here. */
int step_error(int proto_err);

/* One input that stands alone: begins a turn (one that also works on a full disk), runs `fn`
 * between step_begin and step_end, commits or aborts. fn returns a store error (step_error for what
 * a machine returned). NOT_FOUND: there is no such wormhole (any more), and nothing else. */
typedef int step_fn(struct step *step, void *arg);
int step_alone(struct engine *e, uint64_t wormhole, step_fn *fn, void *arg);

/* Is nothing of the step in the store that ended with this error? Not so after BROKEN: that step
 * was committed, and only its sync failed (store/turn.h). What was staged for a step may be
 * discarded only if it is undone; else the store owns it by now. */
bool step_is_undone(int err);

#endif
