#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mailbox_phase.h"

static void numbers_are_decimal_without_frills(void **state)
{
    static const char *const bad[] = {"",
                                      "00",
                                      "01",
                                      "+1",
                                      "-1",
                                      " 1",
                                      "1 ",
                                      "1x",
                                      "0x1",
                                      "pake",
                                      "1.0",
                                      "18446744073709551613",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    uint64_t number = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(mailbox_phase_number(bad[i], &number));
    assert_int_equal(number, 77);
    assert_true(mailbox_phase_number("0", &number));
    assert_int_equal(number, 0);
    assert_true(mailbox_phase_number("10", &number));
    assert_int_equal(number, 10);
    assert_true(mailbox_phase_number("18446744073709551612", &number));
    assert_int_equal(number, UINT64_MAX - 3);
}

static void a_number_is_written_as_it_is_read(void **state)
{
    static const uint64_t numbers[] = {0, 9, 10, 63, UINT64_MAX - 3};
    char phase[PHASE_LEN_MAX + 1];
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        mailbox_phase_of_number(phase, numbers[i]);
        assert_true(mailbox_phase_number(phase, &number));
        assert_int_equal(number, numbers[i]);
    }
}

static void ephemeral_ones_are_drawn_and_recognised(void **state)
{
    struct now now = {.seed = {1}};
    char a[PHASE_LEN_MAX + 1], b[PHASE_LEN_MAX + 1];

    (void)state;
    mailbox_phase_draw(a, &now);
    mailbox_phase_draw(b, &now);
    assert_true(mailbox_phase_is_ephemeral(a));
    assert_true(mailbox_phase_is_ephemeral(b));
    assert_string_not_equal(a, b);
    assert_false(mailbox_phase_is_ephemeral("e"));
    assert_false(mailbox_phase_is_ephemeral("e0123456789abcde"));
    assert_false(mailbox_phase_is_ephemeral("e0123456789abcdef0"));
    assert_false(mailbox_phase_is_ephemeral("e0123456789ABCDEF"));
    assert_false(mailbox_phase_is_ephemeral("f0123456789abcdef"));
}

static void pake_version_and_numbers_last(void **state)
{
    (void)state;
    assert_true(mailbox_phase_is_lasting("pake"));
    assert_true(mailbox_phase_is_lasting("version"));
    assert_true(mailbox_phase_is_lasting("7"));
    assert_false(mailbox_phase_is_lasting("e0123456789abcdef"));
    assert_false(mailbox_phase_is_lasting("dilate-0"));
    assert_false(mailbox_phase_is_lasting(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_decimal_without_frills),
        cmocka_unit_test(a_number_is_written_as_it_is_read),
        cmocka_unit_test(ephemeral_ones_are_drawn_and_recognised),
        cmocka_unit_test(pake_version_and_numbers_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
