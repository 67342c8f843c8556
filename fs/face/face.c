#include "fs/face/face.h"

#include <stdlib.h>
#include "fs/face/code_file.h"
#include "fs/face/control.h"
#include "fs/face/events.h"
#include "fs/face/killed.h"
#include "fs/face/notify.h"
#include "fs/face/ops.h"
#include "fs/face/recent.h"
#include "fs/face/session_io.h"

/* default_permissions is a mount option. What is left out here is better done by the kernel: file
 * locks and shared maps work locally, ACLs there are none. Nor may the kernel drop its pages of a
 * file because the mtime that we report is new: it made the change itself, and another write to
 * these pages may be under way to us, and be overtaken by the read that brings them back. */
static void init(void *arg, struct fuse_conn_info *conn)
{
    (void)arg;
    static const unsigned wanted[] = {FUSE_CAP_PARALLEL_DIROPS,  FUSE_CAP_READDIRPLUS,
                                      FUSE_CAP_READDIRPLUS_AUTO, FUSE_CAP_ASYNC_DIO,
                                      FUSE_CAP_CACHE_SYMLINKS,   FUSE_CAP_EXPLICIT_INVAL_DATA};
    static const unsigned unwanted[] = {FUSE_CAP_WRITEBACK_CACHE, FUSE_CAP_ATOMIC_O_TRUNC,
                                        FUSE_CAP_POSIX_LOCKS,     FUSE_CAP_FLOCK_LOCKS,
                                        FUSE_CAP_SPLICE_READ,     FUSE_CAP_HANDLE_KILLPRIV,
                                        FUSE_CAP_POSIX_ACL,       FUSE_CAP_AUTO_INVAL_DATA};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        conn->want |= conn->capable & wanted[i];
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
        conn->want &= ~unwanted[i];
    if (conn->max_write > FACE_WRITE_BYTES_MAX)
        conn->max_write = FACE_WRITE_BYTES_MAX;
    conn->time_gran = 1;
    session_io_init_replies();
}

static struct fuse_lowlevel_ops ops_watched;
static pthread_once_t ops_once = PTHREAD_ONCE_INIT;

static void fill_ops(void)
{
    static const struct fuse_lowlevel_ops ops = {
        .init = init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .setattr = op_setattr,
        .statfs = op_statfs,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .readdirplus = op_readdirplus,
        .releasedir = op_releasedir,
        .fsyncdir = op_fsyncdir,
        .open = op_open,
        .create = op_create,
        .read = op_read,
        .write = op_write,
        .flush = op_flush,
        .release = op_release,
        .fsync = op_fsync,
        .lseek = op_lseek,
        .fallocate = op_fallocate,
        .poll = op_poll,
        .mkdir = op_mkdir,
        .mknod = op_mknod,
        .symlink = op_symlink,
        .link = op_link,
        .readlink = op_readlink,
        .unlink = op_unlink,
        .rmdir = op_rmdir,
        .rename = op_rename,
        .setxattr = op_setxattr,
        .getxattr = op_getxattr,
        .listxattr = op_listxattr,
        .removexattr = op_removexattr,
    };
    ops_watched = ops;
    killed_watch(&ops_watched);
}

const struct fuse_lowlevel_ops *face_ops(void)
{
    pthread_once(&ops_once, fill_ops);
    return &ops_watched;
}

int64_t face_now_ms(const struct face *face)
{
    return store_now_ns(face->store) / 1000000;
}

int face_finish(struct turn *t, int rc)
{
    if (rc < 0) {
        turn_abort(t);
        return rc;
    }
    return turn_checkpoint(t);
}

int face_open(struct face **out, struct store *store, const struct face_options *options)
{
    struct face *face = calloc(1, sizeof *face);
    if (!face)
        return STORE_ERR_NOMEM;
    pthread_rwlock_init(&face->seal_lock, NULL);
    face->options = *options;
    face->store = store;
    face->started_ns = store_now_ns(store);
    atomic_store(&face->root_changed_ns, face->started_ns);
    int rc = handles_open(&face->handles);
    if (rc == 0)
        rc = recent_open(&face->recent);
    if (rc == 0)
        rc = events_open(&face->events, store);
    if (rc == 0)
        rc = control_open(&face->control);
    if (rc == 0)
        rc = notify_open(&face->notify, face);
    if (rc < 0) {
        face_close(face);
        return rc;
    }
    *out = face;
    return 0;
}

static void changed(void *arg, enum engine_change what, uint64_t wormhole, uint64_t ino,
                    const char *name, size_t name_len)
{
    struct face *face = arg;
    (void)ino;
    notify_engine(face->notify, what, wormhole, name, name_len);
}

static bool writing(void *arg, uint64_t entry)
{
    struct face *face = arg;
    char command[64];
    pid_t pid;
    pthread_rwlock_rdlock(&face->seal_lock);
    bool is = face->seal && seal_writer(face->seal, entry, command, &pid);
    pthread_rwlock_unlock(&face->seal_lock);
    return is;
}

void face_watch(struct face *face, struct engine_watch *out)
{
    *out = (struct engine_watch){.arg = face, .changed = changed, .writing = writing};
}

static void set_seal(struct face *face, struct seal *seal)
{
    pthread_rwlock_wrlock(&face->seal_lock);
    face->seal = seal;
    pthread_rwlock_unlock(&face->seal_lock);
}

int face_start(struct face *face, struct engine *engine, struct seal *seal,
               struct fuse_session *session)
{
    face->engine = engine;
    face->session = session;
    set_seal(face, seal);
    int rc = session_io_install(session) < 0 ? STORE_ERR_NOMEM : 0;
    if (rc == 0)
        rc = code_file_open(&face->codes, face);
    if (rc == 0)
        rc = notify_start(face->notify);
    return rc;
}

void face_stop(struct face *face)
{
    /* The notify thread wakes the other one, so it goes first. */
    notify_stop(face->notify);
    code_file_close(face->codes);
    face->codes = NULL;
    set_seal(face, NULL); /* the engine may still ask who writes */
}

void face_close(struct face *face)
{
    if (!face)
        return;
    notify_close(face->notify);
    control_close(face->control);
    events_close(face->events);
    recent_close(face->recent);
    handles_close(face->handles);
    pthread_rwlock_destroy(&face->seal_lock);
    free(face);
}
