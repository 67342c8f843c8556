/* One seed of the simulator: some peers, a random life with random misfortunes, then peace, and the
 * verdict. Everything that happens is decided by the options. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/sim/deeds.h"
#include "tests/sim/faults.h"

enum { SEED_WHY_MAX = 512, SEED_OUTCOME_LINES = 256 };

/* What a life that was planned has come to: one line for each entry in a box and for each revision
 * that was sealed, sorted. */
struct seed_outcome {
    size_t count;
    char lines[SEED_OUTCOME_LINES][100];
};

struct seed_options {
    uint64_t seed;
    unsigned steps;               /* things that users do and that go wrong */
    uint32_t faults;              /* FAULT_BITs that may be drawn */
    bool trace;                   /* tell on stderr what happens */
    struct seed_outcome *outcome; /* NULL: users are free; else they follow a plan, plan.c */
    bool whole; /* the digest is of all outputs, not only of texts to the server: slow */
};

struct seed_result {
    bool passed;
    char why[SEED_WHY_MAX]; /* one line */
    uint64_t digest;        /* of what left any peer */
    /* so that one sees that something happened at all */
    uint64_t sealed, arrived, kills, calls, encryptions, paired, unpaired;
    uint64_t connected[2];        /* ends of bulk connections: direct, by the relay */
    uint64_t compared;            /* arrivals that were held against what was sealed */
    uint64_t promises, in_part;   /* said to be durable of arrivals; a part of one, after a start */
    uint64_t faults[FAULT_COUNT]; /* how often each struck; of those at a disk's call: was set up */
    uint64_t deeds[DEED_COUNT];
    int64_t virtual_ms;
};

/* False, and why: they differ. */
bool seed_outcomes_same(const struct seed_outcome *calm, const struct seed_outcome *other,
                        char why[static SEED_WHY_MAX]);
void seed_run(const struct seed_options *options, struct seed_result *result);

#endif
