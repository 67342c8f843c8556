#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/writer.h"

/* A line of /proc/PID/stat with this name, state, flags, threads and exit code. */
static int parse(struct writer_stat *out, const char *name, char state, unsigned flags, int threads,
                 unsigned exit_code)
{
    char text[1024];

    int len =
        snprintf(text, sizeof(text),
                 "4242 (%s) %c 17 4242 1 0 -1 %u 1 2 3 4 5 6 7 8 20 0 %d 0 987654 1 2 3 "
                 "4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 %u\n",
                 name, state, flags, threads, exit_code);
    return writer_stat_parse(out, text, (size_t)len);
}

static void a_stat_line_is_taken_apart(void **state)
{
    struct writer_stat s;

    (void)state;
    assert_int_equal(parse(&s, "cat", 'S', 0x400104, 3, 9), 0);
    assert_int_equal(s.tid, 4242);
    assert_string_equal(s.name, "cat");
    assert_int_equal(s.state, 'S');
    assert_int_equal(s.parent, 17);
    assert_true(s.flags == 0x400104);
    assert_int_equal(s.threads, 3);
    assert_true(s.start == 987654);
    assert_int_equal(s.exit_code, 9);
}

static void a_name_may_hold_anything(void **state)
{
    struct writer_stat s;

    (void)state;
    assert_int_equal(parse(&s, "a) Z 1 (b\n c", 'R', 0, 1, 0), 0);
    assert_string_equal(s.name, "a) Z 1 (b? c");
    assert_int_equal(s.state, 'R');
    assert_int_equal(s.parent, 17);
    assert_int_equal(parse(&s, "", 'R', 0, 1, 0), 0);
    assert_string_equal(s.name, "");
}

static void what_is_no_stat_line_is_refused(void **state)
{
    static const char *const bad[] = {"", "12", "12 (x", "12 x) S 1", "12 (x) S 1 2 3", ")("};
    static char huge[8192];
    struct writer_stat s;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(writer_stat_parse(&s, bad[i], strlen(bad[i])), -1);
    memset(huge, ' ', sizeof(huge));
    assert_int_equal(writer_stat_parse(&s, huge, sizeof(huge)), -1);
}

static void status_names_the_process(void **state)
{
    static const char text[] = "Name:\tTgid:\nUmask:\t0022\nTgid:\t123\nNgid:\t0\n";

    (void)state;
    assert_int_equal(writer_status_pid(text), 123);
    assert_int_equal(writer_status_pid("Name:\tx\n"), 0);
    assert_int_equal(writer_status_pid("Name:\tx\nTgid:"), 0);
}

static void a_thread_that_ends_has_no_memory(void **state)
{
    (void)state;
    assert_true(writer_status_exiting("Name:\tx\nTgid:\t123\nThreads:\t1\n"));
    assert_false(
        writer_status_exiting("Name:\tx\nTgid:\t123\nVmPeak:\t8 kB\nVmSize:\t4 kB\nThreads:\t1\n"));
    assert_false(writer_status_exiting("")); /* nothing is known */
    assert_false(writer_status_exiting("Name:\tx\nTgid:\t123\nGroups:\t0 1 2")); /* cut */
}

static void a_kill_is_exiting_with_a_signal(void **state)
{
    static const struct {
        unsigned flags, code;
        bool readable;
        enum writer_end end;
    } cases[] = {
        {0x400000, 0, true, WRITER_GOES_ON},
        {0x400000, 9, true, WRITER_GOES_ON},    /* a code without exiting means nothing */
        {0x000400, 0, true, WRITER_GOES_ON},    /* PF_SIGNALED alone */
        {0x000404, 0, true, WRITER_EXITS},      /* a thread of a program that calls exit() */
        {0x000004, 1 << 8, true, WRITER_EXITS}, /* exit(1) */
        {0x000004, 9, true, WRITER_KILLED},
        {0x000004, 143 << 8, true, WRITER_KILLED}, /* it caught SIGTERM */
        {0x000004, 20 << 8, true, WRITER_KILLED},  /* rsync did */
        {0x000004, 128 << 8, true, WRITER_EXITS},  /* git's own way to fail */
        {0x000004, 255 << 8, true, WRITER_EXITS},
        {0x000404, 15, true, WRITER_KILLED},
        {0x000004, 0x80 | 11, true, WRITER_KILLED}, /* with a core dump */
        {0x000004, 0, false, WRITER_ENDS},
        {0x000404, 0, false, WRITER_ENDS},
        {0x400000, 0, false, WRITER_GOES_ON},
    };
    struct writer_stat s;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(&s, "x", 'R', cases[i].flags, 1, cases[i].code), 0);
        assert_int_equal(writer_end_of(&s, cases[i].readable), cases[i].end);
    }
}

static void we_are_known(void **state)
{
    struct writer_id me, again;
    char name[WRITER_NAME_MAX];
    pid_t pid;

    (void)state;
    assert_int_equal(prctl(PR_SET_NAME, "odd) name"), 0);
    assert_int_equal(writer_identify(getpid(), &me), 0);
    assert_int_equal(me.pid, getpid());
    assert_true(me.start > 0);
    assert_int_equal(writer_identify(getpid(), &again), 0);
    assert_true(writer_id_equal(&me, &again));
    assert_false(writer_is_gone(&me));
    assert_int_equal(writer_at_flush(getpid()), WRITER_GOES_ON);
    assert_true(writer_describe(getpid(), name, &pid));
    assert_string_equal(name, "odd) name");
    assert_int_equal(pid, getpid());
    again.start++;
    assert_false(writer_id_equal(&me, &again));
    assert_true(writer_is_gone(&again)); /* the number was reused */
}

static void an_age_is_counted_from_the_start(void **state)
{
    struct writer_id me, first = {.pid = 1, .start = 0}, future;

    (void)state;
    assert_int_equal(writer_identify(getpid(), &me), 0);
    future = me;
    future.start += 100000000;
    int64_t age_ms = writer_age_ms(&me);
    assert_in_range(age_ms, 0, 600000); /* the machine may be slow */
    me.start -= 100;                    /* ticks */
    assert_in_range(writer_age_ms(&me) - age_ms, 100000 / sysconf(_SC_CLK_TCK), 600000);
    assert_true(writer_age_ms(&first) > age_ms);
    assert_true(writer_age_ms(&future) == INT64_MAX);
    assert_true(writer_age_ms(&(struct writer_id){0}) == INT64_MAX);
}

static void nobody_is_unknown(void **state)
{
    struct writer_id id;
    char name[WRITER_NAME_MAX];
    pid_t pid;

    (void)state;
    assert_int_equal(writer_identify(0, &id), -1);
    assert_int_equal(writer_identify(-1, &id), -1);
    assert_int_equal(writer_at_flush(0), WRITER_GOES_ON);
    assert_false(writer_describe(0, name, &pid));
    assert_false(writer_same_process(0, 0));
}

/* A thread tells its id, and waits until it may end. */
struct thread {
    pthread_t thread;
    pid_t tid;
    int told[2], end[2];
};

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    char byte;

    t->tid = (pid_t)syscall(SYS_gettid);
    (void)!write(t->told[1], "", 1);
    (void)!read(t->end[0], &byte, 1);
    return NULL;
}

static void threads_belong_to_their_process(void **state)
{
    struct thread t;
    struct writer_id me, its;
    char byte;

    (void)state;
    assert_int_equal(pipe(t.told), 0);
    assert_int_equal(pipe(t.end), 0);
    assert_int_equal(pthread_create(&t.thread, NULL, thread_main, &t), 0);
    assert_int_equal(read(t.told[0], &byte, 1), 1);
    assert_true(t.tid != getpid());
    assert_int_equal(writer_identify(getpid(), &me), 0);
    assert_int_equal(writer_identify(t.tid, &its), 0);
    assert_true(writer_id_equal(&me, &its));
    assert_true(writer_same_process(t.tid, getpid()));
    assert_false(writer_same_process(t.tid, getppid()));
    assert_int_equal(write(t.end[1], "", 1), 1);
    pthread_join(t.thread, NULL);
    for (int i = 0; i < 2; i++) {
        close(t.told[i]);
        close(t.end[i]);
    }
}

/* child → grandchild, which says its pid and waits. Ends when `end` is closed. */
static pid_t start_family(pid_t *grandchild, int *end)
{
    int told[2], wait[2];
    pid_t pid;
    char byte;

    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(wait), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(wait[1]);
        pid_t g = fork();
        if (g == 0) {
            pid = getpid();
            (void)!write(told[1], &pid, sizeof(pid));
        }
        (void)!read(wait[0], &byte, 1);
        if (g > 0)
            waitpid(g, NULL, 0);
        _exit(0);
    }
    close(wait[0]);
    assert_int_equal(read(told[0], grandchild, sizeof(*grandchild)), sizeof(*grandchild));
    close(told[0]);
    close(told[1]);
    *end = wait[1];
    return child;
}

static void descendants_are_found(void **state)
{
    struct writer_id me, child, other;
    pid_t grandchild;
    int end;

    (void)state;
    pid_t pid = start_family(&grandchild, &end);
    assert_int_equal(writer_identify(getpid(), &me), 0);
    assert_int_equal(writer_identify(pid, &child), 0);
    assert_true(writer_descends(pid, &me));
    assert_true(writer_descends(grandchild, &me));
    assert_true(writer_descends(grandchild, &child));
    assert_false(writer_descends(pid, &child)); /* not its own */
    assert_false(writer_descends(getpid(), &child));
    other = child;
    other.start--;
    assert_false(writer_descends(grandchild, &other)); /* an earlier process of that number */
    struct writer_id line[WRITER_PARENTS_MAX];
    assert_true(writer_line(grandchild, line) >= 3);
    assert_int_equal(line[0].pid, grandchild);
    assert_true(writer_id_equal(&line[1], &child));
    assert_true(writer_id_equal(&line[2], &me));
    assert_int_equal(writer_line(0, line), 0);
    close(end);
    waitpid(pid, NULL, 0);
    assert_true(writer_is_gone(&child));
}

static void a_zombie_is_gone(void **state)
{
    struct writer_id id;
    siginfo_t info;
    int hold[2];
    char byte;

    (void)state;
    assert_int_equal(pipe(hold), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(hold[1]);
        (void)!read(hold[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(writer_identify(pid, &id), 0);
    assert_false(writer_is_gone(&id));
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(writer_is_gone(&id)); /* not yet reaped */
    assert_int_equal(writer_at_flush(pid), WRITER_KILLED);
    waitpid(pid, NULL, 0);
    assert_true(writer_is_gone(&id));
    close(hold[0]);
    close(hold[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stat_line_is_taken_apart),
        cmocka_unit_test(a_name_may_hold_anything),
        cmocka_unit_test(what_is_no_stat_line_is_refused),
        cmocka_unit_test(status_names_the_process),
        cmocka_unit_test(a_thread_that_ends_has_no_memory),
        cmocka_unit_test(a_kill_is_exiting_with_a_signal),
        cmocka_unit_test(we_are_known),
        cmocka_unit_test(an_age_is_counted_from_the_start),
        cmocka_unit_test(nobody_is_unknown),
        cmocka_unit_test(threads_belong_to_their_process),
        cmocka_unit_test(descendants_are_found),
        cmocka_unit_test(a_zombie_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
