#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/order.h"

static struct order o;

static int with_pake(void **state)
{
    (void)state;
    order_init(&o, true);
    return 0;
}

static int without_pake(void **state)
{
    (void)state;
    order_init(&o, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    order_release(&o);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.bytes, 0);
    return 0;
}

static int put(const char *phase, const char *data)
{
    bool wanted = order_wants(&o, phase);
    int taken = order_put(&o, phase, data, strlen(data));

    assert_true(taken < 0 || taken == wanted);
    return taken;
}

/* All that come now, as "phase:data phase:data ". */
static const char *take_all(void)
{
    static char line[4096];
    struct order_item *item;

    line[0] = '\0';
    while ((item = order_take(&o)) != NULL) {
        size_t len = strlen(line);
        snprintf(line + len, sizeof(line) - len, "%s:%.*s ", item->phase, (int)item->data.len,
                 (const char *)item->data.data);
        order_item_free(item);
    }
    return line;
}

static void everything_waits_for_pake(void **state)
{
    (void)state;
    assert_int_equal(put("1", "b"), 1);
    assert_int_equal(put("version", "V"), 1);
    assert_int_equal(put("0", "a"), 1);
    assert_string_equal(take_all(), "");
    assert_int_equal(put("pake", "P"), 1);
    assert_string_equal(take_all(), "pake:P version:V 0:a 1:b ");
}

static void numbers_wait_for_version_and_for_each_other(void **state)
{
    (void)state;
    put("0", "a");
    assert_string_equal(take_all(), "");
    put("version", "V");
    assert_string_equal(take_all(), "version:V 0:a ");
    for (char n[2] = "9"; n[0] >= '2'; n[0]--)
        put(n, n);
    put("10", "10");
    assert_string_equal(take_all(), "");
    put("1", "1");
    assert_string_equal(take_all(), "1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 10:10 ");
}

static void the_first_of_a_phase_wins(void **state)
{
    (void)state;
    assert_int_equal(put("pake", "P"), 1);
    assert_int_equal(put("pake", "Q"), 0);
    assert_string_equal(take_all(), "pake:P ");
    assert_int_equal(put("pake", "Q"), 0);
    assert_int_equal(put("version", "V"), 1);
    assert_int_equal(put("1", "b"), 1);
    assert_int_equal(put("1", "c"), 0);
    assert_string_equal(take_all(), "version:V ");
    assert_int_equal(put("version", "W"), 0);
    assert_int_equal(put("0", "a"), 1);
    assert_string_equal(take_all(), "0:a 1:b ");
    assert_int_equal(put("0", "z"), 0);
    assert_int_equal(put("1", "z"), 0);
}

static void other_phases_are_not_wanted(void **state)
{
    static const char *const other[] = {"", "dilate-0", "e0123456789abcdef", "01", "-1", "PAKE"};

    (void)state;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_int_equal(put(other[i], "x"), 0);
    assert_int_equal(put("pake", "x"), 0); /* there is none in a private mailbox */
    assert_int_equal(o.count, 0);
}

static void what_waits_is_bounded_in_number(void **state)
{
    char phase[24];

    (void)state;
    put("version", "V");
    take_all();
    for (int i = 1; i < ORDER_ITEMS_MAX; i++) {
        snprintf(phase, sizeof(phase), "%d", i);
        assert_int_equal(put(phase, "x"), 1);
    }
    snprintf(phase, sizeof(phase), "%d", ORDER_ITEMS_MAX);
    assert_int_equal(put(phase, "x"), 0);
    assert_int_equal(put("18446744073709551612", "x"), 0);
    put("0", "x");
    take_all();
    assert_int_equal(o.next, ORDER_ITEMS_MAX);
    assert_int_equal(put(phase, "x"), 1);
}

static void what_waits_is_bounded_in_bytes(void **state)
{
    char *data = calloc(1, ORDER_BYTES_MAX);

    (void)state;
    assert_non_null(data);
    assert_int_equal(order_put(&o, "1", data, ORDER_BYTES_MAX - 1), 1);
    assert_int_equal(order_put(&o, "2", data, 2), PROTO_ERR_FULL);
    assert_true(order_wants(&o, "2"));
    assert_int_equal(order_put(&o, "2", data, 1), 1);
    assert_int_equal(order_put(&o, "0", data, 1), PROTO_ERR_FULL);
    order_release(&o);
    assert_int_equal(order_put(&o, "0", data, 1), 1);
    free(data);
}

static void reload(void)
{
    struct bytes saved = {0};

    assert_int_equal(order_save(&o, &saved), PROTO_OK);
    order_release(&o);
    for (size_t len = 0; len < saved.len; len++) {
        struct reader cut = reader_of(saved.data, len);
        assert_int_equal(order_load(&o, &cut), PROTO_ERR_MALFORMED);
    }
    struct reader in = reader_of(saved.data, saved.len);
    assert_int_equal(order_load(&o, &in), PROTO_OK);
    assert_true(reader_done(&in));
    bytes_release(&saved);
}

static void what_was_handed_out_is_remembered_and_what_waits_comes_again(void **state)
{
    (void)state;
    put("version", "V");
    reload();
    put("pake", "P");
    assert_string_equal(take_all(), "pake:P ");
    reload();
    assert_int_equal(put("pake", "P"), 0);
    put("version", "V");
    assert_string_equal(take_all(), "version:V ");
    reload();
    assert_int_equal(put("version", "V"), 0);
    put("0", "a");
    put("2", "c");
    assert_string_equal(take_all(), "0:a ");
    reload();
    assert_int_equal(o.count, 0);
    assert_int_equal(put("0", "a"), 0);
    put("1", "b");
    put("2", "c");
    assert_string_equal(take_all(), "1:b 2:c ");
}

static void nonsense_is_not_loaded(void **state)
{
    static const char *const bad[] = {
        "\x03\0\0\0\0\0\0\0\0",
        "\x00\0\0\0\0\0\0\0\1",
        "\x01\0\0\0\0\0\0\0\1",
        "\x02\xff\xff\xff\xff\xff\xff\xff\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader in = reader_of(bad[i], 9);
        assert_int_equal(order_load(&o, &in), PROTO_ERR_MALFORMED);
    }
    order_item_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_waits_for_pake, with_pake, tear_down),
        cmocka_unit_test_setup_teardown(numbers_wait_for_version_and_for_each_other, without_pake,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_of_a_phase_wins, with_pake, tear_down),
        cmocka_unit_test_setup_teardown(other_phases_are_not_wanted, without_pake, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded_in_number, without_pake, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded_in_bytes, without_pake, tear_down),
        cmocka_unit_test_setup_teardown(
            what_was_handed_out_is_remembered_and_what_waits_comes_again, with_pake, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_not_loaded, with_pake, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
