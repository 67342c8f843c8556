/* fs/face/errno_map.h: each error has an errno, and the ones that programs act on have the right
 * one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/errno_map.h"

static void success_is_zero(void **state)
{
    (void)state;
    assert_int_equal(errno_map(STORE_OK), 0);
}

static void every_error_is_one(void **state)
{
    (void)state;
    for (int error = -1; error >= STORE_ERR_UNSUPPORTED; error--)
        assert_in_range(errno_map(error), 1, 255);
    for (int error = FACE_ERR_STALE; error >= FACE_ERR_READ_ONLY; error--)
        assert_in_range(errno_map(error), 1, 255);
}

static void what_programs_act_on(void **state)
{
    static const struct {
        int error, expected;
    } pairs[] = {
        {STORE_ERR_NOSPACE, ENOSPC},
        {STORE_ERR_QUOTA, EDQUOT},
        {STORE_ERR_NOT_FOUND, ENOENT},
        {STORE_ERR_EXISTS, EEXIST},
        {STORE_ERR_NOT_EMPTY, ENOTEMPTY},
        {STORE_ERR_IS_DIR, EISDIR},
        {STORE_ERR_NOT_DIR, ENOTDIR},
        {STORE_ERR_LOOP, EINVAL},
        {STORE_ERR_NAME_TOO_LONG, ENAMETOOLONG},
        {STORE_ERR_PERM, EPERM},
        {STORE_ERR_BROKEN, EIO},
        {STORE_ERR_NO_DATA, ENODATA},
        {STORE_ERR_RANGE, ERANGE},
        {STORE_ERR_BUSY, EBUSY},
        {FACE_ERR_STALE, ESTALE},
        {FACE_ERR_AGAIN, EAGAIN},
        {FACE_ERR_INTERRUPTED, EINTR},
        {FACE_ERR_CROSS, EPERM},
        {FACE_ERR_UNSUPPORTED, EOPNOTSUPP},
        {FACE_ERR_READ_ONLY, EROFS},
        {STORE_ERR_READ_ONLY, EPERM},
        {STORE_ERR_FILES, ENFILE},
        {STORE_ERR_UNSUPPORTED, EOPNOTSUPP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_int_equal(errno_map(pairs[i].error), pairs[i].expected);
}

/* mv would answer EXDEV with copy and delete, and so close a wormhole. */
static void nothing_is_a_cross_device_link(void **state)
{
    (void)state;
    for (int error = 0; error >= -1100; error--)
        assert_int_not_equal(errno_map(error), EXDEV);
}

static void an_unknown_error_is_an_io_error(void **state)
{
    (void)state;
    assert_int_equal(errno_map(-999), EIO);
    assert_int_equal(errno_map(-5000), EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_zero),
        cmocka_unit_test(every_error_is_one),
        cmocka_unit_test(what_programs_act_on),
        cmocka_unit_test(nothing_is_a_cross_device_link),
        cmocka_unit_test(an_unknown_error_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
