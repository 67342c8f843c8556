/* The log: append-only, complete, readable. */
#include "store_rig.h"

#include <sqlite3.h>

static void test_types_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_TYPE_COUNT; i++) {
        enum log_type back = LOG_TYPE_COUNT;
        assert_int_equal(log_type_parse(log_type_text((enum log_type)i), &back), 0);
        assert_int_equal(back, i);
    }
    enum log_type none;
    assert_int_equal(log_type_parse("no_such_event", &none), STORE_ERR_NOT_FOUND);
}

struct seen {
    uint64_t ids[64];
    enum log_type types[64];
    int count, stop_after;
};

static int see(void *arg, const struct log_row *row)
{
    struct seen *s = arg;
    assert_true(json_is_object(row->event.detail));
    assert_true(row->time_ms > 0);
    s->ids[s->count] = row->id;
    s->types[s->count++] = row->event.type;
    return s->count == s->stop_after ? 42 : 0;
}

static void test_append_and_read(void **state)
{
    struct rig *r = *state;
    uint64_t a, b, last;
    struct turn *t = rig_turn(r);
    assert_int_equal(log_append(t, &(struct log_event){LOG_CODE_WANTED, r->id, 0, NULL}, &a), 0);
    assert_int_equal(log_append(t,
                                &(struct log_event){LOG_CODE_ALLOCATED, r->id, 0,
                                                    json_pack("{s:s}", "nameplate", "7")},
                                &b),
                     0);
    commit(t);
    assert_true(b > a);
    struct view *v = rig_view(r);
    struct seen s = {0};
    assert_int_equal(log_read(v, a - 1, 10, see, &s), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.types[1], LOG_CODE_ALLOCATED);
    assert_int_equal(s.ids[1], b);
    s.count = 0;
    assert_int_equal(log_read(v, 0, 1, see, &s), 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.types[0], LOG_WORMHOLE_CREATED);
    s = (struct seen){.stop_after = 2};
    assert_int_equal(log_read(v, 0, 10, see, &s), 42);
    assert_int_equal(log_last(v, &last), 0);
    assert_int_equal(last, b);
    view_end(v);
}

static int try_append(struct rig *r, struct log_event e)
{
    struct turn *t = rig_turn(r);
    int rc = log_append(t, &e, NULL);
    turn_abort(t);
    return rc;
}

static void test_incomplete_or_contradicting_events_are_refused(void **state)
{
    struct rig *r = *state;
    struct log_event e = {LOG_ENTRY_SEALED, r->id, 5,
                          json_pack("{s:s,s:i}", "rev", "00", "size", 1)};
    assert_int_equal(try_append(r, e), STORE_ERR_INVALID);
    e = (struct log_event){LOG_PROBLEM, r->id, 0, json_pack("{s:i}", "text", 5)};
    assert_int_equal(try_append(r, e), STORE_ERR_INVALID);
    e = (struct log_event){LOG_PROBLEM, r->id, 0, json_array()};
    assert_int_equal(try_append(r, e), STORE_ERR_INVALID);
    e = (struct log_event){LOG_CODE_WANTED, r->id + 77, 0, NULL};
    assert_int_equal(try_append(r, e), STORE_ERR_NOT_FOUND);
    e = (struct log_event){LOG_ENTRY_REMOVED, r->id, 999,
                           json_pack("{s:s,s:s}", "name", "x", "cause", "unlinked")};
    assert_int_equal(try_append(r, e), STORE_ERR_NOT_FOUND);
    e = (struct log_event){LOG_FORGOTTEN, r->id, 0, NULL}; /* not closing */
    assert_int_equal(try_append(r, e), STORE_ERR_NOT_FOUND);
    char huge[LOG_DETAIL_BYTES_MAX + 10];
    memset(huge, 'x', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    e = (struct log_event){LOG_PROBLEM, r->id, 0, json_pack("{s:s}", "text", huge)};
    assert_int_equal(try_append(r, e), STORE_ERR_TOO_BIG);
}

static void test_rows_cannot_be_changed(void **state)
{
    struct rig *r = *state;
    char path[128];
    sqlite3 *db;
    rig_close(r);
    snprintf(path, sizeof path, "%s/journal.sqlite", r->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE log SET detail='{}'", NULL, NULL, NULL),
                     SQLITE_CONSTRAINT);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM log", NULL, NULL, NULL), SQLITE_CONSTRAINT);
    sqlite3_close(db);
    assert_int_equal(rig_open(r), 0);
    assert_int_equal(rig_events(r, LOG_WORMHOLE_CREATED), 1);
}

static void test_names_come_back_exactly(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "100%", "a\xff\xfe", "t\ttab", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *detail = json_object();
        struct name n = name_of(names[i]), back;
        assert_int_equal(log_put_name(detail, "name", &n), 0);
        char *text = json_dumps(detail, 0);
        assert_non_null(text); /* valid UTF-8, whatever the bytes */
        json_decref(detail);
        detail = json_loads(text, 0, NULL);
        assert_int_equal(log_get_name(detail, "name", &back), 0);
        assert_string_equal(back.text, n.text);
        assert_int_equal(log_get_name(detail, "other", &back), STORE_ERR_NOT_FOUND);
        free(text);
        json_decref(detail);
    }
    json_t *bad = json_pack("{s:s}", "name_hex", "2f");
    struct name n;
    assert_int_equal(log_get_name(bad, "name", &n), STORE_ERR_INVALID);
    json_decref(bad);
}

static void test_texts_are_cut_to_what_json_can_hold(void **state)
{
    (void)state;
    char text[LOG_TEXT_BYTES_MAX + 50];
    memset(text, 'a', sizeof text);
    memcpy(text + LOG_TEXT_BYTES_MAX - 1, "\xc3\xa4", 2); /* the cut falls inside a character */
    text[sizeof text - 1] = '\0';
    json_t *value = log_text(text);
    assert_int_equal(json_string_length(value), LOG_TEXT_BYTES_MAX - 1);
    json_decref(value);
    value = log_text("ab\xff"
                     "cd");
    assert_string_equal(json_string_value(value), "ab");
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_have_names),
        rig_test(test_append_and_read),
        rig_test(test_incomplete_or_contradicting_events_are_refused),
        rig_test(test_rows_cannot_be_changed),
        cmocka_unit_test(test_names_come_back_exactly),
        cmocka_unit_test(test_texts_are_cut_to_what_json_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
