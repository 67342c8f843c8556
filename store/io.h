/* Every touch of a file. Nothing in store/ calls a file function of libc outside io.c, and the
 * journal's own files pass through the same gate (vfs.h), so that one hook sees, refuses, drops,
 * cuts or records each call. The clock is here too: it is the other thing that a test must own.
 *
 * A `struct io` is read-only after store_open; its functions must be thread-safe. */
#ifndef STORE_IO_H
#define STORE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

enum io_op {
    IO_OPEN,     /* may create */
    IO_READ,     /* offset, len */
    IO_WRITE,    /* offset, len, data */
    IO_SYNC,     /* fdatasync of a file */
    IO_SYNC_DIR, /* fsync of a directory */
    IO_TRUNCATE, /* offset = the new size */
    IO_UNLINK,
    IO_MKDIR,
    IO_RENAME, /* path = the old name */
    IO_STAT,
    IO_STATVFS,
    IO_SEEK,      /* lseek SEEK_DATA / SEEK_HOLE at offset */
    IO_ALLOCATE,  /* fallocate; offset, len */
    IO_PUNCH,     /* fallocate(PUNCH_HOLE); offset, len */
    IO_LOCK,      /* flock */
    IO_WRITEBACK, /* sync_file_range: a hint, its failure is ignored */
    IO_LIST,      /* reading a directory */
    IO_OPS,       /* how many there are */
};

/* What is about to happen. */
struct io_call {
    enum io_op op;
    const char *path; /* relative to the store directory: "spool/12", "journal.sqlite-wal", "."
                         (only making and opening that directory itself has its own) */
    const void *data; /* IO_WRITE only */
    size_t len;       /* a hook may lower it for IO_WRITE: only so much is written, the call then
                         fails with EIO (a torn write) */
    uint64_t offset;
};

enum io_verdict {
    IO_GO = 0,   /* do it */
    IO_DROP = 1, /* do nothing and report success (a lying disk) */
    /* a negative errno: do nothing and fail with it */
};

/* What carries the calls out, where it is not the kernel: a disk in memory, for tests. Functions
 * and results as those of the same names below, without the hook; a handle is any number from 0.
 * The directory itself is always there, and "." is its name. */
struct io_disk {
    const char *vfs; /* the registered SQLite VFS that has the journal's files on it */
    int (*open)(void *arg, const char *path, int flags);
    void (*close)(void *arg, int fd);
    ssize_t (*pread)(void *arg, int fd, void *buf, size_t len, uint64_t offset);
    int (*pwrite)(void *arg, int fd, const void *buf, size_t len, uint64_t offset);
    int (*sync)(void *arg, int fd);
    int (*sync_dir)(void *arg, const char *path);
    int (*truncate)(void *arg, int fd, uint64_t size);
    int (*unlink)(void *arg, const char *path);
    int (*mkdir)(void *arg, const char *path);
    int (*rename)(void *arg, const char *from, const char *to);
    int (*stat)(void *arg, const char *path, struct stat *st);
    int (*fstat)(void *arg, int fd, struct stat *st);
    int (*statvfs)(void *arg, struct statvfs *st);
    int64_t (*seek)(void *arg, int fd, uint64_t offset, int whence);
    int (*allocate)(void *arg, int fd, uint64_t offset, uint64_t len);
    int (*punch)(void *arg, int fd, uint64_t offset, uint64_t len);
    int (*list)(void *arg, const char *path, int (*fn)(void *arg, const char *name), void *fn_arg);
};

struct io {
    /* Asked before each call; NULL means always IO_GO. */
    int (*before)(void *arg, struct io_call *call);
    /* Nanoseconds since 1970; NULL means CLOCK_REALTIME. May step back. */
    int64_t (*now_ns)(void *arg);
    /* Fills `out` (IO_BOOT_ID_MAX bytes) with an id that changes when the machine boots; NULL means
     * /proc/sys/kernel/random/boot_id. 0 or a negative errno. */
    int (*boot_id)(void *arg, char *out);
    const struct io_disk *disk; /* NULL means the kernel's file systems */
    void *arg;                  /* of all these */
};

enum { IO_BOOT_ID_MAX = 64, IO_PATH_MAX = 64 };

/* The real thing: no hook, the real clock. Static storage. */
const struct io *io_real(void);

/* An open file and the name by which hooks know it. fd < 0: not open. */
struct io_file {
    int fd;
    const struct io *io; /* where it was opened */
    char path[IO_PATH_MAX];
};

int64_t io_now_ns(const struct io *io);
int io_boot_id(const struct io *io, char out[static IO_BOOT_ID_MAX]);

/* The store directory itself, by any path: its descriptor (io_close_dir accepts -1), its absolute
 * path (to be freed; NULL: errno says why), and mode 0700 for it. */
int io_open_dir(const struct io *io, const char *path, int *dir);
void io_close_dir(const struct io *io, int dir);
char *io_absolute(const struct io *io, const char *path);
int io_make_private(const struct io *io, int dir);

/* All return 0 (or a count) or a negative errno. `dir` is the store directory's descriptor and
 * `path` is relative to it. Descriptors are close-on-exec; files are created 0600. */
int io_open(const struct io *io, int dir, const char *path, int flags, struct io_file *out);
void io_close(struct io_file *f); /* accepts one that is not open */
ssize_t io_pread(const struct io *io, const struct io_file *f, void *buf, size_t len,
                 uint64_t offset); /* short only at the end of the file */
int io_pwrite(const struct io *io, const struct io_file *f, const void *buf, size_t len,
              uint64_t offset); /* all or an error; after an error any part may be written */
int io_sync(const struct io *io, const struct io_file *f);
int io_sync_dir(const struct io *io, int dir, const char *path);
int io_truncate(const struct io *io, const struct io_file *f, uint64_t size);
int io_unlink(const struct io *io, int dir, const char *path);
int io_mkdir(const struct io *io, int dir, const char *path); /* 0700; existing is -EEXIST */
int io_rename(const struct io *io, int dir, const char *from, const char *to);
int io_stat(const struct io *io, int dir, const char *path, struct stat *st); /* not following */
int io_fstat(const struct io *io, const struct io_file *f, struct stat *st);
int io_statvfs(const struct io *io, int dir, struct statvfs *st);
int64_t io_seek(const struct io *io, const struct io_file *f, uint64_t offset, int whence);
int io_allocate(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len);
int io_punch(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len);
int io_lock(const struct io *io, const struct io_file *f); /* exclusive; taken: -EWOULDBLOCK */
void io_writeback(const struct io *io, const struct io_file *f, uint64_t offset, uint64_t len);
/* Calls fn(arg, name) for each name in the directory but "." and ".."; a non-zero return stops
 * and is returned. */
int io_list(const struct io *io, int dir, const char *path, int (*fn)(void *arg, const char *name),
            void *arg);

/* The gate itself, for vfs.c: asks the hook. */
int io_before(const struct io *io, struct io_call *call);

/* The store_error that a negative errno means. */
int io_error(int negative_errno);

#endif
