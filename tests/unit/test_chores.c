/* The two threads against an engine and a store of a few lines, which count and tell when they were
 * called. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fs/chores.h"
#include "fs/engine/engine.h"
#include "store/nodes.h"
#include "store/scrub.h"
#include "store/slack.h"

enum { DEADLINE_S = 20 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t called;
    int jobs; /* left to do */
    int done;
    int sweeps; /* that will find something */
    int swept, synced, reaped;
    bool owed, orphaned;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .called = PTHREAD_COND_INITIALIZER};

bool engine_work(struct engine *e)
{
    (void)e;
    pthread_mutex_lock(&fake.lock);
    bool worked = fake.jobs > 0;
    if (worked) {
        fake.jobs--;
        fake.done++;
    }
    pthread_cond_broadcast(&fake.called);
    pthread_mutex_unlock(&fake.lock);
    return worked;
}

bool store_sync_owed(struct store *s)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    bool owed = fake.owed;
    pthread_mutex_unlock(&fake.lock);
    return owed;
}

int store_sync(struct store *s)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    fake.synced++;
    fake.owed = false;
    pthread_cond_broadcast(&fake.called);
    pthread_mutex_unlock(&fake.lock);
    return 0;
}

bool store_reap(struct store *s)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    fake.reaped++;
    pthread_cond_broadcast(&fake.called);
    pthread_mutex_unlock(&fake.lock);
    return false;
}

bool node_sweep_owed(struct store *s)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    bool owed = fake.orphaned;
    pthread_mutex_unlock(&fake.lock);
    return owed;
}

int node_sweep(struct store *s)
{
    (void)s;
    pthread_mutex_lock(&fake.lock);
    fake.swept++;
    fake.orphaned = false;
    int more = fake.sweeps-- > 0;
    pthread_mutex_unlock(&fake.lock);
    return more;
}

/* Half a minute apart, which is too long for this test. */
bool scrub_owed(struct store *s)
{
    (void)s;
    return false;
}

int scrub_run(struct store *s)
{
    (void)s;
    return 0;
}

int slack_give_back(struct store *s)
{
    (void)s;
    return 0;
}

/* Waits until *counter is `want`. */
static void wait_until(const int *counter, int want)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&fake.lock);
    int rc = 0;
    while (*counter != want && rc == 0)
        rc = pthread_cond_timedwait(&fake.called, &fake.lock, &until);
    assert_int_equal(*counter, want);
    pthread_mutex_unlock(&fake.lock);
}

static void add_jobs(int count)
{
    pthread_mutex_lock(&fake.lock);
    fake.jobs += count;
    pthread_mutex_unlock(&fake.lock);
}

static void work_is_done_when_there_is_some(void **state)
{
    struct chores *c;

    (void)state;
    add_jobs(3); /* of an earlier run */
    assert_int_equal(chores_start(&c, NULL, NULL), 0);
    wait_until(&fake.done, 3);
    add_jobs(2);
    chores_wake(c);
    wait_until(&fake.done, 5);
    add_jobs(1);
    chores_wake(c);
    wait_until(&fake.done, 6);
    chores_stop(c);
    chores_wake(c); /* the network may still */
    chores_free(c);
    assert_int_equal(fake.jobs, 0);
}

static void the_store_is_tidied_when_something_was_committed(void **state)
{
    struct chores *c;

    (void)state;
    fake.owed = true;
    fake.sweeps = 2;
    assert_int_equal(chores_start(&c, NULL, NULL), 0);
    wait_until(&fake.synced, 1);
    chores_stop(c);
    chores_free(c);
    assert_int_equal(fake.swept, 3);
    assert_int_equal(fake.synced, 1);
    assert_int_equal(fake.reaped, 1);
}

static void files_that_are_only_remembered_are_tidied_too(void **state)
{
    struct chores *c;

    (void)state;
    fake.swept = fake.sweeps = 0;
    fake.orphaned = true;
    assert_int_equal(chores_start(&c, NULL, NULL), 0);
    wait_until(&fake.swept, 1);
    chores_stop(c);
    chores_free(c);
    assert_int_equal(fake.swept, 1);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    chores_wake(NULL);
    chores_stop(NULL);
    chores_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_when_there_is_some),
        cmocka_unit_test(the_store_is_tidied_when_something_was_committed),
        cmocka_unit_test(files_that_are_only_remembered_are_tidied_too),
        cmocka_unit_test(nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
