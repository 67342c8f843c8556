/* The application's numbered messages (PROTOCOL.md §9): how two wormholefs talk about entries. A
 * content begins with its kind; boss_send takes it, ACTION_DELIVER brings it. */
#ifndef PROTO_PEER_H
#define PROTO_PEER_H

#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

enum {
    PEER_REVISION_BYTES = 16,
    PEER_PIECE_MAX = 15360,             /* bytes of a parcel in one piece */
    PEER_PIECED_PARCEL_MAX = 64 * 1024, /* a parcel up to this size travels in pieces */
    PEER_NAME_MAX = 255,
    PEER_REASON_MAX = 400,
};

enum peer_kind {
    PEER_PIECE = 16,
    PEER_OFFER = 17,
    PEER_WITHDRAW = 18,
    PEER_DECISION = 19,
};

enum peer_verdict {
    PEER_TAKEN = 0,
    PEER_WITHDRAWN = 1,
    PEER_REFUSED_NOW = 2,  /* no room: the sender offers the same revision again, rarely */
    PEER_REFUSED_EVER = 3, /* malformed, or beyond a bound */
};

/* A message, either way. Fields beyond `revision` belong to the kinds named. `data` points into
 * what was parsed. */
struct peer_message {
    enum peer_kind kind;
    uint8_t revision[PEER_REVISION_BYTES];
    uint64_t size;             /* PIECE, OFFER: of the whole parcel; 1..INT64_MAX */
    uint64_t offset;           /* PIECE */
    uint32_t items;            /* OFFER: in its manifest; 1..MANIFEST_ITEMS_MAX */
    enum peer_verdict verdict; /* DECISION */
    const uint8_t *data; /* PIECE: its bytes; OFFER: top-level name; DECISION: name or reason */
    size_t len;
};

/* Appends one. PROTO_ERR_INVALID if it is not what peer_parse would accept; PROTO_ERR_NOMEM. */
int peer_build(struct bytes *out, const struct peer_message *m);

/* Strict: PROTO_ERR_MALFORMED for unknown kinds, wrong lengths, empty pieces, pieces beyond their
 * parcel or of parcels above PEER_PIECED_PARCEL_MAX, and for what exceeds a bound above. Whether a
 * name may be used is not checked here (manifest_name_ok). */
int peer_parse(struct peer_message *m, const void *content, size_t len);

#endif
