/* A mailbox server of our own making, to say what the real one never would: messages in fragments,
 * pings between them, too long ones, masked and malformed frames, half a handshake. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "proto/net/clock.h"
#include "recorder.h"

enum { SOON_MS = 20000, FIN = 0x80, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9 };

static struct recorder recorder;
static struct net *net;
static int listener = -1, peer = -1;

static void read_all(void *out, size_t len)
{
    char *at = out;

    while (len > 0) {
        ssize_t n = recv(peer, at, len, 0);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static void write_all(const void *data, size_t len)
{
    assert_int_equal(send(peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void read_request(char *request, size_t size)
{
    size_t len = 0;

    do {
        assert_true(len + 1 < size);
        read_all(request + len, 1);
        request[++len] = '\0';
    } while (strstr(request, "\r\n\r\n") == NULL);
}

static void accept_websocket(void)
{
    char request[2048], key[128] = "", answer[256], accept_key[64];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    struct timeval timeout = {.tv_sec = SOON_MS / 1000};

    peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    read_request(request, sizeof(request));
    const char *at = strstr(request, "Sec-WebSocket-Key: ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "Sec-WebSocket-Key: %63[^\r]", key), 1);
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    assert_int_equal(EVP_Digest(key, strlen(key), digest, &digest_len, EVP_sha1(), NULL), 1);
    EVP_EncodeBlock((unsigned char *)accept_key, digest, (int)digest_len);
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                       accept_key);
    write_all(answer, (size_t)len);
}

static size_t put_header(uint8_t *head, int first, uint64_t len)
{
    head[0] = (uint8_t)first;
    if (len < 126) {
        head[1] = (uint8_t)len;
        return 2;
    }
    head[1] = 127;
    for (int i = 0; i < 8; i++)
        head[2 + i] = (uint8_t)(len >> (56 - 8 * i));
    return 10;
}

static void send_frame(int first, const char *payload)
{
    uint8_t head[10];

    write_all(head, put_header(head, first, strlen(payload)));
    write_all(payload, strlen(payload));
}

static struct record expect(enum record_kind kind, const char *part)
{
    return recorder_wait(&recorder, kind, 1, LINK_CURRENT, part, SOON_MS);
}

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    char why[NET_WHY_MAX], url[64];

    (void)state;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1", (unsigned)ntohs(a.sin_port));
    recorder_init(&recorder);
    struct net_callbacks callbacks = recorder_callbacks(&recorder);
    struct net_options options = {.mailbox_url = url};
    assert_int_equal(net_start(&net, &options, &callbacks, why), 0);
    net_link_open(net, 1, LINK_CURRENT);
    accept_websocket();
    expect(RECORD_UP, NULL);
    return 0;
}

static int tear_down(void **state)
{
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    net_stop(net); /* this server gives no pong to its last ping */
    assert_true(clock_mono_ms() - begun_ms < 4500);
    recorder_release(&recorder);
    close(peer);
    close(listener);
    return 0;
}

static void expect_text(const char *text)
{
    struct record r = expect(RECORD_RECEIVED, NULL);

    assert_int_equal(r.len, strlen(text));
    assert_string_equal(r.text, text);
}

static void test_puts_fragments_together(void **state)
{
    (void)state;
    send_frame(TEXT, "{\"a");
    send_frame(FIN | PING, "are you there");
    send_frame(CONTINUATION, "\": ");
    send_frame(CONTINUATION, "");
    send_frame(FIN | CONTINUATION, "1}");
    expect_text("{\"a\": 1}");
    send_frame(TEXT, "{\"b\": 2}"); /* as a Go server does: the end is an empty frame */
    send_frame(FIN | CONTINUATION, "");
    expect_text("{\"b\": 2}");
    send_frame(FIN | TEXT, "{\"c\": 3}");
    send_frame(FIN | BINARY, "{\"d\": 4}");
    send_frame(FIN | TEXT, "");
    expect_text("{\"c\": 3}");
    expect_text("{\"d\": 4}");
    expect_text("");
    /* The ping was answered: fin and pong, masked, its payload. */
    uint8_t pong[2 + 4 + 13];
    read_all(pong, sizeof(pong));
    assert_int_equal(pong[0], 0x8a);
    assert_int_equal(pong[1], 0x80 | 13);
    for (size_t i = 0; i < 13; i++)
        assert_int_equal(pong[6 + i] ^ pong[2 + i % 4], "are you there"[i]);
}

/* Ours are one masked text frame each. */
static void test_sends_text_frames(void **state)
{
    uint8_t frame[2 + 4 + 5];

    (void)state;
    net_link_send(net, 1, LINK_CURRENT, "hello", 5);
    read_all(frame, sizeof(frame));
    assert_int_equal(frame[0], FIN | TEXT);
    assert_int_equal(frame[1], 0x80 | 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(frame[6 + i] ^ frame[2 + i % 4], "hello"[i]);
}

static void send_long(int first, size_t len)
{
    static const char zeros[65536];
    uint8_t head[10];

    if (send(peer, head, put_header(head, first, len), MSG_NOSIGNAL) < 0)
        return;
    while (len > 0) { /* until it hangs up */
        ssize_t n = send(peer, zeros, len < sizeof(zeros) ? len : sizeof(zeros), MSG_NOSIGNAL);
        if (n < 0)
            return;
        len -= (size_t)n;
    }
}

static void test_bounds_a_message(void **state)
{
    (void)state;
    send_long(FIN | TEXT, NET_MESSAGE_MAX);
    assert_int_equal(expect(RECORD_RECEIVED, NULL).len, NET_MESSAGE_MAX);
    send_long(TEXT, NET_MESSAGE_MAX); /* in fragments it is no more */
    send_long(FIN | CONTINUATION, 1);
    expect(RECORD_DOWN, NULL);
    expect(RECORD_FAILED, "larger than 4 MiB");
    assert_int_equal(recorder_count(&recorder, RECORD_RECEIVED), 1);
}

static void test_server_closes(void **state)
{
    (void)state;
    send_frame(FIN | TEXT, "last words");
    send_frame(FIN | CLOSE, "\x03\xe8"
                            "bye");
    expect_text("last words");
    expect(RECORD_DOWN, NULL);
    close(peer);
    accept_websocket(); /* and it comes back */
    expect(RECORD_UP, NULL);
}

/* Nonsense ends the connection, and nothing of it is passed on. */
static void test_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x80\x01x", 3},                                 /* continues nothing */
        {"\xf1\x01x", 3},                                 /* reserved bits */
        {"\x83\x01x", 3},                                 /* reserved opcode */
        {"\x09\x01x", 3},                                 /* a ping in fragments */
        {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10}, /* a negative length */
        {"\x88\x7f", 2},                                  /* a long close */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_all(bad[i].bytes, bad[i].len);
        expect(RECORD_DOWN, NULL);
        close(peer);
        accept_websocket();
        expect(RECORD_UP, NULL);
    }
    assert_int_equal(recorder_count(&recorder, RECORD_RECEIVED), 0);
}

/* A server that takes nothing: what waits is bounded, and then the link is broken. */
static void test_takes_nothing(void **state)
{
    const size_t len = (size_t)1 << 20;
    char *text = malloc(len);

    (void)state;
    memset(text, ' ', len);
    for (int i = 0; i < 40; i++) /* more than the kernel's buffers and ours together */
        net_link_send(net, 1, LINK_CURRENT, text, len);
    expect(RECORD_DOWN, NULL);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_puts_fragments_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sends_text_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_malformed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_takes_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
