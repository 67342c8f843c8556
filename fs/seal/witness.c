#include "fs/seal/witness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include "fs/deadline.h"

struct question {
    uint32_t number;
    int32_t tid;
};

struct answer {
    uint32_t number; /* the question's */
    int32_t end;     /* an enum writer_end */
};

/* One for the process, as /proc is. */
static struct {
    pthread_mutex_t lock;
    int sock;
    uint32_t number;
} witness = {.lock = PTHREAD_MUTEX_INITIALIZER, .sock = -1};

/* ---- of who asks ---- */

void witness_use(int sock)
{
    witness.sock = sock;
}

bool witness_in_use(void)
{
    return witness.sock >= 0;
}

/* 1: there is something to read; 0: not in time; -1: there never will be. */
static int wait_until(int64_t end_ms)
{
    struct pollfd p = {.fd = witness.sock, .events = POLLIN};
    int64_t left;

    while ((left = end_ms - deadline_now_ms()) > 0) {
        int rc = poll(&p, 1, (int)left);
        if (rc > 0)
            return p.revents & POLLIN ? 1 : -1;
        if (rc < 0 && errno != EINTR)
            return -1;
    }
    return 0;
}

/* The answer to this question; those to earlier ones, which came too late, are passed over. */
static bool hear(uint32_t number, struct answer *out)
{
    int64_t end_ms = deadline_now_ms() + WITNESS_WAIT_MS;

    while (wait_until(end_ms) > 0) {
        ssize_t n = recv(witness.sock, out, sizeof(*out), MSG_DONTWAIT | MSG_TRUNC);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        if (n == sizeof(*out) && out->number == number)
            return true;
    }
    return false;
}

static enum writer_end meaning(int32_t end)
{
    switch (end) {
    case WRITER_EXITS:
        return WRITER_EXITS;
    case WRITER_KILLED:
        return WRITER_KILLED;
    default: /* the number comes from outside; and that it goes on we know better */
        return WRITER_ENDS;
    }
}

enum writer_end witness_ask(pid_t tid)
{
    struct answer answer;

    pthread_mutex_lock(&witness.lock);
    const struct question question = {.number = ++witness.number, .tid = (int32_t)tid};
    bool known = send(witness.sock, &question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                     sizeof(question) &&
                 hear(question.number, &answer);
    pthread_mutex_unlock(&witness.lock);
    return known ? meaning(answer.end) : WRITER_ENDS;
}

/* ---- of who answers ---- */

int witness_answer(int sock)
{
    struct question question;
    ssize_t n;

    do
        n = recv(sock, &question, sizeof(question), MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -1;
    if (n != sizeof(question))
        return 0;
    const struct answer answer = {.number = question.number,
                                  .end = (int32_t)writer_look(question.tid)};
    /* Whoever does not read is not waited for: it has stopped asking, or is not what it was. */
    (void)send(sock, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    return 0;
}
