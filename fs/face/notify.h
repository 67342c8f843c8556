/* Tells the kernel what it must forget, and wakes those who poll.
 *
 * A notification can wait for locks that the kernel holds for a request that we have not answered
 * yet. So all of them are made by one thread that serves no request and holds no lock; everybody
 * else only queues, and never waits. When the queue is full (FACE_NOTICES_MAX), or there is no
 * memory, a notice is lost; then, once the others have been made, the kernel is told to forget all
 * that is known of each wormhole, and all who poll are woken. */
#ifndef FS_FACE_NOTIFY_H
#define FS_FACE_NOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include "fs/engine/engine.h"
#include "fs/face/place.h"

struct face;
struct notify;

int notify_open(struct notify **out, struct face *face); /* 0 or NOMEM */
void notify_close(struct notify *n);                     /* accepts NULL */
int notify_start(struct notify *n); /* starts the thread; what came before is dropped. 0 or NOMEM */
void notify_stop(struct notify *n); /* ends it; what comes after is dropped */

/* `name` in directory `number` meant something that is not there any more. Not for a name that
 * was only made: nobody can have it cached, and a process that stands in it would lose its path. */
void notify_name(struct notify *n, uint64_t number, const char *name, size_t len);
/* Attributes, and the listing or the pages, of `number` changed. */
void notify_inode(struct notify *n, uint64_t number);
/* `dir` was changed: the kernel, which knows one of its names, must learn it under the other. No
 * effect if `dir` was not reached through new/, as nothing is believed there. `name`: what was
 * removed, renamed away or replaced in it, as for notify_name; NULL: nothing was. */
void notify_twin(struct notify *n, const struct place *dir, const char *name);
/* What the engine says (engine_watch). */
void notify_engine(struct notify *n, enum engine_change what, uint64_t wormhole, const char *name,
                   size_t len);

#endif
