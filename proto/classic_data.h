/* The data phase of the stock file-transfer v1, inside Transit's records: the bytes of the file (or
 * of the zip) in records of any size, exactly as many as were offered; then one record back,
 * {"ack": "ok", "sha256": "<hex of the bytes that arrived>"}. An ack that is not "ok" says that it
 * failed, and all clients show that; the end of the connection alone leaves Python waiting for the
 * ack for ever. Of an empty file Python and Go send no record at all; wormhole-william 1.0.6 as a
 * receiver waits for one all the same, so we send an empty one, which Python does not mind. The
 * caller hashes: it may have a faster SHA-256 than we do. */
#ifndef PROTO_CLASSIC_DATA_H
#define PROTO_CLASSIC_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

enum {
    CLASSIC_DATA_RECORD_BYTES = 16384, /* plaintext of the records that we send, as Python does */
    CLASSIC_DATA_ACK_MAX = 4096,       /* longest ack that is parsed */
    CLASSIC_DATA_SHA256_BYTES = 32,
};

/* How far one transfer is; the same for both roles. */
struct classic_data {
    uint64_t size; /* offered */
    uint64_t done; /* sent or received so far */
};

void classic_data_init(struct classic_data *d, uint64_t size);
/* Sender: how many bytes the next record carries (0: all are sent, wait for the ack). */
size_t classic_data_next(const struct classic_data *d);
/* `len` bytes were sent or have arrived in one record. PROTO_ERR_TOO_BIG if that is more than was
 * offered: end the transfer. An empty record is no error. */
int classic_data_count(struct classic_data *d, size_t len);
bool classic_data_complete(const struct classic_data *d);

/* Receiver: appends the ack. 0 or PROTO_ERR_NOMEM. */
int classic_data_ack_build(struct bytes *out,
                           const uint8_t sha256[static CLASSIC_DATA_SHA256_BYTES]);
/* Receiver: appends what is said instead when it failed: {"ack": "failed", "error": why}, which
 * Python shows to its user. 0, PROTO_ERR_INVALID (`why` is not UTF-8) or PROTO_ERR_NOMEM. */
int classic_data_nack_build(struct bytes *out, const char *why);
/* Sender: does `plain` acknowledge what hashed to `sha256`? 0; PROTO_ERR_MALFORMED if it is no JSON
 * object or its sha256 no hash; PROTO_ERR_CRYPTO if ack is not "ok" or a sha256 is given and
 * differs; PROTO_ERR_TOO_BIG beyond CLASSIC_DATA_ACK_MAX. */
int classic_data_ack_check(const void *plain, size_t len,
                           const uint8_t sha256[static CLASSIC_DATA_SHA256_BYTES]);

#endif
