/* Extended attributes. */
#include <string.h>
#include "store/node_row.h"

static struct sql get = {"SELECT value FROM xattr WHERE ino=? AND name=?", 0};
static struct sql used = {"SELECT ifnull(sum(length(CAST(name AS BLOB)) + length(value)),0) FROM "
                          "xattr WHERE ino=? AND name!=?",
                          0};
static struct sql put = {"INSERT OR REPLACE INTO xattr (ino, name, value) VALUES (?,?,?)", 0};
static struct sql drop = {"DELETE FROM xattr WHERE ino=? AND name=?", 0};
static struct sql list = {"SELECT name, value FROM xattr WHERE ino=? ORDER BY name", 0};

static bool name_is_fine(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= XATTR_NAME_BYTES_MAX;
}

static int check_room(struct view *v, uint64_t ino, const char *name, size_t len)
{
    struct sql_query q;
    if (len > XATTR_VALUE_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    int rc = sql_row(v, &used, &q, "ut", ino, name);
    if (rc)
        return rc;
    uint64_t others = sql_u64(&q, 0);
    sql_done(&q);
    return others + strlen(name) + len > XATTR_NODE_BYTES_MAX ? STORE_ERR_TOO_BIG : 0;
}

static int check_how(struct view *v, uint64_t ino, const char *name, enum xattr_how how)
{
    if (how == XATTR_SET)
        return 0;
    ssize_t there = xattr_get(v, ino, name, NULL, 0);
    if (there < 0 && there != STORE_ERR_NO_DATA)
        return (int)there;
    if (how == XATTR_MUST_CREATE && there >= 0)
        return STORE_ERR_EXISTS;
    if (how == XATTR_MUST_REPLACE && there < 0)
        return STORE_ERR_NO_DATA;
    return 0;
}

int xattr_set(struct turn *t, uint64_t ino, const char *name, const void *value, size_t len,
              enum xattr_how how)
{
    struct view *v = turn_view(t);
    struct node n;
    if (!name_is_fine(name))
        return STORE_ERR_INVALID;
    int rc = node_get(v, ino, &n);
    if (rc == 0)
        rc = check_how(v, ino, name, how);
    if (rc == 0)
        rc = check_room(v, ino, name, len);
    if (rc == 0)
        rc = freeze_break(t, n.entry);
    if (rc == 0)
        rc = sql_exec(v, &put, "utb", ino, name, len ? value : "", len);
    return rc ? rc : node_touch(t, ino);
}

int xattr_remove(struct turn *t, uint64_t ino, const char *name)
{
    struct view *v = turn_view(t);
    struct node n;
    int rc = node_get(v, ino, &n);
    if (rc == 0)
        rc = check_how(v, ino, name, XATTR_MUST_REPLACE);
    if (rc == 0)
        rc = freeze_break(t, n.entry);
    if (rc == 0)
        rc = sql_exec(v, &drop, "ut", ino, name);
    return rc ? rc : node_touch(t, ino);
}

ssize_t xattr_get(struct view *v, uint64_t ino, const char *name, void *out, size_t cap)
{
    struct sql_query q;
    int rc = sql_row(v, &get, &q, "ut", ino, name);
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? STORE_ERR_NO_DATA : rc;
    size_t len;
    const void *value = sql_blob(&q, 0, &len);
    if (cap > 0 && len > cap)
        rc = STORE_ERR_RANGE;
    else if (cap > 0 && len > 0)
        memcpy(out, value, len);
    sql_done(&q);
    return rc ? rc : (ssize_t)len;
}

int xattr_list(struct view *v, uint64_t ino,
               int (*fn)(void *arg, const char *name, const void *value, size_t len), void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &list, &q, "u", ino);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        size_t len;
        const void *value = sql_blob(&q, 1, &len);
        rc = fn(arg, (const char *)sqlite3_column_text(q.stmt, 0), value, len);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}
