/* Moving names: rename(2) in all its forms, within the rules of the tree (namespace.h). */
#include "store/dir.h"
#include "store/log.h"
#include "store/node_row.h"

/* One of the two names of a rename, and what is there. */
struct end {
    struct dir dir;
    struct name name;
    struct node node;
    bool there;
};

static int get_end(struct turn *t, uint64_t parent, const char *name, size_t len, struct end *e)
{
    int rc = dir_get(t, parent, &e->dir);
    if (rc == 0)
        rc = name_set(&e->name, name, len);
    if (rc)
        return rc;
    rc = node_lookup_get(turn_view(t), parent, e->name.text, e->name.len, &e->node);
    e->there = rc == 0;
    return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
}

/* To which entry does a node belong that gets a name in `d`? */
static uint64_t entry_in(const struct dir *d, const struct node *n)
{
    return d->top ? n->ino : d->entry;
}

/* ---- may it? ---- */

static bool same_place(const struct dir *a, const struct dir *b)
{
    if (a->side != b->side || a->wormhole != b->wormhole)
        return false;
    return a->side != DIR_STAGED || a->entry == b->entry;
}

static int check_rules(const struct end *from, const struct end *to, enum name_flags flags)
{
    const struct dir *a = &from->dir, *b = &to->dir;
    if (same_place(a, b))
        return 0;
    if ((a->side != DIR_IN && a->side != DIR_OUT) || b->side != DIR_OUT || !b->top ||
        a->wormhole == b->wormhole)
        return STORE_ERR_PERM;
    return flags == NAME_EXCHANGE && (a->side == DIR_IN || !a->top) ? STORE_ERR_PERM : 0;
}

/* Is `dir` the directory `n`, or below it? */
static int check_loop(struct turn *t, const struct node *n, const struct dir *dir)
{
    struct node up = dir->node;
    if (n->type != NODE_DIR)
        return 0;
    for (int depth = 0; depth < TREE_DEPTH_MAX; depth++) {
        if (up.ino == n->ino)
            return STORE_ERR_LOOP;
        if (up.type != NODE_DIR || up.parent == 0)
            return 0;
        int rc = node_get(turn_view(t), up.parent, &up);
        if (rc)
            return rc;
    }
    return STORE_ERR_TOO_BIG;
}

static int check_replace(struct turn *t, const struct end *from, const struct end *to)
{
    if (!to->there)
        return 0;
    bool dir = from->node.type == NODE_DIR;
    if (dir && to->node.type != NODE_DIR)
        return STORE_ERR_NOT_DIR;
    if (!dir && to->node.type == NODE_DIR)
        return STORE_ERR_IS_DIR;
    return dir ? node_empty(turn_view(t), to->node.ino) : 0;
}

/* A tree that changes its entry must take all its links along. */
static int check_leaving(struct turn *t, const struct end *e, const struct dir *into)
{
    if (e->node.entry == entry_in(into, &e->node))
        return 0;
    return node_check_closed(t, e->node.ino);
}

/* ---- unsealing ---- */

static int unseal_end(struct turn *t, const struct end *e, bool removing)
{
    if (!e->dir.top)
        return dir_unseal(t, &e->dir);
    if (!e->there)
        return 0;
    return removing ? freeze_break_to_remove(t, e->node.ino) : freeze_break(t, e->node.ino);
}

/* ---- doing it ---- */

/* After `n` got its name in `into`: its entry, its "..", its ctime. */
static int settle(struct turn *t, const struct node *n, const struct dir *from,
                  const struct dir *into)
{
    uint64_t entry = entry_in(into, n);
    int rc = n->entry == entry ? 0 : node_set_entry(t, n->ino, entry);
    if (rc == 0 && n->type == NODE_DIR && from->node.ino != into->node.ino)
        rc = node_set_parent(t, n->ino, into->node.ino);
    return rc ? rc : node_touch(t, n->ino);
}

static int touch_dirs(struct turn *t, const struct dir *from, const struct dir *to, int moved_dirs,
                      int removed_dirs)
{
    if (from->node.ino == to->node.ino)
        return node_touch_dir(t, to->node.ino, -removed_dirs);
    int rc = node_touch_dir(t, from->node.ino, -moved_dirs);
    return rc ? rc : node_touch_dir(t, to->node.ino, moved_dirs - removed_dirs);
}

static int append_renamed(struct turn *t, const struct end *from, const struct end *to)
{
    enum log_type type = from->dir.side == DIR_OUT ? LOG_ENTRY_RENAMED : LOG_INBOX_RENAMED;
    json_t *detail = json_object();
    int rc = detail ? log_put_name(detail, "name", &to->name) : STORE_ERR_NOMEM;
    if (rc == 0)
        rc = log_put_name(detail, "from", &from->name);
    if (rc) {
        json_decref(detail);
        return rc;
    }
    return log_append(t, &(struct log_event){type, from->dir.wormhole, from->node.ino, detail},
                      NULL);
}

static int append_forwarded(struct turn *t, const struct end *from, const struct end *to)
{
    json_t *detail = json_pack("{s:I, s:I}", "to", (json_int_t)to->dir.wormhole, "to_ino",
                               (json_int_t)from->node.ino);
    int rc = detail ? log_put_name(detail, "name", &from->name) : STORE_ERR_NOMEM;
    if (rc) {
        json_decref(detail);
        return rc;
    }
    return log_append(
        t, &(struct log_event){LOG_FORWARDED, from->dir.wormhole, from->node.ino, detail}, NULL);
}

/* Within one directory the listing's cookie stays, so that nobody who lists it sees the node twice
 * or never; everything else is taking one name away and giving another. */
static int move(struct turn *t, const struct end *from, const struct end *to)
{
    const struct dir *a = &from->dir, *b = &to->dir;
    if (a->node.ino == b->node.ino)
        return a->top ? append_renamed(t, from, to)
                      : link_rename(t, a->node.ino, &from->name, &to->name);
    bool forwards = a->side == DIR_IN && b->side == DIR_OUT;
    int rc = dir_remove(t, a, &from->name, &from->node, forwards ? "forwarded" : "moved");
    if (rc == 0 && forwards)
        rc = append_forwarded(t, from, to);
    return rc ? rc : dir_add(t, b, &to->name, &from->node, forwards ? "forwarded" : "moved");
}

static int replace(struct turn *t, const struct end *from, const struct end *to)
{
    bool dir = from->node.type == NODE_DIR;
    int rc = unseal_end(t, from, false);
    if (rc == 0)
        rc = unseal_end(t, to, true);
    if (rc == 0 && to->there)
        rc = dir_remove(t, &to->dir, &to->name, &to->node, "replaced");
    if (rc == 0)
        rc = move(t, from, to);
    if (rc == 0)
        rc = settle(t, &from->node, &from->dir, &to->dir);
    if (rc == 0 && to->there)
        rc = node_unlinked(t, &to->node);
    if (rc)
        return rc;
    return touch_dirs(t, &from->dir, &to->dir, dir, dir && to->there);
}

static int append_exchanged(struct turn *t, const struct end *a, const struct end *b)
{
    enum log_type type = a->dir.side == DIR_OUT ? LOG_ENTRY_EXCHANGED : LOG_INBOX_EXCHANGED;
    json_t *detail = json_pack("{s:I}", "other", (json_int_t)b->node.ino);
    return log_append(t, &(struct log_event){type, a->dir.wormhole, a->node.ino, detail}, NULL);
}

static int swap(struct turn *t, const struct end *a, const struct end *b)
{
    if (a->dir.top && b->dir.top && a->dir.node.ino == b->dir.node.ino)
        return append_exchanged(t, a, b);
    if (!a->dir.top && !b->dir.top) {
        int rc = link_point(t, a->dir.node.ino, &a->name, b->node.ino);
        return rc ? rc : link_point(t, b->dir.node.ino, &b->name, a->node.ino);
    }
    int rc = dir_remove(t, &a->dir, &a->name, &a->node, "moved");
    if (rc == 0)
        rc = dir_remove(t, &b->dir, &b->name, &b->node, "moved");
    if (rc == 0)
        rc = dir_add(t, &a->dir, &a->name, &b->node, "moved");
    return rc ? rc : dir_add(t, &b->dir, &b->name, &a->node, "moved");
}

static int exchange(struct turn *t, const struct end *a, const struct end *b)
{
    int dirs = (a->node.type == NODE_DIR) - (b->node.type == NODE_DIR);
    int rc = unseal_end(t, a, false);
    if (rc == 0)
        rc = unseal_end(t, b, false);
    if (rc == 0)
        rc = swap(t, a, b);
    if (rc == 0)
        rc = settle(t, &a->node, &a->dir, &b->dir);
    if (rc == 0)
        rc = settle(t, &b->node, &b->dir, &a->dir);
    return rc ? rc : touch_dirs(t, &a->dir, &b->dir, dirs, 0);
}

static int check(struct turn *t, const struct end *from, const struct end *to,
                 enum name_flags flags)
{
    int rc = check_rules(from, to, flags);
    if (rc == 0)
        rc = check_loop(t, &from->node, &to->dir);
    if (rc == 0)
        rc = check_leaving(t, from, &to->dir);
    if (rc || flags != NAME_EXCHANGE)
        return rc ? rc : check_replace(t, from, to);
    rc = check_loop(t, &to->node, &from->dir);
    return rc ? rc : check_leaving(t, to, &from->dir);
}

int name_rename(struct turn *t, uint64_t parent, const char *name, size_t len, uint64_t new_parent,
                const char *new_name, size_t new_len, enum name_flags flags)
{
    struct end from, to;
    if (flags > NAME_EXCHANGE)
        return STORE_ERR_INVALID;
    int rc = get_end(t, parent, name, len, &from);
    if (rc == 0)
        rc = get_end(t, new_parent, new_name, new_len, &to);
    if (rc)
        return rc;
    if (!from.there || (flags == NAME_EXCHANGE && !to.there))
        return STORE_ERR_NOT_FOUND;
    if (flags == NAME_NOREPLACE && to.there)
        return STORE_ERR_EXISTS;
    if (to.there && from.node.ino == to.node.ino)
        return 0;
    rc = check(t, &from, &to, flags);
    if (rc)
        return rc;
    return flags == NAME_EXCHANGE ? exchange(t, &from, &to) : replace(t, &from, &to);
}
