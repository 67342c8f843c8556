#include "proto/record.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/kdf.h"

enum { NONCE_BYTES = crypto_secretbox_NONCEBYTES };

static_assert(RECORD_BOX_OVERHEAD == NONCE_BYTES + crypto_secretbox_MACBYTES,
              "a record is nonce and secretbox");
static_assert(RECORD_KEY_BYTES == crypto_secretbox_KEYBYTES, "secretbox's key");

static void derive_key(uint8_t out[static RECORD_KEY_BYTES],
                       const uint8_t key[static TRANSIT_KEY_BYTES], enum transit_role from)
{
    bool sender = from == TRANSIT_SENDER;

    kdf_purpose(out, RECORD_KEY_BYTES, key,
                sender ? "transit_record_sender_key" : "transit_record_receiver_key");
}

static void count_nonce(uint8_t nonce[static NONCE_BYTES], uint64_t count)
{
    memset(nonce, 0, NONCE_BYTES);
    for (size_t i = NONCE_BYTES; count > 0; count >>= 8)
        nonce[--i] = (uint8_t)count;
}

void record_encoder_init(struct record_encoder *e, const uint8_t key[static TRANSIT_KEY_BYTES],
                         enum transit_role role)
{
    *e = (struct record_encoder){0};
    derive_key(e->key, key, role);
}

void record_encoder_release(struct record_encoder *e)
{
    sodium_memzero(e, sizeof(*e));
}

int record_encode(struct record_encoder *e, struct bytes *out, const void *plain, size_t len)
{
    uint8_t nonce[NONCE_BYTES];

    if (len > RECORD_PLAIN_MAX)
        return PROTO_ERR_TOO_BIG;
    bytes_reserve(out, len + RECORD_OVERHEAD);
    if (!bytes_ok(out))
        return PROTO_ERR_NOMEM;
    count_nonce(nonce, e->count++);
    bytes_put_u32(out, (uint32_t)(len + RECORD_BOX_OVERHEAD));
    bytes_put(out, nonce, sizeof(nonce));
    crypto_secretbox_easy(out->data + out->len, plain, len, nonce, e->key);
    out->len += len + crypto_secretbox_MACBYTES;
    return PROTO_OK;
}

void record_decoder_init(struct record_decoder *d, const uint8_t key[static TRANSIT_KEY_BYTES],
                         enum transit_role role)
{
    *d = (struct record_decoder){0};
    derive_key(d->key, key, role == TRANSIT_SENDER ? TRANSIT_RECEIVER : TRANSIT_SENDER);
}

void record_decoder_release(struct record_decoder *d)
{
    bytes_release(&d->partial);
    sodium_memzero(d, sizeof(*d));
}

/* `box` is a record without its length. */
static int open_box(struct record_decoder *d, const uint8_t *box, size_t box_len,
                    struct bytes *plain)
{
    uint8_t nonce[NONCE_BYTES];
    size_t plain_len = box_len - RECORD_BOX_OVERHEAD;

    count_nonce(nonce, d->count);
    if (memcmp(nonce, box, NONCE_BYTES) != 0)
        return PROTO_ERR_CRYPTO;
    /* One byte more than needed: never NULL, which libsodium takes for "only verify". */
    bytes_reserve(plain, plain_len + 1);
    if (!bytes_ok(plain))
        return PROTO_ERR_NOMEM;
    if (crypto_secretbox_open_easy(plain->data + plain->len, box + NONCE_BYTES,
                                   box_len - NONCE_BYTES, nonce, d->key) != 0)
        return PROTO_ERR_CRYPTO;
    plain->len += plain_len;
    d->count++;
    return PROTO_OK;
}

/* Reads the length in front of a record into *box_len. */
static int read_length(const void *data, size_t *box_len)
{
    struct reader r = reader_of(data, RECORD_LENGTH_BYTES);

    *box_len = reader_u32(&r);
    if (*box_len < RECORD_BOX_OVERHEAD)
        return PROTO_ERR_MALFORMED;
    if (*box_len > RECORD_PLAIN_MAX + RECORD_BOX_OVERHEAD)
        return PROTO_ERR_TOO_BIG;
    return PROTO_OK;
}

/* Moves bytes into d->partial until it has `want`: PROTO_ERR_AGAIN if there are not that many. */
static int collect(struct record_decoder *d, size_t want, const uint8_t **data, size_t *len)
{
    size_t missing = d->partial.len < want ? want - d->partial.len : 0;
    size_t take = missing < *len ? missing : *len;

    bytes_put(&d->partial, *data, take);
    if (!bytes_ok(&d->partial))
        return PROTO_ERR_NOMEM;
    *data += take;
    *len -= take;
    return take == missing ? PROTO_OK : PROTO_ERR_AGAIN;
}

/* The record that lies whole in the received bytes is opened where it is. */
static int decode_in_place(struct record_decoder *d, const uint8_t **data, size_t *len,
                           struct bytes *plain)
{
    size_t box_len;

    if (d->partial.len > 0 || *len < RECORD_LENGTH_BYTES)
        return PROTO_ERR_AGAIN;
    int err = read_length(*data, &box_len);
    if (err != PROTO_OK)
        return err;
    if (*len - RECORD_LENGTH_BYTES < box_len)
        return PROTO_ERR_AGAIN;
    err = open_box(d, *data + RECORD_LENGTH_BYTES, box_len, plain);
    *data += RECORD_LENGTH_BYTES + box_len;
    *len -= RECORD_LENGTH_BYTES + box_len;
    return err;
}

static int decode_collected(struct record_decoder *d, const uint8_t **data, size_t *len,
                            struct bytes *plain)
{
    size_t box_len = 0;

    int err = collect(d, RECORD_LENGTH_BYTES, data, len);
    if (err == PROTO_OK)
        err = read_length(d->partial.data, &box_len);
    if (err == PROTO_OK)
        err = collect(d, RECORD_LENGTH_BYTES + box_len, data, len);
    if (err == PROTO_OK)
        err = open_box(d, d->partial.data + RECORD_LENGTH_BYTES, box_len, plain);
    if (err == PROTO_OK)
        bytes_clear(&d->partial);
    return err;
}

int record_decode(struct record_decoder *d, const void *data, size_t len, size_t *used,
                  struct bytes *plain)
{
    const uint8_t *at = data;
    size_t left = len;

    *used = 0;
    if (d->failed != PROTO_OK)
        return d->failed;
    if (len == 0)
        return 0;
    int err = decode_in_place(d, &at, &left, plain);
    if (err == PROTO_ERR_AGAIN)
        err = decode_collected(d, &at, &left, plain);
    *used = len - left;
    if (err == PROTO_OK)
        return 1;
    if (err == PROTO_ERR_AGAIN)
        return 0;
    d->failed = err;
    bytes_release(&d->partial);
    return err;
}
