/* Making content durable, and questions about where its bytes are. */
#include <errno.h>
#include <unistd.h>
#include "store/content_parts.h"
#include "store/node_row.h"

enum { ANEW_BYTES = 32 << 10 };

static struct sql set_bad = {"UPDATE node SET flags=flags | 8 WHERE ino=?", 0};
static struct sql set_flushed = {
    "UPDATE node SET durable_size=?1, flags=(flags & ~6) | ?2 WHERE ino=?3", 0};
_Static_assert(NODE_FLAG_DIRTY == 2 && NODE_FLAG_BY_OPENER == 4 && NODE_FLAG_BAD == 8,
               "these are in the statements");

/* What a flush found out about the file, to be recorded. */
struct flushed {
    uint64_t ino, durable;
    bool dirty, by_opener;
};

/* A checkpoint that also works on a full disk; the sync comes after it, without the content lock.
 */
static int record(struct store *s, const struct flushed *w)
{
    struct turn *t;
    unsigned flags = (w->dirty ? NODE_FLAG_DIRTY : 0U) | (w->by_opener ? NODE_FLAG_BY_OPENER : 0U);
    int rc = turn_begin_relief(s, &t);
    if (rc)
        return rc;
    rc = sql_exec(turn_view(t), &set_flushed, "udu", w->durable, (int)flags, w->ino);
    if (rc == 0 && sql_changes(turn_view(t)) != 1)
        rc = STORE_ERR_NOT_FOUND;
    if (rc) {
        turn_abort(t);
        return rc;
    }
    return turn_checkpoint(t);
}

/* ---- in the journal ---- */

static int flush_inline(struct store *s, uint64_t ino, bool by_opener)
{
    struct node n;
    int rc = inline_look(s, ino, &n);
    if (rc)
        return rc;
    if (n.bad)
        return STORE_ERR_IO;
    if (!n.dirty && n.durable_size == n.size && n.by_opener == by_opener)
        return 0;
    return record(s, &(struct flushed){ino, n.size, false, by_opener});
}

/* ---- in the spool ---- */

void content_mark_bad(struct store *s, struct spool_file *f)
{
    struct turn *t;
    if (atomic_load(&f->marked) || turn_begin_relief(s, &t))
        return;
    turn_promise(t);
    if (sql_exec(turn_view(t), &set_bad, "u", f->ino))
        turn_abort(t);
    else
        atomic_store(&f->marked, turn_commit(t) == 0);
}

/* What the file was when its sync began: only that is promised afterwards. */
struct before {
    uint64_t size, writes, cuts;
    bool needs_sync;
};

static struct before look(const struct spool_file *f)
{
    uint64_t size = atomic_load(&f->size);
    return (struct before){
        .size = size,
        .writes = f->writes,
        .cuts = f->cuts,
        .needs_sync = f->dirty || f->durable < size,
    };
}

/* Under the content lock, after the sync. */
static int record_file(struct store *s, struct spool_file *f, const struct before *b,
                       bool by_opener)
{
    struct flushed w = {.ino = f->ino, .durable = f->durable, .by_opener = by_opener};
    if (f->cuts == b->cuts && b->size > w.durable)
        w.durable = b->size;
    w.dirty = f->dirty && f->writes != b->writes;
    bool same = w.durable == f->durable && w.dirty == f->dirty && by_opener == f->by_opener;
    int rc = same ? 0 : record(s, &w);
    if (rc)
        return rc;
    f->durable = w.durable;
    f->dirty = w.dirty;
    f->owned_up = f->owned_up && w.dirty;
    f->by_opener = by_opener;
    return 0;
}

/* One piece, the same bytes to the same place; holes stay holes. */
static int write_piece_anew(struct store *s, struct spool_file *f)
{
    uint8_t piece[ANEW_BYTES];
    uint64_t size = atomic_load(&f->size), end = f->anew_end < size ? f->anew_end : size;
    int64_t data = f->anew < end ? io_seek(s->io, &f->io, f->anew, SEEK_DATA) : -ENXIO;
    if (data < 0 && data != -ENXIO)
        return (int)data;
    uint64_t at = (uint64_t)data;
    f->anew = data < 0 || at >= end ? f->anew_end : at;
    if (f->anew == f->anew_end)
        return 0;
    ssize_t n =
        io_pread(s->io, &f->io, piece, end - at < sizeof piece ? end - at : sizeof piece, at);
    int rc = n <= 0 ? n < 0 ? (int)n : -EIO : io_pwrite(s->io, &f->io, piece, (size_t)n, at);
    if (rc)
        return rc;
    f->anew = at + (uint64_t)n;
    return 0;
}

/* Of bytes that were written before this process opened the file nobody knows whether a sync of
 * them has failed; after that the next one says 0 for bytes that are on no disk (vfs.h). */
static int write_anew(struct store *s, struct spool_file *f)
{
    pthread_mutex_t *lock = spool_stripe(&s->spool, f->ino);
    int rc = 0;
    bool done = false;
    while (rc == 0 && !done) {
        pthread_mutex_lock(lock);
        rc = write_piece_anew(s, f);
        done = f->anew == f->anew_end;
        pthread_mutex_unlock(lock);
    }
    return rc;
}

/* On a full disk nothing is lost by what could not be written anew: it is tried again. */
static int sync_file(struct store *s, struct spool_file *f, bool needs_sync)
{
    pthread_mutex_lock(&f->sync_lock);
    bool bad = atomic_load(&f->bad);
    int rc = needs_sync && !bad ? write_anew(s, f) : 0;
    bool full = rc == -ENOSPC || rc == -EDQUOT;
    if (rc == 0 && needs_sync && !bad)
        rc = io_sync(s->io, &f->io);
    if (rc && !full)
        atomic_store(&f->bad, true);
    pthread_mutex_unlock(&f->sync_lock);
    if ((rc && !full) || bad)
        content_mark_bad(s, f);
    return bad ? STORE_ERR_IO : rc ? io_error(rc) : 0;
}

static int flush_file(struct store *s, struct spool_file *f, const struct before *b, bool by_opener)
{
    int rc = sync_file(s, f, b->needs_sync);
    if (rc)
        return rc;
    pthread_mutex_t *lock = spool_stripe(&s->spool, f->ino);
    pthread_mutex_lock(lock);
    rc = record_file(s, f, b, by_opener);
    pthread_mutex_unlock(lock);
    return rc;
}

/* The sync of the file runs without the content lock: others may read and write meanwhile. */
int content_flush(struct store *s, uint64_t ino, bool by_opener)
{
    struct spool_file *f;
    struct before b = {0};
    pthread_mutex_t *lock = spool_stripe(&s->spool, ino);
    pthread_mutex_lock(lock);
    int rc = content_attach(s, ino, &f);
    if (rc == 0 && f)
        b = look(f);
    if (rc == 0 && !f)
        rc = flush_inline(s, ino, by_opener);
    pthread_mutex_unlock(lock);
    if (rc == 0 && f)
        rc = flush_file(s, f, &b, by_opener);
    if (f)
        spool_put(&s->spool, f);
    return rc ? rc : store_sync(s);
}

/* ---- questions ---- */

static int64_t seek_file(struct store *s, struct spool_file *f, uint64_t offset, int whence)
{
    uint64_t size = atomic_load(&f->size);
    if (offset >= size)
        return STORE_ERR_NO_DATA;
    int64_t at = io_seek(s->io, &f->io, offset, whence);
    if (at < 0)
        return io_error((int)at);
    if ((uint64_t)at < size)
        return at;
    return whence == SEEK_HOLE ? (int64_t)size : STORE_ERR_NO_DATA;
}

static int64_t seek_inline(struct store *s, uint64_t ino, uint64_t offset, int whence)
{
    struct node n;
    int rc = inline_look(s, ino, &n);
    if (rc)
        return rc;
    if (offset >= n.size)
        return STORE_ERR_NO_DATA;
    return whence == SEEK_HOLE ? (int64_t)n.size : (int64_t)offset;
}

int64_t content_seek(struct store *s, uint64_t ino, uint64_t offset, int whence)
{
    struct spool_file *f;
    if (whence != SEEK_DATA && whence != SEEK_HOLE)
        return STORE_ERR_INVALID;
    pthread_mutex_t *lock = spool_stripe(&s->spool, ino);
    pthread_mutex_lock(lock);
    int rc = content_attach(s, ino, &f);
    pthread_mutex_unlock(lock);
    if (rc)
        return rc;
    if (!f)
        return seek_inline(s, ino, offset, whence);
    int64_t at = seek_file(s, f, offset, whence);
    spool_put(&s->spool, f);
    return at;
}

uint64_t content_used(struct store *s, const struct node *node)
{
    char path[IO_PATH_MAX];
    struct stat st;
    if (!node->spool)
        return (node->size + 511) / 512 * 512;
    spool_path(path, node->spool);
    return io_stat(s->io, s->dir, path, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}
