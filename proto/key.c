/* state        input                 then
 * NONE         start                 STARTED
 * STARTED      a good pake           UNVERIFIED, or FORKED: two keys are possible
 * STARTED      a bad pake            WRONG
 * UNVERIFIED   a body that opens     VERIFIED
 * UNVERIFIED   one that does not     WRONG
 * FORKED       settle                UNVERIFIED
 * FORKED       a body that opens     VERIFIED: under the key that opened it
 * FORKED       one that does not     WRONG
 * any          erase                 ERASED
 *
 * Invariant: the scalar is there only in STARTED, K only in UNVERIFIED, VERIFIED and
 * FORKED, its other form only in FORKED. */
#include "proto/key.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/pake.h"
#include "proto/phase.h"

void key_init(struct key *k)
{
    *k = (struct key){.state = KEY_NONE};
}

static void end(struct key *k, enum key_state state)
{
    sodium_memzero(k, sizeof(*k));
    k->state = state;
}

void key_release(struct key *k)
{
    end(k, KEY_NONE);
}

void key_erase(struct key *k)
{
    end(k, KEY_ERASED);
}

static int started(struct key *k, int err, struct bytes *pake_body)
{
    if (err == PROTO_OK)
        err = pake_body_build(pake_body, k->spake2.msg);
    if (err != PROTO_OK)
        end(k, KEY_NONE);
    else
        k->state = KEY_STARTED;
    return err;
}

int key_start(struct key *k, const char *code, const char *appid, struct now *now,
              struct bytes *pake_body)
{
    if (k->state != KEY_NONE)
        return PROTO_ERR_STATE;
    return started(k, spake2_start(&k->spake2, code, appid, now), pake_body);
}

int key_start_entropy(struct key *k, const char *code, const char *appid,
                      const uint8_t entropy[static SPAKE2_ENTROPY_BYTES], struct bytes *pake_body)
{
    if (k->state != KEY_NONE)
        return PROTO_ERR_STATE;
    return started(k, spake2_start_entropy(&k->spake2, code, appid, entropy), pake_body);
}

int key_pake(struct key *k, const void *body, size_t len)
{
    uint8_t msg[SPAKE2_MSG_BYTES];
    struct spake2_trimmed trimmed;

    if (k->state != KEY_STARTED)
        return PROTO_ERR_STATE;
    if (pake_body_parse(msg, body, len) != PROTO_OK ||
        spake2_finish(&k->spake2, msg, sizeof(msg), k->key, &trimmed) != PROTO_OK) {
        end(k, KEY_WRONG);
        return PROTO_ERR_CRYPTO;
    }
    if (trimmed.differs)
        memcpy(k->trimmed, trimmed.key, sizeof(k->trimmed));
    k->state = trimmed.differs ? KEY_FORKED : KEY_UNVERIFIED;
    sodium_memzero(&trimmed, sizeof(trimmed));
    sodium_memzero(&k->spake2, sizeof(k->spake2));
    return PROTO_OK;
}

void key_settle(struct key *k)
{
    if (k->state != KEY_FORKED)
        return;
    sodium_memzero(k->trimmed, sizeof(k->trimmed));
    k->state = KEY_UNVERIFIED;
}

static bool has_key(const struct key *k)
{
    return k->state == KEY_UNVERIFIED || k->state == KEY_VERIFIED;
}

int key_seal(const struct key *k, const char *side, const char *phase, const void *plain,
             size_t len, struct now *now, struct bytes *body)
{
    if (!has_key(k))
        return PROTO_ERR_STATE;
    return phase_encrypt(body, k->key, side, phase, plain, len, now);
}

static void verified(struct key *k)
{
    sodium_memzero(k->trimmed, sizeof(k->trimmed));
    k->state = KEY_VERIFIED;
}

/* The key under which the peer's first message opens is K. */
static int open_forked(struct key *k, const char *side, const char *phase, const void *body,
                       size_t len, struct bytes *plain)
{
    int err = phase_decrypt(plain, k->key, side, phase, body, len);

    if (err == PROTO_OK || err == PROTO_ERR_NOMEM)
        return err;
    err = phase_decrypt(plain, k->trimmed, side, phase, body, len);
    if (err == PROTO_OK)
        memcpy(k->key, k->trimmed, sizeof(k->key));
    return err;
}

int key_open(struct key *k, const char *side, const char *phase, const void *body, size_t len,
             struct bytes *plain)
{
    bool forked = k->state == KEY_FORKED;

    if (!has_key(k) && !forked)
        return PROTO_ERR_STATE;
    int err = forked ? open_forked(k, side, phase, body, len, plain)
                     : phase_decrypt(plain, k->key, side, phase, body, len);
    if (err == PROTO_ERR_NOMEM)
        return err;
    if (err == PROTO_OK)
        verified(k);
    else if (k->state != KEY_VERIFIED)
        end(k, KEY_WRONG);
    return err == PROTO_OK ? PROTO_OK : PROTO_ERR_CRYPTO;
}

int key_verifier(const struct key *k, uint8_t out[static KEY_VERIFIER_BYTES])
{
    if (!has_key(k))
        return PROTO_ERR_STATE;
    kdf_purpose(out, KEY_VERIFIER_BYTES, k->key, "wormhole:verifier");
    return PROTO_OK;
}

int key_save(const struct key *k, struct bytes *out)
{
    bytes_put_u8(out, (uint8_t)k->state);
    if (k->state == KEY_STARTED) {
        bytes_put(out, k->spake2.scalar, sizeof(k->spake2.scalar));
        bytes_put(out, k->spake2.pw_scalar, sizeof(k->spake2.pw_scalar));
        bytes_put(out, k->spake2.pw_hash, sizeof(k->spake2.pw_hash));
        bytes_put(out, k->spake2.id_hash, sizeof(k->spake2.id_hash));
        bytes_put(out, k->spake2.msg, sizeof(k->spake2.msg));
    } else if (has_key(k)) {
        bytes_put(out, k->key, sizeof(k->key));
    } else if (k->state == KEY_FORKED) {
        bytes_put(out, k->key, sizeof(k->key));
        bytes_put(out, k->trimmed, sizeof(k->trimmed));
    }
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int key_load(struct key *k, struct reader *in)
{
    key_init(k);
    uint8_t state = reader_u8(in);
    if (!reader_ok(in) || state > KEY_FORKED)
        return PROTO_ERR_MALFORMED;
    k->state = (enum key_state)state;
    if (k->state == KEY_STARTED) {
        reader_copy(in, k->spake2.scalar, sizeof(k->spake2.scalar));
        reader_copy(in, k->spake2.pw_scalar, sizeof(k->spake2.pw_scalar));
        reader_copy(in, k->spake2.pw_hash, sizeof(k->spake2.pw_hash));
        reader_copy(in, k->spake2.id_hash, sizeof(k->spake2.id_hash));
        reader_copy(in, k->spake2.msg, sizeof(k->spake2.msg));
    } else if (has_key(k)) {
        reader_copy(in, k->key, sizeof(k->key));
    } else if (k->state == KEY_FORKED) {
        reader_copy(in, k->key, sizeof(k->key));
        reader_copy(in, k->trimmed, sizeof(k->trimmed));
    }
    if (reader_ok(in))
        return PROTO_OK;
    key_release(k);
    return PROTO_ERR_MALFORMED;
}
