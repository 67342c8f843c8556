#include "proto/net/stream_own.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/error.h"
#include "proto/net/clock.h"
#include "proto/net/tcp.h"

int stream_init(struct stream *s)
{
    *s = (struct stream){.fd = -1, .kind = ""};
    atomic_init(&s->woken, false);
    atomic_init(&s->broken, false);
    atomic_init(&s->waiting, false);
    atomic_init(&s->moved, 0);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return s->wake_fd >= 0 ? PROTO_OK : PROTO_ERR_NOMEM;
}

void stream_attach(struct stream *s, int fd, const char *kind)
{
    s->fd = fd;
    s->kind = kind;
}

void stream_release(struct stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    s->fd = -1;
    s->wake_fd = -1;
}

void stream_poke(struct stream *s)
{
    /* Fails only when the counter is full, and then it is readable anyway. */
    (void)!eventfd_write(s->wake_fd, 1);
}

void stream_drain_wakes(struct stream *s)
{
    eventfd_t count;

    (void)!eventfd_read(s->wake_fd, &count);
}

void stream_wake(struct stream *s)
{
    atomic_store(&s->woken, true);
    stream_poke(s);
}

void stream_break(struct stream *s)
{
    atomic_store(&s->broken, true);
    stream_poke(s);
}

bool stream_is_waiting(const struct stream *s)
{
    return atomic_load(&s->waiting);
}

uint64_t stream_moved(const struct stream *s)
{
    return atomic_load(&s->moved);
}

const char *stream_kind(const struct stream *s)
{
    return s->kind;
}

/* What has not been read yet is still worth reading after the peer has gone. */
static int readiness(short revents, int want)
{
    int ready = 0;

    if ((want & STREAM_READABLE) != 0 && (revents & POLLIN) != 0)
        ready |= STREAM_READABLE;
    if ((want & STREAM_WRITABLE) != 0 && (revents & POLLOUT) != 0)
        ready |= STREAM_WRITABLE;
    if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 && (ready & STREAM_READABLE) == 0)
        ready = STREAM_BROKEN;
    return ready;
}

static int wait_once(struct stream *s, int want, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = s->fd,
         .events = (short)(((want & STREAM_READABLE) != 0 ? POLLIN : 0) |
                           ((want & STREAM_WRITABLE) != 0 ? POLLOUT : 0))},
        {.fd = s->wake_fd, .events = POLLIN},
    };

    if (poll(fds, 2, timeout_ms) < 0)
        return errno == EINTR ? 0 : STREAM_BROKEN;
    /* Drained before the flags are read: who sets one after that pokes again. */
    if (fds[1].revents != 0)
        stream_drain_wakes(s);
    if (atomic_load(&s->broken))
        return STREAM_BROKEN;
    return readiness(fds[0].revents, want) | (atomic_exchange(&s->woken, false) ? STREAM_WOKEN : 0);
}

static int wait_until(struct stream *s, int want, int timeout_ms)
{
    int64_t end_ms = clock_mono_ms() + timeout_ms;
    int left_ms = timeout_ms;

    for (;;) {
        int ready = wait_once(s, want, left_ms);
        if (ready != 0)
            return ready;
        if (timeout_ms < 0)
            continue;
        int64_t rest_ms = end_ms - clock_mono_ms();
        if (rest_ms <= 0)
            return 0;
        left_ms = (int)rest_ms;
    }
}

int stream_wait(struct stream *s, int want, int timeout_ms)
{
    atomic_store(&s->waiting, timeout_ms != 0);
    int ready = wait_until(s, want, timeout_ms);
    atomic_store(&s->waiting, false);
    return ready;
}

static ssize_t counted(struct stream *s, ssize_t n)
{
    if (n > 0)
        atomic_fetch_add(&s->moved, (uint64_t)n);
    return n;
}

ssize_t stream_recv(struct stream *s, void *buf, size_t len)
{
    if (len == 0)
        return 0;
    return atomic_load(&s->broken) ? -1 : counted(s, tcp_recv(s->fd, buf, len));
}

ssize_t stream_send(struct stream *s, const void *buf, size_t len)
{
    return atomic_load(&s->broken) ? -1 : counted(s, tcp_send(s->fd, buf, len));
}
