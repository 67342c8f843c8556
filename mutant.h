/* Rules that a test build breaks (-Dmutant=…), one at a time, to prove that the simulator notices:
 * tests/sim/README.md. In every other build each MUTANT(…) is a constant 0. */
#ifndef MUTANT_H
#define MUTANT_H

enum {
    MUTANT_NONE,
    MUTANT_ACK_BEFORE_COMMIT,      /* messages to the server do not wait for the turn */
    MUTANT_REENCRYPT_ON_RESTART,   /* what is not acknowledged is encrypted again at a start */
    MUTANT_FORGET_SEEN,            /* what was processed before is processed again */
    MUTANT_PUBLISH_BEFORE_DURABLE, /* arrivals are published although their bytes are not synced */
    MUTANT_SKIP_FENCE,             /* what is kept is added again before the replay has ended */
    MUTANT_UNLINK_BEFORE_SYNC,  /* spool files go before the commit that forgets them is on disk */
    MUTANT_DURABLE_BEFORE_SYNC, /* a part of an arrival is said to be on disk before its sync */
    MUTANT_REUSE_BULK_KEY,      /* bulk keys do without the challenges of the connection */
};

#ifndef MUTANT_IN_FORCE
#define MUTANT_IN_FORCE MUTANT_NONE
#endif

#define MUTANT(name) (MUTANT_IN_FORCE == MUTANT_##name)

#endif
