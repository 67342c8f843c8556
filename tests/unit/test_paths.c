#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/paths.h"
#include "tests/unit/temp_dir.h"

static void what_exists_is_resolved(void **state)
{
    char out[PATH_MAX];

    (void)state;
    assert_int_equal(mkdir(in_base("d"), 0700), 0);
    assert_int_equal(symlink("d", in_base("l")), 0);
    assert_int_equal(paths_resolve(in_base("l"), out), 0);
    assert_string_equal(out, in_base("d"));
    assert_int_equal(paths_resolve(in_base("l/x/y"), out), 0);
    assert_string_equal(out, in_base("d/x/y"));
    assert_int_equal(paths_resolve(in_base("l//x"), out), 0);
    assert_string_equal(out, in_base("d/x"));
    assert_int_equal(paths_resolve("/", out), 0);
    assert_string_equal(out, "/");
    assert_int_equal(paths_resolve("/no-such-thing/x", out), 0);
    assert_string_equal(out, "/no-such-thing/x");
    assert_int_equal(paths_resolve("/etc/passwd/x", out), -1);
    assert_int_equal(errno, ENOTDIR);
}

static void parents_are_made(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(paths_make_parents(in_base("a/b/c")), 0);
    assert_int_equal(stat(in_base("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(in_base("a/b/c"), &st), -1);
    assert_int_equal(paths_make_parents(in_base("a/b/d")), 0); /* again */
    assert_int_equal(paths_make_parents("/x"), 0);
    FILE *f = fopen(in_base("file"), "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(paths_make_parents(in_base("file/a/b")), -1);
    assert_int_equal(errno, ENOTDIR);
}

static void what_can_be_made_is_known(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(paths_can_make(in_base("a/b/c")), 0);
    assert_int_equal(stat(in_base("a"), &st), -1);
    assert_int_equal(paths_can_make(base), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(paths_can_make("/etc/passwd/x"), -1);
    assert_int_equal(errno, ENOTDIR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_dir_make, temp_dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_exists_is_resolved),
        TEST(parents_are_made),
        TEST(what_can_be_made_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
