/* Frames of a bulk connection, after the transit handshake (PROTOCOL.md §8): typed messages, each
 * in one AEAD frame under a key of its direction, nonces counting from 0.
 *
 *     u32(length of what follows) ‖ AEAD(plaintext), the 4 length bytes authenticated
 *
 * It is the hot path, so nothing is copied: the sender has its file read to where the bytes go
 * (BULK_DATA_AT in a frame buffer) and they are encrypted there; the receiver has its socket read
 * into bulk_receiver's buffer, and they are decrypted there. Pure. */
#ifndef PROTO_BULK_H
#define PROTO_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gcm;

enum {
    BULK_KEY_BYTES = 32,
    BULK_REVISION_BYTES = 16,
    BULK_TAG_BYTES = 16,
    BULK_DATA_MAX = 1 << 20,       /* data bytes of one frame that we send */
    BULK_DATA_AT = 4 + 1 + 16 + 8, /* where they begin in the frame */
    BULK_FRAME_MAX = BULK_DATA_AT + BULK_DATA_MAX + BULK_TAG_BYTES, /* a buffer for any of ours */
    BULK_CONTROL_MAX = 4 + 1 + 16 + 8 + BULK_TAG_BYTES,             /* … for any but data */
    BULK_LENGTH_MAX = (1 << 20) + 64, /* longest length field that is accepted */
    BULK_PING_AFTER_MS = 15000,       /* nothing sent for this long: send a ping */
    BULK_SILENCE_MS = 45000,          /* nothing received for this long: the connection is dead */
};

enum bulk_kind {
    BULK_WANT = 1,    /* send me this parcel from .offset; replaces an earlier want for it */
    BULK_DATA = 2,    /* .data, at .offset of the parcel */
    BULK_DURABLE = 3, /* all before .offset is on my disk */
    BULK_GONE = 4,    /* I do not have this revision any more */
    BULK_PING = 5,
};

struct bulk_message {
    enum bulk_kind kind;
    uint8_t revision[BULK_REVISION_BYTES]; /* all but PING */
    uint64_t offset;                       /* WANT, DATA, DURABLE; offset + len ≤ INT64_MAX */
    const uint8_t *data;                   /* DATA: points into the receiver's buffer */
    size_t len;                            /* DATA: 1… */
};

/* One direction's cipher. Secret. */
struct bulk_cipher {
    bool aes; /* AES-256-GCM, else XChaCha20-Poly1305 */
    uint64_t frames;
    uint8_t key[BULK_KEY_BYTES];
    struct gcm *gcm; /* if aes */
};

/* ---- sending ---- */
struct bulk_sender {
    struct bulk_cipher cipher;
};

/* `key` is the attempt's (transit_plan.key). `leader`: we are the leader (transit_plan.sender).
 * `aes` only where the processor has it (crypto_aead_aes256gcm_is_available()).
 * PROTO_ERR_NOMEM. */
int bulk_sender_init(struct bulk_sender *s, const uint8_t key[static BULK_KEY_BYTES], bool leader,
                     bool aes);
void bulk_sender_release(struct bulk_sender *s); /* wipes */
/* Both give 0 if the cipher failed, which no input makes it do: nothing can be sent any more.
 *
 * Makes a data frame in place: `frame` has BULK_FRAME_MAX bytes, of which the caller has filled
 * `len` (1..BULK_DATA_MAX) from BULK_DATA_AT on. Returns the frame's length. */
size_t bulk_seal_data(struct bulk_sender *s, uint8_t *frame,
                      const uint8_t revision[static BULK_REVISION_BYTES], uint64_t offset,
                      size_t len);
/* Any other kind, into BULK_CONTROL_MAX bytes. `revision` may be NULL for PING. */
size_t bulk_seal_control(struct bulk_sender *s, uint8_t *frame, enum bulk_kind kind,
                         const uint8_t *revision, uint64_t offset);

/* ---- receiving ---- */
struct bulk_receiver {
    struct bulk_cipher cipher;
    uint8_t *buffer;
    size_t cap;
    size_t begin; /* of what was received and not yet handed out */
    size_t end;
    bool broken;
};

/* The same arguments as bulk_sender_init: it takes the other direction's key itself. */
int bulk_receiver_init(struct bulk_receiver *r, const uint8_t key[static BULK_KEY_BYTES],
                       bool leader, bool aes);
void bulk_receiver_release(struct bulk_receiver *r); /* wipes */
/* Once bulk_receiver_next has given 0: where to receive the next bytes to, and at most how many, so
 * that large frames need not be moved. Invalidates the last message. NULL when out of memory or
 * broken. */
uint8_t *bulk_receiver_room(struct bulk_receiver *r, size_t *room);
/* `len` bytes (at most the room) were received there. */
void bulk_receiver_filled(struct bulk_receiver *r, size_t len);
/* Takes out the next message: 1, valid until the next call on the receiver; 0 if more bytes are
 * needed. PROTO_ERR_CRYPTO (does not open), PROTO_ERR_TOO_BIG, PROTO_ERR_MALFORMED (opens, but is
 * nonsense): end the connection; every later call gives PROTO_ERR_STATE. */
int bulk_receiver_next(struct bulk_receiver *r, struct bulk_message *m);

#endif
