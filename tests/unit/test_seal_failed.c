/* seal.c: what a program wanted and did not get. The entry is held at once, and until somebody else
 * touches it or it is copied again. */
#include "tests/unit/seal_rig.h"

/* A full disk tells the writer so in the middle of a copy. */
static void fail_to_write(uint64_t ino, const char *name, pid_t pid)
{
    create_file(ino, name, pid);
    seal_failed(seal, ino, HANDLE, pid, SEAL_NO_SPACE);
}

static void a_failed_write_holds_at_once(void **state)
{
    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", getpid());
    assert_held(FILE_1, SEAL_HELD_NO_SPACE); /* open still, and nobody has looked */
    close_file(FILE_1, getpid());
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
}

static void each_error_has_its_reason(void **state)
{
    static const struct {
        enum seal_accident why;
        enum seal_hold hold;
    } cases[] = {{SEAL_NO_SPACE, SEAL_HELD_NO_SPACE},
                 {SEAL_OVER_QUOTA, SEAL_HELD_OVER_QUOTA},
                 {SEAL_TOO_LARGE, SEAL_HELD_TOO_LARGE},
                 {SEAL_NO_FILES, SEAL_HELD_NO_FILES},
                 {SEAL_FAILED, SEAL_HELD_FAILED}};

    (void)state;
    open_seal();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ino = FILE_1 + 100 * i;
        create_file(ino, "a", getpid());
        seal_failed(seal, ino, HANDLE, getpid(), cases[i].why);
        close_file(ino, getpid());
        pass(1000);
        assert_held(ino, cases[i].hold);
    }
}

static void only_others_touch(void **state)
{
    pid_t writer = start();

    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", writer);
    seal_changed(seal, FILE_1, HANDLE, writer); /* the next write finds room */
    seal_changed(seal, FILE_1, 0, writer);      /* fchmod, futimens */
    assert_true(seal_flushed(seal, FILE_1, HANDLE, getpid()));
    seal_released(seal, FILE_1, HANDLE);
    seal_changed(seal, FILE_1, 0, writer);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
    seal_changed(seal, FILE_1, 0, getpid());
    pass(300);
    assert_sealed(FILE_1, 1);
    end(writer);
}

static void a_copy_replaces_it(void **state)
{
    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
    pass(1000);
    seal_opened(seal, FILE_1, FILE_1, OTHER, true, getpid());
    pass(1000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
    seal_changed(seal, FILE_1, OTHER, getpid());
    assert_true(seal_flushed(seal, FILE_1, OTHER, getpid()));
    seal_released(seal, FILE_1, OTHER);
    pass(300);
    assert_sealed(FILE_1, 1);
}

static void a_copy_that_fails_again_holds_again(void **state)
{
    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
    seal_opened(seal, FILE_1, FILE_1, OTHER, true, getpid());
    seal_changed(seal, FILE_1, OTHER, getpid());
    seal_failed(seal, FILE_1, OTHER, getpid(), SEAL_OVER_QUOTA);
    assert_held(FILE_1, SEAL_HELD_OVER_QUOTA);
    assert_true(seal_flushed(seal, FILE_1, OTHER, getpid()));
    seal_released(seal, FILE_1, OTHER);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_OVER_QUOTA);
}

/* rsync --partial, and every script that does not look at what cp said. */
static void another_name_is_no_cure(void **state)
{
    (void)state;
    open_seal();
    fail_to_write(FILE_1, ".a", getpid());
    close_file(FILE_1, getpid());
    set_name(FILE_1, "a");
    seal_renamed(seal, FILE_1, "a", 1);
    pass(1000000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
}

static void what_the_program_removes_is_forgotten(void **state)
{
    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", getpid());
    fake_count = 0;
    seal_removed(seal, FILE_1);
    close_file(FILE_1, getpid());
    pass(1000);
    assert_null(track_find(&seal->table, FILE_1));
}

static void a_kill_does_not_make_it_easier(void **state)
{
    pid_t writer = start();

    (void)state;
    open_seal();
    fail_to_write(FILE_1, "a", writer);
    lose_writer(FILE_1, writer);
    seal_renamed(seal, FILE_1, "b", 1);
    pass(1000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
}

static void a_store_that_fails_too_is_told_later(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    fake_of(FILE_1)->next_error = STORE_ERR_IO;
    seal_failed(seal, FILE_1, HANDLE, getpid(), SEAL_FAILED);
    assert_string_equal(held(FILE_1), "");
    close_file(FILE_1, getpid());
    pass(300);
    assert_held(FILE_1, SEAL_HELD_FAILED);
}

/* ---- trees ---- */

static void put_below(uint64_t handle, pid_t pid)
{
    seal_created(seal, TREE, BELOW, false, pid);
    seal_opened(seal, TREE, BELOW, handle, true, pid);
    seal_changed(seal, TREE, handle, pid);
}

static void release_below(uint64_t handle)
{
    assert_true(seal_flushed(seal, TREE, handle, getpid()));
    seal_released(seal, TREE, handle);
}

static void a_tree_lacks_what_failed_whatever_is_put_beside_it(void **state)
{
    pid_t maker = start(), other = start();

    (void)state;
    open_seal();
    add(TREE, "tree", NODE_DIR);
    seal_created(seal, TREE, TREE, true, maker);
    put_below(HANDLE, maker);
    seal_failed(seal, TREE, HANDLE, maker, SEAL_NO_SPACE);
    release_below(HANDLE);
    put_below(OTHER, maker); /* cp -r goes on, and sets the times at the end */
    release_below(OTHER);
    seal_changed(seal, TREE, 0, maker);
    end(maker);
    pass(60000);
    assert_held(TREE, SEAL_HELD_NO_SPACE);
    put_below(HANDLE, other); /* the next cp of a script */
    release_below(HANDLE);
    pass(60000);
    assert_held(TREE, SEAL_HELD_NO_SPACE);
    seal_changed(seal, TREE, 0, getpid()); /* touch */
    pass(10300);
    assert_sealed(TREE, 1);
    end(other);
}

static void a_name_that_could_not_be_made_is_missing(void **state)
{
    pid_t maker = start();

    (void)state;
    open_seal();
    add(TREE, "tree", NODE_DIR);
    seal_created(seal, TREE, TREE, true, maker);
    seal_failed(seal, TREE, 0, maker, SEAL_NO_SPACE);
    end(maker);
    pass(60000);
    assert_held(TREE, SEAL_HELD_NO_SPACE);
}

/* ---- restarts ---- */

static void put_held(uint64_t ino, enum node_type kind, enum seal_hold why, const char *words)
{
    struct fake *f = add(ino, "a", kind);

    f->look.row.held_code = why;
    snprintf(f->look.row.held, sizeof(f->look.row.held), "%s", words);
}

static void it_outlives_a_restart(void **state)
{
    (void)state;
    put_held(FILE_1, NODE_FILE, SEAL_HELD_NO_SPACE, seal_rule_text(SEAL_HELD_NO_SPACE));
    put_held(TREE, NODE_DIR, SEAL_HELD_NO_SPACE, seal_rule_text(SEAL_HELD_NO_SPACE));
    open_seal();
    pass(100000);
    seal_renamed(seal, FILE_1, "b", 1);
    put_below(HANDLE, getpid());
    release_below(HANDLE);
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_NO_SPACE);
    assert_held(TREE, SEAL_HELD_NO_SPACE);
    seal_changed(seal, FILE_1, 0, getpid());
    seal_changed(seal, TREE, 0, getpid());
    pass(10300);
    assert_sealed(FILE_1, 1);
    assert_sealed(TREE, 1);
}

/* The number says what it is; the words are this version's. */
static void reasons_are_known_however_they_were_worded(void **state)
{
    (void)state;
    put_held(FILE_1, NODE_FILE, SEAL_HELD_KILLED, "somebody was killed; what a pity");
    put_held(FILE_2, NODE_FILE, SEAL_HELD_TILDE, "a tilde; rename it");
    set_name(FILE_2, "a~");
    open_seal();
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    assert_held(FILE_2, SEAL_HELD_TILDE);
    seal_changed(seal, FILE_1, 0, getpid());
    set_name(FILE_2, "a");
    seal_renamed(seal, FILE_2, "a", 1);
    pass(300);
    assert_sealed(FILE_1, 1);
    assert_sealed(FILE_2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failed_write_holds_at_once),
        TEST(each_error_has_its_reason),
        TEST(only_others_touch),
        TEST(a_copy_replaces_it),
        TEST(a_copy_that_fails_again_holds_again),
        TEST(another_name_is_no_cure),
        TEST(what_the_program_removes_is_forgotten),
        TEST(a_kill_does_not_make_it_easier),
        TEST(a_store_that_fails_too_is_told_later),
        TEST(a_tree_lacks_what_failed_whatever_is_put_beside_it),
        TEST(a_name_that_could_not_be_made_is_missing),
        TEST(it_outlives_a_restart),
        TEST(reasons_are_known_however_they_were_worded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
