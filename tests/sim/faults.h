/* What can go wrong, by name. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

/* name, what happens */
#define FAULTS(X)                                                                                  \
    X(KILL, "kill")       /* a peer dies at any call to its disk, also in the middle of a write */ \
    X(POWER, "power")     /* the same, and what was not synced is lost, in part or whole */        \
    X(ENOSPC, "enospc")   /* its disk is full at some call, or for some time */                    \
    X(EIO, "eio")         /* calls to its disk fail */                                             \
    X(BACK, "back")       /* its store is set back to an earlier state */                          \
    X(CLONE, "clone")     /* a copy of its store runs beside it */                                 \
    X(PRUNE, "prune")     /* the server forgets a mailbox, or everything */                        \
    X(REPEAT, "repeat")   /* it says messages twice */                                             \
    X(REORDER, "reorder") /* or in another order */                                                \
    X(DELAY, "delay")     /* or late */                                                            \
    X(REPLAY, "replay")   /* it puts old contents into mailboxes */                                \
    X(CROWD, "crowd")     /* it lets a third side into a mailbox */                                \
    X(ERROR, "error")     /* it answers with an error */                                           \
    X(DEATH, "death")     /* it restarts, or is away for some time */                              \
    X(LINKS, "links")     /* connections to it are cut */                                          \
    X(TRANSIT, "transit") /* bulk connections are cut, also those that are being made */           \
    X(NAT, "nat")         /* a peer can be dialled no more, or can again; the relay leads to it */ \
    X(RELAY, "relay")     /* the relay restarts, is away or late, or leaves one of two waiting */  \
    X(GARBLE, "garble")   /* it changes bytes, or joins those who want others */

enum fault {
#define FAULT_ENUM(id, name) FAULT_##id,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

#define FAULT_BIT(id) (1u << FAULT_##id)

#endif
