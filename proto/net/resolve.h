/* Names to addresses, without ever making the caller wait: each lookup runs getaddrinfo in a
 * thread of its own, is shared by all who ask for the same name, and is kept for a short time.
 * Whoever got PENDING asks again after each `changed`, or gives up.
 *
 * Thread: any. A lookup that hangs when the resolver is freed is left behind: its thread holds
 * what it needs, calls nobody, and ends by itself. */
#ifndef PROTO_NET_RESOLVE_H
#define PROTO_NET_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include "proto/net/address.h"
#include "proto/net/limits.h"

struct resolver;

enum resolve_state {
    RESOLVE_PENDING,
    RESOLVE_FOUND,
    RESOLVE_FAILED,
};

struct resolve_answer {
    enum resolve_state state;
    size_t count; /* FOUND: at least 1; in the order to try them, IPv4 and IPv6 taking turns */
    union address at[RESOLVE_ADDRESSES_MAX]; /* their ports are 0 */
    const char *why;                         /* FAILED: a phrase; static */
};

/* `changed` is called after a lookup has ended, on its thread, with a lock of the resolver held: it
 * must not call the resolver. Returns NULL when out of memory. */
struct resolver *resolve_new(void (*changed)(void *arg), void *arg);
/* No `changed` is running or made after it returns. */
void resolve_silence(struct resolver *r);
/* Takes RESOLVE_STOP_MS at most. NULL is fine. */
void resolve_free(struct resolver *r);

/* A numeric `host` is answered at once. `urgent` is for names of our own, not of a peer's choice:
 * they may use the reserved threads, always find room, and are never dropped. Of others there are
 * RESOLVE_NAMES_MAX at most; when all are waited for, one more FAILS. */
void resolve_lookup(struct resolver *r, const char *host, bool urgent,
                    struct resolve_answer *answer);
/* None of the addresses found for `host` is of use: look again at the next call, although not
 * sooner than after a failed lookup. */
void resolve_forget(struct resolver *r, const char *host);
/* Whoever got PENDING for `host` will not ask again. Unless it is urgent, a lookup that has not
 * begun waits until another who wants it asks again, and makes room for other names. */
void resolve_give_up(struct resolver *r, const char *host);

#endif
