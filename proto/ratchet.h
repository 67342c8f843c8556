/* The keys of a persistent wormhole (PROTOCOL.md §3, §6, §7, §8): what is derived from K, and how a
 * content key leads to the next one. HKDF-SHA256 with an empty salt, X25519. Bodies are sealed
 * under a content key as phase.h does it. */
#ifndef PROTO_RATCHET_H
#define PROTO_RATCHET_H

#include <stddef.h>
#include <stdint.h>
#include "kdf.h"
#include "now.h"

enum {
    RATCHET_KEY_BYTES = 32,
    RATCHET_PUBLIC_BYTES = 32,
    RATCHET_CHALLENGE_BYTES = 32,
    RATCHET_MAILBOX_LEN = 32, /* hex digits of a mailbox id */
};

/* What lives as long as the wormhole. Neither opens the content of any generation. */
struct ratchet_roots {
    uint8_t mailboxes[RATCHET_KEY_BYTES]; /* M */
    uint8_t meeting[RATCHET_KEY_BYTES];   /* R */
};

struct ratchet_pair {
    uint8_t secret[RATCHET_KEY_BYTES];
    uint8_t public[RATCHET_PUBLIC_BYTES];
};

/* From K: the roots and the content key of generation 0. */
void ratchet_start(struct ratchet_roots *roots, uint8_t content[static RATCHET_KEY_BYTES],
                   const uint8_t k[static KDF_KEY_BYTES]);

/* `out` has RATCHET_MAILBOX_LEN+1 bytes. */
void ratchet_mailbox(char *out, const struct ratchet_roots *roots, uint64_t generation);
void ratchet_meeting_mailbox(char *out, const struct ratchet_roots *roots);

void ratchet_pair_draw(struct ratchet_pair *pair, struct now *now);

/* What two sides agree on; both have the same struct in the end. */
struct ratchet_exchange {
    uint64_t generation; /* the new one */
    const uint8_t *leader_public;
    const uint8_t *follower_public;
    const uint8_t *leader_challenge;   /* meetings only */
    const uint8_t *follower_challenge; /* meetings only */
};

/* The content key of x->generation. `secret` is ours, belonging to one of the public keys; `peer`
 * is the other. From the old content key (rotation) or from R (meeting). PROTO_ERR_CRYPTO if the
 * peer's key gives nothing secret; `out` is wiped then. */
int ratchet_rotate(uint8_t out[static RATCHET_KEY_BYTES],
                   const uint8_t content[static RATCHET_KEY_BYTES],
                   const uint8_t secret[static RATCHET_KEY_BYTES], const uint8_t *peer,
                   const struct ratchet_exchange *x);
int ratchet_meet(uint8_t out[static RATCHET_KEY_BYTES], const struct ratchet_roots *roots,
                 const uint8_t secret[static RATCHET_KEY_BYTES], const uint8_t *peer,
                 const struct ratchet_exchange *x);

/* B, the key of one attempt at a bulk connection. */
void ratchet_bulk(uint8_t out[static RATCHET_KEY_BYTES],
                  const uint8_t content[static RATCHET_KEY_BYTES],
                  const uint8_t leader_challenge[static RATCHET_CHALLENGE_BYTES],
                  const uint8_t follower_challenge[static RATCHET_CHALLENGE_BYTES]);

#endif
