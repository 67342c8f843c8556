#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "fs/mount_words.h"

static void a_mount_starts_without_devices_and_setuid(void **state)
{
    (void)state;
    assert_true(mount_words_flags() == (MS_NOSUID | MS_NODEV));
}

static void words_set_and_clear_flags(void **state)
{
    unsigned long flags = 0;

    (void)state;
    assert_int_equal(mount_words_take(&flags, "ro", NULL), MOUNT_WORD_TAKEN);
    assert_int_equal(mount_words_take(&flags, "noexec", NULL), MOUNT_WORD_TAKEN);
    assert_true(flags == (MS_RDONLY | MS_NOEXEC));
    assert_int_equal(mount_words_take(&flags, "rw", NULL), MOUNT_WORD_TAKEN);
    assert_true(flags == MS_NOEXEC);
    assert_int_equal(mount_words_take(&flags, "exec", NULL), MOUNT_WORD_TAKEN);
    assert_true(flags == 0);
}

static void words_for_others_change_nothing(void **state)
{
    static const char *const words[] = {"nofail",   "_netdev",        "noauto",
                                        "user",     "x-systemd.idle", "X-mount.mkdir",
                                        "defaults", "auto_unmount"};
    unsigned long flags = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(mount_words_take(&flags, words[i], NULL), MOUNT_WORD_TAKEN);
        assert_int_equal(mount_words_take(&flags, words[i], "value"), MOUNT_WORD_TAKEN);
    }
    assert_true(flags == 42);
}

static void the_rest_is_told_apart(void **state)
{
    unsigned long flags = 0;

    (void)state;
    assert_int_equal(mount_words_take(&flags, "remount", NULL), MOUNT_WORD_REMOUNT);
    assert_int_equal(mount_words_take(&flags, "context", "a:b"), MOUNT_WORD_KERNEL);
    assert_int_equal(mount_words_take(&flags, "context", NULL), MOUNT_WORD_UNKNOWN);
    assert_int_equal(mount_words_take(&flags, "ro", "1"), MOUNT_WORD_UNKNOWN);
    assert_int_equal(mount_words_take(&flags, "RO", NULL), MOUNT_WORD_UNKNOWN);
    assert_int_equal(mount_words_take(&flags, "", NULL), MOUNT_WORD_UNKNOWN);
    assert_int_equal(mount_words_take(&flags, "bind", NULL), MOUNT_WORD_UNKNOWN);
    assert_true(flags == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mount_starts_without_devices_and_setuid),
        cmocka_unit_test(words_set_and_clear_flags),
        cmocka_unit_test(words_for_others_change_nothing),
        cmocka_unit_test(the_rest_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
