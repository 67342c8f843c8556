/* By which name did a thread come to a file? A file has one number by all its names, so a request
 * on it does not say whether it was found as an entry of new/outbox. But below new/ the kernel
 * believes nothing, so that a lookup by the same thread comes just before. It is remembered here.
 *
 * Bounded and volatile: threads whose numbers collide forget each other. Where a name is cached
 * there is no lookup, and what is remembered may be old; so it is only ever a reason to let the
 * kernel look up again (ESTALE), which then is remembered. Any thread. */
#ifndef FS_FACE_PASSAGE_H
#define FS_FACE_PASSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The thread has found `node`, as an entry of the floating new/outbox or otherwise. */
void passage_note(pid_t tid, uint64_t node, bool through_new);
/* Was the last that is remembered of the two through new/outbox? */
bool passage_through_new(pid_t tid, uint64_t node);

#endif
