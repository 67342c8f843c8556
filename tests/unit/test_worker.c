/* worker.c and worker_process.c, with a service of a few lines: what that saw in its process is in
 * memory that both share. The sandbox is off here; test_sandbox has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/identity.h"
#include "fs/options.h"
#include "fs/service.h"
#include "fs/worker.h"
#include "store/store.h"
#include "tests/unit/temp_dir.h"

static struct fake {
    int locked; /* how often it is in use */
    int opened, closed, started, ended;
    int start_result, loop_result;
    bool waits; /* the loop ends when it is told to */
    bool dies;
    bool all_descriptors;
    char dir[PATH_MAX];
} * fake;

static struct service *const service = (struct service *)0x10;
static int told[2]; /* the end of the loop */

int service_open(struct service **out, const struct options *options, const char *store_dir,
                 uid_t uid, gid_t gid, char *why)
{
    struct rlimit limit;

    (void)options;
    (void)uid;
    (void)gid;
    fake->opened++;
    fake->all_descriptors =
        getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max;
    strcpy(fake->dir, store_dir);
    if (fake->locked > 0) {
        fake->locked--;
        strcpy(why, "in use by process 42");
        return STORE_ERR_LOCKED;
    }
    if (fake->locked < 0) {
        strcpy(why, "foreign");
        return STORE_ERR_FOREIGN;
    }
    *out = service;
    return 0;
}

int service_start(struct service *s, int fuse_fd, char *why)
{
    if (s == service && fcntl(fuse_fd, F_GETFD) >= 0)
        fake->started++;
    close(fuse_fd);
    strcpy(why, "no reason");
    return fake->start_result;
}

int service_loop(struct service *s)
{
    char byte;

    (void)s;
    if (fake->dies)
        raise(SIGKILL);
    if (fake->waits && read(told[0], &byte, 1) != 1)
        return -1;
    return fake->loop_result;
}

void service_end(struct service *s)
{
    (void)s;
    fake->ended++;
    if (write(told[1], "", 1) != 1)
        fake->ended = -1;
}

void service_close(struct service *s)
{
    fake->closed += s == service;
}

/* ---- the tests ---- */

static char why[WORKER_WHY_MAX];
static struct options options;
static struct identity identity;

static int setup(void **state)
{
    memset(&options, 0, sizeof(options));
    options.no_sandbox = true;
    identity = (struct identity){.uid = getuid(), .gid = getgid()};
    fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return fake != MAP_FAILED && pipe(told) == 0 ? temp_dir_make(state) : -1;
}

static int teardown(void **state)
{
    close(told[0]);
    close(told[1]);
    munmap(fake, sizeof(*fake));
    return temp_dir_remove(state);
}

static int open_at(struct worker **w, const char *dir)
{
    const struct worker_plan plan = {
        .options = &options, .identity = &identity, .store_dir = dir, .supervisors_fd = -1};

    return worker_open(w, &plan, why);
}

static struct worker *open_worker(const char *dir)
{
    struct worker *w = NULL;

    assert_int_equal(open_at(&w, dir), 0);
    return w;
}

static int start(struct worker *w)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    int rc = worker_start(w, fd, why);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it has left us */
    return rc;
}

static bool exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static void a_service_is_run_from_open_to_close(void **state)
{
    (void)state;
    struct worker *w = open_worker(in_base("state/s"));
    assert_string_equal(fake->dir, in_base("state/s"));
    assert_int_equal(start(w), 0);
    assert_int_equal(worker_wait(w), WORKER_ENDED);
    assert_int_equal(worker_wait(w), WORKER_ENDED); /* it is remembered */
    worker_close(w);
    assert_int_equal(fake->opened, 1);
    assert_int_equal(fake->started, 1);
    assert_int_equal(fake->ended, 0);
    assert_int_equal(fake->closed, 1);
    worker_close(NULL);
}

static void it_ends_in_order_when_asked(void **state)
{
    (void)state;
    fake->waits = true;
    struct worker *w = open_worker(in_base("s"));
    assert_int_equal(start(w), 0);
    worker_end(w);
    assert_int_equal(worker_wait(w), WORKER_SIGNALLED);
    assert_int_equal(fake->ended, 1);
    assert_int_equal(fake->closed, 1);
    worker_close(w);
}

static void how_it_ended_is_told(void **state)
{
    (void)state;
    fake->loop_result = -5;
    struct worker *w = open_worker(in_base("s"));
    assert_int_equal(start(w), 0);
    assert_int_equal(worker_wait(w), WORKER_BROKEN);
    assert_int_equal(fake->closed, 1);
    worker_close(w);
    fake->dies = true;
    w = open_worker(in_base("s"));
    assert_int_equal(start(w), 0);
    assert_int_equal(worker_wait(w), WORKER_DIED);
    worker_close(w);
}

/* It could not be mounted. */
static void one_without_a_mount_ends(void **state)
{
    (void)state;
    worker_close(open_worker(in_base("s")));
    assert_int_equal(fake->started, 0);
    assert_int_equal(fake->closed, 1);
}

static void the_default_place_is_made_and_no_other(void **state)
{
    (void)state;
    worker_close(open_worker(in_base("a/b/s")));
    assert_true(exists(in_base("a/b")));
    assert_false(exists(in_base("a/b/s"))); /* that is the store's */
    strcpy(options.store, "given");
    worker_close(open_worker(in_base("c/d/s")));
    assert_false(exists(in_base("c")));
}

static void a_daemon_that_is_ending_is_waited_for(void **state)
{
    (void)state;
    fake->locked = 3;
    worker_close(open_worker(in_base("s")));
    assert_int_equal(fake->opened, 4);
}

static void other_errors_are_not_waited_for(void **state)
{
    struct worker *w = NULL;

    (void)state;
    fake->locked = -1;
    assert_int_equal(open_at(&w, in_base("s")), -1);
    assert_string_equal(why, "foreign");
    assert_int_equal(fake->opened, 1);
    assert_int_equal(fake->closed, 0);
    assert_null(w);
}

static void a_start_can_fail(void **state)
{
    (void)state;
    fake->start_result = STORE_ERR_NOMEM;
    struct worker *w = open_worker(in_base("s"));
    assert_int_equal(start(w), -1);
    assert_string_equal(why, "no reason");
    worker_close(w);
    assert_int_equal(fake->closed, 1);
}

static void descriptors_are_not_short(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    worker_close(open_worker(in_base("s")));
    assert_true(fake->all_descriptors);
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
        TEST(it_ends_in_order_when_asked),
        TEST(how_it_ended_is_told),
        TEST(one_without_a_mount_ends),
        TEST(the_default_place_is_made_and_no_other),
        TEST(a_daemon_that_is_ending_is_waited_for),
        TEST(other_errors_are_not_waited_for),
        TEST(a_start_can_fail),
        TEST(descriptors_are_not_short),
        TEST(checking_makes_nothing),
    };
    sigset_t ending;

    /* The caller of worker_open has blocked them; and what is buffered would be said by the
     * process, too. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    setvbuf(stdout, NULL, _IONBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
