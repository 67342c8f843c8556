/* The simulated disk: what is there after a process died, and after the power failed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/disk.h"

static int64_t no_time(void *arg)
{
    (void)arg;
    return 0;
}

static int begin(void **state)
{
    *state = disk_new(1, no_time, NULL);
    return 0;
}

static int end(void **state)
{
    disk_free(*state);
    return 0;
}

/* Writes 64 pages of `what`. */
static int put(struct disk *d, const char *path, char what, bool sync)
{
    static char page[4096];
    struct io_file f;
    int rc = io_open(disk_io(d), 0, path, O_RDWR | O_CREAT, &f);
    memset(page, what, sizeof page);
    for (uint64_t i = 0; rc == 0 && i < 64; i++)
        rc = io_pwrite(disk_io(d), &f, page, sizeof page, i * sizeof page);
    if (rc == 0 && sync)
        rc = io_sync(disk_io(d), &f);
    io_close(&f);
    return rc;
}

/* How many of the file's bytes are `what`; -1: it is not there. */
static long count(struct disk *d, const char *path, char what)
{
    static char all[64 * 4096];
    struct io_file f;
    if (io_open(disk_io(d), 0, path, O_RDONLY, &f) < 0)
        return -1;
    ssize_t n = io_pread(disk_io(d), &f, all, sizeof all, 0);
    io_close(&f);
    long found = 0;
    for (ssize_t i = 0; i < n; i++)
        found += all[i] == what;
    return found;
}

static void a_dead_process_leaves_what_it_wrote(void **state)
{
    struct disk *d = *state;
    assert_int_equal(put(d, "spool/1", 'a', false), 0);
    disk_die_in(d, 3); /* open, a write, and then: */
    assert_int_equal(put(d, "spool/1", 'b', false), -EIO);
    assert_true(disk_dead(d));
    assert_int_equal(count(d, "spool/1", 'a'), -1); /* to the dead, nothing is there */
    disk_revive(d, DISK_KEEPS);
    long b = count(d, "spool/1", 'b');
    assert_in_range(b, 4096, 2 * 4096 - 1); /* a write may be torn */
    assert_int_equal(count(d, "spool/1", 'a'), 64 * 4096 - b);
}

static void what_was_synced_survives_the_power(void **state)
{
    struct disk *d = *state;
    assert_int_equal(put(d, "spool/1", 'a', true), 0);
    assert_int_equal(io_sync_dir(disk_io(d), 0, "spool"), 0);
    for (int i = 0; i < 20; i++) {
        disk_die(d);
        disk_revive(d, DISK_LOSES);
    }
    assert_int_equal(count(d, "spool/1", 'a'), 64 * 4096);
}

static void of_what_was_not_synced_any_part_is_left(void **state)
{
    struct disk *d = *state;
    assert_int_equal(put(d, "spool/1", 'a', true), 0);
    assert_int_equal(io_sync_dir(disk_io(d), 0, "spool"), 0);
    assert_int_equal(put(d, "spool/1", 'b', false), 0);
    assert_true(disk_owes(d, "spool/1"));
    disk_die(d);
    disk_revive(d, DISK_LOSES);
    long a = count(d, "spool/1", 'a'), b = count(d, "spool/1", 'b');
    assert_int_equal(a + b, 64 * 4096);
    assert_true(a > 0 && b > 0 && b % 512 == 0);
    assert_false(disk_owes(d, "spool/1"));
}

static void a_name_that_was_not_synced_may_be_gone(void **state)
{
    struct disk *d = *state;
    int there = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(put(d, "spool/1", 'a', true), 0);
        disk_die(d);
        disk_revive(d, DISK_LOSES);
        there += count(d, "spool/1", 'a') >= 0;
        (void)io_unlink(disk_io(d), 0, "spool/1");
        assert_int_equal(io_sync_dir(disk_io(d), 0, "spool"), 0);
    }
    assert_in_range(there, 5, 35);
}

static void an_earlier_state_comes_back(void **state)
{
    struct disk *d = *state;
    assert_int_equal(put(d, "spool/1", 'a', false), 0);
    struct disk_image *image = disk_copy(d);
    assert_int_equal(put(d, "spool/1", 'b', true), 0);
    assert_int_equal(put(d, "spool/2", 'b', true), 0);
    disk_restore(d, image);
    disk_image_free(image);
    assert_int_equal(count(d, "spool/1", 'a'), 64 * 4096);
    assert_int_equal(count(d, "spool/2", 'b'), -1);
}

static void a_full_disk_and_a_failing_one(void **state)
{
    struct disk *d = *state;
    disk_set_room(d, 10 * 4096);
    assert_int_equal(put(d, "spool/1", 'a', false), -ENOSPC);
    assert_int_equal(count(d, "spool/1", 'a'), 10 * 4096);
    assert_int_equal(io_unlink(disk_io(d), 0, "spool/1"), 0);
    disk_set_room(d, UINT64_MAX);
    disk_fail_in(d, 2, EIO, 1);
    assert_int_equal(put(d, "spool/1", 'a', false), -EIO);
    assert_int_equal(put(d, "spool/1", 'a', false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dead_process_leaves_what_it_wrote, begin, end),
        cmocka_unit_test_setup_teardown(what_was_synced_survives_the_power, begin, end),
        cmocka_unit_test_setup_teardown(of_what_was_not_synced_any_part_is_left, begin, end),
        cmocka_unit_test_setup_teardown(a_name_that_was_not_synced_may_be_gone, begin, end),
        cmocka_unit_test_setup_teardown(an_earlier_state_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(a_full_disk_and_a_failing_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
