/* The one public face of proto/: a persistent wormhole as a pure state machine.
 *
 * It wires upstream's machines (nameplate, mailbox, order, key), the stock file-transfer v1 and
 * the persistent protocol of PROTOCOL.md. Every input call is one step: it changes the machine in
 * memory and appends actions. The caller commits the durable ones (the snapshot among them)
 * in one transaction and then releases the rest. If the commit fails the caller frees the
 * machine and restores it from what is stored.
 *
 * Thread: none; the caller serialises all calls on one wormhole. Errors: an input from outside
 * that is nonsense is dropped (perhaps with ACTION_PROBLEM) and returns 0; PROTO_ERR_NOMEM means
 * that the machine must be restored; other errors leave it unchanged and are said below. */
#ifndef PROTO_WORMHOLE_H
#define PROTO_WORMHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "now.h"

struct wormhole;

struct wormhole_options {
    const char *appid;     /* must outlive the wormhole */
    unsigned code_words;   /* 1..8 */
    const char *software;  /* "wormholefs 0.1": told to wormholefs peers */
    struct hint_list relays; /* our transit relays, told to peers */
    bool aes;              /* this machine has AES-256-GCM in hardware */
};

/* A new wormhole in state WORMHOLE_NEW. Draws the side and the incarnation. Emits
 * ACTION_SNAPSHOT. */
int wormhole_create(struct wormhole **out, const struct wormhole_options *options, struct now *now,
                    struct actions *actions);

/* From a stored snapshot, at a start of the program: every link is down, no transit attempt is
 * outstanding, a new incarnation is drawn (ACTION_SNAPSHOT). Then the caller gives back what it kept, with
 * wormhole_restore_kept for each kept body and wormhole_restore_message for each unacknowledged
 * numbered message in order, and ends with wormhole_restored, which emits ACTION_LINK_OPEN for
 * the links that the state wants. PROTO_ERR_MALFORMED for a foreign snapshot. */
int wormhole_restore(struct wormhole **out, const struct wormhole_options *options,
                     const void *snapshot, size_t len, struct now *now, struct actions *actions);
int wormhole_restore_kept(struct wormhole *w, uint64_t mailbox, const char *phase,
                          const void *body, size_t len);
int wormhole_restore_message(struct wormhole *w, uint64_t number, const uint8_t incarnation[static 16],
                             const void *content, size_t len);
int wormhole_restored(struct wormhole *w, struct now *now, struct actions *actions);
void wormhole_free(struct wormhole *w);

/* Appends the whole durable state except kept bodies and messages. A secret. */
int wormhole_snapshot(const struct wormhole *w, struct bytes *out);

/* ---- from our user ---- */
/* Wants a code: allocates a nameplate. No-op if there is one or the wormhole is paired. From
 * CLOSED or FAILED it starts afresh with new secrets (a new peer). */
int wormhole_allocate(struct wormhole *w, struct now *now, struct actions *actions);
/* Joins `code`. PROTO_ERR_INVALID: cannot be a code. PROTO_ERR_STATE: already paired. */
int wormhole_join(struct wormhole *w, const char *code, struct now *now, struct actions *actions);
/* The wormhole is removed here. Ends with ACTION_CLOSE_DONE, at once if there never was a peer. */
int wormhole_close(struct wormhole *w, struct now *now, struct actions *actions);

/* ---- the persistent stream (state PAIRED with a wormholefs peer) ---- */
/* How many more numbered messages it can take now: the window of PROTOCOL.md §5.4. */
unsigned wormhole_room(const struct wormhole *w);
/* Queues one application message: `content` begins with its kind (≥ 16) and is at most
 * WORMHOLE_CONTENT_MAX bytes. *number and *incarnation name it; the caller stores content under
 * them, in the same turn, until ACTION_ACKED. PROTO_ERR_FULL, PROTO_ERR_STATE, PROTO_ERR_TOO_BIG. */
enum { WORMHOLE_CONTENT_MAX = 15800 };
int wormhole_send(struct wormhole *w, const void *content, size_t len, uint64_t *number,
                  uint8_t incarnation[static 16], struct now *now, struct actions *actions);
/* Does our side want a bulk connection now? Changes lead to hints and attempts. Not stored. */
int wormhole_want_bulk(struct wormhole *w, bool want, struct now *now, struct actions *actions);

/* ---- the stock protocol (state PAIRED with a stock peer) ---- */
/* Offers one file or directory; or a text (offer NULL, text given). PROTO_ERR_STATE if the peer
 * has offered first or an offer was made. */
int wormhole_classic_offer(struct wormhole *w, const struct classic_offer *offer, const char *text,
                           struct now *now, struct actions *actions);
/* Answers ACTION_CLASSIC_OFFERED or _TEXT: refusal NULL accepts, else is the reason sent. */
int wormhole_classic_answer(struct wormhole *w, const char *refusal, struct now *now,
                            struct actions *actions);
/* The transfer over transit ended; ok after the peer's (or our) good ack. Ends the session. */
int wormhole_classic_finished(struct wormhole *w, bool ok, struct now *now, struct actions *actions);
/* Is the session one in which no offer was made in either direction yet? */
bool wormhole_classic_idle(const struct wormhole *w);

/* ---- from the network ---- */
int wormhole_link_up(struct wormhole *w, enum wormhole_link link, struct now *now,
                     struct actions *actions);
int wormhole_link_down(struct wormhole *w, enum wormhole_link link, struct now *now,
                       struct actions *actions);
/* One whole text message from the mailbox server. */
int wormhole_link_received(struct wormhole *w, enum wormhole_link link, const void *text, size_t len,
                           struct now *now, struct actions *actions);
/* Answers ACTION_TRANSIT_LISTEN: our direct addresses for the attempt (may be empty). */
int wormhole_transit_hints(struct wormhole *w, uint64_t attempt, const struct hint_list *direct,
                           struct now *now, struct actions *actions);
/* The attempt led to a connection / ended (failed, or the connection broke). */
int wormhole_transit_up(struct wormhole *w, uint64_t attempt, struct now *now, struct actions *actions);
int wormhole_transit_down(struct wormhole *w, uint64_t attempt, struct now *now,
                          struct actions *actions);

/* ---- time ---- */
/* When wormhole_tick wants to be called next, in now.ms; INT64_MAX for never. */
int64_t wormhole_deadline_ms(const struct wormhole *w);
int wormhole_tick(struct wormhole *w, struct now *now, struct actions *actions);

/* ---- looking ---- */
enum wormhole_state wormhole_state(const struct wormhole *w);
bool wormhole_is_persistent(const struct wormhole *w); /* paired with a wormholefs */
const char *wormhole_code(const struct wormhole *w);   /* NULL if none; a secret */
bool wormhole_bulk_up(const struct wormhole *w);

#endif
