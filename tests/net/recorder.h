/* Records what a struct net calls back, and lets a test wait for it, with a deadline. */
#ifndef TESTS_NET_RECORDER_H
#define TESTS_NET_RECORDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/net/net.h"

enum record_kind {
    RECORD_UP,
    RECORD_DOWN,
    RECORD_RECEIVED,
    RECORD_FAILED,
    RECORD_HINTS,
    RECORD_SESSION, /* has begun */
    RECORD_TRANSIT_DOWN,
    RECORD_TICK,
    RECORD_KINDS,
};

struct record {
    enum record_kind kind;
    uint64_t wormhole;
    uint64_t which; /* link or attempt */
    char *text;     /* message, sentence, or kind of stream; NUL-terminated */
    size_t len;
    struct hint_list *hints;
    bool taken;
};

struct recorder {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct record *records;
    size_t count;
    size_t cap;
    size_t counts[RECORD_KINDS];
    bool counts_only; /* keeps nothing but the counts */
    /* What a session does; may be NULL. Runs on the transit thread. */
    void (*session)(void *arg, uint64_t wormhole, const struct transit_plan *plan,
                    struct stream *stream);
    void *session_arg;
    /* When tick is to be called next; INT64_MAX unless a test sets it. */
    _Atomic int64_t next_tick_ms;
};

void recorder_init(struct recorder *r);
void recorder_release(struct recorder *r);
struct net_callbacks recorder_callbacks(struct recorder *r);

/* Waits for one that was not taken before, whose text contains `part` (NULL: any), and takes it.
 * Fails the test after timeout_ms. The result is valid until recorder_release. */
struct record recorder_wait(struct recorder *r, enum record_kind kind, uint64_t wormhole,
                            uint64_t which, const char *part, int timeout_ms);
/* Waits until `count` of a kind have been recorded in all. */
void recorder_wait_count(struct recorder *r, enum record_kind kind, size_t count, int timeout_ms);
size_t recorder_count(struct recorder *r, enum record_kind kind);
/* How many of a kind, taken or not, are of that link or attempt and contain `part` (NULL: any). */
size_t recorder_count_of(struct recorder *r, enum record_kind kind, uint64_t wormhole,
                         uint64_t which, const char *part);

#endif
