/* When is an outbox entry whole? The decision alone, a pure function of facts (CONTRACT: "outbox/",
 * Sealed and Held). seal.c gathers the facts and carries the decision out.
 *
 * A file is whole when no writable handle is open and nothing changed for settle_ms. A tree, when
 * that holds for everything below it and nothing changed for settle_tree_ms; or, sooner, when the
 * process that made its top directory has exited, it and its descendants made every change, and it
 * is not empty. What was renamed in complete is whole at once, unless it is an empty directory.
 * Some names and some accidents hold an entry back, whole or not. */
#ifndef FS_SEAL_SEAL_RULE_H
#define FS_SEAL_SEAL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_RULE_DAY_MS ((int64_t)24 * 60 * 60 * 1000)

struct seal_times {
    unsigned settle_ms;
    unsigned settle_tree_ms;
};

/* Why an entry was interrupted; remembered until it is released. */
enum seal_accident {
    SEAL_WELL,
    SEAL_KILLED,  /* a process that wrote it was killed, or ended and we may not know how */
    SEAL_CRASHED, /* we or the machine died while it was being written */
};

enum seal_hold {
    SEAL_NOT_HELD,
    SEAL_HELD_DOT,
    SEAL_HELD_TILDE,
    SEAL_HELD_CRDOWNLOAD,
    SEAL_HELD_PART,
    SEAL_HELD_KILLED,
    SEAL_HELD_CRASHED,
    SEAL_HELD_DAMAGED, /* the disk did not keep bytes of it */
    SEAL_HOLDS,        /* how many there are */
};

struct seal_facts {
    const char *name; /* of the entry; bytes */
    size_t name_len;
    bool directory;
    bool empty;       /* a directory with nothing in it */
    bool open;        /* a writable handle is open somewhere in it */
    bool complete;    /* renamed in whole, and unchanged since */
    bool makers_done; /* its maker has exited, and it and its descendants made every change
                         and have exited, too */
    bool damaged;
    enum seal_accident accident;
    int64_t quiet_ms; /* since the last change, by a clock that never steps */
    int64_t age_ms;   /* since the last change, by the wall clock, also over restarts */
};

enum seal_stage {
    SEAL_OPEN,     /* a handle is open: its release brings the entry back here */
    SEAL_SETTLING, /* look again in again_ms */
    SEAL_WHOLE,    /* seal it now */
    SEAL_HELD,     /* hold; look again in again_ms, or at the next change */
};

struct seal_decision {
    enum seal_stage stage;
    enum seal_hold hold;
    int64_t again_ms; /* > 0; INT64_MAX: only after a change */
};

struct seal_decision seal_rule(const struct seal_facts *facts, const struct seal_times *times);

/* The reason with its cure, as `held:` shows it. "" for SEAL_NOT_HELD. */
const char *seal_rule_text(enum seal_hold hold);

/* Which of our reasons is this text? SEAL_NOT_HELD for "" and for somebody else's. */
enum seal_hold seal_rule_hold(const char *text);

/* The accident that a reason remembers. */
enum seal_accident seal_rule_accident(enum seal_hold hold);

/* What the store says of an entry that was not yet sealed when the daemon or the machine died. */
struct seal_evidence {
    bool directory;
    bool whole;   /* the tree's writers were known to have exited after its last change */
    bool dirty;   /* a file had bytes written since its last FLUSH */
    bool foreign; /* a file's last FLUSH did not come from the process that opened it */
    bool bare;    /* a file without a byte: perhaps its writer had only opened it */
};
enum seal_accident seal_rule_after_crash(const struct seal_evidence *evidence);

#endif
