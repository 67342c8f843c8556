/* Transit streams in memory: the simulator's implementation of proto/net/stream.h. Two ends, each
 * with a bounded queue towards the other; nothing blocks, nothing has a clock. Not linked together
 * with the real one. */
#ifndef SIM_PIPE_H
#define SIM_PIPE_H

#include <stdbool.h>
#include "proto/net/stream.h"

/* A connected pair. Out of memory ends the test. */
void pipe_open(struct stream **a, struct stream **b);
void pipe_close(struct stream *s); /* the other end reads what is queued, then sees the end */
/* What stream_wait would give now; clears WOKEN. */
int pipe_ready(struct stream *s, int want);

/* Before it is anybody's session. As their namesakes in proto/net/tcp.h. */
ssize_t pipe_send(struct stream *s, const void *data, size_t len);
ssize_t pipe_peek(const struct stream *s, void *buf, size_t len);
bool pipe_skip(struct stream *s, size_t len);
/* Grows with everything that can change what an end is ready for, of all pipes. */
uint64_t pipe_changes(void);
bool pipe_ended(const struct stream *s); /* nothing is to be read, and nothing will come */

#endif
