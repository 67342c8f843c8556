/* worker.c against a service of a few lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/options.h"
#include "fs/service.h"
#include "fs/worker.h"
#include "store/store.h"

static struct {
    int locked; /* how often it is in use */
    int opened, closed, started, ended;
    int start_result, loop_result;
    char dir[PATH_MAX];
} fake;

static struct service *const service = (struct service *)0x10;

int service_open(struct service **out, const struct options *options, const char *store_dir,
                 uid_t uid, gid_t gid, char *why)
{
    (void)options;
    (void)uid;
    (void)gid;
    fake.opened++;
    strcpy(fake.dir, store_dir);
    if (fake.locked > 0) {
        fake.locked--;
        strcpy(why, "in use by process 42");
        return STORE_ERR_LOCKED;
    }
    if (fake.locked < 0) {
        strcpy(why, "foreign");
        return STORE_ERR_FOREIGN;
    }
    *out = service;
    return 0;
}

int service_start(struct service *s, int fuse_fd, char *why)
{
    assert_ptr_equal(s, service);
    assert_int_equal(fuse_fd, 77);
    fake.started++;
    strcpy(why, "no reason");
    return fake.start_result;
}

int service_loop(struct service *s)
{
    assert_ptr_equal(s, service);
    return fake.loop_result;
}

void service_end(struct service *s)
{
    assert_ptr_equal(s, service);
    fake.ended++;
}

void service_close(struct service *s)
{
    assert_ptr_equal(s, service);
    fake.closed++;
}

/* ---- the tests ---- */

static char base[PATH_MAX];
static char why[WORKER_WHY_MAX];
static struct options options;

static int setup(void **state)
{
    char template[] = "/tmp/test_worker.XXXXXX";

    (void)state;
    memset(&fake, 0, sizeof(fake));
    memset(&options, 0, sizeof(options));
    return mkdtemp(template) && realpath(template, base) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[PATH_MAX + 16];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", base);
    return system(command);
}

static const char *in_base(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

static bool exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static void a_service_is_run_from_open_to_close(void **state)
{
    struct worker *w = NULL;

    (void)state;
    assert_int_equal(worker_open(&w, &options, in_base("state/s"), 1, 2, why), 0);
    assert_string_equal(fake.dir, in_base("state/s"));
    assert_int_equal(worker_start(w, 77, why), 0);
    fake.loop_result = -5;
    assert_int_equal(worker_serve(w), -5);
    worker_end(w);
    worker_close(w);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.started, 1);
    assert_int_equal(fake.ended, 1);
    assert_int_equal(fake.closed, 1);
    worker_close(NULL);
}

static void the_default_place_is_made_and_no_other(void **state)
{
    struct worker *w = NULL;

    (void)state;
    assert_int_equal(worker_open(&w, &options, in_base("a/b/s"), 1, 2, why), 0);
    assert_true(exists(in_base("a/b")));
    assert_false(exists(in_base("a/b/s"))); /* that is the store's */
    worker_close(w);
    strcpy(options.store, "given");
    assert_int_equal(worker_open(&w, &options, in_base("c/d/s"), 1, 2, why), 0);
    assert_false(exists(in_base("c")));
    worker_close(w);
}

static void a_daemon_that_is_ending_is_waited_for(void **state)
{
    struct worker *w = NULL;

    (void)state;
    fake.locked = 3;
    assert_int_equal(worker_open(&w, &options, in_base("s"), 1, 2, why), 0);
    assert_int_equal(fake.opened, 4);
    worker_close(w);
}

static void other_errors_are_not_waited_for(void **state)
{
    struct worker *w = NULL;

    (void)state;
    fake.locked = -1;
    assert_int_equal(worker_open(&w, &options, in_base("s"), 1, 2, why), -1);
    assert_string_equal(why, "foreign");
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.closed, 0);
    assert_null(w);
}

static void a_start_can_fail(void **state)
{
    struct worker *w = NULL;

    (void)state;
    assert_int_equal(worker_open(&w, &options, in_base("s"), 1, 2, why), 0);
    fake.start_result = STORE_ERR_NOMEM;
    assert_int_equal(worker_start(w, 77, why), -1);
    assert_string_equal(why, "no reason");
    worker_close(w);
    assert_int_equal(fake.closed, 1);
}

static void descriptors_are_not_short(void **state)
{
    struct worker *w = NULL;
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(worker_open(&w, &options, in_base("s"), 1, 2, why), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur == limit.rlim_max);
    worker_close(w);
}

/* With the real store. */
static void checking_makes_nothing(void **state)
{
    struct store *store;
    char said[STORE_WHY_MAX];

    (void)state;
    assert_int_equal(worker_check(in_base("a/s"), why), 0);
    assert_false(exists(in_base("a")));
    assert_int_equal(store_open(&store, in_base("s"), io_real(), said), 0);
    assert_int_equal(worker_check(in_base("s"), why), -1);
    assert_non_null(strstr(why, in_base("s"))); /* it is in use */
    store_close(store);
    assert_int_equal(worker_check(in_base("s"), why), 0);
    FILE *f = fopen(in_base("file"), "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(worker_check(in_base("file"), why), -1);
    assert_non_null(strstr(why, in_base("file")));
    assert_int_equal(worker_check(in_base("file/s"), why), -1);
    assert_non_null(strstr(why, in_base("file/s")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_service_is_run_from_open_to_close),
        TEST(the_default_place_is_made_and_no_other),
        TEST(a_daemon_that_is_ending_is_waited_for),
        TEST(other_errors_are_not_waited_for),
        TEST(a_start_can_fail),
        TEST(descriptors_are_not_short),
        TEST(checking_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
