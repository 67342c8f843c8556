#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_S = 30 };

static void die(const char *what)
{
    fprintf(stderr, "# %s: %s\n", what, strerror(errno));
    abort();
}

static void note_line(struct server *s, const char *line)
{
    const char *at = strstr(line, "starting on ");
    unsigned port;

    if (at == NULL || sscanf(at, "starting on %u", &port) != 1)
        return;
    pthread_mutex_lock(&s->lock);
    s->port = (uint16_t)port;
    pthread_cond_broadcast(&s->listening);
    pthread_mutex_unlock(&s->lock);
}

static void *read_log(void *arg)
{
    struct server *s = arg;
    char *line = NULL;
    size_t cap = 0;

    FILE *log = fdopen(s->log_fd, "r");
    while (log != NULL && getline(&line, &cap, log) > 0) {
        if (getenv("TEST_SERVER_LOG") != NULL)
            fprintf(stderr, "# server: %s", line);
        note_line(s, line);
    }
    free(line);
    if (log != NULL)
        fclose(log);
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_cond_broadcast(&s->listening);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void run(char *const argv[], int log_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

static void wait_listening(struct server *s)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += START_S;
    pthread_mutex_lock(&s->lock);
    while (s->port == 0 && !s->ended)
        if (pthread_cond_timedwait(&s->listening, &s->lock, &deadline) != 0)
            break;
    bool listening = s->port != 0;
    pthread_mutex_unlock(&s->lock);
    if (!listening)
        die("the server does not start");
}

static void start(struct server *s, char *const argv[])
{
    int log[2];

    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->listening, NULL);
    if (pipe2(log, O_CLOEXEC) != 0)
        die("pipe");
    s->pid = fork();
    if (s->pid < 0)
        die("fork");
    if (s->pid == 0)
        run(argv, log[1]);
    close(log[1]);
    s->log_fd = log[0];
    if (pthread_create(&s->reader, NULL, read_log, s) != 0)
        die("thread");
    wait_listening(s);
}

static void start_mailbox(struct server *s, char *where)
{
    start(s, (char *[]){(char[]){"twist3"}, (char[]){"--log-format=text"}, (char[]){"--log-file=-"},
                        (char[]){"wormhole-mailbox"}, where, (char[]){"--channel-db=:memory:"},
                        (char[]){"--usage-db=:memory:"}, NULL});
}

void server_start_mailbox(struct server *s, uint16_t port)
{
    char where[64];

    snprintf(where, sizeof(where), "--port=tcp:%u:interface=127.0.0.1", (unsigned)port);
    start_mailbox(s, where);
}

void server_start_mailbox_tls(struct server *s, const char *key_file, const char *cert_file)
{
    char where[512];

    snprintf(where, sizeof(where), "--port=ssl:0:interface=127.0.0.1:privateKey=%s:certKey=%s",
             key_file, cert_file);
    start_mailbox(s, where);
}

void server_start_relay(struct server *s, uint16_t port)
{
    char where[64];

    snprintf(where, sizeof(where), "--port=tcp:%u:interface=127.0.0.1", (unsigned)port);
    start(s, (char *[]){(char[]){"twist3"}, (char[]){"--log-format=text"}, (char[]){"--log-file=-"},
                        (char[]){"transitrelay"}, where, NULL});
}

void server_freeze(struct server *s)
{
    kill(s->pid, SIGSTOP);
}

void server_thaw(struct server *s)
{
    kill(s->pid, SIGCONT);
}

void server_kill(struct server *s)
{
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    pthread_join(s->reader, NULL);
    pthread_cond_destroy(&s->listening);
    pthread_mutex_destroy(&s->lock);
}
