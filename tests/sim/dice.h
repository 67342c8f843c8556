/* Draws that one seed decides. Header-only. */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. below-1; below > 0. */
static inline uint64_t dice_below(struct dice *d, uint64_t below)
{
    return dice_next(d) % below;
}

/* True once in n times; n == 0: never. */
static inline bool dice_once_in(struct dice *d, uint64_t n)
{
    return n != 0 && dice_below(d, n) == 0;
}

#endif
