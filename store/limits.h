/* Every bound of store/. What comes from outside and exceeds one is refused with the error that
 * the function's header names; nothing is cut silently. */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

enum {
    STORE_WHY_MAX = 512,               /* room for the sentence of store_open, with its NUL */
    STORE_READERS_MAX = 6,             /* read connections; a further view_begin waits for one */
    STORE_SYNC_DEBT_MAX = 1024,        /* lazy releases queued before a turn syncs by itself */
    NAME_BYTES_MAX = 255,              /* one name */
    NAME_SHOWN_MAX = 3 * 255,          /* the same with every byte written %XX */
    SYMLINK_BYTES_MAX = 4095,          /* a symlink's target */
    XATTR_NAME_BYTES_MAX = 255,        /* with its "user." */
    XATTR_VALUE_BYTES_MAX = 64 * 1024, /* one value */
    XATTR_NODE_BYTES_MAX = 64 * 1024,  /* names and values of one node together */
    TREE_DEPTH_MAX = 16 * 1024,        /* directories between a node and its entry, in rename */
    INLINE_BYTES_MAX = 64 * 1024,      /* content up to this lives in the journal */
    CONTENT_CALL_BYTES_MAX = 16 << 20, /* one content_read or content_write */
    SPOOL_FDS_MAX = 128,               /* spool files kept open when nobody uses them */
    SPOOL_FDS_UNSYNCED_MAX = 256,      /* the same if some have bytes that were not synced */
    SWEEP_NODES_MAX = 2000,            /* nodes that one turn deletes; the rest waits for a sweep */
    RAZE_BYTES_PER_NODE = 2048, /* this many inline bytes count as one more: 4 MiB in one turn */
    LOG_DETAIL_BYTES_MAX = 16 * 1024, /* one event's detail as JSON text */
    LOG_TEXT_BYTES_MAX = 1024,        /* one sentence in a detail (problem, reason) */
    SENT_KEPT_MAX = 1000,             /* rows of `sent` kept for each wormhole, the newest */
    DECIDED_KEPT_MAX = 100 * 1000,    /* rows of `decided` kept for each wormhole, the newest */
    REV_BYTES = 16,                   /* the id of a sealed revision */
    INCARNATION_BYTES = 16,           /* the id of one start of a message queue */
    CODE_BYTES_MAX = 128,             /* a code's text, without NUL */
    PHASE_BYTES_MAX = 64,             /* a phase's name, without NUL */
    CIPHERTEXT_BYTES_MAX = 64 * 1024, /* one stored ciphertext */
    MESSAGE_BYTES_MAX = 256 * 1024,   /* one numbered message's body */
    OUTBOUND_BYTES_MAX = 256 * 1024,  /* one queued operation's detail */
    SNAPSHOT_BYTES_MAX = 4 << 20,     /* one wormhole's machine snapshot */
    RESERVE_BYTES = 8 << 20,          /* what the reserve file keeps free */
    ZIP_MEMBERS_MAX = 1000 * 1000,    /* members of one zip; directories that paths name, too */
    ZIP_RENAMED_MAX = 250 * 1000,     /* of those, the ones that cannot keep their names */
    ZIP_DEPTH_MAX = 2048,             /* components of a member's path */
};

#define CONTENT_BYTES_MAX ((uint64_t)1 << 44) /* one file */
#define INO_FIRST ((uint64_t)1024)            /* lower numbers belong to fs/ */
#define INO_LAST (((uint64_t)1 << 48) - 1)    /* bits above are fs/'s façade bits */

#endif
