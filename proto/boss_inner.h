/* The inside of the boss, for boss*.c and snapshot.c alone.
 *
 *     boss.c             its life, the step around every input, time
 *     boss_links.c       connections: wanted, given up, renewed; what they bring
 *     boss_clock.c       its times, when the clock is set
 *     boss_code.c        a code: allocated, joined, burnt, expired; the hand-over
 *     boss_classic.c     the stock peer
 *     boss_stream.c      messages to and from a persistent peer
 *     boss_own.c         what its mailboxes show of our own side
 *     boss_generation.c  generations: begun, confirmed, left; rotation; a store that went back
 *     boss_meeting.c     visits to the meeting mailbox
 *     boss_bulk.c        attempts at bulk connections
 *     snapshot.c         what is durable
 *
 * Every public call is one step: boss_begin, the input's own function, boss_end. Functions inside
 * return PROTO_OK or PROTO_ERR_NOMEM; what a server or peer says wrongly is dealt with where it is
 * noticed. Most decisions are not made where something happens but at the end of the step, from the
 * state alone (boss_settle): so a restart, a reconnection and a timer lead to the same. */
#ifndef PROTO_BOSS_INNER_H
#define PROTO_BOSS_INNER_H

#include "attempt.h"
#include "boss.h"
#include "classic.h"
#include "code.h"
#include "generation.h"
#include "inbound.h"
#include "key.h"
#include "mailbox.h"
#include "meeting.h"
#include "nameplate.h"
#include "order.h"
#include "outbound.h"
#include "ratchet.h"
#include "rendezvous.h"
#include "rotation.h"

enum {
    BOSS_ACK_DELAY_MS = 20,
    BOSS_CODE_LASTS_MS = 1800000,   /* one that the server forgets later is not counted there */
    BOSS_CODE_UNSEEN_MS = 600000,   /* a mailbox that never showed our pake is gone by then */
    BOSS_CROWDED_MS = 600000,       /* how long the hand-over may still come about without it */
    BOSS_GUESS_MS = 86400000,       /* how long a peer may be away between its pake and version */
    BOSS_CLASSIC_MS = 600000,       /* how long a stock client may say nothing, or not answer */
    BOSS_FORK_MS = 2000,            /* how long a version may tell which of two keys is meant */
    BOSS_ANSWER_MS = 60000,         /* a server that does not answer is tried anew */
    BOSS_DOWN_MS = 600000,          /* so is a link that stays down, or refused */
    BOSS_SILENCE_MS = 600000,       /* nothing heard for this long: look at the meeting; … */
    BOSS_FIRST_SILENCE_MS = 120000, /* … at the start this long, and up to half as much more */
    BOSS_VISIT_EVERY_MS = 600000,
    BOSS_VISIT_FULL_MS = 2400000,  /* a full meeting mailbox is left alone for this long */
    BOSS_VISIT_STAY_MS = 600000,   /* for a challenge that is new */
    BOSS_VISIT_URGENT_MS = 120000, /* for a peer that was called */
    BOSS_VISIT_FENCE_MS = 60000,
    BOSS_NOTES_MAX = 8,    /* what a server makes us note in the log: so often at once, … */
    BOSS_NOTE_MS = 600000, /* … and once more in each such time */
    BOSS_MEETING_APART_MS = 60000, /* two meetings; less than URGENT: who has called still waits */
};

/* How long a close is repeated, and acknowledged. */
#define BOSS_END_MS (30 * INT64_C(86400000))

/* The sentence that the user sees is one at a time; what comes later in the list wins. */
enum boss_problem {
    PROBLEM_NONE,
    PROBLEM_SERVER,   /* the mailbox server does not want us */
    PROBLEM_OVERFULL, /* the peer puts too much into a mailbox */
    PROBLEM_CODE,     /* no code is left, or the one given was no good */
    PROBLEM_BACK,     /* our store went back in time */
    PROBLEM_CLONE,
};

struct boss_link {
    struct rendezvous r;
    bool open;           /* ACTION_LINK_OPEN was said last */
    bool renew;          /* to be closed and opened anew */
    bool faulted;        /* on this connection the server has said that something is wrong */
    int64_t patience_ms; /* then it is renewed; 0: nothing is waited for */
};

struct boss_visit {
    bool on;
    bool fenced;
    bool agreed; /* a generation was begun: now it has to be confirmed */
    int64_t leave_ms;
    int64_t next_ms;                    /* not before */
    int64_t met_ms;                     /* the last meeting of this run led to a generation; or 0 */
    uint64_t found[MEETING_THEIRS_MAX]; /* what their challenges begin with; 0: none */
    size_t found_next;                  /* the oldest of them gives way */
};

struct boss {
    /* -- of this program ------------------------------------------------------------------ */
    const char *appid;
    unsigned code_words;
    char software[SOFTWARE_LEN_MAX + 1];
    bool aes;
    struct hint *relays;
    size_t relay_count;

    /* -- durable: snapshot.c ---------------------------------------------------------------- */
    enum boss_state state;
    enum boss_problem problem;
    char side[SIDE_LEN + 1];
    int64_t end_ms; /* LEAVING, CLOSED with a persistent peer: give up then */

    bool has_code; /* the machines of a code are in use, perhaps to end its mailbox only */
    bool joined;   /* it was given to us */
    char code[CODE_TEXT_MAX + 1]; /* "" once used or burnt */
    unsigned burnt;   /* codes in a row that were lost: by a guess, or to a forgetful server */
    int64_t code_ms;  /* since when there is its nameplate */
    int64_t alone_ms; /* K is known, and since then we wait for the version alone: the code is ours,
                         or its mailbox was lost, or (a new beginning) is crowded; or a stock peer
                         has said nothing, while nothing was offered; else 0 */
    struct nameplate nameplate;
    struct key key;
    struct order code_order;
    struct mailbox code_mailbox;

    struct classic *classic; /* a stock peer, or NULL */
    int64_t classic_ms;      /* since when it owes us a word; 0: it does not. Not kept */

    bool persistent; /* a wormholefs peer */
    bool leader;
    bool adrift;      /* our store went back: nothing is added until the two have met */
    bool peer_closed; /* its close was processed */
    char peer[SIDE_LEN_MAX + 1];
    struct ratchet_roots roots;
    uint64_t begun;             /* the highest generation begun here */
    struct generation *current; /* on LINK_CURRENT; from the commit of K on */
    struct generation *next;    /* on LINK_NEXT: begun, not confirmed */
    struct rotation rotation;
    struct meeting meeting;
    struct outbound outbound;
    struct inbound inbound;

    /* -- volatile --------------------------------------------------------------------------- */
    struct now *now;         /* of the step that runs */
    struct actions *actions; /* … */
    bool told_heard;         /* … ACTION_HEARD was said in it */
    bool over;               /* CLOSE_DONE was said: nothing happens any more */
    int64_t now_ms;          /* of the last step */
    int64_t steady_ms;       /* … */
    uint8_t fingerprint[32]; /* of the last snapshot asked for */
    struct boss_link links[LINK_COUNT];
    int64_t noted_ms; /* boss_may_note: how far the notes of the past are paid for */
    bool next_moved;  /* what is still called LINK_NEXT is LINK_CURRENT by now */

    int64_t fork_ms; /* KEY_FORKED: until then the peer's version is awaited */
    bool ack_owed;
    int64_t ack_ms;   /* when it is due */
    int64_t gap_ms;   /* a phase of the peer is missing: need a meeting then; 0: none is */
    bool asked;       /* the peer has called us to the meeting */
    bool called;      /* our `meet` stands in the newest mailbox, unanswered */
    int64_t quiet_ms; /* nothing was heard, if not before this */
    struct mailbox meeting_mailbox;
    struct boss_visit visit;
    struct attempt attempt;
};

/* ---- boss.c ---- */
void boss_begin(struct boss *b, struct now *now, struct actions *actions);
/* `err` is the input's: others than NOMEM have changed nothing. Returns what the call returns. */
int boss_end(struct boss *b, int err);
void boss_event(struct boss *b, enum boss_event event, const char *detail);
void boss_event_number(struct boss *b, enum boss_event event, uint64_t number);
void boss_set_state(struct boss *b, enum boss_state state, const char *why); /* why: for FAILED */
void boss_problem(struct boss *b, enum boss_problem problem, const char *text);
void boss_problem_over(struct boss *b, enum boss_problem problem);
void boss_heard(struct boss *b);         /* something of the peer has opened */
void boss_finish(struct boss *b);        /* CLOSE_DONE */
int boss_check(struct boss *b, int err); /* NOMEM if it, or an action, failed so; else OK */
void boss_draw_side(struct boss *b);
bool boss_due(const struct boss *b, int64_t at_ms); /* 0 is never due */

/* ---- boss_clock.c ---- */
/* At the beginning of each step: what is kept moves along with a clock that was set. */
void boss_follow_clock(struct boss *b, const struct now *now);
/* After loading: what is stored may be of a clock that was set back since. */
void boss_bound_times(struct boss *b, const struct now *now);

/* ---- boss_links.c ---- */
struct rendezvous *boss_rendezvous(struct boss *b, enum wormhole_link link);
void boss_renew(struct boss *b, enum wormhole_link link); /* another connection */
/* What a server alone can bring about, again and again, is asked for here before it is noted: each
 * note is a row in the user's log, for ever. */
bool boss_may_note(struct boss *b);
/* boss_problem, for what a server shows or says. */
void boss_problem_seen(struct boss *b, enum boss_problem problem, const char *text);
void boss_links_settle(struct boss *b);
int64_t boss_links_deadline(const struct boss *b);

/* ---- boss_code.c ---- */
int boss_code_allocate(struct boss *b);
int boss_code_join(struct boss *b, const char *code);
int boss_code_up(struct boss *b);
void boss_code_down(struct boss *b);
int boss_code_received(struct boss *b, const struct server_msg *msg);
bool boss_code_wants_link(const struct boss *b);
bool boss_code_waits(const struct boss *b); /* for an answer of the server */
int boss_code_settle(struct boss *b);
int64_t boss_code_deadline(const struct boss *b);
/* Gives the code up: what can be closed at once is closed with `mood`. */
int boss_code_abandon(struct boss *b, enum mailbox_mood mood);
/* The peer's version has opened: it is what `plain` says. */
int boss_paired(struct boss *b, const struct bytes *plain);
/* The code's mailbox has done its work: it is closed, and K erased. */
int boss_code_leave(struct boss *b);
/* The plaintext of a version that was sealed under K, in generation 0. */
int boss_code_open_version(struct boss *b, const void *body, size_t len, struct bytes *plain);

/* ---- boss_classic.c ---- */
int boss_classic_begin(struct boss *b);
int boss_classic_received(struct boss *b, const char *phase, const struct bytes *body);
int boss_classic_crowded(struct boss *b);
int boss_classic_settle(struct boss *b);
void boss_classic_stop(struct boss *b); /* whatever its state: it is gone */
int boss_classic_hints(struct boss *b, uint64_t attempt, const struct hint_list *direct);
int boss_classic_down(struct boss *b, uint64_t attempt);
int boss_classic_say_offer(struct boss *b, const struct classic_offer *offer, const char *text);
int boss_classic_say_answer(struct boss *b, const char *refusal);
int boss_classic_say_finished(struct boss *b, bool ok);
int boss_classic_give_up(struct boss *b, const char *reason);
/* The peer sent more than any message we take. No-op unless a session waits. */
int boss_classic_too_long(struct boss *b);
/* The last word to a stock peer; the machine does not matter any more. */
int boss_classic_say_goodbye(struct boss *b);
int64_t boss_classic_deadline(const struct boss *b);

/* ---- boss_own.c ---- */
int boss_own_message(struct boss *b, struct generation *g, const struct mailbox_event *event);
int boss_own_unknown(struct boss *b, struct generation *g, const struct mailbox_event *event);

/* ---- boss_stream.c ---- */
int boss_stream_event(struct boss *b, struct generation *g, const struct mailbox_event *event);
/* A message of ours with this position is, or will be at once, in the newest mailbox. */
void boss_stream_acked_by(struct boss *b, const struct message_id *said);
/* Puts what is not there yet into the newest generation, as far as there is room. */
int boss_stream_put(struct boss *b);
int boss_stream_settle(struct boss *b); /* acks, `meet` */
/* Says it once in the newest generation. */
int boss_stream_ephemeral(struct boss *b, const struct message_ephemeral *m);
int64_t boss_stream_deadline(const struct boss *b);
/* A message of this layer. */
int boss_stream_say(struct boss *b, const struct bytes *content);
int boss_stream_send(struct boss *b, const void *content, size_t len, uint64_t *number,
                     uint8_t *incarnation);
bool boss_stream_has_pending(const struct boss *b);

/* ---- boss_generation.c ---- */
struct generation *boss_newest(const struct boss *b); /* NULL if none */
struct rendezvous *boss_rendezvous_of(struct boss *b, const struct generation *g);
struct generation_names boss_names(const struct boss *b);
uint64_t boss_named(const struct boss *b); /* the highest generation ever named here */
int boss_generation_first(struct boss *b, const uint8_t key[static RATCHET_KEY_BYTES],
                          const struct bytes *version);
int boss_generation_begin(struct boss *b, uint64_t number, enum generation_origin origin,
                          const uint8_t key[static RATCHET_KEY_BYTES]);
/* The peer's version in `next` was handled. */
int boss_generation_confirm(struct boss *b);
int boss_generation_drop(struct boss *b, enum mailbox_mood mood); /* all of them: erased */
int boss_rotate_received(struct boss *b, struct generation *g, const struct message *m);
int boss_rotation_settle(struct boss *b);
void boss_went_back(struct boss *b);
int boss_clone(struct boss *b);

/* ---- boss_meeting.c ---- */
int boss_meeting_init(struct boss *b);
int boss_meeting_up(struct boss *b);
int boss_meeting_received(struct boss *b, const struct server_msg *msg);
int boss_meeting_settle(struct boss *b);
int64_t boss_meeting_deadline(const struct boss *b);
void boss_meeting_call(struct boss *b); /* go there now, or soon after the last meeting */
/* The machine was restored, and what was kept is given back: our challenge may be dead. */
void boss_meeting_restored(struct boss *b);
/* A generation was begun: our challenge is dead. Or confirmed: the meeting is over. */
void boss_meeting_begun(struct boss *b);
int boss_meeting_over(struct boss *b);
/* Another peer is to come: nothing of the meeting with the old one stays. */
int boss_meeting_drop(struct boss *b);

/* ---- boss_bulk.c ---- */
int boss_bulk_settle(struct boss *b);
int64_t boss_bulk_deadline(const struct boss *b);
struct attempt_context boss_bulk_context(const struct boss *b);

/* ---- snapshot.c ---- */
int snapshot_save(const struct boss *b, struct bytes *out);
int snapshot_load(struct boss *b, struct reader *in); /* PROTO_ERR_MALFORMED, PROTO_ERR_NOMEM */
/* The same, without what may wait for the next snapshot. */
int snapshot_fingerprint(const struct boss *b, uint8_t out[static 32]);

#endif
