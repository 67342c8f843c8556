/* SQLite's files on a simulated disk. The calls were asked of the disk's hook by store/vfs.c; here
 * they are only carried out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/disk_inner.h"

struct vfile {
    sqlite3_file base;
    struct disk *disk;
    struct disk_file *file;
    char path[IO_PATH_MAX];
    bool mapped;
    unsigned shared, exclusive; /* masks of shm locks */
};

static struct vfile *of(sqlite3_file *f)
{
    return (struct vfile *)(void *)f;
}

static struct disk *disk_of(sqlite3_vfs *v)
{
    return v->pAppData;
}

static int vclose(sqlite3_file *f)
{
    disk_file_unref(of(f)->file);
    return SQLITE_OK;
}

static int vread(sqlite3_file *f, void *buf, int len, sqlite3_int64 offset)
{
    const struct disk_bytes *b = &of(f)->file->now;
    uint64_t at = (uint64_t)offset;
    size_t n = at >= b->size                  ? 0
               : b->size - at < (uint64_t)len ? (size_t)(b->size - at)
                                              : (size_t)len;
    disk_bytes_read(b, buf, n, at);
    memset((uint8_t *)buf + n, 0, (size_t)len - n);
    return n < (size_t)len ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int vwrite(sqlite3_file *f, const void *data, int len, sqlite3_int64 offset)
{
    of(f)->file->owes = true;
    disk_bytes_write(&of(f)->file->now, data, (size_t)len, (uint64_t)offset);
    return SQLITE_OK;
}

static int vtruncate(sqlite3_file *f, sqlite3_int64 size)
{
    of(f)->file->owes = true;
    disk_bytes_cut(&of(f)->file->now, (uint64_t)size);
    return SQLITE_OK;
}

/* The real VFS syncs the directory with a journal's or WAL's first sync. */
static int vsync(sqlite3_file *f, int flags)
{
    (void)flags;
    disk_file_sync(of(f)->file);
    struct disk_name *n = disk_find(of(f)->disk, of(f)->path);
    if (n != NULL && n->now == of(f)->file && n->safe != n->now &&
        strcmp(n->path, "journal.sqlite") != 0) {
        disk_file_unref(n->safe);
        n->safe = n->now;
        n->safe->refs++;
    }
    return SQLITE_OK;
}

static int vsize(sqlite3_file *f, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)of(f)->file->now.size;
    return SQLITE_OK;
}

/* One process, and no rollback journal once there is a WAL: nobody to lock out. */
static int vlock(sqlite3_file *f, int level)
{
    (void)f, (void)level;
    return SQLITE_OK;
}

static int vreserved(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int vcontrol(sqlite3_file *f, int op, void *arg)
{
    (void)f, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int vsector(sqlite3_file *f)
{
    (void)f;
    return DISK_PAGE;
}

static int vdevice(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- the WAL's shared index ---- */

static int vshm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    struct disk_shm *shm = &of(f)->file->shm;
    *out = NULL;
    if (page >= DISK_SHM_REGIONS)
        return SQLITE_FULL;
    if (!of(f)->mapped) {
        of(f)->mapped = true;
        shm->users++;
    }
    if (shm->regions[page] == NULL && extend)
        if ((shm->regions[page] = calloc(1, (size_t)size)) == NULL)
            return SQLITE_NOMEM;
    *out = shm->regions[page];
    return SQLITE_OK;
}

static void shm_unlock(struct vfile *vf, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        unsigned bit = 1u << i;
        if (vf->shared & bit)
            vf->file->shm.shared[i]--;
        if (vf->exclusive & bit)
            vf->file->shm.exclusive[i] = false;
        vf->shared &= ~bit;
        vf->exclusive &= ~bit;
    }
}

static int vshm_lock(sqlite3_file *f, int from, int n, int flags)
{
    struct vfile *vf = of(f);
    struct disk_shm *shm = &vf->file->shm;
    if (flags & SQLITE_SHM_UNLOCK) {
        shm_unlock(vf, from, n);
        return SQLITE_OK;
    }
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    for (int i = from; i < from + n; i++) {
        unsigned others = shm->shared[i] - (vf->shared >> i & 1);
        bool taken = shm->exclusive[i] && !(vf->exclusive >> i & 1);
        if (taken || (exclusive && others > 0))
            return SQLITE_BUSY;
    }
    for (int i = from; i < from + n; i++) {
        unsigned bit = 1u << i;
        if (exclusive) {
            shm->exclusive[i] = true;
            vf->exclusive |= bit;
        } else if (!(vf->shared & bit)) {
            shm->shared[i]++;
            vf->shared |= bit;
        }
    }
    return SQLITE_OK;
}

static void vshm_barrier(sqlite3_file *f)
{
    (void)f;
}

static int vshm_unmap(sqlite3_file *f, int delete_it)
{
    struct vfile *vf = of(f);
    struct disk_shm *shm = &vf->file->shm;
    (void)delete_it;
    if (!vf->mapped)
        return SQLITE_OK;
    shm_unlock(vf, 0, DISK_SHM_LOCKS);
    vf->mapped = false;
    if (--shm->users > 0)
        return SQLITE_OK;
    for (int i = 0; i < DISK_SHM_REGIONS; i++)
        free(shm->regions[i]);
    *shm = (struct disk_shm){0};
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vclose,
    .xRead = vread,
    .xWrite = vwrite,
    .xTruncate = vtruncate,
    .xSync = vsync,
    .xFileSize = vsize,
    .xLock = vlock,
    .xUnlock = vlock,
    .xCheckReservedLock = vreserved,
    .xFileControl = vcontrol,
    .xSectorSize = vsector,
    .xDeviceCharacteristics = vdevice,
    .xShmMap = vshm_map,
    .xShmLock = vshm_lock,
    .xShmBarrier = vshm_barrier,
    .xShmUnmap = vshm_unmap,
};

/* ---- the VFS ---- */

static const char *relative(const struct disk *d, const char *path)
{
    size_t len = strlen(d->path);
    return strncmp(path, d->path, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static int vopen(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct vfile *vf = of(f);
    *vf = (struct vfile){.disk = disk_of(v)};
    if (name == NULL)
        return SQLITE_CANTOPEN; /* a temporary file: the store keeps those in memory */
    strncpy(vf->path, relative(vf->disk, name), sizeof vf->path - 1);
    vf->file = disk_open_file(vf->disk, vf->path, flags & SQLITE_OPEN_CREATE);
    if (vf->file == NULL)
        return SQLITE_CANTOPEN;
    vf->file->refs++;
    vf->base.pMethods = &methods;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vdelete(sqlite3_vfs *v, const char *name, int sync_dir)
{
    struct disk *d = disk_of(v);
    if (disk_remove(d, relative(d, name)) != 0)
        return SQLITE_IOERR_DELETE_NOENT;
    if (sync_dir)
        d->table.sync_dir(d, ".");
    return SQLITE_OK;
}

static int vaccess(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    struct disk *d = disk_of(v);
    struct disk_name *n = disk_find(d, relative(d, name));
    (void)flags;
    /* As the real one: an empty file is not there. */
    *out = n != NULL && n->now != NULL && (flags != SQLITE_ACCESS_EXISTS || n->now->now.size > 0);
    return SQLITE_OK;
}

static int vfull_path(sqlite3_vfs *v, const char *name, int len, char *out)
{
    (void)v;
    strncpy(out, name, (size_t)len);
    return SQLITE_OK;
}

static int vrandom(sqlite3_vfs *v, int len, char *out)
{
    for (int i = 0; i < len; i++)
        out[i] = (char)dice_next(&disk_of(v)->dice);
    return len;
}

static int vsleep(sqlite3_vfs *v, int us)
{
    (void)v;
    return us; /* nobody else would move meanwhile */
}

static int vnow(sqlite3_vfs *v, sqlite3_int64 *out)
{
    struct disk *d = disk_of(v);
    *out = d->now_ns(d->now_arg) / 1000000 + INT64_C(210866760000000);
    return SQLITE_OK;
}

void disk_vfs_init(struct disk *d)
{
    d->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct vfile),
        .mxPathname = 256,
        .zName = d->path,
        .pAppData = d,
        .xOpen = vopen,
        .xDelete = vdelete,
        .xAccess = vaccess,
        .xFullPathname = vfull_path,
        .xRandomness = vrandom,
        .xSleep = vsleep,
        .xCurrentTimeInt64 = vnow,
    };
    if (sqlite3_vfs_register(&d->vfs, 0) != SQLITE_OK)
        abort();
}
