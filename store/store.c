#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store/core.h"
#include "store/migrate.h"
#include "store/nodes.h"

static int refuse(char *why, int err, const char *text, const char *dir)
{
    snprintf(why, STORE_WHY_MAX, "%s %.350s: %s", text, dir, store_strerror(err));
    return err;
}

/* For what the disk says. */
static int refuse_io(char *why, int negative_errno, const char *text, const char *dir)
{
    int err = io_error(negative_errno);
    if (negative_errno != -EROFS)
        return refuse(why, err, text, dir);
    snprintf(why, STORE_WHY_MAX, "%s %.350s: it is on a read-only file system", text, dir);
    return err;
}

/* ---- the directory and its lock ---- */

static int known_name(void *arg, const char *name)
{
    (void)arg;
    static const char *const ours[] = {"lock", "spool", "reserve", "lost+found"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0)
            return 0;
    return 1;
}

/* Looks at the head of the file before anything is made beside it: SQLite's magic, and our id at
 * its place in the format. A creation that was cut short has neither yet, but an empty file or
 * SQLite's own journal of it; then migrate_run decides. */
static int check_journal(struct store *s)
{
    uint8_t head[100];
    struct io_file f;
    struct stat st;
    int rc = io_open(s->io, s->dir, "journal.sqlite", O_RDONLY, &f);
    if (rc)
        return io_error(rc);
    ssize_t n = io_pread(s->io, &f, head, sizeof head, 0);
    io_close(&f);
    if (n < 0)
        return io_error((int)n);
    if (n == 0 || io_stat(s->io, s->dir, "journal.sqlite-journal", &st) == 0)
        return 0;
    uint32_t id =
        (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    bool ours = n == sizeof head && memcmp(head, "SQLite format 3", 16) == 0 &&
                id == MIGRATE_APPLICATION_ID;
    return ours ? 0 : STORE_ERR_FOREIGN;
}

static int any_name(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return 1;
}

/* A directory without a journal may only hold what a first start that was interrupted leaves: no
 * bytes in the spool (CORRUPT), for the journal's name is durable before any come there. */
static int check_directory(struct store *s)
{
    struct stat st;
    int rc = io_stat(s->io, s->dir, "journal.sqlite", &st);
    if (rc == 0)
        return S_ISREG(st.st_mode) ? check_journal(s) : STORE_ERR_FOREIGN;
    if (rc != -ENOENT)
        return io_error(rc);
    rc = io_list(s->io, s->dir, ".", known_name, NULL);
    if (rc)
        return rc == 1 ? STORE_ERR_FOREIGN : io_error(rc);
    rc = io_list(s->io, s->dir, "spool", any_name, NULL);
    if (rc == 0 || rc == -ENOENT)
        return 0;
    return rc == 1 ? STORE_ERR_CORRUPT : io_error(rc);
}

static int open_directory(struct store *s, const char *dir, char *why)
{
    int rc = io_mkdir(s->io, AT_FDCWD, dir);
    if (rc && rc != -EEXIST)
        return refuse_io(why, rc, "cannot make the store", dir);
    rc = io_open_dir(s->io, dir, &s->dir);
    if (rc)
        return refuse_io(why, rc, "cannot open the store", dir);
    rc = check_directory(s);
    if (rc == STORE_ERR_FOREIGN) {
        snprintf(
            why, STORE_WHY_MAX,
            "%.400s is in use for something else: it is not empty and not a store of wormholefs",
            dir);
        return rc;
    }
    if (rc == STORE_ERR_CORRUPT) {
        snprintf(why, STORE_WHY_MAX,
                 "the store %.350s has files in its spool and no journal.sqlite: put that back, "
                 "with journal.sqlite-wal, or choose another directory",
                 dir);
        return rc;
    }
    return rc ? refuse(why, rc, "cannot read the store", dir) : 0;
}

static int name_owner(struct store *s, const char *dir, char *why)
{
    char pid[24] = "";
    ssize_t n = io_pread(s->io, &s->lock, pid, sizeof pid - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    snprintf(why, STORE_WHY_MAX, "the store %.400s is in use by process %s", dir,
             pid[0] ? pid : "?");
    return STORE_ERR_LOCKED;
}

static bool exists(const struct store *s, const char *path)
{
    struct stat st;
    return io_stat(s->io, s->dir, path, &st) == 0;
}

static int take_lock(struct store *s, const char *dir, char *why)
{
    s->lock_made = !exists(s, "lock");
    int rc = io_open(s->io, s->dir, "lock", O_RDWR | O_CREAT, &s->lock);
    if (rc)
        return refuse_io(why, rc, "cannot lock the store", dir);
    rc = io_lock(s->io, &s->lock);
    if (rc == -EWOULDBLOCK)
        return name_owner(s, dir, why);
    if (rc)
        return refuse_io(why, rc, "cannot lock the store", dir);
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    rc = io_pwrite(s->io, &s->lock, pid, (size_t)len, 0);
    if (rc == 0)
        rc = io_truncate(s->io, &s->lock, (uint64_t)len);
    /* The pid is for people. On a full disk the lock alone must do. */
    if (rc && rc != -ENOSPC && rc != -EDQUOT)
        return refuse_io(why, rc, "cannot lock the store", dir);
    return 0;
}

/* The last of the store's names: all of them, the WAL's too, must be durable before anything behind
 * them is promised. Also if it is there, for an earlier start may have made it and no more. */
static int make_spool(struct store *s, const char *dir, char *why)
{
    int rc = io_mkdir(s->io, s->dir, "spool");
    if (rc == 0 || rc == -EEXIST)
        rc = io_sync_dir(s->io, s->dir, ".");
    return rc ? refuse_io(why, rc, "cannot make the spool of", dir) : 0;
}

/* ---- opening and closing ---- */

static int init_parts(struct store *s)
{
    if (pthread_mutex_init(&s->writer, NULL) || pthread_mutex_init(&s->readers_lock, NULL) ||
        pthread_cond_init(&s->reader_free, NULL))
        return STORE_ERR_NOMEM;
    int rc = syncer_init(&s->sync);
    if (rc == 0)
        rc = freeze_init(&s->freeze);
    if (rc == 0)
        rc = holds_init(&s->holds);
    if (rc == 0)
        rc = holds_init(&s->opens);
    if (rc == 0)
        rc = spool_init(&s->spool, s);
    return rc;
}

static void release_parts(struct store *s)
{
    spool_release(&s->spool);
    holds_release(&s->holds);
    holds_release(&s->opens);
    freeze_release(&s->freeze);
    syncer_release(&s->sync);
    pthread_cond_destroy(&s->reader_free);
    pthread_mutex_destroy(&s->readers_lock);
    pthread_mutex_destroy(&s->writer);
    free(s);
}

static void shut(struct store *s)
{
    journal_close(s);
    vfs_release(&s->vfs);
    io_close(&s->lock);
    io_close_dir(s->io, s->dir);
    release_parts(s);
}

static int open_journal(struct store *s, const char *dir, char *why)
{
    char *real = io_absolute(s->io, dir);
    if (!real)
        return refuse_io(why, -errno, "cannot open the store", dir);
    int rc = vfs_init(&s->vfs, s->io, real);
    if (rc)
        refuse(why, rc, "cannot open the store", dir);
    s->vfs.make_room = turn_make_room;
    s->vfs.make_room_arg = s;
    if (rc == 0)
        rc = journal_open(s, real, why);
    free(real);
    return rc;
}

static int open_all(struct store *s, const char *dir, char *why)
{
    int rc = open_directory(s, dir, why);
    if (rc == 0)
        rc = take_lock(s, dir, why);
    if (rc)
        return rc;
    s->reserve_made = !exists(s, "reserve");
    reserve_init(&s->reserve, s->io, s->dir);
    atomic_store(&s->tight, !s->reserve.held);
    s->turn.open = s->turn.relief = true; /* a start on a full disk may use the reserve */
    rc = open_journal(s, dir, why);
    s->turn.open = false;
    if (rc == 0)
        rc = make_spool(s, dir, why);
    if (rc)
        return rc;
    (void)io_make_private(s->io, s->dir); /* another's directory belongs to the other anyway */
    rc = recover_run(s);
    return rc ? refuse(why, rc, "cannot recover the store", dir) : 0;
}

/* Only the journal could say that this is somebody else's, and it was opened under our lock. */
static void leave_no_trace(struct store *s)
{
    if (s->reserve_made)
        io_unlink(s->io, s->dir, "reserve");
    if (s->lock_made)
        io_unlink(s->io, s->dir, "lock");
}

int store_open(struct store **out, const char *dir, const struct io *io,
               char why[static STORE_WHY_MAX])
{
    *out = NULL;
    why[0] = '\0';
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return refuse(why, STORE_ERR_NOMEM, "cannot open the store", dir);
    s->io = io;
    s->dir = -1;
    s->lock.fd = -1;
    int rc = init_parts(s);
    if (rc) {
        free(s);
        return refuse(why, rc, "cannot open the store", dir);
    }
    rc = open_all(s, dir, why);
    if (rc == STORE_ERR_NOSPACE || rc == STORE_ERR_QUOTA)
        snprintf(why, STORE_WHY_MAX,
                 "the disk of the store %.350s is full, and a start needs a little of it: "
                 "nothing is lost, make room there and mount again",
                 dir);
    if (rc) {
        if (rc == STORE_ERR_FOREIGN || rc == STORE_ERR_NEWER)
            leave_no_trace(s);
        shut(s);
        return rc;
    }
    atomic_store(&s->erased, true); /* whoever had it open may have died with a scrub owed */
    *out = s;
    return 0;
}

void store_drain(struct store *s)
{
    (void)store_sync(s);
    syncer_cancel(&s->sync.queue);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_drain(s);
    (void)spool_reap(&s->spool);
    shut(s);
}

bool store_reap(struct store *s)
{
    return spool_reap(&s->spool);
}

bool store_make_room(struct store *s)
{
    unsigned long long before = atomic_load(&s->spool.deleted);
    while (node_sweep(s) > 0)
        ;
    (void)store_sync(s);
    (void)spool_reap(&s->spool);
    return atomic_load(&s->spool.deleted) != before;
}

/* ---- the small questions ---- */

bool store_tight(struct store *s)
{
    return atomic_load(&s->tight);
}

int store_space(struct store *s, struct store_space *out)
{
    struct statvfs st;
    int rc = io_statvfs(s->io, s->dir, &st);
    if (rc)
        return io_error(rc);
    *out = (struct store_space){
        .total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
        .free_bytes = (uint64_t)st.f_bavail * st.f_frsize,
        .files = st.f_files,
        .files_free = st.f_favail,
    };
    if (store_tight(s))
        out->free_bytes = 0;
    return 0;
}

void store_on_unseal(struct store *s, store_unseal_fn *fn, void *arg)
{
    s->unseal = fn;
    s->unseal_arg = arg;
}

int64_t store_now_ns(const struct store *s)
{
    return io_now_ns(s->io);
}
