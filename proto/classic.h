/* The stock file-transfer v1 with one stock peer, both roles: one transfer of a file, a directory
 * (as a zip) or a text, then it is over. It deals in the plaintexts of the numeric phases of the
 * code's mailbox, one top-level key each; order.h and key.h stand between it and the mailbox, and
 * the bulk goes over Transit (classic_data.h).
 *
 *     sender                                     receiver
 *     {"transit": {abilities, hints}}      ->    {"transit": …}   (on receipt; not for a text)
 *     {"offer": {file|directory|message}}  ->    {"answer": {"file_ack"|"message_ack": "ok"}}
 *                                                or {"error": reason}; either side, at any time
 *
 * If the peer offers, before or after our own offer (but before it has accepted ours), the peer is
 * the sender and our offer is dropped: ACTION_CLASSIC_OFFERED or _TEXT then says so. A stock sender
 * ignores an offer that it gets, and answers are told apart by who sent an offer last.
 *
 * The transit key is HKDF(K, "lothar.com/wormhole/text-or-file-xfer/transit-key"), whatever the
 * appid: Python has always done so, although it was meant to be APPID/transit-key, and Go and
 * Rust do that. With the default appid all are the same. With another one a file transfer with
 * Go or Rust fails in the transit handshake (the key gives no connection; nothing is disclosed);
 * Python, the reference, works. Texts need no transit and work with all.
 *
 * Hints: ours are asked for by ACTION_TRANSIT_LISTEN once, and sent once, also over a restart:
 * wormhole-william fails on a repeated message. After a restart the peer has old addresses of ours,
 * but we dial its addresses, and the relay brings both together.
 *
 * Each call that returns 0 may append actions and messages; the owner encrypts those messages as
 * its next numeric phases, in order, in the same turn, and takes a snapshot. */
#ifndef PROTO_CLASSIC_H
#define PROTO_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "bytes.h"
#include "hints.h"
#include "kdf.h"
#include "limits.h"

enum classic_state {
    CLASSIC_IDLE,      /* no offer either way */
    CLASSIC_PREPARING, /* sender: our offer waits for our own hints */
    CLASSIC_OFFERED,   /* sender: their answer is awaited */
    CLASSIC_ASKED,     /* receiver: our caller's answer is awaited */
    CLASSIC_AGREED,    /* accepted; hints of one side are still missing */
    CLASSIC_TRANSFER,  /* transit was started */
    CLASSIC_DONE,      /* final: transferred, text acknowledged, or we refused */
    CLASSIC_FAILED,    /* final */
};

enum classic_thing {
    CLASSIC_NOTHING,
    CLASSIC_BULK, /* file or directory */
    CLASSIC_TEXT,
};

enum classic_listening {
    CLASSIC_HINTS_UNASKED,
    CLASSIC_HINTS_ASKED, /* ACTION_TRANSIT_LISTEN is out */
    CLASSIC_HINTS_SENT,
    CLASSIC_HINTS_REASKED, /* ACTION_TRANSIT_LISTEN is out again, after a restart; they were sent */
};

struct classic {
    enum classic_state state;
    enum classic_thing thing; /* what is offered, by the one who is the sender */
    enum classic_listening listening;
    bool sender; /* we are */
    bool peer_hints_known;
    uint64_t attempt; /* the number in ACTION_TRANSIT_* */
    uint8_t transit_key[KDF_KEY_BYTES];
    struct hint_list peer_hints;
    struct hint_list relays; /* ours: dialled too, for not every receiver names one (Go does not) */
    struct bytes offer;      /* PREPARING: our offer's message */
};

enum { CLASSIC_OUT_MAX = 3 };

/* Plaintexts to be sent. A zeroed struct is empty. */
struct classic_out {
    struct bytes messages[CLASSIC_OUT_MAX];
    size_t count;
};
void classic_out_release(struct classic_out *out); /* wipes */

/* A session under K. `attempt` numbers its only transit attempt. */
void classic_init(struct classic *c, const uint8_t key[static KDF_KEY_BYTES], uint64_t attempt);
void classic_release(struct classic *c);

/* ---- our user ---- */
/* Offers a file or directory, or (`offer` NULL) `text`. PROTO_ERR_STATE unless IDLE.
 * PROTO_ERR_TOO_BIG: the message would exceed CLASSIC_PLAIN_MAX (send a text as a file instead).
 * PROTO_ERR_INVALID: name or text is empty or not UTF-8, or a size above INT64_MAX. */
int classic_offer(struct classic *c, const struct classic_offer *offer, const char *text,
                  struct classic_out *out, struct actions *actions);
/* Answers the peer's offer: `refusal` NULL accepts, else is the reason (cut to
 * CLASSIC_REASON_LEN_MAX). PROTO_ERR_STATE unless ASKED; PROTO_ERR_INVALID for a reason that is not
 * UTF-8. A refused session is DONE, as is an accepted text. */
int classic_answer(struct classic *c, const char *refusal, struct classic_out *out,
                   struct actions *actions);
/* The bulk transfer has ended: `ok` after a good ack was received, or ours was written out. DONE or
 * FAILED. No-op unless TRANSFER. */
int classic_finished(struct classic *c, bool ok, struct actions *actions);

/* ---- network ---- */
/* One plaintext of the peer, in order. Nonsense ends the session (FAILED, and an error message to
 * the peer). */
int classic_received(struct classic *c, const void *plain, size_t len, struct classic_out *out,
                     struct actions *actions);
/* Answers ACTION_TRANSIT_LISTEN: where we can be reached, and our relays. Another attempt's are
 * ignored. */
int classic_hints(struct classic *c, uint64_t attempt, const struct hint_list *direct,
                  const struct hint_list *relays, struct classic_out *out, struct actions *actions);
/* We give up: the peer hears `reason`, and FAILED says it. No-op when over. */
int classic_end(struct classic *c, const char *reason, struct classic_out *out,
                struct actions *actions);
/* The transit attempt ended without (or after) a connection, before classic_finished: FAILED. */
int classic_transit_down(struct classic *c, uint64_t attempt, struct actions *actions);

/* ---- looking ---- */
bool classic_idle(const struct classic *c);  /* no offer was made in either direction yet */
bool classic_over(const struct classic *c);  /* DONE or FAILED */
bool classic_waits(const struct classic *c); /* for a word of the peer, who was offered something */

int classic_save(const struct classic *c, struct bytes *out);
/* After a load nothing is asked of transit until classic_restored, which asks again for what is
 * missing. A transfer that was running when the program stopped becomes FAILED: stock Transit
 * cannot resume. What the caller was told is not told again: it answers in ASKED when it comes to
 * it. */
int classic_load(struct classic *c, struct reader *in);
int classic_restored(struct classic *c, uint64_t attempt, struct actions *actions);

#endif
