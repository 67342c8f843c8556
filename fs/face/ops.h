/* The operations, one a FUSE request, grouped in op_*.c; and what they share. For face.c and op_*.c
 * only.
 *
 * A do_X returns 0 or a negative error and fills what the reply needs; its op_X replies, once. */
#ifndef FS_FACE_OPS_H
#define FS_FACE_OPS_H

#include "fs/face/attr.h"
#include "fs/face/face.h"
#include "fs/face/limits.h"
#include "fs/face/notify.h"
#include "fs/face/place.h"
#include "store/namespace.h"

static inline struct face *face_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static inline pid_t pid_of(fuse_req_t req)
{
    return fuse_req_ctx(req)->pid;
}

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
    return (struct handle *)(uintptr_t)fi->fh;
}

static inline void reply_result(fuse_req_t req, int rc)
{
    fuse_reply_err(req, errno_map(rc));
}

/* op_lookup.c: a reply with an entry counts as a lookup, and lookups hold nodes (node_hold). */
void reply_entry(fuse_req_t req, int rc, const struct fuse_entry_param *e);
/* Holds what the kernel is about to know under `p`. 0 or NOMEM. */
int lookup_hold(struct face *face, const struct place *p);
void lookup_forget(struct face *face, uint64_t number, uint64_t count);

/* One place, read in a view of its own. */
int look_at(struct face *face, uint64_t number, struct place *out);
/* The same as the process of this thread sees it (newdir_look). */
int look_as(struct face *face, pid_t pid, uint64_t number, struct place *out);

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

/* op_attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
                struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* op_dir.c */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* op_file.c */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
/* The entry that an open file belongs to now; 0 if it is in no outbox. */
uint64_t file_entry(struct face *face, struct handle *h);
/* The process of this thread changed something in the outbox of the wormhole (draft rule). */
void caller_touched(struct face *face, pid_t pid, uint64_t wormhole);
/* This process changed something of `node` (not its bytes); h may be NULL. Only outboxes care. */
void file_touched(struct face *face, uint64_t node, const struct handle *h, pid_t pid);

/* op_data.c */
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
              struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  struct fuse_file_info *fi);

/* op_make.c */
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
/* A new node under a name, with all that goes with it: the draft rule, the hold, the notices.
 * `child` is what was made, `parent` where. The caller replies with it. */
int make_node(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
              const struct node_new *what, struct place *parent, struct place *child);

/* op_remove.c, op_rename.c */
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned int flags);

/* op_xattr.c */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
                 int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
