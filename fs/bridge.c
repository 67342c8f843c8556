#include "fs/bridge.h"

#include <sodium.h>
#include <time.h>
#include "fs/chores.h"

static struct net *net_of(void *arg)
{
    struct bridge *b = arg;
    return atomic_load(&b->net);
}

static struct engine *engine_of(void *arg)
{
    struct bridge *b = arg;
    return b->engine;
}

/* ---- from the engine ---- */

static void link_open(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    if (net_of(arg))
        net_link_open(net_of(arg), wormhole, link);
}

static void link_send(void *arg, uint64_t wormhole, enum wormhole_link link, const void *text,
                      size_t len)
{
    if (net_of(arg))
        net_link_send(net_of(arg), wormhole, link, text, len);
}

static void link_close(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    if (net_of(arg))
        net_link_close(net_of(arg), wormhole, link);
}

static void link_move(void *arg, uint64_t wormhole, enum wormhole_link from, enum wormhole_link to)
{
    if (net_of(arg))
        net_link_move(net_of(arg), wormhole, from, to);
}

static void transit_listen(void *arg, uint64_t wormhole, uint64_t attempt)
{
    if (net_of(arg))
        net_transit_listen(net_of(arg), wormhole, attempt);
}

static void transit_start(void *arg, uint64_t wormhole, uint64_t attempt,
                          const struct transit_plan *plan)
{
    if (net_of(arg))
        net_transit_start(net_of(arg), wormhole, attempt, plan);
}

static void transit_stop(void *arg, uint64_t wormhole, uint64_t attempt)
{
    if (net_of(arg))
        net_transit_stop(net_of(arg), wormhole, attempt);
}

static void wake(void *arg)
{
    if (net_of(arg))
        net_wake(net_of(arg));
}

static void job(void *arg)
{
    struct bridge *b = arg;
    chores_wake(atomic_load(&b->chores));
}

static int64_t now_ms(void *arg)
{
    struct timespec ts;

    (void)arg;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t steady_ms(void *arg)
{
    struct timespec ts;

    (void)arg;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}

static void random_bytes(void *arg, void *out, size_t len)
{
    (void)arg;
    randombytes_buf(out, len);
}

void bridge_outputs(struct bridge *b, struct engine_out *out)
{
    *out = (struct engine_out){
        .arg = b,
        .link_open = link_open,
        .link_send = link_send,
        .link_close = link_close,
        .link_move = link_move,
        .transit_listen = transit_listen,
        .transit_start = transit_start,
        .transit_stop = transit_stop,
        .wake = wake,
        .job = job,
        .now_ms = now_ms,
        .random = random_bytes,
        .steady_ms = steady_ms,
    };
}

/* ---- from the network ---- */

static void link_up(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    engine_link_up(engine_of(arg), wormhole, link);
}

static void link_down(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    engine_link_down(engine_of(arg), wormhole, link);
}

static void link_received(void *arg, uint64_t wormhole, enum wormhole_link link, const char *text,
                          size_t len)
{
    engine_link_received(engine_of(arg), wormhole, link, text, len);
}

static void link_failed(void *arg, uint64_t wormhole, enum wormhole_link link, const char *why)
{
    engine_link_failed(engine_of(arg), wormhole, link, why);
}

static void transit_hints(void *arg, uint64_t wormhole, uint64_t attempt,
                          const struct hint_list *direct)
{
    engine_transit_hints(engine_of(arg), wormhole, attempt, direct);
}

static void transit_session(void *arg, uint64_t wormhole, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream)
{
    engine_transit_session(engine_of(arg), wormhole, attempt, plan, stream);
}

static void transit_down(void *arg, uint64_t wormhole, uint64_t attempt)
{
    engine_transit_down(engine_of(arg), wormhole, attempt);
}

static int64_t tick(void *arg, int64_t now)
{
    struct bridge *b = arg;
    return atomic_load(&b->ticking) ? engine_tick(b->engine, now) : INT64_MAX;
}

void bridge_callbacks(struct bridge *b, struct net_callbacks *out)
{
    *out = (struct net_callbacks){
        .arg = b,
        .link_up = link_up,
        .link_down = link_down,
        .link_received = link_received,
        .link_failed = link_failed,
        .transit_hints = transit_hints,
        .transit_session = transit_session,
        .transit_down = transit_down,
        .tick = tick,
    };
}
