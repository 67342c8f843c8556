/* The file `code`: reading it hands out the code, writing it joins.
 *
 * A read that finds no code yet may wait up to FACE_CODE_WAIT_MS for the server's answer, if a
 * server is known to be reachable or it is the first read of this wormhole. It does not occupy a
 * worker: the request is parked, and a thread answers it when the engine says that the code
 * changed, at the deadline, or when the caller is interrupted. */
#ifndef FS_FACE_CODE_FILE_H
#define FS_FACE_CODE_FILE_H

#include "fs/face/face.h"

struct code_file;

int code_file_open(struct code_file **out, struct face *face); /* starts the thread; 0 or NOMEM */
void code_file_close(struct code_file *c); /* answers all that wait with EINTR; accepts NULL */

/* The thread `tid` reads: the bytes go to h->text, and the count is returned; or FACE_ERR_AGAIN
 * with *wormhole set (then code_file_park may be used), or another error. Looks anew, and makes the
 * next wormhole of new/ if the draft rule says so. On a read-only mount it shows a code that was
 * read before, or `used`; everything else would be a change, and is FACE_ERR_READ_ONLY. */
int code_file_read(struct face *face, struct handle *h, pid_t tid, uint64_t *wormhole);

/* Parks the request, which will be answered; or FACE_ERR_AGAIN if it may not wait. */
int code_file_park(struct code_file *c, fuse_req_t req, struct handle *h, uint64_t wormhole,
                   size_t size);

/* The engine says that this wormhole's code changed. */
void code_file_changed(struct code_file *c, uint64_t wormhole);

/* Takes bytes that were written; joins at the newline. 0; INVALID (cannot be a code), BUSY
 * (paired). */
int code_file_write(struct face *face, struct handle *h, const char *data, size_t len);
/* Joins by what was written without a newline. 0 if nothing was. */
int code_file_flush(struct face *face, struct handle *h);

/* What stat shows: its length as far as it is known without asking for one. */
int code_file_size(struct face *face, const struct place *p, uint64_t *size);

#endif
