/* The drive loses exactly what was not synced: or the power cuts of the scenarios would prove
 * nothing. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/power/drive.h"

struct rig {
    char image[64];
    struct drive *drive;
};

static void load(struct rig *r, uint64_t seed)
{
    assert_int_equal(drive_load(&r->drive, r->image, seed), 0);
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    strcpy(r->image, "/tmp/test_drive.XXXXXX");
    if (!mkdtemp(r->image))
        return -1;
    load(r, 1);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    struct drive *nothing;
    char empty[64] = "/tmp/test_drive.XXXXXX";
    if (!mkdtemp(empty) || drive_load(&nothing, empty, 1))
        return -1;
    drive_free(r->drive);
    int rc = drive_cut(nothing, r->image, NULL); /* leaves nothing */
    drive_free(nothing);
    rmdir(empty);
    rmdir(r->image);
    free(r);
    return rc;
}

static struct drive_node *make(struct rig *r, const char *path, const char *text)
{
    struct drive_node *n;
    assert_int_equal(drive_make(r->drive, path, text == NULL, 0700, &n), 0);
    if (text)
        assert_int_equal(drive_write(r->drive, n, text, strlen(text), 0), 0);
    drive_drop(r->drive, n);
    return n;
}

static void sync_path(struct rig *r, const char *path)
{
    assert_int_equal(drive_sync(r->drive, drive_find(r->drive, path), drive_moment(r->drive)), 0);
}

static void cut(struct rig *r, const enum drive_loss *loss, uint64_t seed)
{
    assert_int_equal(drive_cut(r->drive, r->image, loss), 0);
    drive_free(r->drive);
    load(r, seed);
}

static void lose(struct rig *r, enum drive_loss loss)
{
    cut(r, &loss, 1);
}

static void assert_is(struct rig *r, const char *path, const char *text)
{
    char have[256] = "";
    struct drive_node *n = drive_find(r->drive, path);
    assert_non_null(n);
    assert_int_equal(drive_size(n), strlen(text));
    drive_read(n, have, sizeof have - 1, 0);
    assert_string_equal(have, text);
}

static void synced_survives_and_nothing_else(void **state)
{
    struct rig *r = *state;
    make(r, "/named", "one");
    make(r, "/nameless", "two");
    sync_path(r, "/named");
    sync_path(r, "/");
    sync_path(r, "/nameless");
    drive_write(r->drive, drive_find(r->drive, "/named"), "O", 1, 0);
    make(r, "/late", "three");
    sync_path(r, "/late"); /* its bytes, but not its name */
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/named", "one");
    assert_is(r, "/nameless", "two");
    assert_null(drive_find(r->drive, "/late"));
}

static void a_name_may_outlive_its_bytes(void **state)
{
    struct rig *r = *state;
    make(r, "/file", "text");
    sync_path(r, "/");
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/file", "");
}

static void an_unlinked_name_is_back_unless_synced(void **state)
{
    struct rig *r = *state;
    make(r, "/stays", "s");
    make(r, "/goes", "g");
    sync_path(r, "/stays");
    sync_path(r, "/goes");
    sync_path(r, "/");
    assert_int_equal(drive_unlink(r->drive, "/goes"), 0);
    sync_path(r, "/");
    assert_int_equal(drive_unlink(r->drive, "/stays"), 0);
    assert_null(drive_find(r->drive, "/stays"));
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/stays", "s");
    assert_null(drive_find(r->drive, "/goes"));
}

static void below_a_directory(void **state)
{
    struct rig *r = *state;
    make(r, "/spool", NULL);
    make(r, "/spool/1", "x");
    sync_path(r, "/spool/1");
    sync_path(r, "/spool");
    make(r, "/other", NULL);
    cut(r, NULL, 1);
    assert_is(r, "/spool/1", "x");
    assert_non_null(drive_find(r->drive, "/other"));
    make(r, "/new", NULL);
    make(r, "/new/1", "x");
    sync_path(r, "/new/1");
    sync_path(r, "/new"); /* but /new itself has no name yet */
    lose(r, DRIVE_LOSES_ALL);
    assert_null(drive_find(r->drive, "/new"));
}

static void a_sync_covers_what_came_before_it_began(void **state)
{
    struct rig *r = *state;
    struct drive_node *n = make(r, "/file", "before");
    sync_path(r, "/");
    uint64_t moment = drive_moment(r->drive);
    assert_int_equal(drive_write(r->drive, n, "AFTER!", 6, 0), 0);
    assert_int_equal(drive_sync(r->drive, n, moment), 0);
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/file", "before");
}

static void shrinking_and_holes_are_changes(void **state)
{
    struct rig *r = *state;
    struct drive_node *n = make(r, "/file", "abcdef");
    sync_path(r, "/");
    sync_path(r, "/file");
    assert_int_equal(drive_truncate(r->drive, n, 2), 0);
    assert_int_equal(drive_size(n), 2);
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/file", "abcdef");
    n = drive_find(r->drive, "/file");
    assert_int_equal(drive_truncate(r->drive, n, 2), 0);
    assert_int_equal(drive_truncate(r->drive, n, 4), 0);
    assert_int_equal(drive_punch(r->drive, n, 0, 1), 0);
    sync_path(r, "/file");
    lose(r, DRIVE_LOSES_ALL);
    n = drive_find(r->drive, "/file");
    char have[4];
    assert_int_equal(drive_read(n, have, 4, 0), 4);
    assert_memory_equal(have, "\0b\0\0", 4);
}

/* Of many writes some are kept and some not, in all mixtures, and a large one may be torn. */
static void some_loss_mixes(void **state)
{
    struct rig *r = *state;
    char sectors[4 * DRIVE_SECTOR];
    unsigned seen = 0, torn = 0;
    memset(sectors, 'x', sizeof sectors);
    make(r, "/file", "");
    sync_path(r, "/");
    for (uint64_t seed = 1; seed < 200; seed++) {
        char have[sizeof sectors] = "";
        enum drive_loss some = DRIVE_LOSES_SOME;
        struct drive_node *n = drive_find(r->drive, "/file");
        drive_truncate(r->drive, n, 0);
        sync_path(r, "/file");
        drive_write(r->drive, n, "a", 1, 0);
        drive_write(r->drive, n, "b", 1, 1);
        cut(r, &some, seed);
        n = drive_find(r->drive, "/file");
        drive_read(n, have, 2, 0);
        seen |= 1u << ((have[0] == 'a') + 2 * (have[1] == 'b'));
        drive_truncate(r->drive, n, 0);
        sync_path(r, "/file");
        drive_write(r->drive, n, sectors, sizeof sectors, 0);
        cut(r, &some, seed + 1000);
        uint64_t size = drive_size(drive_find(r->drive, "/file"));
        torn += size != 0 && size != sizeof sectors;
    }
    assert_int_equal(seen, 15);
    assert_true(torn > 0);
}

/* Where only the latest is lost, whatever survived is all there was up to some moment. */
static void latest_loss_is_a_prefix(void **state)
{
    struct rig *r = *state;
    unsigned whole = 0, cut_short = 0;
    make(r, "/file", "");
    sync_path(r, "/");
    for (uint64_t seed = 1; seed < 100; seed++) {
        enum drive_loss latest = DRIVE_LOSES_LATEST;
        struct drive_node *n = drive_find(r->drive, "/file");
        drive_truncate(r->drive, n, 0);
        sync_path(r, "/file");
        for (uint64_t at = 0; at < 16; at++)
            drive_write(r->drive, n, "x", 1, at);
        cut(r, &latest, seed);
        n = drive_find(r->drive, "/file");
        char have[16];
        size_t len = drive_read(n, have, sizeof have, 0);
        assert_true(len == 0 || !memchr(have, '\0', len));
        whole += len == 16;
        cut_short += len > 0 && len < 16;
    }
    assert_true(whole > 0);
    assert_true(cut_short > 0);
}

static void a_failed_sync_is_not_repeated_into_success(void **state)
{
    struct rig *r = *state;
    make(r, "/lost", "one");
    make(r, "/anew", "two");
    sync_path(r, "/");
    struct drive_node *lost = drive_find(r->drive, "/lost"), *anew = drive_find(r->drive, "/anew");
    drive_fail_sync(lost, drive_moment(r->drive));
    drive_fail_sync(anew, drive_moment(r->drive));
    drive_write(r->drive, anew, "two", 3, 0);
    drive_write(r->drive, lost, "later", 5, 3);
    assert_is(r, "/lost", "onelater");
    sync_path(r, "/lost");
    sync_path(r, "/anew");
    lose(r, DRIVE_LOSES_ALL);
    assert_is(r, "/anew", "two");
    lost = drive_find(r->drive, "/lost");
    char have[8];
    assert_int_equal(drive_read(lost, have, sizeof have, 0), 8);
    assert_memory_equal(have, "\0\0\0later", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(synced_survives_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_may_outlive_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unlinked_name_is_back_unless_synced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(below_a_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sync_covers_what_came_before_it_began, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shrinking_and_holes_are_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_not_repeated_into_success, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(some_loss_mixes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(latest_loss_is_a_prefix, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
