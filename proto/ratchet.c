#include "proto/ratchet.h"

#include <string.h>

#include <sodium.h>

#include "mutant.h"
#include "proto/bytes.h"
#include "proto/error.h"

enum { MAILBOX_BYTES = RATCHET_MAILBOX_LEN / 2 };

void ratchet_start(struct ratchet_roots *roots, uint8_t content[static RATCHET_KEY_BYTES],
                   const uint8_t k[static KDF_KEY_BYTES])
{
    kdf_purpose(roots->mailboxes, RATCHET_KEY_BYTES, k, "wormholefs/v1/mailboxes");
    kdf_purpose(roots->meeting, RATCHET_KEY_BYTES, k, "wormholefs/v1/meeting");
    kdf_purpose(content, RATCHET_KEY_BYTES, k, "wormholefs/v1/content");
}

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        *at++ = (uint8_t)(v >> (56 - 8 * i));
    return at;
}

static void mailbox_id(char *out, const struct ratchet_roots *roots, const void *info, size_t len)
{
    uint8_t id[MAILBOX_BYTES];

    kdf_derive(id, sizeof(id), roots->mailboxes, RATCHET_KEY_BYTES, info, len);
    hex_encode(out, id, sizeof(id));
}

void ratchet_mailbox(char *out, const struct ratchet_roots *roots, uint64_t generation)
{
    uint8_t info[32], *end = put(info, "generation", strlen("generation"));

    end = put_u64(end, generation);
    mailbox_id(out, roots, info, (size_t)(end - info));
}

void ratchet_meeting_mailbox(char *out, const struct ratchet_roots *roots)
{
    mailbox_id(out, roots, "meeting", strlen("meeting"));
}

void ratchet_pair_draw(struct ratchet_pair *pair, struct now *now)
{
    now_random(now, pair->secret, sizeof(pair->secret));
    /* Clamped by the multiplication: no secret key fails. */
    crypto_scalarmult_base(pair->public, pair->secret);
}

/* HKDF(old ‖ X25519(secret, peer), label ‖ u64(g) ‖ challenges, if any ‖ public keys). */
static int exchange(uint8_t out[static RATCHET_KEY_BYTES], const uint8_t *old, const char *label,
                    const uint8_t *secret, const uint8_t *peer, const struct ratchet_exchange *x)
{
    uint8_t ikm[2 * RATCHET_KEY_BYTES], info[256];
    uint8_t *end = put(info, label, strlen(label));

    memcpy(ikm, old, RATCHET_KEY_BYTES);
    if (crypto_scalarmult(ikm + RATCHET_KEY_BYTES, secret, peer) != 0) {
        sodium_memzero(ikm, sizeof(ikm));
        sodium_memzero(out, RATCHET_KEY_BYTES);
        return PROTO_ERR_CRYPTO;
    }
    end = put_u64(end, x->generation);
    if (x->leader_challenge != NULL) {
        end = put(end, x->follower_challenge, RATCHET_CHALLENGE_BYTES);
        end = put(end, x->leader_challenge, RATCHET_CHALLENGE_BYTES);
    }
    end = put(end, x->leader_public, RATCHET_PUBLIC_BYTES);
    end = put(end, x->follower_public, RATCHET_PUBLIC_BYTES);
    kdf_derive(out, RATCHET_KEY_BYTES, ikm, sizeof(ikm), info, (size_t)(end - info));
    sodium_memzero(ikm, sizeof(ikm));
    return PROTO_OK;
}

int ratchet_rotate(uint8_t out[static RATCHET_KEY_BYTES],
                   const uint8_t content[static RATCHET_KEY_BYTES],
                   const uint8_t secret[static RATCHET_KEY_BYTES], const uint8_t *peer,
                   const struct ratchet_exchange *x)
{
    return exchange(out, content, "wormholefs/v1/rotate", secret, peer, x);
}

int ratchet_meet(uint8_t out[static RATCHET_KEY_BYTES], const struct ratchet_roots *roots,
                 const uint8_t secret[static RATCHET_KEY_BYTES], const uint8_t *peer,
                 const struct ratchet_exchange *x)
{
    return exchange(out, roots->meeting, "wormholefs/v1/met", secret, peer, x);
}

void ratchet_bulk(uint8_t out[static RATCHET_KEY_BYTES],
                  const uint8_t content[static RATCHET_KEY_BYTES],
                  const uint8_t leader_challenge[static RATCHET_CHALLENGE_BYTES],
                  const uint8_t follower_challenge[static RATCHET_CHALLENGE_BYTES])
{
    uint8_t ikm[RATCHET_KEY_BYTES + 2 * RATCHET_CHALLENGE_BYTES], *end = ikm;

    end = put(end, content, RATCHET_KEY_BYTES);
    end = put(end, leader_challenge, RATCHET_CHALLENGE_BYTES);
    end = put(end, follower_challenge, RATCHET_CHALLENGE_BYTES);
    if (MUTANT(REUSE_BULK_KEY))
        end = ikm + RATCHET_KEY_BYTES;
    kdf_derive(out, RATCHET_KEY_BYTES, ikm, (size_t)(end - ikm), "wormholefs/v1/bulk",
               strlen("wormholefs/v1/bulk"));
    sodium_memzero(ikm, sizeof(ikm));
}
