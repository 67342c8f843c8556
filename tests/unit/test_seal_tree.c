/* seal.c and seal_look.c: trees, and what a restart makes of what was open. */
#include "tests/unit/seal_rig.h"

/* ---- trees ---- */

static void make_tree(pid_t maker)
{
    add(TREE, "tree", NODE_DIR)->look.empty = true;
    seal_created(seal, TREE, TREE, true, maker);
}

static void fill_tree(pid_t pid)
{
    fake_of(TREE)->look.empty = false;
    seal_created(seal, TREE, BELOW, false, pid);
    seal_opened(seal, TREE, BELOW, HANDLE, true, pid);
    seal_changed(seal, TREE, HANDLE, pid);
    assert_true(seal_flushed(seal, TREE, HANDLE, pid));
    seal_released(seal, TREE, HANDLE);
}

static void a_tree_is_sealed_soon_after_its_maker_exits(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    make_tree(pid); /* cp -r */
    fill_tree(pid);
    pass(9000);
    fill_tree(pid);
    pass(9999);
    assert_sealed(TREE, 0);
    fill_tree(pid);
    end(pid);
    pass(300);
    assert_sealed(TREE, 1);
}

static void assert_made_by(pid_t maker)
{
    char command[64];
    pid_t pid = 0;

    assert_int_equal(seal_maker(seal, TREE, command, &pid), maker != 0);
    assert_int_equal(pid, maker);
    if (maker)
        assert_memory_equal(command, "test_seal", strlen("test_seal"));
}

/* Makes it with one file in it, and is silent from then on. */
static void begin_tree(pid_t maker)
{
    make_tree(maker);
    fill_tree(maker);
}

static void a_tree_waits_for_the_job_that_makes_it(void **state)
{
    pid_t git = start();

    (void)state;
    open_seal();
    assert_made_by(0);
    begin_tree(git);
    assert_made_by(git);
    pass(200000); /* the remote thinks */
    assert_sealed(TREE, 0);
    fill_tree(git);
    pass(299999);
    assert_sealed(TREE, 0);
    assert_made_by(git);
    pass(1); /* it hangs */
    assert_sealed(TREE, 1);
    assert_made_by(0);
    end(git);
}

static void a_tree_is_sealed_soon_after_its_silent_job_exits(void **state)
{
    pid_t git = start();

    (void)state;
    open_seal();
    begin_tree(git);
    pass(100000);
    assert_sealed(TREE, 0);
    end(git);
    pass(1000);
    assert_sealed(TREE, 1);
}

static void a_program_that_lives_long_keeps_no_tree(void **state)
{
    pid_t manager = start();

    (void)state;
    open_seal();
    begin_tree(manager);
    track_find(&seal->table, TREE)->makers->maker_age_ms = 10001;
    assert_made_by(0);
    pass(9999);
    assert_sealed(TREE, 0);
    pass(1);
    assert_sealed(TREE, 1);
    end(manager);
}

static void a_job_does_not_keep_what_others_change_too(void **state)
{
    pid_t job = start(), other = start();

    (void)state;
    open_seal();
    begin_tree(job);
    pass(60000);
    assert_sealed(TREE, 0);
    seal_changed(seal, TREE, 0, other); /* touch */
    assert_made_by(0);
    pass(10000);
    assert_sealed(TREE, 1);
    end(job);
    end(other);
}

static void a_new_name_says_that_the_job_has_finished(void **state)
{
    pid_t job = start();

    (void)state;
    open_seal();
    begin_tree(job);
    pass(60000);
    seal_renamed(seal, TREE, "tree", 4);
    assert_made_by(0);
    pass(9999);
    assert_sealed(TREE, 0); /* not as soon as from elsewhere: it may go on writing */
    pass(1);
    assert_sealed(TREE, 1);
    end(job);
}

static void nobody_waits_for_a_maker_that_cannot_be_known(void **state)
{
    (void)state;
    open_seal();
    begin_tree(0); /* of another pid namespace */
    assert_made_by(0);
    pass(10000);
    assert_sealed(TREE, 1);
}

/* The job may have been about to go on. */
static void closing_does_not_seal_what_a_job_is_making(void **state)
{
    pid_t job = start();

    (void)state;
    open_seal();
    begin_tree(job);
    pass(60000);
    assert_int_equal(seal_start(seal), 0);
    seal_close(seal);
    seal = NULL;
    end(job);
    assert_sealed(TREE, 0);
    assert_int_equal(fake_of(TREE)->marks, 0);
}

static void a_tree_of_several_makers_takes_its_time(void **state)
{
    pid_t first = start(), second = start();

    (void)state;
    open_seal();
    make_tree(first); /* mkdir */
    end(first);
    pass(5000);
    assert_sealed(TREE, 0); /* empty */
    assert_int_equal(fake_of(TREE)->marks, 1);
    fill_tree(second); /* cp */
    end(second);
    pass(9999);
    assert_sealed(TREE, 0);
    assert_int_equal(fake_of(TREE)->marks, 2); /* a crash would not interrupt it now */
    pass(1);
    assert_sealed(TREE, 1);
}

static void a_tree_is_marked_again_after_a_change(void **state)
{
    pid_t first = start(), second = start();

    (void)state;
    open_seal();
    make_tree(first);
    end(first);
    pass(1000);
    assert_int_equal(fake_of(TREE)->marks, 1);
    fill_tree(second);
    pass(1000);
    assert_int_equal(fake_of(TREE)->marks, 1); /* its writer runs */
    end(second);
    pass(1000);
    assert_int_equal(fake_of(TREE)->marks, 2);
}

static void an_open_file_keeps_its_tree_open(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    make_tree(pid);
    fake_of(TREE)->look.empty = false;
    seal_opened(seal, TREE, BELOW, HANDLE, true, getpid());
    end(pid);
    pass(60000);
    assert_sealed(TREE, 0);
    close_file(TREE, getpid());
    pass(60000);
    assert_sealed(TREE, 1);
}

static void a_killed_writer_below_interrupts_the_tree(void **state)
{
    pid_t maker = start(), victim = start();

    (void)state;
    open_seal();
    make_tree(maker);
    fill_tree(maker);
    seal_opened(seal, TREE, BELOW, HANDLE, true, victim);
    seal_changed(seal, TREE, HANDLE, victim);
    lose_writer(TREE, victim);
    fill_tree(maker); /* goes on with what it was doing */
    pass(60000);
    assert_held(TREE, SEAL_HELD_KILLED);
    end(maker);
    pass(60000);
    assert_held(TREE, SEAL_HELD_KILLED);
    seal_changed(seal, TREE, 0, getpid()); /* touch */
    pass(10000);
    assert_sealed(TREE, 1);
}

/* Does this kernel remember how a process ended? */
static bool endings_are_known(void)
{
    struct ending e;
    pid_t pid = start();

    ending_watch(&e, pid);
    kill_it(pid);
    end(pid);
    bool known = ending_look(&e) == ENDING_KILLED;
    ending_release(&e);
    return known;
}

/* It had no file open when it was killed, so no FLUSH tells. */
static void a_maker_that_is_killed_between_two_files_interrupts(void **state)
{
    pid_t pid = start();

    (void)state;
    if (!endings_are_known())
        skip();
    open_seal();
    begin_tree(pid);
    pass(5000);
    kill_it(pid);
    end(pid);
    pass(1000);
    assert_held(TREE, SEAL_HELD_KILLED);
    pass(1000000);
    assert_held(TREE, SEAL_HELD_KILLED);
    seal_changed(seal, TREE, 0, getpid()); /* touch */
    pass(10000);
    assert_sealed(TREE, 1);
}

static void a_kill_before_the_parent_has_heard_of_it_interrupts(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    begin_tree(pid);
    kill_it(pid); /* the witness, here this process, knows */
    pass(1000);
    if (!endings_are_known()) {
        end(pid);
        skip();
    }
    assert_held(TREE, SEAL_HELD_KILLED);
    seal_changed(seal, TREE, 0, getpid());
    end(pid);
    pass(10000);
    assert_sealed(TREE, 1);
}

static void a_killed_helper_interrupts_its_maker_s_tree(void **state)
{
    pid_t maker = start(), helper = start();

    (void)state;
    if (!endings_are_known())
        skip();
    open_seal();
    begin_tree(maker);
    fill_tree(helper);
    kill_it(helper);
    end(helper);
    pass(1000);
    assert_held(TREE, SEAL_HELD_KILLED);
    fill_tree(maker); /* goes on with what it was doing */
    end(maker);
    pass(1000000);
    assert_held(TREE, SEAL_HELD_KILLED);
}

/* Who is faster than the next look: a kill counts from when it was, not from when it was noticed.
 */
static void a_touch_right_after_the_kill_releases(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    begin_tree(pid);
    kill_it(pid);
    end(pid);
    seal_changed(seal, TREE, 0, getpid());
    pass(10000);
    assert_sealed(TREE, 1);
}

static void copying_over_it_right_after_the_kill_releases(void **state)
{
    pid_t pid = start(), again = start();

    (void)state;
    open_seal();
    begin_tree(pid);
    kill_it(pid);
    end(pid);
    seal_opened(seal, TREE, BELOW, HANDLE, true, again);
    seal_changed(seal, TREE, HANDLE, again); /* O_TRUNC, and the first write */
    assert_true(seal_flushed(seal, TREE, HANDLE, again));
    seal_released(seal, TREE, HANDLE);
    end(again);
    pass(10000);
    assert_sealed(TREE, 1);
}

/* The FLUSH of its open file and its end tell the same: they are one accident. */
static void a_touch_is_not_undone_by_an_end_that_is_heard_of_late(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    begin_tree(pid);
    seal_opened(seal, TREE, BELOW, HANDLE, true, pid);
    seal_changed(seal, TREE, HANDLE, pid);
    kill_it(pid);
    assert_false(seal_flushed(seal, TREE, HANDLE, pid));
    seal_released(seal, TREE, HANDLE);
    seal_changed(seal, TREE, 0, getpid());
    end(pid);
    pass(10000);
    assert_sealed(TREE, 1);
}

static void a_kill_after_the_sealing_does_not_matter(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    begin_tree(pid);
    track_find(&seal->table, TREE)->makers->maker_age_ms = 10001;
    pass(10000);
    assert_sealed(TREE, 1);
    kill_it(pid);
    end(pid);
    pass(1000000);
    assert_sealed(TREE, 1);
    assert_int_equal(ending_count(), 0);
}

static void closing_does_not_seal_what_was_just_killed(void **state)
{
    pid_t pid = start();

    (void)state;
    if (!endings_are_known())
        skip();
    open_seal();
    begin_tree(pid);
    kill_it(pid);
    end(pid);
    assert_int_equal(seal_start(seal), 0);
    seal_close(seal);
    seal = NULL;
    assert_held(TREE, SEAL_HELD_KILLED);
    assert_int_equal(fake_of(TREE)->marks, 0);
}

/* mv FILE TREE/ while it is open: the tree is open now. */
static void a_handle_moves_with_its_file(void **state)
{
    pid_t pid = start();

    (void)state;
    open_seal();
    make_tree(pid);
    fill_tree(pid);
    create_file(FILE_1, "a", getpid());
    end(pid);
    fake_count--; /* FILE_1 is no entry any more */
    moved_ino = FILE_1;
    moved_to = TREE;
    seal_moved(seal, FILE_1, FILE_1, false);
    seal_removed(seal, FILE_1);
    seal_changed(seal, TREE, 0, getpid());
    pass(60000);
    assert_sealed(TREE, 0);
    close_file(TREE, getpid());
    pass(60000);
    assert_sealed(TREE, 1);
}

/* A file that has no name any more is in no entry. */
static void a_file_that_is_removed_holds_nothing(void **state)
{
    (void)state;
    open_seal();
    make_tree(getpid());
    seal_opened(seal, TREE, BELOW, OTHER, true, getpid());
    pass(400000);
    assert_sealed(TREE, 0);
    moved_ino = moved_to = BELOW;
    seal_moved(seal, TREE, BELOW, false);
    seal_changed(seal, TREE, 0, getpid());
    pass(400000);
    assert_sealed(TREE, 1);
    seal_released(seal, BELOW, OTHER);
    pass(400000);
    assert_sealed(TREE, 1);
}

/* One program has a great many files open in its tree, and makes ever more. */
static void a_busy_tree_is_in_nobodys_way(void **state)
{
    enum { OPEN = 3000, FIRST = 100 };

    (void)state;
    open_seal();
    make_tree(getpid());
    for (uint64_t i = 0; i < OPEN; i++)
        seal_opened(seal, TREE, BELOW, FIRST + i, true, getpid());
    make_file(FILE_1, "a");
    for (int i = 0; i < 30; i++) {
        seal_created(seal, TREE, BELOW + 1, false, getpid());
        pass(10);
    }
    assert_sealed(FILE_1, 1);
    assert_in_range(asked, OPEN, OPEN + 10); /* and not all of them for each new file */
    assert_sealed(TREE, 0);
}

static void mv_file_to_tree(void)
{
    moved_ino = FILE_1;
    moved_to = TREE;
    seal_moved(seal, FILE_1, FILE_1, false);
    seal_removed(seal, FILE_1);
    seal_renamed(seal, TREE, "tree", 4); /* which is whole, but for the file */
}

/* It moves to the tree that is just being looked at. */
static void a_handle_may_move_during_the_look(void **state)
{
    (void)state;
    open_seal();
    add(TREE, "tree", NODE_DIR);
    seal_renamed(seal, TREE, "tree", 4);
    create_file(FILE_1, "a", getpid());
    while_asked = mv_file_to_tree;
    pass(60000);
    assert_null(while_asked);
    assert_sealed(TREE, 0);
    close_file(TREE, getpid());
    pass(60000);
    assert_sealed(TREE, 1);
}

static void mv_twice(void)
{
    moved_ino = FILE_1;
    moved_to = FILE_2;
    seal_moved(seal, TREE, FILE_1, false); /* where no look has seen it yet */
    seal_renamed(seal, FILE_2, "b", 1);
}

/* From entry to entry, and the answer is of the time between. */
static void a_handle_may_move_on_during_the_look(void **state)
{
    (void)state;
    open_seal();
    add(TREE, "tree", NODE_DIR);
    seal_renamed(seal, TREE, "tree", 4);
    create_file(FILE_1, "a", getpid());
    add(FILE_2, "b", NODE_FILE);
    moved_ino = FILE_1;
    moved_to = TREE;
    seal_moved(seal, FILE_1, FILE_1, false);
    while_asked = mv_twice;
    pass(60000);
    assert_null(while_asked);
    assert_sealed(TREE, 1);
    assert_sealed(FILE_2, 0);
    close_file(FILE_2, getpid());
    pass(60000);
    assert_sealed(FILE_2, 1);
}

/* ---- over restarts ---- */

static void a_crash_interrupts_what_was_open(void **state)
{
    (void)state;
    add(FILE_1, "a", NODE_FILE)->sum.dirty = true;
    add(FILE_2, "b", NODE_FILE);
    add(TREE, "tree", NODE_DIR);
    open_seal();
    assert_held(FILE_1, SEAL_HELD_CRASHED);
    assert_held(TREE, SEAL_HELD_CRASHED);
    assert_string_equal(held(FILE_2), "");
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_CRASHED);
    assert_sealed(FILE_2, 1);
    fake_of(FILE_1)->sum.dirty = false;
    seal_changed(seal, FILE_1, 0, getpid());
    pass(301);
    assert_sealed(FILE_1, 1);
}

static void a_marked_tree_goes_on(void **state)
{
    (void)state;
    add(TREE, "tree", NODE_DIR)->sum.whole = true;
    open_seal();
    pass(9000);
    assert_sealed(TREE, 0);
    pass(2000);
    assert_sealed(TREE, 1);
}

static void create_empty(uint64_t ino, const char *name)
{
    add(ino, name, NODE_FILE)->sum.bare = true;
    seal_created(seal, ino, ino, false, getpid());
    seal_opened(seal, ino, ino, HANDLE, true, getpid());
}

/* Only its release tells an empty file that was copied from one that is about to be written. */
static void a_crash_interrupts_an_empty_file_only_while_it_is_open(void **state)
{
    (void)state;
    open_seal();
    create_empty(FILE_1, "closed");
    close_file(FILE_1, getpid());
    create_empty(FILE_2, "open");
    assert_true(seal_flushed(seal, FILE_2, HANDLE, getpid())); /* the shell's, as in: slow >open */
    seal_close(seal); /* its thread was never started: nothing is finished */
    open_seal();
    assert_held(FILE_2, SEAL_HELD_CRASHED);
    pass(301);
    assert_sealed(FILE_1, 1);
}

static void an_interruption_outlives_a_restart(void **state)
{
    (void)state;
    struct entry *row = &add(FILE_1, "a", NODE_FILE)->look.row;
    row->held_code = SEAL_HELD_KILLED;
    strcpy(row->held, seal_rule_text(SEAL_HELD_KILLED));
    open_seal();
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_opened(seal, FILE_1, FILE_1, HANDLE, true, getpid());
    assert_true(seal_flushed(seal, FILE_1, HANDLE, getpid()));
    seal_released(seal, FILE_1, HANDLE); /* opened for writing, and nothing written */
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    set_name(FILE_1, "b");
    seal_renamed(seal, FILE_1, "b", 1);
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_changed(seal, FILE_1, 0, getpid()); /* touch */
    pass(300);
    assert_sealed(FILE_1, 1);
}

/* It was copied again, and closed: that was promised, though it is not sealed yet. */
static void what_was_made_good_stays_good_over_a_crash(void **state)
{
    (void)state;
    struct entry *row = &add(FILE_1, "a", NODE_FILE)->look.row;
    row->held_code = SEAL_HELD_KILLED;
    strcpy(row->held, seal_rule_text(SEAL_HELD_KILLED));
    open_seal();
    seal_opened(seal, FILE_1, FILE_1, HANDLE, true, getpid());
    seal_changed(seal, FILE_1, HANDLE, getpid());
    assert_true(seal_flushed(seal, FILE_1, HANDLE, getpid()));
    seal_released(seal, FILE_1, HANDLE);
    seal_close(seal); /* its thread was never started: nothing is finished */
    open_seal();
    pass(301);
    assert_sealed(FILE_1, 1);
}

static void closing_finishes_what_is_whole(void **state)
{
    pid_t maker = start(), other = start();

    (void)state;
    open_seal();
    make_file(FILE_1, "a");
    create_file(FILE_2, "b", getpid()); /* and never released */
    make_tree(maker);
    fill_tree(maker);
    end(maker);
    assert_int_equal(seal_start(seal), 0);
    seal_close(seal);
    assert_sealed(FILE_1, 1);
    assert_sealed(FILE_2, 0);
    assert_sealed(TREE, 1);

    fake_count = 0;
    open_seal();
    make_tree(other);
    fill_tree(getpid());
    end(other);
    assert_int_equal(seal_start(seal), 0);
    seal_close(seal);
    seal = NULL;
    assert_sealed(TREE, 0);
    assert_int_equal(fake_of(TREE)->marks, 0); /* we run still */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_sealed_soon_after_its_maker_exits),
        TEST(a_tree_waits_for_the_job_that_makes_it),
        TEST(a_tree_is_sealed_soon_after_its_silent_job_exits),
        TEST(a_program_that_lives_long_keeps_no_tree),
        TEST(a_job_does_not_keep_what_others_change_too),
        TEST(a_new_name_says_that_the_job_has_finished),
        TEST(nobody_waits_for_a_maker_that_cannot_be_known),
        TEST(closing_does_not_seal_what_a_job_is_making),
        TEST(a_tree_of_several_makers_takes_its_time),
        TEST(a_tree_is_marked_again_after_a_change),
        TEST(an_open_file_keeps_its_tree_open),
        TEST(a_killed_writer_below_interrupts_the_tree),
        TEST(a_maker_that_is_killed_between_two_files_interrupts),
        TEST(a_kill_before_the_parent_has_heard_of_it_interrupts),
        TEST(a_killed_helper_interrupts_its_maker_s_tree),
        TEST(a_touch_right_after_the_kill_releases),
        TEST(copying_over_it_right_after_the_kill_releases),
        TEST(a_touch_is_not_undone_by_an_end_that_is_heard_of_late),
        TEST(a_kill_after_the_sealing_does_not_matter),
        TEST(closing_does_not_seal_what_was_just_killed),
        TEST(a_handle_moves_with_its_file),
        TEST(a_file_that_is_removed_holds_nothing),
        TEST(a_busy_tree_is_in_nobodys_way),
        TEST(a_handle_may_move_during_the_look),
        TEST(a_handle_may_move_on_during_the_look),
        TEST(a_crash_interrupts_what_was_open),
        TEST(a_crash_interrupts_an_empty_file_only_while_it_is_open),
        TEST(a_marked_tree_goes_on),
        TEST(an_interruption_outlives_a_restart),
        TEST(what_was_made_good_stays_good_over_a_crash),
        TEST(closing_finishes_what_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
