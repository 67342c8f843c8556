/* powerfs IMAGE MOUNTPOINT [--seed N] [--sync-ms N] [--lie] [--no-allocate] [FUSE option…]: a drive
 * (drive.h) as a file system.
 *
 * It begins with what is in the directory IMAGE. SIGUSR1 cuts the power within the next few
 * requests: what survives replaces the contents of IMAGE, the file IMAGE.cut says in one word what
 * was lost, and every request from then on fails with EIO, until it is unmounted. Unmounted alive
 * it leaves everything in IMAGE. A sync takes up to --sync-ms milliseconds (2), and covers what was
 * written before it began. With --lie it only says so, to show that a test finds out.
 * With --no-allocate there is no fallocate.
 *
 * The file IMAGE.fault, while it is there, makes the drive sick: `away` (every request fails with
 * EIO, as when the cable is out; a sync that does so loses what it was to write) or `read-only`
 * (whatever would change something fails with EROFS). */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse3/fuse.h>
#include <fuse3/fuse_opt.h>
#include <linux/falloc.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "tests/power/drive.h"

enum {
    REQUESTS_MAX = 64, /* from the signal to the cut */
    WAIT_MS = 200,     /* the same where no request comes */
    BLOCK = 4096,
    DRIVE_BLOCKS = 16 << 20,
};

static struct power {
    pthread_mutex_t lock;
    pthread_cond_t died;
    struct drive *drive;
    char image[PATH_MAX];
    unsigned sync_ms;
    bool lie, cannot_allocate, cutting, dead;
    uint64_t requests_left;
} power = {.lock = PTHREAD_MUTEX_INITIALIZER, .died = PTHREAD_COND_INITIALIZER};

/* ---- the cut ---- */

static const char *const losses[] = {
    [DRIVE_LOSES_ALL] = "all",
    [DRIVE_LOSES_LATEST] = "latest",
    [DRIVE_LOSES_SOME] = "some",
};

static void say(const char *word)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.cut", power.image);
    FILE *f = fopen(path, "w");
    if (!f || fprintf(f, "%s\n", word) < 0 || fclose(f) != 0)
        abort();
}

static void cut(void)
{
    enum drive_loss loss = (enum drive_loss)drive_draw(power.drive, DRIVE_LOSES_SOME + 1);
    int rc = drive_cut(power.drive, power.image, &loss);
    power.dead = true;
    say(rc ? strerror(-rc) : losses[loss]);
    pthread_cond_broadcast(&power.died);
}

static struct timespec in_ms(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += (long)ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void *wait_for_cut(void *arg)
{
    sigset_t set;
    int signal;
    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &signal);
    const struct timespec until = in_ms(WAIT_MS);
    pthread_mutex_lock(&power.lock);
    power.requests_left = drive_draw(power.drive, REQUESTS_MAX);
    power.cutting = true;
    while (!power.dead && pthread_cond_timedwait(&power.died, &power.lock, &until) == 0)
        continue;
    if (!power.dead)
        cut();
    pthread_mutex_unlock(&power.lock);
    return NULL;
}

/* ---- around each request ---- */

static int fault(bool changes)
{
    char path[PATH_MAX + 8], word[16] = "";
    snprintf(path, sizeof path, "%s.fault", power.image);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (!fgets(word, sizeof word, f))
        word[0] = '\0';
    fclose(f);
    if (strncmp(word, "away", 4) == 0)
        return -EIO;
    return changes && strncmp(word, "read-only", 9) == 0 ? -EROFS : 0;
}

/* With the lock from 0 on. */
static int enter_to(bool changes)
{
    int rc = fault(changes);
    pthread_mutex_lock(&power.lock);
    if (!power.dead && power.cutting && power.requests_left-- == 0)
        cut();
    if (power.dead)
        rc = -EIO;
    if (rc)
        pthread_mutex_unlock(&power.lock);
    return rc;
}

static int enter(void)
{
    return enter_to(false);
}

static int enter_to_change(void)
{
    return enter_to(true);
}

static int leave(int rc)
{
    pthread_mutex_unlock(&power.lock);
    return rc;
}

static struct drive_node *node_of(const char *path, const struct fuse_file_info *fi)
{
    /* the field is made to hold a pointer */
    return fi ? (struct drive_node *)(uintptr_t)fi->fh : drive_find(power.drive, path);
}

/* ---- names ---- */

static void fill_stat(const struct drive_node *n, struct stat *st)
{
    *st = (struct stat){
        .st_ino = n->number,
        .st_mode = n->mode | (n->directory ? S_IFDIR : S_IFREG),
        .st_nlink = n->named ? 1 : 0,
        .st_uid = getuid(),
        .st_gid = getgid(),
        .st_size = (off_t)drive_size(n),
        .st_blksize = BLOCK,
        .st_blocks = (blkcnt_t)((drive_size(n) + 511) / 512),
    };
}

static int op_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    int rc = enter();
    if (rc)
        return rc;
    const struct drive_node *n = node_of(path, fi);
    if (n)
        fill_stat(n, st);
    return leave(n ? 0 : -ENOENT);
}

static int op_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
    (void)path;
    (void)offset;
    (void)flags;
    int rc = enter();
    if (rc)
        return rc;
    fill(buf, ".", NULL, 0, 0);
    fill(buf, "..", NULL, 0, 0);
    for (struct drive_name *name = drive_names(node_of(NULL, fi)); name; name = name->next)
        if (name->now)
            fill(buf, name->text, NULL, 0, 0);
    return leave(0);
}

static int make(const char *path, bool directory, mode_t mode, struct fuse_file_info *fi)
{
    struct drive_node *n;
    int rc = enter_to_change();
    if (rc)
        return rc;
    rc = drive_make(power.drive, path, directory, mode & 0777, &n);
    if (rc == 0 && fi)
        fi->fh = (uint64_t)(uintptr_t)n;
    else if (rc == 0)
        drive_drop(power.drive, n);
    return leave(rc);
}

static int op_mkdir(const char *path, mode_t mode)
{
    return make(path, true, mode, NULL);
}

static int op_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    return make(path, false, mode, fi);
}

static int op_unlink(const char *path)
{
    int rc = enter_to_change();
    return rc ? rc : leave(drive_unlink(power.drive, path));
}

static int op_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
    int rc = enter_to_change();
    if (rc)
        return rc;
    struct drive_node *n = node_of(path, fi);
    if (n)
        n->mode = mode & 0777;
    return leave(n ? 0 : -ENOENT);
}

static int op_open(const char *path, struct fuse_file_info *fi)
{
    int rc = enter();
    if (rc)
        return rc;
    struct drive_node *n = drive_find(power.drive, path);
    if (n) {
        drive_hold(n);
        fi->fh = (uint64_t)(uintptr_t)n;
    }
    return leave(n ? 0 : -ENOENT);
}

/* Also without power: it is memory that is given back. */
static int op_release(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    pthread_mutex_lock(&power.lock);
    drive_drop(power.drive, node_of(NULL, fi));
    return leave(0);
}

/* ---- bytes ---- */

static int op_read(const char *path, char *buf, size_t size, off_t offset,
                   struct fuse_file_info *fi)
{
    (void)path;
    int rc = enter();
    if (rc)
        return rc;
    return leave((int)drive_read(node_of(NULL, fi), buf, size, (uint64_t)offset));
}

static int op_write(const char *path, const char *buf, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)path;
    int rc = enter_to_change();
    if (rc)
        return rc;
    rc = drive_write(power.drive, node_of(NULL, fi), buf, size, (uint64_t)offset);
    return leave(rc ? rc : (int)size);
}

static int op_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    int rc = enter_to_change();
    if (rc)
        return rc;
    struct drive_node *n = node_of(path, fi);
    return leave(n ? drive_truncate(power.drive, n, (uint64_t)size) : -ENOENT);
}

static int op_fallocate(const char *path, int mode, off_t offset, off_t len,
                        struct fuse_file_info *fi)
{
    (void)path;
    if (power.cannot_allocate)
        return -EOPNOTSUPP;
    int rc = enter_to_change();
    if (rc)
        return rc;
    struct drive_node *n = node_of(NULL, fi);
    uint64_t end = (uint64_t)offset + (uint64_t)len;
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
        rc = drive_punch(power.drive, n, (uint64_t)offset, (uint64_t)len);
    else if (mode == 0 && end > drive_size(n))
        rc = drive_truncate(power.drive, n, end);
    else if (mode & ~FALLOC_FL_KEEP_SIZE)
        rc = -EOPNOTSUPP;
    return leave(rc);
}

/* The drive was away: what was to be written is lost, and only its writer is told. */
static int fail_sync(struct drive_node *n, int rc)
{
    pthread_mutex_lock(&power.lock);
    if (!power.dead)
        drive_fail_sync(n, drive_moment(power.drive));
    return leave(rc);
}

/* The time that it takes passes without the lock: others write meanwhile, and the power may fail.
 */
static int op_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
    (void)path;
    (void)datasync;
    int rc = enter();
    if (rc)
        return fail_sync(node_of(NULL, fi), rc);
    uint64_t moment = drive_moment(power.drive);
    uint64_t pause_us = drive_draw(power.drive, (uint64_t)power.sync_ms * 1000 + 1);
    leave(0);
    usleep((useconds_t)pause_us);
    rc = enter();
    if (rc)
        return fail_sync(node_of(NULL, fi), rc);
    return leave(power.lie ? 0 : drive_sync(power.drive, node_of(NULL, fi), moment));
}

static int op_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    int rc = enter();
    if (rc)
        return rc;
    *st = (struct statvfs){.f_bsize = BLOCK,
                           .f_frsize = BLOCK,
                           .f_blocks = DRIVE_BLOCKS,
                           .f_bfree = DRIVE_BLOCKS,
                           .f_bavail = DRIVE_BLOCKS,
                           .f_files = DRIVE_BLOCKS,
                           .f_ffree = DRIVE_BLOCKS,
                           .f_favail = DRIVE_BLOCKS,
                           .f_namemax = DRIVE_NAME_MAX};
    return leave(0);
}

/* ---- beginning and end ---- */

static void *op_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    pthread_t thread;
    (void)conn;
    config->use_ino = 1;
    config->hard_remove = 1;
    config->nullpath_ok = 1;
    if (pthread_create(&thread, NULL, wait_for_cut, NULL))
        abort();
    pthread_detach(thread);
    return NULL;
}

static void op_destroy(void *data)
{
    (void)data;
    pthread_mutex_lock(&power.lock);
    if (!power.dead && drive_cut(power.drive, power.image, NULL))
        abort();
    power.dead = true;
    pthread_cond_broadcast(&power.died);
    pthread_mutex_unlock(&power.lock);
}

static const struct fuse_operations operations = {
    .getattr = op_getattr,
    .readdir = op_readdir,
    .mkdir = op_mkdir,
    .create = op_create,
    .unlink = op_unlink,
    .chmod = op_chmod,
    .open = op_open,
    .opendir = op_open,
    .release = op_release,
    .releasedir = op_release,
    .read = op_read,
    .write = op_write,
    .truncate = op_truncate,
    .fallocate = op_fallocate,
    .fsync = op_fsync,
    .fsyncdir = op_fsync,
    .statfs = op_statfs,
    .init = op_init,
    .destroy = op_destroy,
};

struct arguments {
    char *image;
    unsigned long seed;
    unsigned sync_ms;
    int lie, cannot_allocate;
};

static const struct fuse_opt option_list[] = {
    {"--seed %lu", offsetof(struct arguments, seed), 0},
    {"--sync-ms %u", offsetof(struct arguments, sync_ms), 0},
    {"--lie", offsetof(struct arguments, lie), 1},
    {"--no-allocate", offsetof(struct arguments, cannot_allocate), 1},
    FUSE_OPT_END,
};

/* The first word is the image, the rest is libfuse's. */
static int word(void *data, const char *arg, int key, struct fuse_args *out)
{
    struct arguments *a = data;
    (void)out;
    if (key != FUSE_OPT_KEY_NONOPT || a->image)
        return 1;
    a->image = realpath(arg, NULL);
    return a->image ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
    struct arguments a = {.seed = 1, .sync_ms = 2};
    sigset_t set;
    if (fuse_opt_parse(&args, &a, option_list, word) < 0 || !a.image) {
        fprintf(stderr, "usage: powerfs IMAGE MOUNTPOINT [--seed N] [--sync-ms N] [--lie] "
                        "[--no-allocate]\n");
        return 2;
    }
    snprintf(power.image, sizeof power.image, "%s", a.image);
    free(a.image);
    power.sync_ms = a.sync_ms;
    power.lie = a.lie != 0;
    power.cannot_allocate = a.cannot_allocate != 0;
    int rc = drive_load(&power.drive, power.image, a.seed);
    if (rc) {
        fprintf(stderr, "powerfs: %s: %s\n", power.image, strerror(-rc));
        return 1;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    rc = fuse_main(args.argc, args.argv, &operations, NULL);
    fuse_opt_free_args(&args);
    return rc; /* the drive's memory goes with the process: the cutting thread may still look at it
                */
}
