/* The one place where a turn is committed. */
#include "store/turn.h"

#include "store/core.h"

static struct sql begin_write = {"BEGIN IMMEDIATE", 0};
static struct sql commit_write = {"COMMIT", 0};
static struct sql roll_back = {"ROLLBACK", 0};

/* The reserve is restored as soon as there is room again; until then only turns that relieve the
 * disk may run. The writer lock is held. */
static int admit(struct store *s)
{
    if (!atomic_load(&s->tight))
        return 0;
    if (!reserve_restore(&s->reserve, atomic_exchange(&s->room_made, false)))
        return STORE_ERR_NOSPACE;
    atomic_store(&s->tight, false);
    return 0;
}

int turn_admit(struct store *s)
{
    if (!atomic_load(&s->tight))
        return 0;
    pthread_mutex_lock(&s->writer);
    int rc = admit(s);
    pthread_mutex_unlock(&s->writer);
    return rc;
}

bool turn_make_room(void *arg)
{
    struct store *s = arg;
    if (!s->turn.open || !s->turn.relief || !reserve_spend(&s->reserve))
        return false;
    atomic_store(&s->tight, true);
    return true;
}

static int begin(struct store *s, bool relief, struct turn **out)
{
    *out = NULL;
    pthread_mutex_lock(&s->writer);
    struct turn *t = &s->turn;
    *t = (struct turn){.store = s, .open = true, .relief = relief, .ino_high = s->ino_high};
    t->after.tail = &t->after.head;
    int rc = admit(s); /* also for relief: where nobody writes, only arrivals ask for room again */
    sql_forgive(&s->write_view);
    if (rc == 0 || relief)
        rc = sql_exec(&s->write_view, &begin_write, "");
    if (rc) {
        t->open = false;
        pthread_mutex_unlock(&s->writer);
        return rc;
    }
    t->now_ns = io_now_ns(s->io);
    *out = t;
    return 0;
}

/* A program that deletes a file to make room finds that room now, not after our next tidying. */
int turn_begin(struct store *s, struct turn **out)
{
    int rc = begin(s, false, out);
    return rc == STORE_ERR_NOSPACE && store_make_room(s) ? begin(s, false, out) : rc;
}

int turn_begin_relief(struct store *s, struct turn **out)
{
    return begin(s, true, out);
}

struct view *turn_view(struct turn *t)
{
    return &t->store->write_view;
}

struct store *turn_store(struct turn *t)
{
    return t->store;
}

int64_t turn_now_ns(const struct turn *t)
{
    return t->now_ns;
}

int64_t turn_now_ms(const struct turn *t)
{
    return t->now_ns / 1000000;
}

int turn_after(struct turn *t, turn_release_fn *fn, void *arg)
{
    t->promised = true;
    return syncer_after(&t->after, fn, arg);
}

int turn_after_lazily(struct turn *t, turn_release_fn *fn, void *arg)
{
    t->lazy++;
    return syncer_after(&t->after, fn, arg);
}

void turn_promise(struct turn *t)
{
    t->promised = true;
}

/* Ends the turn without a commit: rolls back, lets the next one in, then frees what was queued. */
static void undo(struct turn *t)
{
    struct store *s = t->store;
    struct release_list after = t->after;
    if (!after.head)
        after.tail = &after.head;
    sql_forgive(&s->write_view);
    if (!sqlite3_get_autocommit(s->write_view.db))
        sql_exec(&s->write_view, &roll_back, "");
    t->after = (struct release_list){.tail = &t->after.head};
    t->open = false;
    s->ino_high = t->ino_high;
    /* Still locked: whoever marks something as undone does so before the next turn can see it. */
    syncer_cancel(&after);
    pthread_mutex_unlock(&s->writer);
}

void turn_abort(struct turn *t)
{
    if (t)
        undo(t);
}

static bool debt_is_high(struct store *s)
{
    pthread_mutex_lock(&s->sync.lock);
    bool high = s->sync.lazy_debt > STORE_SYNC_DEBT_MAX;
    pthread_mutex_unlock(&s->sync.lock);
    return high;
}

int turn_commit(struct turn *t)
{
    struct store *s = t->store;
    int rc = sql_exec(&s->write_view, &commit_write, "");
    atomic_store(&s->failing, rc == STORE_ERR_IO);
    if (rc) {
        undo(t);
        return rc;
    }
    bool promised = t->promised;
    bool lazy = t->lazy > 0;
    if (t->entries_moved)
        atomic_fetch_add(&s->spool.entry_epoch, 1);
    uint64_t commit = syncer_committed(s, t);
    t->open = false;
    pthread_mutex_unlock(&s->writer);
    if (!promised && !(lazy && debt_is_high(s)))
        return 0;
    rc = syncer_wait(s, commit);
    if (rc)
        return promised ? rc : 0;
    syncer_run(s);
    return 0;
}

int turn_checkpoint(struct turn *t)
{
    return turn_commit(t); /* whether a sync is owed is known by the turn itself */
}
