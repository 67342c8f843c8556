/* The stock Transit handshake on ONE TCP connection, which may have been dialled or accepted, and
 * lead straight to the peer or through a relay. Pure: received bytes in, bytes to send out.
 *
 *     relay:     "please relay TOKEN for side SIDE\n"  ->  wait for "ok\n", then as below
 *     sender:    "transit sender HEX ready\n\n"        ->  wait for the receiver's line; OFFERED
 *                transit_select: "go\n"; transit_reject: "nevermind\n"
 *     receiver:  "transit receiver HEX ready\n\n"      ->  wait for the sender's line and its word
 *
 * HEX and TOKEN are HKDF(key, "transit_sender" / "transit_receiver" / "transit_relay_token"), in
 * lower-case hex: who knows the key is the peer. The sender, a role and not the side that dialled,
 * picks one of the connections that came to OFFERED. After that the connection carries records.
 *
 * The machine has no clock: its owner gives up a connection that is not SELECTED in time. */
#ifndef PROTO_TRANSIT_H
#define PROTO_TRANSIT_H

#include <stddef.h>
#include <stdint.h>

enum {
    TRANSIT_KEY_BYTES = 32,
    TRANSIT_SIDE_LEN = 16,  /* hex digits; not the side of the mailbox but one of Transit's own */
    TRANSIT_LINE_MAX = 112, /* longest line of the handshake, either way */
};

enum transit_role {
    TRANSIT_SENDER,
    TRANSIT_RECEIVER,
};

enum transit_state {
    TRANSIT_RELAY_WAIT, /* asked the relay; its "ok\n" comes when the peer is there, however late */
    TRANSIT_HANDSHAKE,  /* our line is on its way; theirs is awaited */
    TRANSIT_OFFERED,    /* sender: their line was right; select or reject it */
    TRANSIT_WAIT_GO,    /* receiver: their line was right; their choice is awaited */
    TRANSIT_SELECTED,   /* done, once transit_tx is empty: all further bytes are records */
    TRANSIT_REJECTED,   /* the sender chose another: close, once transit_tx is empty */
    TRANSIT_FAILED,     /* this is not our peer or relay: close at once */
};

/* Contains secrets and no pointers. Fields other than `role` and `state` are private. */
struct transit {
    enum transit_role role;
    enum transit_state state;
    char ours[TRANSIT_LINE_MAX];   /* our line of the handshake */
    char theirs[TRANSIT_LINE_MAX]; /* what we expect from them */
    uint8_t line[TRANSIT_LINE_MAX];
    size_t line_len; /* of the line that is being received */
    uint8_t tx[2 * TRANSIT_LINE_MAX];
    size_t tx_len;
};

/* `relay_side` is NULL for a direct connection, else the TRANSIT_SIDE_LEN lower-case hex digits
 * that tell us from our peer at the relay: the same for all connections of one side in one
 * transfer. 0, or PROTO_ERR_INVALID if it is anything else. */
int transit_init(struct transit *t, const uint8_t key[static TRANSIT_KEY_BYTES],
                 enum transit_role role, const char *relay_side);
void transit_release(struct transit *t); /* wipes it */

/* Takes from the front of what was received, which may be cut anywhere, only what belongs to the
 * handshake, and returns how many bytes that was. The rest belongs to the records, and is the
 * caller's to keep: while OFFERED, or when SELECTED. Returns, and is FAILED,
 *   PROTO_ERR_MALFORMED  the peer or the relay says something else than it should,
 *   PROTO_ERR_CRYPTO     their line has the right form but comes from another key.
 * PROTO_ERR_STATE when REJECTED or FAILED. */
int transit_rx(struct transit *t, const void *data, size_t len);

/* The bytes to send now (*len may be 0), valid until the next call. */
const uint8_t *transit_tx(const struct transit *t, size_t *len);
/* `len`, at most what transit_tx offered, of them were taken by the transport. */
void transit_tx_done(struct transit *t, size_t len);

/* The sender's choice; only while OFFERED, else PROTO_ERR_STATE. */
int transit_select(struct transit *t);
int transit_reject(struct transit *t);

#endif
