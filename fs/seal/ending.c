#include "fs/seal/ending.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As include/uapi/linux/pidfd.h has it since 6.15, which older headers lack. The number of the
 * request holds the size of the struct; this is PIDFD_INFO_SIZE_VER0, which later kernels take,
 * too. */
struct info {
    uint64_t mask; /* what is asked for, then what is there */
    uint64_t cgroupid;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code; /* a wait status */
};
_Static_assert(sizeof(struct info) == 64, "PIDFD_INFO_SIZE_VER0");

#define INFO_EXIT ((uint64_t)1 << 3)          /* PIDFD_INFO_EXIT */
#define GET_INFO _IOWR(0xff, 11, struct info) /* PIDFD_GET_INFO, PIDFS_IOCTL_MAGIC */

enum { NR_PIDFD_OPEN = 434 }; /* Linux 5.3; the same on every machine */

static atomic_int watched;

void ending_watch(struct ending *e, pid_t pid)
{
    *e = (struct ending){0};
    if (atomic_fetch_add(&watched, 1) < ENDINGS_MAX) {
        int fd = (int)syscall(NR_PIDFD_OPEN, pid, 0); /* close-on-exec by itself */
        if (fd >= 0) {
            e->fd_plus_1 = fd + 1;
            return;
        }
    }
    atomic_fetch_sub(&watched, 1);
}

void ending_release(struct ending *e)
{
    if (e->fd_plus_1 == 0)
        return;
    close(e->fd_plus_1 - 1);
    e->fd_plus_1 = 0;
    atomic_fetch_sub(&watched, 1);
}

/* An exit code. */
static bool tells_of_signal(int code)
{
    return (code > 128 && code <= 128 + SIGSYS) || code == 19 || code == 20;
}

enum ending_kind ending_of_status(int status)
{
    bool killed = WIFSIGNALED(status) || tells_of_signal(WEXITSTATUS(status));
    return killed ? ENDING_KILLED : ENDING_EXITED;
}

/* Of a process that has exited. */
static enum ending_kind ask(int fd)
{
    struct info info = {.mask = INFO_EXIT};

    if (ioctl(fd, GET_INFO, &info) < 0)
        return ENDING_UNKNOWN; /* ESRCH: reaped, by a kernel that does not remember */
    return info.mask & INFO_EXIT ? ending_of_status(info.exit_code) : ENDING_UNREAPED;
}

enum ending_kind ending_look(const struct ending *e)
{
    struct pollfd p = {.fd = e->fd_plus_1 - 1, .events = POLLIN};

    if (e->fd_plus_1 == 0)
        return ENDING_UNKNOWN;
    int rc = poll(&p, 1, 0); /* readable: all its threads are gone */
    if (rc < 0)
        return errno == EINTR ? ENDING_RUNS : ENDING_UNKNOWN;
    return rc == 0 ? ENDING_RUNS : ask(p.fd);
}

int ending_count(void)
{
    return atomic_load(&watched);
}
