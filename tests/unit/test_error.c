#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"

static const int all[] = {
    PROTO_OK,        PROTO_ERR_NOMEM,   PROTO_ERR_MALFORMED, PROTO_ERR_TOO_BIG, PROTO_ERR_CRYPTO,
    PROTO_ERR_STATE, PROTO_ERR_INVALID, PROTO_ERR_FULL,      PROTO_ERR_AGAIN,
};
enum { COUNT = sizeof(all) / sizeof(all[0]) };

static void each_error_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(proto_strerror(all[i]), proto_strerror(all[j]));
}

static void a_count_is_a_success_and_nothing_is_null(void **state)
{
    (void)state;
    assert_string_equal(proto_strerror(7), proto_strerror(PROTO_OK));
    assert_string_equal(proto_strerror(-1000), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_a_sentence_of_its_own),
        cmocka_unit_test(a_count_is_a_success_and_nothing_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
