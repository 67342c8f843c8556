/* fs/face/namings.h: the name of a wormhole at the time of an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/namings.h"

static struct namings *names;

static int begin(void **state)
{
    (void)state;
    return namings_open(&names);
}

static int end(void **state)
{
    (void)state;
    namings_close(names);
    return 0;
}

static void note(uint64_t id, enum log_type type, uint64_t wormhole, const char *key,
                 const char *text)
{
    json_t *detail = json_pack("{s:s}", key, text);
    const struct log_row row = {.id = id, .event = {type, wormhole, 0, detail}};
    assert_int_equal(namings_note(names, &row), 0);
    json_decref(detail);
}

static void names_change_in_time(void **state)
{
    (void)state;
    note(1, LOG_WORMHOLE_CREATED, 1024, "name", "alice");
    note(5, LOG_WORMHOLE_RENAMED, 1024, "name", "bob");
    note(6, LOG_PROBLEM, 1024, "name", "not a name");
    assert_null(namings_at(names, 1024, 0));
    assert_string_equal(namings_at(names, 1024, 1), "alice");
    assert_string_equal(namings_at(names, 1024, 4), "alice");
    assert_string_equal(namings_at(names, 1024, 5), "bob");
    assert_string_equal(namings_at(names, 1024, 1000), "bob");
}

static void wormholes_are_kept_apart(void **state)
{
    (void)state;
    note(1, LOG_WORMHOLE_CREATED, 1024, "name", "alice");
    note(2, LOG_WORMHOLE_CREATED, 2048, "name", "bob"); /* of the same bucket */
    assert_string_equal(namings_at(names, 1024, 9), "alice");
    assert_string_equal(namings_at(names, 2048, 9), "bob");
    assert_null(namings_at(names, 2048, 1));
    assert_null(namings_at(names, 3072, 9));
    assert_null(namings_at(names, 0, 9));
}

static void a_code_is_shown_as_such(void **state)
{
    (void)state;
    note(1, LOG_WORMHOLE_CREATED, 1024, "shown", "7-…");
    assert_string_equal(namings_at(names, 1024, 1), "7-…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_change_in_time, begin, end),
        cmocka_unit_test_setup_teardown(wormholes_are_kept_apart, begin, end),
        cmocka_unit_test_setup_teardown(a_code_is_shown_as_such, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
