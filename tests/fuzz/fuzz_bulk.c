/* Frames of a bulk connection from a peer that has the key. The first byte chooses the cipher; then
 * operations: 0 any plaintext in a right frame, 1 data, 2 a control message, 3 bytes as they are, 4
 * a right frame with one byte changed. */
#include <sodium.h>

#include "proto/bulk.h"
#include "tests/fuzz/fuzz.h"

enum { PLAIN_MAX = 3000, OPS = 5, LENGTH_LEN = 4, REVISION_AT = 5 };

struct line {
    struct bulk_sender tx;
    struct bulk_receiver rx;
    uint8_t frame[BULK_FRAME_MAX];
    bool over;
};

static void check(const struct bulk_message *m)
{
    MUST(m->kind >= BULK_WANT && m->kind <= BULK_PING);
    MUST(m->kind != BULK_DATA || m->len >= 1);
    MUST(m->offset <= INT64_MAX && m->len <= BULK_LENGTH_MAX);
    MUST(m->kind != BULK_DATA || m->offset + m->len <= INT64_MAX);
    for (size_t i = 0; m->kind == BULK_DATA && i < m->len; i += 64)
        MUST(m->data[i] <= 255); /* read it: it must be there */
}

static void receive(struct line *l, const uint8_t *data, size_t len, size_t cut)
{
    struct bulk_message m;
    int got = 0;

    while (len > 0 && !l->over) {
        size_t room;
        uint8_t *to = bulk_receiver_room(&l->rx, &room);
        MUST(to != NULL && room > 0);
        size_t n = len < room ? len : room;
        n = n < cut ? n : cut;
        memcpy(to, data, n);
        bulk_receiver_filled(&l->rx, n);
        data += n;
        len -= n;
        while ((got = bulk_receiver_next(&l->rx, &m)) == 1)
            check(&m);
        l->over = got < 0;
        MUST(l->rx.cap <= 2u * BULK_LENGTH_MAX);
    }
    if (l->over)
        MUST(bulk_receiver_next(&l->rx, &m) == PROTO_ERR_STATE);
}

/* A frame around any plaintext: the sender knows kinds only, so one of a data frame of the right
 * length is made, with the kind byte and the rest of the head as they are wanted. */
static size_t seal_any(struct line *l, const uint8_t *plain, size_t len)
{
    unsigned long long sealed = 0;
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};
    size_t nonce_len = l->tx.cipher.aes ? crypto_aead_aes256gcm_NPUBBYTES : sizeof nonce;
    uint64_t number = l->tx.cipher.frames++;

    for (size_t i = 0; i < 8; i++)
        nonce[nonce_len - 1 - i] = (uint8_t)(number >> (8 * i));
    for (unsigned i = 0; i < LENGTH_LEN; i++)
        l->frame[i] = (uint8_t)((len + BULK_TAG_BYTES) >> (24 - 8 * i));
    if (l->tx.cipher.aes)
        crypto_aead_aes256gcm_encrypt(l->frame + LENGTH_LEN, &sealed, plain, len, l->frame,
                                      LENGTH_LEN, NULL, nonce, l->tx.cipher.key);
    else
        crypto_aead_xchacha20poly1305_ietf_encrypt(l->frame + LENGTH_LEN, &sealed, plain, len,
                                                   l->frame, LENGTH_LEN, NULL, nonce,
                                                   l->tx.cipher.key);
    return LENGTH_LEN + (size_t)sealed;
}

static size_t seal(struct line *l, uint8_t op, struct reader *in)
{
    static const enum bulk_kind controls[] = {BULK_WANT, BULK_DURABLE, BULK_GONE, BULK_PING};
    uint8_t revision[BULK_REVISION_BYTES] = {reader_u8(in)};
    uint64_t offset = reader_u64(in);
    size_t len;
    const uint8_t *data = fuzz_some(in, PLAIN_MAX, &len);

    if (op == 1 && len > 0) {
        memcpy(l->frame + BULK_DATA_AT, data, len);
        return bulk_seal_data(&l->tx, l->frame, revision, offset, len);
    }
    if (op == 2)
        return bulk_seal_control(&l->tx, l->frame, controls[len % 4], revision, offset);
    return seal_any(l, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct line l;
    struct reader in = reader_of(data, len);
    uint8_t key[BULK_KEY_BYTES] = {9};

    MUST(sodium_init() >= 0);
    bool aes = reader_u8(&in) % 2 == 1 && crypto_aead_aes256gcm_is_available();
    MUST(bulk_sender_init(&l.tx, key, true, aes) == PROTO_OK);
    MUST(bulk_receiver_init(&l.rx, key, false, aes) == PROTO_OK);
    l.over = false;
    while (fuzz_more(&in) && !l.over) {
        uint8_t op = reader_u8(&in) % OPS, at = reader_u8(&in);
        size_t n;
        if (op == 3) {
            const uint8_t *raw = fuzz_some(&in, PLAIN_MAX, &n);
            receive(&l, raw, n, at + 1u);
            continue;
        }
        n = seal(&l, op, &in);
        if (op == 4)
            l.frame[at % n] ^= 1;
        receive(&l, l.frame, n, 16u + at * 16u);
    }
    bulk_sender_release(&l.tx);
    bulk_receiver_release(&l.rx);
    return 0;
}
