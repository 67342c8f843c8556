#include "proto/net/contender.h"

#include <poll.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/net/limits.h"
#include "proto/net/tcp.h"

static bool begin(struct contender *c, int fd, const struct transit_plan *plan,
                  const char *relay_side, int64_t now_ms)
{
    enum transit_role role = plan->sender ? TRANSIT_SENDER : TRANSIT_RECEIVER;

    if (fd < 0)
        return false;
    c->fd = fd;
    c->relayed = relay_side != NULL;
    c->since_ms = now_ms;
    c->deadline_ms = now_ms + RACE_HANDSHAKE_MS;
    if (transit_init(&c->transit, plan->key, role, relay_side) == PROTO_OK)
        return true;
    tcp_close(fd);
    return false;
}

void contender_dial(struct contender *c, const union address *to, const struct transit_plan *plan,
                    const char *relay_side, int64_t now_ms)
{
    if (!begin(c, tcp_dial(to), plan, relay_side, now_ms))
        return;
    c->incoming = false;
    c->state = CONTENDER_DIALLING;
}

void contender_accept(struct contender *c, int fd, const struct transit_plan *plan, int64_t now_ms)
{
    if (!begin(c, fd, plan, NULL, now_ms))
        return;
    c->incoming = true;
    c->state = CONTENDER_TALKING;
}

void contender_drop(struct contender *c)
{
    if (c->state == CONTENDER_FREE)
        return;
    tcp_close(c->fd);
    transit_release(&c->transit);
    c->state = CONTENDER_FREE;
}

int contender_take(struct contender *c)
{
    int fd = c->fd;

    transit_release(&c->transit);
    c->state = CONTENDER_FREE;
    return fd;
}

bool contender_is_stranger(const struct contender *c)
{
    return c->incoming && c->state == CONTENDER_TALKING && c->transit.state == TRANSIT_HANDSHAKE;
}

static bool wants_to_send(const struct contender *c)
{
    size_t len;

    transit_tx(&c->transit, &len);
    return len > 0;
}

/* Nothing more is to be received of it. */
static bool is_over(const struct contender *c)
{
    return c->transit.state == TRANSIT_SELECTED || c->transit.state == TRANSIT_REJECTED ||
           c->transit.state == TRANSIT_FAILED;
}

bool contender_is_selected(const struct contender *c)
{
    return c->state != CONTENDER_FREE && c->transit.state == TRANSIT_SELECTED;
}

short contender_events(const struct contender *c)
{
    if (c->state == CONTENDER_DIALLING)
        return POLLOUT;
    return (short)((is_over(c) ? 0 : POLLIN) | (wants_to_send(c) ? POLLOUT : 0));
}

/* False if the connection is gone. */
static bool send_some(struct contender *c)
{
    size_t len;
    const uint8_t *data = transit_tx(&c->transit, &len);

    if (len == 0)
        return true;
    ssize_t n = tcp_send(c->fd, data, len);
    if (n < 0)
        return false;
    transit_tx_done(&c->transit, (size_t)n);
    return true;
}

static void set_deadline(struct contender *c, enum transit_state before, int64_t now_ms)
{
    switch (c->transit.state) {
    case TRANSIT_RELAY_WAIT: /* the relay answers when the peer is there */
    case TRANSIT_WAIT_GO:    /* it is the peer, who takes the time to choose */
        c->deadline_ms = INT64_MAX;
        break;
    case TRANSIT_HANDSHAKE:
        if (before == TRANSIT_RELAY_WAIT)
            c->deadline_ms = now_ms + RACE_HANDSHAKE_MS;
        break;
    case TRANSIT_OFFERED:
    case TRANSIT_SELECTED:
    case TRANSIT_REJECTED:
    case TRANSIT_FAILED:
        break;
    }
}

/* Looks at what has come without taking it, so that what follows the handshake stays in the
 * socket for the session. 1: more may be there; 0: nothing now; -1: the connection is of no use. */
static int receive_some(struct contender *c, int64_t now_ms)
{
    enum transit_state before = c->transit.state;
    uint8_t buf[2 * TRANSIT_LINE_MAX];

    ssize_t n = tcp_peek(c->fd, buf, sizeof(buf));
    if (n <= 0)
        return (int)n;
    int taken = transit_rx(&c->transit, buf, (size_t)n);
    if (taken > 0 && tcp_recv(c->fd, buf, (size_t)taken) != taken)
        taken = -1;
    sodium_memzero(buf, sizeof(buf));
    if (taken < 0)
        return -1;
    set_deadline(c, before, now_ms);
    return taken > 0 ? 1 : 0;
}

/* False if it drops out. */
static bool converse(struct contender *c, int64_t now_ms)
{
    int more = 1;

    while (more == 1 && !is_over(c)) {
        if (!send_some(c))
            return false;
        more = receive_some(c, now_ms);
        if (c->transit.state == TRANSIT_OFFERED)
            (void)transit_select(&c->transit);
    }
    return more >= 0 && send_some(c) && (!is_over(c) || contender_is_selected(c));
}

void contender_ready(struct contender *c, short revents, int64_t now_ms)
{
    if (c->state == CONTENDER_DIALLING && revents != 0) {
        if (!tcp_finish(c->fd)) {
            contender_drop(c);
            return;
        }
        c->state = CONTENDER_TALKING;
        set_deadline(c, c->transit.state, now_ms);
    }
    if (c->state == CONTENDER_TALKING && !converse(c, now_ms))
        contender_drop(c);
    else if (c->state == CONTENDER_TALKING && c->transit.state == TRANSIT_SELECTED &&
             !wants_to_send(c))
        c->state = CONTENDER_CHOSEN;
}
