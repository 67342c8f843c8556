/* The group sync and the release of what waits for it. */
#include <stdlib.h>
#include "store/core.h"

int syncer_init(struct syncer *y)
{
    *y = (struct syncer){.wal = {.fd = -1}};
    y->queue.tail = &y->queue.head;
    if (pthread_mutex_init(&y->lock, NULL))
        return STORE_ERR_NOMEM;
    if (pthread_cond_init(&y->changed, NULL) == 0)
        return 0;
    pthread_mutex_destroy(&y->lock);
    return STORE_ERR_NOMEM;
}

void syncer_release(struct syncer *y)
{
    pthread_cond_destroy(&y->changed);
    pthread_mutex_destroy(&y->lock);
}

int syncer_after(struct release_list *list, turn_release_fn *fn, void *arg)
{
    struct release *r = malloc(sizeof *r);
    if (!r)
        return STORE_ERR_NOMEM;
    *r = (struct release){.fn = fn, .arg = arg};
    *list->tail = r;
    list->tail = &r->next;
    return 0;
}

static struct release *pop(struct release_list *list)
{
    struct release *r = list->head;
    list->head = r->next;
    if (!list->head)
        list->tail = &list->head;
    return r;
}

void syncer_cancel(struct release_list *list)
{
    while (list->head) {
        struct release *r = pop(list);
        r->fn(r->arg, false);
        free(r);
    }
}

uint64_t syncer_committed(struct store *s, struct turn *t)
{
    struct syncer *y = &s->sync;
    pthread_mutex_lock(&y->lock);
    uint64_t commit = ++y->committed;
    for (struct release *r = t->after.head; r; r = r->next)
        r->commit = commit;
    if (t->after.head) {
        *y->queue.tail = t->after.head;
        y->queue.tail = t->after.tail;
        y->lazy_debt += t->lazy;
    }
    pthread_mutex_unlock(&y->lock);
    t->after = (struct release_list){.tail = &t->after.head};
    t->lazy = 0;
    return commit;
}

/* Its descriptors would take everything, and sync it, for nobody to find. */
static bool wal_was_deleted(struct store *s)
{
    struct stat st;
    return io_fstat(s->io, &s->sync.wal, &st) == 0 && st.st_nlink == 0;
}

/* One attempt for everybody, without y->lock. */
static int attempt(struct store *s, bool broken, bool *deleted)
{
    *deleted = wal_was_deleted(s);
    if (*deleted)
        return STORE_ERR_BROKEN;
    if (broken)
        return journal_repair(s);
    int rc = io_sync(s->io, &s->sync.wal);
    if (rc)
        vfs_doubt_wal(&s->vfs);
    return rc || vfs_doubts_wal(&s->vfs) ? STORE_ERR_BROKEN : 0;
}

/* The first to come syncs for all that committed before it began; the others wait for that, and one
 * of those who came too late leads the next. */
int syncer_wait(struct store *s, uint64_t commit)
{
    struct syncer *y = &s->sync;
    int rc = 0;
    pthread_mutex_lock(&y->lock);
    while (rc == 0 && y->synced < commit) {
        if (y->syncing) {
            pthread_cond_wait(&y->changed, &y->lock);
            continue;
        }
        y->syncing = true;
        uint64_t target = y->committed;
        bool broken = y->broken;
        pthread_mutex_unlock(&y->lock);
        bool deleted;
        rc = attempt(s, broken, &deleted);
        pthread_mutex_lock(&y->lock);
        y->deleted = deleted;
        if (rc == 0 && y->synced < target)
            y->synced = target;
        if (rc)
            y->broken = true;
        y->syncing = false;
        pthread_cond_broadcast(&y->changed);
    }
    pthread_mutex_unlock(&y->lock);
    return rc;
}

void syncer_run(struct store *s)
{
    struct syncer *y = &s->sync;
    pthread_t self = pthread_self();
    pthread_mutex_lock(&y->lock);
    while (y->releasing && !pthread_equal(y->releaser, self))
        pthread_cond_wait(&y->changed, &y->lock);
    if (y->releasing) { /* called from inside a release: the outer loop goes on with ours */
        pthread_mutex_unlock(&y->lock);
        return;
    }
    y->releasing = true;
    y->releaser = self;
    while (y->queue.head && y->queue.head->commit <= y->synced) {
        struct release *r = pop(&y->queue);
        if (!y->queue.head)
            y->lazy_debt = 0;
        pthread_mutex_unlock(&y->lock);
        r->fn(r->arg, true);
        free(r);
        pthread_mutex_lock(&y->lock);
    }
    y->releasing = false;
    pthread_cond_broadcast(&y->changed);
    pthread_mutex_unlock(&y->lock);
}

int store_sync(struct store *s)
{
    pthread_mutex_lock(&s->sync.lock);
    uint64_t commit = s->sync.committed;
    pthread_mutex_unlock(&s->sync.lock);
    int rc = syncer_wait(s, commit);
    if (rc == 0)
        syncer_run(s);
    return rc;
}

bool store_sync_owed(struct store *s)
{
    pthread_mutex_lock(&s->sync.lock);
    bool owed = s->sync.synced < s->sync.committed;
    pthread_mutex_unlock(&s->sync.lock);
    return owed;
}

bool store_broken(struct store *s)
{
    pthread_mutex_lock(&s->sync.lock);
    bool broken = s->sync.broken;
    pthread_mutex_unlock(&s->sync.lock);
    return broken;
}

const char *store_trouble(struct store *s)
{
    pthread_mutex_lock(&s->sync.lock);
    bool broken = s->sync.broken, deleted = s->sync.deleted;
    pthread_mutex_unlock(&s->sync.lock);
    if (deleted)
        return "the store was deleted: nothing new is safe; unmount, and mount again";
    if (atomic_load(&s->vfs.lossy))
        return "the disk of the store failed, and has lost what only the journal still has: "
               "unmount, "
               "and mount again";
    if (broken || atomic_load(&s->failing))
        return "the disk of the store fails: nothing new is safe until it works again";
    if (store_tight(s))
        return "the disk of the store is full: nothing new fits until there is room";
    return NULL;
}
