/* A whole boss with what it has on disk, at the mercy of a fuzz target: what it wants done is done
 * to its store (tests/sim/pair_store.h), and after each input it is checked that it is sound: what
 * it stores can be restored to the same, what it says is short enough, what waits is bounded. */
#ifndef FUZZ_VICTIM_H
#define FUZZ_VICTIM_H

#include "proto/boss_inner.h"
#include "tests/sim/pair_store.h"

/* Something that it has added to a mailbox: the server shows it to both. */
struct victim_added {
    enum wormhole_link link;
    char phase[PHASE_LEN_MAX + 1];
    struct bytes body;
};

enum { VICTIM_ADDED = 8 };

struct victim {
    struct boss *b;
    struct pair_store store;
    struct now now;
    uint64_t attempt;                        /* the last that it wanted */
    int64_t ping;                            /* the last fence that it asked for */
    unsigned link_opens;                     /* so often, in this input */
    struct victim_added added[VICTIM_ADDED]; /* the last ones, in a ring */
    unsigned added_count;
};

extern const struct boss_options victim_options;

/* On a copy of a store, or (NULL, or without a snapshot) new. False: the store cannot be restored.
 */
bool victim_start(struct victim *v, const struct pair_store *store);
void victim_stop(struct victim *v);
/* Killed, and started again on what it has. */
void victim_restart(struct victim *v);

/* Around each input: err is what the boss gave. */
void victim_done(struct victim *v, struct actions *actions, int err);
/* Time passes, and the timers that are due fire. */
void victim_wait(struct victim *v, int64_t ms);
void victim_hear(struct victim *v, enum wormhole_link link, const void *text, size_t len);

#endif
