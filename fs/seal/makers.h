/* The processes that make one tree: is the tree all theirs, and are they done? A tree whose maker
 * has exited, and of which it and its descendants made every change, is whole; while they are at
 * work it may not be, however quiet it is (seal_rule.h).
 *
 * Descent is looked up when a process is first seen, as its parents may be gone later. Up to
 * MAKERS_MAX that still run are remembered; with more, nobody can say that all have exited.
 *
 * How each ends is looked up, too, as far as it can be known (ending.h, doomed.h): one that was
 * killed has left less than it meant to. A process that has exited and whose parent has not heard
 * of it yet counts as one that runs, until its ending is known.
 *
 * Not thread-safe; reads /proc. */
#ifndef FS_SEAL_MAKERS_H
#define FS_SEAL_MAKERS_H

#include "fs/seal/ending.h"
#include "fs/seal/writer.h"

enum {
    MAKERS_MAX = 32,
    MAKERS_TRUST_MS = 1000, /* for this long a thread number is believed to be the same process */
};

struct makers_one {
    pid_t tid; /* as it was last seen; 0 if the number means somebody else now */
    struct writer_id id;
    int64_t seen_ms;
    struct ending ending;
    bool asked; /* the witness, how it ended: once */
};

/* A zeroed struct has seen nobody. It holds descriptors: makers_clear. */
struct makers {
    struct writer_id maker; /* of the top directory; pid 0: not known */
    int64_t maker_age_ms;   /* for how long it had existed when it made that */
    bool maker_gone;
    bool renamed;   /* since it was made */
    bool strangers; /* somebody else changed something */
    bool lost;      /* somebody was not remembered */
    bool killed;    /* somebody was, and it was not taken yet */
    unsigned count;
    struct makers_one list[MAKERS_MAX]; /* who has not exited as far as we know */
};

/* From now on it has seen nobody. */
void makers_clear(struct makers *m);

/* Thread `tid` made the top directory; whoever was seen before is forgotten. */
void makers_begin(struct makers *m, pid_t tid, int64_t now_ms);
/* Thread `tid` changed something. Cheap when it did so within the last second. */
void makers_saw(struct makers *m, pid_t tid, int64_t now_ms);

/* The tree got another name: what is made under one name and then gets another is finished. */
void makers_renamed(struct makers *m);

/* Was one of them killed since this was asked the last time? */
bool makers_take_kill(struct makers *m);
/* One that has exited, and of which only the witness (witness.h) may know how; 0: there is none.
 * Each is named once. */
pid_t makers_unreaped(struct makers *m);
/* What the witness says of it. */
void makers_told(struct makers *m, pid_t pid, enum writer_end end);
/* What has happened until now was made good: how those ended that have exited matters no more. */
void makers_forgive(struct makers *m);

/* Have all that were seen exited, and none of them by a kill that was not taken yet? Forgets those
 * that have. */
bool makers_gone(struct makers *m);
/* The same, and were all of them the maker or its descendants? */
bool makers_done(struct makers *m);
/* Who is still at work, if nobody else made a change and it was not renamed: the maker, or, when
 * that has exited, a descendant that was seen. 0: nobody, or that is not known. */
pid_t makers_at_work(struct makers *m);
/* Is the thread's process one of those that were seen and still run? */
bool makers_has(const struct makers *m, pid_t tid);

#endif
