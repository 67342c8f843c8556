/* Whole sends and receives on a stream, for sessions that do one thing at a time. Called on the
 * transit thread only. */
#ifndef FS_ENGINE_WIRE_H
#define FS_ENGINE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "fs/engine/limits.h"
#include "proto/net/stream.h"

/* All of it, or false: broken, or nothing moved for WIRE_SILENCE_MS. */
bool wire_send(struct stream *s, const void *data, size_t len);
/* At least one byte. -1: broken, ended, or silent. */
ssize_t wire_recv(struct stream *s, void *buf, size_t cap);

#endif
