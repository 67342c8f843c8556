/* fs/face/control.h: what the control files say, and that their sizes are true. */
#include "tests/unit/face_fixture.h"

#include "fs/face/control.h"

/* The text, NUL-terminated; stat must have told the same size. */
static const char *render(struct fixture *f, const struct place *p)
{
    static char text[65536];
    struct blob blob = {0};
    uint64_t size;
    int64_t changed_ns = 0;
    assert_int_equal(control_size(f->face, p, &size, &changed_ns), 0);
    assert_int_equal(control_render(f->face, p, &blob), 0);
    assert_int_equal(blob.len, size);
    assert_true(blob.len < sizeof text);
    memcpy(text, blob.data, blob.len);
    text[blob.len] = '\0';
    blob_release(&blob);
    return text;
}

static void version(void **state)
{
    struct place p = fixture_place(*state, INODE_NUMBER_VERSION);
    assert_string_equal(render(*state, &p), "wormholefs " WORMHOLEFS_VERSION "\n");
}

static void state_of_new_and_of_its_draft(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    struct place p = fixture_child(f, &new, "state");
    assert_non_null(strstr(render(f, &p), "state:   new\n"));
    assert_non_null(strstr(render(f, &p), "event:   0\n"));
    uint64_t id;
    struct turn *t = fixture_turn(f);
    assert_int_equal(engine_create(f->engine, t, "1", 1, true, NULL, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    fixture_await_code(f, id);
    assert_int_equal(engine_double_command(f->engine, "pair 1"), 0);
    p = fixture_place(f, p.number);
    assert_non_null(strstr(render(f, &p), "state:   paired\n"));
    assert_null(strstr(render(f, &p), "event:   0\n"));
}

static void json_follows_events_at_once(void **state)
{
    struct fixture *f = *state;
    struct place p = fixture_place(f, INODE_NUMBER_STATE_JSON);
    assert_null(strstr(render(f, &p), "alice"));
    fixture_await_code(f, fixture_wormhole(f, "alice"));
    assert_non_null(strstr(render(f, &p), "alice"));
}

static void a_wormhole_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct blob blob = {0};
    uint64_t id = fixture_wormhole(f, "alice");
    struct place p = fixture_place(f, fixture_row(f, id).state_ino);
    struct turn *t = fixture_turn(f);
    assert_int_equal(wormhole_close(t, id), 0);
    assert_int_equal(wormhole_forget(t, id), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(control_render(f->face, &p, &blob), FACE_ERR_STALE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(version),
        TEST(state_of_new_and_of_its_draft),
        TEST(json_follows_events_at_once),
        TEST(a_wormhole_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
