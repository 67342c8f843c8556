/* Content in the spool, and the choice between it and the journal. */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "store/content_parts.h"
#include "store/node_row.h"

enum { THAW_TRIES_MAX = 100 };

static struct sql set_size = {
    "UPDATE node SET size=?1, durable_size=min(durable_size, ?1), mtime_ns=?2, ctime_ns=?2, "
    "flags=flags | 2 WHERE ino=?3",
    0};
static struct sql set_dirty = {"UPDATE node SET flags=flags | 2 WHERE ino=?", 0};
_Static_assert(NODE_FLAG_DIRTY == 2, "it is in the statements");

/* ---- opening ---- */

/* The file must have exactly the recorded size: what is longer was written by a call that never
 * finished, and would show when the file grows over it. */
static int fit(struct store *s, const struct io_file *f, uint64_t size)
{
    struct stat st;
    int rc = io_fstat(s->io, f, &st);
    if (rc == 0 && (uint64_t)st.st_size != size)
        rc = io_truncate(s->io, f, size);
    return rc;
}

static int open_file(struct store *s, const struct node *n, uint64_t epoch, struct spool_file **out)
{
    char path[IO_PATH_MAX];
    struct io_file io;
    spool_path(path, n->spool);
    int rc = io_open(s->io, s->dir, path, O_RDWR, &io);
    if (rc == 0)
        rc = fit(s, &io, n->size);
    if (rc) {
        io_close(&io);
        return spool_error(rc);
    }
    rc = spool_insert(&s->spool, n->ino, n->spool, &io, out);
    if (rc)
        return rc;
    struct spool_file *f = *out;
    f->entry = n->entry;
    f->entry_epoch = epoch;
    atomic_store(&f->size, n->size);
    f->durable = n->durable_size;
    f->dirty = n->dirty;
    f->by_opener = n->by_opener;
    f->anew = n->dirty ? 0 : n->durable_size;
    f->anew_end = n->size;
    atomic_store(&f->bad, n->bad);
    atomic_store(&f->marked, n->bad);
    return 0;
}

int content_attach(struct store *s, uint64_t ino, struct spool_file **out)
{
    struct node n;
    *out = spool_find(&s->spool, ino);
    if (*out)
        return 0;
    uint64_t epoch = atomic_load(&s->spool.entry_epoch);
    int rc = inline_look(s, ino, &n);
    if (rc || !n.spool)
        return rc;
    return open_file(s, &n, epoch, out);
}

/* ---- reading ---- */

static ssize_t read_file(struct store *s, struct spool_file *f, void *buf, size_t len,
                         uint64_t offset)
{
    uint64_t size = atomic_load(&f->size);
    if (offset >= size)
        return 0;
    if (len > size - offset)
        len = (size_t)(size - offset);
    ssize_t got = io_pread(s->io, &f->io, buf, len, offset);
    return got < 0 ? io_error((int)got) : got;
}

static struct sql read_inline = {"SELECT node.type, node.spool, node.size, content.body FROM node "
                                 "LEFT JOIN content USING (ino) WHERE node.ino=?",
                                 0};

/* From the journal. SSIZE_MAX if the bytes are in the spool. */
static ssize_t read_body(struct view *v, uint64_t ino, void *buf, size_t len, uint64_t offset)
{
    struct sql_query q;
    size_t have;
    int rc = sql_row(v, &read_inline, &q, "u", ino);
    if (rc)
        return rc;
    const uint8_t *body = sql_blob(&q, 3, &have);
    ssize_t got = 0;
    if (sql_int(&q, 0) != NODE_FILE) {
        got = STORE_ERR_INVALID;
    } else if (sql_u64(&q, 1)) {
        got = SSIZE_MAX;
    } else if (have != sql_u64(&q, 2)) {
        got = STORE_ERR_CORRUPT;
    } else if (offset < have) {
        if (len > have - offset)
            len = (size_t)(have - offset);
        memcpy(buf, body + offset, len);
        got = (ssize_t)len;
    }
    sql_done(&q);
    return got;
}

ssize_t content_read(struct store *s, uint64_t ino, void *buf, size_t len, uint64_t offset)
{
    struct view *v;
    if (len > CONTENT_CALL_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    struct spool_file *f = spool_find(&s->spool, ino);
    if (!f) {
        int rc = view_begin(s, &v);
        if (rc)
            return rc;
        ssize_t got = read_body(v, ino, buf, len, offset);
        view_end(v);
        if (got != SSIZE_MAX)
            return got;
        pthread_mutex_t *lock = spool_stripe(&s->spool, ino);
        pthread_mutex_lock(lock);
        rc = content_attach(s, ino, &f);
        pthread_mutex_unlock(lock);
        if (rc || !f)
            return rc ? rc : STORE_ERR_CORRUPT;
    }
    ssize_t got = read_file(s, f, buf, len, offset);
    spool_put(&s->spool, f);
    return got;
}

/* ---- before a change of a spool file; all under the content lock ---- */

static int refresh_entry(struct store *s, struct spool_file *f)
{
    uint64_t epoch = atomic_load(&s->spool.entry_epoch);
    struct node n;
    if (f->entry_epoch == epoch)
        return 0;
    int rc = inline_look(s, f->ino, &n);
    if (rc)
        return rc;
    f->entry = n.entry;
    f->entry_epoch = epoch;
    return 0;
}

/* Takes the entry's seal back, durably: the bytes of a sealed revision must not change before it is
 * on disk that the revision is withdrawn. */
static int unseal(struct store *s, uint64_t entry)
{
    struct turn *t;
    int rc = turn_begin(s, &t);
    if (rc)
        return rc;
    turn_promise(t);
    rc = freeze_break(t, entry);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    return turn_commit(t);
}

static int enter(struct store *s, struct spool_file *f, struct freeze_pass *pass)
{
    if (atomic_load(&f->bad)) {
        content_mark_bad(s, f);
        return STORE_ERR_IO;
    }
    int rc = turn_admit(s);
    for (int i = 0; i < THAW_TRIES_MAX && rc == 0; i++) {
        rc = refresh_entry(s, f);
        if (rc)
            return rc;
        if (freeze_enter(&s->freeze, pass, f->entry))
            return 0;
        rc = unseal(s, f->entry);
    }
    return rc ? rc : STORE_ERR_BUSY;
}

/* Bytes that a flush has promised are about to be overwritten: should the machine crash, the file
 * must be known to be a mixture. Appending needs no such care, as the file is cut to durable_size.
 */
static int own_up(struct store *s, struct spool_file *f, uint64_t offset)
{
    struct turn *t;
    if (f->owned_up || offset >= f->durable)
        return 0;
    int rc = turn_begin(s, &t);
    if (rc)
        return rc;
    turn_promise(t);
    rc = sql_exec(turn_view(t), &set_dirty, "u", f->ino);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    rc = turn_commit(t);
    if (rc == 0)
        f->dirty = f->owned_up = true;
    return rc;
}

static int trim(struct store *s, struct spool_file *f)
{
    if (!f->untrimmed)
        return 0;
    int rc = io_truncate(s->io, &f->io, atomic_load(&f->size));
    if (rc == 0)
        f->untrimmed = false;
    return rc ? io_error(rc) : 0;
}

/* ---- after it ---- */

/* A rename may have moved the file to another entry since we entered, and that one been sealed: a
 * truncation has no handle that would keep it open. */
static int stay_open(struct turn *t, const struct spool_file *f)
{
    struct node n;
    if (f->entry_epoch == atomic_load(&turn_store(t)->spool.entry_epoch))
        return 0;
    int rc = node_get(turn_view(t), f->ino, &n);
    return rc || n.entry == f->entry ? rc : freeze_break(t, n.entry);
}

/* The checkpoint of a change: the new size, the times, the dirty flag. */
static int record(struct store *s, struct spool_file *f, uint64_t size, bool promise)
{
    struct turn *t;
    int rc = turn_begin(s, &t);
    if (rc)
        return rc;
    if (promise)
        turn_promise(t);
    rc = stay_open(t, f);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &set_size, "uiu", size, turn_now_ns(t), f->ino);
    if (rc == 0 && sql_changes(turn_view(t)) != 1)
        rc = STORE_ERR_NOT_FOUND;
    if (rc) {
        turn_abort(t);
        return rc;
    }
    rc = turn_checkpoint(t);
    if (rc && rc != STORE_ERR_BROKEN)
        return rc;
    atomic_store(&f->size, size);
    if (f->durable > size)
        f->durable = size;
    f->dirty = true; /* the row says so, also where that is not on disk yet (BROKEN) */
    f->owned_up = f->owned_up || (promise && rc == 0);
    f->writes++;
    return rc;
}

/* A long sequential write is sent on its way, so that the flush at its end finds little to do. */
static void send_early(struct store *s, struct spool_file *f, uint64_t offset, uint64_t len)
{
    if (offset != f->sequel)
        f->unsent = offset;
    f->sequel = offset + len;
    if (f->sequel - f->unsent < SPOOL_WRITEBACK_BYTES)
        return;
    io_writeback(s->io, &f->io, f->unsent, f->sequel - f->unsent);
    f->unsent = f->sequel;
}

/* ---- the changes ---- */

static int write_file(struct store *s, struct spool_file *f, const void *data, size_t len,
                      uint64_t offset)
{
    uint64_t size = atomic_load(&f->size);
    uint64_t end = offset + len;
    int rc = own_up(s, f, offset);
    if (rc == 0 && end > size)
        rc = trim(s, f);
    if (rc)
        return rc;
    rc = io_pwrite(s->io, &f->io, data, len, offset);
    rc = rc ? io_error(rc) : record(s, f, end > size ? end : size, false);
    if (rc) {
        f->writes++; /* some of it may be there: no flush under way covers that */
        if (end > size)
            f->untrimmed = true;
        return rc;
    }
    send_early(s, f, offset, len);
    return 0;
}

static int grow_file(struct store *s, struct spool_file *f, uint64_t size)
{
    int rc = trim(s, f);
    if (rc)
        return rc;
    rc = io_truncate(s->io, &f->io, size);
    rc = rc ? io_error(rc) : record(s, f, size, false);
    if (rc)
        f->untrimmed = true;
    return rc;
}

/* The journal first: bytes that it still counts must not be gone. */
static int shrink_file(struct store *s, struct spool_file *f, uint64_t size)
{
    int rc = record(s, f, size, !f->owned_up && size < f->durable);
    f->untrimmed = true;
    f->cuts++;
    if (rc)
        return rc;
    (void)trim(s, f); /* what is too long is invisible, and is cut before the file grows */
    atomic_store(&s->room_made, true);
    return 0;
}

static int resize_file(struct store *s, struct spool_file *f, uint64_t size)
{
    return size > atomic_load(&f->size) ? grow_file(s, f, size) : shrink_file(s, f, size);
}

static int punch_file(struct store *s, struct spool_file *f, uint64_t offset, uint64_t len)
{
    uint64_t size = atomic_load(&f->size);
    if (offset >= size)
        return 0;
    if (len > size - offset)
        len = size - offset;
    int rc = own_up(s, f, offset);
    if (rc)
        return rc;
    rc = io_punch(s->io, &f->io, offset, len);
    if (rc == 0)
        atomic_store(&s->room_made, true);
    return rc ? io_error(rc) : record(s, f, size, false);
}

static int allocate_file(struct store *s, struct spool_file *f, const struct change *c)
{
    uint64_t end = c->offset + c->len;
    int rc = trim(s, f); /* later it would take away what is allocated beyond the end */
    if (rc)
        return rc;
    rc = io_allocate(s->io, &f->io, c->offset, c->len);
    if (rc)
        return io_error(rc);
    bool grows = c->op == CHANGE_EXTEND && end > atomic_load(&f->size);
    return grows ? grow_file(s, f, end) : record(s, f, atomic_load(&f->size), false);
}

static int change_file(struct store *s, struct spool_file *f, const struct change *c)
{
    struct freeze_pass pass;
    int rc = enter(s, f, &pass);
    if (rc)
        return rc;
    switch (c->op) {
    case CHANGE_WRITE:
        rc = write_file(s, f, c->data, (size_t)c->len, c->offset);
        break;
    case CHANGE_PUNCH:
        rc = punch_file(s, f, c->offset, c->len);
        break;
    case CHANGE_RESIZE:
        rc = resize_file(s, f, c->offset);
        break;
    case CHANGE_EXTEND:
    case CHANGE_RESERVE:
        rc = allocate_file(s, f, c);
        break;
    }
    freeze_leave(&s->freeze, &pass);
    return rc;
}

/* Where the bytes are is found out by trying: a small file that stays small costs one turn and
 * nothing else. */
static int change_locked(struct store *s, const struct change *c)
{
    struct spool_file *f = spool_find(&s->spool, c->ino);
    int rc = f ? INLINE_MOVED : inline_change(s, c);
    if (rc != INLINE_MOVED)
        return rc;
    rc = f ? 0 : inline_promote(s, c->ino);
    if (rc == 0 && !f)
        rc = content_attach(s, c->ino, &f);
    if (rc || !f)
        return rc ? rc : STORE_ERR_CORRUPT;
    rc = change_file(s, f, c);
    spool_put(&s->spool, f);
    return rc;
}

static int change(struct store *s, const struct change *c)
{
    if (c->offset > CONTENT_BYTES_MAX || c->len > CONTENT_BYTES_MAX - c->offset)
        return STORE_ERR_TOO_BIG;
    pthread_mutex_t *lock = spool_stripe(&s->spool, c->ino);
    pthread_mutex_lock(lock);
    int rc = change_locked(s, c);
    pthread_mutex_unlock(lock);
    return rc;
}

int content_write(struct store *s, uint64_t ino, const void *data, size_t len, uint64_t offset)
{
    if (len > CONTENT_CALL_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    if (len == 0)
        return 0;
    return change(s, &(struct change){CHANGE_WRITE, ino, offset, len, data});
}

int content_truncate(struct store *s, uint64_t ino, uint64_t size)
{
    return change(s, &(struct change){CHANGE_RESIZE, ino, size, 0, NULL});
}

int content_punch(struct store *s, uint64_t ino, uint64_t offset, uint64_t len)
{
    if (len == 0)
        return STORE_ERR_INVALID;
    if (offset < CONTENT_BYTES_MAX && len > CONTENT_BYTES_MAX - offset)
        len = CONTENT_BYTES_MAX - offset;
    return change(s, &(struct change){CHANGE_PUNCH, ino, offset, len, NULL});
}

int content_allocate(struct store *s, uint64_t ino, uint64_t offset, uint64_t len, bool keep_size)
{
    enum change_op op = keep_size ? CHANGE_RESERVE : CHANGE_EXTEND;
    if (len == 0)
        return STORE_ERR_INVALID;
    return change(s, &(struct change){op, ino, offset, len, NULL});
}
