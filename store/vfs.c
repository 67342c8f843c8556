#include "store/vfs.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "store/error.h"

/* https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
enum {
    WAL_HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
    PAGE_BYTES_MAX = 65536,
    ANEW_BYTES = 32 << 10, /* in one piece */
};

/* One open file: ours in front, the real VFS's behind it in the same allocation. */
struct vfs_file {
    sqlite3_file base;
    struct vfs *vfs;
    const char *path; /* relative; SQLite keeps the name alive until xClose */
    bool wal, database;
    /* SQLite writes a frame of the WAL as its header, then its page. The header is held back and
     * goes out with the page: one system call for each checkpoint of a write less. */
    bool holding;
    sqlite3_int64 held_at;
    uint8_t held[FRAME_HEADER_BYTES];
    /* Of the last read. The commit of a turn that did not fit in the cache reads frames that are
     * there and writes new headers into them: no page follows, and nothing after the last one. */
    sqlite3_int64 read_at;
    sqlite3_file *real;
};

static const sqlite3_io_methods methods;

static struct vfs_file *file_of(sqlite3_file *f)
{
    return (struct vfs_file *)(void *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return file_of(f)->real;
}

static const char *relative(const struct vfs *v, const char *path)
{
    size_t len = strlen(v->dir);
    if (path && strncmp(path, v->dir, len) == 0 && path[len] == '/')
        return path + len + 1;
    return path ? path : "";
}

static int ask(struct vfs *v, enum io_op op, const char *path, sqlite3_int64 offset, int len)
{
    struct io_call call = {.op = op, .path = path, .offset = (uint64_t)offset, .len = (size_t)len};
    return io_before(v->io, &call);
}

static int errno_of(sqlite3_file *real)
{
    int err = 0;
    if (real->pMethods->xFileControl(real, SQLITE_FCNTL_LAST_ERRNO, &err) != SQLITE_OK)
        return EIO;
    return err ? err : EIO;
}

/* One attempt. 0 or a negative errno. */
static int write_once(struct vfs_file *vf, const void *data, int len, sqlite3_int64 offset)
{
    struct io_call call = {.op = IO_WRITE,
                           .path = vf->path,
                           .data = data,
                           .len = (size_t)len,
                           .offset = (uint64_t)offset};
    int verdict = io_before(vf->vfs->io, &call);
    if (verdict != IO_GO)
        return verdict < 0 ? verdict : 0;
    int rc = SQLITE_OK;
    if (call.len > 0)
        rc = vf->real->pMethods->xWrite(vf->real, data, (int)call.len, offset);
    if (rc == SQLITE_FULL)
        return -ENOSPC;
    if (rc != SQLITE_OK)
        return -errno_of(vf->real);
    return call.len < (size_t)len ? -EIO : 0;
}

static int write_out(struct vfs_file *vf, const void *data, int len, sqlite3_int64 offset)
{
    struct vfs *v = vf->vfs;
    int rc = write_once(vf, data, len, offset);
    if ((rc == -ENOSPC || rc == -EDQUOT) && v->make_room && v->make_room(v->make_room_arg))
        rc = write_once(vf, data, len, offset);
    if (rc == 0) {
        v->written = v->written || vf->database;
        return SQLITE_OK;
    }
    atomic_store(&v->last_errno, -rc);
    return rc == -ENOSPC || rc == -EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

/* A header whose page does not follow goes out alone, before anything else happens to the file. */
static int let_go(struct vfs_file *vf)
{
    if (!vf->holding)
        return SQLITE_OK;
    vf->holding = false;
    return write_out(vf, vf->held, FRAME_HEADER_BYTES, vf->held_at);
}

static bool begins_frame(const struct vfs_file *vf, int len, sqlite3_int64 offset)
{
    return vf->wal && len == FRAME_HEADER_BYTES && offset >= WAL_HEADER_BYTES &&
           offset != vf->read_at;
}

static bool is_page_of_held(const struct vfs_file *vf, int len, sqlite3_int64 offset)
{
    return vf->holding && offset == vf->held_at + FRAME_HEADER_BYTES && len <= PAGE_BYTES_MAX;
}

static int write_frame(struct vfs_file *vf, const void *page, int len)
{
    uint8_t frame[FRAME_HEADER_BYTES + PAGE_BYTES_MAX];
    memcpy(frame, vf->held, FRAME_HEADER_BYTES);
    memcpy(frame + FRAME_HEADER_BYTES, page, (size_t)len);
    vf->holding = false;
    return write_out(vf, frame, FRAME_HEADER_BYTES + len, vf->held_at);
}

static int xwrite(sqlite3_file *f, const void *data, int len, sqlite3_int64 offset)
{
    struct vfs_file *vf = file_of(f);
    if (is_page_of_held(vf, len, offset))
        return write_frame(vf, data, len);
    int rc = let_go(vf);
    if (rc != SQLITE_OK)
        return rc;
    if (!begins_frame(vf, len, offset))
        return write_out(vf, data, len, offset);
    memcpy(vf->held, data, FRAME_HEADER_BYTES);
    vf->held_at = offset;
    vf->holding = true;
    return SQLITE_OK;
}

static int xclose(sqlite3_file *f)
{
    struct vfs_file *vf = file_of(f);
    if (!vf->real->pMethods)
        return SQLITE_OK;
    let_go(vf); /* of a frame that was never finished: nobody reads it */
    return vf->real->pMethods->xClose(vf->real);
}

static int read_asked(struct vfs_file *vf, void *buf, int len, sqlite3_int64 offset)
{
    if (ask(vf->vfs, IO_READ, vf->path, offset, len) < 0)
        return SQLITE_IOERR_READ;
    return vf->real->pMethods->xRead(vf->real, buf, len, offset);
}

static int xread(sqlite3_file *f, void *buf, int len, sqlite3_int64 offset)
{
    struct vfs_file *vf = file_of(f);
    int rc = let_go(vf);
    if (rc != SQLITE_OK)
        return rc;
    vf->read_at = offset;
    rc = read_asked(vf, buf, len, offset);
    /* SQLite calls a journal damaged whose disk says EIO. It may be whole, and the disk be back
     * soon. */
    return rc == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : rc;
}

static int sync_once(struct vfs_file *vf, int flags)
{
    int rc = let_go(vf);
    int verdict = rc == SQLITE_OK ? ask(vf->vfs, IO_SYNC, vf->path, 0, 0) : -EIO;
    if (verdict < 0)
        return SQLITE_IOERR_FSYNC;
    return verdict == IO_GO ? vf->real->pMethods->xSync(vf->real, flags) : rc;
}

/* The same bytes to the same places: nothing changes, but that the kernel owes them again. */
static int write_anew(struct vfs_file *vf)
{
    uint8_t piece[ANEW_BYTES];
    sqlite3_int64 size = 0;
    int rc = let_go(vf);
    if (rc == SQLITE_OK)
        rc = vf->real->pMethods->xFileSize(vf->real, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += ANEW_BYTES) {
        int len = size - at < ANEW_BYTES ? (int)(size - at) : ANEW_BYTES;
        rc = read_asked(vf, piece, len, at);
        if (rc == SQLITE_OK)
            rc = write_out(vf, piece, len, at);
    }
    return rc;
}

bool vfs_doubts_wal(struct vfs *v)
{
    return atomic_load(&v->wal_mended) != atomic_load(&v->wal_failed);
}

void vfs_doubt_wal(struct vfs *v)
{
    atomic_fetch_add(&v->wal_failed, 1);
}

/* A checkpoint begins with this. A failure of somebody else's sync meanwhile stays a doubt. */
static int sync_wal(struct vfs_file *vf, int flags)
{
    struct vfs *v = vf->vfs;
    unsigned failed = atomic_load(&v->wal_failed);
    int rc = vfs_doubts_wal(v) ? write_anew(vf) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = sync_once(vf, flags);
    if (rc == SQLITE_OK)
        atomic_store(&v->wal_mended, failed);
    else
        vfs_doubt_wal(v);
    v->left_unsynced = v->left_unsynced || v->written;
    v->written = false;
    return rc;
}

/* A sync that failed may have lost what was written, and the next one would not say so. What this
 * checkpoint wrote the next one writes again; what an earlier one had written, and left to be
 * synced later as a reader kept it from the end, is in the WAL alone from now on: until the next
 * start reads that from its beginning, no sync succeeds, and so the WAL stays. */
static int sync_database(struct vfs_file *vf, int flags)
{
    struct vfs *v = vf->vfs;
    if (atomic_load(&v->lossy))
        return SQLITE_IOERR_FSYNC;
    int rc = sync_once(vf, flags);
    if (rc != SQLITE_OK && v->left_unsynced)
        atomic_store(&v->lossy, true);
    v->left_unsynced = v->written = false;
    return rc;
}

static int xsync(sqlite3_file *f, int flags)
{
    struct vfs_file *vf = file_of(f);
    if (vf->wal)
        return sync_wal(vf, flags);
    return vf->database ? sync_database(vf, flags) : sync_once(vf, flags);
}

int vfs_sync_wal(sqlite3 *db)
{
    sqlite3_file *wal = NULL;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (rc != SQLITE_OK || !wal || wal->pMethods != &methods || !file_of(wal)->wal)
        return STORE_ERR_IO;
    rc = xsync(wal, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? 0 : rc == SQLITE_FULL ? STORE_ERR_NOSPACE : STORE_ERR_IO;
}

/* The database is complete by itself when SQLite empties the WAL. Should the machine die before
 * that is on disk, and the file system keep a part of the WAL, its first frames would be believed
 * and undo what came after them. So it is void, durably, before it is emptied. */
static int make_void(struct vfs_file *vf, sqlite3_file *f)
{
    static const uint8_t none[WAL_HEADER_BYTES];
    sqlite3_int64 size = 0;
    int rc = vf->real->pMethods->xFileSize(vf->real, &size);
    if (rc != SQLITE_OK || size == 0)
        return rc;
    rc = write_out(vf, none, WAL_HEADER_BYTES, 0);
    return rc == SQLITE_OK ? xsync(f, SQLITE_SYNC_NORMAL) : rc;
}

static int xtruncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct vfs_file *vf = file_of(f);
    int rc = let_go(vf);
    if (rc == SQLITE_OK && vf->wal && size == 0)
        rc = make_void(vf, f);
    if (rc != SQLITE_OK)
        return rc;
    int verdict = ask(vf->vfs, IO_TRUNCATE, vf->path, size, 0);
    if (verdict != IO_GO)
        return verdict < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
    return vf->real->pMethods->xTruncate(vf->real, size);
}

static int xsize(sqlite3_file *f, sqlite3_int64 *size)
{
    int rc = let_go(file_of(f));
    return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int xlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int xunlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int xreserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

/* Moved is not gone: our descriptors lead to it, wherever it is called now. SQLite would look by
 * its old path, and refuse to go on. That it was deleted is sync.c's to find out. */
static int xcontrol(sqlite3_file *f, int op, void *arg)
{
    if (op == SQLITE_FCNTL_HAS_MOVED) {
        *(int *)arg = 0;
        return SQLITE_OK;
    }
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int xsector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int xdevice(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int xshm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int xshm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void xshm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int xshm_unmap(sqlite3_file *f, int delete_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), delete_it);
}

/* Version 2: with the WAL's shared index (which unix-excl keeps on the heap), without mmap. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = xclose,
    .xRead = xread,
    .xWrite = xwrite,
    .xTruncate = xtruncate,
    .xSync = xsync,
    .xFileSize = xsize,
    .xLock = xlock,
    .xUnlock = xunlock,
    .xCheckReservedLock = xreserved,
    .xFileControl = xcontrol,
    .xSectorSize = xsector,
    .xDeviceCharacteristics = xdevice,
    .xShmMap = xshm_map,
    .xShmLock = xshm_lock,
    .xShmBarrier = xshm_barrier,
    .xShmUnmap = xshm_unmap,
};

static struct vfs *vfs_of(sqlite3_vfs *base)
{
    return base->pAppData;
}

static int xopen(sqlite3_vfs *base, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct vfs *v = vfs_of(base);
    struct vfs_file *vf = file_of(f);
    *vf = (struct vfs_file){
        .vfs = v,
        .path = relative(v, name),
        .wal = (flags & SQLITE_OPEN_WAL) != 0,
        .database = (flags & SQLITE_OPEN_MAIN_DB) != 0,
        .real = (sqlite3_file *)(void *)(vf + 1),
    };
    vf->real->pMethods = NULL;
    int verdict = ask(v, IO_OPEN, vf->path, 0, 0);
    if (verdict != IO_GO) {
        errno = verdict < 0 ? -verdict : EIO; /* which SQLite asks for */
        return SQLITE_CANTOPEN;
    }
    int rc = v->real->xOpen(v->real, name, vf->real, flags, out_flags);
    if (vf->real->pMethods)
        vf->base.pMethods = &methods;
    return rc;
}

static int xdelete(sqlite3_vfs *base, const char *name, int sync_dir)
{
    struct vfs *v = vfs_of(base);
    int verdict = ask(v, IO_UNLINK, relative(v, name), 0, 0);
    if (verdict != IO_GO)
        return verdict < 0 ? SQLITE_IOERR_DELETE : SQLITE_OK;
    return v->real->xDelete(v->real, name, sync_dir);
}

static int xaccess(sqlite3_vfs *base, const char *name, int flags, int *out)
{
    return vfs_of(base)->real->xAccess(vfs_of(base)->real, name, flags, out);
}

static int xfull_path(sqlite3_vfs *base, const char *name, int len, char *out)
{
    return vfs_of(base)->real->xFullPathname(vfs_of(base)->real, name, len, out);
}

int vfs_init(struct vfs *v, const struct io *io, const char *dir)
{
    *v = (struct vfs){.io = io, .real = sqlite3_vfs_find(io->disk ? io->disk->vfs : "unix-excl")};
    if (!v->real)
        return STORE_ERR_INVALID;
    if (strlen(dir) >= sizeof v->dir)
        return STORE_ERR_TOO_BIG;
    vfs_doubt_wal(v);
    snprintf(v->dir, sizeof v->dir, "%s", dir);
    snprintf(v->name, sizeof v->name, "wormholefs-%p", (void *)v);
    v->base = *v->real; /* clock, sleep, randomness and the rest are the real one's */
    v->base.szOsFile = (int)sizeof(struct vfs_file) + v->real->szOsFile;
    v->base.pNext = NULL;
    v->base.zName = v->name;
    v->base.pAppData = v;
    v->base.xOpen = xopen;
    v->base.xDelete = xdelete;
    v->base.xAccess = xaccess;
    v->base.xFullPathname = xfull_path;
    return sqlite3_vfs_register(&v->base, 0) == SQLITE_OK ? 0 : STORE_ERR_NOMEM;
}

void vfs_release(struct vfs *v)
{
    if (v->real)
        sqlite3_vfs_unregister(&v->base);
    v->real = NULL;
}
