/* The messages of the stock file-transfer v1 as JSON: one object with exactly one top-level key.
 * For classic.c. */
#ifndef PROTO_CLASSIC_MSG_H
#define PROTO_CLASSIC_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include "action.h"
#include "bytes.h"
#include "hints.h"
#include "limits.h"

/* What one message of the peer says. Python puts one key in a message; of several the first in this
 * order counts. */
enum classic_msg_kind {
    CLASSIC_MSG_OTHER,   /* none of these keys: newer than we are, ignored */
    CLASSIC_MSG_ERROR,   /* .text: their sentence, made harmless and cut */
    CLASSIC_MSG_TRANSIT, /* .hints */
    CLASSIC_MSG_ACCEPT,  /* .is_text: message_ack, else file_ack; "ok" */
    CLASSIC_MSG_DECLINE, /* an answer that is anything but ok */
    CLASSIC_MSG_BULK,    /* .offer */
    CLASSIC_MSG_TEXT,    /* .text: as it was sent */
};

struct classic_msg {
    enum classic_msg_kind kind;
    bool is_text;
    struct hint_list hints;
    struct classic_offer offer;
    struct bytes text; /* not terminated */
};

/* Parses into *msg, which need not be initialised and is to be released in every case.
 * PROTO_ERR_MALFORMED if it is not a JSON object, or a known key has a value that makes no sense.
 * Of an offer: sizes are 0..2^63-1, `mode` begins with "zipfile", and of a name that is too long
 * the part behind its last slash is kept, cut at a character. */
int classic_msg_parse(struct classic_msg *msg, const void *plain, size_t len);
void classic_msg_release(struct classic_msg *msg);

/* Builders: append one message. PROTO_ERR_INVALID if text or name is not UTF-8 (or empty, in
 * offers) or a size above 2^63-1, PROTO_ERR_NOMEM; nothing is appended then. Their length is the
 * caller's business. */
int classic_msg_transit(struct bytes *out, const struct hint_list *hints);
int classic_msg_offer(struct bytes *out, const struct classic_offer *offer);
int classic_msg_offer_text(struct bytes *out, const char *text);
int classic_msg_accept(struct bytes *out, bool is_text);
int classic_msg_error(struct bytes *out, const char *reason); /* cut to CLASSIC_REASON_LEN_MAX */

#endif
