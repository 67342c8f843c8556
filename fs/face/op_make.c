#include "fs/face/ops.h"

#include <string.h>
#include <sys/stat.h>
#include "fs/face/failure.h"
#include "fs/face/newdir.h"
#include "proto/code.h"

/* Where something can be made: in a box or below. The draft rule chooses what new/outbox is. */
static int settle_parent(struct face *face, struct turn *t, pid_t pid, uint64_t number,
                         struct place *parent)
{
    int rc = place_of(turn_view(t), number, parent);
    if (rc < 0)
        return rc;
    if (!place_is_dir(parent))
        return STORE_ERR_NOT_DIR;
    if (parent->kind == PLACE_OUTBOX && parent->floating)
        rc = newdir_for_entry(face, t, parent, pid, NULL);
    if (rc < 0)
        return rc;
    return (place_is_box(parent) || place_is_content(parent)) && parent->node != 0 ? 0
                                                                                   : STORE_ERR_PERM;
}

static int make_in_turn(struct face *face, struct turn *t, const struct place *parent,
                        const char *name, const struct node_new *what, struct place *child,
                        struct wormhole_place *in)
{
    uint64_t ino;
    struct node node;
    int rc = name_create(t, parent->node, name, strlen(name), what, &ino);
    if (rc == 0)
        rc = node_get(turn_view(t), ino, &node);
    if (rc == 0)
        rc = wormhole_of(turn_view(t), ino, in);
    if (rc < 0)
        return rc;
    place_of_node(parent, &node, child);
    return lookup_hold(face, child);
}

int make_node(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
              const struct node_new *what, struct place *parent, struct place *child)
{
    struct turn *t;
    struct wormhole_place in = {0};
    *child = (struct place){0};
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    rc = settle_parent(face, t, pid, parent_number, parent);
    if (rc == 0)
        rc = make_in_turn(face, t, parent, name, what, child, &in);
    rc = face_finish(t, rc);
    if (rc < 0) {
        lookup_forget(face, child->number, 1);
        return rc;
    }
    notify_twin(face->notify, parent, NULL);
    if (in.box == NODE_OUTBOX) {
        seal_created(face->seal, in.entry, child->node, what->type == NODE_DIR, pid);
        caller_touched(face, pid, in.wormhole);
    }
    return 0;
}

/* Makes it and answers with it. */
static int make_and_describe(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                             const struct node_new *what, struct fuse_entry_param *e)
{
    struct place parent, child;
    int rc = make_node(face, pid, parent_number, name, what, &parent, &child);
    failure_at(face, parent_number, NULL, pid, rc);
    return rc < 0 ? rc : attr_entry(face, &parent, &child, e);
}

/* A directory in the root is a wormhole; a name that is a code joins it. */
static int make_wormhole(struct face *face, const char *name, struct fuse_entry_param *e)
{
    struct turn *t;
    struct node node;
    struct place root, child = {0};
    uint64_t id;
    if (strcmp(name, PLACE_NEW_NAME) == 0 || strcmp(name, PLACE_CONTROL_NAME) == 0)
        return STORE_ERR_EXISTS;
    if (!place_root_name_ok(name))
        return STORE_ERR_PERM;
    if (strlen(name) > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    rc = place_of(turn_view(t), INODE_NUMBER_ROOT, &root);
    if (rc == 0)
        rc = wormhole_find(turn_view(t), name, strlen(name), &id);
    if (rc == 0)
        rc = STORE_ERR_EXISTS;
    else if (rc == STORE_ERR_NOT_FOUND)
        rc = engine_create(face->engine, t, name, strlen(name), false,
                           code_is_pgp(name) ? name : NULL, &id);
    if (rc == 0)
        rc = node_get(turn_view(t), id, &node);
    if (rc == 0) {
        place_of_node(&root, &node, &child);
        rc = lookup_hold(face, &child);
    }
    rc = face_finish(t, rc);
    if (rc < 0) {
        lookup_forget(face, child.number, 1);
        return rc;
    }
    return attr_entry(face, &root, &child, e);
}

static int do_mkdir(struct face *face, pid_t pid, uint64_t parent, const char *name, mode_t mode,
                    struct fuse_entry_param *e)
{
    struct node_new what = {.type = NODE_DIR, .mode = mode & 03777};
    if (parent == INODE_NUMBER_ROOT)
        return make_wormhole(face, name, e);
    return make_and_describe(face, pid, parent, name, &what, e);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct fuse_entry_param e;
    int rc = do_mkdir(face_of(req), pid_of(req), parent, name, mode, &e);
    reply_entry(req, rc, &e);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    struct fuse_entry_param e;
    struct node_new what = {.type = NODE_FILE, .mode = mode & 0777};
    (void)rdev;
    int rc = S_ISREG(mode) ? make_and_describe(face_of(req), pid_of(req), parent, name, &what, &e)
                           : STORE_ERR_PERM;
    reply_entry(req, rc, &e);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e;
    struct node_new what = {.type = NODE_SYMLINK, .mode = 0777, .target = target};
    int rc = make_and_describe(face_of(req), pid_of(req), parent, name, &what, &e);
    reply_entry(req, rc, &e);
}

/* A link at the top level would be an entry that shares bytes with another. */
static int link_in_turn(struct face *face, struct turn *t, uint64_t number, uint64_t parent_number,
                        const char *name, struct place *parent, struct place *child)
{
    struct place file;
    struct node node;
    int rc = place_of(turn_view(t), number, &file);
    if (rc == 0)
        rc = place_of(turn_view(t), parent_number, parent);
    if (rc != 0)
        return rc;
    if (!place_is_content(&file) || !place_is_content(parent))
        return FACE_ERR_CROSS;
    rc = name_link(t, file.node, parent->node, name, strlen(name));
    if (rc == 0)
        rc = node_get(turn_view(t), file.node, &node);
    if (rc < 0)
        return rc;
    place_of_node(parent, &node, child);
    return lookup_hold(face, child);
}

static int do_link(struct face *face, pid_t pid, uint64_t number, uint64_t parent_number,
                   const char *name, struct fuse_entry_param *e)
{
    struct turn *t;
    struct place parent, child = {0};
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    rc = link_in_turn(face, t, number, parent_number, name, &parent, &child);
    rc = face_finish(t, rc);
    if (rc < 0) {
        lookup_forget(face, child.number, 1);
        return rc;
    }
    notify_twin(face->notify, &parent, NULL);
    file_touched(face, child.node, NULL, pid);
    return attr_entry(face, &parent, &child, e);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e;
    int rc = do_link(face_of(req), pid_of(req), ino, parent, name, &e);
    failure_at(face_of(req), parent, NULL, pid_of(req), rc);
    reply_entry(req, rc, &e);
}

static int do_readlink(struct face *face, uint64_t number, char *out, size_t cap)
{
    struct view *v;
    struct place p;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = place_of(v, number, &p);
    if (rc == 0)
        rc = p.node == 0 ? STORE_ERR_INVALID : (int)node_target(v, p.node, out, cap);
    view_end(v);
    return rc < 0 ? rc : 0;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    char target[SYMLINK_BYTES_MAX + 1];
    int rc = do_readlink(face_of(req), ino, target, sizeof target);
    if (rc < 0)
        reply_result(req, rc);
    else
        fuse_reply_readlink(req, target);
}
