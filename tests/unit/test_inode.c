/* fs/face/inode.h: kinds of number keep apart, and everything put into a number comes out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/inode.h"
#include "store/limits.h"

static void fixed_numbers_are_what_they_say(void **state)
{
    (void)state;
    assert_int_equal(inode_of(1).kind, INODE_ROOT);
    assert_int_equal(inode_of(INODE_NUMBER_CONTROL).kind, INODE_CONTROL);
    assert_int_equal(inode_of(INODE_NUMBER_EVENTS).kind, INODE_EVENTS);
    assert_int_equal(inode_of(INODE_NUMBER_STATE_JSON).kind, INODE_STATE_JSON);
    assert_int_equal(inode_of(INODE_NUMBER_VERSION).kind, INODE_VERSION);
}

static void nodes_keep_their_number(void **state)
{
    const uint64_t numbers[] = {INO_FIRST, 4711, INO_LAST};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct inode in = inode_of(numbers[i]);
        assert_int_equal(in.kind, INODE_NODE);
        assert_int_equal(in.node, numbers[i]);
        in = inode_of(inode_facade(numbers[i]));
        assert_int_equal(in.kind, INODE_FACADE);
        assert_int_equal(in.node, numbers[i]);
    }
}

static void nothing_else_is_a_number(void **state)
{
    const uint64_t numbers[] = {0,
                                6,
                                INO_FIRST - 1,
                                INO_LAST + 1,
                                (uint64_t)1 << 61,
                                (uint64_t)1 << 62,
                                inode_facade(INO_FIRST - 1),
                                inode_facade(INO_LAST + 1),
                                inode_facade(INO_FIRST) | (uint64_t)1 << 63,
                                inode_slot(SLOT_DIR, 0, 0),
                                inode_slot(SLOT_COUNT, 1, 0),
                                UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_int_equal(inode_of(numbers[i]).kind, INODE_NONE);
}

static void slots_come_back_whole(void **state)
{
    const uint64_t generations[] = {1, 2, 1000000, INODE_GENERATION_LAST};
    const uint8_t renewals[] = {0, 1, 255};
    (void)state;
    for (int slot = SLOT_DIR; slot < SLOT_COUNT; slot++)
        for (size_t g = 0; g < 4; g++)
            for (size_t r = 0; r < 3; r++) {
                uint64_t number = inode_slot((enum slot)slot, generations[g], renewals[r]);
                struct inode in = inode_of(number);
                assert_int_equal(in.kind, INODE_SLOT);
                assert_int_equal(in.slot, slot);
                assert_int_equal(in.generation, generations[g]);
                assert_int_equal(in.renewal, renewals[r]);
                assert_int_equal(number >> 63, 0);
            }
}

static void only_directories_get_a_facade(void **state)
{
    (void)state;
    assert_int_equal(inode_shown(2000, false, true), 2000);
    assert_int_equal(inode_shown(2000, true, false), 2000);
    assert_int_equal(inode_shown(2000, true, true), inode_facade(2000));
}

static void names_of_slots(void **state)
{
    (void)state;
    for (int slot = SLOT_CODE; slot < SLOT_COUNT; slot++)
        assert_int_equal(slot_named(slot_name((enum slot)slot)), slot);
    assert_int_equal(slot_named(""), SLOT_COUNT);
    assert_int_equal(slot_named("Outbox"), SLOT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_numbers_are_what_they_say),
        cmocka_unit_test(nodes_keep_their_number),
        cmocka_unit_test(nothing_else_is_a_number),
        cmocka_unit_test(slots_come_back_whole),
        cmocka_unit_test(only_directories_get_a_facade),
        cmocka_unit_test(names_of_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
