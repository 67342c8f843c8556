/* The network thread: libwebsockets' event loop, a wake-up from other threads, and the callers'
 * timer. What the thread does when woken is its owner's business. */
#ifndef PROTO_NET_LOOP_H
#define PROTO_NET_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <libwebsockets.h>

/* All are called on the network thread; after loop_stop has begun, `work` and `idle` alone. */
struct loop_handlers {
    void *arg;
    void (*work)(void *arg);                    /* after loop_wake; spurious calls are fine */
    int64_t (*tick)(void *arg, int64_t now_ms); /* as in net.h */
    bool (*idle)(void *arg);                    /* nothing is left to be ended politely */
};

struct loop {
    struct loop_handlers handlers;
    struct lws_context *context;
    pthread_t thread;
    lws_sorted_usec_list_t tick_timer;
    lws_sorted_usec_list_t stop_timer;
    int64_t tick_at_ms; /* wall clock; INT64_MAX: only when asked for */
    int64_t seen_ms;    /* the wall clock, when last looked at */
    atomic_bool tick_asked;
    atomic_bool stopping;
    bool stop_now;
};

/* Prepares libwebsockets, for TLS if `tls`; `loop` must not move from now on. 0, PROTO_ERR_NOMEM,
 * or PROTO_ERR_STATE if it cannot be had, with a sentence in why[NET_WHY_MAX]. */
int loop_init(struct loop *loop, const struct loop_handlers *handlers, bool tls, char *why);
/* Starts the thread; the first tick follows at once. 0 or PROTO_ERR_NOMEM with a sentence. */
int loop_start(struct loop *loop, char *why);
/* Any thread. `work` is called soon. */
void loop_wake(struct loop *loop);
/* Any thread. `tick` is called soon. */
void loop_ask_tick(struct loop *loop);
/* Calls `work` until `idle`, at most WS_STOP_MS; ends and joins the thread, ends the connections
 * that are left, and releases the loop. */
void loop_stop(struct loop *loop);
/* The end of one that was never started. */
void loop_release(struct loop *loop);

#endif
