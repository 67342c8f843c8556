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

#include "fs/mountpoint.h"
#include "tests/unit/temp_dir.h"

static const char mountinfo[] =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "40 22 0:40 / /home/u/wh rw,nosuid,nodev shared:9 master:1 - fuse.wormholefs default "
    "rw,user_id=1000,group_id=100,default_permissions\n"
    "41 22 0:41 / /home/u/my\\040docs rw - fuse.wormholefs a\\054b\\134c rw,xuser_id=7,user_id=5\n"
    "42 22 0:42 / /mnt rw - fuse.wormholefs first rw\n"
    "43 42 0:43 / /mnt rw - tmpfs second rw\n"
    "44 22 0:44 / /both rw - tmpfs first rw\n"
    "45 44 0:45 / /both rw shared:3 - fuse.wormholefs second rw\n"
    "46 22 0:46 / /short\n"
    "47 22 0:47 / /typed rw - fuse.wormholefs";

static void mounts_are_found(void **state)
{
    struct mountpoint_top top;

    (void)state;
    mountpoint_find(&top, "/home/u/wh", mountinfo);
    assert_true(top.mounted && top.ours);
    assert_string_equal(top.source, "default");
    assert_int_equal(top.connection, 40);
    assert_int_equal(top.uid, 1000);
    assert_int_equal(top.gid, 100);
    mountpoint_find(&top, "/home/u", mountinfo);
    assert_false(top.mounted || top.ours);
    mountpoint_find(&top, "/home/u/wh/", mountinfo);
    assert_false(top.mounted);
    mountpoint_find(&top, "/", mountinfo);
    assert_true(top.mounted);
    assert_false(top.ours);
    assert_int_equal(top.connection, 0);
    assert_int_equal(top.uid, 0);
    mountpoint_find(&top, "/", "");
    assert_false(top.mounted);
}

static void names_may_hold_spaces(void **state)
{
    struct mountpoint_top top;

    (void)state;
    mountpoint_find(&top, "/home/u/my docs", mountinfo);
    assert_true(top.ours);
    assert_string_equal(top.source, "a,b\\c");
    assert_int_equal(top.uid, 5);
}

static void the_topmost_counts(void **state)
{
    struct mountpoint_top top;

    (void)state;
    mountpoint_find(&top, "/mnt", mountinfo);
    assert_true(top.mounted);
    assert_false(top.ours);
    mountpoint_find(&top, "/both", mountinfo);
    assert_true(top.ours);
    assert_string_equal(top.source, "second");
}

static void broken_lines_are_harmless(void **state)
{
    struct mountpoint_top top;

    (void)state;
    mountpoint_find(&top, "/short", mountinfo);
    assert_false(top.mounted);
    mountpoint_find(&top, "/typed", mountinfo);
    assert_true(top.ours);
    assert_string_equal(top.source, "");
    mountpoint_find(&top, "", "\n\n \n1 2 3 4  - \\");
    mountpoint_find(&top, "/x", "1 2 3 4 /x");
    assert_false(top.mounted);
}

static void containing_is_by_whole_names(void **state)
{
    (void)state;
    assert_true(mountpoint_contains("/a/b", "/a/b"));
    assert_true(mountpoint_contains("/a/b", "/a/b/c"));
    assert_false(mountpoint_contains("/a/b", "/a/bc"));
    assert_false(mountpoint_contains("/a/b", "/a"));
    assert_true(mountpoint_contains("/", "/a"));
}

/* ---- on real directories ---- */

static char why[MOUNTPOINT_WHY_MAX];

static void directories_are_resolved(void **state)
{
    char out[PATH_MAX];

    (void)state;
    assert_int_equal(mkdir(in_base("real"), 0700), 0);
    assert_int_equal(symlink("real", in_base("link")), 0);
    assert_int_equal(mountpoint_resolve(in_base("link"), out, why), 0);
    assert_string_equal(out, in_base("real"));
    assert_int_equal(mountpoint_resolve(in_base("link/missing///"), out, why), 0);
    assert_string_equal(out, in_base("real/missing"));
    assert_int_equal(chdir(base), 0);
    assert_int_equal(mountpoint_resolve("missing", out, why), 0);
    assert_string_equal(out, in_base("missing"));
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(mountpoint_resolve("/missing", out, why), 0);
    assert_string_equal(out, "/missing");
    assert_int_equal(mountpoint_resolve(in_base("no/such"), out, why), -1);
    assert_non_null(strstr(why, "/no"));
}

static void a_missing_directory_is_made(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(mountpoint_check(in_base("wh"), why), 0);
    assert_int_equal(stat(in_base("wh"), &st), -1); /* only checked */
    assert_int_equal(mountpoint_prepare(in_base("wh"), geteuid(), getegid(), why), 1);
    assert_int_equal(stat(in_base("wh"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(in_base("wh"), 0755), 0);
    assert_int_equal(mountpoint_prepare(in_base("wh"), geteuid(), getegid(), why), 0);
    assert_int_equal(stat(in_base("wh"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755); /* what was there stays as it was */
}

static void what_was_made_goes_again(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(mountpoint_prepare(in_base("wh"), geteuid(), getegid(), why), 1);
    mountpoint_unmake(in_base("wh"));
    assert_int_equal(stat(in_base("wh"), &st), -1);
    assert_int_equal(mountpoint_prepare(in_base("wh"), geteuid(), getegid(), why), 1);
    assert_int_equal(mkdir(in_base("wh/theirs"), 0700), 0);
    mountpoint_unmake(in_base("wh")); /* not with something in it */
    assert_int_equal(stat(in_base("wh/theirs"), &st), 0);
}

static void a_file_is_refused(void **state)
{
    FILE *f = fopen(in_base("file"), "w");

    (void)state;
    assert_non_null(f);
    fclose(f);
    assert_int_equal(mountpoint_check(in_base("file"), why), -1);
    assert_non_null(strstr(why, "not a directory"));
    assert_int_equal(mountpoint_prepare(in_base("file"), 0, 0, why), -1);
    assert_int_equal(mountpoint_prepare(in_base("file/x"), 0, 0, why), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_dir_make, temp_dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_are_found),
        cmocka_unit_test(names_may_hold_spaces),
        cmocka_unit_test(the_topmost_counts),
        cmocka_unit_test(broken_lines_are_harmless),
        cmocka_unit_test(containing_is_by_whole_names),
        TEST(directories_are_resolved),
        TEST(a_missing_directory_is_made),
        TEST(what_was_made_goes_again),
        TEST(a_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
