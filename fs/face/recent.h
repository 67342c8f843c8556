/* Which process had to do with which wormhole's outbox lately: case (c) of the draft rule. Volatile
 * and bounded: a process that was forgotten gets a wormhole of its own, never someone else's.
 *
 * Any thread. Times are in ms of one clock, given by the caller. */
#ifndef FS_FACE_RECENT_H
#define FS_FACE_RECENT_H

#include <stdbool.h>
#include <stdint.h>
#include "fs/seal/writer.h"

struct recent;

int recent_open(struct recent **out); /* 0 or NOMEM */
void recent_close(struct recent *r);  /* accepts NULL */

/* The process opened, closed, or changed something in, the outbox of the wormhole. */
void recent_opened(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms);
void recent_closed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                   int64_t now_ms);
void recent_changed(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                    int64_t now_ms);

/* The code of the wormhole was read by the first of `line`, which descends from the others
 * (writer_line): all of them know it, until they change something there again. */
void recent_told(struct recent *r, const struct writer_id *line, size_t count, uint64_t wormhole);

struct recent_facts {
    int64_t last_ms; /* when it last did: `now_ms` while it has a file open there, 0 if never */
    bool told;       /* it knows the code since its last change */
};

/* What is remembered of the two. Nothing of an unknown process (pid 0). */
struct recent_facts recent_get(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                               int64_t now_ms);

#endif
