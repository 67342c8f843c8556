/* Nodes: inodes, without their names in boxes (namespace.h) and without their bytes (content.h).
 *
 * An inode number is INO_FIRST..INO_LAST, is never used again, and stays for ever. Kinds:
 *   - ordinary: file, dir, symlink, below the boxes;
 *   - structural: a wormhole's directory, its two boxes and two control files, made and removed by
 *     wormholes.h. The id of a wormhole is the inode number of its directory;
 *   - staged: the root of a tree (or a single file) that no directory shows: what is arriving, a
 *     manifest, a zip being packed. `arrival` and `revision` rows keep it alive; at start the
 *     others are swept.
 * `entry` names the top-level node to which a node belongs (a top-level or staged one: itself). */
#ifndef STORE_NODES_H
#define STORE_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include "store/blob.h"
#include "store/turn.h"

enum node_type {
    NODE_FILE = 1,
    NODE_DIR = 2,
    NODE_SYMLINK = 3,
    NODE_WORMHOLE = 4, /* ~/wh/alice */
    NODE_OUTBOX = 5,
    NODE_INBOX = 6,
    NODE_CODE = 7,
    NODE_STATE = 8,
};

struct node {
    uint64_t ino;
    enum node_type type;
    uint32_t mode;         /* 07777 bits; no type */
    uint32_t nlink;        /* directories: 2 + subdirectories; 0: unlinked, kept by holds */
    uint64_t entry;        /* 0 for structural ones */
    uint64_t parent;       /* of a directory (for ".."); 0 for others and for staged ones */
    uint64_t wormhole;     /* of a structural one; 0 for others: entry_get / inbox_get know */
    uint64_t size;         /* bytes; of a symlink its target's length */
    uint64_t durable_size; /* bytes that survive a crash of the machine */
    int64_t atime_ns, mtime_ns, ctime_ns;
    uint64_t spool; /* id of the spool file, 0 while inline */
    bool dirty;     /* written or cut since the last flush */
    bool by_opener; /* the last flush (if any) came from the process that opened it */
    bool bad;       /* a sync of its spool file failed: every later flush is EIO */
    bool lost;      /* bytes were lost in a crash of the machine */
    bool staged;
};

/* 0 or NOT_FOUND. A structural or unlinked-but-held node is found like any other. */
int node_get(struct view *v, uint64_t ino, struct node *out);

/* The inode that `name` means in directory `parent` (a wormhole's own directory resolves "outbox",
 * "inbox", "code" and "state"). 0, NOT_FOUND (no such name, or parent is no directory or is gone),
 * NAME_TOO_LONG. The second form fills the node as well, in one go. */
int node_lookup(struct view *v, uint64_t parent, const char *name, size_t len, uint64_t *ino);
int node_lookup_get(struct view *v, uint64_t parent, const char *name, size_t len,
                    struct node *out);

/* Lists a directory after `cookie` (0: from the start). Cookies are stable: an entry that exists
 * throughout is returned exactly once, whatever is added, renamed or removed between the calls.
 * "." and ".." are not listed. fn returning non-zero stops and is returned. */
struct node_item {
    uint64_t cookie;
    uint64_t ino;
    enum node_type type;
    const char *name; /* NUL-terminated, valid during the callback */
    size_t name_len;
};
int node_list(struct view *v, uint64_t parent, uint64_t cookie,
              int (*fn)(void *arg, const struct node_item *item), void *arg);

/* The child whose name comes next after *name (len 0: the first one), by bytes, a prefix before
 * what it begins: so a walk needs no list. *name and *out become the child's. 0 or NOT_FOUND. Not
 * for a wormhole's own directory. */
int node_next(struct view *v, uint64_t dir, struct name *name, struct node *out);

/* Is the directory empty? 0 or NOT_EMPTY (or NOT_FOUND). */
int node_empty(struct view *v, uint64_t dir);

/* What is below a node, itself included. */
struct node_sum {
    uint64_t files;         /* regular files, each inode once */
    uint64_t nodes;         /* all inodes */
    uint64_t bytes;         /* sizes of the regular files */
    uint64_t dirty;         /* files with bytes written since their last flush */
    uint64_t foreign_flush; /* files whose last flush did not come from their opener */
    uint64_t bad;           /* files that are bad or lost bytes */
    int64_t changed_ns;     /* the newest ctime */
};
int node_sum(struct view *v, uint64_t ino, struct node_sum *out);

/* Calls fn for each node below `top`, `top` itself first (path ""), parents before children, names
 * in listing order; `path` is relative to `top`. A node with two links comes twice. Non-zero stops
 * and is returned. */
int node_walk(struct view *v, uint64_t top,
              int (*fn)(void *arg, const struct node *node, const char *path, size_t path_len),
              void *arg);

/* The target of a symlink, NUL-terminated. `out` has cap bytes. The length, or NOT_FOUND, INVALID
 * (no symlink), RANGE. */
ssize_t node_target(struct view *v, uint64_t ino, char *out, size_t cap);

/* Changes of attributes; each sets ctime, and unseals the entry first (store_on_unseal) unless the
 * node is staged or lies in an inbox. NOT_FOUND; what the hook refuses.
 * node_set_mode keeps only 07777 bits. INT64_MIN for a time leaves it. */
int node_set_mode(struct turn *t, uint64_t ino, uint32_t mode);
int node_set_times(struct turn *t, uint64_t ino, int64_t atime_ns, int64_t mtime_ns);
/* That time, or the nearest one that a node can have (1677 to 2262); never INT64_MIN. */
int64_t node_time_ns(int64_t s, uint32_t ns);

/* Extended attributes; any name of 1..XATTR_NAME_BYTES_MAX bytes without NUL (fs/ decides which
 * names are allowed). */
enum xattr_how { XATTR_SET = 0, XATTR_MUST_CREATE = 1, XATTR_MUST_REPLACE = 2 };
/* 0; EXISTS, NO_DATA (by `how`); TOO_BIG (this value, or all of the node's together). */
int xattr_set(struct turn *t, uint64_t ino, const char *name, const void *value, size_t len,
              enum xattr_how how);
int xattr_remove(struct turn *t, uint64_t ino, const char *name); /* 0 or NO_DATA */
/* The value's length; it is copied if cap is large enough; cap 0 only asks; else RANGE. NO_DATA. */
ssize_t xattr_get(struct view *v, uint64_t ino, const char *name, void *out, size_t cap);
int xattr_list(struct view *v, uint64_t ino,
               int (*fn)(void *arg, const char *name, const void *value, size_t len), void *arg);

/* What a new node is. */
struct node_new {
    enum node_type type; /* file, dir, symlink */
    uint32_t mode;
    const char *target; /* of a symlink: 1..SYMLINK_BYTES_MAX bytes, NUL-terminated */
    int64_t mtime_ns;   /* 0: the turn's time */
};

/* A staged root. It is filled by name_create below it (a dir), content_* (a file). */
int node_stage(struct turn *t, const struct node_new *what, uint64_t *ino);

/* Deletes a staged node with everything below it, and its spool files after the next sync. */
int node_discard(struct turn *t, uint64_t ino);

/* Holds: as long as somebody in this process holds a node, it outlives its last name. Counted in
 * memory; a hold needs no turn. node_unhold deletes a node that was waiting for it, in a turn of
 * its own (so: not inside a turn). FUSE holds a node from lookup to forget. */
int node_hold(struct store *s, uint64_t ino); /* 0 or NOMEM */
void node_unhold(struct store *s, uint64_t ino, uint64_t count);

/* The same of an open file. It alone keeps the bytes of a file without a name: a kernel may
 * remember a lookup for as long as it likes, and nobody can open that any more. 0, NOMEM, IO, or
 * NOT_FOUND: its last name went, and nobody else has it open. */
int node_open(struct store *s, uint64_t ino);
void node_close(struct store *s, uint64_t ino);

/* Deletes up to SWEEP_NODES_MAX nodes that are waiting to be deleted (what was too much for the
 * turn that removed a large tree, or failed on a full disk), and the bytes of files that are only
 * remembered. 1: there may be more; 0: done. */
int node_sweep(struct store *s);
/* Is there something for it that no sync will tell of? */
bool node_sweep_owed(struct store *s);

#endif
