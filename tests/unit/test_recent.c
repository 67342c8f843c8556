/* fs/face/recent.h: who had to do with which wormhole, for case c of the draft rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/limits.h"
#include "fs/face/recent.h"

static const struct writer_id anna = {.pid = 10, .start = 5}, bert = {.pid = 11, .start = 5};
static const struct writer_id anna_again = {.pid = 10, .start = 6}; /* the number was reused */
static const struct writer_id nobody = {0};

static int64_t last(struct recent *r, const struct writer_id *process, uint64_t wormhole,
                    int64_t now_ms)
{
    return recent_get(r, process, wormhole, now_ms).last_ms;
}

static bool told(struct recent *r, const struct writer_id *process, uint64_t wormhole)
{
    return recent_get(r, process, wormhole, 9000).told;
}

static int begin(void **state)
{
    struct recent *r;
    int rc = recent_open(&r);
    *state = r;
    return rc;
}

static int end(void **state)
{
    recent_close(*state);
    return 0;
}

static void a_change_is_remembered_for_that_pair_only(void **state)
{
    struct recent *r = *state;
    assert_int_equal(last(r, &anna, 1024, 100), 0);
    recent_changed(r, &anna, 1024, 100);
    assert_int_equal(last(r, &anna, 1024, 500), 100);
    assert_int_equal(last(r, &anna, 1025, 500), 0);
    assert_int_equal(last(r, &bert, 1024, 500), 0);
    assert_int_equal(last(r, &anna_again, 1024, 500), 0);
}

static void open_is_now(void **state)
{
    struct recent *r = *state;
    recent_opened(r, &anna, 1024, 100);
    recent_opened(r, &anna, 1024, 110);
    recent_closed(r, &anna, 1024, 120);
    assert_int_equal(last(r, &anna, 1024, 9000), 9000);
    recent_closed(r, &anna, 1024, 130);
    assert_int_equal(last(r, &anna, 1024, 9000), 130);
    recent_closed(r, &anna, 1024, 140); /* one too many */
    recent_opened(r, &anna, 1024, 150);
    assert_int_equal(last(r, &anna, 1024, 9000), 9000);
}

static void nobody_is_nobody(void **state)
{
    struct recent *r = *state;
    recent_changed(r, &nobody, 1024, 100);
    assert_int_equal(last(r, &nobody, 1024, 100), 0);
}

/* A full table forgets the longest idle, and never one with files open. */
static void a_full_table(void **state)
{
    struct recent *r = *state;
    recent_opened(r, &anna, 1024, 1);
    for (int i = 1; i < FACE_PROCESSES_MAX; i++)
        recent_changed(r, &(struct writer_id){.pid = 100 + i}, 1024, 1000 + i);
    recent_changed(r, &bert, 1024, 5000);
    assert_int_equal(last(r, &bert, 1024, 6000), 5000);
    assert_int_equal(last(r, &anna, 1024, 6000), 6000);
    assert_int_equal(last(r, &(struct writer_id){.pid = 101}, 1024, 6000), 0);
    assert_int_equal(last(r, &(struct writer_id){.pid = 102}, 1024, 6000), 1002);
}

/* The reader and its parents know the code, each of them until it changes something again. */
static void who_was_told(void **state)
{
    struct recent *r = *state;
    const struct writer_id reader = {.pid = 20, .start = 9};
    const struct writer_id line[] = {reader, bert};
    recent_changed(r, &anna, 1024, 100);
    recent_changed(r, &bert, 1024, 100);
    recent_opened(r, &bert, 1025, 100);
    recent_told(r, line, 2, 1024);
    assert_true(told(r, &bert, 1024));
    assert_false(told(r, &bert, 1025));
    assert_false(told(r, &anna, 1024));
    assert_false(told(r, &reader, 1024)); /* it has done nothing there */
    recent_opened(r, &bert, 1024, 200);
    recent_closed(r, &bert, 1024, 210); /* may come long after the close */
    assert_true(told(r, &bert, 1024));
    recent_changed(r, &bert, 1024, 300);
    assert_false(told(r, &bert, 1024));
    recent_told(r, NULL, 0, 1024); /* a reader that nobody knows */
    assert_false(told(r, &bert, 1024));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_remembered_for_that_pair_only, begin, end),
        cmocka_unit_test_setup_teardown(open_is_now, begin, end),
        cmocka_unit_test_setup_teardown(nobody_is_nobody, begin, end),
        cmocka_unit_test_setup_teardown(who_was_told, begin, end),
        cmocka_unit_test_setup_teardown(a_full_table, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
