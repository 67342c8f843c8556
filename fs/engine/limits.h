/* The bounds of fs/engine: what a peer can make us keep, how much is done at once, and how long we
 * wait. What only says how something is made (a buffer, the layout of a row) stays where it is
 * used. */
#ifndef FS_ENGINE_LIMITS_H
#define FS_ENGINE_LIMITS_H

enum {
    /* inbox: what a peer may have under way, and what is left of the disk */
    ARRIVALS_MAX = 100000, /* parcels begun or announced and not decided, for each wormhole */
    ARRIVAL_PIECES_MAX =
        256, /* those of them whose pieces are coming; a sender has one at a time */
    SPACE_KEPT_BYTES = 16 << 20, /* free space that arrivals leave alone without inbox_max */

    /* notes: rows of the log that a peer causes */
    NOTES_ARRIVALS_MAX = 1000,       /* rows about arrivals that are not published: at once, … */
    NOTES_PROBLEMS_MAX = 20,         /* problem lines, each with the row that clears it, … */
    NOTES_EVERY_MS = 10 * 60 * 1000, /* … and once more of each in every such time */
    NOTES_REFUSED_MAX = 64,          /* revisions that are known to be refused for now */

    /* intake: one turn, and what one takes into memory */
    INTAKE_ITEMS_A_TURN = 500,
    INTAKE_BATCH_FILES_MAX = 256, /* small files put in one turn */
    INTAKE_DIRTY_FILES_MAX = 64,  /* large files written and not yet synced */

    /* session: a bulk connection */
    WANTS_AHEAD_MAX = 32,  /* parcels that we have wanted and that have not come whole */
    WANTS_TAKEN_MAX = 256, /* the peer's wants that wait; more ends the connection */
    CONTROLS_MAX = 1024,   /* small frames that wait to be sent */
    SESSION_IDLE_MS =
        60 * 1000, /* nothing wanted either way for this long: the connection is given up */
    SESSION_UNANSWERED_MS = 5 * 60 * 1000, /* so is one where nothing comes of what we want */
    SESSION_STEP_EVERY_MS = 1000,
    SYNC_EVERY_BYTES = 64 << 20, /* of what comes, or … */
    SYNC_EVERY_MS = 2000,

    /* outbox: when it is tried again */
    RETRY_AFTER_MIN_MS = 60 * 1000, /* PROTOCOL.md §9 */
    RETRY_AFTER_MAX_MS = 3600 * 1000,
    LIST_AGAIN_AFTER_MS = 10 * 1000,
    LIST_LOST_AFTER_MS = 60 * 1000, /* more than any listing takes */
};

#endif
