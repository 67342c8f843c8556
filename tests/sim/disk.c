#include "tests/sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/sim/disk_inner.h"

enum { DISK_BYTES = 1 << 30 };

struct disk_image {
    struct disk_name names[DISK_NAMES_MAX];
    size_t count;
};

/* ---- the hook: who lives and what fails ---- */

static const char *const op_names[] = {
    [IO_OPEN] = "open",     [IO_READ] = "read",           [IO_WRITE] = "write",
    [IO_SYNC] = "sync",     [IO_SYNC_DIR] = "sync_dir",   [IO_TRUNCATE] = "truncate",
    [IO_UNLINK] = "unlink", [IO_MKDIR] = "mkdir",         [IO_RENAME] = "rename",
    [IO_STAT] = "stat",     [IO_STATVFS] = "statvfs",     [IO_SEEK] = "seek",
    [IO_LOCK] = "lock",     [IO_ALLOCATE] = "allocate",   [IO_PUNCH] = "punch",
    [IO_LIST] = "list",     [IO_WRITEBACK] = "writeback",
};

/* What a full disk may refuse. A sync, where blocks are given out late; a cut, where nothing is
 * changed in place. */
static bool takes_room(enum io_op op)
{
    return op == IO_WRITE || op == IO_OPEN || op == IO_MKDIR || op == IO_ALLOCATE ||
           op == IO_SYNC || op == IO_SYNC_DIR || op == IO_TRUNCATE;
}

/* How much a call makes its file grow. */
static uint64_t growth(struct disk *d, const struct io_call *call)
{
    struct disk_name *n = disk_find(d, call->path);
    uint64_t end = call->offset + call->len;
    if ((call->op != IO_WRITE && call->op != IO_ALLOCATE) || n == NULL || n->now == NULL)
        return 0;
    uint64_t has = n->now->now.size > n->now->reserved ? n->now->now.size : n->now->reserved;
    return end > has ? end - has : 0;
}

static int die(struct disk *d, struct io_call *call)
{
    d->dead = true;
    if (call->op != IO_WRITE || call->len < 2 || dice_below(&d->dice, 2) != 0)
        return -EIO;
    call->len = (size_t)dice_below(&d->dice, call->len); /* a write that was torn */
    return IO_GO;
}

static int fail(struct disk *d, const struct io_call *call)
{
    struct disk_name *n = call->op == IO_SYNC ? disk_find(d, call->path) : NULL;
    d->fail_times--;
    d->troubles++;
    if (n != NULL && n->now != NULL)
        disk_file_doom(n->now);
    return -d->fail_errno;
}

static int before(void *arg, struct io_call *call)
{
    struct disk *d = arg;
    if (d->dead)
        return -EIO;
    if (d->spared)
        return IO_GO;
    d->calls++;
    if (d->die_at == d->calls) {
        snprintf(d->last, sizeof d->last, "%s %.*s %llu+%zu", op_names[call->op], IO_PATH_MAX,
                 call->path, (unsigned long long)call->offset, call->len);
        return die(d, call);
    }
    bool full = d->fail_errno == ENOSPC || d->fail_errno == EDQUOT;
    if (d->fail_times > 0 && d->calls >= d->fail_at && (!full || takes_room(call->op)))
        return fail(d, call);
    if (d->room != UINT64_MAX) {
        uint64_t more = growth(d, call);
        if (more > d->room) {
            d->troubles++;
            return -ENOSPC;
        }
        d->room -= more;
    }
    return IO_GO;
}

static int64_t now_ns(void *arg)
{
    struct disk *d = arg;
    return d->now_ns(d->now_arg);
}

static int boot_id(void *arg, char *out)
{
    snprintf(out, IO_BOOT_ID_MAX, "boot-%u", ((struct disk *)arg)->boots);
    return 0;
}

/* ---- names ---- */

struct disk_name *disk_find(struct disk *d, const char *path)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->names[i].path, path) == 0)
            return &d->names[i];
    return NULL;
}

/* A slot for a name: a forgotten one, or a new one. */
static struct disk_name *name_slot(struct disk *d, const char *path)
{
    struct disk_name *n = disk_find(d, path);
    for (size_t i = 0; n == NULL && i < d->count; i++)
        if (d->names[i].now == NULL && d->names[i].safe == NULL)
            n = &d->names[i];
    if (n == NULL) {
        if (d->count == DISK_NAMES_MAX)
            abort();
        n = &d->names[d->count++];
        *n = (struct disk_name){0};
    }
    snprintf(n->path, sizeof n->path, "%s", path);
    return n;
}

struct disk_file *disk_open_file(struct disk *d, const char *path, bool create)
{
    struct disk_name *n = disk_find(d, path);
    if (n != NULL && n->now != NULL)
        return n->now;
    if (!create)
        return NULL;
    n = name_slot(d, path);
    n->now = calloc(1, sizeof *n->now);
    if (n->now == NULL)
        abort();
    n->now->refs = 1;
    return n->now;
}

int disk_remove(struct disk *d, const char *path)
{
    struct disk_name *n = disk_find(d, path);
    if (n == NULL || n->now == NULL)
        return -ENOENT;
    if (d->room != UINT64_MAX && n->now->refs <= 2)
        d->room += n->now->now.size > n->now->reserved ? n->now->now.size : n->now->reserved;
    disk_file_unref(n->now);
    n->now = NULL;
    return 0;
}

static bool in_dir(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (strcmp(dir, ".") == 0)
        return strchr(path, '/') == NULL;
    return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* ---- the table ---- */

static int dopen(void *arg, const char *path, int flags)
{
    struct disk *d = arg;
    struct disk_file *f = disk_open_file(d, path, flags & O_CREAT);
    if (f == NULL)
        return -ENOENT;
    for (int fd = 0; fd < DISK_OPEN_MAX; fd++) {
        if (d->open[fd] == NULL) {
            d->open[fd] = f;
            f->refs++;
            return fd;
        }
    }
    return -EMFILE;
}

static struct disk_file *file_at(void *arg, int fd)
{
    return ((struct disk *)arg)->open[fd];
}

static void dclose(void *arg, int fd)
{
    struct disk *d = arg;
    disk_file_unref(d->open[fd]);
    d->open[fd] = NULL;
}

static ssize_t dpread(void *arg, int fd, void *buf, size_t len, uint64_t offset)
{
    const struct disk_bytes *b = &file_at(arg, fd)->now;
    if (offset >= b->size)
        return 0;
    size_t n = b->size - offset < len ? (size_t)(b->size - offset) : len;
    disk_bytes_read(b, buf, n, offset);
    return (ssize_t)n;
}

static int dpwrite(void *arg, int fd, const void *buf, size_t len, uint64_t offset)
{
    struct disk_file *f = file_at(arg, fd);
    f->owes = true;
    disk_bytes_write(&f->now, buf, len, offset);
    return 0;
}

static int dsync(void *arg, int fd)
{
    disk_file_sync(file_at(arg, fd));
    return 0;
}

static int dsync_dir(void *arg, const char *path)
{
    struct disk *d = arg;
    for (size_t i = 0; i < d->count; i++) {
        struct disk_name *n = &d->names[i];
        if (n->now == n->safe || !in_dir(n->path, path))
            continue;
        disk_file_unref(n->safe);
        n->safe = n->now;
        if (n->safe != NULL)
            n->safe->refs++;
    }
    return 0;
}

static int dtruncate(void *arg, int fd, uint64_t size)
{
    struct disk_file *f = file_at(arg, fd);
    f->owes = true;
    disk_bytes_cut(&f->now, size);
    return 0;
}

static int dunlink(void *arg, const char *path)
{
    return disk_remove(arg, path);
}

/* Directories are there for ever: the only one that is made is `spool`, by the store's first start.
 */
static int dmkdir(void *arg, const char *path)
{
    (void)arg, (void)path;
    return -EEXIST;
}

static int drename(void *arg, const char *from, const char *to)
{
    struct disk *d = arg;
    struct disk_file *f = disk_open_file(d, from, false);
    if (f == NULL)
        return -ENOENT;
    f->refs++;
    disk_remove(d, from);
    disk_remove(d, to);
    name_slot(d, to)->now = f;
    return 0;
}

static void fill_stat(const struct disk_file *f, struct stat *st)
{
    uint64_t has = f->now.size > f->reserved ? f->now.size : f->reserved;
    st->st_mode = S_IFREG | 0600;
    st->st_nlink = 1;
    st->st_size = (off_t)f->now.size;
    st->st_blocks = (blkcnt_t)((has + 511) / 512);
}

static int dstat(void *arg, const char *path, struct stat *st)
{
    struct disk_file *f = disk_open_file(arg, path, false);
    if (strcmp(path, ".") == 0 || strcmp(path, "spool") == 0) {
        st->st_mode = S_IFDIR | 0700;
        return 0;
    }
    if (f == NULL)
        return -ENOENT;
    fill_stat(f, st);
    return 0;
}

static int dfstat(void *arg, int fd, struct stat *st)
{
    fill_stat(file_at(arg, fd), st);
    return 0;
}

static int dstatvfs(void *arg, struct statvfs *st)
{
    struct disk *d = arg;
    d->troubles += d->room != UINT64_MAX;
    uint64_t room = d->room < DISK_BYTES ? d->room : DISK_BYTES;
    st->f_bsize = st->f_frsize = DISK_PAGE;
    st->f_blocks = DISK_BYTES / DISK_PAGE;
    st->f_bfree = st->f_bavail = room / DISK_PAGE;
    st->f_files = 1 << 20;
    st->f_ffree = st->f_favail = 1 << 20;
    return 0;
}

/* No holes: data to the end, and then the hole that every file has. */
static int64_t dseek(void *arg, int fd, uint64_t offset, int whence)
{
    uint64_t size = file_at(arg, fd)->now.size;
    if (offset >= size)
        return -ENXIO;
    return (int64_t)(whence == SEEK_DATA ? offset : size);
}

static int dallocate(void *arg, int fd, uint64_t offset, uint64_t len)
{
    struct disk_file *f = file_at(arg, fd);
    if (offset + len > f->reserved)
        f->reserved = offset + len;
    return 0;
}

static int dpunch(void *arg, int fd, uint64_t offset, uint64_t len)
{
    struct disk_file *f = file_at(arg, fd);
    uint64_t size = f->now.size;
    if (offset >= size)
        return 0;
    f->owes = true;
    disk_bytes_clear(&f->now, offset, len < size - offset ? len : size - offset);
    return 0;
}

static int dlist(void *arg, const char *path, int (*fn)(void *arg, const char *name), void *fn_arg)
{
    struct disk *d = arg;
    bool top = strcmp(path, ".") == 0;
    int rc = top ? fn(fn_arg, "spool") : 0;
    for (size_t i = 0; rc == 0 && i < d->count; i++)
        if (d->names[i].now != NULL && in_dir(d->names[i].path, path))
            rc = fn(fn_arg, top ? d->names[i].path : strchr(d->names[i].path, '/') + 1);
    return rc;
}

static const struct io_disk table = {
    .open = dopen,
    .close = dclose,
    .pread = dpread,
    .pwrite = dpwrite,
    .sync = dsync,
    .sync_dir = dsync_dir,
    .truncate = dtruncate,
    .unlink = dunlink,
    .mkdir = dmkdir,
    .rename = drename,
    .stat = dstat,
    .fstat = dfstat,
    .statvfs = dstatvfs,
    .seek = dseek,
    .allocate = dallocate,
    .punch = dpunch,
    .list = dlist,
};

/* ---- life ---- */

struct disk *disk_new(uint64_t seed, int64_t (*clock_ns)(void *arg), void *arg)
{
    static unsigned made;
    struct disk *d = calloc(1, sizeof *d);
    if (d == NULL)
        abort();
    d->dice.state = seed;
    d->now_ns = clock_ns;
    d->now_arg = arg;
    d->room = UINT64_MAX;
    snprintf(d->path, sizeof d->path, "/disk-%u", ++made);
    d->table = table;
    d->table.vfs = d->path;
    d->io = (struct io){before, now_ns, boot_id, &d->table, d};
    disk_vfs_init(d);
    return d;
}

static void forget_all(struct disk *d)
{
    for (size_t i = 0; i < d->count; i++) {
        disk_file_unref(d->names[i].now);
        disk_file_unref(d->names[i].safe);
    }
    d->count = 0;
}

void disk_free(struct disk *d)
{
    forget_all(d);
    sqlite3_vfs_unregister(&d->vfs);
    free(d);
}

const struct io *disk_io(struct disk *d)
{
    return &d->io;
}

const char *disk_path(const struct disk *d)
{
    return d->path;
}

void disk_die_in(struct disk *d, uint64_t calls)
{
    d->die_at = calls == 0 ? 0 : d->calls + calls;
}

void disk_die(struct disk *d)
{
    d->dead = true;
    d->die_at = 0;
    snprintf(d->last, sizeof d->last, "between two calls");
}

bool disk_dead(const struct disk *d)
{
    return d->dead;
}

/* A name that was made or removed and not synced: either. */
static void lose_name(struct disk *d, struct disk_name *n)
{
    struct disk_file **kept = dice_below(&d->dice, 2) == 0 ? &n->now : &n->safe;
    struct disk_file **lost = kept == &n->now ? &n->safe : &n->now;
    disk_file_unref(*lost);
    *lost = *kept;
    if (*kept != NULL)
        (*kept)->refs++;
}

void disk_revive(struct disk *d, enum disk_loss loss)
{
    d->dead = false;
    d->die_at = 0;
    d->fail_times = 0;
    d->room = UINT64_MAX;
    if (loss == DISK_KEEPS)
        return;
    d->boots++;
    for (size_t i = 0; i < d->count; i++) {
        struct disk_name *n = &d->names[i];
        if (n->now != n->safe)
            lose_name(d, n);
        if (n->now != NULL)
            disk_file_lose(n->now, &d->dice);
    }
}

void disk_fail_in(struct disk *d, uint64_t calls, int err, unsigned times)
{
    d->fail_at = d->calls + calls;
    d->fail_errno = err;
    d->fail_times = times;
}

void disk_spare(struct disk *d, bool spare)
{
    d->spared = spare;
}

uint64_t disk_troubles(const struct disk *d)
{
    return d->troubles;
}

void disk_set_room(struct disk *d, uint64_t bytes)
{
    d->room = bytes;
}

struct disk_image *disk_copy(const struct disk *d)
{
    struct disk_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        abort();
    for (size_t i = 0; i < d->count; i++) {
        const struct disk_file *f = d->names[i].now;
        if (f == NULL)
            continue;
        struct disk_name *n = &image->names[image->count++];
        memcpy(n->path, d->names[i].path, sizeof n->path);
        n->now = calloc(1, sizeof *n->now);
        if (n->now == NULL)
            abort();
        n->now->refs = 1;
        n->now->reserved = f->reserved;
        disk_bytes_share(&n->now->now, &f->now);
    }
    return image;
}

void disk_restore(struct disk *d, const struct disk_image *image)
{
    forget_all(d);
    for (size_t i = 0; i < image->count; i++) {
        const struct disk_name *from = &image->names[i];
        struct disk_file *f = disk_open_file(d, from->path, true);
        struct disk_name *n = disk_find(d, from->path);
        f->reserved = from->now->reserved;
        disk_bytes_share(&f->now, &from->now->now);
        disk_bytes_share(&f->safe, &from->now->now);
        n->safe = f;
        f->refs++;
    }
}

void disk_image_free(struct disk_image *image)
{
    for (size_t i = 0; image != NULL && i < image->count; i++)
        disk_file_unref(image->names[i].now);
    free(image);
}

uint64_t disk_calls(const struct disk *d)
{
    return d->calls;
}

bool disk_owes(const struct disk *d, const char *path)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->names[i].path, path) == 0)
            return d->names[i].now != NULL && d->names[i].now->owes &&
                   d->names[i].now->now.size > 0;
    return false;
}

const char *disk_last_call(const struct disk *d)
{
    return d->last;
}
