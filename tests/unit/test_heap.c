/* All memory that SQLite gives back was wiped, whatever it was for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store/heap.h"

/* The allocator below the one that is tested. */
static sqlite3_mem_methods below;
static unsigned freed, dirty, resized;

static void look_and_free(void *p)
{
    const uint8_t *bytes = p;
    int len = below.xSize(p), i = 0;

    while (i < len && bytes[i] == 0)
        i++;
    freed++;
    dirty += i < len;
    below.xFree(p);
}

static void *resize(void *p, int size)
{
    resized++;
    return below.xRealloc(p, size);
}

static int look_at_all(void **state)
{
    (void)state;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &below) != SQLITE_OK)
        return -1;
    sqlite3_mem_methods looking = below;
    looking.xFree = look_and_free;
    looking.xRealloc = resize;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &looking) != SQLITE_OK)
        return -1;
    heap_prepare();
    return 0;
}

static void run(sqlite3 *db, const char *text)
{
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

/* Rows of all sizes, sorted, so that pages, records, bound values and scratch memory come and go.
 */
static void test_a_life(void **state)
{
    sqlite3 *db;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    run(db, "create table t(a, b)");
    run(db, "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)"
            " insert into t select i, randomblob(i * 20) from n");
    run(db, "create index i on t(b)");
    run(db, "delete from t where a % 3 = 0");
    assert_true(freed > 0);
    run(db, "vacuum");
    assert_int_equal(sqlite3_db_release_memory(db), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(freed > 1000);
    assert_int_equal(dirty, 0);
    assert_int_equal(resized, 0);
}

static void test_what_grows_keeps_its_bytes(void **state)
{
    (void)state;
    char *text = sqlite3_malloc(4);
    memcpy(text, "abc", 4);
    text = sqlite3_realloc(text, 100000);
    assert_string_equal(text, "abc");
    text = sqlite3_realloc(text, 2);
    assert_memory_equal(text, "ab", 2);
    sqlite3_free(text);
    assert_int_equal(dirty, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_what_grows_keeps_its_bytes),
    };
    return cmocka_run_group_tests(tests, look_at_all, NULL);
}
