/* A connected, authenticated TCP stream, used by the one transit thread that runs its session. */
#ifndef PROTO_NET_STREAM_H
#define PROTO_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

enum stream_ready {
    STREAM_READABLE = 1,
    STREAM_WRITABLE = 2,
    STREAM_WOKEN = 4,  /* stream_wake was called since the last wait */
    STREAM_BROKEN = 8, /* closed, failed or stopped: end the session */
};

/* Waits until something of `want` (READABLE|WRITABLE) is so, or woken, or broken, or timeout_ms (<
 * 0: for ever) has passed (0 is returned then). */
int stream_wait(struct stream *s, int want, int timeout_ms);
/* Never blocks. Number of bytes, 0 if none can be had now, -1 broken or ended. */
ssize_t stream_recv(struct stream *s, void *buf, size_t len);
ssize_t stream_send(struct stream *s, const void *buf, size_t len);
/* Makes a wait in progress, or the next one, return STREAM_WOKEN. Any thread; the stream must be
 * alive. */
void stream_wake(struct stream *s);
/* Ends it from any thread: waits return STREAM_BROKEN. */
void stream_break(struct stream *s);
/* "direct" or "relay", for events. */
const char *stream_kind(const struct stream *s);

#endif
