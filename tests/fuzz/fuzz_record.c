/* Stock records, from a peer that has the key and from somebody who breaks into the connection:
 * operations 0: bytes as they are; 1: a right record; 2: a right record with one byte changed; 3: a
 * length field alone. */
#include <sodium.h>

#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

enum { RIGHT_MAX = 2000 };

struct line {
    struct record_encoder tx;
    struct record_decoder rx;
    struct bytes plain;
    bool forged; /* something else than right records was sent */
    size_t right, came;
};

static void receive(struct line *l, const uint8_t *data, size_t len, size_t cut)
{
    for (size_t at = 0, used; at < len; at += used) {
        size_t n = len - at < cut ? len - at : cut;
        int got = record_decode(&l->rx, data + at, n, &used, &l->plain);
        MUST(used <= n && (got != 0 || used == n));
        if (got < 0)
            return;
        l->came += got == 1;
        MUST(l->came <= l->right);
        MUST(l->rx.partial.len <= RECORD_PLAIN_MAX + RECORD_OVERHEAD);
    }
}

static void one(struct line *l, struct reader *in)
{
    struct bytes wire = {0};
    uint8_t op = reader_u8(in), cut = reader_u8(in);
    size_t len, had = l->plain.len;
    const uint8_t *data = fuzz_some(in, RIGHT_MAX, &len);

    switch (op % 4) {
    case 0:
        bytes_put(&wire, data, len);
        l->forged = l->forged || len > 0;
        break;
    case 1:
    case 2:
        MUST(record_encode(&l->tx, &wire, data, len) == PROTO_OK);
        l->right++;
        if (op % 4 == 2) {
            wire.data[(op * 256u + cut) % wire.len] ^= 1u + cut / 2u;
            l->forged = true;
            l->right--;
        }
        break;
    case 3:
        bytes_put_u32(&wire, (uint32_t)len << (cut % 16));
        l->forged = true;
        break;
    }
    receive(l, wire.data, wire.len, cut + 1u);
    if (!l->forged)
        MUST(l->plain.len == had + len && memcmp(l->plain.data + had, data, len) == 0);
    bytes_release(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[TRANSIT_KEY_BYTES] = {7};
    struct reader in = reader_of(data, len);
    struct line l = {0};

    bytes_put_u8(&l.plain, 0); /* so that there is memory to compare with */
    record_encoder_init(&l.tx, key, TRANSIT_SENDER);
    record_decoder_init(&l.rx, key, TRANSIT_RECEIVER);
    while (fuzz_more(&in))
        one(&l, &in);
    record_encoder_release(&l.tx);
    record_decoder_release(&l.rx);
    bytes_release(&l.plain);
    return 0;
}
