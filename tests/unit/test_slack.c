/* The journal gives back what it does not need, and is whole at every moment of it. */
#include "store_rig.h"

#include "store/core.h"
#include "store/scrub.h"
#include "store/slack.h"

enum { MIB = 1 << 20, FILES = 320, FILE_BYTES = 60 * 1024 };

static uint64_t ask(struct rig *r, const char *question)
{
    sqlite3_stmt *q;
    struct view *v = rig_view(r);
    assert_int_equal(sqlite3_prepare_v2(v->db, question, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    uint64_t answer = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    view_end(v);
    return answer;
}

static uint64_t journal_bytes(struct rig *r)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/journal.sqlite", r->dir);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

/* Files that live in the journal: they come, and all but one in forty go. */
static void come_and_go(struct rig *r)
{
    static uint8_t data[FILE_BYTES];
    char name[16];
    for (int i = 0; i < FILES; i++) {
        struct turn *t = rig_turn(r);
        uint64_t ino;
        size_t len = (size_t)snprintf(name, sizeof name, "%03d", i);
        memset(data, i, sizeof data);
        assert_int_equal(name_create(t, r->outbox, name, len,
                                     &(struct node_new){.type = NODE_FILE, .mode = 0600}, &ino),
                         0);
        assert_int_equal(content_put(t, ino, data, sizeof data), 0);
        assert_int_equal(turn_checkpoint(t), 0);
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%03d", i);
        if (i % 40 != 39)
            assert_int_equal(rig_unlink(r, r->outbox, name), 0);
    }
    while (node_sweep(r->store) > 0)
        ;
}

static void expect_whole(struct rig *r)
{
    static uint8_t data[FILE_BYTES];
    char name[16];
    sqlite3_stmt *q;
    struct view *v = rig_view(r);
    assert_int_equal(sqlite3_prepare_v2(v->db, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    view_end(v);
    for (int i = 39; i < FILES; i += 40) {
        snprintf(name, sizeof name, "%03d", i);
        uint64_t ino = rig_lookup(r, r->outbox, name);
        assert_int_equal(content_read(r->store, ino, data, sizeof data, 0), FILE_BYTES);
        for (int at = 0; at < FILE_BYTES; at += 997)
            assert_int_equal(data[at], i & 255);
    }
}

static void test_given_back(void **state)
{
    struct rig *r = *state;
    assert_int_equal(slack_give_back(r->store), 0); /* a new one has none */
    come_and_go(r);
    uint64_t pages = ask(r, "PRAGMA page_count");
    assert_true(pages * CORE_PAGE_BYTES > 16 * MIB);
    int turns = 0, more;
    while ((more = slack_give_back(r->store)) == 1)
        turns++;
    assert_int_equal(more, 0);
    assert_in_range(turns, 8, 100); /* none of them long */
    assert_in_range(ask(r, "PRAGMA freelist_count"), SLACK_PAGES_KEPT / 2, SLACK_PAGES_KEPT + 8);
    assert_int_equal(slack_give_back(r->store), 0);
    rig_reopen(r);
    assert_true(journal_bytes(r) < 8 * MIB);
    expect_whole(r);
}

/* A disk that fails, and a process that ends, at any call of it. */
static void test_interrupted(void **state)
{
    struct rig *r = *state;
    come_and_go(r);
    for (long nth = 1; nth < 60; nth += 7) {
        rig_fail(r, OPS(IO_WRITE) | OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", nth, nth, -EIO);
        for (int i = 0; i < 4 && slack_give_back(r->store) == 1; i++)
            ;
        rig_heal(r);
        rig_reopen(r);
        expect_whole(r);
    }
    int more;
    while ((more = slack_give_back(r->store)) == 1)
        ;
    assert_int_equal(more, 0);
    expect_whole(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_given_back),
        rig_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
