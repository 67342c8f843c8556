/* seal.c and seal_look.c: files, the names that hold them, writers that are killed. Trees and
 * restarts are test_seal_tree.c's. */
#include "tests/unit/seal_rig.h"

/* ---- files ---- */

static void a_file_is_sealed_when_it_has_settled(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    pass(60000);
    assert_sealed(FILE_1, 0); /* open */
    close_file(FILE_1, getpid());
    pass(299);
    assert_sealed(FILE_1, 0);
    pass(1);
    assert_sealed(FILE_1, 1);
    assert_null(track_find(&seal->table, FILE_1));
}

static void a_change_starts_the_time_anew(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    pass(200);
    seal_changed(seal, FILE_1, 0, getpid()); /* chmod */
    pass(200);
    assert_sealed(FILE_1, 0);
    pass(100);
    assert_sealed(FILE_1, 1);
}

static void two_handles_must_both_be_released(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    seal_opened(seal, FILE_1, FILE_1, OTHER, true, getpid());
    close_file(FILE_1, getpid());
    pass(60000);
    assert_sealed(FILE_1, 0);
    seal_released(seal, FILE_1, OTHER);
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void readers_are_not_waited_for(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    seal_opened(seal, FILE_1, FILE_1, OTHER, false, getpid());
    close_file(FILE_1, getpid());
    pass(300);
    assert_sealed(FILE_1, 1);
    seal_released(seal, FILE_1, OTHER); /* nobody remembers it */
}

static void a_sealed_file_that_is_changed_is_sealed_again(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    pass(300);
    assert_sealed(FILE_1, 1);
    fake_of(FILE_1)->look.row.state = ENTRY_OPEN; /* the store withdrew it */
    seal_changed(seal, FILE_1, 0, getpid());
    pass(300);
    assert_sealed(FILE_1, 2);
    seal_changed(seal, FILE_1, 0, getpid()); /* but it is sealed still: keep_sent, say */
    pass(300);
    assert_sealed(FILE_1, 2);
    assert_null(track_find(&seal->table, FILE_1));
}

static void a_failure_is_tried_again(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    fake_of(FILE_1)->next_error = STORE_ERR_BUSY;
    pass(300);
    assert_sealed(FILE_1, 0);
    pass(50);
    assert_sealed(FILE_1, 1);
    fake_of(FILE_1)->look.row.state = ENTRY_OPEN;
    seal_changed(seal, FILE_1, 0, getpid());
    fake_of(FILE_1)->next_error = STORE_ERR_NOSPACE;
    pass(5299);
    assert_sealed(FILE_1, 1);
    pass(1);
    assert_sealed(FILE_1, 2);
}

/* Between the look and the turn, and the face has not told of it yet. */
static void what_vanishes_at_the_last_moment_is_forgotten(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    fake_of(FILE_1)->vanishes = true;
    pass(300);
    assert_null(fake_of(FILE_1));
    assert_null(track_find(&seal->table, FILE_1));
    make_file(FILE_2, ".b");
    fake_of(FILE_2)->vanishes = true; /* now it is the turn that holds */
    pass(300);
    assert_null(fake_of(FILE_2));
    assert_null(track_find(&seal->table, FILE_2));
}

/* If the store lacks something else, the entry is not given up. */
static void what_is_still_there_is_tried_again(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    fake_of(FILE_1)->next_error = STORE_ERR_NOT_FOUND;
    pass(5299);
    assert_sealed(FILE_1, 0);
    pass(1);
    assert_sealed(FILE_1, 1);
}

static void what_is_removed_is_forgotten(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    fake_count = 0;
    seal_removed(seal, FILE_1);
    assert_non_null(track_find(&seal->table, FILE_1)); /* open still */
    close_file(FILE_1, getpid());
    pass(300);
    assert_null(track_find(&seal->table, FILE_1));
    make_file(FILE_2, "b");
    seal_removed(seal, FILE_2);
    assert_null(track_find(&seal->table, FILE_2));
}

/* ---- names ---- */

static void a_rename_of_a_closed_file_is_whole_at_once(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, ".f.Xy12"); /* rsync */
    set_name(FILE_1, "f");
    seal_renamed(seal, FILE_1, "f", 1);
    pass(0);
    assert_sealed(FILE_1, 1);
}

static void a_rename_of_an_open_file_is_not(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    seal_renamed(seal, FILE_1, "b", 1);
    pass(60000);
    assert_sealed(FILE_1, 0);
    close_file(FILE_1, getpid());
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void a_change_after_the_rename_starts_the_time(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    seal_renamed(seal, FILE_1, "b", 1);
    seal_changed(seal, FILE_1, 0, getpid());
    pass(299);
    assert_sealed(FILE_1, 0);
    pass(1);
    assert_sealed(FILE_1, 1);
}

static void names_hold_until_they_change(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, ".a");
    pass(300);
    assert_held(FILE_1, SEAL_HELD_DOT);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_DOT);
    set_name(FILE_1, "a~");
    seal_renamed(seal, FILE_1, "a~", 2);
    pass(300);
    assert_held(FILE_1, SEAL_HELD_TILDE);
    set_name(FILE_1, "ab");
    seal_renamed(seal, FILE_1, "ab", 2);
    pass(0);
    assert_sealed(FILE_1, 1);
}

static void a_part_goes_after_a_day(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "x.part");
    pass(300);
    assert_held(FILE_1, SEAL_HELD_PART);
    fake_of(FILE_1)->look.age_ms = SEAL_RULE_DAY_MS; /* the store's clock */
    pass(SEAL_RULE_DAY_MS - 1);
    assert_held(FILE_1, SEAL_HELD_PART);
    pass(1);
    assert_sealed(FILE_1, 1);
}

static void reasons_of_others_are_left_alone(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    snprintf(fakes[0].look.row.held, sizeof(fakes[0].look.row.held), "%s",
             "the peer has closed this wormhole");
    pass(299);
    assert_string_equal(held(FILE_1), "the peer has closed this wormhole");
}

static void damaged_bytes_hold(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    fake_of(FILE_1)->sum.damaged = true;
    pass(300);
    assert_held(FILE_1, SEAL_HELD_DAMAGED);
}

/* ---- killed writers ---- */

static void a_killed_writer_interrupts(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    create_file(FILE_1, "a", pid);
    kill_it(pid);
    assert_false(seal_flushed(seal, FILE_1, HANDLE, pid));
    pass(0);
    assert_string_equal(held(FILE_1), ""); /* the release decides */
    seal_released(seal, FILE_1, HANDLE);
    end(pid);
    pass(0);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    set_name(FILE_1, "b");
    seal_renamed(seal, FILE_1, "b", 1);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_changed(seal, FILE_1, 0, getpid()); /* touch */
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void the_last_flush_decides(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    create_file(FILE_1, "a", pid);
    kill_it(pid);
    assert_false(seal_flushed(seal, FILE_1, HANDLE, pid)); /* a child had the descriptor, too */
    end(pid);
    close_file(FILE_1, getpid());
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void replacing_releases(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    create_file(FILE_1, "a", pid);
    lose_writer(FILE_1, pid);
    pass(0);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_opened(seal, FILE_1, FILE_1, HANDLE, true, getpid()); /* cp once more */
    seal_changed(seal, FILE_1, HANDLE, getpid());
    close_file(FILE_1, getpid());
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void others_that_write_on_do_not_release(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    create_file(FILE_1, "a", pid);
    seal_opened(seal, FILE_1, FILE_1, OTHER, true, getpid());
    lose_writer(FILE_1, pid);
    seal_changed(seal, FILE_1, OTHER, getpid());
    assert_true(seal_flushed(seal, FILE_1, OTHER, getpid()));
    seal_released(seal, FILE_1, OTHER);
    pass(60000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
}

/* ---- looking at it ---- */

static void who_writes_is_known(void **state)
{
    char command[64];
    pid_t pid = 0;

    (void)state;
    open_seal();
    assert_false(seal_writer(seal, FILE_1, command, &pid));
    create_file(FILE_1, "a", getpid());
    assert_true(seal_writer(seal, FILE_1, command, &pid));
    assert_int_equal(pid, getpid());
    assert_memory_equal(command, "test_seal", strlen("test_seal"));
    close_file(FILE_1, getpid());
    assert_false(seal_writer(seal, FILE_1, command, &pid));
}

static void the_last_release_lets_an_acknowledged_entry_go(void **state)
{
    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    pass(300);
    seal_opened(seal, FILE_1, FILE_1, HANDLE, true, getpid());
    fake_of(FILE_1)->look.row.state = ENTRY_SENT;
    pass(60000);
    assert_int_equal(fake_of(FILE_1)->idles, 0);
    close_file(FILE_1, getpid());
    pass(300);
    assert_int_equal(fake_of(FILE_1)->idles, 1);
    assert_null(track_find(&seal->table, FILE_1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_sealed_when_it_has_settled),
        TEST(a_change_starts_the_time_anew),
        TEST(two_handles_must_both_be_released),
        TEST(readers_are_not_waited_for),
        TEST(a_sealed_file_that_is_changed_is_sealed_again),
        TEST(a_failure_is_tried_again),
        TEST(what_vanishes_at_the_last_moment_is_forgotten),
        TEST(what_is_still_there_is_tried_again),
        TEST(what_is_removed_is_forgotten),
        TEST(a_rename_of_a_closed_file_is_whole_at_once),
        TEST(a_rename_of_an_open_file_is_not),
        TEST(a_change_after_the_rename_starts_the_time),
        TEST(names_hold_until_they_change),
        TEST(a_part_goes_after_a_day),
        TEST(reasons_of_others_are_left_alone),
        TEST(damaged_bytes_hold),
        TEST(a_killed_writer_interrupts),
        TEST(the_last_flush_decides),
        TEST(replacing_releases),
        TEST(others_that_write_on_do_not_release),
        TEST(who_writes_is_known),
        TEST(the_last_release_lets_an_acknowledged_entry_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
