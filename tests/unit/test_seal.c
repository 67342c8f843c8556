/* seal.c and seal_look.c against a store of a few lines (the fakes of seal_turn.h below), on a
 * clock of the test's own: the timer thread is never started, the test takes its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/seal_state.h"
#include "fs/seal/seal_turn.h"

enum { ENTRIES_MAX = 8, FILE_1 = 11, FILE_2 = 12, TREE = 21, BELOW = 22, HANDLE = 1, OTHER = 2 };

/* ---- a store ---- */

struct fake {
    uint64_t ino;
    struct seal_look look;
    struct seal_sum sum;
    int seals, idles, marks;
    int next_error; /* of the next turn */
};

static struct fake fakes[ENTRIES_MAX];
static size_t fake_count;
static uint64_t moved_ino, moved_to; /* an inode that is not in the entry of its number's tens */

static struct fake *fake_of(uint64_t ino)
{
    for (size_t i = 0; i < fake_count; i++)
        if (fakes[i].ino == ino)
            return &fakes[i];
    return NULL;
}

static void set_name(uint64_t ino, const char *name)
{
    struct fake *f = fake_of(ino);

    if (f) {
        f->look.row.name.len = (uint16_t)strlen(name);
        strcpy(f->look.row.name.text, name);
    }
}

static struct fake *add(uint64_t ino, const char *name, enum node_type kind)
{
    assert_true(fake_count < ENTRIES_MAX);
    struct fake *f = &fakes[fake_count++];

    *f = (struct fake){.ino = ino};
    f->look.row.ino = ino;
    f->look.row.kind = kind;
    f->look.row.state = ENTRY_OPEN;
    set_name(ino, name);
    return f;
}

static int take_error(struct fake *f)
{
    int rc = f ? f->next_error : STORE_ERR_NOT_FOUND;

    if (f)
        f->next_error = 0;
    return rc;
}

int seal_turn_look(struct store *s, uint64_t entry, struct seal_look *out)
{
    struct fake *f = fake_of(entry);

    (void)s;
    if (f)
        *out = f->look;
    return f ? 0 : STORE_ERR_NOT_FOUND;
}

int seal_turn_sum(struct store *s, uint64_t entry, struct seal_sum *out)
{
    struct fake *f = fake_of(entry);

    (void)s;
    if (f)
        *out = f->sum;
    return f ? 0 : STORE_ERR_NOT_FOUND;
}

int seal_turn_entries_of(struct store *s, const uint64_t *inos, uint64_t *entries, size_t count)
{
    (void)s;
    for (size_t i = 0; i < count; i++)
        entries[i] = inos[i] == moved_ino ? moved_to : inos[i] == BELOW ? TREE : inos[i];
    return 0;
}

int seal_turn_open_entries(struct store *s, uint64_t **out, size_t *count)
{
    (void)s;
    *out = calloc(ENTRIES_MAX, sizeof(**out));
    *count = 0;
    for (size_t i = 0; i < fake_count; i++)
        if (fakes[i].look.row.state == ENTRY_OPEN)
            (*out)[(*count)++] = fakes[i].ino;
    return 0;
}

int seal_turn_seal(struct store *s, struct engine *e, uint64_t entry,
                   const struct seal_turn_check *check)
{
    struct fake *f = fake_of(entry);
    int rc = take_error(f);

    (void)s;
    (void)e;
    if (rc < 0)
        return rc;
    if (!check->settled(check->arg, entry))
        return STORE_ERR_BUSY;
    f->seals++;
    f->look.row.state = ENTRY_SEALED;
    f->look.row.held[0] = '\0';
    return 0;
}

int seal_turn_hold(struct store *s, struct engine *e, uint64_t entry, enum seal_hold why)
{
    struct fake *f = fake_of(entry);
    int rc = take_error(f);

    (void)s;
    (void)e;
    if (rc == 0)
        strcpy(f->look.row.held, seal_rule_text(why));
    return rc;
}

int seal_turn_idle(struct store *s, struct engine *e, uint64_t entry)
{
    (void)s;
    (void)e;
    struct fake *f = fake_of(entry);
    if (f)
        f->idles++;
    return f ? 0 : STORE_ERR_NOT_FOUND;
}

int seal_turn_mark(struct store *s, uint64_t entry, const struct seal_turn_check *check)
{
    (void)s;
    if (!check->settled(check->arg, entry))
        return STORE_ERR_BUSY;
    fake_of(entry)->marks++;
    return 0;
}

const char *store_strerror(int err)
{
    (void)err;
    return "an error of the test";
}

/* ---- a clock, and processes ---- */

static int64_t clock_ms;
static struct seal *seal;

static int64_t fake_now(void)
{
    return clock_ms;
}

/* Everything that is due until `ms` from now happens, each at its time. */
static void pass(int64_t ms)
{
    int64_t end = clock_ms + ms;

    pthread_mutex_lock(&seal->lock);
    for (;;) {
        int64_t due = seal_step(seal);
        if (due > end)
            break;
        if (due > clock_ms)
            clock_ms = due;
    }
    pthread_mutex_unlock(&seal->lock);
    clock_ms = end;
}

static void open_seal(void)
{
    assert_int_equal(seal_open(&seal, NULL, NULL, &(struct seal_options){300, 10000}), 0);
    /* What was seen at the start was seen by the real clock. */
    int64_t real = seal->now_ms();
    seal->now_ms = fake_now;
    clock_ms = real;
}

static int setup(void **state)
{
    (void)state;
    fake_count = 0;
    moved_ino = moved_to = 0;
    seal = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    seal_close(seal);
    return 0;
}

static pid_t start(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    while (pid == 0)
        pause();
    return pid;
}

/* Killed, and still there to be looked at; end() lets it go. */
static void kill_it(pid_t pid)
{
    siginfo_t info;

    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const char *held(uint64_t ino)
{
    return fake_of(ino)->look.row.held;
}

static void assert_held(uint64_t ino, enum seal_hold why)
{
    assert_string_equal(held(ino), seal_rule_text(why));
    assert_int_equal(fake_of(ino)->look.row.state, ENTRY_OPEN);
}

static void assert_sealed(uint64_t ino, int times)
{
    assert_int_equal(fake_of(ino)->seals, times);
    assert_string_equal(held(ino), "");
}

/* cp: created, opened, written, closed. */
static void create_file(uint64_t ino, const char *name, pid_t pid)
{
    add(ino, name, NODE_FILE);
    seal_created(seal, ino, ino, false, pid);
    seal_opened(seal, ino, ino, HANDLE, true, pid);
    seal_changed(seal, ino, HANDLE, pid);
}

static void close_file(uint64_t ino, pid_t pid)
{
    assert_true(seal_flushed(seal, ino, HANDLE, pid));
    seal_released(seal, ino, HANDLE);
}

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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_2, "b", getpid());
    close_file(FILE_2, getpid());
    seal_removed(seal, FILE_2);
    assert_null(track_find(&seal->table, FILE_2));
}

/* ---- names ---- */

static void a_rename_of_a_closed_file_is_whole_at_once(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, ".f.Xy12", getpid()); /* rsync */
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, ".a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "x.part", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
    snprintf(fakes[0].look.row.held, sizeof(fakes[0].look.row.held), "%s",
             "the peer has closed this wormhole");
    pass(299);
    assert_string_equal(held(FILE_1), "the peer has closed this wormhole");
}

static void damaged_bytes_hold(void **state)
{
    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    kill_it(pid);
    assert_false(seal_flushed(seal, FILE_1, HANDLE, pid));
    seal_released(seal, FILE_1, HANDLE);
    end(pid);
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
    kill_it(pid);
    assert_false(seal_flushed(seal, FILE_1, HANDLE, pid));
    seal_released(seal, FILE_1, HANDLE);
    end(pid);
    seal_changed(seal, FILE_1, OTHER, getpid());
    assert_true(seal_flushed(seal, FILE_1, OTHER, getpid()));
    seal_released(seal, FILE_1, OTHER);
    pass(60000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
}

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
    kill_it(victim);
    assert_false(seal_flushed(seal, TREE, HANDLE, victim));
    seal_released(seal, TREE, HANDLE);
    end(victim);
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
    seal_removed(seal, FILE_1);
    seal_changed(seal, TREE, 0, getpid());
    pass(60000);
    assert_sealed(TREE, 0);
    close_file(TREE, getpid());
    pass(60000);
    assert_sealed(TREE, 1);
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

static void an_interruption_outlives_a_restart(void **state)
{
    (void)state;
    strcpy(add(FILE_1, "a", NODE_FILE)->look.row.held, seal_rule_text(SEAL_HELD_KILLED));
    open_seal();
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_opened(seal, FILE_1, FILE_1, HANDLE, true, getpid());
    assert_true(seal_flushed(seal, FILE_1, HANDLE, getpid()));
    seal_released(seal, FILE_1, HANDLE); /* opened for writing, and nothing written */
    pass(100000);
    assert_held(FILE_1, SEAL_HELD_KILLED);
    seal_renamed(seal, FILE_1, "b", 1);
    pass(0);
    assert_sealed(FILE_1, 1);
}

static void closing_finishes_what_is_whole(void **state)
{
    pid_t maker = start(), other = start();

    (void)state;
    open_seal();
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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
    create_file(FILE_1, "a", getpid());
    close_file(FILE_1, getpid());
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_sealed_when_it_has_settled),
        TEST(a_change_starts_the_time_anew),
        TEST(two_handles_must_both_be_released),
        TEST(readers_are_not_waited_for),
        TEST(a_sealed_file_that_is_changed_is_sealed_again),
        TEST(a_failure_is_tried_again),
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
        TEST(a_tree_is_sealed_soon_after_its_maker_exits),
        TEST(a_tree_of_several_makers_takes_its_time),
        TEST(a_tree_is_marked_again_after_a_change),
        TEST(an_open_file_keeps_its_tree_open),
        TEST(a_killed_writer_below_interrupts_the_tree),
        TEST(a_handle_moves_with_its_file),
        TEST(a_crash_interrupts_what_was_open),
        TEST(a_marked_tree_goes_on),
        TEST(an_interruption_outlives_a_restart),
        TEST(closing_finishes_what_is_whole),
        TEST(who_writes_is_known),
        TEST(the_last_release_lets_an_acknowledged_entry_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
