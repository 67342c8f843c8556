#include "fs/face/ops.h"

#include <errno.h>
#include "fs/face/newdir.h"
#include "fs/face/passage.h"

/* The store's node behind a number; 0 if it needs no hold. */
static uint64_t held_node(uint64_t number)
{
    struct inode i = inode_of(number);
    return i.kind == INODE_NODE || i.kind == INODE_FACADE ? i.node : 0;
}

int lookup_hold(struct face *face, const struct place *p)
{
    uint64_t node = held_node(p->number);
    return node != 0 ? node_hold(face->store, node) : 0;
}

void lookup_forget(struct face *face, uint64_t number, uint64_t count)
{
    uint64_t node = held_node(number);
    if (node != 0)
        node_unhold(face->store, node, count);
}

void reply_entry(fuse_req_t req, int rc, const struct fuse_entry_param *e)
{
    struct face *face = face_of(req);
    if (rc != 0)
        reply_result(req, rc);
    else if (fuse_reply_entry(req, e) == -ENOENT)
        lookup_forget(face, e->ino, 1); /* the caller is gone, the kernel does not know it */
}

int look_at(struct face *face, uint64_t number, struct place *out)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = place_of(v, number, out);
    view_end(v);
    return rc;
}

int look_as(struct face *face, pid_t pid, uint64_t number, struct place *out)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = newdir_place(face, v, number, pid, out);
    view_end(v);
    return rc;
}

static int do_lookup(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                     struct fuse_entry_param *e)
{
    struct view *v;
    struct place parent, child;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = newdir_place(face, v, parent_number, pid, &parent);
    if (rc == 0)
        rc = place_child(v, &parent, name, &child);
    if (rc == 0)
        rc = lookup_hold(face, &child);
    view_end(v);
    if (rc != 0)
        return rc;
    if (place_is_content(&child))
        passage_note(pid, child.node, parent.kind == PLACE_OUTBOX && parent.floating);
    rc = attr_entry(face, &parent, &child, e);
    if (rc < 0)
        lookup_forget(face, child.number, 1);
    return rc;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e;
    int rc = do_lookup(face_of(req), pid_of(req), parent, name, &e);
    reply_entry(req, rc, &e);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    lookup_forget(face_of(req), ino, count);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        lookup_forget(face_of(req), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}
