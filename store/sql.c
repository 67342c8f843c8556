#include "store/sql.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "store/core.h"

static bool too_many_files(struct view *v)
{
    int err = sqlite3_system_errno(v->db);
    return err == EMFILE || err == ENFILE;
}

static int error_of(struct view *v, int rc)
{
    int err = atomic_load(&v->store->vfs.last_errno);
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return STORE_ERR_NOMEM;
    case SQLITE_FULL:
        return err == EDQUOT ? STORE_ERR_QUOTA : STORE_ERR_NOSPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return STORE_ERR_EXISTS;
    case SQLITE_TOOBIG:
        return STORE_ERR_TOO_BIG;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: /* once the journal is open, a disk that has changed its mind */
        if ((rc & 0xff) == SQLITE_CANTOPEN && too_many_files(v))
            return STORE_ERR_FILES;
        return v->store->sync.wal.fd < 0 ? STORE_ERR_ACCESS : STORE_ERR_IO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_ERR_BUSY;
    default:
        return rc == SQLITE_IOERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_IO;
    }
}

/* The errors after which SQLite may have rolled back by itself; and any after which it has. */
static bool ends_transaction(const struct view *v, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_INTERRUPT:
        return true;
    default:
        return v->db && sqlite3_get_autocommit(v->db);
    }
}

int sql_error(struct view *v, int rc)
{
    int err = error_of(v, rc);
    if (err && ends_transaction(v, rc))
        v->failed = err;
    return err;
}

void sql_forgive(struct view *v)
{
    v->failed = 0;
}

/* Numbers are given out once for the whole program; every connection has a cell for each. */
static unsigned slot_of(struct sql *s)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static unsigned last;
    unsigned slot = atomic_load_explicit(&s->slot, memory_order_acquire);
    if (slot)
        return slot;
    pthread_mutex_lock(&lock);
    slot = atomic_load(&s->slot);
    if (!slot && last + 1 < SQL_SLOTS_MAX) {
        slot = ++last;
        atomic_store_explicit(&s->slot, slot, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return slot;
}

static int prepare(struct view *v, const char *text, unsigned flags, sqlite3_stmt **out)
{
    return sql_error(v, sqlite3_prepare_v3(v->db, text, -1, flags, out, NULL));
}

static int use(struct view *v, struct sql *s, struct sql_query *q)
{
    unsigned slot = slot_of(s);
    sqlite3_stmt **cached = &v->stmts[slot];
    if (slot && !*cached) {
        int rc = prepare(v, s->text, SQLITE_PREPARE_PERSISTENT, cached);
        if (rc)
            return rc;
    }
    if (slot && !sqlite3_stmt_busy(*cached)) {
        q->stmt = *cached;
        return 0;
    }
    q->temporary = true;
    return prepare(v, s->text, 0, &q->stmt);
}

static int bind_one(sqlite3_stmt *q, int at, char type, va_list *args)
{
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(q, at, va_arg(*args, int64_t));
    case 'u':
        return sqlite3_bind_int64(q, at, (int64_t)va_arg(*args, uint64_t));
    case 'd':
        return sqlite3_bind_int(q, at, va_arg(*args, int));
    case 't':
        return sqlite3_bind_text(q, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
    case 'b': {
        const void *data = va_arg(*args, const void *);
        size_t len = va_arg(*args, size_t);
        if (data && len == 0)
            return sqlite3_bind_zeroblob(q, at, 0);
        return sqlite3_bind_blob64(q, at, data, len, SQLITE_STATIC);
    }
    }
    return SQLITE_MISUSE;
}

static int start(struct view *v, struct sql *s, struct sql_query *q, const char *types,
                 va_list *args)
{
    *q = (struct sql_query){.view = v};
    if (v->failed)
        return v->failed;
    int rc = use(v, s, q);
    for (int at = 1; rc == 0 && types[at - 1]; at++)
        rc = sql_error(v, bind_one(q->stmt, at, types[at - 1], args));
    if (rc)
        sql_done(q);
    return rc;
}

int sql_open(struct view *v, struct sql *s, struct sql_query *q, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = start(v, s, q, types, &args);
    va_end(args);
    return rc;
}

int sql_row(struct view *v, struct sql *s, struct sql_query *q, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = start(v, s, q, types, &args);
    va_end(args);
    if (rc)
        return rc;
    rc = sql_next(q);
    if (rc == 1)
        return 0;
    sql_done(q);
    return rc == 0 ? STORE_ERR_NOT_FOUND : rc;
}

int sql_exec(struct view *v, struct sql *s, const char *types, ...)
{
    struct sql_query q;
    va_list args;
    va_start(args, types);
    int rc = start(v, s, &q, types, &args);
    va_end(args);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1)
        ;
    sql_done(&q);
    return rc;
}

int sql_next(struct sql_query *q)
{
    int rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    return sql_error(q->view, sqlite3_extended_errcode(q->view->db));
}

void sql_done(struct sql_query *q)
{
    if (!q->stmt)
        return;
    if (q->temporary) {
        sqlite3_finalize(q->stmt);
    } else {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt);
    }
    q->stmt = NULL;
}

int sql_changes(struct view *v)
{
    return sqlite3_changes(v->db);
}

void sql_text(const struct sql_query *q, int col, char *out, size_t cap)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, col);
    size_t len = text ? strlen(text) : 0;
    if (len >= cap)
        len = cap - 1;
    if (text)
        memcpy(out, text, len);
    out[len] = '\0';
}

bool sql_bytes(const struct sql_query *q, int col, void *out, size_t len)
{
    size_t have;
    const void *data = sql_blob(q, col, &have);
    if (!data || have != len) {
        memset(out, 0, len);
        return false;
    }
    memcpy(out, data, len);
    return true;
}

void sql_forget(struct view *v)
{
    for (unsigned i = 0; i < SQL_SLOTS_MAX; i++) {
        sqlite3_finalize(v->stmts[i]);
        v->stmts[i] = NULL;
    }
}
