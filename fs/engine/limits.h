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

    /* Answers of ours that wait to be said. A peer that takes any has never so many: a mailbox
     * holds 64 messages (PROTOCOL.md), and answers go before all else. */
    DECISIONS_MAX = 100000,

    /* notes: rows of the log that a peer causes */
    NOTES_ARRIVALS_MAX = 1000,       /* rows about arrivals that are not published: at once, … */
    NOTES_PROBLEMS_MAX = 20,         /* problem lines, each with the row that clears it, … */
    NOTES_EVERY_MS = 10 * 60 * 1000, /* … and once more of each in every such time */
    NOTES_REFUSED_MAX = 64,          /* revisions that are known to be refused for now */

    /* intake: one turn, and what one takes into memory */
    INTAKE_ITEMS_A_TURN = 500,
    INTAKE_BATCH_FILES_MAX = 256, /* small files put in one turn */
    INTAKE_BATCH_BYTES_MAX = 1 << 20,
    INTAKE_DIRTY_FILES_MAX = 64,      /* large files written and not yet synced */
    INTAKE_CHECK_ITEMS = 10000,       /* of a manifest, looked at in one batch */
    INTAKE_SMALL_ZEROS_MAX = 1 << 20, /* zeros in holes that a small parcel may ask for; senders
                                         send them as data */
    PLANT_CLASHES_MAX = 100, /* names in one directory that became the same when made safe */

    /* session: a bulk connection */
    WANTS_AHEAD_MAX = 32,  /* parcels that we have wanted and that have not come whole */
    WANTS_TAKEN_MAX = 256, /* the peer's wants that wait; more ends the connection */
    CONTROLS_MAX = 1024,   /* small frames that wait to be sent */
    SESSION_IDLE_MS =
        60 * 1000, /* nothing wanted either way for this long: the connection is given up */
    SESSION_UNANSWERED_MS = 5 * 60 * 1000, /* so is one where nothing comes of what we want */
    SESSION_STEP_EVERY_MS = 1000,
    SESSION_WORK_MS = 200, /* of planting and such, between two looks at the connection */
    SESSION_SYNC_EVERY_BYTES = 64 << 20, /* of what comes, … */
    SESSION_SYNC_EVERY_MS = 2000,        /* … or this often */

    /* outbox: what goes at once, and when it is tried again */
    INVENTORY_ITEMS_A_VIEW = 256,   /* then others may have the view */
    PARCEL_SMALL_NODES_MAX = 512,   /* in a parcel that goes in pieces: it is made in one turn */
    RETRY_AFTER_MIN_MS = 60 * 1000, /* PROTOCOL.md §9 */
    RETRY_AFTER_MAX_MS = 3600 * 1000,
    LIST_AGAIN_AFTER_MS = 10 * 1000,
    LIST_LOST_AFTER_MS = 60 * 1000, /* more than any listing takes */

    /* stock: a transfer with a stock peer */
    STOCK_OFFER_AFTER_MS = 1000,       /* after the peer was found */
    STOCK_PACK_AGAIN_AFTER_MS = 10000, /* after the disk had no room for the zip, or failed */
    STOCK_TEXT_BYTES_MAX =
        2500, /* \u0000 for each byte still fits into one message (proto/limits.h) */
    WIRE_SILENCE_MS = 120 * 1000, /* no byte moves for this long: the connection is dead */

    /* step, setback: an input, and when one that failed is tried again */
    STEP_ROUNDS_MAX = 100000, /* more than any input can cause: each round either carries out an
                                 action or fills the window */
    SETBACK_PAUSE_MS = 1000,  /* after the first; then it doubles, … */
    SETBACK_DOUBLINGS_OF_STORE = 3, /* … to 8 s, … */
    SETBACK_DOUBLINGS_MAX = 6,      /* … to 64 s */
    SETBACK_QUIET_MS = 30 * 1000,   /* without another one, beside the pause: it is over */
    TICKS_AT_ONCE_MAX = 2000,
    TICK_AFTER_ERROR_MS = 1000,     /* after a failed tick (a full disk, say): not again at once */
    SLOT_WAIT_MAX_MS = 3600 * 1000, /* nothing waits for longer, wherever the clock was set */

    /* progress: what is shown */
    PROGRESS_ACKED_MAX = 16, /* revisions of which is known how much the peer has */
    PROGRESS_TELL_EVERY_MS = 1000,
    PROGRESS_SERVER_KNOWN_MS =
        60 * 1000, /* a server that was lost less than this ago still counts */
};

#endif
