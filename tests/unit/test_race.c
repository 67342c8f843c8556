#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "names_rig.h"
#include "proto/net/limits.h"
#include "proto/net/race.h"
#include "proto/net/resolve.h"

/* Listens at all IPv4 addresses, hears the first byte of each connection, and hangs up. */
struct target {
    int fd;
    uint16_t port;
    pthread_t thread;
    unsigned direct;
    unsigned relayed; /* "please relay …" */
};

static struct target target;
static struct transit_plan plan;
static struct resolver *resolver;
static int wake_fd;
static bool stop_at_once;

static void on_change(void *arg)
{
    (void)arg;
    (void)eventfd_write(wake_fd, 1);
}

static void drain(void *arg)
{
    eventfd_t count;

    (void)arg;
    (void)eventfd_read(wake_fd, &count);
}

static bool is_stopped(void *arg)
{
    (void)arg;
    return stop_at_once;
}

static void *answer_all(void *arg)
{
    struct target *t = arg;
    char said;
    int fd;

    while ((fd = accept(t->fd, NULL, NULL)) >= 0) {
        if (recv(fd, &said, 1, MSG_WAITALL) == 1)
            ++*(said == 'p' ? &t->relayed : &t->direct);
        close(fd);
    }
    return NULL;
}

static int set_up(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof(any);

    (void)state;
    names_init();
    memset(&plan, 0, sizeof(plan));
    memset(&target, 0, sizeof(target));
    stop_at_once = false;
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    resolver = resolve_new(on_change, NULL);
    target.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(target.fd, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(target.fd, 2 * HINTS_MAX), 0);
    assert_int_equal(getsockname(target.fd, (struct sockaddr *)&any, &len), 0);
    target.port = ntohs(any.sin_port);
    return pthread_create(&target.thread, NULL, answer_all, &target);
}

static void stop_target(void)
{
    shutdown(target.fd, SHUT_RD);
    pthread_join(target.thread, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    names_let_go();
    resolve_free(resolver);
    close(target.fd);
    close(wake_fd);
    return 0;
}

static void hint_port(enum hint_kind kind, const char *host, uint16_t port)
{
    assert_int_equal(hints_add(&plan.hints, kind, host, port, 0), 0);
}

static void hint(enum hint_kind kind, const char *host)
{
    hint_port(kind, host, target.port);
}

/* Until nobody is left, as nobody proves to be the peer: each that was dialled has been heard. */
static void run_and_lose(void)
{
    static const struct tcp_listener nowhere = {.v4_fd = -1, .v6_fd = -1};
    struct race_options options = {.plan = &plan,
                                   .listener = &nowhere,
                                   .resolver = resolver,
                                   .relay_side = "0123456789abcdef"};
    struct race_owner owner = {.wake_fd = wake_fd, .drain = drain, .stopped = is_stopped};
    const char *kind;

    assert_int_equal(race_run(&options, &owner, &kind), -1);
}

/* All spellings of one address: the system's resolver reads those that address_parse does not. */
static void test_each_once(void **state)
{
    static const char *const spellings[HINTS_DIRECT_MAX] = {
        "127.0.0.1",        "127.1",    "127.0.1",    "0x7f.1",       "2130706433",
        "0177.1",           "127.0x1",  "0x7f000001", "017700000001", "0x7f.0.1",
        "::ffff:127.0.0.1", "127.00.1", "0.0.0.0",    "quick-direct", "0",
        "::ffff:0.0.0.0"};

    (void)state;
    for (size_t i = 0; i < HINTS_DIRECT_MAX; i++)
        hint(HINT_DIRECT, spellings[i]);
    for (size_t i = 0; i < HINTS_RELAY_MAX; i++)
        hint(HINT_RELAY, spellings[i]);
    run_and_lose();
    stop_target();
    assert_int_equal(target.direct, 1);
    assert_int_equal(target.relayed, 1); /* it may be both */
}

/* A name leads to more than one address, but the bounds hold for all. */
static void dial_names(enum hint_kind kind, int count)
{
    char host[16];

    for (int i = 1; i <= count; i++) {
        snprintf(host, sizeof(host), "two-%d", i);
        hint(kind, host);
    }
    run_and_lose();
    stop_target();
}

static void test_direct_bound(void **state)
{
    (void)state;
    dial_names(HINT_DIRECT, HINTS_DIRECT_MAX);
    assert_int_equal(target.direct, HINTS_DIRECT_MAX);
}

/* Two ports that nobody listens at, and the target's; of relays it does not matter. All are
 * numbers, so they are dialled in this order. */
static void test_ports_of_a_host(void **state)
{
    static const char *const spellings[] = {"127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"};

    (void)state;
    for (uint16_t i = 0; i < RACE_PORTS_MAX; i++) {
        hint_port(HINT_DIRECT, spellings[i], (uint16_t)(1 + i));
        hint_port(HINT_RELAY, spellings[i], (uint16_t)(1 + i));
    }
    hint(HINT_DIRECT, spellings[RACE_PORTS_MAX]);
    hint(HINT_RELAY, spellings[RACE_PORTS_MAX]);
    run_and_lose();
    stop_target();
    assert_int_equal(target.direct, 0);
    assert_int_equal(target.relayed, 1);
}

static void test_relay_bound(void **state)
{
    (void)state;
    dial_names(HINT_RELAY, HINTS_RELAY_MAX);
    assert_int_equal(target.relayed, HINTS_RELAY_MAX);
}

/* A dual-stack host with one broken family is reached by the other. */
static void test_two_of_a_name(void **state)
{
    (void)state;
    dial_names(HINT_RELAY, 1);
    assert_int_equal(target.relayed, RACE_ADDRESSES_MAX);
}

/* The names that a race still waits for at its end keep nobody else waiting. */
static void test_gives_up_names(void **state)
{
    struct resolve_answer answer;
    eventfd_t count;
    char host[24];

    (void)state;
    for (int i = 0; i < HINTS_DIRECT_MAX; i++) {
        snprintf(host, sizeof(host), "slow-%d", i);
        hint(HINT_DIRECT, host);
    }
    stop_at_once = true;
    run_and_lose();
    stop_target();
    names_let_go();
    resolve_lookup(resolver, "quick-next", false, &answer);
    while (answer.state == RESOLVE_PENDING) {
        struct pollfd changed = {.fd = wake_fd, .events = POLLIN};
        assert_int_equal(poll(&changed, 1, 20000), 1);
        assert_int_equal(eventfd_read(wake_fd, &count), 0);
        resolve_lookup(resolver, "quick-next", false, &answer);
    }
    assert_int_equal(answer.state, RESOLVE_FOUND);
    assert_in_range(names_slow(), 1, RESOLVE_THREADS_MAX - RESOLVE_THREADS_RESERVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_direct_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ports_of_a_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_relay_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_of_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gives_up_names, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
