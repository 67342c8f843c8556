/* Puts one peer's messages in order: pake, version, then the numeric phases 0, 1, 2, … Gaps wait.
 * Each phase is handed out once, ever: the first that was put wins.
 *
 * Two uses:
 *
 *  - The code's mailbox, upstream's way: bodies are put as they came, pake is handed out first, and
 *    everything else waits until it was.
 *  - A private mailbox: there is no pake, and only what has opened under its key is put, as
 *    plaintext. So a forged body cannot take a phase's place. Ephemeral messages do not come here.
 *
 * What waits is in memory only: the next replay brings it again. What has been handed out is
 * remembered by order_save; the owner takes a snapshot in the turn of each order_take. */
#ifndef PROTO_ORDER_H
#define PROTO_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "limits.h"

enum order_state {
    ORDER_WAIT_PAKE,
    ORDER_WAIT_VERSION,
    ORDER_NUMBERED,
};

struct order_item {
    struct order_item *next;
    char phase[PHASE_LEN_MAX + 1];
    uint64_t rank;     /* pake 0, version 1, number n: 2 + n */
    struct bytes data; /* perhaps a plaintext: wiped */
};

struct order {
    enum order_state state;
    uint64_t next;            /* the number that is handed out next */
    struct order_item *items; /* by rank; none twice, none that was handed out */
    size_t count;
    size_t bytes;
};

/* Begins with pake or, in a private mailbox, with version. */
void order_init(struct order *o, bool with_pake);
void order_release(struct order *o);

/* Would order_put take it? (Ask before decrypting.) False for other phases, for one that was
 * handed out or waits, for pake where there is none, and for numbers further ahead than could be
 * stored. */
bool order_wants(const struct order *o, const char *phase);
/* Copies it. 1 if taken, 0 if not wanted, PROTO_ERR_FULL beyond ORDER_BYTES_MAX (then it is lost
 * until the next replay), PROTO_ERR_NOMEM. */
int order_put(struct order *o, const char *phase, const void *data, size_t len);
/* The next whose turn it is, for the caller to free with order_item_free; NULL if none. */
struct order_item *order_take(struct order *o);
void order_item_free(struct order_item *item); /* wipes; NULL is fine */
/* The first that waits, perhaps not its turn; NULL if none. */
const struct order_item *order_first(const struct order *o);
/* What is missing before the first that waits will not come, or is not needed: it is its turn now.
 * Only of numbers; no-op while pake or version is due. */
void order_skip(struct order *o);

int order_save(const struct order *o, struct bytes *out);
int order_load(struct order *o, struct reader *in); /* with nothing waiting; PROTO_ERR_MALFORMED */

#endif
