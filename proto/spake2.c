#include "proto/spake2.h"

#include <stdbool.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/kdf.h"

enum {
    POINT_BYTES = crypto_core_ed25519_BYTES,
    WIDE_BYTES = crypto_core_ed25519_NONREDUCEDSCALARBYTES,
    SIDE_BYTE = 'S', /* symmetric mode */
    HASH_BYTES = crypto_hash_sha256_BYTES,
};

/* The symmetric blinding element S of python-spake2's Ed25519 parameters: it hashes "symmetric" to
 * a y coordinate, takes the next point with an even x and multiplies it by the cofactor. */
static const uint8_t blinding_point[POINT_BYTES] = {
    0x6f, 0x00, 0xda, 0xe8, 0x7c, 0x1b, 0xe1, 0xa7, 0x3b, 0x59, 0x22, 0xef, 0x43, 0x1c, 0xd8, 0xf5,
    0x78, 0x79, 0x56, 0x9c, 0x22, 0x2d, 0x22, 0xb1, 0xcd, 0x71, 0xe8, 0x54, 0x6a, 0xb8, 0xe6, 0xf1,
};

/* scalar = big-endian integer mod L; libsodium wants it little-endian and 64 bytes wide. */
static void reduce_be(uint8_t scalar[static SPAKE2_SCALAR_BYTES], const uint8_t *be, size_t len)
{
    uint8_t wide[WIDE_BYTES] = {0};

    for (size_t i = 0; i < len; i++)
        wide[i] = be[len - 1 - i];
    crypto_core_ed25519_scalar_reduce(scalar, wide);
    sodium_memzero(wide, sizeof(wide));
}

static void password_scalar(uint8_t scalar[static SPAKE2_SCALAR_BYTES], const char *code)
{
    static const char info[] = "SPAKE2 pw";
    uint8_t be[48]; /* 128 bits more than L, so that the reduction is unbiased */

    kdf_derive(be, sizeof(be), code, strlen(code), info, sizeof(info) - 1);
    reduce_be(scalar, be, sizeof(be));
    sodium_memzero(be, sizeof(be));
}

/* blind = pw_scalar * S. */
static int blinding(const struct spake2 *s, uint8_t blind[static POINT_BYTES])
{
    if (crypto_scalarmult_ed25519_noclamp(blind, s->pw_scalar, blinding_point) != 0)
        return PROTO_ERR_CRYPTO;
    return PROTO_OK;
}

static int make_message(struct spake2 *s)
{
    uint8_t point[POINT_BYTES], blind[POINT_BYTES];
    int err = PROTO_ERR_CRYPTO;

    if (crypto_scalarmult_ed25519_base_noclamp(point, s->scalar) != 0)
        goto out;
    if (blinding(s, blind) != PROTO_OK)
        goto out;
    if (crypto_core_ed25519_add(s->msg + 1, point, blind) != 0)
        goto out;
    s->msg[0] = SIDE_BYTE;
    err = PROTO_OK;
out:
    sodium_memzero(point, sizeof(point));
    sodium_memzero(blind, sizeof(blind));
    return err;
}

int spake2_start_entropy(struct spake2 *s, const char *code, const char *appid,
                         const uint8_t entropy[static SPAKE2_ENTROPY_BYTES])
{
    reduce_be(s->scalar, entropy, SPAKE2_ENTROPY_BYTES);
    password_scalar(s->pw_scalar, code);
    crypto_hash_sha256(s->pw_hash, (const uint8_t *)code, strlen(code));
    crypto_hash_sha256(s->id_hash, (const uint8_t *)appid, strlen(appid));
    int err = make_message(s);
    if (err != PROTO_OK)
        sodium_memzero(s, sizeof(*s));
    return err;
}

int spake2_start(struct spake2 *s, const char *code, const char *appid, struct now *now)
{
    uint8_t entropy[SPAKE2_ENTROPY_BYTES];

    now_random(now, entropy, sizeof(entropy));
    int err = spake2_start_entropy(s, code, appid, entropy);
    sodium_memzero(entropy, sizeof(entropy));
    return err;
}

static int check_peer(const struct spake2 *s, const uint8_t *peer_msg, size_t peer_len)
{
    if (peer_len != SPAKE2_MSG_BYTES || peer_msg[0] != SIDE_BYTE)
        return PROTO_ERR_CRYPTO;
    if (memcmp(peer_msg, s->msg, SPAKE2_MSG_BYTES) == 0)
        return PROTO_ERR_CRYPTO;
    if (crypto_core_ed25519_is_valid_point(peer_msg + 1) != 1)
        return PROTO_ERR_CRYPTO;
    return PROTO_OK;
}

/* shared = scalar * (Y - blinding); the multiplication refuses an identity. */
static int shared_point(const struct spake2 *s, const uint8_t *peer_point,
                        uint8_t shared[static POINT_BYTES])
{
    uint8_t blind[POINT_BYTES], bare[POINT_BYTES];
    int err = PROTO_ERR_CRYPTO;

    if (blinding(s, blind) != PROTO_OK)
        goto out;
    if (crypto_core_ed25519_sub(bare, peer_point, blind) != 0)
        goto out;
    if (crypto_scalarmult_ed25519_noclamp(shared, s->scalar, bare) != 0)
        goto out;
    err = PROTO_OK;
out:
    sodium_memzero(blind, sizeof(blind));
    sodium_memzero(bare, sizeof(bare));
    return err;
}

/* key = SHA256(pw_hash | id_hash | smaller message | larger message | shared), without the side
 * bytes: sorting makes the two transcripts equal. `len`: of each point, how much is hashed. */
static void hash_transcript(const struct spake2 *s, const uint8_t *peer_point,
                            const uint8_t shared[static POINT_BYTES], size_t len,
                            uint8_t key[static SPAKE2_KEY_BYTES])
{
    crypto_hash_sha256_state sha;
    const uint8_t *own_point = s->msg + 1;
    bool own_first = memcmp(own_point, peer_point, POINT_BYTES) < 0;

    crypto_hash_sha256_init(&sha);
    crypto_hash_sha256_update(&sha, s->pw_hash, HASH_BYTES);
    crypto_hash_sha256_update(&sha, s->id_hash, HASH_BYTES);
    crypto_hash_sha256_update(&sha, own_first ? own_point : peer_point, len);
    crypto_hash_sha256_update(&sha, own_first ? peer_point : own_point, len);
    crypto_hash_sha256_update(&sha, shared, len);
    crypto_hash_sha256_final(&sha, key);
    sodium_memzero(&sha, sizeof(sha));
}

/* How much of the shared element gospake2 hashes. */
static size_t trimmed_len(const uint8_t shared[static POINT_BYTES])
{
    size_t len = POINT_BYTES;

    while (len > 0 && shared[len - 1] == 0)
        len--;
    return len;
}

int spake2_finish(const struct spake2 *s, const uint8_t *peer_msg, size_t peer_len,
                  uint8_t key[static SPAKE2_KEY_BYTES], struct spake2_trimmed *trimmed)
{
    uint8_t shared[POINT_BYTES] = {0};

    int err = check_peer(s, peer_msg, peer_len);
    if (err == PROTO_OK)
        err = shared_point(s, peer_msg + 1, shared);
    if (err == PROTO_OK) {
        size_t len = trimmed_len(shared);
        hash_transcript(s, peer_msg + 1, shared, POINT_BYTES, key);
        if (trimmed != NULL)
            trimmed->differs = len < POINT_BYTES;
        if (trimmed != NULL && trimmed->differs)
            hash_transcript(s, peer_msg + 1, shared, len, trimmed->key);
    }
    sodium_memzero(shared, sizeof(shared));
    return err;
}
