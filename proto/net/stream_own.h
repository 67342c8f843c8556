/* The inside of a stream, for the attempt that owns it. Its wake-up descriptor exists before the
 * connection: until then the attempt itself waits on it. */
#ifndef PROTO_NET_STREAM_OWN_H
#define PROTO_NET_STREAM_OWN_H

#include <stdatomic.h>
#include "proto/net/stream.h"

struct stream {
    int fd;      /* -1: not connected yet */
    int wake_fd; /* an eventfd */
    atomic_bool woken;
    atomic_bool broken;
    atomic_bool waiting;    /* in a stream_wait that may last */
    _Atomic uint64_t moved; /* bytes received and sent; may wrap */
    const char *kind;
};

/* 0, or PROTO_ERR_NOMEM if there is no descriptor: then it needs no release. */
int stream_init(struct stream *s);
/* Takes over a connected, nonblocking socket; `kind` is static. */
void stream_attach(struct stream *s, int fd, const char *kind);
void stream_release(struct stream *s);
/* Makes wake_fd readable, for the attempt; a session's wait does not end by it. Any thread. */
void stream_poke(struct stream *s);
/* What the crew judges it by (crew.h). Any thread; the stream must be alive. */
bool stream_is_waiting(const struct stream *s);
uint64_t stream_moved(const struct stream *s);
/* Makes wake_fd unreadable until the next stream_poke, stream_wake or stream_break. */
void stream_drain_wakes(struct stream *s);

#endif
