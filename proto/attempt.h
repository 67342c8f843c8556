/* Who calls whom for a bulk connection (PROTOCOL.md §8): the exchange of hints in the newest
 * generation's mailbox, and the attempts that it leads to.
 *
 * Both sides see the same stream of hints there, their own included, so both pair them alike: hints
 * stay open until hints of the other side follow, then the two are a pair and both are spent; open
 * hints are replaced by newer ones of the same side. A pair of which our half was made in this run,
 * for the attempt that is being prepared, is that attempt; each of our challenges is used once, so
 * no key serves two connections. Any other pair is dead: the peer may believe in hints that we do
 * not answer for any more, and gets new ones.
 *
 * state      in                          out        then
 * IDLE       wanted, or asked, may send  LISTEN     PREPARING
 * PREPARING  our addresses               hints      OFFERED
 * OFFERED    paired                      START      RUNNING
 * OFFERED    hints lost, or spent        hints      OFFERED
 * RUNNING    up                                     UP
 * any        down; 30 s but UP           STOP       IDLE
 * RUNNING, UP  new hints of the peer     STOP       IDLE, asked
 *
 * Nothing of it is durable. */
#ifndef PROTO_ATTEMPT_H
#define PROTO_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "bytes.h"
#include "hints.h"
#include "message.h"
#include "now.h"

enum {
    ATTEMPT_TIMEOUT_MS = 30000,
    ATTEMPT_RETRY_MIN_MS = 1000, /* after a failure, doubled each time … */
    ATTEMPT_RETRY_MAX_MS = 300000,
    ATTEMPT_STABLE_MS = 10000, /* a connection that lasted this long was no failure */
    ATTEMPT_SPACING_MS = 250, /* between the beginnings of two attempts; after failures longer, … */
    ATTEMPT_SPACING_MAX_MS = 15000, /* … also for a peer that asks: it chooses whom we dial */
};

enum attempt_state {
    ATTEMPT_IDLE,
    ATTEMPT_PREPARING, /* ACTION_TRANSIT_LISTEN is out; perhaps .hints are known already */
    ATTEMPT_OFFERED,   /* our hints are sent */
    ATTEMPT_RUNNING,   /* ACTION_TRANSIT_START is out */
    ATTEMPT_UP,        /* connected */
};

enum attempt_open {
    ATTEMPT_OPEN_NONE,
    ATTEMPT_OPEN_OURS,
    ATTEMPT_OPEN_THEIRS,
};

/* How the last pair in the stream came out. */
enum attempt_pair {
    ATTEMPT_PAIR_NONE,
    ATTEMPT_PAIR_READY,  /* with what we have offered: start */
    ATTEMPT_PAIR_TAKEN,  /* the one that is RUNNING or UP */
    ATTEMPT_PAIR_DEAD,   /* with hints of ours that do not hold any more */
    ATTEMPT_PAIR_WAITED, /* the same, and the peer is there and waits for us */
};

struct attempt {
    enum attempt_state state;
    bool want;
    uint64_t number;    /* of the last attempt in this run; the first is 1 */
    struct bytes hints; /* ours as JSON, from PREPARING on; empty until the answer to LISTEN */
    uint8_t mine[MESSAGE_CHALLENGE_BYTES];   /* OFFERED and later */
    uint8_t theirs[MESSAGE_CHALLENGE_BYTES]; /* RUNNING, UP */
    int64_t deadline_ms;                     /* PREPARING, OFFERED, RUNNING */
    int64_t up_ms;                           /* UP: since when */
    int64_t retry_ms;                        /* we do not begin of ourselves before */
    int64_t spaced_ms;                       /* nor at all before */
    int64_t backoff_ms;
    /* The stream, as far as it is known. */
    enum attempt_open open; /* the hints that have no other half */
    enum attempt_pair pair;
    uint8_t open_challenge[MESSAGE_CHALLENGE_BYTES];
    uint8_t their_challenge[MESSAGE_CHALLENGE_BYTES]; /* of the peer's last hints */
    uint8_t their_capabilities;
    struct bytes their_hints; /* JSON */
    bool mine_sent;           /* .mine was sent into it */
    bool mine_seen;           /* … and stands there */
    bool outstanding; /* hints of ours stand there open, and nothing of the peer after them */
};

/* What it needs to know of the newest generation, and of us. */
struct attempt_context {
    bool leader;
    bool aes;                   /* our capability */
    bool fenced;                /* its mailbox is past the fence: the stream is known */
    bool room;                  /* … and takes another ephemeral message */
    const uint8_t *content_key; /* of the generation */
    const struct hint *relays;  /* ours */
    size_t relay_count;
};

void attempt_init(struct attempt *a);
void attempt_release(struct attempt *a);

void attempt_want(struct attempt *a, bool want);
/* The stream begins anew: with the replay of a connection, or with another generation. What was
 * paired goes on. */
void attempt_restart(struct attempt *a);
/* Hints of ours, or of the peer, stand next in the stream. PROTO_ERR_NOMEM. */
int attempt_own(struct attempt *a, const struct message_ephemeral *m);
int attempt_peer(struct attempt *a, const struct message_ephemeral *m, bool live);
/* Any other message of the peer stands next in the stream. */
void attempt_heard(struct attempt *a);

/* Answers to the actions, for attempt `number`; other numbers are ignored. PROTO_ERR_NOMEM. */
int attempt_hints(struct attempt *a, uint64_t number, const struct hint_list *direct,
                  const struct attempt_context *c);
void attempt_up(struct attempt *a, uint64_t number, int64_t now_ms);
void attempt_down(struct attempt *a, uint64_t number, int64_t now_ms);

/* Call after any change and when attempt_deadline has come: carries the state on. Returns 1 if
 * *m was set: seal and send it as ephemeral hints now (its json points into the attempt). 0, or
 * PROTO_ERR_NOMEM. */
int attempt_run(struct attempt *a, const struct attempt_context *c, struct now *now,
                struct message_ephemeral *m, struct actions *actions);
/* When attempt_run is due again, in ms; INT64_MAX for never. */
int64_t attempt_deadline(const struct attempt *a, bool fenced);
/* No more attempts: ends what is there. */
void attempt_stop(struct attempt *a, struct actions *actions);

#endif
