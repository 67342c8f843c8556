/* A seal without a store, for its tests: the turns of seal_turn.h on a table of a few lines, a
 * clock of the test's own (the timer thread is never started, the test takes its steps), and
 * processes that a test may end or kill. */
#ifndef TESTS_UNIT_SEAL_RIG_H
#define TESTS_UNIT_SEAL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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
    bool vanishes;  /* just before that everything is unlinked */
};

static struct fake fakes[ENTRIES_MAX];
static size_t fake_count;
static uint64_t moved_ino, moved_to; /* an inode that is not in the entry of its number's tens */
static size_t asked;                 /* for so many inodes: where are they? */
static void (*while_asked)(void);    /* happens once, after the answer was found */

static inline struct fake *fake_of(uint64_t ino)
{
    for (size_t i = 0; i < fake_count; i++)
        if (fakes[i].ino == ino)
            return &fakes[i];
    return NULL;
}

static inline void set_name(uint64_t ino, const char *name)
{
    struct fake *f = fake_of(ino);

    if (f) {
        f->look.row.name.len = (uint16_t)strlen(name);
        strcpy(f->look.row.name.text, name);
    }
}

static inline struct fake *add(uint64_t ino, const char *name, enum node_type kind)
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

static inline int take_error(struct fake *f)
{
    if (f && f->vanishes)
        fake_count = 0;
    if (!f || f->vanishes)
        return STORE_ERR_NOT_FOUND;
    int rc = f->next_error;
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
    asked += count;
    if (while_asked) {
        void (*happens)(void) = while_asked;
        while_asked = NULL;
        happens();
    }
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
    f->look.row.held_code = 0;
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
    if (rc == 0)
        f->look.row.held_code = why;
    return rc;
}

int seal_turn_good(struct store *s, struct engine *e, uint64_t entry)
{
    enum seal_hold hold = seal_rule_hold(fake_of(entry)->look.row.held_code);

    return seal_rule_accident(hold) == SEAL_WELL ? 0 : seal_turn_hold(s, e, entry, SEAL_NOT_HELD);
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

int seal_turn_mark_empty(struct store *s, uint64_t entry, const struct seal_turn_check *check)
{
    struct fake *f = fake_of(entry);

    if (!f || f->look.row.kind != NODE_FILE || !f->sum.bare)
        return 0;
    int rc = seal_turn_mark(s, entry, check);
    f->sum.whole = rc == 0;
    return rc;
}

const char *store_strerror(int err)
{
    (void)err;
    return "an error of the test";
}

/* ---- a clock, and processes ---- */

static int64_t clock_ms;
static struct seal *seal;

static inline int64_t fake_now(void)
{
    return clock_ms;
}

/* Everything that is due until `ms` from now happens, each at its time. */
static inline void pass(int64_t ms)
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

static inline void open_seal(void)
{
    assert_int_equal(seal_open(&seal, NULL, NULL, &(struct seal_options){300, 10000}), 0);
    /* What was seen at the start was seen by the real clock. */
    int64_t real = seal->now_ms();
    seal->now_ms = fake_now;
    clock_ms = real;
}

static inline int setup(void **state)
{
    (void)state;
    fake_count = 0;
    moved_ino = moved_to = 0;
    asked = 0;
    while_asked = NULL;
    seal = NULL;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    seal_close(seal);
    return 0;
}

static void exit_well(int signal)
{
    (void)signal;
    _exit(0);
}

static inline pid_t start(void)
{
    void (*before)(int) = signal(SIGUSR1, exit_well); /* it may come as soon as there is a child */
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    while (pid == 0)
        pause();
    signal(SIGUSR1, before);
    return pid;
}

/* Killed, and still there to be looked at; end() lets it go. */
static inline void kill_it(pid_t pid)
{
    siginfo_t info;

    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* It exits by itself, if it was not killed. */
static inline void end(pid_t pid)
{
    kill(pid, SIGUSR1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline const char *held(uint64_t ino)
{
    return fake_of(ino)->look.row.held;
}

static inline void assert_held(uint64_t ino, enum seal_hold why)
{
    assert_string_equal(held(ino), seal_rule_text(why));
    assert_int_equal(fake_of(ino)->look.row.held_code, why);
    assert_int_equal(fake_of(ino)->look.row.state, ENTRY_OPEN);
}

static inline void assert_sealed(uint64_t ino, int times)
{
    assert_int_equal(fake_of(ino)->seals, times);
    assert_string_equal(held(ino), "");
}

/* cp: created, opened, written, closed. */
static inline void create_file(uint64_t ino, const char *name, pid_t pid)
{
    add(ino, name, NODE_FILE);
    seal_created(seal, ino, ino, false, pid);
    seal_opened(seal, ino, ino, HANDLE, true, pid);
    seal_changed(seal, ino, HANDLE, pid);
}

static inline void close_file(uint64_t ino, pid_t pid)
{
    assert_true(seal_flushed(seal, ino, HANDLE, pid));
    seal_released(seal, ino, HANDLE);
}

/* A file of ours that is whole but for the time. */
static inline void make_file(uint64_t ino, const char *name)
{
    create_file(ino, name, getpid());
    close_file(ino, getpid());
}

/* Its writer is killed with the file open, and the file is released. */
static inline void lose_writer(uint64_t entry, pid_t pid)
{
    kill_it(pid);
    assert_false(seal_flushed(seal, entry, HANDLE, pid));
    seal_released(seal, entry, HANDLE);
    end(pid);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
