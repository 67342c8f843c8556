#include "proto/net/loop.h"

#include <stdio.h>
#include <string.h>

#include "proto/error.h"
#include "proto/net/clock.h"
#include "proto/net/limits.h"
#include "proto/net/net.h"
#include "proto/net/thread.h"
#include "proto/net/ws.h"

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);

static const struct lws_protocols PROTOCOLS[] = {
    {.name = "mailbox", .callback = on_event, .rx_buffer_size = WS_RX_CHUNK_BYTES},
    {0},
};

/* -- the timer -------------------------------------------------------------------------------- */

static void on_tick_timer(lws_sorted_usec_list_t *timer);

/* The wall clock may be set and the machine may sleep, neither of which libwebsockets' monotonic
 * timers notice: so never wait long without looking. */
static void set_tick_timer(struct loop *loop)
{
    int64_t wait_ms = TICK_RECHECK_MS;

    if (loop->tick_at_ms < INT64_MAX) {
        int64_t left_ms = loop->tick_at_ms - clock_real_ms();
        if (left_ms < wait_ms)
            wait_ms = left_ms > 1 ? left_ms : 1;
    }
    lws_sul_schedule(loop->context, 0, &loop->tick_timer, on_tick_timer, wait_ms * LWS_US_PER_MS);
}

static void tick_if_due(struct loop *loop)
{
    if (atomic_load(&loop->stopping))
        return;
    int64_t now_ms = clock_real_ms();
    bool back = now_ms < loop->seen_ms; /* all that is due by this clock is put off */
    loop->seen_ms = now_ms;
    if (atomic_exchange(&loop->tick_asked, false) || back || now_ms >= loop->tick_at_ms)
        loop->tick_at_ms = loop->handlers.tick(loop->handlers.arg, now_ms);
    set_tick_timer(loop);
}

static void on_tick_timer(lws_sorted_usec_list_t *timer)
{
    struct loop *loop = lws_container_of(timer, struct loop, tick_timer);

    loop->handlers.work(loop->handlers.arg);
    tick_if_due(loop);
}

/* -- the thread ------------------------------------------------------------------------------- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    if (reason != LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return ws_event(wsi, (int)reason, user, in, len);
    struct loop *loop = lws_context_user(lws_get_context(wsi));
    loop->handlers.work(loop->handlers.arg);
    if (atomic_load(&loop->tick_asked))
        tick_if_due(loop);
    return 0;
}

/* lws_service calls timers and then goes on to wait; the wake-up makes it return. */
static void on_stop_timer(lws_sorted_usec_list_t *timer)
{
    struct loop *loop = lws_container_of(timer, struct loop, stop_timer);

    loop->stop_now = true;
    lws_cancel_service(loop->context);
}

static void end_politely(struct loop *loop)
{
    lws_sul_schedule(loop->context, 0, &loop->stop_timer, on_stop_timer,
                     WS_STOP_MS * LWS_US_PER_MS);
    loop->handlers.work(loop->handlers.arg);
    while (!loop->stop_now && !loop->handlers.idle(loop->handlers.arg))
        if (lws_service(loop->context, 0) < 0)
            break;
}

static void *run(void *arg)
{
    struct loop *loop = arg;

    tick_if_due(loop);
    while (!atomic_load(&loop->stopping))
        if (lws_service(loop->context, 0) < 0)
            break;
    end_politely(loop);
    return NULL;
}

int loop_init(struct loop *loop, const struct loop_handlers *handlers, bool tls, char *why)
{
    *loop = (struct loop){.handlers = *handlers, .tick_at_ms = INT64_MIN};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = PROTOCOLS,
        .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .gid = -1,
        .uid = -1,
        .user = loop,
        /* An empty one, or $http_proxy would be used: a name looked up on this thread, and a
         * CONNECT that most proxies refuse for such ports. */
        .http_proxy_address = "",
        .timeout_secs = 2 * WS_HANDSHAKE_MS / 1000, /* ours come first */
        .connect_timeout_secs = 2 * WS_HANDSHAKE_MS / 1000,
    };

    atomic_init(&loop->tick_asked, true);
    atomic_init(&loop->stopping, false);
    lws_set_log_level(0, NULL);
    loop->context = lws_create_context(&info);
    if (loop->context != NULL)
        return PROTO_OK;
    snprintf(why, NET_WHY_MAX, "libwebsockets cannot be started");
    return PROTO_ERR_STATE;
}

int loop_start(struct loop *loop, char *why)
{
    int err = thread_start(&loop->thread, 0, run, loop);

    if (err == 0)
        return PROTO_OK;
    snprintf(why, NET_WHY_MAX, "no thread can be started: %s", strerror(err));
    return PROTO_ERR_NOMEM;
}

void loop_wake(struct loop *loop)
{
    lws_cancel_service(loop->context);
}

void loop_ask_tick(struct loop *loop)
{
    atomic_store(&loop->tick_asked, true);
    loop_wake(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    loop_wake(loop);
    pthread_join(loop->thread, NULL);
    /* Not on the thread itself, which may get here while loop_wake is still under way. */
    loop_release(loop);
}

void loop_release(struct loop *loop)
{
    /* Ends what is still connected. */
    if (loop->context != NULL)
        lws_context_destroy(loop->context);
    loop->context = NULL;
}
