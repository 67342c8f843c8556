/* A disk in memory, for one store: what store/io.h calls and, for SQLite, a VFS on the same files.
 * It knows of every page and name what is on the platter and what is only in the cache, and on cue
 * it stops at any call, fails it, tears a write, is full, loses what was not synced, or is put back
 * to what it was at an earlier time.
 *
 * Death: from the call at which it dies on, every call fails with EIO and changes nothing. So code
 * that runs on to its end after its process "was killed" cannot be told from code that stopped
 * there, as long as nobody listens to it. disk_revive makes the files usable for the next start.
 *
 * Deterministic in its seed. One thread. Out of memory ends the test. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include "store/io.h"

struct disk;
struct disk_image;

/* now_ns: the clock that the store is to see. */
struct disk *disk_new(uint64_t seed, int64_t (*now_ns)(void *arg), void *arg);
void disk_free(struct disk *d);
const struct io *disk_io(struct disk *d);
const char *disk_path(const struct disk *d); /* for store_open */

/* Dies at the n-th call from now (1: the next); 0: not any more. */
void disk_die_in(struct disk *d, uint64_t calls);
void disk_die(struct disk *d);
bool disk_dead(const struct disk *d);
enum disk_loss {
    DISK_KEEPS, /* only the process died: all that was written is there */
    DISK_LOSES, /* the power failed: of what was not synced, any part */
};
void disk_revive(struct disk *d, enum disk_loss loss);

/* The n-th call from now fails with `err` (ENOSPC only where that can be), for `times` calls. What
 * a sync that fails was to write is on the platter only after it was written and synced again: the
 * next sync alone says 0 and does nothing about it, as with Linux. */
void disk_fail_in(struct disk *d, uint64_t calls, int err, unsigned times);
/* No more than so many bytes more, until called with UINT64_MAX. */
void disk_set_room(struct disk *d, uint64_t bytes);

/* All files as they are now; sharing pages, cheap. */
struct disk_image *disk_copy(const struct disk *d);
void disk_restore(struct disk *d, const struct disk_image *image); /* no file may be open */
void disk_image_free(struct disk_image *image);                    /* accepts NULL */

/* While spared, nothing fails and nothing counts: for those who only look. A dead disk stays dead.
 */
void disk_spare(struct disk *d, bool spare);
uint64_t disk_calls(const struct disk *d); /* so far */
/* How often so far it failed, or somebody found it full or nearly so. */
uint64_t disk_troubles(const struct disk *d);
/* Is something of this file written and not synced? (That it was emptied does not count.) */
bool disk_owes(const struct disk *d, const char *path);
/* What it stands on, for a report: "write journal.sqlite-wal 4096+24". */
const char *disk_last_call(const struct disk *d);

#endif
