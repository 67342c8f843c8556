#include "store/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "store/error.h"

static const struct io real;

const struct io *io_real(void)
{
    return &real;
}

int64_t io_now_ns(const struct io *io)
{
    if (io->now_ns)
        return io->now_ns(io->arg);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int io_boot_id(const struct io *io, char out[static IO_BOOT_ID_MAX])
{
    if (io->boot_id)
        return io->boot_id(io->arg, out);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, out, IO_BOOT_ID_MAX - 1);
    int err = errno;
    close(fd);
    if (got <= 0)
        return got < 0 ? -err : -EIO;
    out[got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

int io_before(const struct io *io, struct io_call *call)
{
    return io->before ? io->before(io->arg, call) : IO_GO;
}

static int ask(const struct io *io, enum io_op op, const char *path, uint64_t offset, size_t len)
{
    struct io_call call = {.op = op, .path = path, .offset = offset, .len = len};
    return io_before(io, &call);
}

/* Leaves the function with 0 (dropped) or the hook's errno unless the call is to be made. */
#define ASK(io, op, path, offset, len)                                                             \
    do {                                                                                           \
        int verdict_ = ask((io), (op), (path), (offset), (len));                                   \
        if (verdict_ != IO_GO)                                                                     \
            return verdict_ < 0 ? verdict_ : 0;                                                    \
    } while (0)

int io_open(const struct io *io, int dir, const char *path, int flags, struct io_file *out)
{
    *out = (struct io_file){.fd = -1};
    int verdict = ask(io, IO_OPEN, path, 0, 0);
    if (verdict != IO_GO)
        return verdict < 0 ? verdict : -EIO;
    int fd = io->disk ? io->disk->open(io->arg, path, flags)
                      : openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return io->disk ? fd : -errno;
    out->fd = fd;
    out->io = io;
    snprintf(out->path, sizeof out->path, "%s", path);
    return 0;
}

int io_open_dir(const struct io *io, const char *path, int *dir)
{
    *dir = -1;
    int verdict = ask(io, IO_OPEN, path, 0, 0);
    if (verdict != IO_GO)
        return verdict < 0 ? verdict : -EIO;
    int fd = io->disk ? 0 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *dir = fd;
    return 0;
}

void io_close_dir(const struct io *io, int dir)
{
    if (dir >= 0 && !io->disk)
        close(dir);
}

char *io_absolute(const struct io *io, const char *path)
{
    return io->disk ? strdup(path) : realpath(path, NULL);
}

int io_make_private(const struct io *io, int dir)
{
    /* No byte depends on it: not worth an io_op. */
    if (io->disk)
        return 0;
    return fchmod(dir, 0700) == 0 ? 0 : -errno;
}

void io_close(struct io_file *f)
{
    if (f->fd >= 0 && f->io->disk)
        f->io->disk->close(f->io->arg, f->fd);
    else if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

ssize_t io_pread(const struct io *io, const struct io_file *f, void *buf, size_t len,
                 uint64_t offset)
{
    ASK(io, IO_READ, f->path, offset, len);
    if (io->disk)
        return io->disk->pread(io->arg, f->fd, buf, len, offset);
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(f->fd, (char *)buf + done, len - done, (off_t)(offset + done));
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int write_all(int fd, const char *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO;
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int io_pwrite(const struct io *io, const struct io_file *f, const void *buf, size_t len,
              uint64_t offset)
{
    struct io_call call = {
        .op = IO_WRITE, .path = f->path, .data = buf, .len = len, .offset = offset};
    int verdict = io_before(io, &call);
    if (verdict != IO_GO)
        return verdict < 0 ? verdict : 0;
    int rc = io->disk ? io->disk->pwrite(io->arg, f->fd, buf, call.len, offset)
                      : write_all(f->fd, buf, call.len, offset);
    return rc == 0 && call.len < len ? -EIO : rc;
}

int io_sync(const struct io *io, const struct io_file *f)
{
    ASK(io, IO_SYNC, f->path, 0, 0);
    if (io->disk)
        return io->disk->sync(io->arg, f->fd);
    return fdatasync(f->fd) == 0 ? 0 : -errno;
}

int io_sync_dir(const struct io *io, int dir, const char *path)
{
    ASK(io, IO_SYNC_DIR, path, 0, 0);
    if (io->disk)
        return io->disk->sync_dir(io->arg, path);
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

int io_truncate(const struct io *io, const struct io_file *f, uint64_t size)
{
    ASK(io, IO_TRUNCATE, f->path, size, 0);
    if (io->disk)
        return io->disk->truncate(io->arg, f->fd, size);
    return ftruncate(f->fd, (off_t)size) == 0 ? 0 : -errno;
}

int io_unlink(const struct io *io, int dir, const char *path)
{
    ASK(io, IO_UNLINK, path, 0, 0);
    if (io->disk)
        return io->disk->unlink(io->arg, path);
    return unlinkat(dir, path, 0) == 0 ? 0 : -errno;
}

int io_mkdir(const struct io *io, int dir, const char *path)
{
    ASK(io, IO_MKDIR, path, 0, 0);
    if (io->disk)
        return io->disk->mkdir(io->arg, dir == AT_FDCWD ? "." : path);
    return mkdirat(dir, path, 0700) == 0 ? 0 : -errno;
}

int io_rename(const struct io *io, int dir, const char *from, const char *to)
{
    ASK(io, IO_RENAME, from, 0, 0);
    if (io->disk)
        return io->disk->rename(io->arg, from, to);
    return renameat(dir, from, dir, to) == 0 ? 0 : -errno;
}

int io_stat(const struct io *io, int dir, const char *path, struct stat *st)
{
    memset(st, 0, sizeof *st);
    ASK(io, IO_STAT, path, 0, 0);
    if (io->disk)
        return io->disk->stat(io->arg, path, st);
    return fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

int io_fstat(const struct io *io, const struct io_file *f, struct stat *st)
{
    memset(st, 0, sizeof *st);
    ASK(io, IO_STAT, f->path, 0, 0);
    if (io->disk)
        return io->disk->fstat(io->arg, f->fd, st);
    return fstat(f->fd, st) == 0 ? 0 : -errno;
}

int io_statvfs(const struct io *io, int dir, struct statvfs *st)
{
    memset(st, 0, sizeof *st);
    ASK(io, IO_STATVFS, ".", 0, 0);
    if (io->disk)
        return io->disk->statvfs(io->arg, st);
    return fstatvfs(dir, st) == 0 ? 0 : -errno;
}

int64_t io_seek(const struct io *io, const struct io_file *f, uint64_t offset, int whence)
{
    ASK(io, IO_SEEK, f->path, offset, 0);
    if (io->disk)
        return io->disk->seek(io->arg, f->fd, offset, whence);
    off_t at = lseek(f->fd, (off_t)offset, whence);
    return at >= 0 ? at : -errno;
}

/* Signals interrupt it on some file systems, however far it got. */
static int allocate_all(int fd, int mode, uint64_t offset, uint64_t len)
{
    int rc;
    do
        rc = fallocate(fd, mode, (off_t)offset, (off_t)len);
    while (rc < 0 && errno == EINTR);
    return rc == 0 ? 0 : -errno;
}

int io_allocate(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len)
{
    ASK(io, IO_ALLOCATE, f->path, offset, len);
    if (io->disk)
        return io->disk->allocate(io->arg, f->fd, offset, len);
    return allocate_all(f->fd, FALLOC_FL_KEEP_SIZE, offset, len);
}

int io_punch(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len)
{
    ASK(io, IO_PUNCH, f->path, offset, len);
    if (io->disk)
        return io->disk->punch(io->arg, f->fd, offset, len);
    return allocate_all(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len);
}

int io_lock(const struct io *io, const struct io_file *f)
{
    ASK(io, IO_LOCK, f->path, 0, 0);
    if (io->disk)
        return 0; /* nobody else can have it */
    return flock(f->fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

void io_writeback(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len)
{
    if (ask(io, IO_WRITEBACK, f->path, offset, len) != IO_GO || io->disk)
        return;
    (void)sync_file_range(f->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int io_list(const struct io *io, int dir, const char *path, int (*fn)(void *arg, const char *name),
            void *arg)
{
    ASK(io, IO_LIST, path, 0, 0);
    if (io->disk)
        return io->disk->list(io->arg, path, fn, arg);
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    DIR *d = fdopendir(fd);
    if (!d) {
        int err = errno;
        close(fd);
        return -err;
    }
    int rc = 0;
    for (struct dirent *e; rc == 0;) {
        errno = 0;
        if (!(e = readdir(d))) {
            rc = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        rc = fn(arg, e->d_name);
    }
    closedir(d);
    return rc;
}

int io_error(int negative_errno)
{
    switch (-negative_errno) {
    case 0:
        return 0;
    case ENOMEM:
        return STORE_ERR_NOMEM;
    case ENOSPC:
        return STORE_ERR_NOSPACE;
    case EDQUOT:
        return STORE_ERR_QUOTA;
    case ENOENT:
        return STORE_ERR_NOT_FOUND;
    case EEXIST:
        return STORE_ERR_EXISTS;
    case ENOTDIR:
        return STORE_ERR_NOT_DIR;
    case EACCES:
    case EPERM:
        return STORE_ERR_ACCESS;
    case EFBIG:
        return STORE_ERR_TOO_BIG;
    case EWOULDBLOCK:
        return STORE_ERR_LOCKED;
    case EMFILE:
    case ENFILE:
        return STORE_ERR_FILES;
    case EOPNOTSUPP:
    case ENOSYS:
        return STORE_ERR_UNSUPPORTED;
    case ENXIO:
        return STORE_ERR_NO_DATA;
    default:
        return STORE_ERR_IO;
    }
}
