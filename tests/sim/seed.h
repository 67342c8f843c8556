/* One seed of the simulator: some peers, a random life with random misfortunes, then peace, and the
 * verdict. Everything that happens is decided by the options. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include <stdbool.h>
#include <stdint.h>

enum { SEED_WHY_MAX = 512 };

struct seed_options {
    uint64_t seed;
    unsigned steps;  /* things that users do and that go wrong */
    uint32_t faults; /* FAULT_BITs that may be drawn */
    bool trace;      /* tell on stderr what happens */
};

struct seed_result {
    bool passed;
    char why[SEED_WHY_MAX]; /* one line */
    uint64_t digest;        /* of all that left any peer */
    /* so that one sees that something happened at all */
    uint64_t sealed, arrived, kills, calls, encryptions, paired, unpaired;
    int64_t virtual_ms;
};

void seed_run(const struct seed_options *options, struct seed_result *result);

#endif
