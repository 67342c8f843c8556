/* The crew of threads that run the transit attempts. An attempt has a thread while it listens and
 * says where, and again from its plan to the end of its session; between the two, which may take
 * as long as somebody sits before a question, it has only its port. At most NET_TRANSIT_MAX have a
 * thread; the others wait, and the oldest gets the next.
 *
 * A thread is for as long as its session likes, until somebody waits for one and none is free.
 * Then those that have hardly moved a byte in a whole turn (CREW_TURN_*) are ended as if their
 * connections had broken, no more than wait: first who can go on later, who moved least, who came
 * first. What counts is the time in which a session waits for its peer, not for our disk.
 *
 * One lock guards the table of attempts and the threads' places, and is never held in a callback.
 */
#ifndef PROTO_NET_CREW_H
#define PROTO_NET_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/net/net.h"
#include "proto/net/resolve.h"

struct crew_attempt;

enum crew_worker_state { WORKER_NONE, WORKER_RUNNING, WORKER_ENDED /* to be joined */ };

struct crew_worker {
    struct crew *crew;
    enum crew_worker_state state;
    pthread_t thread;
};

struct crew {
    const struct net_callbacks *callbacks;
    struct resolver *resolver;
    bool listen;
    pthread_mutex_t lock;
    struct crew_attempt *first; /* in the order of their listens */
    size_t count;
    size_t waiting;  /* of these, for a thread */
    size_t starting; /* threads that have not yet looked for one */
    int64_t seen_ms; /* the time of the last look at who moves what */
    bool stopping;
    struct crew_worker workers[NET_TRANSIT_MAX];
};

void crew_init(struct crew *s, const struct net_callbacks *callbacks, struct resolver *resolver,
               bool listen);
/* After crew_stop. */
void crew_release(struct crew *s);

/* -- any thread: as their namesakes in net.h -- */
void crew_listen(struct crew *s, uint64_t wormhole, uint64_t attempt);
void crew_start(struct crew *s, uint64_t wormhole, uint64_t attempt,
                const struct transit_plan *plan);
void crew_cancel(struct crew *s, uint64_t wormhole, uint64_t attempt);
/* A lookup has ended. */
void crew_wake(struct crew *s);
/* Starts threads that could not be started before, and sees who moves what. To be called now and
 * then, at least every CREW_STEP_MAX_MS, with the time of a steady clock; of a longer step no more
 * than that counts, of one back nothing. */
void crew_pump(struct crew *s, int64_t now_ms);

/* Cancels all, takes no more, and joins their threads. Each gets its transit_down before. */
void crew_stop(struct crew *s);

#endif
