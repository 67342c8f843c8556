#include "proto/kdf.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

enum { HASH_BYTES = crypto_auth_hmacsha256_BYTES };

static void extract(uint8_t prk[static HASH_BYTES], const void *ikm, size_t ikm_len)
{
    static const uint8_t salt[HASH_BYTES]; /* RFC 5869: no salt is as many zero bytes */
    crypto_auth_hmacsha256_state hmac;

    crypto_auth_hmacsha256_init(&hmac, salt, sizeof(salt));
    crypto_auth_hmacsha256_update(&hmac, ikm, ikm_len);
    crypto_auth_hmacsha256_final(&hmac, prk);
    sodium_memzero(&hmac, sizeof(hmac));
}

/* block = T(counter) = HMAC(prk, T(counter-1) | info | counter); T(0) is empty. */
static void expand_block(uint8_t block[static HASH_BYTES], const uint8_t prk[static HASH_BYTES],
                         const void *info, size_t info_len, uint8_t counter)
{
    crypto_auth_hmacsha256_state hmac;

    crypto_auth_hmacsha256_init(&hmac, prk, HASH_BYTES);
    if (counter > 1)
        crypto_auth_hmacsha256_update(&hmac, block, HASH_BYTES);
    crypto_auth_hmacsha256_update(&hmac, info, info_len);
    crypto_auth_hmacsha256_update(&hmac, &counter, 1);
    crypto_auth_hmacsha256_final(&hmac, block);
    sodium_memzero(&hmac, sizeof(hmac));
}

void kdf_derive(uint8_t *out, size_t out_len, const void *ikm, size_t ikm_len, const void *info,
                size_t info_len)
{
    uint8_t prk[HASH_BYTES], block[HASH_BYTES];
    uint8_t counter = 0;

    assert(out_len > 0 && out_len <= KDF_OUT_MAX);
    extract(prk, ikm, ikm_len);
    while (out_len > 0) {
        size_t take = out_len < HASH_BYTES ? out_len : HASH_BYTES;
        expand_block(block, prk, info, info_len, ++counter);
        memcpy(out, block, take);
        out += take;
        out_len -= take;
    }
    sodium_memzero(prk, sizeof(prk));
    sodium_memzero(block, sizeof(block));
}

void kdf_purpose(uint8_t *out, size_t out_len, const uint8_t key[static KDF_KEY_BYTES],
                 const char *purpose)
{
    kdf_derive(out, out_len, key, KDF_KEY_BYTES, purpose, strlen(purpose));
}
