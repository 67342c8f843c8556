/* The turn: what is released when, in which order, and what a failed sync means. */
#include "store_rig.h"

#include "store/secrets.h"

enum { RELEASES_MAX = 4096 };

/* What was released, in order. */
struct journal {
    pthread_mutex_t lock;
    int values[RELEASES_MAX];
    bool committed[RELEASES_MAX];
    int count;
};

struct slip {
    struct journal *journal;
    int value;
};

static void note(void *arg, bool committed)
{
    struct slip *s = arg;
    struct journal *j = s->journal;
    pthread_mutex_lock(&j->lock);
    assert_true(j->count < RELEASES_MAX);
    j->values[j->count] = s->value;
    j->committed[j->count++] = committed;
    pthread_mutex_unlock(&j->lock);
    free(s);
}

static struct slip *slip(struct journal *j, int value)
{
    struct slip *s = malloc(sizeof *s);
    assert_non_null(s);
    *s = (struct slip){j, value};
    return s;
}

static int syncs(struct rig *r)
{
    return (int)r->faults.seen;
}

/* Begins to count the syncs of the WAL. */
static void count_syncs(struct rig *r)
{
    rig_fail(r, OPS(IO_SYNC), "-wal", 0, 0, 0);
}

static void put(struct turn *t, uint64_t key, char byte)
{
    assert_int_equal(secret_put(t, key, &byte, 1), 0);
}

/* The same with a value that fills a page. */
static int put_wide(struct turn *t, uint64_t key, char byte)
{
    char wide[1000];
    memset(wide, byte, sizeof wide);
    return secret_put(t, key, wide, sizeof wide);
}

static int get(struct rig *r, uint64_t key)
{
    struct blob b = {0};
    struct view *v = rig_view(r);
    int rc = secret_get(v, key, &b);
    view_end(v);
    int byte = rc == 0 ? b.data[0] : rc;
    blob_release(&b);
    return byte;
}

static void test_release_after_the_sync_in_order(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    count_syncs(r);
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    for (int i = 0; i < 3; i++)
        assert_int_equal(turn_after(t, note, slip(&j, i)), 0);
    assert_int_equal(j.count, 0);
    commit(t);
    assert_int_equal(syncs(r), 1);
    assert_int_equal(j.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(j.values[i], i);
        assert_true(j.committed[i]);
    }
    assert_int_equal(get(r, 1), 'a');
}

static void test_checkpoint_owes_nothing(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    count_syncs(r);
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    assert_int_equal(turn_after_lazily(t, note, slip(&j, 7)), 0);
    assert_int_equal(turn_checkpoint(t), 0);
    assert_int_equal(syncs(r), 0);
    assert_int_equal(j.count, 0); /* the lazy one waits for whoever syncs next */
    assert_true(store_sync_owed(r->store));
    t = rig_turn(r);
    turn_promise(t);
    commit(t);
    assert_int_equal(syncs(r), 1);
    assert_int_equal(j.count, 1);
    assert_false(store_sync_owed(r->store));
    assert_int_equal(store_sync(r->store), 0);
    assert_int_equal(syncs(r), 1); /* nothing new: no sync */
}

static void test_lazy_debt_is_bounded(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    count_syncs(r);
    for (int i = 0; i <= STORE_SYNC_DEBT_MAX; i++) {
        struct turn *t = rig_turn(r);
        assert_int_equal(turn_after_lazily(t, note, slip(&j, i)), 0);
        assert_int_equal(turn_checkpoint(t), 0);
    }
    assert_int_equal(syncs(r), 1);
    assert_int_equal(j.count, STORE_SYNC_DEBT_MAX + 1);
}

static void test_abort_undoes_and_tells(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    assert_int_equal(turn_after(t, note, slip(&j, 1)), 0);
    assert_int_equal(turn_after_lazily(t, note, slip(&j, 2)), 0);
    turn_abort(t);
    assert_int_equal(j.count, 2);
    assert_false(j.committed[0] || j.committed[1]);
    assert_int_equal(get(r, 1), STORE_ERR_NOT_FOUND);
    turn_abort(NULL);
}

static void test_event_implies_a_promise(void **state)
{
    struct rig *r = *state;
    count_syncs(r);
    struct turn *t = rig_turn(r);
    assert_int_equal(wormhole_event(t, r->id, LOG_CODE_WANTED, NULL, NULL), 0);
    assert_int_equal(turn_checkpoint(t), 0);
    assert_int_equal(syncs(r), 1);
}

static void test_failed_commit_is_an_abort(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    assert_int_equal(turn_after(t, note, slip(&j, 1)), 0);
    rig_fail(r, OPS(IO_WRITE), "-wal", 1, 1000, -EIO);
    assert_int_equal(turn_commit(t), STORE_ERR_IO);
    rig_heal(r);
    assert_int_equal(j.count, 1);
    assert_false(j.committed[0]);
    assert_int_equal(get(r, 1), STORE_ERR_NOT_FOUND);
    assert_non_null(strstr(store_trouble(r->store), "fails"));
    t = rig_turn(r);
    put(t, 1, 'b');
    commit(t);
    assert_int_equal(get(r, 1), 'b');
    assert_null(store_trouble(r->store));
}

/* Its descriptors would take everything for as long as we run, and then it would be gone. */
static void test_nothing_is_promised_to_a_deleted_journal(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char wal[sizeof r->dir + 32];
    snprintf(wal, sizeof wal, "%s/journal.sqlite-wal", r->dir);
    assert_int_equal(unlink(wal), 0);
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    assert_int_equal(turn_after(t, note, slip(&j, 1)), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    assert_int_equal(store_sync(r->store), STORE_ERR_BROKEN); /* no repair hides it */
    assert_int_equal(j.count, 0);
    assert_int_equal(get(r, 1), 'a'); /* reads go on */
    assert_non_null(strstr(store_trouble(r->store), "deleted"));
    rig_close(r);
    assert_int_equal(j.count, 1);
    assert_false(j.committed[0]);
    assert_int_equal(rig_open(r), 0);
}

static void test_failed_sync_breaks_promises_until_repaired(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    rig_fail(r, OPS(IO_SYNC), NULL, 1, 1000, -EIO);
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    assert_int_equal(turn_after(t, note, slip(&j, 1)), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    assert_int_equal(j.count, 0);
    assert_true(store_broken(r->store));
    assert_int_equal(get(r, 1), 'a'); /* reads go on */
    t = rig_turn(r);
    put(t, 2, 'b');
    assert_int_equal(turn_checkpoint(t), 0); /* and what promises nothing */
    assert_int_equal(store_sync(r->store), STORE_ERR_BROKEN);
    rig_heal(r);
    rig_fail(r, OPS(IO_TRUNCATE), "-wal", 0, 0, 0);
    t = rig_turn(r);
    assert_int_equal(turn_after(t, note, slip(&j, 2)), 0);
    commit(t);
    assert_true(r->faults.seen > 0); /* repaired by a TRUNCATE checkpoint, not by another sync */
    assert_false(store_broken(r->store));
    assert_int_equal(j.count, 2);
    assert_int_equal(j.values[0], 1);
    assert_int_equal(j.values[1], 2);
    assert_true(j.committed[0] && j.committed[1]);
}

/* A sync that failed inside SQLite's own checkpoint, where nobody is told, counts all the same. */
static void test_failed_sync_inside_a_checkpoint_is_noticed(void **state)
{
    struct rig *r = *state;
    static char big[SNAPSHOT_BYTES_MAX];
    rig_fail(r, OPS(IO_SYNC), "-wal", 1, 1, -EIO);
    for (uint64_t i = 1; i < 8 && r->faults.seen == 0; i++) { /* enough for an automatic one */
        struct turn *t = rig_turn(r);
        assert_int_equal(secret_put(t, i, big, sizeof big), 0);
        assert_int_equal(turn_checkpoint(t), 0);
    }
    assert_true(r->faults.seen > 0);
    assert_int_equal(store_sync(r->store), STORE_ERR_BROKEN);
    assert_int_equal(store_sync(r->store), 0);
}

static void test_close_tells_what_was_never_released(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct turn *t = rig_turn(r);
    assert_int_equal(turn_after(t, note, slip(&j, 1)), 0);
    rig_fail(r, OPS(IO_SYNC), NULL, 1, 100000, -EIO);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    rig_close(r);
    assert_int_equal(j.count, 1);
    assert_false(j.committed[0]);
    rig_heal(r);
    assert_int_equal(rig_open(r), 0);
}

/* ---- a release that begins a turn ---- */

struct nested {
    struct rig *rig;
    struct journal *journal;
};

static void begin_another(void *arg, bool committed)
{
    struct nested *n = arg;
    assert_true(committed);
    struct turn *t = rig_turn(n->rig);
    put(t, 2, 'n');
    assert_int_equal(turn_after(t, note, slip(n->journal, 2)), 0);
    commit(t);
    assert_int_equal(n->journal->count, 0); /* ours runs when we have returned */
}

static void test_release_may_begin_a_turn(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct nested n = {r, &j};
    struct turn *t = rig_turn(r);
    assert_int_equal(turn_after(t, begin_another, &n), 0);
    assert_int_equal(turn_after(t, note, slip(&j, 3)), 0);
    n.journal = &j;
    commit(t);
    assert_int_equal(j.count, 2);
    assert_int_equal(j.values[0], 3); /* the outer turn's before the inner one's */
    assert_int_equal(j.values[1], 2);
}

static void checkpoint_lazily(void *arg, bool committed)
{
    struct nested *n = arg;
    assert_true(committed);
    struct turn *t = rig_turn(n->rig);
    put(t, 2, 'l');
    assert_int_equal(turn_after_lazily(t, note, slip(n->journal, 5)), 0);
    assert_int_equal(turn_checkpoint(t), 0);
}

/* What was committed after the sync began is not covered by it. */
static void test_later_commit_waits_for_a_later_sync(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct nested n = {r, &j};
    struct turn *t = rig_turn(r);
    assert_int_equal(turn_after(t, checkpoint_lazily, &n), 0);
    commit(t);
    assert_int_equal(j.count, 0);
    assert_int_equal(store_sync(r->store), 0);
    assert_int_equal(j.count, 1);
}

/* ---- several threads ---- */

enum { THREADS = 8, TURNS = 60 };

struct worker {
    pthread_t thread;
    struct rig *rig;
    struct journal *journal;
    int first;
    int *next; /* protected by the turn itself */
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < TURNS; i++) {
        struct turn *t;
        if (turn_begin(w->rig->store, &t))
            return arg;
        int mine = (*w->next)++;
        char byte = 'x';
        if (secret_put(t, (uint64_t)w->first, &byte, 1) ||
            turn_after(t, note, slip(w->journal, mine)))
            return arg;
        if (turn_commit(t))
            return arg;
        pthread_mutex_lock(&w->journal->lock);
        bool released = w->journal->count > mine;
        pthread_mutex_unlock(&w->journal->lock);
        if (!released)
            return arg;
    }
    return NULL;
}

static void test_group_sync_releases_in_commit_order(void **state)
{
    struct rig *r = *state;
    struct journal j = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker workers[THREADS];
    int next = 0;
    count_syncs(r);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.rig = r, .journal = &j, .first = i + 1, .next = &next};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(workers[i].thread, &failed);
        assert_null(failed);
    }
    assert_int_equal(j.count, THREADS * TURNS);
    for (int i = 0; i < j.count; i++)
        assert_int_equal(j.values[i], i);
    assert_true(syncs(r) <= j.count);
    assert_true(syncs(r) >= 1);
}

/* One sync serves all who committed before it began: while a sync is held up, others commit, and a
 * single further one is enough for them. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool shut;
    int waiting;
};

static int gated(void *arg, struct io_call *call)
{
    struct gate *g = arg;
    if (call->op != IO_SYNC || !strstr(call->path, "-wal"))
        return IO_GO;
    pthread_mutex_lock(&g->lock);
    g->waiting++;
    pthread_cond_broadcast(&g->changed);
    while (g->shut)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return IO_GO;
}

struct one_turn {
    pthread_t thread;
    struct store *store;
    uint64_t key;
};

static void *one_turn(void *arg)
{
    struct one_turn *o = arg;
    struct turn *t;
    char byte = 'o';
    if (turn_begin(o->store, &t) || secret_put(t, o->key, &byte, 1))
        return arg;
    turn_promise(t);
    return turn_commit(t) ? arg : NULL;
}

static void wait_until(struct gate *g, const int *value, int at_least)
{
    pthread_mutex_lock(&g->lock);
    while (*value < at_least)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void test_one_sync_serves_all_who_wait(void **state)
{
    struct rig *r = *state;
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    char dir[128], why[STORE_WHY_MAX];
    struct store *s;
    struct one_turn turns[6];
    struct io io = {.before = gated, .arg = &g};
    snprintf(dir, sizeof dir, "%s/gated", r->parent);
    assert_int_equal(store_open(&s, dir, &io, why), 0);
    g.shut = true;
    g.waiting = 0;
    for (int i = 0; i < 6; i++) {
        turns[i] = (struct one_turn){.store = s, .key = (uint64_t)i + 1};
        assert_int_equal(pthread_create(&turns[i].thread, NULL, one_turn, &turns[i]), 0);
        if (i == 0)
            wait_until(&g, &g.waiting, 1); /* the first is in its sync */
    }
    for (int done = 0; done < 6;) { /* the others have committed: a view sees them */
        struct view *v;
        done = 0;
        assert_int_equal(view_begin(s, &v), 0);
        for (uint64_t key = 1; key <= 6; key++) {
            struct blob b = {0};
            done += secret_get(v, key, &b) == 0;
            blob_release(&b);
        }
        view_end(v);
    }
    pthread_mutex_lock(&g.lock);
    g.shut = false;
    pthread_cond_broadcast(&g.changed);
    pthread_mutex_unlock(&g.lock);
    for (int i = 0; i < 6; i++) {
        void *failed;
        pthread_join(turns[i].thread, &failed);
        assert_null(failed);
    }
    assert_int_equal(g.waiting, 2);
    store_close(s);
}

static void test_time_stands_still_in_a_turn(void **state)
{
    struct rig *r = *state;
    struct turn *t = rig_turn(r);
    int64_t before = turn_now_ns(t);
    r->clock_ns += 5000000;
    assert_int_equal(turn_now_ns(t), before);
    assert_int_equal(turn_now_ms(t), before / 1000000);
    turn_abort(t);
    assert_int_equal(store_now_ns(r->store), before + 5000000);
}

static void test_view_sees_one_state(void **state)
{
    struct rig *r = *state;
    struct blob b = {0};
    struct turn *t = rig_turn(r);
    put(t, 1, 'a');
    commit(t);
    struct view *v = rig_view(r);
    assert_int_equal(secret_get(v, 1, &b), 0);
    t = rig_turn(r);
    put(t, 1, 'b');
    blob_release(&b);
    assert_int_equal(secret_get(turn_view(t), 1, &b), 0);
    assert_int_equal(b.data[0], 'b');
    blob_release(&b);
    commit(t);
    assert_int_equal(secret_get(v, 1, &b), 0);
    assert_int_equal(b.data[0], 'a');
    blob_release(&b);
    view_end(v);
    assert_int_equal(get(r, 1), 'b');
}

/* SQLite rolls back by itself when a read fails: what a turn did before is gone, and what it does
 * after that must not be committed alone, though nobody looked. */
static void test_an_error_that_is_overlooked_ends_the_turn(void **state)
{
    struct rig *r = *state;
    struct blob b = {0};
    int failed = 0;
    struct turn *t = rig_turn(r);
    for (uint64_t key = 1; key <= 100; key++)
        assert_int_equal(put_wide(t, key, 'a'), 0);
    commit(t);
    for (long at = 1, seen = 1; seen >= at; at++) {
        rig_reopen(r); /* with nothing in SQLite's cache */
        t = rig_turn(r);
        assert_int_equal(put_wide(t, 1, 'b'), 0);
        rig_fail(r, OPS(IO_READ), "journal", at, at, -EIO);
        for (uint64_t key = 20; key < 30; key++)
            if (secret_get(turn_view(t), key, &b) == 0)
                blob_release(&b);
        int overlooked = put_wide(t, 100, 'b');
        seen = r->faults.seen;
        rig_heal(r);
        int rc = turn_commit(t);
        assert_int_equal(rc < 0, seen >= at);
        assert_int_equal(overlooked < 0, rc < 0);
        assert_int_equal(get(r, 1), rc < 0 ? 'a' : 'b');
        assert_int_equal(get(r, 100), rc < 0 ? 'a' : 'b');
        failed += rc < 0;
    }
    assert_true(failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_release_after_the_sync_in_order),
        rig_test(test_checkpoint_owes_nothing),
        rig_test(test_lazy_debt_is_bounded),
        rig_test(test_abort_undoes_and_tells),
        rig_test(test_event_implies_a_promise),
        rig_test(test_failed_commit_is_an_abort),
        rig_test(test_nothing_is_promised_to_a_deleted_journal),
        rig_test(test_failed_sync_breaks_promises_until_repaired),
        rig_test(test_failed_sync_inside_a_checkpoint_is_noticed),
        rig_test(test_close_tells_what_was_never_released),
        rig_test(test_release_may_begin_a_turn),
        rig_test(test_later_commit_waits_for_a_later_sync),
        rig_test(test_group_sync_releases_in_commit_order),
        rig_test(test_one_sync_serves_all_who_wait),
        rig_test(test_time_stands_still_in_a_turn),
        rig_test(test_view_sees_one_state),
        rig_test(test_an_error_that_is_overlooked_ends_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
