/* Requests that make content and fail: what they leave in an outbox may be less than the program
 * meant, and not every program looks. The sealing rule holds such an entry (seal_failed). */
#ifndef FS_FACE_FAILURE_H
#define FS_FACE_FAILURE_H

#include "fs/face/ops.h"
#include "fs/seal/seal.h"

/* What came of a request, for the seal; SEAL_WELL: nothing that is to be remembered. */
enum seal_accident failure_accident(int rc);

/* After a request of `pid` by this handle: `rc` is what came of it. Nothing happens if that is no
 * failure, one of the program's own making (a bad argument, say), or not in an outbox. Before the
 * reply, without a turn or view open. */
void failure_of_handle(struct face *face, struct handle *h, pid_t pid, int rc);

/* The same of an inode number: the file, or the directory that lacks a name now. h may be NULL. */
void failure_at(struct face *face, uint64_t number, struct handle *h, pid_t pid, int rc);

#endif
