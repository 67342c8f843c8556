#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/makers.h"

/* A process that runs until it is ended. */
static pid_t start(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        for (;;)
            pause();
    }
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_maker_is_done_when_it_has_exited(void **state)
{
    struct makers m;
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
    struct makers m;
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
    struct makers m;
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
    struct makers m;
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
    m.maker.start = ++m.list[0].id.start;       /* the number is another process's now */
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
    struct makers m;
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
    struct makers m;
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
    struct makers m;
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
    struct makers m;

    (void)state;
    makers_begin(&m, 0, 0);
    assert_int_equal(m.maker.pid, 0);
    assert_false(makers_done(&m));
    memset(&m, 0, sizeof(m)); /* a tree from before we started */
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

int main(void)
{
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
