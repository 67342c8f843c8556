#include "tests/sim/outputs.h"

#include <string.h>
#include "proto/net/stream.h"
#include "proto/net/tcp.h"
#include "tests/sim/memo.h"
#include "tests/sim/world.h"

ssize_t __real_stream_send(struct stream *s, const void *buf, size_t len);
ssize_t __wrap_stream_send(struct stream *s, const void *buf, size_t len);
ssize_t __real_tcp_send(int fd, const void *data, size_t len);
ssize_t __wrap_tcp_send(int fd, const void *data, size_t len);

static bool on;
static uint64_t digest;

void outputs_begin(bool wanted)
{
    on = wanted;
    digest = 1;
}

void outputs_add(const void *data, size_t len)
{
    if (on)
        digest = memo_hash(digest, data, len);
}

uint64_t outputs_digest(void)
{
    return digest;
}

ssize_t __wrap_stream_send(struct stream *s, const void *buf, size_t len)
{
    ssize_t n = __real_stream_send(s, buf, len);
    if (n > 0)
        outputs_add(buf, (size_t)n);
    return n;
}

ssize_t __wrap_tcp_send(int fd, const void *data, size_t len)
{
    ssize_t n = __real_tcp_send(fd, data, len);
    if (n > 0)
        outputs_add(data, (size_t)n);
    return n;
}

/* ---- disks ---- */

static struct io watched[WORLD_PEERS_MAX];
static int (*asked[WORLD_PEERS_MAX])(void *arg, struct io_call *call);

static void add_call(const struct io_call *call)
{
    uint64_t head[] = {(uint64_t)call->op, call->len, call->offset};
    outputs_add(head, sizeof head);
    if (call->path[0] != '/') /* the store's own directory: disks are numbered on and on */
        outputs_add(call->path, strlen(call->path));
    if (call->op == IO_WRITE)
        outputs_add(call->data, call->len);
}

/* A hook has no argument of its own: one for each peer. */
#define WATCH(peer)                                                                                \
    static int watch_##peer(void *arg, struct io_call *call)                                       \
    {                                                                                              \
        if (on)                                                                                    \
            add_call(call);                                                                        \
        return asked[peer](arg, call);                                                             \
    }
WATCH(0)
WATCH(1)
WATCH(2)
WATCH(3)
WATCH(4)
#undef WATCH

const struct io *outputs_watch(int peer, const struct io *io)
{
    static int (*const hooks[WORLD_PEERS_MAX])(void *arg, struct io_call *call) = {
        watch_0, watch_1, watch_2, watch_3, watch_4};
    asked[peer] = io->before;
    watched[peer] = *io;
    watched[peer].before = hooks[peer];
    return &watched[peer];
}
