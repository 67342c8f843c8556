#include "fs/engine/wire.h"

#include <stdint.h>

static bool wait_for(struct stream *s, enum stream_ready want)
{
    for (;;) {
        int ready = stream_wait(s, (int)want, WIRE_SILENCE_MS);
        if (ready <= 0 || (ready & STREAM_BROKEN) != 0)
            return (ready & (int)want) != 0 && ready > 0 && want == STREAM_READABLE;
        if ((ready & (int)want) != 0)
            return true; /* else only woken: nothing of ours to do */
    }
}

bool wire_send(struct stream *s, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = stream_send(s, at, len);
        if (n < 0 || (n == 0 && !wait_for(s, STREAM_WRITABLE)))
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

ssize_t wire_recv(struct stream *s, void *buf, size_t cap)
{
    for (;;) {
        ssize_t n = stream_recv(s, buf, cap);
        if (n != 0)
            return n;
        if (!wait_for(s, STREAM_READABLE))
            return -1;
    }
}
