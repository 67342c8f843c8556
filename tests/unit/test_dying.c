#include "fs/dying.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void *stay(void *arg)
{
    while (!arg)
        pause();
    return arg;
}

/* A process of that name whose first thread ends, or stays, after a second one was started. */
static pid_t start(const char *name, bool first_ends)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_NAME, name);
        if (pthread_create(&thread, NULL, stay, NULL) || write(ready[1], "x", 1) != 1)
            _exit(1);
        if (first_ends)
            pthread_exit(NULL);
        stay(NULL);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* pthread_exit comes a moment after the byte. */
static bool becomes_dying(pid_t pid)
{
    for (int i = 0; i < 20000 && !dying_is(pid); i++)
        usleep(1000);
    return dying_is(pid);
}

static void whose_first_thread_is_gone(void **state)
{
    (void)state;
    pid_t pid = start("mount.wormholefs", true);
    assert_true(becomes_dying(pid));
    assert_true(dying_exists());
    end(pid);
    assert_false(dying_is(pid));
}

static void by_its_other_name(void **state)
{
    (void)state;
    pid_t pid = start("mount.fuse.wormholefs", true);
    assert_true(becomes_dying(pid));
    end(pid);
}

static void not_one_that_lives(void **state)
{
    (void)state;
    pid_t pid = start("mount.wormholefs", false);
    assert_false(dying_is(pid));
    end(pid);
}

/* All of it has ended; it only waits for its parent. */
static void not_one_that_has_ended(void **state)
{
    (void)state;
    siginfo_t info;
    pid_t pid = start("mount.wormholefs", true);
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(dying_is(pid));
    end(pid);
}

static void not_a_stranger(void **state)
{
    (void)state;
    pid_t pid = start("mount.something", true), ours = start("mount.wormholefs", true);
    assert_true(becomes_dying(ours)); /* by then the stranger has had the same time */
    assert_false(dying_is(pid));
    end(pid);
    end(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_first_thread_is_gone),
        cmocka_unit_test(by_its_other_name),
        cmocka_unit_test(not_one_that_lives),
        cmocka_unit_test(not_one_that_has_ended),
        cmocka_unit_test(not_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
