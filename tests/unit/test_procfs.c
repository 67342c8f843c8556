#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/procfs.h"

static void own_files_are_read(void **state)
{
    char text[PROCFS_TEXT_MAX], begin[32];

    (void)state;
    assert_int_equal(procfs_status(getpid(), text), PROCFS_OK);
    assert_non_null(strstr(text, "\nVmSize:"));
    snprintf(begin, sizeof(begin), "%d (", (int)getpid());
    assert_int_equal(procfs_stat(getpid(), text), PROCFS_OK);
    assert_memory_equal(text, begin, strlen(begin));
}

static void nobody_is_unknown(void **state)
{
    char text[PROCFS_TEXT_MAX];

    (void)state;
    assert_int_equal(procfs_status(0, text), PROCFS_UNKNOWN);
    assert_int_equal(procfs_stat(0, text), PROCFS_UNKNOWN);
    assert_int_equal(procfs_stat(-1, text), PROCFS_UNKNOWN);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(procfs_stat(child, text), PROCFS_UNKNOWN);
}

/* A zombie has given up its memory, as whoever is ending has. */
static void of_who_has_ended_there_is_a_line(void **state)
{
    char text[PROCFS_TEXT_MAX];
    siginfo_t info;

    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(procfs_status(child, text), PROCFS_OK);
    assert_null(strstr(text, "\nVmSize:"));
    assert_int_equal(procfs_stat_of_exiting(child, text), PROCFS_OK);
    assert_non_null(strstr(text, ") Z "));
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void *read_often(void *arg)
{
    char text[PROCFS_TEXT_MAX];

    for (int i = 0; i < 500; i++)
        if (procfs_stat(getpid(), text) != PROCFS_OK)
            ++*(int *)arg;
    return NULL;
}

/* More at once than there are threads. */
static void many_ask_at_once(void **state)
{
    pthread_t threads[2 * PROCFS_THREADS_MAX];
    int failed[2 * PROCFS_THREADS_MAX] = {0};

    (void)state;
    for (int i = 0; i < 2 * PROCFS_THREADS_MAX; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &failed[i]), 0);
    for (int i = 0; i < 2 * PROCFS_THREADS_MAX; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failed[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_files_are_read),
        cmocka_unit_test(nobody_is_unknown),
        cmocka_unit_test(of_who_has_ended_there_is_a_line),
        cmocka_unit_test(many_ask_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
