/* Phase encryption: a mailbox message's body is hex(nonce24 | secretbox) under a key derived from
 * the wormhole's key, the sender's side string and the phase name (protocol facts: upstream
 * _key.py derive_phase_key). These functions deal in the binary body; hex is server_msg's. */
#ifndef PROTO_PHASE_H
#define PROTO_PHASE_H

#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "now.h"

enum { PHASE_KEY_BYTES = 32, PHASE_NONCE_BYTES = 24, PHASE_OVERHEAD = PHASE_NONCE_BYTES + 16 };

void phase_key(uint8_t out[static PHASE_KEY_BYTES], const uint8_t key[static PHASE_KEY_BYTES],
               const char *side, const char *phase);

/* Appends nonce24|secretbox(plain) to `out`, the nonce drawn from `now`. PROTO_ERR_NOMEM, or
 * PROTO_ERR_TOO_BIG beyond BYTES_LEN_MAX. Neither `plain` nor `body` may lie in `out`. */
int phase_encrypt(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES], const char *side,
                  const char *phase, const void *plain, size_t len, struct now *now);

/* The same with a given nonce, which must never repeat under a key; for known answers. */
int phase_encrypt_nonce(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES],
                        const char *side, const char *phase, const void *plain, size_t len,
                        const uint8_t nonce[static PHASE_NONCE_BYTES]);

/* Appends the plaintext to `out`. PROTO_ERR_CRYPTO if it does not open, PROTO_ERR_MALFORMED if
 * it is shorter than PHASE_OVERHEAD, PROTO_ERR_NOMEM; nothing is appended then. */
int phase_decrypt(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES], const char *side,
                  const char *phase, const void *body, size_t len);

#endif
