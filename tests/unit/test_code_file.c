/* fs/face/code_file.h: reading and writing `code`. That reads wait is shown on a mount
 * (15-code-offline.sh, 19-…). */
#include "tests/unit/face_fixture.h"

#include "fs/face/recent.h"
#include "store/secrets.h"

static struct handle *open_code(struct fixture *f, uint64_t number)
{
    struct place p = fixture_place(f, number);
    assert_int_equal(p.kind, PLACE_CODE);
    struct handle *h = handle_new(f->face->handles, HANDLE_CODE, &p);
    assert_non_null(h);
    return h;
}

static void assert_reads(struct fixture *f, uint64_t number, const char *expected)
{
    uint64_t wormhole, size;
    struct handle *h = open_code(f, number);
    struct place p = fixture_place(f, number);
    assert_int_equal(code_file_read(f->face, h, getpid(), &wormhole), strlen(expected));
    assert_memory_equal(h->text.data, expected, strlen(expected));
    assert_int_equal(code_file_size(f->face, &p, &size), 0);
    assert_int_equal(size, strlen(expected));
    handle_free(f->face->handles, h);
}

static void a_code_is_read_and_that_is_remembered(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    fixture_await_code(f, id);
    assert_int_equal(fixture_row(f, id).code_read_ms, 0);
    assert_reads(f, fixture_row(f, id).code_ino, "7-guitarist-revenge\n");
    assert_true(fixture_row(f, id).code_read_ms > 0);
    uint64_t event = fixture_row(f, id).last_event;
    assert_reads(f, fixture_row(f, id).code_ino, "7-guitarist-revenge\n");
    assert_int_equal(fixture_row(f, id).last_event, event);
}

static void a_used_code(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    assert_int_equal(engine_double_command(f->engine, "pair alice"), 0);
    assert_reads(f, fixture_row(f, id).code_ino, "used\n");
    struct handle *h = open_code(f, fixture_row(f, id).code_ino);
    assert_int_equal(code_file_write(f->face, h, "4-a-b\n", 6), STORE_ERR_BUSY);
    handle_free(f->face->handles, h);
}

static void a_closed_wormhole_gets_a_fresh_one(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice"), wormhole;
    assert_int_equal(engine_double_command(f->engine, "pair alice"), 0);
    assert_int_equal(engine_double_command(f->engine, "close alice"), 0);
    struct handle *h = open_code(f, fixture_row(f, id).code_ino);
    int rc = code_file_read(f->face, h, getpid(), &wormhole);
    assert_true(rc == FACE_ERR_AGAIN || rc > 0);
    assert_int_equal(wormhole, id);
    handle_free(f->face->handles, h);
    fixture_await_code(f, id);
}

static int write_text(struct fixture *f, uint64_t id, const char *text, size_t len)
{
    struct handle *h = open_code(f, fixture_row(f, id).code_ino);
    int rc = code_file_write(f->face, h, text, len);
    if (rc == 0)
        rc = code_file_flush(f->face, h);
    handle_free(f->face->handles, h);
    return rc;
}

static void joining(void **state)
{
    static const char *const good[] = {"4-a-b\n", "4-a-b", "  4-a-b \r\n\n", "4-a-b\n  \n"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char name[8], code[CODE_BYTES_MAX + 1];
        snprintf(name, sizeof name, "w%zu", i);
        uint64_t id = fixture_wormhole(f, name);
        assert_int_equal(write_text(f, id, good[i], strlen(good[i])), 0);
        assert_int_equal(fixture_row(f, id).state, WORMHOLE_JOINING);
        struct view *v = fixture_view(f);
        assert_int_equal(code_get(v, id, code), 0);
        view_end(v);
        assert_string_equal(code, "4-a-b");
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {"x\n",    "4\n", "-a-b\n", "not a code\n", "4-a-b\n5-c-d\n",
                                      "4-a b\n"};
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    char big[1000];
    memset(big, '4', sizeof big);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(write_text(f, id, bad[i], strlen(bad[i])), STORE_ERR_INVALID);
    assert_int_equal(write_text(f, id, big, sizeof big), STORE_ERR_INVALID);
    assert_int_equal(write_text(f, id, "4-a\0b\n", 6), STORE_ERR_INVALID);
    assert_int_not_equal(fixture_row(f, id).state, WORMHOLE_JOINING);
    assert_int_equal(write_text(f, id, "", 0), 0);
    assert_int_equal(write_text(f, id, "\n", 1), STORE_ERR_INVALID);
    assert_int_equal(write_text(f, id, " ", 1), STORE_ERR_INVALID);
    assert_int_not_equal(fixture_row(f, id).state, WORMHOLE_JOINING);
}

static void in_pieces(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    struct handle *h = open_code(f, fixture_row(f, id).code_ino);
    const char *pieces[] = {"4", "-a", "-b"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(code_file_write(f->face, h, pieces[i], strlen(pieces[i])), 0);
    assert_int_not_equal(fixture_row(f, id).state, WORMHOLE_JOINING);
    assert_int_equal(code_file_write(f->face, h, "\n", 1), 0);
    assert_int_equal(fixture_row(f, id).state, WORMHOLE_JOINING);
    assert_int_equal(code_file_write(f->face, h, "\n", 1), 0); /* the code is told already */
    assert_int_equal(code_file_flush(f->face, h), 0);
    handle_free(f->face->handles, h);
}

static void through_new(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    struct place code = fixture_child(f, &new, "code");
    uint64_t wormhole, size;
    assert_int_equal(code_file_size(f->face, &code, &size), 0);
    assert_int_equal(size, 0);
    struct handle *h = open_code(f, code.number);
    int rc = code_file_read(f->face, h, getpid(), &wormhole);
    assert_true(rc == FACE_ERR_AGAIN || rc > 0);
    assert_string_equal(fixture_row(f, wormhole).shown, "1");
    fixture_await_code(f, wormhole);
    assert_reads(f, code.number, "7-guitarist-revenge\n");
    handle_free(f->face->handles, h);
}

static int read_rc(struct fixture *f, uint64_t number)
{
    uint64_t wormhole;
    struct handle *h = open_code(f, number);
    int rc = code_file_read(f->face, h, getpid(), &wormhole);
    handle_free(f->face->handles, h);
    return rc;
}

/* What would have to be remembered cannot be done. */
static void a_read_only_mount(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    /* One after the other: who asks first has nameplate 7. */
    uint64_t told = fixture_wormhole(f, "told");
    fixture_await_code(f, told);
    uint64_t untold = fixture_wormhole(f, "untold");
    fixture_await_code(f, untold);
    assert_true(read_rc(f, fixture_row(f, told).code_ino) > 0);
    f->face->options.read_only = true;
    assert_reads(f, fixture_row(f, told).code_ino, "7-guitarist-revenge\n");
    assert_int_equal(read_rc(f, fixture_row(f, untold).code_ino), FACE_ERR_READ_ONLY);
    assert_int_equal(fixture_row(f, untold).code_read_ms, 0);
    assert_int_equal(read_rc(f, fixture_child(f, &new, "code").number), FACE_ERR_READ_ONLY);
    struct place root = fixture_place(f, INODE_NUMBER_ROOT), one;
    assert_int_equal(fixture_child_rc(f, &root, "1", &one), STORE_ERR_NOT_FOUND);
    assert_int_equal(engine_double_command(f->engine, "pair told"), 0);
    assert_reads(f, fixture_row(f, told).code_ino, "used\n");
    assert_int_equal(engine_double_command(f->engine, "close told"), 0);
    uint64_t event = fixture_row(f, told).last_event;
    assert_int_equal(read_rc(f, fixture_row(f, told).code_ino), FACE_ERR_READ_ONLY);
    assert_int_equal(fixture_row(f, told).last_event, event);
}

/* Draft rule (c). */
static void who_reads_it_knows_it(void **state)
{
    struct fixture *f = *state;
    struct writer_id us, parent;
    uint64_t id = fixture_wormhole(f, "alice");
    fixture_await_code(f, id);
    assert_int_equal(writer_identify(getpid(), &us), 0);
    assert_int_equal(writer_identify(getppid(), &parent), 0);
    recent_changed(f->face->recent, &us, id, 100);
    recent_changed(f->face->recent, &parent, id, 100);
    assert_false(recent_get(f->face->recent, &us, id, 100).told);
    assert_true(read_rc(f, fixture_row(f, id).code_ino) > 0);
    assert_true(recent_get(f->face->recent, &us, id, 100).told);
    assert_true(recent_get(f->face->recent, &parent, id, 100).told);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(a_code_is_read_and_that_is_remembered),
        TEST(a_used_code),
        TEST(a_closed_wormhole_gets_a_fresh_one),
        TEST(joining),
        TEST(nonsense_is_refused),
        TEST(in_pieces),
        TEST(through_new),
        TEST(a_read_only_mount),
        TEST(who_reads_it_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
