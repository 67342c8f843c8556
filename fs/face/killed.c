#include "fs/face/killed.h"

#include "fs/face/ops.h"
#include "fs/seal/doomed.h"

/* On another thread, before the request is answered as far as the kernel knows. */
static void interrupted(fuse_req_t req, void *arg)
{
    (void)arg;
    doomed_look(pid_of(req));
}

static void watch(fuse_req_t req)
{
    fuse_req_interrupt_func(req, interrupted, NULL);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    watch(req);
    op_lookup(req, parent, name);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    watch(req);
    op_getattr(req, ino, fi);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    watch(req);
    op_open(req, ino, fi);
}

static void get_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    watch(req);
    op_getxattr(req, ino, name, size);
}

static void setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
                    struct fuse_file_info *fi)
{
    watch(req);
    op_setattr(req, ino, attr, what, fi);
}

static void create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                   struct fuse_file_info *fi)
{
    watch(req);
    op_create(req, parent, name, mode, fi);
}

static void flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    watch(req);
    op_flush(req, ino, fi);
}

static void make_dir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    watch(req);
    op_mkdir(req, parent, name, mode);
}

static void make_file(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    watch(req);
    op_mknod(req, parent, name, mode, rdev);
}

static void make_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    watch(req);
    op_symlink(req, target, parent, name);
}

static void make_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    watch(req);
    op_link(req, ino, parent, name);
}

static void remove_file(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    watch(req);
    op_unlink(req, parent, name);
}

static void remove_dir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    watch(req);
    op_rmdir(req, parent, name);
}

static void give_name(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned int flags)
{
    watch(req);
    op_rename(req, parent, name, new_parent, new_name, flags);
}

static void set_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                      size_t size, int flags)
{
    watch(req);
    op_setxattr(req, ino, name, value, size, flags);
}

static void remove_xattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    watch(req);
    op_removexattr(req, ino, name);
}

void killed_watch(struct fuse_lowlevel_ops *ops)
{
    ops->lookup = look_up;
    ops->getattr = getattr;
    ops->open = open_file;
    ops->getxattr = get_xattr;
    ops->setattr = setattr;
    ops->create = create;
    ops->flush = flush;
    ops->mkdir = make_dir;
    ops->mknod = make_file;
    ops->symlink = make_symlink;
    ops->link = make_link;
    ops->unlink = remove_file;
    ops->rmdir = remove_dir;
    ops->rename = give_name;
    ops->setxattr = set_xattr;
    ops->removexattr = remove_xattr;
}
