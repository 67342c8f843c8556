/* Making and removing names. rename.c moves them. */
#include "store/namespace.h"

#include <string.h>
#include "store/dir.h"
#include "store/log.h"
#include "store/node_row.h"

static struct sql put_body = {"INSERT OR REPLACE INTO content (ino, body) VALUES (?,?)", 0};

static int check_new(const struct node_new *what)
{
    if (what->type < NODE_FILE || what->type > NODE_SYMLINK)
        return STORE_ERR_INVALID;
    if (what->type != NODE_SYMLINK)
        return 0;
    size_t len = what->target ? strlen(what->target) : 0;
    if (len > SYMLINK_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    return len > 0 ? 0 : STORE_ERR_INVALID;
}

/* Inserts the row of a new node; `entry` 0 means that it is top-level or staged: its own. */
static int make(struct turn *t, const struct node_new *what, uint64_t entry, uint64_t parent,
                bool staged, struct node *n)
{
    int rc = check_new(what);
    uint64_t ino;
    if (rc == 0)
        rc = node_next_ino(t, &ino);
    if (rc)
        return rc;
    size_t target_len = what->type == NODE_SYMLINK ? strlen(what->target) : 0;
    int64_t now_ns = turn_now_ns(t);
    *n = (struct node){
        .ino = ino,
        .type = what->type,
        .mode = what->mode & 07777,
        .nlink = what->type == NODE_DIR ? 2 : 1,
        .entry = entry ? entry : ino,
        .parent = what->type == NODE_DIR ? parent : 0,
        .size = target_len,
        .durable_size = target_len,
        .atime_ns = now_ns,
        .mtime_ns = what->mtime_ns ? what->mtime_ns : now_ns,
        .ctime_ns = now_ns,
        .staged = staged,
    };
    rc = node_insert(t, n);
    if (rc || what->type != NODE_SYMLINK)
        return rc;
    return sql_exec(turn_view(t), &put_body, "ub", ino, what->target, target_len);
}

int node_stage(struct turn *t, const struct node_new *what, uint64_t *ino)
{
    struct node n;
    int rc = make(t, what, 0, 0, true, &n);
    if (rc == 0)
        *ino = n.ino;
    return rc;
}

/* The directory and the checked name. */
static int resolve(struct turn *t, uint64_t parent, const char *text, size_t len, struct dir *d,
                   struct name *name)
{
    int rc = dir_get(t, parent, d);
    return rc ? rc : name_set(name, text, len);
}

static int must_be_free(struct turn *t, const struct dir *d, const struct name *name)
{
    uint64_t ino;
    int rc = node_lookup(turn_view(t), d->node.ino, name->text, name->len, &ino);
    return rc == 0 ? STORE_ERR_EXISTS : rc == STORE_ERR_NOT_FOUND ? 0 : rc;
}

int name_create(struct turn *t, uint64_t parent, const char *name, size_t len,
                const struct node_new *what, uint64_t *ino)
{
    struct dir d;
    struct name checked;
    struct node n;
    int rc = resolve(t, parent, name, len, &d, &checked);
    if (rc == 0)
        rc = must_be_free(t, &d, &checked);
    if (rc == 0)
        rc = dir_unseal(t, &d);
    if (rc == 0)
        rc = make(t, what, d.entry, parent, false, &n);
    if (rc == 0)
        rc = dir_add(t, &d, &checked, &n, NULL);
    if (rc == 0)
        rc = node_touch_dir(t, parent, what->type == NODE_DIR);
    if (rc == 0)
        *ino = n.ino;
    return rc;
}

static struct sql more_links = {"UPDATE node SET nlink=nlink+1, ctime_ns=? WHERE ino=?", 0};

int name_link(struct turn *t, uint64_t ino, uint64_t parent, const char *name, size_t len)
{
    struct dir d;
    struct name checked;
    struct node n;
    int rc = resolve(t, parent, name, len, &d, &checked);
    if (rc == 0)
        rc = node_get(turn_view(t), ino, &n);
    if (rc)
        return rc;
    if (n.type != NODE_FILE && n.type != NODE_SYMLINK)
        return STORE_ERR_PERM;
    if (n.nlink == 0)
        return STORE_ERR_NOT_FOUND;
    if (d.top || n.staged || n.entry != d.entry || n.ino == n.entry)
        return STORE_ERR_PERM;
    rc = must_be_free(t, &d, &checked);
    if (rc == 0)
        rc = dir_unseal(t, &d);
    if (rc == 0)
        rc = dir_add(t, &d, &checked, &n, NULL);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &more_links, "iu", turn_now_ns(t), ino);
    return rc ? rc : node_touch_dir(t, parent, 0);
}

/* ---- removing ---- */

/* What a removal is about: the directory, the name and the node. */
struct victim {
    struct dir dir;
    struct name name;
    struct node node;
};

static int find_victim(struct turn *t, uint64_t parent, const char *name, size_t len,
                       struct victim *v)
{
    int rc = resolve(t, parent, name, len, &v->dir, &v->name);
    if (rc)
        return rc;
    return node_lookup_get(turn_view(t), parent, v->name.text, v->name.len, &v->node);
}

/* Takes the name away: unseals, records, and sets the directory's times. */
static int take_name(struct turn *t, const struct victim *v, const char *cause)
{
    int rc = v->dir.top ? freeze_break_to_remove(t, v->node.ino)
                        : freeze_break_to_remove_part(t, v->dir.entry);
    if (rc == 0)
        rc = dir_remove(t, &v->dir, &v->name, &v->node, cause);
    return rc ? rc : node_touch_dir(t, v->dir.node.ino, v->node.type == NODE_DIR ? -1 : 0);
}

int name_unlink(struct turn *t, uint64_t parent, const char *name, size_t len)
{
    struct victim v;
    int rc = find_victim(t, parent, name, len, &v);
    if (rc == 0 && v.node.type == NODE_DIR)
        rc = STORE_ERR_IS_DIR;
    if (rc == 0)
        rc = take_name(t, &v, "unlinked");
    return rc ? rc : node_unlinked(t, &v.node);
}

int name_rmdir(struct turn *t, uint64_t parent, const char *name, size_t len)
{
    struct victim v;
    int rc = find_victim(t, parent, name, len, &v);
    if (rc == 0 && v.node.type != NODE_DIR)
        rc = STORE_ERR_NOT_DIR;
    if (rc == 0)
        rc = node_empty(turn_view(t), v.node.ino);
    if (rc == 0)
        rc = take_name(t, &v, "unlinked");
    return rc ? rc : node_unlinked(t, &v.node);
}

int name_remove_tree(struct turn *t, uint64_t box, const char *name, size_t len, const char *cause)
{
    struct victim v;
    unsigned budget = SWEEP_NODES_MAX;
    int rc = find_victim(t, box, name, len, &v);
    if (rc == 0 && !v.dir.top)
        rc = STORE_ERR_PERM;
    if (rc == 0)
        rc = take_name(t, &v, cause);
    return rc ? rc : node_raze(t, v.node.ino, &budget);
}
