#include "store/content_parts.h"

#include <stdlib.h>
#include <string.h>
#include "store/node_row.h"

static struct sql get_body = {"SELECT body FROM content WHERE ino=?", 0};
static struct sql put_body = {"INSERT INTO content (ino, body) VALUES (?,?) "
                              "ON CONFLICT (ino) DO UPDATE SET body=excluded.body",
                              0};
static struct sql drop_body = {"DELETE FROM content WHERE ino=?", 0};
static struct sql set_changed = {
    "UPDATE node SET size=?1, durable_size=min(durable_size, ?1), mtime_ns=?2, ctime_ns=?2, "
    "flags=flags | 2 WHERE ino=?3",
    0};
static struct sql set_put = {"UPDATE node SET size=?1, durable_size=?1, mtime_ns=?2, ctime_ns=?2, "
                             "flags=(flags | 4) & ~2 WHERE ino=?3",
                             0};
static struct sql set_spool = {"UPDATE node SET spool=? WHERE ino=?", 0};
_Static_assert(NODE_FLAG_DIRTY == 2 && NODE_FLAG_BY_OPENER == 4, "these are in the statements");

int inline_node(struct view *v, uint64_t ino, struct node *out)
{
    int rc = node_get(v, ino, out);
    return rc == 0 && out->type != NODE_FILE ? STORE_ERR_INVALID : rc;
}

int inline_look(struct store *s, uint64_t ino, struct node *out)
{
    struct view *v;
    int rc = view_begin(s, &v);
    if (rc)
        return rc;
    rc = inline_node(v, ino, out);
    view_end(v);
    return rc;
}

/* The whole content into `buf` (INLINE_BYTES_MAX bytes). */
static int load(struct view *v, const struct node *n, uint8_t *buf)
{
    struct sql_query q;
    size_t len;
    if (n->size == 0)
        return 0;
    int rc = sql_row(v, &get_body, &q, "u", n->ino);
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? STORE_ERR_CORRUPT : rc;
    const void *body = sql_blob(&q, 0, &len);
    rc = len == n->size && len <= INLINE_BYTES_MAX ? 0 : STORE_ERR_CORRUPT;
    if (rc == 0)
        memcpy(buf, body, len);
    sql_done(&q);
    return rc;
}

static uint64_t size_after(const struct node *n, const struct change *c)
{
    uint64_t end = c->offset + c->len;
    switch (c->op) {
    case CHANGE_PUNCH:
    case CHANGE_RESERVE:
        return n->size;
    case CHANGE_RESIZE:
        return c->offset;
    case CHANGE_WRITE:
    case CHANGE_EXTEND:
        break;
    }
    return end > n->size ? end : n->size;
}

/* The new content in `buf` and its size, or INLINE_MOVED if it does not fit. */
static int edit(const struct node *n, const struct change *c, uint8_t *buf, size_t *size)
{
    uint64_t new_size = size_after(n, c);
    uint64_t reserved = c->op == CHANGE_RESERVE ? c->offset + c->len : 0;
    if (new_size > INLINE_BYTES_MAX || reserved > INLINE_BYTES_MAX)
        return INLINE_MOVED;
    if (new_size > n->size)
        memset(buf + n->size, 0, (size_t)(new_size - n->size));
    if (c->op == CHANGE_WRITE)
        memcpy(buf + c->offset, c->data, (size_t)c->len);
    if (c->op == CHANGE_PUNCH && c->offset < n->size) {
        uint64_t left = n->size - c->offset;
        memset(buf + c->offset, 0, (size_t)(c->len < left ? c->len : left));
    }
    *size = (size_t)new_size;
    return 0;
}

static int store_body(struct turn *t, uint64_t ino, const uint8_t *buf, size_t size)
{
    int rc = size ? sql_exec(turn_view(t), &put_body, "ub", ino, buf, size)
                  : sql_exec(turn_view(t), &drop_body, "u", ino);
    if (rc)
        return rc;
    return sql_exec(turn_view(t), &set_changed, "uiu", (uint64_t)size, turn_now_ns(t), ino);
}

static int apply(struct turn *t, const struct change *c)
{
    uint8_t buf[INLINE_BYTES_MAX];
    struct node n;
    size_t size;
    int rc = inline_node(turn_view(t), c->ino, &n);
    if (rc)
        return rc;
    if (n.spool)
        return INLINE_MOVED;
    if (n.bad)
        return STORE_ERR_IO;
    rc = load(turn_view(t), &n, buf);
    if (rc == 0)
        rc = edit(&n, c, buf, &size);
    if (rc == 0)
        rc = freeze_break(t, n.entry);
    return rc ? rc : store_body(t, c->ino, buf, size);
}

int inline_change(struct store *s, const struct change *c)
{
    struct turn *t;
    int rc = turn_begin(s, &t);
    if (rc)
        return rc;
    rc = apply(t, c);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    return turn_checkpoint(t);
}

/* ---- promotion ---- */

/* Bytes that a flush has promised must be on disk in the spool before the journal forgets them.
 * Bytes that nobody promised need no sync: should they be lost, durable_size (0) says so. */
static int fill(struct store *s, const struct io_file *f, const struct node *n, const uint8_t *buf)
{
    int rc = n->size ? io_pwrite(s->io, f, buf, (size_t)n->size, 0) : 0;
    if (rc == 0 && n->durable_size > 0)
        rc = io_sync(s->io, f);
    return rc ? io_error(rc) : 0;
}

/* A sealed entry is opened here and not only for the change that follows: what was offered of it
 * small is read from the journal alone. The entry of now: names may have changed meanwhile. */
static int move(struct turn *t, uint64_t ino, uint64_t id)
{
    struct node now;
    int rc = inline_node(turn_view(t), ino, &now);
    if (rc == 0)
        rc = freeze_break(t, now.entry);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &set_spool, "uu", id, ino);
    return rc ? rc : sql_exec(turn_view(t), &drop_body, "u", ino);
}

/* When a commit fails, what it wrote may still count after a crash: the next start decides about
 * the file. */
static int switch_over(struct store *s, uint64_t ino, uint64_t id)
{
    struct turn *t;
    int rc = turn_begin(s, &t);
    if (rc == 0) {
        rc = move(t, ino, id);
        if (rc == 0)
            return turn_checkpoint(t);
        turn_abort(t);
    }
    spool_discard(&s->spool, id);
    return rc;
}

static int read_whole(struct store *s, uint64_t ino, struct node *n, uint8_t *buf)
{
    struct view *v;
    int rc = view_begin(s, &v);
    if (rc)
        return rc;
    rc = inline_node(v, ino, n);
    if (rc == 0 && !n->spool)
        rc = load(v, n, buf);
    view_end(v);
    return rc;
}

int inline_promote(struct store *s, uint64_t ino)
{
    uint8_t buf[INLINE_BYTES_MAX];
    struct node n;
    struct io_file f = {.fd = -1};
    uint64_t id;
    int rc = read_whole(s, ino, &n, buf);
    if (rc || n.spool)
        return rc;
    rc = turn_admit(s);
    if (rc == 0)
        rc = spool_make(&s->spool, &id, &f);
    if (rc)
        return rc;
    rc = fill(s, &f, &n, buf);
    io_close(&f);
    if (rc == 0)
        return switch_over(s, ino, id);
    spool_discard(&s->spool, id);
    return rc;
}

/* ---- inside a turn ---- */

int content_put(struct turn *t, uint64_t ino, const void *data, size_t len)
{
    struct view *v = turn_view(t);
    struct node n;
    if (len > INLINE_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    int rc = inline_node(v, ino, &n);
    if (rc)
        return rc;
    if (n.spool)
        return STORE_ERR_INVALID;
    rc = freeze_break(t, n.entry);
    if (rc == 0)
        rc = len ? sql_exec(v, &put_body, "ub", ino, data, len) : sql_exec(v, &drop_body, "u", ino);
    return rc ? rc : sql_exec(v, &set_put, "uiu", (uint64_t)len, turn_now_ns(t), ino);
}

ssize_t content_peek(struct view *v, uint64_t ino, void *buf, size_t cap)
{
    struct node n;
    struct sql_query q;
    int rc = inline_node(v, ino, &n);
    if (rc)
        return rc;
    if (n.spool || n.size > cap)
        return STORE_ERR_RANGE;
    if (n.size == 0)
        return 0;
    rc = sql_row(v, &get_body, &q, "u", ino);
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? STORE_ERR_CORRUPT : rc;
    size_t len;
    const void *body = sql_blob(&q, 0, &len);
    rc = len == n.size ? 0 : STORE_ERR_CORRUPT;
    if (rc == 0)
        memcpy(buf, body, len);
    sql_done(&q);
    return rc ? rc : (ssize_t)len;
}
