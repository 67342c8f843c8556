/* Links over wss:// to Debian's real mailbox server: only one whose certificate a system root
 * vouches for, and for that name, is talked to; the sentence says what is wrong. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder.h"
#include "server.h"

enum { SOON_MS = 20000, LINKS = 100 };

static struct server mailbox;
static struct recorder recorder;
static struct net *net;
static char folder[] = "/tmp/test-tls-XXXXXX", key_file[64], cert_file[64];

static void run_openssl(char *const argv[])
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        freopen("/dev/null", "w", stderr);
        execvp("openssl", argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int start_server(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(key_file, sizeof(key_file), "%s/key.pem", folder);
    snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", folder);
    run_openssl((char *[]){(char[]){"openssl"}, (char[]){"req"}, (char[]){"-x509"},
                           (char[]){"-newkey"}, (char[]){"rsa:2048"}, (char[]){"-nodes"},
                           (char[]){"-days"}, (char[]){"2"}, (char[]){"-subj"},
                           (char[]){"/CN=localhost"}, (char[]){"-addext"},
                           (char[]){"subjectAltName=DNS:localhost"}, (char[]){"-keyout"}, key_file,
                           (char[]){"-out"}, cert_file, NULL});
    server_start_mailbox_tls(&mailbox, key_file, cert_file);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_kill(&mailbox);
    unlink(key_file);
    unlink(cert_file);
    rmdir(folder);
    return 0;
}

/* `trusted`: the server's certificate is the one system root. */
static void start_net(const char *host, uint16_t port, bool trusted)
{
    char why[NET_WHY_MAX], url[128];

    if (trusted)
        setenv("SSL_CERT_FILE", cert_file, 1);
    else
        unsetenv("SSL_CERT_FILE");
    snprintf(url, sizeof(url), "wss://%s:%u/v1", host, (unsigned)port);
    struct net_options options = {.mailbox_url = url};
    recorder_init(&recorder);
    struct net_callbacks callbacks = recorder_callbacks(&recorder);
    if (net_start(&net, &options, &callbacks, why) != 0)
        fail_msg("%s", why);
}

static int clean_up(void **state)
{
    (void)state;
    if (net == NULL)
        return 0;
    net_stop(net);
    net = NULL;
    recorder_release(&recorder);
    return 0;
}

static void expect_failure(const char *host, uint16_t port, bool trusted, const char *why)
{
    start_net(host, port, trusted);
    net_link_open(net, 1, LINK_CODE);
    struct record r = recorder_wait(&recorder, RECORD_FAILED, 1, LINK_CODE, why, SOON_MS);
    print_message("# %s\n", r.text);
    assert_int_equal(recorder_count(&recorder, RECORD_UP), 0);
    clean_up(NULL);
}

static void test_trusted(void **state)
{
    static const char bind[] = "{\"type\":\"bind\",\"appid\":\"tls\",\"side\":\"aa\"}";
    static const char open[] = "{\"type\":\"open\",\"mailbox\":\"m\"}";
    static char text[300000];

    (void)state;
    start_net("localhost", mailbox.port, true);
    net_link_open(net, 1, LINK_CODE);
    recorder_wait(&recorder, RECORD_RECEIVED, 1, LINK_CODE, "\"welcome\"", SOON_MS);
    net_link_send(net, 1, LINK_CODE, bind, strlen(bind));
    net_link_send(net, 1, LINK_CODE, open, strlen(open));
    int head = sprintf(text, "{\"type\":\"add\",\"phase\":\"p\",\"body\":\"");
    memset(text + head, 'e', 250000);
    strcat(text, "\"}");
    net_link_send(net, 1, LINK_CODE, text, strlen(text));
    struct record r = recorder_wait(&recorder, RECORD_RECEIVED, 1, LINK_CODE, "\"phase\"", SOON_MS);
    assert_true(r.len > 250000);
}

static void test_untrusted(void **state)
{
    (void)state;
    expect_failure("localhost", mailbox.port, false,
                   "the certificate of the mailbox server localhost is not trusted: self-signed");
}

static void test_another_name(void **state)
{
    (void)state;
    expect_failure("127.0.0.1", mailbox.port, true,
                   "the certificate of the mailbox server 127.0.0.1 is not trusted: IP address");
}

/* A server that speaks something else. */
static void test_no_tls(void **state)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    start_net("127.0.0.1", ntohs(a.sin_port), true);
    net_link_open(net, 1, LINK_CODE);
    int peer = accept(fd, NULL, NULL);
    assert_int_equal(write(peer, answer, strlen(answer)), (ssize_t)strlen(answer));
    struct record r = recorder_wait(&recorder, RECORD_FAILED, 1, LINK_CODE,
                                    "no secure connection to the mailbox server", SOON_MS);
    print_message("# %s\n", r.text);
    close(peer);
    close(fd);
}

static long resident_kib(void)
{
    long total = 0, resident = 0;

    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_a_hundred(void **state)
{
    (void)state;
    start_net("localhost", mailbox.port, true);
    recorder_wait_count(&recorder, RECORD_TICK, 1, SOON_MS);
    long before = resident_kib();
    for (uint64_t w = 0; w < LINKS; w++)
        net_link_open(net, w, LINK_CODE);
    recorder_wait_count(&recorder, RECORD_RECEIVED, LINKS, SOON_MS);
    print_message("# resident: %ld KiB a link over TLS\n", (resident_kib() - before) / LINKS);
    assert_int_equal(recorder_count(&recorder, RECORD_UP), LINKS);
    assert_int_equal(recorder_count(&recorder, RECORD_FAILED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_trusted, clean_up),
        cmocka_unit_test_teardown(test_untrusted, clean_up),
        cmocka_unit_test_teardown(test_another_name, clean_up),
        cmocka_unit_test_teardown(test_no_tls, clean_up),
        cmocka_unit_test_teardown(test_a_hundred, clean_up),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
