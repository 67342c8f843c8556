/* One seed of the simulator: some peers, a random life with random misfortunes, then peace, and the
 * verdict. Everything that happens is decided by the options. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/sim/deeds.h"
#include "tests/sim/faults.h"

enum { SEED_WHY_MAX = 512 };

struct seed_options {
    uint64_t seed;
    unsigned steps;  /* things that users do and that go wrong */
    uint32_t faults; /* FAULT_BITs that may be drawn */
    bool trace;      /* tell on stderr what happens */
    bool whole;      /* the digest is of all outputs, not only of texts to the server: slow */
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

void seed_run(const struct seed_options *options, struct seed_result *result);

#endif
