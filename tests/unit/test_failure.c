/* fs/face/failure.h: which answers to a writer mean that what it made is not whole. */
#include "tests/unit/face_fixture.h"

#include "fs/face/errno_map.h"
#include "fs/face/failure.h"

static void what_a_program_can_be_told_is_no_accident(void **state)
{
    static const int answers[] = {0,
                                  4096,
                                  STORE_ERR_NOT_FOUND,
                                  STORE_ERR_EXISTS,
                                  STORE_ERR_NOT_EMPTY,
                                  STORE_ERR_INVALID,
                                  STORE_ERR_READ_ONLY,
                                  STORE_ERR_UNSUPPORTED,
                                  FACE_ERR_STALE,
                                  FACE_ERR_AGAIN,
                                  FACE_ERR_INTERRUPTED,
                                  FACE_ERR_READ_ONLY};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        assert_int_equal(failure_accident(answers[i]), SEAL_WELL);
}

static void what_the_store_could_not_do_is_one(void **state)
{
    static const struct {
        int rc;
        enum seal_accident why;
    } failures[] = {{STORE_ERR_NOSPACE, SEAL_NO_SPACE},  {STORE_ERR_QUOTA, SEAL_OVER_QUOTA},
                    {STORE_ERR_TOO_BIG, SEAL_TOO_LARGE}, {STORE_ERR_FILES, SEAL_NO_FILES},
                    {STORE_ERR_NOMEM, SEAL_FAILED},      {STORE_ERR_IO, SEAL_FAILED},
                    {STORE_ERR_CORRUPT, SEAL_FAILED},    {STORE_ERR_BROKEN, SEAL_FAILED},
                    {STORE_ERR_ACCESS, SEAL_FAILED}};
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        assert_int_equal(failure_accident(failures[i].rc), failures[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_can_be_told_is_no_accident),
        cmocka_unit_test(what_the_store_could_not_do_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
