#include "tests/sim/pipe.h"

#include <stdlib.h>
#include <string.h>

enum { PIPE_BYTES_MAX = 512 << 10 };

struct stream {
    struct stream *other; /* NULL once it was closed */
    unsigned char *queue; /* what was sent to this end */
    size_t len;
    bool woken, broken;
};

static struct stream *end_new(void)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL || (s->queue = malloc(PIPE_BYTES_MAX)) == NULL)
        abort();
    return s;
}

void pipe_open(struct stream **a, struct stream **b)
{
    *a = end_new();
    *b = end_new();
    (*a)->other = *b;
    (*b)->other = *a;
}

void pipe_close(struct stream *s)
{
    if (s->other != NULL)
        s->other->other = NULL;
    free(s->queue);
    free(s);
}

int pipe_ready(struct stream *s, int want)
{
    int ready = 0;
    if (s->woken)
        ready |= STREAM_WOKEN;
    s->woken = false;
    if (s->broken || (s->other == NULL && s->len == 0))
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

ssize_t stream_recv(struct stream *s, void *buf, size_t len)
{
    if (s->broken || (s->other == NULL && s->len == 0))
        return -1;
    size_t n = len < s->len ? len : s->len;
    memcpy(buf, s->queue, n);
    memmove(s->queue, s->queue + n, s->len - n);
    s->len -= n;
    return (ssize_t)n;
}

ssize_t stream_send(struct stream *s, const void *buf, size_t len)
{
    if (s->broken || s->other == NULL)
        return -1;
    size_t room = PIPE_BYTES_MAX - s->other->len;
    size_t n = len < room ? len : room;
    memcpy(s->other->queue + s->other->len, buf, n);
    s->other->len += n;
    return (ssize_t)n;
}

void stream_wake(struct stream *s)
{
    s->woken = true;
}

void stream_break(struct stream *s)
{
    s->broken = true;
}

const char *stream_kind(const struct stream *s)
{
    (void)s;
    return "memory";
}
