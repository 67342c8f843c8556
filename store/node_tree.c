/* Looking at whole trees: sums and walks. */
#include <stdlib.h>
#include <string.h>
#include "store/node_row.h"

static struct sql sum = {
    "WITH RECURSIVE sub(ino) AS (VALUES (?1) UNION SELECT link.ino FROM sub JOIN link ON "
    "link.parent=sub.ino) SELECT total(type=1), count(*), ifnull(sum((type=1)*size),0), "
    "total(type=1 AND flags & 2), total(type=1 AND NOT flags & 4), total(flags & 24 != 0), "
    "max(ctime_ns) FROM sub JOIN node USING (ino)",
    0};

int node_sum(struct view *v, uint64_t ino, struct node_sum *out)
{
    struct sql_query q;
    int rc = sql_row(v, &sum, &q, "u", ino);
    if (rc)
        return rc;
    *out = (struct node_sum){
        .files = sql_u64(&q, 0),
        .nodes = sql_u64(&q, 1),
        .bytes = sql_u64(&q, 2),
        .dirty = sql_u64(&q, 3),
        .foreign_flush = sql_u64(&q, 4),
        .bad = sql_u64(&q, 5),
        .changed_ns = sql_i64(&q, 6),
    };
    sql_done(&q);
    return out->nodes ? 0 : STORE_ERR_NOT_FOUND;
}

/* ---- the walk: a stack of directories, each with how far its listing has come ---- */

struct frame {
    uint64_t dir, cookie;
    size_t path_len; /* of the directory itself */
};

struct walk {
    struct view *view;
    struct frame *frames;
    size_t depth, cap;
    char *path;
    size_t path_cap;
};

static int push(struct walk *w, uint64_t dir, size_t path_len)
{
    if (w->depth == TREE_DEPTH_MAX)
        return STORE_ERR_TOO_BIG;
    if (w->depth == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        struct frame *frames = realloc(w->frames, cap * sizeof *frames);
        if (!frames)
            return STORE_ERR_NOMEM;
        w->frames = frames;
        w->cap = cap;
    }
    w->frames[w->depth++] = (struct frame){.dir = dir, .path_len = path_len};
    return 0;
}

/* Puts `name` behind the first `len` bytes of the path; *len grows. */
static int append(struct walk *w, size_t *len, const void *name, size_t name_len)
{
    size_t need = *len + name_len + 2;
    if (need > w->path_cap) {
        char *path = realloc(w->path, need * 2);
        if (!path)
            return STORE_ERR_NOMEM;
        w->path = path;
        w->path_cap = need * 2;
    }
    if (*len > 0)
        w->path[(*len)++] = '/';
    if (name_len)
        memcpy(w->path + *len, name, name_len);
    *len += name_len;
    w->path[*len] = '\0';
    return 0;
}

static struct sql next_child = {"SELECT link.cookie, link.name, " NODE_COLUMNS " FROM link "
                                "JOIN node ON node.ino=link.ino WHERE link.parent=? AND "
                                "link.cookie>? ORDER BY link.cookie LIMIT 1",
                                0};

/* The next node below the topmost frame. NOT_FOUND when that is exhausted. */
static int step(struct walk *w, struct node *n, size_t *path_len)
{
    struct frame *f = &w->frames[w->depth - 1];
    struct sql_query q;
    int rc = sql_row(w->view, &next_child, &q, "uu", f->dir, f->cookie);
    if (rc)
        return rc;
    size_t len;
    const void *name = sql_blob(&q, 1, &len);
    f->cookie = sql_u64(&q, 0);
    node_row(&q, 2, n);
    *path_len = f->path_len;
    rc = append(w, path_len, name, len);
    sql_done(&q);
    return rc;
}

int node_walk(struct view *v, uint64_t top,
              int (*fn)(void *arg, const struct node *node, const char *path, size_t path_len),
              void *arg)
{
    struct walk w = {.view = v};
    struct node n;
    size_t path_len = 0;
    int rc = node_get(v, top, &n);
    if (rc == 0)
        rc = append(&w, &path_len, "", 0);
    if (rc == 0)
        rc = fn(arg, &n, w.path, 0);
    if (rc == 0 && n.type == NODE_DIR)
        rc = push(&w, top, 0);
    while (rc == 0 && w.depth > 0) {
        rc = step(&w, &n, &path_len);
        if (rc == STORE_ERR_NOT_FOUND) {
            w.depth--;
            rc = 0;
            continue;
        }
        if (rc == 0)
            rc = fn(arg, &n, w.path, path_len);
        if (rc == 0 && n.type == NODE_DIR)
            rc = push(&w, n.ino, path_len);
    }
    free(w.frames);
    free(w.path);
    return rc;
}
