/* rename: pet names in the root; inside boxes; and the two moves between wormholes that there are
 * (forward an inbox entry, re-address an outbox entry). Everything else is EPERM, and never EXDEV,
 * which would make mv copy, delete, and so close a wormhole. The matrix itself is
 * store/namespace.h's. */
#include "fs/face/ops.h"

#include <stdio.h>
#include <string.h>
#include "fs/face/newdir.h"
#include "fs/face/pin.h"

/* ---- the root ---- */

static int rename_to_free(struct face *face, struct turn *t, const char *name,
                          const struct name *to)
{
    struct wormhole w;
    uint64_t id;
    if (strcmp(name, PLACE_NEW_NAME) == 0)
        return newdir_name(face, t, to, &id);
    if (!place_root_name_ok(name))
        return STORE_ERR_PERM;
    int rc = wormhole_find(turn_view(t), to->text, to->len, &id);
    if (rc != STORE_ERR_NOT_FOUND)
        return rc < 0 ? rc : STORE_ERR_EXISTS;
    rc = wormhole_find(turn_view(t), name, strlen(name), &id);
    if (rc == 0)
        rc = wormhole_get(turn_view(t), id, &w);
    if (rc == 0)
        rc = wormhole_rename(t, id, to);
    /* Named by its number: as good as `mv new NAME`. */
    return rc == 0 && w.draft ? pin_set(t, id) : rc;
}

static int rename_wormhole(struct face *face, struct turn *t, const char *name,
                           const char *new_name, unsigned flags)
{
    struct name to;
    bool reserved =
        strcmp(new_name, PLACE_NEW_NAME) == 0 || strcmp(new_name, PLACE_CONTROL_NAME) == 0;
    if (strcmp(name, new_name) == 0)
        return 0;
    if (flags & RENAME_EXCHANGE || (new_name[0] == '.' && !reserved))
        return STORE_ERR_PERM;
    int rc = name_set(&to, new_name, strlen(new_name));
    if (rc == 0)
        rc = reserved ? STORE_ERR_EXISTS : rename_to_free(face, t, name, &to);
    return rc == STORE_ERR_EXISTS && !(flags & RENAME_NOREPLACE) ? STORE_ERR_NOT_EMPTY : rc;
}

/* ---- boxes and below ---- */

/* One end of a rename: the directory, and what bears the name there before and after. */
struct end {
    struct place dir;
    const char *name;
    bool there; /* something has the name before */
    uint64_t node;
    bool is_dir;
    struct wormhole_place before;
    uint64_t node_after; /* 0: nothing */
    struct wormhole_place after;
};

static int look_before(struct view *v, struct end *e)
{
    struct place child;
    int rc = place_child(v, &e->dir, e->name, &child);
    if (rc == STORE_ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    e->there = true;
    e->node = child.node;
    e->is_dir = place_is_dir(&child);
    return wormhole_of(v, child.node, &e->before);
}

static int look_after(struct view *v, struct end *e)
{
    uint64_t ino;
    int rc = node_lookup(v, e->dir.node, e->name, strlen(e->name), &ino);
    if (rc == STORE_ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    e->node_after = ino;
    return wormhole_of(v, ino, &e->after);
}

static bool holds_names(const struct place *p)
{
    return place_is_box(p) || (place_is_content(p) && place_is_dir(p));
}

/* A rename into new/outbox is a creation there; an exchange is of what the caller sees. */
static int settle_target(struct face *face, struct turn *t, pid_t pid, struct end *to,
                         unsigned flags)
{
    bool floats = to->dir.kind == PLACE_OUTBOX && to->dir.floating;
    int rc = 0;
    if (flags & RENAME_EXCHANGE)
        rc = newdir_look(face, turn_view(t), &to->dir, pid);
    else if (floats)
        rc = newdir_for_entry(face, t, &to->dir, pid, NULL);
    if (rc == 0 && to->dir.node == 0)
        rc = STORE_ERR_PERM;
    return rc;
}

static enum name_flags name_flags_of(unsigned flags)
{
    if (flags & RENAME_EXCHANGE)
        return NAME_EXCHANGE;
    return flags & RENAME_NOREPLACE ? NAME_NOREPLACE : NAME_REPLACE;
}

static int rename_content(struct face *face, struct turn *t, pid_t pid, struct end *from,
                          struct end *to, unsigned flags)
{
    struct view *v = turn_view(t);
    if (!holds_names(&from->dir) || !holds_names(&to->dir))
        return STORE_ERR_PERM;
    int rc = newdir_look(face, v, &from->dir, pid);
    if (rc == 0)
        rc = look_before(v, from);
    if (rc == 0 && !from->there)
        rc = STORE_ERR_NOT_FOUND;
    if (rc == 0)
        rc = settle_target(face, t, pid, to, flags);
    if (rc == 0)
        rc = look_before(v, to);
    if (rc == 0)
        rc = name_rename(t, from->dir.node, from->name, strlen(from->name), to->dir.node, to->name,
                         strlen(to->name), name_flags_of(flags));
    if (rc == 0)
        rc = look_after(v, from);
    if (rc == 0)
        rc = look_after(v, to);
    return rc;
}

/* ---- what the others must know ---- */

/* What has the name at `e` now came there by this rename. */
static void tell_came(struct face *face, const struct end *e, pid_t pid)
{
    if (e->node_after == 0 || e->after.box != NODE_OUTBOX)
        return;
    if (e->after.entry == e->node_after)
        seal_renamed(face->seal, e->after.entry, e->name, strlen(e->name));
    else
        seal_changed(face->seal, e->after.entry, 0, pid);
    caller_touched(face, pid, e->after.wormhole);
}

/* What had the name at `e`, and is an entry no more unless it is `kept` elsewhere. */
static void tell_went(struct face *face, const struct end *e, uint64_t kept, pid_t pid)
{
    if (!e->there || e->before.box != NODE_OUTBOX || e->before.entry == kept)
        return;
    if (e->before.entry == e->node)
        seal_removed(face->seal, e->before.entry);
    else
        seal_changed(face->seal, e->before.entry, 0, pid);
    caller_touched(face, pid, e->before.wormhole);
}

/* The kernel now has the inode that it moved under the new name. If the number there is another one
 * (a façade, a forwarded entry), it must look again. */
static void tell_number(struct face *face, const struct end *from, const struct end *to)
{
    bool other = to->node_after != from->node ||
                 (from->is_dir && from->dir.through_new != to->dir.through_new);
    if (other && to->node_after != 0)
        notify_name(face->notify, to->dir.number, to->name, strlen(to->name));
}

/* What had the name at `e` is in `entry` now (0: in none). Open files go where their names go. */
static void tell_moved(struct face *face, const struct end *e, uint64_t entry)
{
    if (e->there && e->before.box == NODE_OUTBOX && e->before.entry != entry)
        seal_moved(face->seal, e->before.entry, e->node, e->is_dir);
}

static void tell_renamed(struct face *face, const struct end *from, const struct end *to,
                         unsigned flags, pid_t pid)
{
    bool exchange = flags & RENAME_EXCHANGE;
    uint64_t moved = to->after.box == NODE_OUTBOX ? to->after.entry : 0;
    uint64_t back = exchange && from->after.box == NODE_OUTBOX ? from->after.entry : 0;
    handles_moved(face->handles);
    notify_twin(face->notify, &from->dir, from->name);
    notify_twin(face->notify, &to->dir, to->there ? to->name : NULL);
    tell_number(face, from, to);
    if (exchange)
        tell_number(face, to, from);
    tell_moved(face, from, moved);
    if (exchange || !to->is_dir) /* a directory that is replaced was empty */
        tell_moved(face, to, back);
    tell_went(face, from, moved, pid);
    tell_went(face, to, back, pid);
    tell_came(face, to, pid);
    if (exchange)
        tell_came(face, from, pid);
}

static int do_rename(struct face *face, pid_t pid, uint64_t parent, uint64_t new_parent,
                     struct end *from, struct end *to, unsigned flags)
{
    struct turn *t;
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return STORE_ERR_INVALID;
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    rc = place_of(turn_view(t), parent, &from->dir);
    if (rc == 0)
        rc = place_of(turn_view(t), new_parent, &to->dir);
    bool root = rc == 0 && from->dir.kind == PLACE_ROOT && to->dir.kind == PLACE_ROOT;
    if (root)
        rc = rename_wormhole(face, t, from->name, to->name, flags);
    else if (rc == 0)
        rc = rename_content(face, t, pid, from, to, flags);
    rc = face_finish(t, rc);
    if (rc == 0 && !root)
        tell_renamed(face, from, to, flags, pid);
    return rc;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned int flags)
{
    struct end from = {.name = name}, to = {.name = new_name};
    reply_result(req, do_rename(face_of(req), pid_of(req), parent, new_parent, &from, &to, flags));
}
