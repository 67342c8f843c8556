/* Mounts for real, in a mount namespace of its own; without root or /dev/fuse there is nothing to
 * see. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/fusemount.h"
#include "fs/mountpoint.h"

static char dir[64];
static char why[FUSEMOUNT_WHY_MAX];
static bool can_mount;

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/test_fusemount.XXXXXX");
    can_mount = unshare(CLONE_NEWNS) == 0 && access("/dev/fuse", R_OK | W_OK) == 0 &&
                mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

static struct fusemount plain(void)
{
    return (struct fusemount){.dir = dir,
                              .source = "a name",
                              .flags = MS_NOSUID | MS_NODEV | MS_RDONLY,
                              .max_read = 65536,
                              .kernel = "",
                              .uid = 1234,
                              .gid = 5678};
}

static struct mountpoint_top look(void)
{
    static char text[1 << 16];
    struct mountpoint_top top;
    int fd = open("/proc/self/mountinfo", O_RDONLY);
    ssize_t n, len = 0;

    assert_true(fd >= 0);
    while ((n = read(fd, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
        len += n;
    close(fd);
    text[len] = '\0';
    mountpoint_find(&top, dir, text);
    return top;
}

static void it_is_mounted_and_taken_away(void **state)
{
    const struct fusemount m = plain();

    (void)state;
    if (!can_mount)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    int fd = fusemount_attach(&m, why);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    struct mountpoint_top top = look();
    assert_true(top.ours);
    assert_string_equal(top.source, "a name");
    assert_int_equal(top.uid, 1234);
    assert_int_equal(top.gid, 5678);
    assert_int_equal(fusemount_detach(dir), 0);
    assert_false(look().mounted);
    close(fd);
    assert_int_equal(fusemount_detach(dir), -1); /* nothing is there */
    assert_int_equal(errno, EINVAL);
}

static void a_dead_one_is_taken_away(void **state)
{
    struct fusemount m = plain();
    char reason[MOUNTPOINT_WHY_MAX];

    (void)state;
    if (!can_mount)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    m.uid = getuid();
    m.gid = getgid();
    for (int i = 0; i < 2; i++) { /* and one below it */
        int fd = fusemount_attach(&m, why);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_true(look().ours);
    assert_int_equal(mountpoint_check(dir, reason), 0);
    assert_true(look().ours); /* only checked */
    assert_int_equal(mountpoint_prepare(dir, getuid(), getgid(), reason), 0);
    assert_false(look().mounted);
}

static void a_failure_says_why(void **state)
{
    struct fusemount m = plain();

    (void)state;
    if (!can_mount)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    m.dir = "/tmp/test_fusemount.no-such-directory";
    assert_int_equal(fusemount_attach(&m, why), -1);
    assert_non_null(strstr(why, "No such file"));
    m = plain();
    m.kernel = ",no_such_option";
    assert_int_equal(fusemount_attach(&m, why), -1);
    assert_false(look().mounted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_mounted_and_taken_away),
        cmocka_unit_test(a_dead_one_is_taken_away),
        cmocka_unit_test(a_failure_says_why),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
