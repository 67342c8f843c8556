/* THE mailbox machine: one mailbox, on the one link that is its own. It is used alike for the
 * mailbox of a code, the private mailboxes of the generations and the meeting (PROTOCOL.md §5).
 *
 * It keeps our own bodies, and makes the server have them: on each connection `open`, `ping`, and
 * at the `pong` (the fence: the server has replayed everything) it adds, byte for byte and in their
 * order, what the replay lacked. Past the fence new bodies are added at once. Opening needs the id
 * alone, never the nameplate.
 *
 * Who is listened to. Own-side messages are compared with what we keep. One foreign side is
 * listened to: the one given at init, else the first that adds anything; that choice is saved and
 * never changes. All other sides are dropped, uncounted and unstored. What a hostile third side can
 * do:
 *
 *  - Who guesses a nameplate before our peer comes takes the second place in the mailbox. That is
 *    one guess at the words, as key.h accepts one pake, ever, over restarts too; the real peer gets
 *    "crowded", and the code is lost, as with every Magic Wormhole.
 *  - Who comes third cannot add or read, but makes the server answer "crowded" to every later open
 *    of ours: MAILBOX_CROWDED, if the code is not paired by then. Private mailboxes have ids that
 *    nobody can guess, and there the peer's side is known from the start.
 *  - The server can add messages under any side. Those of a third side are dropped. Those under the
 *    peer's side are reported as the peer's, and do not open; therefore this machine does not drop
 *    a phase that it has seen, or a forged body could hide the true one. In a private mailbox the
 *    owner decrypts first and gives order.h what opened; in the code's mailbox order.h takes the
 *    first, for pake authenticates nothing yet. Those under our own side are reported as
 *    MAILBOX_EVENT_OWN_UNKNOWN, to be ignored unless they open.
 *
 * Durable: mailbox_save, plus the kept bodies, which the owner stores on ACTION_KEEP, erases on
 * ACTION_FORGET and gives back after a load with mailbox_keep. A snapshot is needed in each turn
 * that calls set_id, add, mute, close or sees an event with `commit`. That our bodies reached the
 * server changes what is saved too, but may wait for the next snapshot: it serves only to notice
 * that a server has forgotten us. */
#ifndef PROTO_MAILBOX_H
#define PROTO_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "bytes.h"
#include "limits.h"
#include "mailbox_kept.h"
#include "mailbox_phase.h"
#include "now.h"
#include "rendezvous.h"
#include "server_msg.h"

enum mailbox_state {
    MAILBOX_NO_ID_DOWN, /* the code's, before its nameplate is claimed */
    MAILBOX_NO_ID_UP,
    MAILBOX_DOWN,        /* wanted, not connected */
    MAILBOX_REPLAY,      /* open and ping are sent; the replay comes */
    MAILBOX_OPEN,        /* past the fence */
    MAILBOX_ENDING_DOWN, /* to be closed, not connected: what the server lacks goes there first */
    MAILBOX_ENDING_REPLAY,
    MAILBOX_ENDING_HELD, /* past the fence; close waits for the nameplate's release */
    MAILBOX_CLOSING,     /* close is sent */
    MAILBOX_CLOSED,      /* final */
    MAILBOX_CROWDED,     /* final: the server does not let us in any more */
};

/* What one side has put into a mailbox, as far as we know. */
struct mailbox_usage {
    uint64_t numbered;  /* the highest numeric phase + 1 */
    uint64_t ephemeral; /* in the replay of this connection and since */
    uint64_t bytes;     /* of bodies before hex */
};

struct mailbox {
    enum mailbox_state state;
    uint64_t generation; /* or MAILBOX_OF_CODE, MAILBOX_OF_MEETING: .mailbox of its actions */
    char id[MAILBOX_ID_LEN_MAX + 1]; /* "" while NO_ID */
    char side[SIDE_LEN_MAX + 1];     /* ours */
    char peer[SIDE_LEN_MAX + 1];     /* "" until somebody spoke */
    bool muted;                      /* we add nothing any more */
    bool held;                       /* must not be closed yet */
    bool deaf;                       /* the peer exceeded its bounds; until the next connection */
    enum mailbox_mood mood;          /* to close with */
    struct mailbox_kept *kept; /* pake, version, numbers ascending, then others as they came */
    uint64_t next_number;      /* the number of our next numbered message here */
    uint64_t echoed_number;    /* one more than the highest of ours that was seen on the server */
    uint64_t numbered_bytes;   /* of all that we ever added here and that is re-added */
    bool made_pake, made_version; /* a body of this phase was kept once */
    bool echoed_any;
    bool own_replayed;           /* this replay had something of ours that was not ephemeral */
    int64_t fence;               /* the ping that is out */
    struct mailbox_usage sent;   /* ours; .ephemeral and their bytes of this connection only */
    struct mailbox_usage heard;  /* under the peer's side, of this connection only … */
    struct mailbox_usage opened; /* … and what of it opened: truly the peer's */
};

enum mailbox_event_kind {
    MAILBOX_EVENT_NONE,
    MAILBOX_EVENT_INBOUND,     /* a message of the peer: .phase, .body, .len, .live */
    MAILBOX_EVENT_OWN,         /* one of our own that we made, in this run or an earlier one; or an
                                * ephemeral one (they are not kept, so believe it only if it opens):
                                * the same fields. Tells where it stands among the peer's */
    MAILBOX_EVENT_OWN_UNKNOWN, /* one of our own side that we never made, or not so: the same
                                * fields. If it opens under our key, our store went back (replay) or
                                * a copy of it runs (live); of phase pake: the peer has our side,
                                * the code is burnt */
    MAILBOX_EVENT_FENCE,       /* everything that was there has been reported; sets .lost */
    MAILBOX_EVENT_CROWDED,     /* now MAILBOX_CROWDED. After mailbox_close it is CLOSED instead */
    MAILBOX_EVENT_OVERFULL, /* the peer exceeded twice the bounds: deaf until the next connection */
    MAILBOX_EVENT_CLOSED,   /* now MAILBOX_CLOSED: LINK_CLOSE may follow, bodies may be forgotten */
};

/* What one message led to. Points into the server_msg. */
struct mailbox_event {
    enum mailbox_event_kind kind;
    bool live;   /* it came after the fence */
    bool lost;   /* FENCE: the server had something of ours earlier and has it no more. It was added
                    again */
    bool commit; /* the choice of the peer's side was made: snapshot in this turn */
    const char *side;
    const char *phase;
    const uint8_t *body;
    size_t len;
};

/* A mailbox of ours as `side` (1..SIDE_LEN_MAX), not connected. `id` NULL: it comes with
 * mailbox_set_id. `peer` NULL: whoever speaks first. PROTO_ERR_INVALID if a string is too long or
 * empty. */
int mailbox_init(struct mailbox *m, uint64_t generation, const char *id, const char *side,
                 const char *peer);
void mailbox_release(struct mailbox *m); /* wipes bodies */

/* The nameplate's answer. No-op if an id is known. */
int mailbox_set_id(struct mailbox *m, const char *id, struct rendezvous *r,
                   struct actions *actions);

/* After rendezvous_up. No-op in a final state. */
int mailbox_up(struct mailbox *m, struct rendezvous *r, struct actions *actions);
void mailbox_down(struct mailbox *m);
/* Shows it a message of its link; what is not for it gives MAILBOX_EVENT_NONE. */
int mailbox_received(struct mailbox *m, struct rendezvous *r, const struct server_msg *msg,
                     struct mailbox_event *event, struct actions *actions);

/* ---- our messages ---- */
/* Keeps a body and adds it, now or after the next fence: ACTION_KEEP and perhaps ACTION_LINK_SEND.
 * `phase` is "pake", "version", mailbox_phase_of_number(next_number) or, in the meeting, an
 * ephemeral one. It does not enforce §5.4: ask mailbox_room first. PROTO_ERR_TOO_BIG beyond
 * OWN_BODY_MAX; PROTO_ERR_STATE if muted, ending, or the phase was used. */
int mailbox_add(struct mailbox *m, struct rendezvous *r, const char *phase, const void *body,
                size_t len, struct actions *actions);
/* Sends an ephemeral body once and forgets it. PROTO_ERR_STATE unless OPEN, muted or not;
 * PROTO_ERR_FULL if the bound is reached. */
int mailbox_add_once(struct mailbox *m, struct rendezvous *r, const char *phase, const void *body,
                     size_t len, struct actions *actions);
/* Gives back what was kept, after mailbox_load, in any order (numbers sort themselves). Emits
 * nothing. */
int mailbox_keep(struct mailbox *m, const char *phase, const void *body, size_t len);
/* Erases a kept body (the peer acknowledged it): never added again. ACTION_FORGET. No-op if it is
 * not kept. */
void mailbox_forget(struct mailbox *m, const char *phase, struct actions *actions);
/* Erases all: ACTION_FORGET with phase "". */
void mailbox_forget_all(struct mailbox *m, struct actions *actions);
const struct bytes *mailbox_kept(const struct mailbox *m, const char *phase); /* NULL if none */
/* From now on nothing is added here but ephemeral messages: not even what the server lacks
 * (PROTOCOL.md §10). For ever. */
void mailbox_mute(struct mailbox *m);

/* ---- bounds, §5.4 ---- */
enum mailbox_class {
    MAILBOX_NORMAL,  /* a numbered message of the application */
    MAILBOX_CONTROL, /* rotate, rotated, close: may use the reserve */
    MAILBOX_EPHEMERAL,
};
/* How many more messages of `class`, each with a body of `len` bytes, may be added here. Whether it
 * is connected does not matter. 0 if ending, or muted and not MAILBOX_EPHEMERAL. */
unsigned mailbox_room(const struct mailbox *m, enum mailbox_class class, size_t len);
/* A message of the peer has opened: it counts below. Not told, it counts only for OVERFULL: anybody
 * who has the id, the server first, could make us move on and on. */
void mailbox_opened(struct mailbox *m, const char *phase, size_t len);
/* Has either side passed half of a bound? (Time to rotate, §6.) Says what is known: all of it after
 * the fence. */
bool mailbox_half_used(const struct mailbox *m);

/* ---- the end ---- */
/* To be closed with `mood`: first everything kept is brought to the server (unless muted), then
 * `close`. From now on MAILBOX_EVENT_CLOSED is the only event. CLOSED at once, without an event, if
 * there is no id. No-op when final or ending (the first mood stays). */
int mailbox_close(struct mailbox *m, enum mailbox_mood mood, struct rendezvous *r,
                  struct actions *actions);
/* While held, `close` is not sent: for the code's mailbox from the claim until
 * NAMEPLATE_EVENT_RELEASED, because closing under a claimed nameplate makes an older server lose
 * everything and drop the connection. */
void mailbox_hold(struct mailbox *m);
int mailbox_unhold(struct mailbox *m, struct rendezvous *r, struct actions *actions);
bool mailbox_is_final(const struct mailbox *m);
/* What `state` falls to when the link goes down. */
enum mailbox_state mailbox_state_disconnected(enum mailbox_state state);

/* Without bodies. Loaded in the disconnected twin of the saved state; PROTO_ERR_MALFORMED leaves *m
 * as after release. */
int mailbox_save(const struct mailbox *m, struct bytes *out);
int mailbox_load(struct mailbox *m, struct reader *in);

#endif
