/* Links to Debian's real mailbox server: they come up, carry messages of every size both ways, go
 * down with the server and come back, and say why when they cannot. */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/net/clock.h"
#include "proto/net/limits.h"
#include "recorder.h"
#include "server.h"

enum { SOON_MS = 20000 };

static struct server mailbox;

static struct recorder recorder;
static struct net *net;

static void start_net(const char *url)
{
    char why[NET_WHY_MAX];
    struct net_options options = {.mailbox_url = url};

    recorder_init(&recorder);
    struct net_callbacks callbacks = recorder_callbacks(&recorder);
    if (net_start(&net, &options, &callbacks, why) != 0)
        fail_msg("%s", why);
}

static void start_net_on(const char *host, uint16_t port)
{
    char url[128];

    snprintf(url, sizeof(url), "ws://%s:%u/v1", host, (unsigned)port);
    start_net(url);
}

static void stop_net(void)
{
    int64_t begun_ms = clock_mono_ms();

    net_stop(net);
    net = NULL;
    assert_true(clock_mono_ms() - begun_ms < 4500);
    recorder_release(&recorder);
}

/* After a test that failed. */
static int clean_up(void **state)
{
    (void)state;
    if (net != NULL)
        stop_net();
    return 0;
}

static void send_text(uint64_t wormhole, enum wormhole_link link, const char *text)
{
    net_link_send(net, wormhole, link, text, strlen(text));
}

static struct record expect(enum record_kind kind, uint64_t wormhole, enum wormhole_link link,
                            const char *part)
{
    return recorder_wait(&recorder, kind, wormhole, link, part, SOON_MS);
}

/* Opens a link, binds it, and opens the mailbox "m" + name on it. */
static void open_mailbox(uint64_t wormhole, enum wormhole_link link, const char *side,
                         const char *name)
{
    char text[256];

    net_link_open(net, wormhole, link);
    expect(RECORD_UP, wormhole, link, NULL);
    snprintf(text, sizeof(text), "{\"type\":\"bind\",\"appid\":\"test\",\"side\":\"%s\"}", side);
    send_text(wormhole, link, text);
    snprintf(text, sizeof(text), "{\"type\":\"open\",\"mailbox\":\"%s\"}", name);
    send_text(wormhole, link, text);
    send_text(wormhole, link, "{\"type\":\"ping\",\"ping\":7}");
    expect(RECORD_RECEIVED, wormhole, link, "\"pong\"");
}

/* The words of the server's own protocol, from the welcome to a message that comes back. */
static void test_talks_to_the_server(void **state)
{
    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    assert_false(net_reachable(net));
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_UP, 1, LINK_CODE, NULL);
    assert_true(net_reachable(net));
    expect(RECORD_RECEIVED, 1, LINK_CODE, "\"welcome\"");
    send_text(1, LINK_CODE, "{\"type\":\"bind\",\"appid\":\"test\",\"side\":\"aa\"}");
    send_text(1, LINK_CODE, "{\"type\":\"allocate\"}");
    struct record r = expect(RECORD_RECEIVED, 1, LINK_CODE, "\"allocated\"");
    unsigned nameplate = 0;
    const char *at = strstr(r.text, "\"nameplate\": \"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"nameplate\": \"%u\"", &nameplate), 1);
    char text[128];
    snprintf(text, sizeof(text), "{\"type\":\"claim\",\"nameplate\":\"%u\"}", nameplate);
    send_text(1, LINK_CODE, text);
    r = expect(RECORD_RECEIVED, 1, LINK_CODE, "\"claimed\"");
    char id[64] = "";
    at = strstr(r.text, "\"mailbox\": \"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"mailbox\": \"%63[^\"]", id), 1);
    snprintf(text, sizeof(text), "{\"type\":\"open\",\"mailbox\":\"%s\"}", id);
    send_text(1, LINK_CODE, text);
    send_text(1, LINK_CODE, "{\"type\":\"add\",\"phase\":\"p\",\"body\":\"00ff\"}");
    expect(RECORD_RECEIVED, 1, LINK_CODE, "\"00ff\"");
    net_link_close(net, 1, LINK_CODE);
    stop_net();
}

/* A message comes back whole, whatever number of pieces it travelled in. */
static void check_echo(size_t len)
{
    char *body = malloc(len + 1), *text = malloc(len + 128);

    assert_non_null(body);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        body[i] = "0123456789abcdef"[(i * 7 + i / 16) % 16];
    body[len] = '\0';
    snprintf(text, len + 128, "{\"type\":\"add\",\"phase\":\"n%zu\",\"body\":\"%s\"}", len, body);
    send_text(1, LINK_CURRENT, text);
    char part[64];
    snprintf(part, sizeof(part), "\"phase\": \"n%zu\"", len);
    struct record r = expect(RECORD_RECEIVED, 1, LINK_CURRENT, part);
    assert_non_null(strstr(r.text, body));
    assert_int_equal(r.text[r.len - 1], '}');
    free(body);
    free(text);
}

static void test_carries_messages_of_every_size(void **state)
{
    (void)state;
    start_net_on("localhost", mailbox.port); /* by name: IPv6 is refused, IPv4 is tried next */
    open_mailbox(1, LINK_CURRENT, "aa", "sizes");
    static const size_t sizes[] = {1,    100,   2047,  2048,  4000,    4095,
                                   4096, 16384, 32000, 65536, 1000000, 3 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_echo(sizes[i]);
    stop_net();
}

/* Many messages in one go arrive all, in order. */
static void test_keeps_the_order(void **state)
{
    char text[128];

    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    open_mailbox(1, LINK_CURRENT, "aa", "order");
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "{\"type\":\"ping\",\"ping\":%d}", i + 1000);
        send_text(1, LINK_CURRENT, text);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "\"pong\": %d,", i + 1000);
        struct record r = recorder_wait(&recorder, RECORD_RECEIVED, 1, LINK_CURRENT, "\"pong\": 1",
                                        SOON_MS); /* the first that was not taken */
        assert_non_null(strstr(r.text, text));
    }
    stop_net();
}

/* Two links of one wormhole, and of two, are connections of their own. */
static void test_keeps_links_apart(void **state)
{
    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    open_mailbox(1, LINK_CURRENT, "aa", "apart");
    open_mailbox(1, LINK_NEXT, "aa", "elsewhere");
    open_mailbox(2, LINK_CURRENT, "bb", "apart");
    net_link_open(net, 2, LINK_CURRENT); /* a second open is nothing */
    send_text(2, LINK_CURRENT, "{\"type\":\"add\",\"phase\":\"p\",\"body\":\"beef\"}");
    expect(RECORD_RECEIVED, 2, LINK_CURRENT, "\"beef\"");
    expect(RECORD_RECEIVED, 1, LINK_CURRENT, "\"beef\"");
    send_text(1, LINK_NEXT, "{\"type\":\"ping\",\"ping\":99}");
    expect(RECORD_RECEIVED, 1, LINK_NEXT, "\"pong\": 99");
    assert_int_equal(recorder_count_of(&recorder, RECORD_RECEIVED, 1, LINK_NEXT, "beef"), 0);
    assert_int_equal(recorder_count(&recorder, RECORD_UP), 3);
    stop_net();
}

/* The connection of LINK_NEXT goes on as LINK_CURRENT, and the old LINK_CURRENT is closed. */
static void test_moves_a_link(void **state)
{
    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    open_mailbox(1, LINK_CURRENT, "aa", "old");
    open_mailbox(1, LINK_NEXT, "aa", "new");
    net_link_move(net, 1, LINK_NEXT, LINK_CURRENT);
    send_text(1, LINK_NEXT, "{\"type\":\"add\",\"phase\":\"x\",\"body\":\"dead\"}"); /* nobody */
    send_text(1, LINK_CURRENT, "{\"type\":\"add\",\"phase\":\"p\",\"body\":\"c0de\"}");
    expect(RECORD_RECEIVED, 1, LINK_CURRENT, "\"c0de\"");
    /* It is the mailbox "new" that has it: */
    open_mailbox(2, LINK_CURRENT, "bb", "new");
    expect(RECORD_RECEIVED, 2, LINK_CURRENT, "\"c0de\"");
    assert_int_equal(recorder_count(&recorder, RECORD_DOWN), 0);
    stop_net();
}

/* What was sent before the close arrives; nothing is called back after it. */
static void test_close_sends_what_is_queued(void **state)
{
    char text[128];

    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    open_mailbox(1, LINK_CURRENT, "aa", "queued");
    open_mailbox(2, LINK_CURRENT, "bb", "queued");
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "{\"type\":\"add\",\"phase\":\"q%d\",\"body\":\"00\"}", i);
        send_text(2, LINK_CURRENT, text);
    }
    net_link_close(net, 2, LINK_CURRENT);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "\"phase\": \"q%d\"", i);
        expect(RECORD_RECEIVED, 1, LINK_CURRENT, text);
    }
    assert_int_equal(recorder_count(&recorder, RECORD_DOWN), 0);
    stop_net();
}

/* Closed and opened again at once: a new connection, without waiting for the old one's end. */
static void test_reopens_at_once(void **state)
{
    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    for (int i = 0; i < 20; i++) {
        net_link_open(net, 1, LINK_CODE);
        if (i % 2 == 0)
            expect(RECORD_UP, 1, LINK_CODE, NULL);
        net_link_close(net, 1, LINK_CODE);
    }
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_UP, 1, LINK_CODE, NULL);
    send_text(1, LINK_CODE, "{\"type\":\"ping\",\"ping\":5}");
    expect(RECORD_RECEIVED, 1, LINK_CODE, "\"pong\": 5");
    stop_net();
}

/* But one that is closed and opened again for ever must not be asked in a tight loop. */
static void test_reopens_not_for_ever(void **state)
{
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    for (int i = 0; i <= PACE_FREE; i++) {
        net_link_open(net, 1, LINK_CODE);
        expect(RECORD_UP, 1, LINK_CODE, NULL);
        net_link_close(net, 1, LINK_CODE);
    }
    assert_true(clock_mono_ms() - begun_ms >= PACE_GAP_MS);
    stop_net();
}

/* The server dies and comes back: down, a sentence, up; and messages flow again. */
static void test_survives_the_server(void **state)
{
    struct server own;

    (void)state;
    server_start_mailbox(&own, 0);
    uint16_t port = own.port;
    start_net_on("127.0.0.1", port);
    open_mailbox(1, LINK_CURRENT, "aa", "again");
    server_kill(&own);
    expect(RECORD_DOWN, 1, LINK_CURRENT, NULL);
    send_text(1, LINK_CURRENT, "{\"type\":\"add\",\"phase\":\"dropped\",\"body\":\"00\"}");
    expect(RECORD_FAILED, 1, LINK_CURRENT, "refuses connections");
    assert_true(net_reachable(net)); /* it was a moment ago */
    server_start_mailbox(&own, port);
    expect(RECORD_UP, 1, LINK_CURRENT, NULL);
    send_text(1, LINK_CURRENT, "{\"type\":\"ping\",\"ping\":8}");
    expect(RECORD_RECEIVED, 1, LINK_CURRENT, "\"pong\": 8");
    assert_int_equal(recorder_count(&recorder, RECORD_FAILED), 1); /* said once */
    assert_int_equal(recorder_count(&recorder, RECORD_DOWN), 1);
    assert_int_equal(recorder_count_of(&recorder, RECORD_RECEIVED, 1, LINK_CURRENT, "dropped"), 0);
    server_kill(&own);
    stop_net();
}

/* A server that is there and says nothing, and one that is no mailbox server. */
/* Who waits in vain for a connection to it fails. */
static uint16_t listen_somewhere(int *fd)
{
    const struct timeval patience = {.tv_sec = 20};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(*fd, 64), 0);
    assert_int_equal(setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static void test_says_what_is_wrong(void **state)
{
    int fd;
    char request[1024];

    (void)state;
    uint16_t port = listen_somewhere(&fd);
    start_net_on("127.0.0.1", port);
    net_link_open(net, 1, LINK_CODE);
    int peer = accept(fd, NULL, NULL);
    assert_true(read(peer, request, sizeof(request)) > 0);
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(write(peer, answer, strlen(answer)), (ssize_t)strlen(answer));
    expect(RECORD_FAILED, 1, LINK_CODE, "HTTP status 404");
    close(peer);
    peer = accept(fd, NULL, NULL); /* and it tries again */
    close(peer);
    expect(RECORD_FAILED, 1, LINK_CODE, "broke off");
    close(fd);
    expect(RECORD_FAILED, 1, LINK_CODE, "refuses connections");
    stop_net();
    start_net("ws://no-such-host.invalid:4000/v1");
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_FAILED, 1, LINK_CODE, "no-such-host.invalid is not known");
    assert_false(net_reachable(net));
    stop_net();
}

enum { FILLERS = 8 };

/* A host that does not even say no, as one behind a firewall or a network that is gone: given up in
 * time for the next try of the schedule. Our stand-in is a listener whose queue is full. */
static void test_nothing_answers(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd, fillers[FILLERS];

    (void)state;
    a.sin_port = htons(listen_somewhere(&fd));
    assert_int_equal(listen(fd, 0), 0);
    for (size_t i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&a, sizeof(a));
    }
    start_net_on("127.0.0.1", ntohs(a.sin_port));
    int64_t begun_ms = clock_mono_ms();
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_FAILED, 1, LINK_CODE, "does not answer");
    assert_in_range(clock_mono_ms() - begun_ms, 1000, 10000);
    close(fd);
    expect(RECORD_FAILED, 1, LINK_CODE, "refuses connections");
    for (size_t i = 0; i < FILLERS; i++)
        close(fillers[i]);
    stop_net();
}

/* A server that is stopped: the kernel accepts for it. The reason is there before somebody who
 * waits for a code gives up, after five seconds. */
static void test_accepts_and_says_nothing(void **state)
{
    int fd;

    (void)state;
    uint16_t port = listen_somewhere(&fd);
    assert_int_equal(listen(fd, 16), 0);
    start_net_on("127.0.0.1", port);
    int64_t begun_ms = clock_mono_ms();
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_FAILED, 1, LINK_CODE, "accepts connections but does not answer");
    assert_in_range(WS_TCP_EARLY_MS + WS_SLOW_MS, 2000, 4900);
    assert_in_range(clock_mono_ms() - begun_ms, 2000, WS_HANDSHAKE_MS); /* machines are busy */
    close(fd);
    stop_net();
}

/* Redirects are not followed: they could lead anywhere. */
static void test_does_not_follow_redirects(void **state)
{
    int fd;
    char request[1024], answer[256];

    (void)state;
    uint16_t port = listen_somewhere(&fd);
    start_net_on("127.0.0.1", port);
    net_link_open(net, 1, LINK_CODE);
    int peer = accept(fd, NULL, NULL);
    assert_true(read(peer, request, sizeof(request)) > 0);
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%u/v1\r\nContent-Length: 0\r\n\r\n",
             (unsigned)mailbox.port);
    assert_int_equal(write(peer, answer, strlen(answer)), (ssize_t)strlen(answer));
    expect(RECORD_FAILED, 1, LINK_CODE, "HTTP status 302");
    close(peer);
    close(fd);
    stop_net();
}

/* What our side of the handshake says: the Host line, no subprotocol, no extension, no origin. */
static void test_asks_plainly(void **state)
{
    int fd;
    char request[2048] = "", host[64];

    (void)state;
    uint16_t port = listen_somewhere(&fd);
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* is not used */
    start_net_on("localhost", port);
    unsetenv("http_proxy");
    net_link_open(net, 1, LINK_CODE);
    int peer = accept(fd, NULL, NULL);
    assert_true(read(peer, request, sizeof(request) - 1) > 0);
    snprintf(host, sizeof(host), "\r\nHost: localhost:%u\r\n", (unsigned)port);
    assert_non_null(strstr(request, "GET /v1 HTTP/1.1\r\n"));
    assert_non_null(strstr(request, host));
    assert_non_null(strstr(request, "Sec-WebSocket-Version: 13\r\n"));
    assert_null(strstr(request, "Sec-WebSocket-Protocol"));
    assert_null(strstr(request, "Sec-WebSocket-Extensions"));
    assert_null(strstr(request, "Origin"));
    close(peer);
    close(fd);
    stop_net();
}

/* The timer comes when it was asked for, and when woken. */
static void test_ticks(void **state)
{
    (void)state;
    start_net_on("127.0.0.1", mailbox.port);
    recorder_wait_count(&recorder, RECORD_TICK, 1, SOON_MS); /* at the start */
    int64_t due_ms = clock_real_ms() + 50;
    recorder.next_tick_ms = due_ms;
    net_wake(net);
    recorder_wait_count(&recorder, RECORD_TICK, 3, SOON_MS); /* woken, and 50 ms later */
    assert_true(clock_real_ms() >= due_ms);
    stop_net();
}

/* Stopping while links are up, connecting, waiting, looked up and closing. */
static void test_stops_in_the_middle(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        start_net_on(round % 2 == 0 ? "localhost" : "127.0.0.1", mailbox.port);
        for (uint64_t w = 0; w < 50; w++)
            net_link_open(net, w, LINK_CURRENT);
        if (round > 2)
            expect(RECORD_UP, 7, LINK_CURRENT, NULL);
        for (uint64_t w = 0; w < 50; w += 3)
            net_link_close(net, w, LINK_CURRENT);
        stop_net();
    }
    start_net_on("127.0.0.1", 1); /* nobody there */
    net_link_open(net, 1, LINK_CODE);
    expect(RECORD_FAILED, 1, LINK_CODE, NULL);
    stop_net();
}

static int start_server(void **state)
{
    (void)state;
    server_start_mailbox(&mailbox, 0);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_kill(&mailbox);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_talks_to_the_server, clean_up),
        cmocka_unit_test_teardown(test_carries_messages_of_every_size, clean_up),
        cmocka_unit_test_teardown(test_keeps_the_order, clean_up),
        cmocka_unit_test_teardown(test_keeps_links_apart, clean_up),
        cmocka_unit_test_teardown(test_moves_a_link, clean_up),
        cmocka_unit_test_teardown(test_close_sends_what_is_queued, clean_up),
        cmocka_unit_test_teardown(test_reopens_at_once, clean_up),
        cmocka_unit_test_teardown(test_reopens_not_for_ever, clean_up),
        cmocka_unit_test_teardown(test_survives_the_server, clean_up),
        cmocka_unit_test_teardown(test_says_what_is_wrong, clean_up),
        cmocka_unit_test_teardown(test_nothing_answers, clean_up),
        cmocka_unit_test_teardown(test_accepts_and_says_nothing, clean_up),
        cmocka_unit_test_teardown(test_does_not_follow_redirects, clean_up),
        cmocka_unit_test_teardown(test_asks_plainly, clean_up),
        cmocka_unit_test_teardown(test_ticks, clean_up),
        cmocka_unit_test_teardown(test_stops_in_the_middle, clean_up),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
