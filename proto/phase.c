#include "proto/phase.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/kdf.h"

static_assert(PHASE_OVERHEAD == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES,
              "a body is nonce and secretbox");
static_assert(PHASE_NONCE_BYTES == crypto_secretbox_NONCEBYTES, "secretbox's nonce");

void phase_key(uint8_t out[static PHASE_KEY_BYTES], const uint8_t key[static PHASE_KEY_BYTES],
               const char *side, const char *phase)
{
    static const char label[] = "wormhole:phase:";
    enum { LABEL_LEN = sizeof(label) - 1, HASH_BYTES = crypto_hash_sha256_BYTES };
    uint8_t info[LABEL_LEN + 2 * HASH_BYTES];

    memcpy(info, label, LABEL_LEN);
    crypto_hash_sha256(info + LABEL_LEN, (const uint8_t *)side, strlen(side));
    crypto_hash_sha256(info + LABEL_LEN + HASH_BYTES, (const uint8_t *)phase, strlen(phase));
    kdf_derive(out, PHASE_KEY_BYTES, key, PHASE_KEY_BYTES, info, sizeof(info));
}

int phase_encrypt_nonce(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES],
                        const char *side, const char *phase, const void *plain, size_t len,
                        const uint8_t nonce[static PHASE_NONCE_BYTES])
{
    uint8_t secret[PHASE_KEY_BYTES];

    if (len > BYTES_LEN_MAX - PHASE_OVERHEAD)
        return PROTO_ERR_TOO_BIG;
    bytes_reserve(out, len + PHASE_OVERHEAD);
    if (!bytes_ok(out))
        return PROTO_ERR_NOMEM;
    bytes_put(out, nonce, PHASE_NONCE_BYTES);
    phase_key(secret, key, side, phase);
    crypto_secretbox_easy(out->data + out->len, plain, len, nonce, secret);
    out->len += len + crypto_secretbox_MACBYTES;
    sodium_memzero(secret, sizeof(secret));
    return PROTO_OK;
}

int phase_encrypt(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES], const char *side,
                  const char *phase, const void *plain, size_t len, struct now *now)
{
    uint8_t nonce[PHASE_NONCE_BYTES];

    now_random(now, nonce, sizeof(nonce));
    return phase_encrypt_nonce(out, key, side, phase, plain, len, nonce);
}

int phase_decrypt(struct bytes *out, const uint8_t key[static PHASE_KEY_BYTES], const char *side,
                  const char *phase, const void *body, size_t len)
{
    const uint8_t *nonce = body;
    uint8_t secret[PHASE_KEY_BYTES];

    if (len < PHASE_OVERHEAD)
        return PROTO_ERR_MALFORMED;
    /* One byte more than needed: never NULL, which libsodium takes for "only verify". */
    bytes_reserve(out, len - PHASE_OVERHEAD + 1);
    if (!bytes_ok(out))
        return PROTO_ERR_NOMEM;
    phase_key(secret, key, side, phase);
    int bad = crypto_secretbox_open_easy(out->data + out->len, nonce + PHASE_NONCE_BYTES,
                                         len - PHASE_NONCE_BYTES, nonce, secret);
    sodium_memzero(secret, sizeof(secret));
    if (bad)
        return PROTO_ERR_CRYPTO;
    out->len += len - PHASE_OVERHEAD;
    return PROTO_OK;
}
