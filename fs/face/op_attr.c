#include "fs/face/ops.h"

#include <string.h>
#include <sys/statvfs.h>
#include "fs/face/newdir.h"
#include "fs/face/failure.h"
#include "store/content.h"

static int do_getattr(struct face *face, uint64_t number, struct stat *st, double *timeout_s)
{
    struct place p;
    int rc = look_at(face, number, &p);
    if (rc < 0)
        return rc;
    *timeout_s = attr_timeout(&p);
    return attr_fill(face, &p, st);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st;
    double timeout_s = 0;
    (void)fi;
    int rc = do_getattr(face_of(req), ino, &st, &timeout_s);
    if (rc < 0)
        reply_result(req, rc);
    else
        fuse_reply_attr(req, &st, timeout_s);
}

/* Everything belongs to one user. */
static int check_owner(const struct face *face, const struct stat *attr, int what)
{
    bool other = (what & FUSE_SET_ATTR_UID && attr->st_uid != face->options.uid) ||
                 (what & FUSE_SET_ATTR_GID && attr->st_gid != face->options.gid);
    return other ? STORE_ERR_PERM : 0;
}

static int64_t ns_of(const struct timespec *t)
{
    return node_time_ns(t->tv_sec, (uint32_t)t->tv_nsec);
}

static int set_times(struct turn *t, uint64_t node, const struct stat *attr, int what)
{
    int64_t atime_ns = INT64_MIN, mtime_ns = INT64_MIN;
    if (what & FUSE_SET_ATTR_ATIME_NOW)
        atime_ns = turn_now_ns(t);
    else if (what & FUSE_SET_ATTR_ATIME)
        atime_ns = ns_of(&attr->st_atim);
    if (what & FUSE_SET_ATTR_MTIME_NOW)
        mtime_ns = turn_now_ns(t);
    else if (what & FUSE_SET_ATTR_MTIME)
        mtime_ns = ns_of(&attr->st_mtim);
    return node_set_times(t, node, atime_ns, mtime_ns);
}

enum {
    WHAT_TIMES = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                 FUSE_SET_ATTR_MTIME_NOW,
};

/* A set-user-id bit would be a promise to nobody: the mount is nosuid, and peers do not make them.
 */
static uint32_t mode_of(const struct place *p, mode_t mode)
{
    return mode & (place_is_dir(p) ? 03777 : 0777);
}

/* Mode and times, in one turn. */
static int set_plain(struct face *face, const struct place *p, const struct stat *attr, int what)
{
    struct turn *t;
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    if (what & FUSE_SET_ATTR_MODE)
        rc = node_set_mode(t, p->node, mode_of(p, attr->st_mode));
    if (rc == 0 && what & WHAT_TIMES)
        rc = set_times(t, p->node, attr, what);
    return face_finish(t, rc);
}

static int set_content(struct face *face, const struct place *p, const struct stat *attr, int what)
{
    int rc = 0;
    if (what & FUSE_SET_ATTR_SIZE)
        rc = attr->st_size < 0 ? STORE_ERR_INVALID
                               : content_truncate(face->store, p->node, (uint64_t)attr->st_size);
    if (rc == 0 && what & (FUSE_SET_ATTR_MODE | WHAT_TIMES))
        rc = set_plain(face, p, attr, what);
    return rc;
}

/* A control file takes O_TRUNC and touch in good part, and keeps its mode. */
static int set_control(const struct place *p, int what)
{
    if (what & FUSE_SET_ATTR_MODE || (what & FUSE_SET_ATTR_SIZE && p->kind != PLACE_CODE))
        return STORE_ERR_PERM;
    return 0;
}

static int set_attr(struct face *face, const struct place *p, const struct stat *attr, int what)
{
    int rc = check_owner(face, attr, what);
    if (rc < 0)
        return rc;
    if (!place_is_dir(p) && !place_is_content(p))
        return set_control(p, what);
    if (p->node == 0) /* the root, .wormholefs, new/ without a draft: rsync -a sets times here */
        return what & FUSE_SET_ATTR_MODE ? STORE_ERR_PERM : 0;
    return set_content(face, p, attr, what);
}

static int do_setattr(struct face *face, pid_t pid, uint64_t number, const struct stat *attr,
                      int what, struct handle *h, struct stat *out, double *timeout_s)
{
    struct place p;
    int rc = look_at(face, number, &p);
    if (rc == 0 && !h)
        rc = newdir_check(face, &p, pid);
    if (rc == 0)
        rc = set_attr(face, &p, attr, what);
    if (rc == 0) {
        notify_twin(face->notify, &p, NULL);
        if (place_is_content(&p))
            file_touched(face, p.node, h, pid);
        rc = do_getattr(face, number, out, timeout_s);
    } else if (what & FUSE_SET_ATTR_SIZE) {
        failure_at(face, number, h, pid, rc);
    }
    return rc;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
                struct fuse_file_info *fi)
{
    struct stat st;
    double timeout_s = 0;
    int rc = do_setattr(face_of(req), pid_of(req), ino, attr, what, fi ? handle_of(fi) : NULL, &st,
                        &timeout_s);
    if (rc < 0)
        reply_result(req, rc);
    else
        fuse_reply_attr(req, &st, timeout_s);
}

static int do_statfs(struct face *face, struct statvfs *out)
{
    struct store_space space;
    int rc = store_space(face->store, &space);
    if (rc < 0)
        return rc;
    *out = (struct statvfs){
        .f_bsize = 4096,
        .f_frsize = 4096,
        .f_blocks = space.total_bytes / 4096,
        .f_bfree = space.free_bytes / 4096,
        .f_bavail = space.free_bytes / 4096,
        .f_files = space.files,
        .f_ffree = space.files_free,
        .f_favail = space.files_free,
        .f_namemax = NAME_BYTES_MAX,
    };
    return 0;
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct statvfs out;
    (void)ino;
    int rc = do_statfs(face_of(req), &out);
    if (rc < 0)
        reply_result(req, rc);
    else
        fuse_reply_statfs(req, &out);
}
