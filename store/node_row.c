/* Changing nodes and deeper links. */
#include "store/node_row.h"

#define NS_PER_S INT64_C(1000000000)

static struct sql set_high = {"UPDATE meta SET value=? WHERE key='ino_high'", 0};

/* Many are reserved at once, so that a new node does not cost a write of the counter; a start skips
 * what was left of them. An aborted turn gives the reservation back, but no number. */
int node_next_ino(struct turn *t, uint64_t *ino)
{
    struct store *s = t->store;
    if (s->ino_next > INO_LAST)
        return STORE_ERR_TOO_BIG;
    if (s->ino_next >= s->ino_high) {
        uint64_t high = s->ino_next + CORE_INOS_AT_ONCE;
        int rc = sql_exec(turn_view(t), &set_high, "u", high);
        if (rc)
            return rc;
        s->ino_high = high;
    }
    *ino = s->ino_next++;
    return 0;
}

static struct sql insert = {"INSERT INTO node (ino, type, mode, nlink, entry, parent, wormhole, "
                            "size, durable_size, atime_ns, mtime_ns, ctime_ns, flags) "
                            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                            0};

int node_insert(struct turn *t, const struct node *n)
{
    return sql_exec(turn_view(t), &insert, "uddduuuuuiiid", n->ino, (int)n->type, (int)n->mode,
                    (int)n->nlink, n->entry, n->parent, n->wormhole, n->size, n->durable_size,
                    n->atime_ns, n->mtime_ns, n->ctime_ns,
                    NODE_FLAG_BY_OPENER | (n->staged ? NODE_FLAG_STAGED : 0));
}

/* ---- attributes ---- */

static struct sql set_mode = {"UPDATE node SET mode=?, ctime_ns=? WHERE ino=?", 0};
static struct sql set_times = {"UPDATE node SET atime_ns=?, mtime_ns=?, ctime_ns=? WHERE ino=?", 0};
static struct sql touch = {"UPDATE node SET ctime_ns=? WHERE ino=?", 0};
static struct sql touch_dir = {
    "UPDATE node SET mtime_ns=?1, ctime_ns=?1, nlink=nlink+?2 WHERE ino=?3", 0};

int node_set_mode(struct turn *t, uint64_t ino, uint32_t mode)
{
    struct node n;
    int rc = node_get(turn_view(t), ino, &n);
    if (rc == 0)
        rc = freeze_break(t, n.entry);
    if (rc)
        return rc;
    return sql_exec(turn_view(t), &set_mode, "diu", (int)(mode & 07777), t->now_ns, ino);
}

int64_t node_time_ns(int64_t s, uint32_t ns)
{
    int64_t out;
    if (!__builtin_mul_overflow(s, NS_PER_S, &out) &&
        !__builtin_add_overflow(out, (int64_t)ns, &out) && out != INT64_MIN)
        return out;
    return s < 0 ? INT64_MIN + 1 : INT64_MAX;
}

int node_set_times(struct turn *t, uint64_t ino, int64_t atime_ns, int64_t mtime_ns)
{
    struct node n;
    int rc = node_get(turn_view(t), ino, &n);
    if (rc == 0)
        rc = freeze_break(t, n.entry);
    if (rc)
        return rc;
    if (atime_ns == INT64_MIN)
        atime_ns = n.atime_ns;
    if (mtime_ns == INT64_MIN)
        mtime_ns = n.mtime_ns;
    return sql_exec(turn_view(t), &set_times, "iiiu", atime_ns, mtime_ns, t->now_ns, ino);
}

int node_touch(struct turn *t, uint64_t ino)
{
    return sql_exec(turn_view(t), &touch, "iu", t->now_ns, ino);
}

int node_touch_dir(struct turn *t, uint64_t dir, int nlink_change)
{
    return sql_exec(turn_view(t), &touch_dir, "idu", t->now_ns, nlink_change, dir);
}

/* ---- the end of a node ---- */

static struct sql drop_content = {"DELETE FROM content WHERE ino=?", 0};
static struct sql drop_xattrs = {"DELETE FROM xattr WHERE ino=?", 0};
static struct sql drop_node = {"DELETE FROM node WHERE ino=?", 0};
static struct sql orphan = {
    "UPDATE node SET nlink=0, entry=ino, parent=0, flags=flags & ~1, ctime_ns=? "
    "WHERE ino=?",
    0};
static struct sql fewer = {"UPDATE node SET nlink=?, ctime_ns=? WHERE ino=?", 0};

static int purge(struct turn *t, const struct node *n)
{
    struct view *v = turn_view(t);
    int rc = 0;
    if (!n->spool)
        rc = sql_exec(v, &drop_content, "u", n->ino);
    if (rc == 0)
        rc = sql_exec(v, &drop_xattrs, "u", n->ino);
    if (rc == 0)
        rc = sql_exec(v, &drop_node, "u", n->ino);
    if (rc == 0 && n->spool)
        rc = spool_unlink_after(t, n->spool, n->ino);
    return rc;
}

/* An orphan belongs to no entry: what is still written to it must not disturb the one it left. */
static int make_orphan(struct turn *t, uint64_t ino)
{
    t->entries_moved = true;
    return sql_exec(turn_view(t), &orphan, "iu", t->now_ns, ino);
}

int node_unlinked(struct turn *t, const struct node *n)
{
    if ((n->type == NODE_FILE || n->type == NODE_SYMLINK) && n->nlink > 1)
        return sql_exec(turn_view(t), &fewer, "diu", (int)n->nlink - 1, t->now_ns, n->ino);
    if (!holds_doom(&t->store->holds, n->ino))
        return purge(t, n);
    atomic_store(&t->store->orphaned, true);
    return make_orphan(t, n->ino);
}

static struct sql first_child = {"SELECT link.name, " NODE_COLUMNS " FROM link "
                                 "JOIN node ON node.ino=link.ino WHERE link.parent=? "
                                 "ORDER BY link.name LIMIT 1",
                                 0};
static struct sql unlink_ino = {"DELETE FROM link WHERE parent=? AND ino=?", 0};

static int get_first_child(struct turn *t, uint64_t dir, struct name *name, struct node *child)
{
    struct sql_query q;
    int rc = sql_row(turn_view(t), &first_child, &q, "u", dir);
    if (rc)
        return rc;
    size_t len;
    const void *bytes = sql_blob(&q, 0, &len);
    rc = name_set(name, bytes, len) ? STORE_ERR_CORRUPT : 0;
    node_row(&q, 1, child);
    sql_done(&q);
    return rc;
}

/* What deleting it takes of the budget. With secure_delete the pages of inline bytes are written
 * once more, to the WAL: a turn must not need more of that than the reserve of a full disk. */
static unsigned cost_of(const struct node *n)
{
    return 1 + (n->spool ? 0 : (unsigned)(n->size / RAZE_BYTES_PER_NODE));
}

static void spend(unsigned *budget, unsigned cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
}

/* Goes down to the first leaf, deletes it, and climbs when a directory has become empty; so it
 * needs no memory, and can stop anywhere. */
int node_raze(struct turn *t, uint64_t top, unsigned *budget)
{
    struct node n, child;
    struct name name;
    int rc = node_get(turn_view(t), top, &n);
    while (rc == 0 && *budget > 0) {
        rc = get_first_child(t, n.ino, &name, &child);
        if (rc == 0 && child.type == NODE_DIR) {
            n = child;
            continue;
        }
        spend(budget, rc == 0 ? cost_of(&child) : 1);
        if (rc == 0) {
            rc = link_remove(t, n.ino, &name);
            if (rc == 0)
                rc = node_unlinked(t, &child);
        } else if (rc == STORE_ERR_NOT_FOUND) {
            uint64_t parent = n.parent;
            bool done = n.ino == top;
            rc = done ? 0 : sql_exec(turn_view(t), &unlink_ino, "uu", parent, n.ino);
            if (rc == 0)
                rc = node_unlinked(t, &n);
            if (rc || done)
                return rc;
            rc = node_get(turn_view(t), parent, &n);
        }
    }
    atomic_store(&t->store->orphaned, true); /* the rest is for the next sweep */
    return rc ? rc : make_orphan(t, top);
}

/* ---- staged nodes, holds, sweeping ---- */

int node_discard(struct turn *t, uint64_t ino)
{
    struct node n;
    unsigned budget = SWEEP_NODES_MAX;
    int rc = node_get(turn_view(t), ino, &n);
    if (rc)
        return rc;
    if (!n.staged)
        return STORE_ERR_INVALID;
    return node_raze(t, ino, &budget);
}

int node_hold(struct store *s, uint64_t ino)
{
    return holds_add(&s->holds, ino);
}

void node_unhold(struct store *s, uint64_t ino, uint64_t count)
{
    if (!holds_drop(&s->holds, ino, count))
        return;
    struct turn *t;
    struct node n;
    unsigned budget = SWEEP_NODES_MAX;
    if (turn_begin_relief(s, &t))
        return; /* node_sweep will find it */
    int rc = node_get(turn_view(t), ino, &n);
    if (rc == 0 && n.nlink == 0)
        rc = node_raze(t, ino, &budget);
    if (rc)
        turn_abort(t);
    else
        (void)turn_checkpoint(t);
}

int node_open(struct store *s, uint64_t ino)
{
    struct view *v;
    struct node n;
    int rc = holds_add(&s->holds, ino);
    if (rc)
        return rc;
    rc = holds_add(&s->opens, ino); /* from now on its bytes stay; but they may be gone already */
    if (rc) {
        node_unhold(s, ino, 1);
        return rc;
    }
    if (!holds_is_doomed(&s->holds, ino))
        return 0;
    rc = view_begin(s, &v);
    if (rc == 0) {
        rc = node_get(v, ino, &n);
        view_end(v);
    }
    if (rc == 0 && n.nlink == 0 && holds_count(&s->opens, ino) == 1)
        rc = STORE_ERR_NOT_FOUND;
    if (rc)
        node_close(s, ino);
    return rc;
}

void node_close(struct store *s, uint64_t ino)
{
    (void)holds_drop(&s->opens, ino, 1);
    if (holds_is_doomed(&s->holds, ino))
        atomic_store(&s->orphaned, true);
    node_unhold(s, ino, 1);
}

static struct sql next_orphan = {
    "SELECT ino, type, size, spool FROM node WHERE nlink=0 AND ino>? ORDER BY ino LIMIT 1", 0};
static struct sql set_empty = {"UPDATE node SET size=0, durable_size=0, spool=0 WHERE ino=?", 0};

static int take_bytes(struct turn *t, const struct node *n)
{
    int rc = sql_exec(turn_view(t), &set_empty, "u", n->ino);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &drop_content, "u", n->ino);
    if (rc == 0 && n->spool)
        rc = spool_unlink_after(t, n->spool, n->ino);
    return rc;
}

/* What nobody holds goes; of what is only remembered, the bytes. */
static int sweep(struct turn *t, unsigned *budget)
{
    struct store *s = t->store;
    struct node n = {0};
    int rc = 0;
    while (rc == 0 && *budget > 0) {
        struct sql_query q;
        rc = sql_row(turn_view(t), &next_orphan, &q, "u", n.ino);
        if (rc)
            break;
        n = (struct node){.ino = sql_u64(&q, 0),
                          .type = (enum node_type)sql_int(&q, 1),
                          .size = sql_u64(&q, 2),
                          .spool = sql_u64(&q, 3)};
        sql_done(&q);
        bool waits = holds_has(&s->holds, n.ino) && node_empty(turn_view(t), n.ino) == 0;
        if (!waits) {
            rc = node_raze(t, n.ino, budget);
        } else if (n.type == NODE_FILE && n.size > 0 && !holds_has(&s->opens, n.ino)) {
            --*budget;
            rc = take_bytes(t, &n);
        }
    }
    return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
}

bool node_sweep_owed(struct store *s)
{
    return atomic_load(&s->orphaned);
}

int node_sweep(struct store *s)
{
    struct turn *t;
    unsigned budget = SWEEP_NODES_MAX;
    int rc = turn_begin_relief(s, &t);
    if (rc)
        return rc;
    atomic_store(&s->orphaned, false);
    rc = sweep(t, &budget);
    if (rc)
        turn_abort(t);
    else
        rc = turn_checkpoint(t);
    if (rc || budget == 0)
        atomic_store(&s->orphaned, true);
    return rc ? rc : budget == 0;
}

/* ---- trees ---- */

static struct sql set_entry = {
    "UPDATE node SET entry=?2 WHERE ino IN (WITH RECURSIVE sub(ino) AS (VALUES (?1) UNION "
    "SELECT link.ino FROM sub JOIN link ON link.parent=sub.ino) SELECT ino FROM sub)",
    0};
static struct sql set_parent = {"UPDATE node SET parent=? WHERE ino=?", 0};
static struct sql open_end = {
    "WITH RECURSIVE sub(ino) AS (VALUES (?1) UNION SELECT link.ino FROM sub JOIN link ON "
    "link.parent=sub.ino), inside(ino, names) AS (SELECT link.ino, count(*) FROM sub JOIN link ON "
    "link.parent=sub.ino GROUP BY link.ino) SELECT 1 FROM sub JOIN node USING (ino) "
    "LEFT JOIN inside USING (ino) WHERE node.type != 2 AND "
    "node.nlink > ifnull(names, 0) + (node.ino=?1) LIMIT 1",
    0};

int node_set_entry(struct turn *t, uint64_t top, uint64_t entry)
{
    t->entries_moved = true;
    return sql_exec(turn_view(t), &set_entry, "uu", top, entry);
}

int node_set_parent(struct turn *t, uint64_t dir, uint64_t parent)
{
    return sql_exec(turn_view(t), &set_parent, "uu", parent, dir);
}

int node_check_closed(struct turn *t, uint64_t top)
{
    struct sql_query q;
    int rc = sql_row(turn_view(t), &open_end, &q, "u", top);
    if (rc == STORE_ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        sql_done(&q);
    return rc ? rc : STORE_ERR_PERM;
}

/* ---- deeper links ---- */

static struct sql add_link = {"INSERT INTO link (parent, name, ino, cookie) VALUES (?1, ?2, ?3, "
                              "(SELECT ifnull(max(cookie),0)+1 FROM link WHERE parent=?1))",
                              0};
static struct sql remove_link = {"DELETE FROM link WHERE parent=? AND name=?", 0};
static struct sql rename_link = {"UPDATE link SET name=?3 WHERE parent=?1 AND name=?2", 0};
static struct sql point_link = {"UPDATE link SET ino=?3 WHERE parent=?1 AND name=?2", 0};

int link_add(struct turn *t, uint64_t parent, const struct name *name, uint64_t ino)
{
    return sql_exec(turn_view(t), &add_link, "ubu", parent, name->text, (size_t)name->len, ino);
}

int link_remove(struct turn *t, uint64_t parent, const struct name *name)
{
    return sql_exec(turn_view(t), &remove_link, "ub", parent, name->text, (size_t)name->len);
}

int link_rename(struct turn *t, uint64_t parent, const struct name *name, const struct name *to)
{
    return sql_exec(turn_view(t), &rename_link, "ubb", parent, name->text, (size_t)name->len,
                    to->text, (size_t)to->len);
}

int link_point(struct turn *t, uint64_t parent, const struct name *name, uint64_t ino)
{
    return sql_exec(turn_view(t), &point_link, "ubu", parent, name->text, (size_t)name->len, ino);
}
