/* When is an outbox entry whole? The decision alone, a pure function of facts (CONTRACT: "outbox/",
 * Sealed and Held). seal.c gathers the facts and carries the decision out.
 *
 * A file is whole when no writable handle is open and nothing changed for settle_ms. A tree, when
 * that holds for everything below it and nothing changed for settle_tree_ms; or, sooner, when the
 * process that made its top directory has exited, it and its descendants made every change, and it
 * is not empty. A job that is at work may only be waiting for its network: then nothing less than
 * SEAL_RULE_PATIENCE times settle_tree_ms of quiet will do. A job is a process that was started for
 * the tree, at most settle_tree_ms before it made the top directory; what runs for hours, like a
 * file manager, a server or a shell, is none, or it would keep its trees here.
 *
 * What was renamed in complete is whole at once, unless it is an empty directory. Some names and
 * some accidents hold an entry back, whole or not. */
#ifndef FS_SEAL_SEAL_RULE_H
#define FS_SEAL_SEAL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_RULE_DAY_MS ((int64_t)24 * 60 * 60 * 1000)

enum { SEAL_RULE_PATIENCE = 30 }; /* of settle_tree_ms */

struct seal_times {
    unsigned settle_ms;
    unsigned settle_tree_ms;
};

/* Why an entry was interrupted; remembered until it is released. */
enum seal_accident {
    SEAL_WELL,
    SEAL_KILLED,     /* a process that wrote it was killed, or ended and we may not know how */
    SEAL_CRASHED,    /* we or the machine died while it was being written */
    SEAL_NO_SPACE,   /* from here on: a program was told that we could not do what it wanted, */
    SEAL_OVER_QUOTA, /* so that what is there may be less than was meant */
    SEAL_TOO_LARGE,
    SEAL_NO_FILES,
    SEAL_FAILED,    /* anything else: EIO, say */
    SEAL_ACCIDENTS, /* how many there are */
};

/* Stored (entry.held_code): a number keeps its meaning for ever, new ones come at the end. */
enum seal_hold {
    SEAL_NOT_HELD = 0,
    SEAL_HELD_DOT = 1,
    SEAL_HELD_TILDE = 2,
    SEAL_HELD_CRDOWNLOAD = 3,
    SEAL_HELD_PART = 4,
    SEAL_HELD_KILLED = 5,
    SEAL_HELD_CRASHED = 6,
    SEAL_HELD_DAMAGED = 7, /* the disk did not keep bytes of it */
    SEAL_HELD_NO_SPACE = 8,
    SEAL_HELD_OVER_QUOTA = 9,
    SEAL_HELD_TOO_LARGE = 10,
    SEAL_HELD_FAILED = 11,
    SEAL_HELD_NO_FILES = 12,
    SEAL_HOLDS /* one more than the last */
};

struct seal_facts {
    const char *name; /* of the entry; bytes */
    size_t name_len;
    bool directory;
    bool empty;           /* a directory with nothing in it */
    bool open;            /* a writable handle is open somewhere in it */
    bool complete;        /* renamed in whole, and unchanged since */
    bool makers_done;     /* its maker has exited, and it and its descendants made every change
                             and have exited, too */
    bool at_work;         /* its maker or a descendant runs, they made every change, and it has
                             the name that they gave it */
    int64_t maker_age_ms; /* for how long its maker had existed when it made it; with at_work */
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

/* Is a maker that had existed for this long a job? */
bool seal_rule_is_job(int64_t maker_age_ms, const struct seal_times *times);

/* The reason with its cure, as `held:` shows it: without a semicolon, which is between entries
 * there. "" for SEAL_NOT_HELD. */
const char *seal_rule_text(enum seal_hold hold);

/* Which of our reasons is this stored number? SEAL_NOT_HELD if it is none, or somebody else's. */
enum seal_hold seal_rule_hold(unsigned code);

/* The accident that a reason remembers, and the other way round. */
enum seal_accident seal_rule_accident(enum seal_hold hold);
enum seal_hold seal_rule_held_by(enum seal_accident accident);

/* Is it a request of a program that failed, and the program lives on and knows? */
bool seal_rule_failed(enum seal_accident accident);

/* What the store says of an entry that was not yet sealed when the daemon or the machine died. */
struct seal_evidence {
    bool directory;
    bool whole;   /* after the last change the tree's writers, or the empty file's, were done */
    bool dirty;   /* a file had bytes written since its last FLUSH */
    bool foreign; /* a file's last FLUSH did not come from the process that opened it */
    bool bare;    /* a file without a byte: unless `whole`, perhaps its writer had only opened it */
};
enum seal_accident seal_rule_after_crash(const struct seal_evidence *evidence);

#endif
