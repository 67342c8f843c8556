/* HKDF-SHA256 (RFC 5869) on libsodium's crypto_auth_hmacsha256 (1.0.18 has no HKDF). */
#ifndef PROTO_KDF_H
#define PROTO_KDF_H

#include <stddef.h>
#include <stdint.h>

enum { KDF_KEY_BYTES = 32, KDF_OUT_MAX = 255 * 32 };

/* Extract with an empty salt, expand with info to out_len (1..KDF_OUT_MAX) bytes. `out` may be the
 * ikm, but not overlap the info. */
void kdf_derive(uint8_t *out, size_t out_len, const void *ikm, size_t ikm_len, const void *info,
                size_t info_len);

/* The same with `info` a C string: magic-wormhole's derive_key(key, purpose). */
void kdf_purpose(uint8_t *out, size_t out_len, const uint8_t key[static KDF_KEY_BYTES],
                 const char *purpose);

#endif
