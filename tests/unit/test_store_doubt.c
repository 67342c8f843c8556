/* A sync of the journal failed, and the next one says 0 for bytes that are on no disk, as with
 * Linux. Whatever comes then, a start, a repair or a checkpoint: what is promised after it survives
 * the power, and what was stored before it can be read. */
#include "lost_power.h"

#include "store/projection.h"
#include "store/scrub.h"
#include "store/secrets.h"

enum { SECRETS = 8, SECRET_BYTES = 3000, BEFORE = 3, AFTER = 4, SEEDS = 60, CALLS_MAX = 80 };

enum next { RESTARTS, GOES_ON, FOLDS };

static uint32_t seed_now;

/* Says which case fails. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        bool holds_ = (condition);                                                                 \
        if (!holds_)                                                                               \
            print_error("seed %u: %s\n", seed_now, #condition);                                    \
        assert_true(holds_);                                                                       \
    } while (0)

struct world {
    struct rig *rig;
    struct power power;
    char crash_dir[128];
    int promised, attempted;
    int promised_at_crash, attempted_at_crash;
};

static int next_boot(void *arg, char *out)
{
    (void)arg;
    strcpy(out, "after");
    return 0;
}

static void note(void *arg)
{
    struct world *w = arg;
    w->promised_at_crash = w->promised;
    w->attempted_at_crash = w->attempted;
}

static int put(struct world *w, int first, int count, int n)
{
    uint8_t bytes[SECRET_BYTES];
    struct turn *t = rig_turn(w->rig);
    memset(bytes, n, sizeof bytes);
    for (int i = first; i < first + count; i++)
        CHECK(secret_put(t, (uint64_t)(1000 + i), bytes, sizeof bytes) == 0);
    turn_promise(t);
    return turn_commit(t);
}

/* A number, into many pages. */
static int count(struct world *w)
{
    int n = ++w->attempted;
    int rc = put(w, 0, SECRETS, n);
    if (rc == 0)
        w->promised = n;
    return rc;
}

static void open_store(struct world *w)
{
    int rc = rig_open(w->rig);
    if (rc)
        print_error("%s\n", w->rig->why);
    CHECK(rc == 0);
}

static int fold(struct world *w)
{
    struct turn *t = rig_turn(w->rig);
    scrub_owe(t);
    turn_abort(t);
    return scrub_run(w->rig->store);
}

/* The process dies: its end changes nothing. */
static void restart(struct world *w)
{
    w->power.dead = true;
    rig_close(w->rig);
    w->power.dead = false;
    open_store(w);
}

/* What all of them say: no page is of another time. */
static int agreed(struct rig *r)
{
    int n = 0;
    struct view *v = rig_view(r);
    for (int i = 0; i < SECRETS; i++) {
        struct blob b = {0};
        CHECK(secret_get(v, (uint64_t)(1000 + i), &b) == 0);
        n = i == 0 ? b.data[0] : n;
        CHECK(b.len == SECRET_BYTES && b.data[0] == n && b.data[SECRET_BYTES - 1] == n);
        blob_release(&b);
    }
    view_end(v);
    return n;
}

static void check(const struct world *w)
{
    struct world after = {.rig = &(struct rig){.io = {0}}};
    struct rig *r = after.rig;
    *r = *w->rig;
    snprintf(r->dir, sizeof r->dir, "%.90s", w->crash_dir);
    r->io = (struct io){0};
    open_store(&after);
    int n = agreed(r);
    CHECK(n >= w->promised_at_crash && n <= w->attempted_at_crash);
    struct turn *t = rig_turn(r);
    CHECK(projection_rebuild(t) == 0);
    CHECK(turn_commit(t) == 0);
    rig_close(r);
}

static void begin(struct world *w, uint32_t seed)
{
    void *state;
    seed_now = seed;
    *w = (struct world){.power = {.seed = seed}};
    rig_setup(&state);
    struct rig *r = w->rig = state;
    rig_close(r);
    r->io = (struct io){.before = power_before, .arg = &w->power};
    open_store(w);
    power_begin(&w->power, r->dir);
    snprintf(w->crash_dir, sizeof w->crash_dir, "%s/crash", r->parent);
    w->power.crash_dir = w->crash_dir;
    w->power.at_crash = note;
    w->power.arg = w;
}

static void end(struct world *w)
{
    void *state = w->rig;
    rig_teardown(&state);
    power_release(&w->power);
}

/* Of the pages that it was to write, the WAL on the disk has no other state. */
static void fail_sync(struct world *w, const char *doomed)
{
    bool database = strcmp(doomed, "journal.sqlite") == 0;
    CHECK(fold(w) == 0);
    CHECK(database ? count(w) == 0 : put(w, SECRETS, 1, 1) == 0);
    w->power.doom = doomed;
    CHECK(database ? fold(w) != 0 : count(w) == STORE_ERR_BROKEN);
    CHECK(w->power.doom == NULL);
}

static void run(uint32_t seed, const char *doomed, enum next next)
{
    struct world w;
    begin(&w, seed);
    while (w.attempted < BEFORE)
        CHECK(count(&w) == 0);
    fail_sync(&w, doomed);
    w.power.crash_at = 1 + power_draw(&w.power, CALLS_MAX);
    if (next == RESTARTS)
        restart(&w);
    else if (next == FOLDS)
        CHECK(fold(&w) == 0);
    while (!w.power.crashed && w.attempted < BEFORE + AFTER)
        CHECK(count(&w) == 0);
    if (!w.power.crashed)
        power_crash(&w.power);
    check(&w);
    end(&w);
}

static void run_all(const char *doomed, enum next next)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        run(seed, doomed, next);
}

static void test_a_start_after_a_failed_sync(void **state)
{
    (void)state;
    run_all("journal.sqlite-wal", RESTARTS);
}

static void test_a_repair_after_a_failed_sync(void **state)
{
    (void)state;
    run_all("journal.sqlite-wal", GOES_ON);
}

static void test_a_checkpoint_after_a_failed_sync(void **state)
{
    (void)state;
    run_all("journal.sqlite-wal", FOLDS);
}

/* What the checkpoint wrote is written again from the WAL, which stays until then. */
static void test_the_database_after_a_failed_sync(void **state)
{
    (void)state;
    run_all("journal.sqlite", RESTARTS);
    run_all("journal.sqlite", GOES_ON);
    run_all("journal.sqlite", FOLDS);
}

/* A file in the spool. The process dies before it can record that the sync failed: whoever flushes
 * the file next gets what he is told. */
static void test_a_file_after_a_failed_sync(void **state)
{
    enum { BIG = 200 * 1024, KEPT = 70 * 1024 };
    static uint8_t bytes[BIG], seen[BIG + 1];
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        begin(&w, seed);
        struct rig *r = w.rig;
        uint64_t ino = rig_make(r, r->outbox, "file", NODE_FILE);
        char path[IO_PATH_MAX];
        memset(bytes, 'o', sizeof bytes);
        CHECK(content_write(r->store, ino, bytes, KEPT, 0) == 0);
        CHECK(content_flush(r->store, ino, true) == 0);
        memset(bytes + KEPT / (1 + seed % 2), 'n', BIG - KEPT);
        CHECK(content_write(r->store, ino, bytes, BIG, 0) == 0);
        snprintf(path, sizeof path, "spool/%u", (unsigned)rig_node(r, ino).spool);
        w.power.doom = path;
        w.power.doom_kills = true;
        CHECK(content_flush(r->store, ino, true) == STORE_ERR_IO);
        restart(&w);
        CHECK(content_flush(r->store, ino, true) == 0);
        power_crash(&w.power);
        struct rig after = *r;
        snprintf(after.dir, sizeof after.dir, "%.90s", w.crash_dir);
        after.io = (struct io){.boot_id = next_boot};
        CHECK(rig_open(&after) == 0);
        struct node n = rig_node(&after, ino);
        CHECK(n.size == BIG && !n.bad && !n.lost && !n.dirty);
        CHECK(content_read(after.store, ino, seen, sizeof seen, 0) == BIG);
        CHECK(memcmp(seen, bytes, BIG) == 0);
        rig_close(&after);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_start_after_a_failed_sync),
        cmocka_unit_test(test_a_repair_after_a_failed_sync),
        cmocka_unit_test(test_a_checkpoint_after_a_failed_sync),
        cmocka_unit_test(test_a_file_after_a_failed_sync),
        cmocka_unit_test(test_the_database_after_a_failed_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
