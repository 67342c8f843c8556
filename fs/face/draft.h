/* new/: which wormhole does it mean? The decision is a pure function of facts, which draft_facts
 * gathers and draft_place carries out inside the caller's turn.
 *
 * Something put into new/outbox goes into the draft if
 *  (a) its code was never read and nobody has joined it; or
 *  (b) nothing was ever put into it and its code was read, or given to it, less than ten minutes
 *      ago (read out on the phone, then the cp); or
 *  (c) the same process had a file of the draft open, or changed something in it, less than ten
 *      seconds ago (one cp of many files).
 * Else the next wormhole is made. A draft that is closed or failed never takes anything more: what
 * was put into it would wait there for a code while new/code hands out the code of its successor.
 * When in doubt: a second wormhole, never a second recipient. */
#ifndef FS_FACE_DRAFT_H
#define FS_FACE_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DRAFT_CODE_MS = 10 * 60 * 1000, /* (b): how long a code that was read belongs to the next cp */
    DRAFT_PROCESS_MS = 10 * 1000,   /* (c) */
};

enum draft_life {
    DRAFT_NONE,   /* new/ has no wormhole now */
    DRAFT_FRESH,  /* nobody has joined it */
    DRAFT_JOINED, /* joining or paired */
    DRAFT_ENDED,  /* closed or failed */
};

struct draft_facts {
    enum draft_life life;
    bool used;             /* something was put into its outbox at some time */
    int64_t code_known_ms; /* when its code was last read or given to it; 0: never */
    int64_t process_ms;    /* when this process last had to do with it; 0: never */
    int64_t now_ms;
};

enum draft_choice {
    DRAFT_CHOOSE_IT,   /* the draft */
    DRAFT_CHOOSE_NEXT, /* make the next wormhole */
};

/* For a creation in, or a rename into, new/outbox. A time that lies in the future (the clock was
 * set back) counts as now. */
enum draft_choice draft_for_entry(const struct draft_facts *facts);
/* For a read of new/code. */
enum draft_choice draft_for_code(const struct draft_facts *facts);

#endif
