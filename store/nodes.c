/* Reading nodes and names. */
#include "store/nodes.h"

#include <string.h>
#include "store/node_row.h"

void node_row(const struct sql_query *q, int col, struct node *out)
{
    unsigned flags = (unsigned)sql_int(q, col + 13);
    *out = (struct node){
        .ino = sql_u64(q, col),
        .type = (enum node_type)sql_int(q, col + 1),
        .mode = (uint32_t)sql_int(q, col + 2),
        .nlink = (uint32_t)sql_int(q, col + 3),
        .entry = sql_u64(q, col + 4),
        .parent = sql_u64(q, col + 5),
        .wormhole = sql_u64(q, col + 6),
        .size = sql_u64(q, col + 7),
        .durable_size = sql_u64(q, col + 8),
        .atime_ns = sql_i64(q, col + 9),
        .mtime_ns = sql_i64(q, col + 10),
        .ctime_ns = sql_i64(q, col + 11),
        .spool = sql_u64(q, col + 12),
        .dirty = flags & NODE_FLAG_DIRTY,
        .by_opener = flags & NODE_FLAG_BY_OPENER,
        .bad = flags & NODE_FLAG_BAD,
        .lost = flags & NODE_FLAG_LOST,
        .staged = flags & NODE_FLAG_STAGED,
    };
}

static struct sql get = {"SELECT " NODE_COLUMNS " FROM node WHERE ino=?", 0};

int node_get(struct view *v, uint64_t ino, struct node *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get, &q, "u", ino);
    if (rc)
        return rc;
    node_row(&q, 0, out);
    sql_done(&q);
    return 0;
}

/* ---- the fixed names in a wormhole's directory ---- */

static const char *const fixed_names[] = {"outbox", "inbox", "code", "state"};
enum { FIXED_NAMES = 4 };

/* The column of `fixed` (below) that holds the inode number of a fixed name, or -1. */
static int fixed_column(const char *name, size_t len)
{
    for (int i = 0; i < FIXED_NAMES; i++)
        if (strlen(fixed_names[i]) == len && memcmp(fixed_names[i], name, len) == 0)
            return i;
    return -1;
}

static struct sql fixed = {
    "SELECT outbox_ino, inbox_ino, code_ino, state_ino FROM wormhole WHERE id=?", 0};

static int lookup_fixed(struct view *v, uint64_t dir, int column, uint64_t *ino)
{
    struct sql_query q;
    int rc = sql_row(v, &fixed, &q, "u", dir);
    if (rc)
        return rc;
    *ino = sql_u64(&q, column);
    sql_done(&q);
    return 0;
}

/* ---- lookup ---- */

static struct sql lookup = {"SELECT ino FROM link WHERE parent=? AND name=?", 0};
static struct sql lookup_node = {"SELECT " NODE_COLUMNS " FROM link JOIN node ON node.ino=link.ino "
                                 "WHERE link.parent=? AND link.name=?",
                                 0};

int node_lookup(struct view *v, uint64_t parent, const char *name, size_t len, uint64_t *ino)
{
    if (len > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    struct sql_query q;
    int rc = sql_row(v, &lookup, &q, "ub", parent, name, len);
    if (rc == 0) {
        *ino = sql_u64(&q, 0);
        sql_done(&q);
        return 0;
    }
    int column = fixed_column(name, len);
    if (rc != STORE_ERR_NOT_FOUND || column < 0)
        return rc;
    return lookup_fixed(v, parent, column, ino);
}

int node_lookup_get(struct view *v, uint64_t parent, const char *name, size_t len, struct node *out)
{
    if (len > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    struct sql_query q;
    int rc = sql_row(v, &lookup_node, &q, "ub", parent, name, len);
    if (rc == 0) {
        node_row(&q, 0, out);
        sql_done(&q);
        return 0;
    }
    uint64_t ino;
    int column = fixed_column(name, len);
    if (rc != STORE_ERR_NOT_FOUND || column < 0)
        return rc;
    rc = lookup_fixed(v, parent, column, &ino);
    return rc ? rc : node_get(v, ino, out);
}

/* ---- listing ---- */

static int list_fixed(struct view *v, uint64_t dir, uint64_t cookie,
                      int (*fn)(void *arg, const struct node_item *item), void *arg)
{
    static const enum node_type types[] = {NODE_OUTBOX, NODE_INBOX, NODE_CODE, NODE_STATE};
    int rc = 0;
    for (uint64_t i = cookie; i < FIXED_NAMES && rc == 0; i++) {
        struct node_item item = {.cookie = i + 1,
                                 .type = types[i],
                                 .name = fixed_names[i],
                                 .name_len = strlen(fixed_names[i])};
        rc = lookup_fixed(v, dir, (int)i, &item.ino);
        if (rc == STORE_ERR_NOT_FOUND)
            return 0; /* no wormhole (any more): an empty directory */
        if (rc == 0)
            rc = fn(arg, &item);
    }
    return rc;
}

static struct sql list = {"SELECT link.cookie, link.ino, node.type, link.name FROM link "
                          "JOIN node ON node.ino=link.ino WHERE link.parent=? AND link.cookie>? "
                          "ORDER BY link.cookie",
                          0};

int node_list(struct view *v, uint64_t parent, uint64_t cookie,
              int (*fn)(void *arg, const struct node_item *item), void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &list, &q, "uu", parent, cookie);
    if (rc)
        return rc;
    bool any = false;
    while ((rc = sql_next(&q)) == 1) {
        struct name name = {0};
        size_t len;
        const void *bytes = sql_blob(&q, 3, &len);
        any = true;
        rc = len <= NAME_BYTES_MAX ? 0 : STORE_ERR_CORRUPT;
        if (rc)
            break;
        memcpy(name.text, bytes, len);
        struct node_item item = {.cookie = sql_u64(&q, 0),
                                 .ino = sql_u64(&q, 1),
                                 .type = (enum node_type)sql_int(&q, 2),
                                 .name = name.text,
                                 .name_len = len};
        rc = fn(arg, &item);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc == 0 && !any ? list_fixed(v, parent, cookie, fn, arg) : rc;
}

static struct sql next_name = {"SELECT link.name, " NODE_COLUMNS " FROM link "
                               "JOIN node ON node.ino=link.ino WHERE link.parent=? AND "
                               "link.name>? ORDER BY link.name LIMIT 1",
                               0};

int node_next(struct view *v, uint64_t dir, struct name *name, struct node *out)
{
    struct sql_query q;
    size_t len;
    int rc = sql_row(v, &next_name, &q, "ub", dir, name->text, (size_t)name->len);
    if (rc)
        return rc;
    const void *bytes = sql_blob(&q, 0, &len);
    struct name found;
    rc = name_set(&found, bytes, len) ? STORE_ERR_CORRUPT : 0;
    if (rc == 0)
        node_row(&q, 1, out);
    sql_done(&q);
    if (rc == 0)
        *name = found;
    return rc;
}

static struct sql one_child = {"SELECT 1 FROM link WHERE parent=? LIMIT 1", 0};

int node_empty(struct view *v, uint64_t dir)
{
    struct sql_query q;
    int rc = sql_row(v, &one_child, &q, "u", dir);
    if (rc == STORE_ERR_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    sql_done(&q);
    return STORE_ERR_NOT_EMPTY;
}

static struct sql body = {"SELECT content.body, node.type FROM node LEFT JOIN content USING (ino) "
                          "WHERE node.ino=?",
                          0};

ssize_t node_target(struct view *v, uint64_t ino, char *out, size_t cap)
{
    struct sql_query q;
    int rc = sql_row(v, &body, &q, "u", ino);
    if (rc)
        return rc;
    size_t len;
    const void *target = sql_blob(&q, 0, &len);
    if (sql_int(&q, 1) != NODE_SYMLINK)
        rc = STORE_ERR_INVALID;
    else if (!target)
        rc = STORE_ERR_CORRUPT;
    else if (len + 1 > cap)
        rc = STORE_ERR_RANGE;
    if (rc == 0) {
        memcpy(out, target, len);
        out[len] = '\0';
    }
    sql_done(&q);
    return rc ? rc : (ssize_t)len;
}
