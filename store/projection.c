#include "store/projection.h"

#include <stdlib.h>
#include <string.h>
#include "store/fold.h"

/* ---- helpers of the folds ---- */

bool fold_rev(const struct fold *f, uint8_t out[static REV_BYTES])
{
    const char *hex = fold_text(f, "rev");
    if (strlen(hex) != 2 * REV_BYTES)
        return false;
    for (size_t i = 0; i < REV_BYTES; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

int fold_kind(const struct fold *f, enum node_type *kind)
{
    const char *text = fold_text(f, "kind");
    if (strcmp(text, "file") == 0)
        *kind = NODE_FILE;
    else if (strcmp(text, "dir") == 0)
        *kind = NODE_DIR;
    else if (strcmp(text, "symlink") == 0)
        *kind = NODE_SYMLINK;
    else
        return STORE_ERR_INVALID;
    return 0;
}

int fold_one(const struct fold *f, int rc)
{
    if (rc)
        return rc;
    return sql_changes(f->view) == 1 ? 0 : STORE_ERR_NOT_FOUND;
}

static struct sql boxes = {"SELECT outbox_ino, inbox_ino FROM wormhole WHERE id=?", 0};

static int box_of(const struct fold *f, int column, uint64_t *ino)
{
    struct sql_query q;
    int rc = sql_row(f->view, &boxes, &q, "u", f->row->event.wormhole);
    if (rc)
        return rc;
    *ino = sql_u64(&q, column);
    sql_done(&q);
    return 0;
}

int fold_outbox(const struct fold *f, uint64_t *ino)
{
    return box_of(f, 0, ino);
}

int fold_inbox_ino(const struct fold *f, uint64_t *ino)
{
    return box_of(f, 1, ino);
}

static struct sql add = {"INSERT INTO link (parent, name, ino, cookie) VALUES (?,?,?,?)", 0};
static struct sql drop = {"DELETE FROM link WHERE parent=? AND name=?", 0};
static struct sql rename_to = {"UPDATE link SET name=?3 WHERE parent=?1 AND name=?2", 0};
static struct sql point = {"UPDATE link SET ino=?3 WHERE parent=?1 AND name=?2", 0};

int fold_link_add(const struct fold *f, uint64_t box, const struct name *name)
{
    return sql_exec(f->view, &add, "ubuu", box, name->text, (size_t)name->len, f->row->event.ino,
                    f->row->id);
}

int fold_link_remove(const struct fold *f, uint64_t box, const struct name *name)
{
    return fold_one(f, sql_exec(f->view, &drop, "ub", box, name->text, (size_t)name->len));
}

int fold_link_rename(const struct fold *f, uint64_t box, const struct name *name,
                     const struct name *to)
{
    return fold_one(f, sql_exec(f->view, &rename_to, "ubb", box, name->text, (size_t)name->len,
                                to->text, (size_t)to->len));
}

int fold_link_swap(const struct fold *f, uint64_t box, const struct name *a, uint64_t a_ino,
                   const struct name *b, uint64_t b_ino)
{
    int rc = fold_one(f, sql_exec(f->view, &point, "ubu", box, a->text, (size_t)a->len, b_ino));
    if (rc)
        return rc;
    return fold_one(f, sql_exec(f->view, &point, "ubu", box, b->text, (size_t)b->len, a_ino));
}

/* ---- one event ---- */

static struct sql last_event = {"UPDATE wormhole SET last_event=? WHERE id=?", 0};

static fold_fn *fold_of(enum log_type type)
{
    fold_fn *fn = fold_wormhole(type);
    if (!fn)
        fn = fold_entry(type);
    return fn ? fn : fold_inbox(type);
}

static bool is_problem(enum log_type type)
{
    return type == LOG_PROBLEM || type == LOG_PROBLEM_CLEARED;
}

int projection_apply(struct turn *t, const struct log_row *row)
{
    struct fold f = {.view = turn_view(t), .row = row, .detail = row->event.detail};
    fold_fn *fn = fold_of(row->event.type);
    if (row->event.wormhole == 0) /* of the whole mount: it may have a problem, and nothing else */
        return fn && !is_problem(row->event.type) ? STORE_ERR_INVALID : 0;
    int rc = fn ? fn(&f) : 0;
    if (rc || row->event.type == LOG_FORGOTTEN)
        return rc;
    return fold_one(&f, sql_exec(f.view, &last_event, "uu", row->id, row->event.wormhole));
}

/* ---- all of them again ---- */

static const char empty_all[] =
    "DELETE FROM wormhole; DELETE FROM entry; DELETE FROM inbox_entry; DELETE FROM sent;"
    "DELETE FROM link WHERE parent IN (SELECT ino FROM node WHERE type IN (5, 6))";

static int apply_again(void *arg, const struct log_row *row)
{
    return projection_apply(arg, row);
}

int projection_rebuild(struct turn *t)
{
    struct view *v = turn_view(t);
    int rc = sql_error(v, sqlite3_exec(v->db, empty_all, NULL, NULL, NULL));
    return rc ? rc : log_read(v, 0, UINT64_MAX, apply_again, t);
}
