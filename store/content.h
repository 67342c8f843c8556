/* The bytes of files. Up to INLINE_BYTES_MAX they live in the journal; a file that grows beyond is
 * promoted to a spool file (written, synced and its directory synced before the commit that drops
 * the inline copy) and stays one.
 *
 * Each change returns after its checkpoint is committed: it survives the death of the process; what
 * content_flush has covered survives the death of the machine. A write to a spool file happens
 * before its checkpoint and outside the writer lock, with the file's content lock held; bytes
 * beyond the recorded size are never seen and are cut off before the file grows over them.
 *
 * No function here may be called with a turn or a view open, except the two that take one. All fail
 * with NOT_FOUND (no such file), INVALID (not a regular file), IO; changes also with NOSPACE,
 * QUOTA, TOO_BIG (CONTENT_BYTES_MAX, CONTENT_CALL_BYTES_MAX), and with what the unseal hook says.
 * Changes set mtime and ctime, and node.dirty. */
#ifndef STORE_CONTENT_H
#define STORE_CONTENT_H

#include <sys/types.h>
#include "store/nodes.h"

/* Up to `len` bytes from `offset`; fewer only at the end of the file (0 at or beyond it). */
ssize_t content_read(struct store *s, uint64_t ino, void *buf, size_t len, uint64_t offset);

/* All of it or an error. Writing beyond the end leaves a hole of zeros. Long sequential writes are
 * sent towards the disk early, so that a later flush is short. */
int content_write(struct store *s, uint64_t ino, const void *data, size_t len, uint64_t offset);

int content_truncate(struct store *s, uint64_t ino, uint64_t size);

/* FLUSH and fsync: everything written before the call, and everything committed, is on disk when it
 * returns 0. Clears node.dirty if nothing was written meanwhile; `by_opener` is recorded. IO if a
 * sync of this file ever failed; BROKEN. */
int content_flush(struct store *s, uint64_t ino, bool by_opener);

/* SEEK_DATA, SEEK_HOLE from `offset`. The offset, or NO_DATA at or beyond the end (ENXIO). */
int64_t content_seek(struct store *s, uint64_t ino, uint64_t offset, int whence);

/* Makes [offset, offset+len) a hole; the size stays. */
int content_punch(struct store *s, uint64_t ino, uint64_t offset, uint64_t len);

/* Reserves space for [offset, offset+len); grows the file unless keep_size. */
int content_allocate(struct store *s, uint64_t ino, uint64_t offset, uint64_t len, bool keep_size);

/* Bytes that it really occupies, for st_blocks. `node` as node_get gave it. Never fails. */
uint64_t content_used(struct store *s, const struct node *node);

/* Inside a turn, for small content (≤ INLINE_BYTES_MAX, else TOO_BIG) of a node that is not yet
 * visible to anybody: replaces it whole, not dirty. Durable with the turn. INVALID if it has a
 * spool file. */
int content_put(struct turn *t, uint64_t ino, const void *data, size_t len);

/* From a view: the whole of an inline file. RANGE if it is larger than cap or in the spool. */
ssize_t content_peek(struct view *v, uint64_t ino, void *buf, size_t cap);

#endif
