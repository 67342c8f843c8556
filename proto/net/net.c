#include "proto/net/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/net/clock.h"
#include "proto/net/crew.h"
#include "proto/net/limits.h"
#include "proto/net/links.h"
#include "proto/net/loop.h"
#include "proto/net/resolve.h"
#include "proto/net/url.h"
#include "proto/net/ws.h"

struct net {
    struct net_callbacks callbacks;
    struct url url;
    struct resolver *resolver;
    struct links links;
    struct ws ws;
    struct crew crew;
    struct loop loop;
};

/* -- what the modules call -------------------------------------------------------------------- */

static void wake_loop(void *arg)
{
    loop_wake(&((struct net *)arg)->loop);
}

static void name_resolved(void *arg)
{
    struct net *net = arg;

    loop_wake(&net->loop);
    crew_wake(&net->crew);
}

static void work(void *arg)
{
    struct net *net = arg;

    ws_work(&net->ws);
    crew_pump(&net->crew, clock_mono_ms());
}

static int64_t tick(void *arg, int64_t now_ms)
{
    struct net *net = arg;

    return net->callbacks.tick(net->callbacks.arg, now_ms);
}

static bool idle(void *arg)
{
    return ws_is_idle(&((struct net *)arg)->ws);
}

/* -- the start and the end -------------------------------------------------------------------- */

int net_url_check(const char *url, char *why)
{
    struct url parsed;

    return url_parse(&parsed, url, why);
}

static void init_modules(struct net *net, const struct net_options *options)
{
    links_init(&net->links, wake_loop, net);
    net->ws.context = net->loop.context;
    net->ws.links = &net->links;
    net->ws.resolver = net->resolver;
    net->ws.url = &net->url;
    net->ws.callbacks = &net->callbacks;
    ws_init(&net->ws);
    crew_init(&net->crew, &net->callbacks, net->resolver, options->listen);
}

static void release_modules(struct net *net)
{
    crew_release(&net->crew);
    links_release(&net->links);
}

static int out_of_memory(char *why)
{
    snprintf(why, NET_WHY_MAX, "out of memory");
    return PROTO_ERR_NOMEM;
}

static int start(struct net *net, const struct net_options *options, char *why)
{
    struct loop_handlers handlers = {.arg = net, .work = work, .tick = tick, .idle = idle};

    int err = url_parse(&net->url, options->mailbox_url, why);
    if (err != PROTO_OK)
        return err;
    net->resolver = resolve_new(name_resolved, net);
    if (net->resolver == NULL)
        return out_of_memory(why);
    err = loop_init(&net->loop, &handlers, net->url.tls, why);
    if (err != PROTO_OK)
        goto fail_resolver;
    init_modules(net, options);
    err = loop_start(&net->loop, why);
    if (err != PROTO_OK)
        goto fail_loop;
    return PROTO_OK;

fail_loop:
    release_modules(net);
    loop_release(&net->loop);
fail_resolver:
    resolve_free(net->resolver);
    return err;
}

int net_start(struct net **out, const struct net_options *options,
              const struct net_callbacks *callbacks, char *why)
{
    struct net *net = calloc(1, sizeof(*net));

    if (net == NULL || sodium_init() < 0) {
        free(net);
        return out_of_memory(why);
    }
    net->callbacks = *callbacks;
    int err = start(net, options, why);
    if (err != PROTO_OK) {
        free(net);
        return err;
    }
    *out = net;
    return PROTO_OK;
}

/* In this order nobody is called who has ended: the crew's threads may still call anything, the
 * lookups wake the loop and the crew, and the loop alone frees the links. */
void net_stop(struct net *net)
{
    if (net == NULL)
        return;
    links_close_all(&net->links);
    crew_stop(&net->crew);
    resolve_silence(net->resolver);
    loop_stop(&net->loop);
    resolve_free(net->resolver);
    release_modules(net);
    free(net);
}

/* -- the calls -------------------------------------------------------------------------------- */

void net_wake(struct net *net)
{
    loop_ask_tick(&net->loop);
}

void net_link_open(struct net *net, uint64_t wormhole, enum wormhole_link link)
{
    links_open(&net->links, wormhole, link);
}

void net_link_send(struct net *net, uint64_t wormhole, enum wormhole_link link, const void *text,
                   size_t len)
{
    links_send(&net->links, wormhole, link, text, len);
}

void net_link_close(struct net *net, uint64_t wormhole, enum wormhole_link link)
{
    links_close(&net->links, wormhole, link);
}

void net_link_move(struct net *net, uint64_t wormhole, enum wormhole_link from,
                   enum wormhole_link to)
{
    links_move(&net->links, wormhole, from, to);
}

bool net_reachable(struct net *net)
{
    return ws_reachable(&net->ws);
}

void net_transit_listen(struct net *net, uint64_t wormhole, uint64_t attempt)
{
    crew_listen(&net->crew, wormhole, attempt);
}

void net_transit_start(struct net *net, uint64_t wormhole, uint64_t attempt,
                       const struct transit_plan *plan)
{
    crew_start(&net->crew, wormhole, attempt, plan);
}

void net_transit_stop(struct net *net, uint64_t wormhole, uint64_t attempt)
{
    crew_cancel(&net->crew, wormhole, attempt);
}
