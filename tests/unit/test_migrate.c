/* Schema versions: from nothing, one after the other, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/error.h"
#include "store/migrate.h"

static const struct migrate_step steps[] = {
    {1, "PRAGMA application_id=0x776f7268; CREATE TABLE a (x); INSERT INTO a VALUES (1)"},
    {2, "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1"},
    {3, "CREATE TABLE b AS SELECT x + y AS z FROM a"},
};

static const struct migrate_step broken[] = {
    {1, "PRAGMA application_id=0x776f7268; CREATE TABLE a (x); INSERT INTO a VALUES (1)"},
    {2, "ALTER TABLE a ADD COLUMN y; INSERT INTO no_such_table VALUES (1)"},
};

static sqlite3 *open_db(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static int ask(sqlite3 *db, const char *query)
{
    sqlite3_stmt *q;
    int value = -1;
    if (sqlite3_prepare_v2(db, query, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        value = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return value;
}

static void test_all_steps_from_nothing(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    assert_int_equal(migrate_run(db, steps, 3), 0);
    assert_int_equal(ask(db, "PRAGMA user_version"), 3);
    assert_int_equal(ask(db, "SELECT z FROM b"), 3);
    assert_int_equal(migrate_run(db, steps, 3), 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM a"), 1);
    sqlite3_close(db);
}

static void test_each_older_version_is_upgraded(void **state)
{
    (void)state;
    for (int from = 1; from <= 3; from++) {
        sqlite3 *db = open_db();
        assert_int_equal(migrate_run(db, steps, from), 0);
        assert_int_equal(ask(db, "PRAGMA user_version"), from);
        assert_int_equal(migrate_run(db, steps, 3), 0);
        assert_int_equal(ask(db, "SELECT z FROM b"), 3);
        sqlite3_close(db);
    }
}

static void test_newer_is_refused_untouched(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    assert_int_equal(migrate_run(db, steps, 3), 0);
    assert_int_equal(migrate_run(db, steps, 2), STORE_ERR_NEWER);
    assert_int_equal(ask(db, "PRAGMA user_version"), 3);
    sqlite3_close(db);
}

static void test_foreign_is_refused_untouched(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    sqlite3_exec(db, "CREATE TABLE song (title)", NULL, NULL, NULL);
    assert_int_equal(migrate_run(db, steps, 3), STORE_ERR_FOREIGN);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_master"), 1);
    sqlite3_exec(db, "DROP TABLE song; PRAGMA application_id=5", NULL, NULL, NULL);
    assert_int_equal(migrate_run(db, steps, 3), STORE_ERR_FOREIGN);
    sqlite3_close(db);
}

static void test_failed_step_is_undone(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    assert_true(migrate_run(db, broken, 2) < 0);
    assert_int_equal(ask(db, "PRAGMA user_version"), 1);
    assert_int_equal(ask(db, "SELECT y FROM a"), -1); /* no such column */
    assert_true(sqlite3_get_autocommit(db));
    assert_int_equal(migrate_run(db, steps, 3), 0);
    sqlite3_close(db);
}

static void test_product_schema(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(product[count - 1].to, MIGRATE_VERSION);
    assert_int_equal(migrate_run(db, product, count), 0);
    assert_int_equal(ask(db, "PRAGMA application_id"), MIGRATE_APPLICATION_ID);
    assert_int_equal(ask(db, "PRAGMA user_version"), MIGRATE_VERSION);
    sqlite3_close(db);
}

/* Arrivals that an older version has under way are counted. */
static void test_version_2_counts_what_is_there(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(migrate_run(db, product, 1), 0);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO arrival VALUES (1, 7, x'01', 'a', 3, 100, 30, 0, 0, "
                                  "0), (2, 7, x'02', 'b', 3, 50, 60, 0, 0, 0)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(migrate_run(db, product, count), 0);
    assert_int_equal(ask(db, "SELECT count FROM arrival_sum WHERE wormhole=7 AND state=3"), 2);
    assert_int_equal(ask(db, "SELECT rest FROM arrival_sum WHERE wormhole=7 AND state=3"), 70);
    sqlite3_close(db);
}

static int held_code(sqlite3 *db, int ino)
{
    char query[64];
    snprintf(query, sizeof query, "SELECT held_code FROM entry WHERE ino=%d", ino);
    return ask(db, query);
}

/* What an older version held is known again, whatever the sentences are now. */
static void test_version_3_knows_the_old_holds(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(migrate_run(db, product, 2), 0);
    assert_int_equal(
        sqlite3_exec(
            db,
            "INSERT INTO entry (ino, wormhole, name, kind, state, held, created_ms, "
            "created_event) VALUES (1, 7, 'a', 1, 1, '', 0, 1), "
            "(2, 7, '.b', 1, 1, 'its name begins with a dot; rename it to send it', 0, 2), "
            "(3, 7, 'c', 1, 1, 'interrupted: a program was killed while writing it; "
            "touch it to send it as it is, or replace it', 0, 3), "
            "(4, 7, 'd', 1, 1, 'interrupted: it was being written when the mount died; "
            "touch it to send it as it is, or replace it', 0, 4), "
            "(5, 7, 'e', 1, 2, 'the peer does not want it', 0, 5)",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(migrate_run(db, product, count), 0);
    static const int codes[] = {0, 1, 5, 6, 0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(held_code(db, i + 1), codes[i]);
    assert_int_equal(ask(db, "SELECT count(*) FROM entry WHERE held != ''"), 4);
    sqlite3_close(db);
}

/* Whom an older version has told a code. */
static void test_version_4_knows_who_was_told(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(migrate_run(db, product, 3), 0);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO wormhole (id, state, name, shown, hidden, draft, outbox_ino, "
                     "inbox_ino, code_ino, state_ino, last_event, created_ms) VALUES "
                     "(1, 2, 'a', 'a', 0, 0, 11, 12, 13, 14, 4, 0), "
                     "(2, 2, 'b', 'b', 0, 0, 21, 22, 23, 24, 4, 0), "
                     "(3, 5, 'c', 'c', 0, 0, 31, 32, 33, 34, 4, 0); "
                     "INSERT INTO log (time_ms, type, wormhole, ino, detail) VALUES "
                     "(0, 'code_allocated', 1, 0, '{}'), (0, 'code_read', 2, 0, '{}'), "
                     "(0, 'code_burnt', 2, 0, '{}'), (0, 'paired', 3, 0, '{}')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(migrate_run(db, product, count), 0);
    assert_int_equal(ask(db, "SELECT was_told FROM wormhole WHERE id=1"), 0);
    assert_int_equal(ask(db, "SELECT was_told FROM wormhole WHERE id=2"), 1);
    assert_int_equal(ask(db, "SELECT was_told FROM wormhole WHERE id=3"), 1);
    sqlite3_close(db);
}

/* What an older version had under way stays, without a number that it did not note. */
static void test_version_4_keeps_revisions(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(migrate_run(db, product, 3), 0);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO revision (rev, wormhole, ino, state, size, "
                                  "acked_bytes, manifest, number) VALUES "
                                  "(x'01', 7, 2000, 2, 4711, 0, 2001, 0)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(migrate_run(db, product, count), 0);
    assert_int_equal(ask(db, "SELECT size FROM revision WHERE rev=x'01'"), 4711);
    assert_int_equal(ask(db, "SELECT items FROM revision WHERE rev=x'01'"), 0);
    sqlite3_close(db);
}

/* What an older version has received, and has under way, takes room. */
static void test_version_5_knows_what_the_inboxes_hold(void **state)
{
    (void)state;
    sqlite3 *db = open_db();
    int count;
    const struct migrate_step *product = migrate_steps(&count);
    assert_int_equal(migrate_run(db, product, 4), 0);
    assert_int_equal(
        sqlite3_exec(
            db,
            "INSERT INTO inbox_entry (ino, wormhole, name, kind, local, size, received_ms, "
            "created_event) VALUES (1, 7, 'a', 1, 0, 100, 0, 1), (2, 7, 'b', 1, 0, 20, 0, "
            "2), (3, 8, 'c', 1, 0, 3, 0, 3); "
            "INSERT INTO arrival VALUES (1, 7, x'01', 'a', 3, 100, 30, 0, 0, 0), "
            "(2, 7, x'02', 'b', 3, 50, 60, 0, 0, 0)",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(migrate_run(db, product, count), 0);
    assert_int_equal(ask(db, "SELECT sum(bytes) FROM inbox_sum"), 123);
    assert_int_equal(ask(db, "SELECT bytes FROM arrival_sum WHERE wormhole=7"), 150);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM inbox_entry WHERE ino=1; "
                                  "UPDATE arrival SET overhead=7, durable=100 WHERE seq=1; "
                                  "DELETE FROM arrival WHERE seq=2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(ask(db, "SELECT sum(bytes) FROM inbox_sum"), 23);
    assert_int_equal(ask(db, "SELECT bytes FROM arrival_sum WHERE wormhole=7"), 107);
    assert_int_equal(ask(db, "SELECT rest FROM arrival_sum WHERE wormhole=7"), 0);
    sqlite3_exec(db, "DELETE FROM inbox_entry; DELETE FROM arrival", NULL, NULL, NULL);
    assert_int_equal(ask(db, "SELECT count(*) FROM inbox_sum"), 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM arrival_sum"), 0);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_steps_from_nothing),
        cmocka_unit_test(test_each_older_version_is_upgraded),
        cmocka_unit_test(test_newer_is_refused_untouched),
        cmocka_unit_test(test_foreign_is_refused_untouched),
        cmocka_unit_test(test_failed_step_is_undone),
        cmocka_unit_test(test_product_schema),
        cmocka_unit_test(test_version_2_counts_what_is_there),
        cmocka_unit_test(test_version_3_knows_the_old_holds),
        cmocka_unit_test(test_version_4_knows_who_was_told),
        cmocka_unit_test(test_version_4_keeps_revisions),
        cmocka_unit_test(test_version_5_knows_what_the_inboxes_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
