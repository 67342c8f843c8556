/* fs/face/handle.h: which handles a change concerns. */
#include "tests/unit/face_fixture.h"

static bool news(struct handle *h)
{
    bool changed = handle_poll(h, NULL);
    h->changed = false;
    return changed;
}

static struct handle *open_kind(struct fixture *f, enum handle_kind kind, uint64_t wormhole,
                                bool floating)
{
    const struct place p = {.wormhole = wormhole, .floating = floating};
    struct handle *h = handle_new(f->face->handles, kind, &p);
    assert_non_null(h);
    return h;
}

static void a_change_reaches_whom_it_concerns(void **state)
{
    struct fixture *f = *state;
    struct handles *all = f->face->handles;
    struct handle *ours = open_kind(f, HANDLE_TEXT, 1024, false);
    struct handle *other = open_kind(f, HANDLE_TEXT, 1030, false);
    struct handle *json = open_kind(f, HANDLE_TEXT, 0, false);
    struct handle *new = open_kind(f, HANDLE_TEXT, 0, true);
    struct handle *code = open_kind(f, HANDLE_CODE, 1024, false);
    struct handle *events = open_kind(f, HANDLE_EVENTS, 0, false);
    struct handle *file = open_kind(f, HANDLE_FILE, 1024, false);
    handles_changed(all, 1024, false);
    assert_true(news(ours) && news(json) && news(new) && news(events));
    assert_false(news(other) || news(code) || news(file));
    handles_changed(all, 1024, true);
    assert_true(news(code));
    handle_free(all, ours); /* the rest is freed with the face */
}

static void numbers_are_never_used_twice(void **state)
{
    struct fixture *f = *state;
    struct handle *a = open_kind(f, HANDLE_FILE, 0, false);
    uint64_t id = a->id;
    assert_int_not_equal(id, 0);
    handle_free(f->face->handles, a);
    struct handle *b = open_kind(f, HANDLE_FILE, 0, false);
    assert_int_not_equal(b->id, id);
    handle_free(f->face->handles, b);
}

static void freed_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct handle *h[4];
    for (int i = 0; i < 4; i++)
        h[i] = open_kind(f, HANDLE_TEXT, 1024, false);
    handle_free(f->face->handles, h[1]);
    handle_free(f->face->handles, h[3]);
    handles_changed(f->face->handles, 1024, false);
    assert_true(news(h[0]) && news(h[2]));
    handle_free(f->face->handles, h[0]);
    handle_free(f->face->handles, h[2]);
}

static void moves_begin_a_new_epoch(void **state)
{
    struct fixture *f = *state;
    uint64_t before = handles_epoch(f->face->handles);
    handles_moved(f->face->handles);
    assert_int_not_equal(handles_epoch(f->face->handles), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(a_change_reaches_whom_it_concerns),
        TEST(numbers_are_never_used_twice),
        TEST(freed_in_any_order),
        TEST(moves_begin_a_new_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
