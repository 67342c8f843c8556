/* Symmetric SPAKE2 over Ed25519 as python-spake2 0.8 does it (side byte 'S'). */
#ifndef PROTO_SPAKE2_H
#define PROTO_SPAKE2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "now.h"

enum {
    SPAKE2_SCALAR_BYTES = 32,
    SPAKE2_MSG_BYTES = 33,
    SPAKE2_KEY_BYTES = 32,
    SPAKE2_ENTROPY_BYTES = 64,
};

/* What must survive a restart between sending our message and receiving theirs. Secret: wipe
 * with sodium_memzero. */
struct spake2 {
    uint8_t scalar[SPAKE2_SCALAR_BYTES];    /* our random scalar, little-endian */
    uint8_t pw_scalar[SPAKE2_SCALAR_BYTES]; /* from the code */
    uint8_t pw_hash[32];                    /* SHA-256 of the code */
    uint8_t id_hash[32];                    /* SHA-256 of the appid */
    uint8_t msg[SPAKE2_MSG_BYTES];          /* what we sent */
};

/* Derives everything from code, appid and 64 bytes of entropy. 0, or PROTO_ERR_CRYPTO with *s
 * wiped. Code and appid are hashed as they are: both sides need the same bytes (upstream
 * normalises to NFC first, which changes nothing in ASCII; code_check admits only that). */
int spake2_start(struct spake2 *s, const char *code, const char *appid, struct now *now);
/* The same with given entropy; for the vectors. */
int spake2_start_entropy(struct spake2 *s, const char *code, const char *appid,
                         const uint8_t entropy[static SPAKE2_ENTROPY_BYTES]);
/* The key that a peer with gospake2 (wormhole-william 1.0.x, seen) computes from the same. It drops
 * the zero bytes at the end of the shared element and cuts both messages to the same length, so
 * once in 256 its key is another. */
struct spake2_trimmed {
    bool differs;
    uint8_t key[SPAKE2_KEY_BYTES]; /* if it differs */
};

/* Computes the shared key from the peer's message, and in *trimmed (NULL: not asked for) the other
 * that the peer may have. Any length but 33, a wrong side byte, an invalid or small-order point,
 * our own message reflected, or an identity result gives PROTO_ERR_CRYPTO and no key. */
int spake2_finish(const struct spake2 *s, const uint8_t *peer_msg, size_t peer_len,
                  uint8_t key[static SPAKE2_KEY_BYTES], struct spake2_trimmed *trimmed);

#endif
