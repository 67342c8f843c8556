/* new/: which wormhole does it mean? The decision is a pure function of facts, which newdir.h
 * gathers and carries out inside the caller's turn.
 *
 * Something put into new/outbox goes into the draft in these cases, else into the next wormhole:
 *
 *   (a) its code was never read and nobody has joined it. If that is a new code, in place of one
 *       that was read (a wrong guess, a refusal, a server that forgot), what was put in under the
 *       old one is meant for somebody, and this holds only if nothing was;
 *   (b) nothing was ever put into it, and its code was read, or given to it, less than ten minutes
 *       ago (read out on the phone, then the cp);
 *   (c) this process had a file of it open, or changed something in it, less than ten seconds ago,
 *       and neither it nor a process descended from it has read the code since its last change.
 *
 *   what happens                                           | goes to
 *   -------------------------------------------------------+--------------------------------
 *   cp a; cp b                                             | one (a)
 *   cat code; cp a                                         | one (b)
 *   cat code; cp a; cp b                                   | a: the one (b); b: the next
 *   cp a; cat code; cp b                                   | a: the one; b: the next
 *   cp a b c, and another shell reads code meanwhile       | one (c)
 *   in one script: >a; cat code; >b; cat code              | a: the one; b: the next
 *   in one program: make a; read code; change a; make b    | one (c)
 *   cp a; cat code; a wrong guess; cp b                    | a: the one; b: the next
 *
 * A draft that is closed or failed never takes anything more: what was put into it would wait there
 * for a code while new/code hands out the code of its successor. When in doubt: a second wormhole,
 * never a second recipient.
 *
 * The same decision says what a process *sees* in new/outbox: the draft's outbox if what it put
 * there would go into the draft, else nothing. So it never finds, and never overwrites, what
 * another recipient's code was told for. */
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
    bool told;             /* a code of it was read, or somebody joined it, at some time */
    int64_t code_known_ms; /* when its code was last read or given to it; 0: never */
    int64_t process_ms;    /* when this process last had to do with it; 0: never */
    bool process_told;     /* it knows the code since its last change */
    int64_t now_ms;
};

enum draft_choice {
    DRAFT_CHOOSE_IT,   /* the draft */
    DRAFT_CHOOSE_NEXT, /* make the next wormhole */
};

/* For a creation in, a rename into, or a look at, new/outbox. A time that lies in the future (the
 * clock was set back) counts as now. */
enum draft_choice draft_for_entry(const struct draft_facts *facts);
/* For a read of new/code. */
enum draft_choice draft_for_code(const struct draft_facts *facts);
/* For another's code that is written into new/code. */
enum draft_choice draft_for_join(const struct draft_facts *facts);

#endif
