/* What the world hands to a machine with every input: the time and fresh randomness. proto/
 * never reads a clock or a random source (J8); the same inputs, `now` included, always give the
 * same outputs byte for byte (P15).
 *
 * Whoever keeps a time, here or in the engine, keeps one of the wall clock, which may be set:
 * - While the program runs, a step of the wall clock that the steady clock has not made is a jump,
 *   and what a machine keeps moves along with it, either way (boss_clock.c). A jump back is looked
 *   for every few seconds, and then everything is ticked (engine_tick).
 * - What is stored is bounded when it is read again: a deadline is no further off than it can have
 *   been when it was made, and nothing has begun in the future (boss_restore, outbox_retry).
 * - While the program does not run, a jump ahead cannot be told from time that has passed.
 * Nobody is to rely on two times being in the order in which they were taken. */
#ifndef PROTO_NOW_H
#define PROTO_NOW_H

#include <stddef.h>
#include <stdint.h>

enum { NOW_SEED_BYTES = 32 };

struct now {
    int64_t ms;                   /* since 1970 (CLOCK_REALTIME) */
    int64_t steady_ms;            /* CLOCK_BOOTTIME: never set, goes on in sleep; 0: not known */
    uint8_t seed[NOW_SEED_BYTES]; /* fresh and secret for each input; advanced by now_random */
};

/* Fills `out` with `len` bytes expanded from now->seed and advances the seed, so that two calls
 * never give the same bytes. Deterministic in the seed. */
void now_random(struct now *now, void *out, size_t len);

#endif
