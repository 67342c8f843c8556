/* The SQLite VFS through which the journal's files go: SQLite's own "unix-excl" with every open,
 * read, write, sync, truncate and delete asked of io->before first. It also notices what SQLite
 * keeps to itself: a sync that failed inside an automatic checkpoint, and a full disk while the
 * turn at hand may use the reserve (reserve.h). A frame of the WAL is one write, not two. */
#ifndef STORE_VFS_H
#define STORE_VFS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sqlite3.h>
#include "store/io.h"

enum { VFS_NAME_MAX = 48, VFS_DIR_MAX = 4096 };

struct vfs {
    sqlite3_vfs base;
    sqlite3_vfs *real;
    const struct io *io;
    char name[VFS_NAME_MAX];
    char dir[VFS_DIR_MAX]; /* prefix that is cut off to make io_call.path */
    /* How many syncs of the WAL have failed, and how many had when it was last written anew. */
    atomic_uint wal_failed, wal_mended;
    /* Of the database: pages were written since its last sync, by this checkpoint or by an earlier
     * one. Only who has the writer lock makes checkpoints. */
    bool written, left_unsynced;
    atomic_bool lossy;     /* a sync failed that may have lost the latter; until the next start */
    atomic_int last_errno; /* of the last refused or failed write, to tell EDQUOT apart */
    /* Called when a write says ENOSPC/EDQUOT; true: room was made, write again. */
    bool (*make_room)(void *arg);
    void *make_room_arg;
};

/* Registers under a name of its own. `dir` is the absolute path of the store directory. The struct
 * must stay until vfs_release, which must come after the last connection is closed. 0, NOMEM or
 * TOO_BIG. */
int vfs_init(struct vfs *v, const struct io *io, const char *dir);
void vfs_release(struct vfs *v);

/* After a sync that failed the kernel takes what it could not write for clean: the next sync says 0
 * for bytes that are on no disk. So a WAL is in doubt once a sync of it failed, and at the start,
 * for nobody knows what the last process saw. The next sync through SQLite's own file of it, which
 * is under the writer lock, writes all of it anew where it stands; if that succeeds, the doubt is
 * over. vfs_doubt_wal: a sync failed that was not made through this VFS. Any thread. */
bool vfs_doubts_wal(struct vfs *v);
void vfs_doubt_wal(struct vfs *v);

/* Syncs the WAL of that connection as above. 0, IO or NOSPACE. With the writer lock. */
int vfs_sync_wal(sqlite3 *db);

#endif
