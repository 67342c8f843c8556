/* The witness is a thread here; the writers are processes that end in different ways. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/witness.h"

static int ends[2];

static int open_pair(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    witness_use(ends[0]);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    witness_use(-1);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static void *answer_all(void *arg)
{
    (void)arg;
    while (witness_answer(ends[1]) == 0)
        continue;
    return NULL;
}

/* A process that has ended in this way (a signal, or 0: by itself), not reaped yet. */
static pid_t ended(int signal)
{
    siginfo_t info;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (signal == 0)
            _exit(1);
        for (;;)
            pause();
    }
    if (signal)
        kill(pid, signal);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    return pid;
}

/* A witness that does not come to answer within the second is one that knows nothing; it is asked
 * again. */
static enum writer_end in_the_end(enum writer_end (*ask)(pid_t pid), pid_t pid)
{
    enum writer_end end = WRITER_ENDS;

    for (int i = 0; i < 20 && end == WRITER_ENDS; i++)
        end = ask(pid);
    return end;
}

static void the_witness_tells_how_it_ended(void **state)
{
    const struct {
        int signal;
        enum writer_end end;
    } cases[] = {{SIGKILL, WRITER_KILLED}, {SIGTERM, WRITER_KILLED}, {0, WRITER_EXITS}};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, answer_all, NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pid_t pid = ended(cases[i].signal);
        assert_int_equal(in_the_end(witness_ask, pid), cases[i].end);
        assert_int_equal(in_the_end(writer_at_flush, pid), cases[i].end);
        waitpid(pid, NULL, 0);
    }
    shutdown(ends[0], SHUT_RDWR);
    pthread_join(thread, NULL);
}

/* It is asked only about those who exit; of others we know better. */
static void who_goes_on_is_not_asked_about(void **state)
{
    char byte;

    (void)state;
    assert_int_equal(writer_at_flush(getpid()), WRITER_GOES_ON);
    assert_int_equal(writer_at_flush(0), WRITER_GOES_ON);
    assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), -1);
}

static void a_dead_witness_knows_nothing(void **state)
{
    (void)state;
    pid_t pid = ended(SIGKILL);
    close(ends[1]);
    ends[1] = -1;
    assert_int_equal(writer_at_flush(pid), WRITER_ENDS);
    waitpid(pid, NULL, 0);
}

static void one_that_dies_while_it_is_asked_knows_nothing(void **state)
{
    (void)state;
    pid_t pid = ended(SIGKILL);
    shutdown(ends[1], SHUT_WR);
    assert_int_equal(witness_ask(pid), WRITER_ENDS);
    waitpid(pid, NULL, 0);
}

static void a_silent_one_is_not_waited_for_for_long(void **state)
{
    (void)state;
    assert_int_equal(witness_ask(getpid()), WRITER_ENDS); /* returns: that is the test */
}

struct reply {
    uint32_t number;
    int32_t end;
};

/* What came before the question: answers to others, other sizes; then the right one, with this. */
static enum writer_end asked_with(uint32_t number, int32_t end)
{
    const struct reply late = {.number = number - 1, .end = WRITER_EXITS},
                       right = {.number = number, .end = end};
    const char nonsense[200] = "nonsense";

    assert_true(send(ends[1], &late, sizeof(late), 0) > 0);
    assert_true(send(ends[1], nonsense, sizeof(nonsense), 0) > 0);
    assert_true(send(ends[1], nonsense, 1, 0) > 0);
    assert_true(send(ends[1], &right, sizeof(right), 0) > 0);
    return witness_ask(1);
}

static uint32_t last_number(void)
{
    struct {
        uint32_t number;
        int32_t tid;
    } question;

    assert_int_equal(recv(ends[1], &question, sizeof(question), MSG_DONTWAIT), sizeof(question));
    return question.number;
}

static void only_the_answer_to_the_question_counts(void **state)
{
    (void)state;
    shutdown(ends[1], SHUT_WR); /* no answer: to learn the number */
    witness_ask(1);
    uint32_t number = last_number();
    close_pair(NULL);
    open_pair(NULL);
    assert_int_equal(asked_with(++number, WRITER_KILLED), WRITER_KILLED);
    assert_int_equal(asked_with(++number, WRITER_EXITS), WRITER_EXITS);
    assert_int_equal(asked_with(++number, WRITER_GOES_ON), WRITER_ENDS);
    assert_int_equal(asked_with(++number, WRITER_ENDS), WRITER_ENDS);
    assert_int_equal(asked_with(++number, 4711), WRITER_ENDS);
}

static void nonsense_is_not_answered(void **state)
{
    char byte = 0, large[500] = "";

    (void)state;
    assert_int_equal(send(ends[0], &byte, 1, 0), 1);
    assert_int_equal(witness_answer(ends[1]), 0);
    assert_int_equal(send(ends[0], large, sizeof(large), 0), sizeof(large));
    assert_int_equal(witness_answer(ends[1]), 0);
    assert_int_equal(recv(ends[0], &byte, 1, MSG_DONTWAIT), -1);
}

/* The witness is the supervisor: it must not be stopped by a worker that does not read. */
static void who_does_not_read_is_not_waited_for(void **state)
{
    const struct {
        uint32_t number;
        int32_t tid;
    } question = {.number = 1, .tid = 1};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(send(ends[0], &question, sizeof(question), 0), sizeof(question));
        assert_int_equal(witness_answer(ends[1]), 0);
    }
    close(ends[0]);
    ends[0] = -1;
    assert_int_equal(witness_answer(ends[1]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_witness_tells_how_it_ended, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(who_goes_on_is_not_asked_about, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_dead_witness_knows_nothing, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(one_that_dies_while_it_is_asked_knows_nothing, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(a_silent_one_is_not_waited_for_for_long, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(only_the_answer_to_the_question_counts, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(nonsense_is_not_answered, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(who_does_not_read_is_not_waited_for, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
