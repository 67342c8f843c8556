/* Opening: the lock, what is refused, and what a start makes of the end of the last one. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include "store/migrate.h"
#include "store_rig.h"

static void run_sql(struct rig *r, const char *text)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/journal.sqlite", r->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_second_process_is_told_the_pid(void **state)
{
    struct rig *r = *state;
    int from_child[2];
    char why[STORE_WHY_MAX] = "", pid[32];
    assert_int_equal(pipe(from_child), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *s;
        int rc = store_open(&s, r->dir, io_real(), why);
        ssize_t n = write(from_child[1], why, sizeof why);
        _exit(n == sizeof why && rc == STORE_ERR_LOCKED && s == NULL ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(from_child[0], why, sizeof why), sizeof why);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(why, pid));
    assert_non_null(strstr(why, r->dir));
    close(from_child[0]);
    close(from_child[1]);
}

static void test_everything_is_private(void **state)
{
    struct rig *r = *state;
    static const char *const files[] = {"journal.sqlite", "journal.sqlite-wal", "lock", "reserve"};
    struct stat st;
    char path[160];
    assert_int_equal(stat(r->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void expect_refused(struct rig *r, int code, const char *words)
{
    assert_int_equal(rig_open(r), code);
    assert_null(r->store);
    assert_non_null(strstr(r->why, r->dir));
    assert_non_null(strstr(r->why, words));
}

static void test_newer_schema(void **state)
{
    struct rig *r = *state;
    char ours[32];
    int count;
    migrate_steps(&count);
    snprintf(ours, sizeof ours, "PRAGMA user_version=%d", count);
    rig_close(r);
    run_sql(r, "PRAGMA user_version=99");
    expect_refused(r, STORE_ERR_NEWER, "newer");
    run_sql(r, ours);
    assert_int_equal(rig_open(r), 0);
}

static void test_foreign_database(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    run_sql(r, "PRAGMA application_id=7");
    expect_refused(r, STORE_ERR_FOREIGN, "not a store");
}

static void write_file(struct rig *r, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_foreign_file_and_directory(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    snprintf(r->dir, sizeof r->dir, "%s/other", r->parent);
    assert_int_equal(mkdir(r->dir, 0755), 0);
    write_file(r, "letter.txt", "dear");
    expect_refused(r, STORE_ERR_FOREIGN, "not empty");
    struct stat st;
    char path[160];
    snprintf(path, sizeof path, "%s/journal.sqlite", r->dir);
    assert_int_not_equal(stat(path, &st), 0); /* nothing was changed */
    write_file(r, "journal.sqlite",
               "this is no database, but it is long enough to look at: "
               "0123456789012345678901234567890123456789012345678901234567890");
    expect_refused(r, STORE_ERR_FOREIGN, "not a store");
    static const char *const made[] = {"lock", "spool", "reserve"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, made[i]);
        assert_int_not_equal(stat(path, &st), 0);
    }
}

/* Of a database that may be the beginning of ours, cut short, only SQLite can say that it is not.
 */
static void test_nothing_is_left_with_a_foreign_database(void **state)
{
    struct rig *r = *state;
    static const char *const made[] = {"lock", "spool", "reserve", "journal.sqlite-wal"};
    struct stat st;
    char path[160];
    rig_close(r);
    snprintf(r->dir, sizeof r->dir, "%s/other", r->parent);
    assert_int_equal(mkdir(r->dir, 0755), 0);
    run_sql(r, "CREATE TABLE song (title)");
    write_file(r, "journal.sqlite-journal", "");
    expect_refused(r, STORE_ERR_FOREIGN, "not a store");
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, made[i]);
        assert_int_not_equal(stat(path, &st), 0);
    }
    assert_int_equal(stat(r->dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

static void test_missing_parent_and_file_in_the_way(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    snprintf(r->dir, sizeof r->dir, "%s/a/b", r->parent);
    expect_refused(r, STORE_ERR_NOT_FOUND, "cannot make");
    snprintf(r->dir, sizeof r->dir, "%s", r->parent);
    write_file(r, "plain", "x");
    snprintf(r->dir, sizeof r->dir, "%s/plain", r->parent);
    expect_refused(r, STORE_ERR_NOT_DIR, "cannot open");
}

static void test_open_survives_any_failure(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    bool passed = false;
    for (long n = 1; !passed && n < 400; n++) {
        rig_fail(r, ALL_OPS & ~OPS(IO_WRITEBACK), NULL, n, n, -EIO);
        passed = rig_open(r) == 0 && r->faults.seen < n;
        if (!r->store)
            assert_true(r->why[0]);
        rig_heal(r);
        rig_close(r);
    }
    assert_true(passed);
    assert_int_equal(rig_open(r), 0);
    assert_int_equal(rig_lookup(r, r->id, "outbox"), r->outbox);
}

/* ---- after a crash ---- */

static uint64_t make_spooled(struct rig *r, const char *name, size_t flushed, size_t more)
{
    static char buf[512 * 1024];
    uint64_t ino = rig_make(r, r->outbox, name, NODE_FILE);
    memset(buf, 'f', sizeof buf);
    assert_int_equal(content_write(r->store, ino, buf, flushed, 0), 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    if (more)
        assert_int_equal(content_write(r->store, ino, buf, more, flushed), 0);
    return ino;
}

static void test_same_boot_keeps_all(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make_spooled(r, "f", 100000, 50000);
    rig_reopen(r);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, 150000);
    assert_int_equal(n.durable_size, 100000);
    assert_true(n.dirty);
    assert_false(n.lost);
}

static void test_new_boot_cuts_to_what_was_durable(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make_spooled(r, "f", 100000, 50000), whole = make_spooled(r, "whole", 80000, 0);
    char buf[16];
    r->boot = "boot-2";
    rig_reopen(r);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, 100000);
    assert_true(n.lost);
    assert_false(n.bad);
    assert_int_equal(content_read(r->store, ino, buf, sizeof buf, 99990), 10);
    n = rig_node(r, whole);
    assert_int_equal(n.size, 80000);
    assert_false(n.lost || n.bad || n.dirty);
    rig_reopen(r); /* the same boot again: nothing more to lose */
    assert_int_equal(rig_node(r, ino).size, 100000);
}

static void test_new_boot_finds_a_file_that_is_too_short(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make_spooled(r, "f", 100000, 0);
    char path[160];
    snprintf(path, sizeof path, "%s/spool/%d", r->dir, (int)rig_node(r, ino).spool);
    rig_close(r);
    assert_int_equal(truncate(path, 500), 0);
    r->boot = "boot-2";
    assert_int_equal(rig_open(r), 0);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, 500);
    assert_true(n.lost && n.bad);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
}

static void test_orphans_are_swept(void **state)
{
    struct rig *r = *state;
    uint64_t open_file = make_spooled(r, "f", 100000, 0), staged;
    assert_int_equal(node_hold(r->store, open_file), 0);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    struct turn *t = rig_turn(r);
    assert_int_equal(node_stage(t, &(struct node_new){.type = NODE_DIR, .mode = 0700}, &staged), 0);
    commit(t);
    uint64_t below = rig_make(r, staged, "x", NODE_FILE);
    write_file(r, "spool/99", "nobody's");
    write_file(r, "spool/not-ours", "a stranger's");
    assert_int_equal(rig_node(r, open_file).nlink, 0);
    rig_reopen(r);
    struct node n;
    assert_int_equal(rig_try_node(r, open_file, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_node(r, staged, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_node(r, below, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_spooled(r), 0);
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/spool/not-ours", r->dir);
    assert_int_equal(stat(path, &st), 0);
}

static void test_inode_numbers_are_never_reused(void **state)
{
    struct rig *r = *state;
    uint64_t last = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_true(r->id >= INO_FIRST);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    rig_reopen(r);
    assert_true(rig_make(r, r->outbox, "f", NODE_FILE) > last);
    for (int i = 0; i < 3; i++) { /* nor after a turn that took many and was aborted */
        struct turn *t = rig_turn(r);
        struct node_new what = {.type = NODE_FILE};
        for (int k = 0; k < 3000; k++)
            assert_int_equal(node_stage(t, &what, &last), 0);
        turn_abort(t);
        uint64_t next = rig_make(r, r->outbox, i % 2 ? "odd" : "even", NODE_FILE);
        assert_true(next > last);
        assert_int_equal(rig_unlink(r, r->outbox, i % 2 ? "odd" : "even"), 0);
        rig_reopen(r);
        last = rig_make(r, r->outbox, "last", NODE_FILE);
        assert_true(last > next);
        assert_int_equal(rig_unlink(r, r->outbox, "last"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_second_process_is_told_the_pid),
        rig_test(test_everything_is_private),
        rig_test(test_newer_schema),
        rig_test(test_foreign_database),
        rig_test(test_foreign_file_and_directory),
        rig_test(test_nothing_is_left_with_a_foreign_database),
        rig_test(test_missing_parent_and_file_in_the_way),
        rig_test(test_open_survives_any_failure),
        rig_test(test_same_boot_keeps_all),
        rig_test(test_new_boot_cuts_to_what_was_durable),
        rig_test(test_new_boot_finds_a_file_that_is_too_short),
        rig_test(test_orphans_are_swept),
        rig_test(test_inode_numbers_are_never_reused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
