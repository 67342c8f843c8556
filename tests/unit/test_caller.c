/* fs/face/caller.h: a thread's process. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "fs/face/caller.h"

static void our_own(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) { /* asked and remembered */
        struct writer_id us = caller_of(getpid());
        assert_int_equal(us.pid, getpid());
        assert_true(us.start > 0);
    }
}

static void *in_thread(void *arg)
{
    *(struct writer_id *)arg = caller_of(gettid());
    return NULL;
}

static void a_thread_is_its_process(void **state)
{
    pthread_t thread;
    struct writer_id id, us = caller_of(getpid());
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, in_thread, &id), 0);
    pthread_join(thread, NULL);
    assert_true(writer_id_equal(&id, &us));
}

static void nobody(void **state)
{
    (void)state;
    assert_int_equal(caller_of(0).pid, 0);
    assert_int_equal(caller_of(-1).pid, 0);
    assert_int_equal(caller_of(1 << 30).pid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own),
        cmocka_unit_test(a_thread_is_its_process),
        cmocka_unit_test(nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
