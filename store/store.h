/* A store: one directory (0700) with the journal (journal.sqlite, a SQLite database in WAL mode), a
 * folder `spool/` of bulk files, a lock file and the reserve. One process at a time has it open.
 *
 * Threads: everything in store/ may be called from any thread unless its header says otherwise.
 * Locks are taken in this order, and never the other way round: a file's content lock (content.h),
 * the writer lock (turn.h), then internal leaf locks. So no content_* function is called while
 * the thread has a turn open, unless it takes the turn as an argument. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "store/error.h"
#include "store/io.h"
#include "store/limits.h"

struct store;
struct turn;

/* Opens the store in `dir`, which is made if it is missing (its parent must exist), and brings it
 * to a state that is safe to use:
 *   - takes the lock: LOCKED names the pid of the other process in `why`;
 *   - refuses a directory or journal that is not ours (FOREIGN), a spool with files whose journal
 * is gone (CORRUPT), a schema that is newer (NEWER), one that it may not read or write (ACCESS);
 * nothing is changed then;
 *   - makes or upgrades the schema (migrate.h);
 *   - after a new boot of the machine, cuts every spool file to its durable size and marks those
 *     that lost bytes (node.lost);
 *   - sweeps what nothing refers to: spool files, nodes that were unlinked while open, staged trees
 *     that no arrival or revision names;
 *   - makes the reserve.
 * `io` must outlive the store. On failure *out is NULL and `why` (STORE_WHY_MAX bytes) holds one
 * sentence that names the directory; on success it is "". */
int store_open(struct store **out, const char *dir, const struct io *io,
               char why[static STORE_WHY_MAX]);

/* Syncs, and releases what turn_after queued; what cannot be released (the journal is BROKEN) is
 * called with committed=false. For whoever goes away before the store and may have queued
 * something. No turn may be open. */
void store_drain(struct store *s);

/* Syncs, checkpoints, closes, and lets the lock go. No turn or view may be open. What a turn_after
 * queued and could not be released (the journal is BROKEN) is called with committed=false.
 * Accepts NULL. */
void store_close(struct store *s);

/* Makes everything committed so far durable (one shared sync of the WAL; nothing to do if there was
 * no commit since the last one), and then releases what waited for it. 0, BROKEN, IO. */
int store_sync(struct store *s);

/* Is something committed that is not synced? The daemon calls store_sync when this has been true
 * for a few seconds, so that a crash of the machine loses little and deleted files become due for
 * store_reap. */
bool store_sync_owed(struct store *s);

/* Deletes the files of the spool whose removal is durable. A file system may take half a second for
 * one of them, so the daemon calls it every few seconds from a thread that nobody waits for. True
 * if there was anything to delete. */
bool store_reap(struct store *s);

/* Has everything that is already removed give its room back now: for whoever was told that there is
 * none (NOSPACE, QUOTA). True if it is worth trying again. Not in a turn. */
bool store_make_room(struct store *s);

/* True while promises fail because a sync of the WAL failed (STORE_ERR_BROKEN). */
bool store_broken(struct store *s);

/* True while the reserve is used up: only turn_begin_relief works. */
bool store_tight(struct store *s);

/* One plain sentence for a person while nothing new can be promised: the journal was deleted, the
 * disk fails, or it is full. NULL if all is well. Static storage. */
const char *store_trouble(struct store *s);

/* Bytes of the file system under the store, for statfs. `free_bytes` is what an ordinary user may
 * still write, the reserve not counted. */
struct store_space {
    uint64_t total_bytes;
    uint64_t free_bytes;
    uint64_t files;
    uint64_t files_free;
};
int store_space(struct store *s, struct store_space *out);

/* Called in a turn just before the first change to an entry that is sealed or sent (entries.h), by
 * whichever mutator of store/ is about to change its bytes, names, modes, times or xattrs. It
 * must append the event that takes the entry back (entry_withdrawn, entry_reopened), and may
 * queue what the peer must be told; or refuse, and its negative error becomes the mutator's. For
 * changes of content the turn in which it runs is committed and synced before the first byte
 * changes. Without a hook store/ appends those events itself. It must not call
 * content_* (a content lock may be held). Set once, at the start. */
typedef int store_unseal_fn(void *arg, struct turn *t, uint64_t entry);
void store_on_unseal(struct store *s, store_unseal_fn *fn, void *arg);

/* The clock of the io that it was opened with. */
int64_t store_now_ns(const struct store *s);

#endif
