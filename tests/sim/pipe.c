#include "tests/sim/pipe.h"

#include <stdlib.h>
#include <string.h>
#include "tests/sim/must.h"

enum { PIPE_BYTES_MAX = 512 << 10 };

struct stream {
    struct stream *other; /* NULL once it was closed */
    unsigned char *queue; /* what was sent to this end; grows */
    size_t len, room;
    bool woken, broken;
};

static uint64_t changes;

uint64_t pipe_changes(void)
{
    return changes;
}

void pipe_open(struct stream **a, struct stream **b)
{
    *a = must(calloc(1, sizeof **a));
    *b = must(calloc(1, sizeof **b));
    (*a)->other = *b;
    (*b)->other = *a;
}

void pipe_close(struct stream *s)
{
    changes++;
    if (s->other != NULL)
        s->other->other = NULL;
    free(s->queue);
    free(s);
}

bool pipe_ended(const struct stream *s)
{
    return s->broken || (s->other == NULL && s->len == 0);
}

int pipe_ready(struct stream *s, int want)
{
    int ready = 0;
    if (s->woken)
        ready |= STREAM_WOKEN;
    s->woken = false;
    if (pipe_ended(s))
        return ready | STREAM_BROKEN;
    if (s->len > 0)
        ready |= want & STREAM_READABLE;
    if (s->other != NULL && s->other->len < PIPE_BYTES_MAX)
        ready |= want & STREAM_WRITABLE;
    return ready;
}

int stream_wait(struct stream *s, int want, int timeout_ms)
{
    (void)timeout_ms;
    return pipe_ready(s, want);
}

ssize_t pipe_peek(const struct stream *s, void *buf, size_t len)
{
    if (pipe_ended(s))
        return -1;
    size_t n = len < s->len ? len : s->len;
    if (n > 0)
        memcpy(buf, s->queue, n);
    return (ssize_t)n;
}

bool pipe_skip(struct stream *s, size_t len)
{
    if (len > s->len)
        return false;
    if (len > 0)
        memmove(s->queue, s->queue + len, s->len - len);
    s->len -= len;
    changes++;
    return true;
}

ssize_t stream_recv(struct stream *s, void *buf, size_t len)
{
    ssize_t n = pipe_peek(s, buf, len);
    if (n > 0)
        pipe_skip(s, (size_t)n);
    return n;
}

static void queue_add(struct stream *s, const void *data, size_t len)
{
    while (s->len + len > s->room) {
        s->room = s->room > 0 ? 2 * s->room : 512;
        s->queue = must(realloc(s->queue, s->room));
    }
    if (len > 0)
        memcpy(s->queue + s->len, data, len);
    s->len += len;
}

ssize_t pipe_send(struct stream *s, const void *data, size_t len)
{
    if (s->broken || s->other == NULL)
        return -1;
    size_t room = PIPE_BYTES_MAX - s->other->len;
    size_t n = len < room ? len : room;
    queue_add(s->other, data, n);
    changes++;
    return (ssize_t)n;
}

ssize_t stream_send(struct stream *s, const void *buf, size_t len)
{
    return pipe_send(s, buf, len);
}

void stream_wake(struct stream *s)
{
    s->woken = true;
    changes++;
}

void stream_break(struct stream *s)
{
    s->broken = true;
    changes++;
}

const char *stream_kind(const struct stream *s)
{
    (void)s;
    return "memory";
}
