/* How a row of `node` becomes a struct node, and the changes to nodes that more than one file of
 * store/ makes. For store/ itself. */
#ifndef STORE_NODE_ROW_H
#define STORE_NODE_ROW_H

#include "store/core.h"
#include "store/nodes.h"

/* The bits of node.flags. NODE_FLAG_STAGED is part of an index: keep it 1. */
enum node_flag {
    NODE_FLAG_STAGED = 1,
    NODE_FLAG_DIRTY = 2,
    NODE_FLAG_BY_OPENER = 4,
    NODE_FLAG_BAD = 8,
    NODE_FLAG_LOST = 16,
};

#define NODE_COLUMNS                                                                               \
    "node.ino, node.type, node.mode, node.nlink, node.entry, node.parent, node.wormhole, "         \
    "node.size, node.durable_size, node.atime_ns, node.mtime_ns, node.ctime_ns, "                  \
    "node.spool, node.flags"
enum { NODE_COLUMN_COUNT = 14 };

/* Reads NODE_COLUMNS that begin at column `col`. */
void node_row(const struct sql_query *q, int col, struct node *out);

/* The next inode number. 0, or TOO_BIG if there is none left (2^48 files later). */
int node_next_ino(struct turn *t, uint64_t *ino);

/* Inserts a row as it stands in `n` (spool, flags other than staged: 0). */
int node_insert(struct turn *t, const struct node *n);

/* One name fewer (files, symlinks) or none any more (directories). With the last one the node is
 * deleted, or waits for its holds. */
int node_unlinked(struct turn *t, const struct node *n);

/* Deletes what is below `top` and then, unless it is held, `top` itself (whose names are gone: its
 * nlink becomes 0). At most *budget nodes; what is left has nlink 0 at its top and waits for
 * node_sweep. */
int node_raze(struct turn *t, uint64_t top, unsigned *budget);

/* mtime and ctime of a directory whose names changed, and its count of subdirectories. */
int node_touch_dir(struct turn *t, uint64_t dir, int nlink_change);
int node_touch(struct turn *t, uint64_t ino); /* ctime */

/* Gives everything from `top` down to another entry. */
int node_set_entry(struct turn *t, uint64_t top, uint64_t entry);
int node_set_parent(struct turn *t, uint64_t dir, uint64_t parent);

/* Does something below `top` (itself included) have names outside it? Then the tree cannot leave
 * its entry: PERM. */
int node_check_closed(struct turn *t, uint64_t top);

/* Deeper links (their parent is no box). The cookie is the next free one of the parent. */
int link_add(struct turn *t, uint64_t parent, const struct name *name, uint64_t ino);
int link_remove(struct turn *t, uint64_t parent, const struct name *name);
int link_rename(struct turn *t, uint64_t parent, const struct name *name, const struct name *to);
int link_point(struct turn *t, uint64_t parent, const struct name *name, uint64_t ino);

#endif
