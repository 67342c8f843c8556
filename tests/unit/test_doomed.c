#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/doomed.h"

#define SET(signal) ((uint64_t)1 << ((signal)-1))
#define KILLED SET(SIGKILL)

struct sets {
    uint64_t mine, shared, blocked, ignored, caught;
};

static pid_t judge(struct sets s)
{
    char text[512];
    snprintf(text, sizeof(text),
             "Name:\tcp\nState:\tD (disk sleep)\nTgid:\t42\nPid:\t43\nSigQ:\t1/128\n"
             "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n"
             "SigIgn:\t%016llx\nSigCgt:\t%016llx\nCapInh:\t0000000000000000\n",
             (unsigned long long)s.mine, (unsigned long long)s.shared,
             (unsigned long long)s.blocked, (unsigned long long)s.ignored,
             (unsigned long long)s.caught);

    return doomed_of_status(text);
}

static void fatal_signals_doom(void **state)
{
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXCPU, SIGQUIT, 40};

    (void)state;
    assert_int_equal(judge((struct sets){.mine = KILLED, .shared = KILLED}), 42);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        uint64_t set = SET(signals[i]);
        assert_int_equal(judge((struct sets){.mine = KILLED, .shared = set}), 42);
        assert_int_equal(judge((struct sets){.shared = set}), 42); /* dumps its core, perhaps */
        assert_int_equal(judge((struct sets){.mine = KILLED | set}), 42); /* to the thread */
        assert_int_equal(judge((struct sets){.shared = set, .caught = set}), 0);
        assert_int_equal(judge((struct sets){.shared = set, .ignored = set}), 0);
        assert_int_equal(judge((struct sets){.shared = set, .blocked = set}), 0);
        /* another thread of it does not block it */
        assert_int_equal(judge((struct sets){.mine = KILLED, .shared = set, .blocked = set}), 42);
    }
}

static void others_do_not(void **state)
{
    const int signals[] = {SIGCHLD, SIGWINCH, SIGURG, SIGCONT, SIGSTOP, SIGTSTP};

    (void)state;
    assert_int_equal(judge((struct sets){0}), 0);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        assert_int_equal(judge((struct sets){.mine = SET(signals[i]), .shared = SET(signals[i])}),
                         0);
    /* another thread exits, or executes another program */
    assert_int_equal(judge((struct sets){.mine = KILLED}), 0);
    assert_int_equal(judge((struct sets){.mine = KILLED, .shared = SET(SIGCHLD)}), 0);
}

static void a_text_of_another_kind_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(doomed_of_status(""), 0);
    assert_int_equal(doomed_of_status("\nShdPnd:"), 0);
    assert_int_equal(doomed_of_status("x\nShdPnd:\t100"), 0); /* of whom? */
}

/* Blocked, so that it stays pending in a thread that is no request's; then that of a live one. */
static void the_kernel_s_text_is_understood(void **state)
{
    int gate[2];
    char byte;

    (void)state;
    assert_int_equal(pipe(gate), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sigset_t set;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        if (write(gate[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(gate[0], &byte, 1), 1);
    kill(pid, SIGTERM);
    doomed_look(pid);
    doomed_look(getpid());
    doomed_look(0);
    assert_false(doomed_has(pid));
    assert_false(doomed_has(getpid()));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    doomed_look(pid); /* nobody */
    assert_false(doomed_has(pid));
    close(gate[0]);
    close(gate[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fatal_signals_doom),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(a_text_of_another_kind_says_nothing),
        cmocka_unit_test(the_kernel_s_text_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
