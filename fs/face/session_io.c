#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include "fs/face/session_io.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static _Thread_local bool init_replies;

void session_io_init_replies(void)
{
    init_replies = true;
}

static ssize_t read_request(int fd, void *buf, size_t len, void *userdata)
{
    (void)userdata;
    return read(fd, buf, len);
}

/* A kernel that does not know the flag does not look at it. */
static void promise_killpriv(const struct iovec *iov, int count)
{
    struct fuse_init_out out;
    if (count < 2 || iov[1].iov_len < sizeof out)
        return;
    memcpy(&out, iov[1].iov_base, sizeof out);
    out.flags |= FUSE_HANDLE_KILLPRIV_V2;
    memcpy(iov[1].iov_base, &out, sizeof out);
}

static ssize_t write_reply(int fd, struct iovec *iov, int count, void *userdata)
{
    (void)userdata;
    if (init_replies)
        promise_killpriv(iov, count);
    init_replies = false;
    return writev(fd, iov, count);
}

int session_io_install(struct fuse_session *session)
{
    static const struct fuse_custom_io io = {.read = read_request, .writev = write_reply};
    int rc = fuse_session_custom_io(session, &io, fuse_session_fd(session));
    return rc < 0 ? rc : -rc;
}
