#include "proto/bulk.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/error.h"
#include "proto/gcm.h"
#include "proto/kdf.h"

/* While a length field is awaited, room is given for a small frame beyond it, so that control
 * messages and the head of a data frame come in one read; what is left over is moved, and short. */
enum { LENGTH_LEN = 4, HEAD_ROOM = 4096, NONCE_MAX = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };

/* ---- the cipher of one direction ---- */

static int cipher_init(struct bulk_cipher *c, const uint8_t key[static BULK_KEY_BYTES],
                       bool leaders, bool aes, bool seals)
{
    *c = (struct bulk_cipher){.aes = aes};
    kdf_purpose(c->key, sizeof(c->key), key,
                leaders ? "wormholefs/v1/bulk/leader" : "wormholefs/v1/bulk/follower");
    if (!aes)
        return PROTO_OK;
    c->gcm = gcm_new(c->key, seals);
    return c->gcm == NULL ? PROTO_ERR_NOMEM : PROTO_OK;
}

static void cipher_release(struct bulk_cipher *c)
{
    gcm_free(c->gcm);
    sodium_memzero(c, sizeof(*c));
}

/* Of the next frame: its number, right-aligned and big-endian. */
static void next_nonce(struct bulk_cipher *c, uint8_t nonce[static NONCE_MAX])
{
    size_t len = c->aes ? GCM_NONCE_BYTES : NONCE_MAX;
    uint64_t n = c->frames++;

    memset(nonce, 0, NONCE_MAX);
    for (size_t i = 0; i < 8; i++)
        nonce[len - 1 - i] = (uint8_t)(n >> (8 * i));
}

static void put_length(uint8_t *frame, size_t len)
{
    for (unsigned i = 0; i < LENGTH_LEN; i++)
        frame[i] = (uint8_t)(len >> (24 - 8 * i));
}

/* Encrypts `len` bytes in place behind the length field. */
static size_t seal(struct bulk_cipher *c, uint8_t *frame, size_t len)
{
    uint8_t nonce[NONCE_MAX], *text = frame + LENGTH_LEN;

    put_length(frame, len + BULK_TAG_BYTES);
    next_nonce(c, nonce);
    if (c->aes && !gcm_seal(c->gcm, nonce, frame, LENGTH_LEN, text, len))
        return 0;
    if (!c->aes)
        crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, len, frame, LENGTH_LEN, NULL,
                                                   nonce, c->key);
    return LENGTH_LEN + len + BULK_TAG_BYTES;
}

/* Decrypts `len` bytes, the tag included, in place behind the length field. */
static bool open_frame(struct bulk_cipher *c, uint8_t *frame, size_t len)
{
    uint8_t nonce[NONCE_MAX], *text = frame + LENGTH_LEN;

    next_nonce(c, nonce);
    if (c->aes)
        return gcm_open(c->gcm, nonce, frame, LENGTH_LEN, text, len - BULK_TAG_BYTES);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(text, NULL, NULL, text, len, frame,
                                                      LENGTH_LEN, nonce, c->key) == 0;
}

/* ---- sending ---- */

int bulk_sender_init(struct bulk_sender *s, const uint8_t key[static BULK_KEY_BYTES], bool leader,
                     bool aes)
{
    return cipher_init(&s->cipher, key, leader, aes, true);
}

void bulk_sender_release(struct bulk_sender *s)
{
    cipher_release(&s->cipher);
}

static uint8_t *put_head(uint8_t *at, enum bulk_kind kind, const uint8_t *revision)
{
    *at++ = (uint8_t)kind;
    memcpy(at, revision, BULK_REVISION_BYTES);
    return at + BULK_REVISION_BYTES;
}

static uint8_t *put_offset(uint8_t *at, uint64_t offset)
{
    for (unsigned i = 0; i < 8; i++)
        *at++ = (uint8_t)(offset >> (56 - 8 * i));
    return at;
}

size_t bulk_seal_data(struct bulk_sender *s, uint8_t *frame,
                      const uint8_t revision[static BULK_REVISION_BYTES], uint64_t offset,
                      size_t len)
{
    assert(len >= 1 && len <= BULK_DATA_MAX);
    put_offset(put_head(frame + LENGTH_LEN, BULK_DATA, revision), offset);
    return seal(&s->cipher, frame, BULK_DATA_AT - LENGTH_LEN + len);
}

size_t bulk_seal_control(struct bulk_sender *s, uint8_t *frame, enum bulk_kind kind,
                         const uint8_t *revision, uint64_t offset)
{
    uint8_t *text = frame + LENGTH_LEN, *end = text;

    assert(kind != BULK_DATA);
    if (kind == BULK_PING)
        *end++ = BULK_PING;
    else
        end = put_head(end, kind, revision);
    if (kind == BULK_WANT || kind == BULK_DURABLE)
        end = put_offset(end, offset);
    return seal(&s->cipher, frame, (size_t)(end - text));
}

/* ---- receiving ---- */

int bulk_receiver_init(struct bulk_receiver *r, const uint8_t key[static BULK_KEY_BYTES],
                       bool leader, bool aes)
{
    *r = (struct bulk_receiver){0};
    return cipher_init(&r->cipher, key, !leader, aes, false);
}

void bulk_receiver_release(struct bulk_receiver *r)
{
    if (r->buffer != NULL)
        sodium_memzero(r->buffer, r->cap);
    free(r->buffer);
    cipher_release(&r->cipher);
    *r = (struct bulk_receiver){.broken = true};
}

/* The length field of the frame at `begin`; 0 if it is not all there (no frame is empty). */
static size_t frame_length(const struct bulk_receiver *r)
{
    if (r->end - r->begin < LENGTH_LEN)
        return 0;
    struct reader in = reader_of(r->buffer + r->begin, LENGTH_LEN);
    return reader_u32(&in);
}

/* Moves what is left to the front and makes the buffer at least `cap` long. Plaintext that was
 * handed out is not wiped here: the next frames overwrite it. */
static bool make_room(struct bulk_receiver *r, size_t cap)
{
    size_t len = r->end - r->begin;

    if (cap > r->cap) {
        uint8_t *bigger = malloc(cap);
        if (bigger == NULL)
            return false;
        if (len > 0)
            memcpy(bigger, r->buffer + r->begin, len);
        if (r->buffer != NULL)
            sodium_memzero(r->buffer, r->cap);
        free(r->buffer);
        r->buffer = bigger;
        r->cap = cap;
    } else if (len > 0 && r->begin > 0) {
        memmove(r->buffer, r->buffer + r->begin, len);
    }
    r->begin = 0;
    r->end = len;
    return true;
}

uint8_t *bulk_receiver_room(struct bulk_receiver *r, size_t *room)
{
    size_t length = frame_length(r), wanted = HEAD_ROOM;

    *room = 0;
    if (r->broken)
        return NULL;
    if (length > 0 && length <= BULK_LENGTH_MAX)
        wanted = LENGTH_LEN + length + HEAD_ROOM;
    if (r->begin + wanted > r->cap && !make_room(r, wanted))
        return NULL;
    *room = r->begin + wanted - r->end;
    return r->buffer + r->end;
}

void bulk_receiver_filled(struct bulk_receiver *r, size_t len)
{
    assert(len <= r->cap - r->end);
    r->end += len;
}

static bool offset_ok(const struct bulk_message *m)
{
    return m->offset <= INT64_MAX && m->len <= INT64_MAX - m->offset;
}

/* False if it is not exactly one message. */
static bool parse(struct bulk_message *m, const uint8_t *text, size_t len)
{
    struct reader r = reader_of(text, len);

    *m = (struct bulk_message){.kind = (enum bulk_kind)reader_u8(&r)};
    if (m->kind < BULK_WANT || m->kind > BULK_PING)
        return false;
    if (m->kind != BULK_PING)
        reader_copy(&r, m->revision, sizeof(m->revision));
    switch (m->kind) {
    case BULK_WANT:
    case BULK_DURABLE:
        m->offset = reader_u64(&r);
        break;
    case BULK_DATA:
        m->offset = reader_u64(&r);
        m->len = r.left;
        m->data = reader_take(&r, m->len);
        break;
    case BULK_GONE:
    case BULK_PING:
        break;
    }
    return reader_done(&r) && offset_ok(m) && (m->kind != BULK_DATA || m->len > 0);
}

static int take_frame(struct bulk_receiver *r, struct bulk_message *m)
{
    size_t have = r->end - r->begin, length = frame_length(r);

    if (have < LENGTH_LEN)
        return 0;
    if (length < BULK_TAG_BYTES + 1)
        return PROTO_ERR_MALFORMED;
    if (length > BULK_LENGTH_MAX)
        return PROTO_ERR_TOO_BIG;
    if (have - LENGTH_LEN < length)
        return 0;
    uint8_t *frame = r->buffer + r->begin;
    if (!open_frame(&r->cipher, frame, length))
        return PROTO_ERR_CRYPTO;
    r->begin += LENGTH_LEN + length;
    return parse(m, frame + LENGTH_LEN, length - BULK_TAG_BYTES) ? 1 : PROTO_ERR_MALFORMED;
}

int bulk_receiver_next(struct bulk_receiver *r, struct bulk_message *m)
{
    if (r->broken)
        return PROTO_ERR_STATE;
    int err = take_frame(r, m);
    r->broken = err < 0;
    return err;
}
