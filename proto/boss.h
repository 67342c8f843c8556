/* The boss: the one public face of proto/, a persistent wormhole as a pure state machine. Named
 * after upstream's Boss, which wires the other machines (the store has the rows that are called
 * wormholes).
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
#ifndef PROTO_BOSS_H
#define PROTO_BOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "now.h"

enum { BOSS_CODES_MAX = 3 }; /* lost ones in a row, before the user has to ask again */

struct boss;

struct boss_options {
    const char *appid;       /* must outlive the wormhole */
    unsigned code_words;     /* 1..8 */
    const char *software;    /* "wormholefs 0.1": told to wormholefs peers */
    struct hint_list relays; /* our transit relays, told to peers */
    bool aes;                /* this machine has AES-256-GCM in hardware */
};

/* A new wormhole in state BOSS_NEW. Draws the side and the incarnation. Emits
 * ACTION_SNAPSHOT. */
int boss_create(struct boss **out, const struct boss_options *options, struct now *now,
                struct actions *actions);

/* From a stored snapshot, at a start of the program: every link is down, no transit attempt is
 * outstanding, a new incarnation is drawn (ACTION_SNAPSHOT). Then the caller gives back what it
 * kept, with boss_restore_kept for each kept body and boss_restore_message for each unacknowledged
 * numbered message in order, and ends with boss_restored, which emits ACTION_LINK_OPEN for
 * the links that the state wants. PROTO_ERR_MALFORMED for a foreign snapshot. */
int boss_restore(struct boss **out, const struct boss_options *options, const void *snapshot,
                 size_t len, struct now *now, struct actions *actions);
int boss_restore_kept(struct boss *b, uint64_t mailbox, const char *phase, const void *body,
                      size_t len);
int boss_restore_message(struct boss *b, uint64_t number, const uint8_t incarnation[static 16],
                         const void *content, size_t len);
int boss_restored(struct boss *b, struct now *now, struct actions *actions);
void boss_free(struct boss *b);

/* Appends the whole durable state except kept bodies and messages. A secret. */
int boss_snapshot(const struct boss *b, struct bytes *out);

/* ---- from our user ---- */
/* Wants a code: allocates a nameplate. No-op if there is one or the wormhole is paired. From
 * CLOSED or FAILED it starts afresh with new secrets (a new peer). */
int boss_allocate(struct boss *b, struct now *now, struct actions *actions);
/* Joins `code`. PROTO_ERR_INVALID: cannot be a code. PROTO_ERR_STATE: already paired. */
int boss_join(struct boss *b, const char *code, struct now *now, struct actions *actions);
/* The wormhole is removed here. Ends with ACTION_CLOSE_DONE, at once if there never was a peer. */
int boss_close(struct boss *b, struct now *now, struct actions *actions);

/* ---- the persistent stream (state PAIRED with a wormholefs peer) ---- */
/* How many more numbered messages it can take now: the window of PROTOCOL.md §5.4. */
unsigned boss_room(const struct boss *b);
/* Queues one application message: `content` begins with its kind (≥ 16) and is at most
 * BOSS_CONTENT_MAX bytes. *number and *incarnation name it; the caller stores content under
 * them, in the same turn, until ACTION_ACKED; or until ACTION_STATE says BOSS_NEW, when it starts
 * afresh for another peer: then all are void. PROTO_ERR_FULL, _STATE, _TOO_BIG. */
enum { BOSS_CONTENT_MAX = 15800 };
int boss_send(struct boss *b, const void *content, size_t len, uint64_t *number,
              uint8_t incarnation[static 16], struct now *now, struct actions *actions);
/* Does our side want a bulk connection now? Changes lead to hints and attempts. Not stored. */
int boss_want_bulk(struct boss *b, bool want, struct now *now, struct actions *actions);

/* ---- the stock protocol (state PAIRED with a stock peer) ---- */
/* Offers one file or directory; or a text (offer NULL, text given). PROTO_ERR_STATE if the peer
 * has offered first or an offer was made. */
int boss_classic_offer(struct boss *b, const struct classic_offer *offer, const char *text,
                       struct now *now, struct actions *actions);
/* Answers ACTION_CLASSIC_OFFERED or _TEXT: refusal NULL accepts, else is the reason sent. */
int boss_classic_answer(struct boss *b, const char *refusal, struct now *now,
                        struct actions *actions);
/* The transfer over transit ended; ok after the peer's (or our) good ack. Ends the session. */
int boss_classic_finished(struct boss *b, bool ok, struct now *now, struct actions *actions);
/* We cannot go on with what was begun: the peer hears `reason`, and so does our user. */
int boss_classic_end(struct boss *b, const char *reason, struct now *now, struct actions *actions);
/* Is the session one in which no offer was made in either direction yet? */
bool boss_classic_idle(const struct boss *b);

/* ---- from the network ---- */
int boss_link_up(struct boss *b, enum wormhole_link link, struct now *now, struct actions *actions);
int boss_link_down(struct boss *b, enum wormhole_link link, struct now *now,
                   struct actions *actions);
/* One whole text message from the mailbox server. */
int boss_link_received(struct boss *b, enum wormhole_link link, const void *text, size_t len,
                       struct now *now, struct actions *actions);
/* Answers ACTION_TRANSIT_LISTEN: our direct addresses for the attempt (may be empty). */
int boss_transit_hints(struct boss *b, uint64_t attempt, const struct hint_list *direct,
                       struct now *now, struct actions *actions);
/* The attempt led to a connection / ended (failed, or the connection broke). */
int boss_transit_up(struct boss *b, uint64_t attempt, struct now *now, struct actions *actions);
int boss_transit_down(struct boss *b, uint64_t attempt, struct now *now, struct actions *actions);

/* ---- time ---- */
/* When boss_tick wants to be called next, in now.ms; INT64_MAX for never. */
int64_t boss_deadline_ms(const struct boss *b);
int boss_tick(struct boss *b, struct now *now, struct actions *actions);

/* ---- looking ---- */
enum boss_state boss_state(const struct boss *b);
bool boss_is_persistent(const struct boss *b); /* paired with a wormholefs */
const char *boss_code(const struct boss *b);   /* NULL if none; a secret */
bool boss_bulk_up(const struct boss *b);
/* Would a numbered message leave now: is the newest private mailbox open, and past its fence? Who
 * can still take a message back waits for this before boss_send. */
bool boss_is_open(const struct boss *b);

#endif
