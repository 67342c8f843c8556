/* .wormholefs/events: the log as text, one JSON object a line, oldest first. It only grows, and a
 * byte never changes, so it can be read at any offset and followed with tail -f.
 *
 *   {"id":7,"time":"2026-11-21T18:05:01.123Z","type":"entry_sealed","wormhole":"alice",
 *    "wormhole_id":1024,"ino":1031, …detail}
 *
 * `wormhole` is the name that it had then ("7-…" for a code that is in use), `wormhole_id` what it
 * is called for ever; these and ino are left out where there is none. The keys of the detail are
 * those of store/log.h. An index is kept in memory: a mark each few events, so that an offset is
 * found without reading the whole log, and the names of the wormholes.
 *
 * Any thread, without a view or turn open. */
#ifndef FS_FACE_EVENTS_H
#define FS_FACE_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "store/log.h"

struct events;

int events_open(struct events **out, struct store *store); /* 0 or NOMEM */
void events_close(struct events *e);                       /* accepts NULL */

/* The size of the file now, and the time of its last event (0: none). 0, IO, NOMEM, CORRUPT. */
int events_size(struct events *e, uint64_t *size, int64_t *changed_ns);

/* Reads like pread. The count or an error. */
ssize_t events_read(struct events *e, uint64_t offset, void *buf, size_t len);

/* The line of one event with its newline, NUL-terminated, for free(); NULL: out of memory.
 * `wormhole` is its name then, as shown, or NULL. */
char *events_line(const struct log_row *row, const char *wormhole);

#endif
