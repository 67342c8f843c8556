/* Real servers for the tests of proto/net/: Debian's mailbox server and transit relay, each a child
 * process on loopback. A test that cannot start one fails. */
#ifndef TESTS_NET_SERVER_H
#define TESTS_NET_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int log_fd;
    uint16_t port;
    pthread_t reader; /* of its log, so that it never blocks on it */
    pthread_mutex_t lock;
    pthread_cond_t listening;
    bool ended;
};

/* Port 0: any. They return when the server accepts connections. */
void server_start_mailbox(struct server *s, uint16_t port);
/* The same with TLS; the files are in PEM. */
void server_start_mailbox_tls(struct server *s, const char *key_file, const char *cert_file);
void server_start_relay(struct server *s, uint16_t port);
/* Stops it in its tracks, its connections open and silent; and lets it go on. */
void server_freeze(struct server *s);
void server_thaw(struct server *s);
/* kill -9, and waits for its end. */
void server_kill(struct server *s);

#endif
