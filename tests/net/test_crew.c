/* Transit attempts: two nets in one process find each other directly and through Debian's real
 * relay, and push bytes both ways; strangers, silence, wrong keys and stops do no harm. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/clock.h"
#include "proto/transit.h"
#include "recorder.h"
#include "server.h"

enum {
    SOON_MS = 20000,
    WORMHOLE = 5,
    ATTEMPT = 77,
    STRANGERS = 40, /* more than an attempt lets in at one time */
};

/* What a session does: sends and expects so many bytes, or only waits for its end. */
struct job {
    size_t bytes;
    bool wait_only;
    bool done; /* everything was sent, and received as it should be */
    atomic_bool woken;
    _Atomic(struct stream *) stream;
};

struct side {
    struct recorder recorder;
    struct net *net;
    struct job job;
    struct transit_plan plan;
};

static struct side a, b;
static struct server relay;

/* -- sessions --------------------------------------------------------------------------------- */

enum { CHUNK = 256 * 1024 };

/* On a session's thread, where cmocka's own cannot be used. */
static void check(bool true_here)
{
    if (!true_here)
        abort();
}

static uint8_t pattern(size_t offset)
{
    return (uint8_t)(offset * 131 + (offset >> 9));
}

/* False when the stream is broken. */
static bool send_chunk(struct stream *stream, size_t *sent, size_t total, uint8_t *buf)
{
    size_t len = total - *sent < CHUNK ? total - *sent : CHUNK;

    for (size_t i = 0; i < len; i++)
        buf[i] = pattern(*sent + i);
    ssize_t n = stream_send(stream, buf, len);
    if (n > 0)
        *sent += (size_t)n;
    return n >= 0;
}

static bool receive_chunk(struct stream *stream, size_t *received, uint8_t *buf)
{
    ssize_t n = stream_recv(stream, buf, CHUNK);

    for (ssize_t i = 0; i < n; i++)
        if (buf[i] != pattern(*received + (size_t)i))
            return false;
    if (n > 0)
        *received += (size_t)n;
    return n >= 0;
}

static void exchange(struct job *job, struct stream *stream)
{
    size_t sent = 0, received = 0;
    uint8_t *buf = malloc(CHUNK);

    while (buf != NULL && (sent < job->bytes || received < job->bytes)) {
        int ready = stream_wait(stream, STREAM_READABLE | (sent < job->bytes ? STREAM_WRITABLE : 0),
                                SOON_MS);
        if (ready == 0 || (ready & STREAM_BROKEN) != 0)
            break;
        if ((ready & STREAM_WRITABLE) != 0 && !send_chunk(stream, &sent, job->bytes, buf))
            break;
        if ((ready & STREAM_READABLE) != 0 && !receive_chunk(stream, &received, buf))
            break;
    }
    free(buf);
    job->done = sent == job->bytes && received == job->bytes;
}

static void run_session(void *arg, uint64_t wormhole, const struct transit_plan *plan,
                        struct stream *stream)
{
    struct job *job = arg;
    int ready = 0;

    check(wormhole == WORMHOLE && plan->key[0] == 7);
    if (!job->wait_only) {
        exchange(job, stream);
        return;
    }
    atomic_store(&job->stream, stream);
    while ((ready & STREAM_BROKEN) == 0) {
        ready = stream_wait(stream, 0, SOON_MS);
        if ((ready & STREAM_WOKEN) != 0)
            atomic_store(&job->woken, true);
        if (ready == 0)
            return;
    }
    job->done = true;
}

/* -- two sides -------------------------------------------------------------------------------- */

static void start_side(struct side *s, bool listen, bool sender, size_t bytes)
{
    char why[NET_WHY_MAX];
    struct net_options options = {.mailbox_url = "ws://127.0.0.1:1/v1", .listen = listen};

    memset(s, 0, sizeof(*s));
    s->job.bytes = bytes;
    s->plan.sender = sender;
    memset(s->plan.key, 7, sizeof(s->plan.key));
    recorder_init(&s->recorder);
    s->recorder.session = run_session;
    s->recorder.session_arg = &s->job;
    struct net_callbacks callbacks = recorder_callbacks(&s->recorder);
    if (net_start(&s->net, &options, &callbacks, why) != 0)
        fail_msg("%s", why);
}

static void stop_side(struct side *s)
{
    int64_t begun_ms = clock_mono_ms();

    if (s->net == NULL)
        return;
    net_stop(s->net);
    recorder_release(&s->recorder);
    memset(s, 0, sizeof(*s));
    assert_true(clock_mono_ms() - begun_ms < 4500);
}

static int clean_up(void **state)
{
    (void)state;
    stop_side(&a);
    stop_side(&b);
    return 0;
}

static struct record expect(struct side *s, enum record_kind kind, const char *part)
{
    return recorder_wait(&s->recorder, kind, WORMHOLE, ATTEMPT, part, SOON_MS);
}

/* Listens, and gives its hints to the other's plan. */
static void exchange_hints(struct side *from, struct side *to)
{
    net_transit_listen(from->net, WORMHOLE, ATTEMPT);
    struct record r = expect(from, RECORD_HINTS, NULL);
    for (size_t i = 0; i < r.hints->count; i++)
        assert_int_equal(
            hints_add(&to->plan.hints, HINT_DIRECT, r.hints->at[i].host, r.hints->at[i].port, 0),
            0);
}

static void start_attempt(struct side *s)
{
    net_transit_start(s->net, WORMHOLE, ATTEMPT, &s->plan);
}

static void add_relay(struct side *s, const char *host)
{
    assert_int_equal(hints_add(&s->plan.hints, HINT_RELAY, host, relay.port, 0), 0);
}

/* Both sides have a session of the given kind, it does its job, and the attempt ends. */
static void expect_sessions(const char *kind)
{
    expect(&a, RECORD_SESSION, kind);
    expect(&b, RECORD_SESSION, kind);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    expect(&b, RECORD_TRANSIT_DOWN, NULL);
    assert_true(a.job.done);
    assert_true(b.job.done);
}

static void print_speed(const char *what, size_t bytes, int64_t begun_ms)
{
    int64_t ms = clock_mono_ms() - begun_ms;

    print_message("# %s: %zu MiB both ways in %lld ms\n", what, bytes >> 20, (long long)ms);
}

/* -- tests ------------------------------------------------------------------------------------ */

static void test_directly(void **state)
{
    const size_t bytes = (size_t)64 << 20;

    (void)state;
    start_side(&a, true, true, bytes);
    start_side(&b, true, false, bytes);
    exchange_hints(&a, &b);
    exchange_hints(&b, &a);
    assert_true(a.plan.hints.count > 0);
    int64_t begun_ms = clock_mono_ms();
    start_attempt(&a);
    start_attempt(&b);
    expect_sessions("direct");
    print_speed("direct", bytes, begun_ms);
}

/* Only one side listens; either may be the sender. */
static void test_one_side_listens(void **state)
{
    (void)state;
    for (int sender = 0; sender < 2; sender++) {
        start_side(&a, true, sender == 0, 100000);
        start_side(&b, false, sender == 1, 100000);
        exchange_hints(&a, &b);
        exchange_hints(&b, &a);
        assert_int_equal(a.plan.hints.count, 0); /* no_listen: an empty answer */
        start_attempt(&b);                       /* dials before the other knows the key */
        start_attempt(&a);
        expect_sessions("direct");
        stop_side(&a);
        stop_side(&b);
    }
}

static void test_through_the_relay(void **state)
{
    const size_t bytes = (size_t)64 << 20;

    (void)state;
    start_side(&a, false, false, bytes);
    start_side(&b, false, true, bytes);
    exchange_hints(&a, &b);
    exchange_hints(&b, &a);
    add_relay(&a, "localhost"); /* by name, and IPv6 is refused */
    add_relay(&b, "127.0.0.1");
    int64_t begun_ms = clock_mono_ms();
    start_attempt(&a);
    start_attempt(&b);
    expect_sessions("relay");
    print_speed("relay", bytes, begun_ms);
}

/* Direct hints that lead nowhere, then the relay two seconds later. */
static void test_falls_back_to_the_relay(void **state)
{
    (void)state;
    start_side(&a, false, false, 1000);
    start_side(&b, false, true, 1000);
    exchange_hints(&a, &b);
    exchange_hints(&b, &a);
    assert_int_equal(hints_add(&a.plan.hints, HINT_DIRECT, "127.0.0.1", 1, 0), 0);
    assert_int_equal(hints_add(&a.plan.hints, HINT_DIRECT, "no-such-host.invalid", 9, 0), 0);
    assert_int_equal(hints_add(&b.plan.hints, HINT_DIRECT, "::1", 1, 0), 0);
    add_relay(&a, "127.0.0.1");
    add_relay(&b, "127.0.0.1");
    int64_t begun_ms = clock_mono_ms();
    start_attempt(&a);
    start_attempt(&b);
    expect_sessions("relay");
    assert_true(clock_mono_ms() - begun_ms >= 2000);
}

/* Nobody listens and nobody is there: over at once, without a session. */
static void test_hopeless(void **state)
{
    (void)state;
    start_side(&a, false, true, 0);
    net_transit_listen(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_HINTS, NULL);
    assert_int_equal(hints_add(&a.plan.hints, HINT_DIRECT, "127.0.0.1", 1, 0), 0);
    start_attempt(&a);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    assert_int_equal(recorder_count(&a.recorder, RECORD_SESSION), 0);
    /* The same id can be used again. */
    net_transit_listen(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_HINTS, NULL);
    net_transit_stop(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    /* And stopping or starting what is not there is nothing. */
    net_transit_stop(a.net, WORMHOLE, ATTEMPT);
    start_attempt(&a);
    assert_int_equal(recorder_count(&a.recorder, RECORD_TRANSIT_DOWN), 2);
}

/* A session ends when its attempt is stopped, on this side and, with the connection, on the other;
 * and it can be woken. */
static void test_stop_in_a_session(void **state)
{
    (void)state;
    start_side(&a, true, true, 0);
    start_side(&b, true, false, 1); /* waits for a byte that never comes */
    a.job.wait_only = true;
    exchange_hints(&a, &b);
    exchange_hints(&b, &a);
    start_attempt(&a);
    start_attempt(&b);
    expect(&a, RECORD_SESSION, "direct");
    expect(&b, RECORD_SESSION, "direct");
    struct stream *stream = NULL;
    while ((stream = atomic_load(&a.job.stream)) == NULL)
        sched_yield();
    stream_wake(stream);
    while (!atomic_load(&a.job.woken))
        sched_yield();
    net_transit_stop(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    assert_true(a.job.done);
    expect(&b, RECORD_TRANSIT_DOWN, NULL);
    assert_false(b.job.done);
}

/* Attempts that keep their threads: they wait in vain for somebody to come in. */
static void start_many(uint64_t first, size_t count)
{
    struct transit_plan plan = {.sender = true};

    for (uint64_t w = first; w < first + count; w++) {
        net_transit_listen(a.net, w, w);
        recorder_wait(&a.recorder, RECORD_HINTS, w, w, NULL, SOON_MS);
        net_transit_start(a.net, w, w, &plan);
    }
}

/* Stopped while it listens, while it dials, and by the end of the net. */
static void test_stop_before_a_session(void **state)
{
    (void)state;
    start_side(&a, true, true, 0);
    exchange_hints(&a, &b);
    net_transit_stop(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    exchange_hints(&a, &b);
    start_attempt(&a); /* has no hints, but listens */
    net_transit_stop(a.net, WORMHOLE, ATTEMPT);
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    exchange_hints(&a, &b);
    start_attempt(&a);
    stop_side(&a);
    start_side(&a, true, true, 0);
    net_transit_listen(a.net, 1, 1); /* has no plan */
    recorder_wait(&a.recorder, RECORD_HINTS, 1, 1, NULL, SOON_MS);
    start_many(2, NET_TRANSIT_MAX);
    for (uint64_t w = 0; w < NET_TRANSIT_MAX; w++)
        net_transit_listen(a.net, 1000 + w, 1); /* wait for a thread */
    net_stop(a.net);
    a.net = NULL;
    assert_int_equal(recorder_count(&a.recorder, RECORD_TRANSIT_DOWN), 2 * NET_TRANSIT_MAX + 1);
    assert_int_equal(recorder_count(&a.recorder, RECORD_HINTS), NET_TRANSIT_MAX + 1);
    recorder_release(&a.recorder);
}

/* All of one wormhole, whatever their numbers, and none of another's. */
static void test_stop_all_of_a_wormhole(void **state)
{
    (void)state;
    start_side(&a, true, true, 0);
    for (uint64_t n = 1; n <= NET_TRANSIT_MAX + 5; n++)
        net_transit_listen(a.net, WORMHOLE, n);
    recorder_wait_count(&a.recorder, RECORD_HINTS, NET_TRANSIT_MAX + 5, SOON_MS);
    for (uint64_t n = 1; n <= NET_TRANSIT_MAX + 5; n++)
        net_transit_start(a.net, WORMHOLE, n, &a.plan); /* five of them wait for a thread */
    net_transit_listen(a.net, WORMHOLE + 1, 1);         /* and this one */
    net_transit_stop(a.net, WORMHOLE, 0);
    recorder_wait(&a.recorder, RECORD_HINTS, WORMHOLE + 1, 1, NULL, SOON_MS);
    recorder_wait_count(&a.recorder, RECORD_TRANSIT_DOWN, NET_TRANSIT_MAX + 5, SOON_MS);
    net_transit_stop(a.net, WORMHOLE + 1, 1);
    recorder_wait(&a.recorder, RECORD_TRANSIT_DOWN, WORMHOLE + 1, 1, NULL, SOON_MS);
}

/* Those that wait for a thread get their turn when others end. */
static void test_attempts_wait_for_a_thread(void **state)
{
    (void)state;
    start_side(&a, true, true, 0);
    start_many(0, NET_TRANSIT_MAX);
    for (uint64_t w = NET_TRANSIT_MAX; w < NET_TRANSIT_MAX + 10; w++)
        net_transit_listen(a.net, w, w);
    net_transit_stop(a.net, NET_TRANSIT_MAX + 9, NET_TRANSIT_MAX + 9); /* that still waits */
    assert_int_equal(recorder_count(&a.recorder, RECORD_HINTS), NET_TRANSIT_MAX);
    net_transit_stop(a.net, 0, 0);
    recorder_wait_count(&a.recorder, RECORD_HINTS, NET_TRANSIT_MAX + 9, SOON_MS);
    recorder_wait(&a.recorder, RECORD_TRANSIT_DOWN, NET_TRANSIT_MAX + 9, NET_TRANSIT_MAX + 9, NULL,
                  SOON_MS);
    assert_int_equal(recorder_count(&a.recorder, RECORD_HINTS), NET_TRANSIT_MAX + 9);
}

static int connect_to(const struct hint *hint)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {0};

    bool v6 = strchr(hint->host, ':') != NULL;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.any.sa_family = v6 ? AF_INET6 : AF_INET;
    if (v6) {
        to.v6.sin6_port = htons(hint->port);
        assert_int_equal(inet_pton(AF_INET6, hint->host, &to.v6.sin6_addr), 1);
    } else {
        to.v4.sin_port = htons(hint->port);
        assert_int_equal(inet_pton(AF_INET, hint->host, &to.v4.sin_addr), 1);
    }
    assert_int_equal(connect(fd, &to.any, v6 ? sizeof(to.v6) : sizeof(to.v4)), 0);
    return fd;
}

/* The stranger is hung up on. */
static void expect_closed(int fd)
{
    char buf[512];
    struct timeval timeout = {.tv_sec = SOON_MS / 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    ssize_t n;
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        ;
    assert_true(n == 0 || errno == ECONNRESET);
    close(fd);
}

/* Silent strangers that fill all places, and bad ones, do not keep the peer out. */
static void test_strangers(void **state)
{
    int silent[STRANGERS];

    (void)state;
    start_side(&a, true, true, 100000);
    start_side(&b, false, false, 100000);
    exchange_hints(&a, &b);
    exchange_hints(&b, &a);
    start_attempt(&a);
    const struct hint *hint = &b.plan.hints.at[0];
    for (size_t i = 0; i < STRANGERS; i++)
        silent[i] = connect_to(hint);
    int rude = connect_to(hint);
    assert_int_equal(send(rude, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    expect_closed(rude);
    int wrong = connect_to(hint);
    char line[128];
    uint8_t key[TRANSIT_KEY_BYTES] = {9}; /* not theirs */
    struct transit t;
    size_t len;
    assert_int_equal(transit_init(&t, key, TRANSIT_RECEIVER, NULL), 0);
    memcpy(line, transit_tx(&t, &len), sizeof(line) < len ? sizeof(line) : len);
    assert_int_equal(send(wrong, line, len, MSG_NOSIGNAL), (ssize_t)len);
    expect_closed(wrong);
    int slow = connect_to(hint);
    assert_int_equal(send(slow, "trans", 5, MSG_NOSIGNAL), 5);
    start_attempt(&b);
    expect_sessions("direct");
    expect_closed(slow);
    for (size_t i = 0; i < STRANGERS; i++)
        expect_closed(silent[i]);
}

/* What the peer sends together with its last line of the handshake is not lost. */
static void test_keeps_early_data(void **state)
{
    uint8_t buf[512], key[TRANSIT_KEY_BYTES];
    struct transit t;
    size_t len;

    (void)state;
    start_side(&a, true, false, 3);
    exchange_hints(&a, &b);
    start_attempt(&a);
    int fd = connect_to(&b.plan.hints.at[0]);
    memset(key, 7, sizeof(key));
    assert_int_equal(transit_init(&t, key, TRANSIT_SENDER, NULL), 0);
    memcpy(buf, transit_tx(&t, &len), 200);
    memcpy(buf + len, "go\n", 3);
    for (size_t i = 0; i < 3; i++)
        buf[len + 3 + i] = pattern(i);
    assert_int_equal(send(fd, buf, len + 6, MSG_NOSIGNAL), (ssize_t)len + 6);
    expect(&a, RECORD_SESSION, "direct");
    expect(&a, RECORD_TRANSIT_DOWN, NULL);
    assert_true(a.job.done);
    close(fd);
}

/* Ten attempts of ten wormholes at the same time do not mix. */
static void run_nothing(void *arg, uint64_t wormhole, const struct transit_plan *plan,
                        struct stream *stream)
{
    uint8_t byte = (uint8_t)wormhole, got = 0;

    (void)arg;
    check(plan->key[0] == byte);
    check(stream_send(stream, &byte, 1) == 1);
    check(stream_wait(stream, STREAM_READABLE, SOON_MS) == STREAM_READABLE);
    check(stream_recv(stream, &got, 1) == 1);
    check(got == byte);
}

static void give_hints(struct side *from, uint64_t wormhole, struct transit_plan *plan)
{
    net_transit_listen(from->net, wormhole, 1);
    struct record r = recorder_wait(&from->recorder, RECORD_HINTS, wormhole, 1, NULL, SOON_MS);
    plan->hints = *r.hints;
    plan->sender = from == &b; /* it is the other's */
    memset(plan->key, (int)wormhole, sizeof(plan->key));
}

static void test_many_at_once(void **state)
{
    struct transit_plan *of_a = calloc(1, sizeof(*of_a)), *of_b = calloc(1, sizeof(*of_b));

    (void)state;
    start_side(&a, true, true, 0);
    start_side(&b, true, false, 0);
    a.recorder.session = run_nothing;
    b.recorder.session = run_nothing;
    for (uint64_t w = 1; w <= 10; w++) {
        give_hints(&a, w, of_b);
        give_hints(&b, w, of_a);
        net_transit_start(a.net, w, 1, of_a);
        net_transit_start(b.net, w, 1, of_b);
    }
    recorder_wait_count(&a.recorder, RECORD_TRANSIT_DOWN, 10, SOON_MS);
    recorder_wait_count(&b.recorder, RECORD_TRANSIT_DOWN, 10, SOON_MS);
    assert_int_equal(recorder_count(&a.recorder, RECORD_SESSION), 10);
    assert_int_equal(recorder_count(&b.recorder, RECORD_SESSION), 10);
    free(of_a);
    free(of_b);
}

static int start_relay(void **state)
{
    (void)state;
    server_start_relay(&relay, 0);
    return 0;
}

static int stop_relay(void **state)
{
    (void)state;
    server_kill(&relay);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_directly, clean_up),
        cmocka_unit_test_teardown(test_one_side_listens, clean_up),
        cmocka_unit_test_teardown(test_through_the_relay, clean_up),
        cmocka_unit_test_teardown(test_falls_back_to_the_relay, clean_up),
        cmocka_unit_test_teardown(test_hopeless, clean_up),
        cmocka_unit_test_teardown(test_stop_in_a_session, clean_up),
        cmocka_unit_test_teardown(test_stop_before_a_session, clean_up),
        cmocka_unit_test_teardown(test_stop_all_of_a_wormhole, clean_up),
        cmocka_unit_test_teardown(test_attempts_wait_for_a_thread, clean_up),
        cmocka_unit_test_teardown(test_strangers, clean_up),
        cmocka_unit_test_teardown(test_keeps_early_data, clean_up),
        cmocka_unit_test_teardown(test_many_at_once, clean_up),
    };

    return cmocka_run_group_tests(tests, start_relay, stop_relay);
}
