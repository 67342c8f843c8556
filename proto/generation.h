/* One private mailbox of a persistent wormhole with what belongs to it: its content key, the order
 * of the peer's messages, and the numbers of our own (PROTOCOL.md §5). It knows how its bodies are
 * sealed; what they mean is its owner's business.
 *
 * Our numbered messages come in their order: phase p here is number first_number + p.
 *
 * Durable: generation_save, and the bodies that its mailbox keeps. */
#ifndef PROTO_GENERATION_H
#define PROTO_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "mailbox.h"
#include "now.h"
#include "order.h"
#include "outbound.h"
#include "ratchet.h"
#include "rendezvous.h"

enum generation_origin {
    GENERATION_FIRST, /* of the hand-over */
    GENERATION_ROTATED,
    GENERATION_MET,
};

struct generation {
    enum generation_origin origin;
    bool broken;    /* a message did not follow on what we have: nothing more is processed here */
    bool peer_back; /* the peer's going back was noticed here and need not be told again */
    bool full;      /* the peer has no room here any more */
    uint64_t lost;  /* one more than the highest phase of our side that a replay showed to this
                     * machine, that opens, and that we never made (PROTOCOL.md §10) */
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t first_number;
    struct order order;
    struct mailbox mailbox; /* .generation is its number */
};

/* What all generations of a wormhole share: who is who, and M. */
struct generation_names {
    const char *side;
    const char *peer;
    const struct ratchet_roots *roots;
};

/* A new one, or NULL when out of memory. */
struct generation *generation_new(uint64_t number, enum generation_origin origin,
                                  const uint8_t key[static RATCHET_KEY_BYTES],
                                  uint64_t first_number, const struct generation_names *names);
void generation_free(struct generation *g); /* wipes; NULL is fine */

/* Appends the plaintext of a body under `phase` by `side`, sealed with our content key.
 * PROTO_ERR_CRYPTO or PROTO_ERR_MALFORMED: does not open. PROTO_ERR_NOMEM. */
int generation_open(const struct generation *g, const char *side, const char *phase,
                    const void *body, size_t len, struct bytes *plain);
/* Seals and adds: under a phase that is kept, or once under a fresh ephemeral one. Errors of
 * mailbox_add and mailbox_add_once. */
int generation_add(struct generation *g, const char *phase, const struct bytes *plain,
                   struct rendezvous *r, struct now *now, struct actions *actions);
int generation_add_once(struct generation *g, const struct bytes *plain, struct rendezvous *r,
                        struct now *now, struct actions *actions);

/* The number of our next numbered message here. */
uint64_t generation_next_number(const struct generation *g);
/* Adds `item` as the next numbered message, acknowledging `position`. */
int generation_put(struct generation *g, const struct outbound *o, const struct outbound_item *item,
                   const struct message_id *position, struct rendezvous *r, struct now *now,
                   struct actions *actions);
/* Is there room for a message with this content? The last place is for moving on. */
bool generation_has_room(const struct generation *g, const uint8_t *content, size_t len);
/* Message `number` is acknowledged: its body is erased. */
void generation_acked(struct generation *g, uint64_t number, struct actions *actions);

/* Was the peer's version handled? */
bool generation_is_met(const struct generation *g);
bool generation_is_open(const struct generation *g); /* past the fence */

int generation_save(const struct generation *g, struct bytes *out);
/* NULL: PROTO_ERR_MALFORMED or out of memory. */
struct generation *generation_load(struct reader *in);

#endif
