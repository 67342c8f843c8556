/* unlink and rmdir. They work on a full disk: the turns may use the reserve. */
#include "fs/face/ops.h"

#include <string.h>
#include "fs/face/newdir.h"
#include "fs/face/pin.h"

/* A name in a box or deeper that goes away. */
struct removal {
    struct place parent;
    uint64_t node;
    bool is_dir;
    struct wormhole_place in;
};

static int find_removal(struct face *face, struct view *v, pid_t pid, uint64_t parent_number,
                        const char *name, struct removal *r)
{
    struct place child;
    int rc = place_of(v, parent_number, &r->parent);
    if (rc == 0 && !place_is_box(&r->parent) && !place_is_content(&r->parent))
        rc = STORE_ERR_PERM;
    if (rc == 0)
        rc = newdir_look(face, v, &r->parent, pid);
    if (rc == 0)
        rc = place_child(v, &r->parent, name, &child);
    if (rc != 0)
        return rc;
    r->node = child.node;
    r->is_dir = place_is_dir(&child);
    return wormhole_of(v, child.node, &r->in);
}

static void tell_removed(struct face *face, const struct removal *r, const char *name, pid_t pid)
{
    notify_twin(face->notify, &r->parent, name);
    if (r->in.box != NODE_OUTBOX)
        return;
    if (!r->is_dir) /* which was empty */
        seal_moved(face->seal, r->in.entry, r->node, false);
    if (r->in.entry == r->node)
        seal_removed(face->seal, r->in.entry);
    else
        seal_changed(face->seal, r->in.entry, 0, pid);
    caller_touched(face, pid, r->in.wormhole);
}

typedef int remove_fn(struct turn *t, uint64_t parent, const char *name, size_t len);

static int remove_content(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                          remove_fn *remove)
{
    struct turn *t;
    struct removal r;
    int rc = turn_begin_relief(face->store, &t);
    if (rc < 0)
        return rc;
    rc = find_removal(face, turn_view(t), pid, parent_number, name, &r);
    if (rc == 0)
        rc = remove(t, r.parent.node, name, strlen(name));
    rc = face_finish(t, rc);
    if (rc == 0)
        tell_removed(face, &r, name, pid);
    return rc;
}

/* `code` and `state` come back at the next lookup, so that an interrupted rm -r leaves a working
 * wormhole. */
static int unlink_control(const char *name)
{
    enum slot slot = slot_named(name);
    if (slot == SLOT_COUNT)
        return STORE_ERR_NOT_FOUND;
    return slot == SLOT_CODE || slot == SLOT_STATE ? 0 : STORE_ERR_IS_DIR;
}

static int do_unlink(struct face *face, pid_t pid, uint64_t parent_number, const char *name)
{
    struct place parent;
    int rc = look_at(face, parent_number, &parent);
    if (rc < 0)
        return rc;
    if (parent.kind == PLACE_WORMHOLE)
        return unlink_control(name);
    return remove_content(face, pid, parent_number, name, name_unlink);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    reply_result(req, do_unlink(face_of(req), pid_of(req), parent, name));
}

static int remove_wormhole(struct face *face, const char *name)
{
    struct turn *t;
    uint64_t id;
    if (strcmp(name, PLACE_NEW_NAME) == 0)
        return STORE_ERR_BUSY;
    if (!place_root_name_ok(name))
        return STORE_ERR_PERM;
    int rc = turn_begin_relief(face->store, &t);
    if (rc < 0)
        return rc;
    rc = wormhole_find(turn_view(t), name, strlen(name), &id);
    if (rc == 0)
        rc = engine_remove(face->engine, t, id);
    return face_finish(t, rc);
}

/* An empty box comes back under another number: the kernel takes the old one for dead. */
static int renew_box(struct face *face, struct turn *t, pid_t pid, const struct place *dir,
                     enum slot slot)
{
    struct place box;
    uint64_t ino;
    int rc = place_in_wormhole(turn_view(t), dir, slot, &box);
    if (rc == 0)
        rc = newdir_look(face, turn_view(t), &box, pid);
    if (rc < 0)
        return rc;
    if (dir->generation == 0)
        return wormhole_box_renew(t, dir->wormhole, slot == SLOT_OUTBOX ? NODE_OUTBOX : NODE_INBOX,
                                  &ino);
    rc = box.node != 0 ? node_empty(turn_view(t), box.node) : 0;
    return rc < 0 ? rc : pin_renew(t, dir->generation, slot);
}

static int remove_box(struct face *face, pid_t pid, uint64_t number, const char *name)
{
    struct turn *t;
    struct place dir;
    enum slot slot = slot_named(name);
    if (slot == SLOT_COUNT)
        return STORE_ERR_NOT_FOUND;
    if (slot != SLOT_OUTBOX && slot != SLOT_INBOX)
        return STORE_ERR_NOT_DIR;
    int rc = turn_begin_relief(face->store, &t);
    if (rc < 0)
        return rc;
    rc = place_of(turn_view(t), number, &dir);
    if (rc == 0)
        rc = renew_box(face, t, pid, &dir, slot);
    return face_finish(t, rc);
}

static int do_rmdir(struct face *face, pid_t pid, uint64_t parent_number, const char *name)
{
    struct place parent;
    int rc = look_at(face, parent_number, &parent);
    if (rc < 0)
        return rc;
    if (parent.kind == PLACE_ROOT)
        return remove_wormhole(face, name);
    if (parent.kind == PLACE_WORMHOLE)
        return remove_box(face, pid, parent_number, name);
    return remove_content(face, pid, parent_number, name, name_rmdir);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    reply_result(req, do_rmdir(face_of(req), pid_of(req), parent, name));
}
