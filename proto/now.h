/* What the world hands to a machine with every input: the time and fresh randomness. proto/
 * never reads a clock or a random source (J8); the same inputs, `now` included, always give the
 * same outputs byte for byte (P15). */
#ifndef PROTO_NOW_H
#define PROTO_NOW_H

#include <stddef.h>
#include <stdint.h>

enum { NOW_SEED_BYTES = 32 };

struct now {
    int64_t ms;                   /* since 1970 (CLOCK_REALTIME; machines tolerate steps back) */
    uint8_t seed[NOW_SEED_BYTES]; /* fresh and secret for each input; advanced by now_random */
};

/* Fills `out` with `len` bytes expanded from now->seed and advances the seed, so that two calls
 * never give the same bytes. Deterministic in the seed. */
void now_random(struct now *now, void *out, size_t len);

#endif
