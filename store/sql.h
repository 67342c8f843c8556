/* Cached prepared statements. For store/ itself.
 *
 * A statement is a static `struct sql` next to the code that uses it; each connection prepares it
 * at its first use and keeps it. Using one that is still being read (a callback that asks the same
 * question) gives a temporary copy. Arguments are bound without copying: they must live until
 * sql_done. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include "store/view.h"

enum { SQL_SLOTS_MAX = 256 };

struct sql {
    const char *text;
    atomic_uint slot; /* 0: none yet */
};

/* A running query. */
struct sql_query {
    sqlite3_stmt *stmt;
    struct view *view;
    bool temporary;
};

/* Binds by the letters of `types`: i (int64_t), u (uint64_t), d (int), t (const char *, may be
 * NULL), b (const void *, size_t; a NULL pointer is SQL NULL). sql_open  ready for sql_next;
 *   sql_row   fetches one row: 0 and *q is open on it, or NOT_FOUND and there is nothing to close;
 *   sql_exec  runs it to the end.
 * 0 or a store_error. */
int sql_open(struct view *v, struct sql *s, struct sql_query *q, const char *types, ...);
int sql_row(struct view *v, struct sql *s, struct sql_query *q, const char *types, ...);
int sql_exec(struct view *v, struct sql *s, const char *types, ...);

int sql_next(struct sql_query *q); /* 1: a row, 0: the end, or a store_error */
void sql_done(struct sql_query *q);

/* Rows that the last sql_exec changed. */
int sql_changes(struct view *v);

/* Columns. Text and blobs are borrowed until the next sql_next or sql_done. */
static inline int64_t sql_i64(const struct sql_query *q, int col)
{
    return sqlite3_column_int64(q->stmt, col);
}
static inline uint64_t sql_u64(const struct sql_query *q, int col)
{
    return (uint64_t)sqlite3_column_int64(q->stmt, col);
}
static inline int sql_int(const struct sql_query *q, int col)
{
    return sqlite3_column_int(q->stmt, col);
}
static inline const void *sql_blob(const struct sql_query *q, int col, size_t *len)
{
    const void *data = sqlite3_column_blob(q->stmt, col);
    *len = (size_t)sqlite3_column_bytes(q->stmt, col);
    return data;
}
/* Copies text, cut to fit, always terminated. */
void sql_text(const struct sql_query *q, int col, char *out, size_t cap);
/* Copies a blob of exactly `len` bytes; zeros if it is NULL or of another length. True if copied.
 */
bool sql_bytes(const struct sql_query *q, int col, void *out, size_t len);

/* The store_error that the connection's `rc` means.
 *
 * After an error that may have made SQLite roll back by itself (full, input/output, memory:
 * sqlite.org/lang_transaction.html, section 3.1), or has, no query begins on the connection:
 * sql_open, sql_row and sql_exec answer with that error, the COMMIT too, until the turn or the view
 * has ended. Else what follows would be committed alone, statement by statement, if somebody
 * overlooked the error. */
int sql_error(struct view *v, int rc);
void sql_forgive(struct view *v); /* a turn or a view begins or ends */

/* Finalizes all statements of a connection that is about to close. */
void sql_forget(struct view *v);

#endif
