/* The stock Transit records that follow the handshake on a selected connection:
 *
 *     length[4] | nonce[24] | secretbox(plaintext)
 *
 * big-endian; the length counts what comes after it; the nonce is the number of the record in its
 * direction, from 0. Each direction has a key of its own, by role, not by who dialled:
 * HKDF(transit key, "transit_record_sender_key" / "transit_record_receiver_key"). */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "transit.h"

enum {
    RECORD_KEY_BYTES = 32,
    RECORD_LENGTH_BYTES = 4,
    RECORD_BOX_OVERHEAD = 24 + 16,
    RECORD_OVERHEAD = RECORD_LENGTH_BYTES + RECORD_BOX_OVERHEAD,
    /* Upstream has no limit; its clients send 16 KiB. The same bound for what we make and take. */
    RECORD_PLAIN_MAX = 4 << 20,
};

struct record_encoder {
    uint8_t key[RECORD_KEY_BYTES];
    uint64_t count;
};

/* `role` is our own, here and below. */
void record_encoder_init(struct record_encoder *e, const uint8_t key[static TRANSIT_KEY_BYTES],
                         enum transit_role role);
void record_encoder_release(struct record_encoder *e); /* wipes it */

/* Appends the record of `len` (0..RECORD_PLAIN_MAX) bytes, which are RECORD_OVERHEAD more, to
 * `out`. 0, PROTO_ERR_TOO_BIG or PROTO_ERR_NOMEM; on an error nothing has changed. */
int record_encode(struct record_encoder *e, struct bytes *out, const void *plain, size_t len);

struct record_decoder {
    uint8_t key[RECORD_KEY_BYTES];
    uint64_t count;
    struct bytes partial; /* the beginning of a record, its length included */
    int failed;           /* the error that ended it, or 0 */
};

void record_decoder_init(struct record_decoder *d, const uint8_t key[static TRANSIT_KEY_BYTES],
                         enum transit_role role);
void record_decoder_release(struct record_decoder *d);

/* Takes received bytes (NULL, if there are none), cut anywhere, to the end of at most one record.
 * *used says how many.
 *   1  a record is complete; its plaintext, which may be empty, was appended to `plain`
 *   0  all `len` bytes were taken and more are needed
 * An error ends the connection, and every later call gives it again:
 *   PROTO_ERR_MALFORMED  a length too small for any record
 *   PROTO_ERR_TOO_BIG    a record of more than RECORD_PLAIN_MAX
 *   PROTO_ERR_CRYPTO     a record that is not the next one, or not from the peer
 *   PROTO_ERR_NOMEM
 * Memory grows with what has arrived, not with what was announced. */
int record_decode(struct record_decoder *d, const void *data, size_t len, size_t *used,
                  struct bytes *plain);

#endif
