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
    assert_int_equal(recent_last(r, &anna, 1024, 100), 0);
    recent_changed(r, &anna, 1024, 100);
    assert_int_equal(recent_last(r, &anna, 1024, 500), 100);
    assert_int_equal(recent_last(r, &anna, 1025, 500), 0);
    assert_int_equal(recent_last(r, &bert, 1024, 500), 0);
    assert_int_equal(recent_last(r, &anna_again, 1024, 500), 0);
}

static void open_is_now(void **state)
{
    struct recent *r = *state;
    recent_opened(r, &anna, 1024, 100);
    recent_opened(r, &anna, 1024, 110);
    recent_closed(r, &anna, 1024, 120);
    assert_int_equal(recent_last(r, &anna, 1024, 9000), 9000);
    recent_closed(r, &anna, 1024, 130);
    assert_int_equal(recent_last(r, &anna, 1024, 9000), 130);
    recent_closed(r, &anna, 1024, 140); /* one too many */
    recent_opened(r, &anna, 1024, 150);
    assert_int_equal(recent_last(r, &anna, 1024, 9000), 9000);
}

static void nobody_is_nobody(void **state)
{
    struct recent *r = *state;
    recent_changed(r, &nobody, 1024, 100);
    assert_int_equal(recent_last(r, &nobody, 1024, 100), 0);
}

/* A full table forgets the longest idle, and never one with files open. */
static void a_full_table(void **state)
{
    struct recent *r = *state;
    recent_opened(r, &anna, 1024, 1);
    for (int i = 1; i < FACE_PROCESSES_MAX; i++)
        recent_changed(r, &(struct writer_id){.pid = 100 + i}, 1024, 1000 + i);
    recent_changed(r, &bert, 1024, 5000);
    assert_int_equal(recent_last(r, &bert, 1024, 6000), 5000);
    assert_int_equal(recent_last(r, &anna, 1024, 6000), 6000);
    assert_int_equal(recent_last(r, &(struct writer_id){.pid = 101}, 1024, 6000), 0);
    assert_int_equal(recent_last(r, &(struct writer_id){.pid = 102}, 1024, 6000), 1002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_remembered_for_that_pair_only, begin, end),
        cmocka_unit_test_setup_teardown(open_is_now, begin, end),
        cmocka_unit_test_setup_teardown(nobody_is_nobody, begin, end),
        cmocka_unit_test_setup_teardown(a_full_table, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
