/* fs/face/passage.h: by which name a thread came to a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/passage.h"

enum { TID = 70001, OTHER = 70002, FILE_A = 2000, FILE_B = 2001 };

static void the_last_name_counts(void **state)
{
    (void)state;
    assert_false(passage_through_new(TID, FILE_A));
    passage_note(TID, FILE_A, true);
    assert_true(passage_through_new(TID, FILE_A));
    assert_false(passage_through_new(TID, FILE_B));
    assert_false(passage_through_new(OTHER, FILE_A));
    passage_note(TID, FILE_B, false); /* another file says nothing about this one */
    assert_true(passage_through_new(TID, FILE_A));
    passage_note(TID, FILE_A, false);
    assert_false(passage_through_new(TID, FILE_A));
}

static void only_the_last_file_is_remembered(void **state)
{
    (void)state;
    passage_note(TID, FILE_A, true);
    passage_note(TID, FILE_B, true);
    assert_false(passage_through_new(TID, FILE_A));
    assert_true(passage_through_new(TID, FILE_B));
    passage_note(TID, FILE_B, false);
}

static void nobody_and_nothing(void **state)
{
    (void)state;
    passage_note(0, FILE_A, true);
    passage_note(-5, FILE_A, true);
    passage_note(TID, 0, true);
    assert_false(passage_through_new(0, FILE_A));
    assert_false(passage_through_new(-5, FILE_A));
    assert_false(passage_through_new(TID, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_name_counts),
        cmocka_unit_test(only_the_last_file_is_remembered),
        cmocka_unit_test(nobody_and_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
