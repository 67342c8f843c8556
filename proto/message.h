/* The envelopes of PROTOCOL.md §5: plaintexts of the messages in the mailbox of a generation. They
 * are sealed with phase.h under the generation's content key. */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

enum {
    MESSAGE_INCARNATION_BYTES = 16,
    MESSAGE_CHALLENGE_BYTES = 32,
    MESSAGE_CONTENT_MAX = 15900,   /* with its kind: keeps the plaintext within OWN_PLAIN_MAX */
    MESSAGE_ENVELOPE_MAX = 74,     /* what a numbered message adds to its content */
    MESSAGE_KIND_APPLICATION = 16, /* kinds from here on are the application's … */
    MESSAGE_KIND_MAX = 63,         /* … up to here; others are ephemeral */
};

/* The name of a numbered message, or of none. */
struct message_id {
    bool some; /* false: none, the rest is zero */
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];
    uint64_t number;
};

struct message_id message_id_of(const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES],
                                uint64_t number);
bool message_id_equal(const struct message_id *a, const struct message_id *b);
void message_id_put(struct bytes *out, const struct message_id *id);
/* Anything but the two exact forms makes the reader bad. */
struct message_id message_id_take(struct reader *in);

/* ---- version, in generations from 1 on ---- */
struct message_version {
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES];
    struct message_id have;  /* what the sender has of us */
    struct message_id floor; /* what the sender knows us to have */
};
int message_version_build(struct bytes *out, const struct message_version *v);
int message_version_parse(struct message_version *v, const void *plain, size_t len);

/* ---- numbered ---- */
enum message_kind {
    MESSAGE_ROTATE = 1,
    MESSAGE_ROTATED = 2,
    MESSAGE_CLOSE = 3,
    MESSAGE_FULL = 4,
};

struct message {
    struct message_id id;
    struct message_id prev;
    struct message_id have;
    const uint8_t
        *content; /* its kind, 1..MESSAGE_KIND_MAX, and the rest; of a parsed one: in `plain` */
    size_t len;   /* 1..MESSAGE_CONTENT_MAX */
};
int message_build(struct bytes *out, const struct message *m);
/* Number 0, and no other, must be without a `prev`. */
int message_parse(struct message *m, const void *plain, size_t len);
uint8_t message_kind(const struct message *m);

/* ---- ephemeral ---- */
enum message_ephemeral_kind {
    MESSAGE_ACK = 64,
    MESSAGE_HINTS = 65,
    MESSAGE_MEET = 66,
};

enum { MESSAGE_CAPABILITY_AES = 1 };

struct message_ephemeral {
    enum message_ephemeral_kind kind;
    struct message_id have;                     /* ACK */
    uint8_t challenge[MESSAGE_CHALLENGE_BYTES]; /* HINTS */
    uint8_t capabilities;                       /* HINTS */
    const uint8_t *json;                        /* HINTS; of a parsed one: in `plain` */
    size_t json_len;
};
int message_ephemeral_build(struct bytes *out, const struct message_ephemeral *m);
int message_ephemeral_parse(struct message_ephemeral *m, const void *plain, size_t len);

/* Builders append, and give 0, PROTO_ERR_INVALID (the caller's mistake) or PROTO_ERR_NOMEM.
 * Parsers are strict: 0 or PROTO_ERR_MALFORMED. */

#endif
