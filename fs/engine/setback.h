/* A step that came to nothing: its turn was undone, and the input that it was for is not taken. The
 * one error policy for steps that nobody waits for (news of the network, time, jobs); a program's
 * own call gets the error instead.
 *
 * Two kinds of errors:
 *
 *  - of the store as a whole (setback_is_of_store): no room, no memory, no descriptors, a failing
 *    disk. They pass, and nothing is wrong with the input. It is tried again after 1, 2, 4 and then
 *    each 8 seconds, so that it goes on soon when there is room.
 *  - all others (TOO_BIG, INVALID, CORRUPT, EXISTS, …): the same input fails in the same way again,
 *    and the wormhole stands still. It is tried again after 1, 2, 4, … and then each 64 seconds: in
 *    vain, as far as we know, but what it collides with may go away.
 *
 * In both the machine is restored from the store at the next try and connects anew, and the server
 * says again what was not taken. Steps before that one succeed meanwhile, so success says nothing:
 * a wormhole is set back until a time has passed in which no step failed, which is as long again as
 * the last pause, and at least half a minute. Until then `problem:` says why
 * (engine_status.setback), and engine_watch.setback is told of the first failure and of each longer
 * pause.
 *
 * Volatile: a restart begins with one try more. */
#ifndef FS_ENGINE_SETBACK_H
#define FS_ENGINE_SETBACK_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

enum { SETBACK_TEXT_MAX = 256 };

/* Of one wormhole; zeroed: none. Guarded by live_lock. */
struct setback {
    unsigned count; /* failures in a row; 0: none */
    int err;        /* of the last one */
    int64_t until_ms;
};

bool setback_is_of_store(int err);
/* Is it worth trying the same again? Those, and BUSY. */
bool setback_may_pass(int err);

/* It failed again: the pause in ms. *longer: than the one before; or the error is another. */
int64_t setback_add(struct setback *b, int err, int64_t now_ms, bool *longer);
/* It is over: what had failed has not for long enough. */
bool setback_is_over(const struct setback *b, int64_t now_ms);
/* One sentence for the user, "" if there is none. */
void setback_say(const struct setback *b, char out[static SETBACK_TEXT_MAX]);

/* A step of this wormhole ended with `err` (0: well), no turn being open: keeps the account, closes
 * its connections after a failure, and sees to the next try. NOT_FOUND (the wormhole is forgotten)
 * is no matter. */
void setback_note(struct engine *e, uint64_t wormhole, int err);

#endif
