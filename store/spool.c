#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mutant.h"
#include "store/core.h"

int spool_init(struct spool *p, struct store *s)
{
    *p = (struct spool){.store = s, .next_id = 1};
    p->idle_tail = &p->idle_head;
    if (pthread_mutex_init(&p->lock, NULL) || pthread_mutex_init(&p->make_lock, NULL))
        return STORE_ERR_NOMEM;
    for (int i = 0; i < SPOOL_STRIPES; i++)
        if (pthread_mutex_init(&p->stripes[i], NULL))
            return STORE_ERR_NOMEM;
    return 0;
}

static void destroy(struct spool_file *f)
{
    io_close(&f->io);
    pthread_mutex_destroy(&f->sync_lock);
    free(f);
}

void spool_release(struct spool *p)
{
    for (int i = 0; i < SPOOL_BUCKETS; i++) {
        while (p->buckets[i]) {
            struct spool_file *f = p->buckets[i];
            p->buckets[i] = f->next_bucket;
            destroy(f);
        }
    }
    for (int i = 0; i < SPOOL_STRIPES; i++)
        pthread_mutex_destroy(&p->stripes[i]);
    pthread_mutex_destroy(&p->make_lock);
    pthread_mutex_destroy(&p->lock);
}

void spool_path(char out[static IO_PATH_MAX], uint64_t id)
{
    snprintf(out, IO_PATH_MAX, "spool/%" PRIu64, id);
}

pthread_mutex_t *spool_stripe(struct spool *p, uint64_t ino)
{
    return &p->stripes[ino % SPOOL_STRIPES];
}

static struct spool_file **bucket_of(struct spool *p, uint64_t ino)
{
    return &p->buckets[ino % SPOOL_BUCKETS];
}

static void leave_idle(struct spool *p, struct spool_file *f)
{
    if (!f->idle_link)
        return;
    *f->idle_link = f->next_idle;
    if (f->next_idle)
        f->next_idle->idle_link = f->idle_link;
    else
        p->idle_tail = f->idle_link;
    f->idle_link = NULL;
    p->idle--;
}

static void unbucket(struct spool *p, struct spool_file *f)
{
    struct spool_file **at = bucket_of(p, f->ino);
    while (*at && *at != f)
        at = &(*at)->next_bucket;
    if (*at)
        *at = f->next_bucket;
}

struct spool_file *spool_find(struct spool *p, uint64_t ino)
{
    pthread_mutex_lock(&p->lock);
    struct spool_file *f = *bucket_of(p, ino);
    while (f && f->ino != ino)
        f = f->next_bucket;
    if (f) {
        leave_idle(p, f);
        f->refs++;
    }
    pthread_mutex_unlock(&p->lock);
    return f;
}

int spool_insert(struct spool *p, uint64_t ino, uint64_t id, struct io_file *io,
                 struct spool_file **out)
{
    struct spool_file *f = calloc(1, sizeof *f);
    if (!f || pthread_mutex_init(&f->sync_lock, NULL)) {
        free(f);
        io_close(io);
        return STORE_ERR_NOMEM;
    }
    f->ino = ino;
    f->id = id;
    f->io = *io;
    f->refs = 1;
    io->fd = -1;
    pthread_mutex_lock(&p->lock);
    f->next_bucket = *bucket_of(p, ino);
    *bucket_of(p, ino) = f;
    pthread_mutex_unlock(&p->lock);
    *out = f;
    return 0;
}

/* Only we know that it is bad: its row could not be told yet. */
static bool is_a_secret(const struct spool_file *f)
{
    return atomic_load(&f->bad) && !atomic_load(&f->marked);
}

/* With the last descriptor the kernel may forget that writing back has failed: a flush by another
 * one would not hear of it. */
static bool is_unsynced(const struct spool_file *f)
{
    return f->dirty && !atomic_load(&f->bad);
}

static struct spool_file *oldest(const struct spool *p, bool unsynced)
{
    struct spool_file *f = p->idle_head;
    while (f && (is_a_secret(f) || (is_unsynced(f) && !unsynced)))
        f = f->next_idle;
    return f;
}

/* The oldest unused file that may be forgotten, if there are too many. Unsynced ones stay while
 * there are others, and until there are far too many. p->lock is held. */
static struct spool_file *evict(struct spool *p)
{
    if (p->idle <= SPOOL_FDS_MAX)
        return NULL;
    struct spool_file *old = oldest(p, false);
    if (!old && p->idle > SPOOL_FDS_UNSYNCED_MAX)
        old = oldest(p, true);
    if (!old)
        return NULL;
    leave_idle(p, old);
    unbucket(p, old);
    return old;
}

void spool_put(struct spool *p, struct spool_file *f)
{
    struct spool_file *close_it = NULL;
    pthread_mutex_lock(&p->lock);
    if (--f->refs == 0) {
        if (f->gone) {
            close_it = f;
        } else {
            f->next_idle = NULL;
            f->idle_link = p->idle_tail;
            *p->idle_tail = f;
            p->idle_tail = &f->next_idle;
            p->idle++;
            close_it = evict(p);
        }
    }
    pthread_mutex_unlock(&p->lock);
    if (close_it)
        destroy(close_it);
}

void spool_forget(struct spool *p, uint64_t ino)
{
    struct spool_file *close_it = NULL;
    pthread_mutex_lock(&p->lock);
    struct spool_file *f = *bucket_of(p, ino);
    while (f && f->ino != ino)
        f = f->next_bucket;
    if (f) {
        leave_idle(p, f);
        unbucket(p, f);
        f->gone = true;
        if (f->refs == 0)
            close_it = f;
    }
    pthread_mutex_unlock(&p->lock);
    if (close_it)
        destroy(close_it);
}

int spool_error(int negative_errno)
{
    return negative_errno == -ENOENT || negative_errno == -EACCES || negative_errno == -EPERM
               ? STORE_ERR_IO
               : io_error(negative_errno);
}

/* Makes some files ahead, so that one sync of the directory serves many: a file is handed out only
 * when its name is on disk. p->make_lock is held. */
static int make_ahead(struct spool *p)
{
    struct store *s = p->store;
    char path[IO_PATH_MAX];
    int rc = 0;
    unsigned made = 0;
    for (; made < SPOOL_MADE_AHEAD && rc == 0; made++) {
        struct io_file f;
        spool_path(path, p->next_id);
        rc = io_open(s->io, s->dir, path, O_RDWR | O_CREAT | O_EXCL, &f);
        io_close(&f);
        if (rc)
            break;
        p->made[made] = p->next_id++;
    }
    if (made == 0)
        return spool_error(rc);
    rc = io_sync_dir(s->io, s->dir, "spool");
    if (rc == 0)
        p->made_count = made; /* what is not handed out is swept at the next start */
    for (unsigned i = 0; rc < 0 && i < made; i++)
        spool_discard(p, p->made[i]);
    return rc ? spool_error(rc) : 0;
}

int spool_make(struct spool *p, uint64_t *id, struct io_file *out)
{
    struct store *s = p->store;
    char path[IO_PATH_MAX];
    int rc = 0;
    pthread_mutex_lock(&p->make_lock);
    if (p->made_count == 0)
        rc = make_ahead(p);
    if (rc == 0)
        *id = p->made[--p->made_count];
    pthread_mutex_unlock(&p->make_lock);
    if (rc)
        return rc;
    spool_path(path, *id);
    rc = io_open(s->io, s->dir, path, O_RDWR, out);
    return rc ? spool_error(rc) : 0;
}

void spool_discard(struct spool *p, uint64_t id)
{
    char path[IO_PATH_MAX];
    spool_path(path, id);
    io_unlink(p->store->io, p->store->dir, path);
}

struct doomed {
    struct spool *spool;
    struct doomed *next;
    uint64_t id, ino;
};

static void unlink_now(struct doomed *d)
{
    spool_forget(d->spool, d->ino);
    spool_discard(d->spool, d->id);
    atomic_fetch_add(&d->spool->deleted, 1);
    atomic_store(&d->spool->store->room_made, true);
    free(d);
}

static void doom(struct doomed *d)
{
    struct spool *p = d->spool;
    pthread_mutex_lock(&p->lock);
    d->next = p->doomed;
    p->doomed = d;
    pthread_mutex_unlock(&p->lock);
}

static void unlink_due(void *arg, bool committed)
{
    struct doomed *d = arg;
    if (!committed)
        free(d);
    else if (store_tight(d->spool->store))
        unlink_now(d);
    else
        doom(d);
}

bool spool_reap(struct spool *p)
{
    pthread_mutex_lock(&p->lock);
    struct doomed *d = p->doomed;
    p->doomed = NULL;
    pthread_mutex_unlock(&p->lock);
    bool any = d != NULL;
    while (d) {
        struct doomed *next = d->next;
        unlink_now(d);
        d = next;
    }
    return any;
}

int spool_unlink_after(struct turn *t, uint64_t id, uint64_t ino)
{
    struct doomed *d = malloc(sizeof *d);
    if (!d)
        return STORE_ERR_NOMEM;
    *d = (struct doomed){.spool = &t->store->spool, .id = id, .ino = ino};
    if (MUTANT(UNLINK_BEFORE_SYNC)) {
        unlink_now(d);
        return 0;
    }
    int rc = turn_after_lazily(t, unlink_due, d);
    if (rc)
        free(d);
    return rc;
}

struct sweep {
    struct spool *spool;
    struct view *view;
};

static struct sql named = {"SELECT 1 FROM node WHERE spool=? AND spool!=0", 0};
static struct sql highest = {"SELECT ifnull(max(spool),0) FROM node WHERE spool!=0", 0};

/* Names that are no number of ours are left alone: they are not ours to delete. */
static int sweep_one(void *arg, const char *name)
{
    struct sweep *w = arg;
    char *end;
    if (name[0] < '1' || name[0] > '9')
        return 0;
    errno = 0;
    uint64_t id = strtoull(name, &end, 10);
    if (*end || errno || id > INT64_MAX)
        return 0;
    if (id >= w->spool->next_id)
        w->spool->next_id = id + 1;
    struct sql_query q;
    int rc = sql_row(w->view, &named, &q, "u", id);
    if (rc == 0)
        sql_done(&q);
    if (rc == STORE_ERR_NOT_FOUND) {
        spool_discard(w->spool, id);
        rc = 0;
    }
    return rc;
}

int spool_sweep(struct spool *p)
{
    struct store *s = p->store;
    struct sweep w = {.spool = p};
    struct sql_query q;
    int rc = view_begin(s, &w.view);
    if (rc)
        return rc;
    rc = sql_row(w.view, &highest, &q, "");
    if (rc == 0) {
        p->next_id = sql_u64(&q, 0) + 1;
        sql_done(&q);
        rc = io_list(s->io, s->dir, "spool", sweep_one, &w);
    }
    view_end(w.view);
    return rc;
}
