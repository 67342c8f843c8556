/* Transit attempts, each on a thread of its own from listening to the end of its session; those
 * beyond NET_TRANSIT_MAX wait for a thread.
 *
 * One lock guards the table of attempts and the threads' places, and is never held in a callback.
 */
#ifndef PROTO_NET_ATTEMPT_H
#define PROTO_NET_ATTEMPT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/net/net.h"
#include "proto/net/resolve.h"

struct attempt;

enum worker_state { WORKER_NONE, WORKER_RUNNING, WORKER_ENDED /* to be joined */ };

struct worker {
    struct attempts *attempts;
    enum worker_state state;
    pthread_t thread;
};

struct attempts {
    const struct net_callbacks *callbacks;
    struct resolver *resolver;
    bool listen;
    pthread_mutex_t lock;
    struct attempt *first; /* in the order of their listens */
    size_t count;
    size_t waiting;  /* of these, without a thread */
    size_t starting; /* threads that have not yet looked for one */
    bool stopping;
    struct worker workers[NET_TRANSIT_MAX];
};

void attempts_init(struct attempts *s, const struct net_callbacks *callbacks,
                   struct resolver *resolver, bool listen);
/* After attempts_stop. */
void attempts_release(struct attempts *s);

/* -- any thread: as their namesakes in net.h -- */
void attempts_listen(struct attempts *s, uint64_t wormhole, uint64_t attempt);
void attempts_start(struct attempts *s, uint64_t wormhole, uint64_t attempt,
                    const struct transit_plan *plan);
void attempts_cancel(struct attempts *s, uint64_t wormhole, uint64_t attempt);
/* A lookup has ended. */
void attempts_wake(struct attempts *s);
/* Starts threads that could not be started before; to be called now and then. */
void attempts_pump(struct attempts *s);

/* Cancels all, takes no more, and joins their threads. Each gets its transit_down before. */
void attempts_stop(struct attempts *s);

#endif
