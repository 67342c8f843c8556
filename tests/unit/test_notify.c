/* fs/face/notify.h: what the engine says reaches the handles through the thread, and nothing before
 * its start or after its end. What reaches the kernel is shown on a mount (18-…, 19-…). */
#include "tests/unit/face_fixture.h"

#include <sched.h>
#include "fs/face/limits.h"
#include "fs/face/notify.h"

static struct handle *open_state(struct fixture *f, uint64_t wormhole)
{
    const struct place p = {.wormhole = wormhole};
    struct handle *h = handle_new(f->face->handles, HANDLE_TEXT, &p);
    assert_non_null(h);
    return h;
}

static void await(struct handle *h)
{
    while (!handle_poll(h, NULL))
        sched_yield();
}

static void what_the_engine_says_is_passed_on(void **state)
{
    struct fixture *f = *state;
    struct handle *first = open_state(f, 1024), *last = open_state(f, 2000);
    assert_int_equal(notify_start(f->face->notify), 0);
    for (uint64_t w = 1024; w <= 2000; w++)
        notify_engine(f->face->notify, CHANGE_STATE, w, NULL, 0);
    await(first);
    await(last);
    notify_stop(f->face->notify);
}

static void nothing_before_the_start_or_after_the_end(void **state)
{
    struct fixture *f = *state;
    struct handle *h = open_state(f, 1024), *mark = open_state(f, 1030);
    notify_engine(f->face->notify, CHANGE_STATE, 1024, NULL, 0);
    assert_int_equal(notify_start(f->face->notify), 0);
    notify_engine(f->face->notify, CHANGE_STATE, 1030, NULL, 0);
    await(mark); /* what came before it would have been done by now */
    notify_stop(f->face->notify);
    notify_engine(f->face->notify, CHANGE_STATE, 1024, NULL, 0);
    assert_false(handle_poll(h, NULL));
}

/* The thread is held up until more is said than fits in; the last of it is known all the same. */
static void what_does_not_fit_in_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    struct handle *last = open_state(f, id), *held_up = open_state(f, 7);
    assert_int_equal(notify_start(f->face->notify), 0);
    pthread_mutex_lock(&held_up->lock);
    for (int i = 0; i < FACE_NOTICES_MAX + 10; i++)
        notify_engine(f->face->notify, CHANGE_STATE, 7, NULL, 0);
    notify_engine(f->face->notify, CHANGE_STATE, id, NULL, 0);
    pthread_mutex_unlock(&held_up->lock);
    await(last);
    notify_stop(f->face->notify);
}

static void it_can_be_stopped_without_a_start(void **state)
{
    struct fixture *f = *state;
    notify_stop(f->face->notify);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(what_the_engine_says_is_passed_on),
        TEST(nothing_before_the_start_or_after_the_end),
        TEST(what_does_not_fit_in_is_made_up_for),
        TEST(it_can_be_stopped_without_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
