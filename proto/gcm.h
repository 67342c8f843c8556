/* AES-256-GCM under one key, in place: libcrypto's, which is three times as fast as libsodium's
 * where the bulk connection spends most of its time. Pure. */
#ifndef PROTO_GCM_H
#define PROTO_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GCM_KEY_BYTES = 32, GCM_NONCE_BYTES = 12, GCM_TAG_BYTES = 16 };

/* For one direction of one connection; secret, and wiped by gcm_free. */
struct gcm;

/* To seal or to open. NULL when out of memory. */
struct gcm *gcm_new(const uint8_t key[static GCM_KEY_BYTES], bool seals);
void gcm_free(struct gcm *g); /* accepts NULL */

/* Encrypts `len` bytes (1…INT_MAX) at `text` and appends the tag, for which there is room.
 * `ad_len` bytes (1…INT_MAX) at `ad` are authenticated. A nonce serves once. False if libcrypto
 * failed, which no input makes it do: the bytes must not be sent. */
bool gcm_seal(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
              size_t ad_len, uint8_t *text, size_t len);

/* The reverse; the tag is behind the `len` bytes. False if it is not authentic: then what is at
 * `text` must not be used. */
bool gcm_open(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
              size_t ad_len, uint8_t *text, size_t len);

#endif
