/* What users do, by name. */
#ifndef SIM_DEEDS_H
#define SIM_DEEDS_H

#define DEEDS(X)                                                                                   \
    X(MAKE, "make")                                                                                \
    X(TREE, "make-tree")                                                                           \
    X(APPEND, "append")                                                                            \
    X(REWRITE, "rewrite")                                                                          \
    X(RENAME, "rename")                                                                            \
    X(REPLACE, "replace") /* rename onto another entry */                                          \
    X(REMOVE, "remove")   /* from a box */                                                         \
    X(SEAL, "seal")                                                                                \
    X(FORWARD, "forward")                                                                          \
    X(PAIR, "pair")                                                                                \
    X(NAME, "rename-wormhole")                                                                     \
    X(CLOSE, "remove-wormhole")

enum deed {
#define DEED_ENUM(id, name) DEED_##id,
    DEEDS(DEED_ENUM)
#undef DEED_ENUM
        DEED_COUNT
};

#endif
