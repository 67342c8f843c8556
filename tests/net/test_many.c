/* A thousand links of one process to Debian's real mailbox server: they all come up, cost little
 * while they are idle, and all come back after the server was killed. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/clock.h"
#include "recorder.h"
#include "server.h"

enum {
    LINKS = 1000,
    ALL_MS = 120000,
    IDLE_MS = 3000,
    LINK_RSS_MAX = 20 * 1024,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static long resident_bytes(void)
{
    long total = 0, resident = 0;

    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static int64_t cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur > LINKS + 100);
}

static void wait_for_all(struct recorder *r, enum record_kind kind, size_t count, const char *what)
{
    int64_t begun_ms = clock_mono_ms(), cpu_begun_ms = cpu_ms();

    recorder_wait_count(r, kind, count, ALL_MS);
    print_message("# %d links %s after %" PRId64 " ms, %" PRId64 " ms of our CPU\n", LINKS, what,
                  clock_mono_ms() - begun_ms, cpu_ms() - cpu_begun_ms);
}

/* Until the timer comes: how much CPU time does the process use meanwhile? */
static void measure_cpu(struct recorder *r, struct net *net, const char *when)
{
    size_t ticks = recorder_count(r, RECORD_TICK);

    int64_t begun_ms = cpu_ms();
    r->next_tick_ms = clock_real_ms() + IDLE_MS;
    net_wake(net);
    recorder_wait_count(r, RECORD_TICK, ticks + 2, ALL_MS);
    print_message("# %s: %.2f %% of one CPU\n", when,
                  100.0 * (double)(cpu_ms() - begun_ms) / (double)IDLE_MS);
}

static void bind_all(struct recorder *r, struct net *net)
{
    static const char bind[] = "{\"type\":\"bind\",\"appid\":\"many\",\"side\":\"aa\"}";
    char open[96];
    size_t received = recorder_count(r, RECORD_RECEIVED);

    for (uint64_t w = 0; w < LINKS; w++) {
        net_link_send(net, w, LINK_CURRENT, bind, strlen(bind));
        int len =
            snprintf(open, sizeof(open), "{\"type\":\"open\",\"mailbox\":\"m%" PRIu64 "\"}", w);
        net_link_send(net, w, LINK_CURRENT, open, (size_t)len);
    }
    recorder_wait_count(r, RECORD_RECEIVED, received + (size_t)2 * LINKS,
                        ALL_MS); /* two acks each */
}

static void test_a_thousand_links(void **state)
{
    struct server mailbox;
    struct recorder r;
    struct net *net;
    char why[NET_WHY_MAX], url[64];

    (void)state;
    raise_descriptor_limit();
    server_start_mailbox(&mailbox, 0);
    uint16_t port = mailbox.port;
    recorder_init(&r);
    r.counts_only = true;
    struct net_callbacks callbacks = recorder_callbacks(&r);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1", (unsigned)port);
    struct net_options options = {.mailbox_url = url};
    if (net_start(&net, &options, &callbacks, why) != 0)
        fail_msg("%s", why);
    recorder_wait_count(&r, RECORD_TICK, 1, ALL_MS);

    long before = resident_bytes();
    for (uint64_t w = 0; w < LINKS; w++)
        net_link_open(net, w, LINK_CURRENT);
    wait_for_all(&r, RECORD_UP, LINKS, "up");
    bind_all(&r, net);
    long each = (resident_bytes() - before) / LINKS;
    print_message("# resident: %ld KiB before, %ld bytes a link\n", before / 1024, each);
    if (!sanitized)
        assert_true(each <= LINK_RSS_MAX);
    measure_cpu(&r, net, "idle");

    server_kill(&mailbox);
    wait_for_all(&r, RECORD_DOWN, LINKS, "down");
    measure_cpu(&r, net, "trying to reconnect");
    server_start_mailbox(&mailbox, port);
    wait_for_all(&r, RECORD_UP, (size_t)2 * LINKS, "up again");
    bind_all(&r, net);
    print_message("# resident: %ld bytes a link after the server's restart\n",
                  (resident_bytes() - before) / LINKS);
    int64_t begun_ms = clock_mono_ms();
    net_stop(net);
    print_message("# stopped in %" PRId64 " ms\n", clock_mono_ms() - begun_ms);
    assert_true(clock_mono_ms() - begun_ms < 4500);
    server_kill(&mailbox);
    recorder_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thousand_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
