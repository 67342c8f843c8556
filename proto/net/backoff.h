/* When to try to connect again. Pure.
 *
 * The first try is at once. In the first BACKOFF_EARLY_MS tries start half a second to a second
 * and a half apart; then the gaps are random and their upper bound doubles up to a minute. A
 * connection that lasts BACKOFF_STABLE_MS is a success, after which the schedule starts afresh; one
 * that breaks sooner is one more failed try, so that a server that accepts and hangs up is not
 * asked in a tight loop. Times are monotonic milliseconds. */
#ifndef PROTO_NET_BACKOFF_H
#define PROTO_NET_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* A zeroed struct is a fresh schedule. Fields are private. */
struct backoff {
    int64_t first_ms; /* when the schedule's first try started; 0: none yet */
    int64_t last_ms;  /* when the latest did */
    int32_t gap_ms;   /* from the latest to the next */
    int32_t bound_ms; /* upper bound of the late gaps, so far */
    int64_t up_ms;    /* connected since; 0 while not */
};

/* When the next try may start; 0 before the first. */
int64_t backoff_due_ms(const struct backoff *b);
/* A try starts now. `random` is any random number. */
void backoff_try(struct backoff *b, int64_t now_ms, uint32_t random);
/* The latest try led to a connection; the connection broke. */
void backoff_up(struct backoff *b, int64_t now_ms);
void backoff_down(struct backoff *b, int64_t now_ms);
/* Is the schedule still in its first BACKOFF_EARLY_MS (or not begun)? */
bool backoff_is_early(const struct backoff *b, int64_t now_ms);

#endif
