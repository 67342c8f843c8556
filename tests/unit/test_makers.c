#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/makers.h"

static void exit_well(int signal)
{
    (void)signal;
    _exit(1); /* whatever the code: it has ended by itself */
}

/* A process that runs until it is ended, and no longer than this one. */
static pid_t start(void)
{
    void (*before)(int) = signal(SIGUSR1, exit_well); /* it may come as soon as there is a child */
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    signal(SIGUSR1, before);
    return pid;
}

/* It is gone, but its parent has not heard of it. */
static void signal_it(pid_t pid, int signal)
{
    siginfo_t info;

    kill(pid, signal);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void end_by(pid_t pid, int signal)
{
    kill(pid, signal);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void end(pid_t pid)
{
    end_by(pid, SIGUSR1);
}

/* Does this kernel remember how a process ended? */
static bool endings_are_known(void)
{
    struct ending e;
    pid_t pid = start();

    ending_watch(&e, pid);
    end_by(pid, SIGKILL);
    bool known = ending_look(&e) == ENDING_KILLED;
    ending_release(&e);
    return known;
}

static void a_maker_is_done_when_it_has_exited(void **state)
{
    struct makers m = {0};
    pid_t maker = start();

    (void)state;
    makers_begin(&m, maker, 0);
    assert_int_equal(m.maker.pid, maker);
    assert_false(makers_done(&m));
    assert_false(makers_gone(&m));
    assert_true(makers_has(&m, maker));
    end(maker);
    assert_true(makers_done(&m));
    assert_true(makers_gone(&m));
    assert_true(makers_done(&m)); /* and stays so */
}

static void a_stranger_is_not_the_maker_s(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), stranger = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, stranger, 0);
    assert_true(m.strangers);
    end(maker);
    assert_false(makers_gone(&m)); /* the stranger runs */
    end(stranger);
    assert_true(makers_gone(&m));
    assert_false(makers_done(&m));
}

/* The maker is this process; so all that it forks descend from it. */
static void descendants_are_the_maker_s(void **state)
{
    struct makers m = {0};
    pid_t child = start();

    (void)state;
    makers_begin(&m, getpid(), 0);
    makers_saw(&m, child, 0);
    assert_false(m.strangers);
    assert_int_equal(m.count, 2);
    end(child);
    assert_false(makers_gone(&m)); /* the maker runs */
    assert_int_equal(m.count, 1);
    assert_false(m.strangers);
}

static void a_descendant_that_runs_on_is_waited_for(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), child = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, child, 0);
    m.strangers = false; /* as if it were the maker's */
    end(maker);
    assert_false(makers_done(&m));
    end(child);
    assert_true(makers_done(&m));
}

static void a_maker_is_at_work_until_it_has_exited(void **state)
{
    struct makers m = {0};
    pid_t maker = start();

    (void)state;
    assert_int_equal(makers_at_work(&m), 0); /* a tree from before we started */
    makers_begin(&m, maker, 0);
    assert_int_equal(makers_at_work(&m), maker);
    assert_in_range(m.maker_age_ms, 0, 600000); /* the machine may be slow */
    ending_release(&m.list[0].ending);
    m.maker.start = ++m.list[0].id.start; /* the number is another process's now */
    assert_int_equal(makers_at_work(&m), 0);
    makers_begin(&m, maker, 0);
    end(maker);
    assert_int_equal(makers_at_work(&m), 0);
    makers_begin(&m, 0, 0); /* of another pid namespace */
    assert_int_equal(makers_at_work(&m), 0);
}

/* It may leave the work to them. */
static void descendants_go_on_with_the_work(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), child = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, child, 0);
    m.strangers = false; /* as if it were the maker's */
    end(maker);
    assert_int_equal(makers_at_work(&m), child);
    end(child);
    assert_int_equal(makers_at_work(&m), 0);
}

static void nobody_waits_for_those_who_share_or_rename_it(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), stranger = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, stranger, 0);
    assert_int_equal(makers_at_work(&m), 0);
    makers_begin(&m, maker, 0);
    makers_renamed(&m);
    assert_int_equal(makers_at_work(&m), 0);
    end(maker);
    assert_true(makers_done(&m)); /* which goes by who, not by names */
    end(stranger);
}

static void nobody_is_a_stranger_that_never_exits(void **state)
{
    struct makers m = {0};
    pid_t maker = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, 0, 0);
    end(maker);
    assert_true(m.strangers && m.lost);
    assert_false(makers_gone(&m));
    assert_false(makers_done(&m));
}

static void an_unknown_maker_is_never_done(void **state)
{
    struct makers m = {0};

    (void)state;
    makers_begin(&m, 0, 0);
    assert_int_equal(m.maker.pid, 0);
    assert_false(makers_done(&m));
    makers_clear(&m); /* a tree from before we started */
    assert_true(makers_gone(&m));
    assert_false(makers_done(&m));
}

/* A thread number is looked up again after a second, not before. */
static void a_number_is_trusted_for_a_while(void **state)
{
    struct makers m = {0};
    pid_t pid = start();

    (void)state;
    makers_saw(&m, pid, 1000);
    end(pid);
    makers_saw(&m, pid, 1000 + MAKERS_TRUST_MS - 1);
    assert_false(m.lost);
    makers_saw(&m, pid, 1000 + MAKERS_TRUST_MS);
    assert_true(m.lost); /* whoever that was, nobody knows */
}

static void the_gone_make_room(void **state)
{
    struct makers m = {0};
    pid_t pids[MAKERS_MAX + 1];

    (void)state;
    for (int i = 0; i < MAKERS_MAX; i++) {
        pids[i] = start();
        makers_saw(&m, pids[i], 0);
    }
    assert_int_equal(m.count, MAKERS_MAX);
    end(pids[0]);
    pids[0] = start();
    makers_saw(&m, pids[0], 0);
    assert_int_equal(m.count, MAKERS_MAX);
    assert_false(m.lost);
    pids[MAKERS_MAX] = start();
    makers_saw(&m, pids[MAKERS_MAX], 0);
    assert_true(m.lost);
    for (int i = 0; i <= MAKERS_MAX; i++)
        end(pids[i]);
    assert_false(makers_gone(&m));
}

/* ---- how they end ---- */

static void a_kill_is_told_once(void **state)
{
    const int signals[] = {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGPIPE};

    (void)state;
    if (!endings_are_known())
        skip();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct makers m = {0};
        pid_t maker = start();
        makers_begin(&m, maker, 0);
        assert_false(makers_take_kill(&m));
        end_by(maker, signals[i]);
        assert_false(makers_gone(&m));
        assert_false(makers_done(&m)); /* before anybody has asked */
        assert_true(makers_take_kill(&m));
        assert_false(makers_take_kill(&m));
        assert_true(makers_done(&m));
    }
}

/* The maker goes on; and others that are killed need not be its own. */
static void a_kill_of_anybody_who_was_seen_counts(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), other = start(), reader = start();

    (void)state;
    if (!endings_are_known())
        skip();
    makers_begin(&m, maker, 0);
    makers_saw(&m, other, 0);
    end_by(reader, SIGKILL); /* which changed nothing */
    assert_false(makers_take_kill(&m));
    end_by(other, SIGTERM);
    assert_true(makers_take_kill(&m));
    end(maker);
    assert_false(makers_take_kill(&m));
    assert_true(makers_gone(&m));
}

/* The gone make room for others, but a kill is not forgotten with them. */
static void a_kill_among_many_is_not_lost(void **state)
{
    struct makers m = {0};

    (void)state;
    if (!endings_are_known())
        skip();
    for (int i = 0; i < 4 * MAKERS_MAX; i++) {
        pid_t pid = start();
        makers_saw(&m, pid, i);
        end_by(pid, i == 5 ? SIGKILL : SIGUSR1);
    }
    assert_false(m.lost);
    assert_true(makers_take_kill(&m));
    assert_true(makers_gone(&m));
}

static void who_is_not_reaped_is_waited_for(void **state)
{
    struct makers m = {0};
    pid_t maker = start();

    (void)state;
    if (!endings_are_known())
        skip();
    makers_begin(&m, maker, 0);
    assert_int_equal(makers_unreaped(&m), 0); /* it runs */
    signal_it(maker, SIGKILL);
    assert_false(makers_take_kill(&m));
    assert_false(makers_done(&m));
    assert_int_equal(makers_at_work(&m), maker);
    waitpid(maker, NULL, 0);
    assert_true(makers_take_kill(&m));
    assert_true(makers_done(&m));
}

/* How a process that was not reaped ended, when this has been said of it. */
static void tell(struct makers *m, enum writer_end end, int signal)
{
    pid_t pid = start();

    makers_clear(m);
    makers_begin(m, pid, 0);
    signal_it(pid, signal);
    assert_int_equal(makers_unreaped(m), pid);
    assert_int_equal(makers_unreaped(m), 0); /* once */
    makers_told(m, pid, end);
}

static void the_witness_may_know_earlier(void **state)
{
    struct makers m = {0};

    (void)state;
    if (!endings_are_known())
        skip();
    tell(&m, WRITER_KILLED, SIGKILL);
    assert_true(makers_take_kill(&m));
    assert_true(makers_done(&m));
    tell(&m, WRITER_EXITS, SIGUSR1);
    assert_true(makers_done(&m));
    assert_false(makers_take_kill(&m));
    tell(&m, WRITER_ENDS, SIGKILL);
    assert_false(makers_done(&m));
    while (wait(NULL) > 0)
        continue;
    assert_true(makers_take_kill(&m));
    makers_told(&m, 1, WRITER_KILLED); /* it was reaped meanwhile */
    assert_false(makers_take_kill(&m));
}

static void what_was_made_good_is_not_told_later(void **state)
{
    struct makers m = {0};
    pid_t maker = start(), other = start();

    (void)state;
    makers_begin(&m, maker, 0);
    makers_saw(&m, other, 0);
    end_by(maker, SIGKILL);
    signal_it(other, SIGKILL);
    makers_forgive(&m);
    waitpid(other, NULL, 0);
    assert_false(makers_take_kill(&m));
    assert_true(makers_gone(&m));
}

static void descriptors_have_a_bound_and_are_given_back(void **state)
{
    enum { TREES = ENDINGS_MAX + 8 };
    struct makers m[TREES] = {0};
    pid_t pid = start();
    int before = ending_count();

    (void)state;
    for (int i = 0; i < TREES; i++)
        makers_begin(&m[i], pid, 0);
    assert_in_range(ending_count(), 0, ENDINGS_MAX);
    makers_begin(&m[0], pid, 0);
    assert_false(makers_gone(&m[TREES - 1])); /* known without one, too */
    end_by(pid, SIGKILL);
    assert_true(makers_gone(&m[TREES - 1])); /* as long ago, when nobody knew how */
    for (int i = 0; i < TREES; i++)
        makers_clear(&m[i]);
    assert_int_equal(ending_count(), before);
}

int main(void)
{
    signal(SIGHUP, SIG_DFL); /* which nohup ignores, and then for our children, too */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_maker_is_done_when_it_has_exited),
        cmocka_unit_test(a_stranger_is_not_the_maker_s),
        cmocka_unit_test(descendants_are_the_maker_s),
        cmocka_unit_test(a_descendant_that_runs_on_is_waited_for),
        cmocka_unit_test(a_maker_is_at_work_until_it_has_exited),
        cmocka_unit_test(descendants_go_on_with_the_work),
        cmocka_unit_test(nobody_waits_for_those_who_share_or_rename_it),
        cmocka_unit_test(nobody_is_a_stranger_that_never_exits),
        cmocka_unit_test(an_unknown_maker_is_never_done),
        cmocka_unit_test(a_number_is_trusted_for_a_while),
        cmocka_unit_test(the_gone_make_room),
        cmocka_unit_test(a_kill_is_told_once),
        cmocka_unit_test(a_kill_of_anybody_who_was_seen_counts),
        cmocka_unit_test(a_kill_among_many_is_not_lost),
        cmocka_unit_test(who_is_not_reaped_is_waited_for),
        cmocka_unit_test(the_witness_may_know_earlier),
        cmocka_unit_test(what_was_made_good_is_not_told_later),
        cmocka_unit_test(descriptors_have_a_bound_and_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
