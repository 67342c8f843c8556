/* fs/face/events.h: the log as a file: lines of JSON, the same bytes at whatever offset they are
 * read.
 */
#include "tests/unit/face_fixture.h"

#include "fs/face/events.h"
#include "fs/face/limits.h"

static void append(struct fixture *f, const char *text)
{
    struct turn *t = fixture_turn(f);
    json_t *detail = json_pack("{s:s}", "text", text);
    uint64_t id = 0;
    assert_int_equal(wormhole_draft(turn_view(t), &id) == STORE_ERR_NOT_FOUND, true);
    assert_int_equal(wormhole_find(turn_view(t), "alice", 5, &id), 0);
    assert_int_equal(log_append(t, &(struct log_event){LOG_PROBLEM, id, 0, detail}, NULL), 0);
    assert_int_equal(turn_commit(t), 0);
}

static void a_line_says_it_all(void **state)
{
    (void)state;
    json_t *detail = json_pack("{s:s, s:i}", "rev", "00", "size", 5);
    const struct log_row row = {
        .id = 7, .time_ms = 1795284301123, .event = {LOG_ENTRY_SEALED, 1024, 1031, detail}};
    char *line = events_line(&row, "alice");
    assert_string_equal(line, "{\"id\":7,\"time\":\"2026-11-21T18:05:01.123Z\","
                              "\"type\":\"entry_sealed\",\"wormhole\":\"alice\","
                              "\"wormhole_id\":1024,\"ino\":1031,\"rev\":\"00\",\"size\":5}\n");
    free(line);
    json_decref(detail);
    const struct log_row bare = {.id = 8, .event = {LOG_PROBLEM_CLEARED, 0, 0, NULL}};
    line = events_line(&bare, NULL);
    assert_string_equal(line, "{\"id\":8,\"time\":\"1970-01-01T00:00:00.000Z\","
                              "\"type\":\"problem_cleared\"}\n");
    free(line);
}

static void rename_to(struct fixture *f, uint64_t id, const char *text)
{
    struct name name;
    struct turn *t = fixture_turn(f);
    name_set(&name, text, strlen(text));
    assert_int_equal(wormhole_rename(t, id, &name), 0);
    assert_int_equal(turn_commit(t), 0);
}

/* What was told before a rename stays as it was. */
static void events_have_the_name_of_their_time(void **state)
{
    struct fixture *f = *state;
    static char text[65536];
    uint64_t id = fixture_wormhole(f, "alice");
    fixture_await_code(f, id);
    append(f, "first");
    rename_to(f, id, "carol");
    rename_to(f, id, "alice");
    append(f, "second");
    rename_to(f, id, "bob");
    ssize_t len = events_read(f->face->events, 0, text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    const char *order[] = {"\"problem\",\"wormhole\":\"alice\"",
                           "\"wormhole_renamed\",\"wormhole\":\"carol\"",
                           "\"wormhole_renamed\",\"wormhole\":\"alice\"", "second",
                           "\"wormhole_renamed\",\"wormhole\":\"bob\""};
    const char *at = text;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
}

/* The whole file, read with pieces of `piece` bytes. */
static size_t read_all(struct events *e, char *out, size_t cap, size_t piece)
{
    size_t len = 0;
    for (;;) {
        size_t want = cap - len < piece ? cap - len : piece;
        ssize_t count = events_read(e, len, out + len, want);
        assert_true(count >= 0);
        if (count == 0)
            return len;
        len += (size_t)count;
    }
}

static void the_same_bytes_at_any_offset(void **state)
{
    enum { CAP = 1 << 20 };
    struct fixture *f = *state;
    struct events *e = f->face->events;
    uint64_t size;
    int64_t changed_ns;
    fixture_await_code(f, fixture_wormhole(f, "alice"));
    for (int i = 0; i < 5 * FACE_EVENTS_STEP; i++)
        append(f, i % 3 ? "short" : "a somewhat longer sentence about what is wrong");
    assert_int_equal(events_size(e, &size, &changed_ns), 0);
    assert_true(changed_ns > 0);
    char *whole = malloc(CAP), *part = malloc(CAP);
    assert_int_equal(read_all(e, whole, CAP, CAP), size);
    const size_t pieces[] = {4096, 997, 100};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_all(e, part, CAP, pieces[i]), size);
        assert_memory_equal(part, whole, size);
    }
    for (size_t at = size - 1; at > 0; at -= at < 613 ? at : 613) {
        assert_int_equal(events_read(e, at, part, 1), 1);
        assert_int_equal(part[0], whole[at]);
    }
    assert_int_equal(events_read(e, size, part, 10), 0);
    assert_int_equal(events_read(e, size + 1000, part, 10), 0);
    free(whole);
    free(part);
}

static void it_only_grows(void **state)
{
    struct fixture *f = *state;
    static char before[65536], after[65536];
    struct events *e = f->face->events;
    uint64_t grown;
    int64_t changed_ns;
    fixture_await_code(f, fixture_wormhole(f, "alice"));
    size_t size = read_all(e, before, sizeof before, sizeof before);
    append(f, "more");
    assert_int_equal(events_size(e, &grown, &changed_ns), 0);
    assert_true(grown > size);
    assert_int_equal(read_all(e, after, sizeof after, sizeof after), grown);
    assert_memory_equal(before, after, size);
    for (char *line = after, *end; (size_t)(line - after) < grown; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        json_decref(o);
    }
}

static void an_empty_log(void **state)
{
    struct fixture *f = *state;
    char buf[8];
    uint64_t size = 99;
    int64_t changed_ns = 99;
    assert_int_equal(events_size(f->face->events, &size, &changed_ns), 0);
    assert_int_equal(size, 0);
    assert_int_equal(events_read(f->face->events, 0, buf, sizeof buf), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_it_all),
        TEST(events_have_the_name_of_their_time),
        TEST(the_same_bytes_at_any_offset),
        TEST(it_only_grows),
        TEST(an_empty_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
