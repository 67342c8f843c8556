-- The journal, version 1. Four kinds of table: the log, projections of it, bytes, and secrets with
-- protocol state. Numbers in `type`, `state`, `kind` … are the enums of the headers.

PRAGMA application_id = 0x776f7268;

-- The log. Append-only: the triggers say so.
CREATE TABLE log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms  INTEGER NOT NULL,
    type     TEXT    NOT NULL,
    wormhole INTEGER NOT NULL,
    ino      INTEGER NOT NULL,
    detail   TEXT    NOT NULL
);
CREATE TRIGGER log_no_update BEFORE UPDATE ON log BEGIN SELECT raise(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log BEGIN SELECT raise(ABORT, 'the log is append-only'); END;

-- Projections: written by projection*.c only, recomputable from the log. So are the rows of `link`
-- whose parent is a box.
CREATE TABLE wormhole (
    id            INTEGER PRIMARY KEY, -- the inode number of its directory
    state         INTEGER NOT NULL,
    name          BLOB UNIQUE,         -- NULL: hidden (table hidden_name) or not in the tree any more
    shown         TEXT    NOT NULL,
    hidden        INTEGER NOT NULL,
    draft         INTEGER NOT NULL,
    outbox_ino    INTEGER NOT NULL,
    inbox_ino     INTEGER NOT NULL,
    code_ino      INTEGER NOT NULL,
    state_ino     INTEGER NOT NULL,
    code          INTEGER NOT NULL DEFAULT 0,
    nameplate     TEXT    NOT NULL DEFAULT '',
    code_read_ms  INTEGER NOT NULL DEFAULT 0,
    burnt         INTEGER NOT NULL DEFAULT 0,
    peer          INTEGER NOT NULL DEFAULT 0,
    peer_version  TEXT    NOT NULL DEFAULT '',
    problem       TEXT    NOT NULL DEFAULT '',
    sent_count    INTEGER NOT NULL DEFAULT 0,
    sent_last     TEXT    NOT NULL DEFAULT '',
    sent_how      TEXT    NOT NULL DEFAULT '',
    sent_ms       INTEGER NOT NULL DEFAULT 0,
    received_count INTEGER NOT NULL DEFAULT 0,
    last_event    INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    paired_ms     INTEGER NOT NULL DEFAULT 0,
    closed_ms     INTEGER NOT NULL DEFAULT 0,
    was_used      INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE entry (
    ino           INTEGER PRIMARY KEY,
    wormhole      INTEGER NOT NULL,
    name          BLOB    NOT NULL,
    kind          INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    held          TEXT    NOT NULL DEFAULT '',
    error         TEXT    NOT NULL DEFAULT '',
    rev           BLOB,
    rev_size      INTEGER NOT NULL DEFAULT 0,
    rev_files     INTEGER NOT NULL DEFAULT 0,
    offered       INTEGER NOT NULL DEFAULT 0,
    maybe         INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL,
    sealed_ms     INTEGER NOT NULL DEFAULT 0,
    sent_ms       INTEGER NOT NULL DEFAULT 0,
    created_event INTEGER NOT NULL
);
CREATE INDEX entry_by_wormhole ON entry (wormhole, created_event);
CREATE UNIQUE INDEX entry_by_rev ON entry (rev) WHERE rev IS NOT NULL;

CREATE TABLE inbox_entry (
    ino           INTEGER PRIMARY KEY,
    wormhole      INTEGER NOT NULL,
    name          BLOB    NOT NULL,
    kind          INTEGER NOT NULL,
    local         INTEGER NOT NULL,
    rev           BLOB,
    size          INTEGER NOT NULL DEFAULT 0,
    files         INTEGER NOT NULL DEFAULT 0,
    received_ms   INTEGER NOT NULL,
    created_event INTEGER NOT NULL
);
CREATE INDEX inbox_entry_by_wormhole ON inbox_entry (wormhole, created_event);

CREATE TABLE sent (
    event    INTEGER PRIMARY KEY,
    wormhole INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    at_peer  TEXT    NOT NULL,
    how      TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL
);
CREATE INDEX sent_by_wormhole ON sent (wormhole, event);

-- Bytes: checkpoints, not in the log.
CREATE TABLE node (
    ino          INTEGER PRIMARY KEY, -- from meta.ino_high, never used again
    type         INTEGER NOT NULL,
    mode         INTEGER NOT NULL,
    nlink        INTEGER NOT NULL,
    entry        INTEGER NOT NULL, -- 0 for structural ones
    parent       INTEGER NOT NULL DEFAULT 0,
    wormhole     INTEGER NOT NULL DEFAULT 0,
    size         INTEGER NOT NULL DEFAULT 0,
    durable_size INTEGER NOT NULL DEFAULT 0,
    atime_ns     INTEGER NOT NULL,
    mtime_ns     INTEGER NOT NULL,
    ctime_ns     INTEGER NOT NULL,
    spool        INTEGER NOT NULL DEFAULT 0,
    flags        INTEGER NOT NULL DEFAULT 0 -- node_row.h
);
-- What waits to be deleted or may be left over from a crash: unlinked or staged.
CREATE INDEX node_loose ON node (ino) WHERE nlink = 0 OR (flags & 1) != 0;
CREATE INDEX node_in_spool ON node (spool) WHERE spool != 0;

CREATE TABLE link (
    parent INTEGER NOT NULL,
    name   BLOB    NOT NULL,
    ino    INTEGER NOT NULL,
    cookie INTEGER NOT NULL, -- unique in its parent; at top level the id of the event that made it
    PRIMARY KEY (parent, name)
) WITHOUT ROWID;
CREATE UNIQUE INDEX link_by_cookie ON link (parent, cookie);

CREATE TABLE content ( -- inline, and the targets of symlinks
    ino  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE xattr (
    ino   INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value BLOB    NOT NULL,
    PRIMARY KEY (ino, name)
) WITHOUT ROWID;

-- Secrets and protocol state: erasable, never in the log.
CREATE TABLE secret (
    wormhole INTEGER PRIMARY KEY,
    snapshot BLOB NOT NULL
);
CREATE TABLE hidden_name (
    wormhole INTEGER PRIMARY KEY,
    name     BLOB NOT NULL UNIQUE
);
CREATE TABLE code (
    wormhole INTEGER PRIMARY KEY,
    text     TEXT NOT NULL
);
CREATE TABLE ciphertext (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    wormhole INTEGER NOT NULL,
    mailbox  INTEGER NOT NULL,
    phase    TEXT    NOT NULL,
    body     BLOB    NOT NULL,
    UNIQUE (wormhole, mailbox, phase)
);
CREATE TABLE outbound (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    wormhole INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    rev      BLOB,
    detail   BLOB    NOT NULL
);
CREATE INDEX outbound_by_wormhole ON outbound (wormhole, seq);
CREATE TABLE message (
    wormhole    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    incarnation BLOB    NOT NULL,
    body        BLOB    NOT NULL,
    PRIMARY KEY (wormhole, number, incarnation)
) WITHOUT ROWID;
CREATE TABLE revision (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    rev         BLOB    NOT NULL UNIQUE,
    wormhole    INTEGER NOT NULL,
    ino         INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    acked_bytes INTEGER NOT NULL,
    manifest    INTEGER NOT NULL,
    number      INTEGER NOT NULL
);
CREATE INDEX revision_by_wormhole ON revision (wormhole, seq);
CREATE TABLE arrival (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    wormhole   INTEGER NOT NULL,
    rev        BLOB    NOT NULL,
    name       BLOB    NOT NULL,
    state      INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    durable    INTEGER NOT NULL,
    top_ino    INTEGER NOT NULL,
    manifest   INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    UNIQUE (wormhole, rev)
);
CREATE TABLE decided (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    wormhole INTEGER NOT NULL,
    rev      BLOB    NOT NULL,
    verdict  INTEGER NOT NULL,
    name     BLOB    NOT NULL,
    time_ms  INTEGER NOT NULL,
    UNIQUE (wormhole, rev)
);
CREATE INDEX decided_by_wormhole ON decided (wormhole, seq);

-- The store itself: the boot id, and below what inode number all may have been given out.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('ino_high', 1024);
