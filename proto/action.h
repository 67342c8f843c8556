/* What the machines want done. An input call appends actions to a queue; the caller carries out
 * the durable ones inside the turn's transaction, commits, and only then releases the others, in
 * order. Nothing re-enters a machine while it runs. */
#ifndef PROTO_ACTION_H
#define PROTO_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "hints.h"

/* The mailbox connections that one wormhole may have at once, one mailbox each. */
enum wormhole_link {
    LINK_CODE,    /* the mailbox of the code */
    LINK_CURRENT, /* the private mailbox that is confirmed */
    LINK_NEXT,    /* the private mailbox that was begun and is not yet confirmed */
    LINK_MEETING,
    LINK_COUNT,
};

enum action_kind {
    /* -- durable: inside the transaction ------------------------------------------------ */
    ACTION_SNAPSHOT, /* the machine's state changed: store boss_snapshot() in this turn */
    ACTION_KEEP,     /* store .body as what we add in mailbox .mailbox under .phase */
    ACTION_FORGET, /* erase the kept body of (.mailbox, .phase); phase "" means the whole mailbox */
    ACTION_CODE,   /* the code is .text; a secret */
    ACTION_CODE_GONE, /* no code any more; .number is an enum boss_code_end */
    ACTION_STATE,     /* the life-cycle state is now .number, an enum boss_state */
    ACTION_PAIRED,    /* .number: 1 wormholefs, 2 stock; .text: its software, or "" */
    ACTION_DELIVER,   /* .body is a numbered message (kind ≥ 16): process it once, in this turn */
    ACTION_ACKED,     /* our numbered messages up to .number, itself included, are acknowledged */
    ACTION_EVENT,     /* something for the log: .number is an enum boss_event, .text detail or "" */
    ACTION_PROBLEM,   /* a sentence in .text that needs a person; "" clears it */
    ACTION_PEER_CLOSED, /* the peer removed the wormhole */
    ACTION_CLOSE_DONE,  /* our close is acknowledged: everything of this wormhole may be erased */
    ACTION_CLASSIC_OFFERED,  /* the stock peer offers .offer: answer with boss_classic_answer */
    ACTION_CLASSIC_ANSWERED, /* our offer was accepted; the transfer starts when transit is up */
    ACTION_CLASSIC_TEXT,     /* the stock peer sent the text .body: answer as for an offer */
    ACTION_CLASSIC_FAILED,   /* .text says why; .number: 1 refused by the peer's user, 0 broken */
    ACTION_CLASSIC_DONE,     /* the session is over: a text acknowledged, or the caller finished */
    /* -- released after the commit ------------------------------------------------------ */
    ACTION_LINK_OPEN,  /* connect .link to the mailbox server, and keep trying until LINK_CLOSE */
    ACTION_LINK_SEND,  /* send the JSON text .body on .link; dropped if it is down */
    ACTION_LINK_CLOSE, /* send what is queued, disconnect .link and stop trying */
    ACTION_LINK_MOVE,  /* LINK_NEXT's connection is LINK_CURRENT's now; the old one was closed */
    ACTION_HEARD,      /* a peer message was decrypted (for "last heard") */
    ACTION_CAUGHT_UP,  /* .link passed its fence: the server is reachable */
    ACTION_TRANSIT_LISTEN, /* prepare attempt .number: listen, then feed boss_transit_hints */
    ACTION_TRANSIT_START,  /* both sides' hints are known: start attempt .number with .plan */
    ACTION_TRANSIT_STOP,   /* drop attempt .number and its connections */
};

enum boss_state {
    BOSS_NEW,     /* no code wanted yet */
    BOSS_WAITING, /* a code is being allocated, or waits for a peer */
    BOSS_JOINING, /* a code was given to us */
    BOSS_PAIRED,  /* a peer's version was decrypted */
    BOSS_CLOSED,  /* by the peer, or after a stock transfer */
    BOSS_FAILED,  /* stopped: a clone is running, or three codes were lost */
    BOSS_LEAVING, /* our user removed it; the close is not acknowledged yet */
};

enum boss_code_end {
    CODE_END_USED,    /* a peer paired with it */
    CODE_END_BURNT,   /* a wrong guess, or the mailbox is crowded */
    CODE_END_EXPIRED, /* the server forgot it */
};

enum boss_event {
    EVENT_CODE_ALLOCATED, /* detail: nameplate */
    EVENT_CODE_BURNT,     /* detail: reason */
    EVENT_CODE_EXPIRED,
    EVENT_JOINING,        /* detail: nameplate */
    EVENT_MAILBOX_LOST,   /* the server had forgotten our mailbox; it was filled again */
    EVENT_ROTATED,        /* detail: generation */
    EVENT_MET,            /* detail: generation */
    EVENT_WENT_BACK_HERE, /* our store is older than what it did */
    EVENT_WENT_BACK_PEER, /* the peer's is */
    EVENT_CLONE,          /* a copy of our store is running */
};

/* What a bulk or stock transit connection needs. Secret (the key). */
struct transit_plan {
    uint8_t key[32];
    bool sender;            /* Transit's role: we select the connection */
    bool classic;           /* stock records afterwards, else the frames of PROTOCOL.md §8 */
    bool aes;               /* both have AES-256-GCM in hardware (not for classic) */
    struct hint_list hints; /* the peer's */
};

/* A stock file-transfer offer, either direction. */
struct classic_offer {
    bool directory; /* else a file */
    char name[256]; /* file or directory name as sent, made safe by the receiver's caller */
    uint64_t size;  /* bytes that travel: filesize or zipsize */
    uint64_t total; /* directory: sum of the files' sizes */
    uint32_t files; /* directory: number of files */
};

struct action {
    struct action *next;
    enum action_kind kind;
    enum wormhole_link link;
    uint64_t number;
    uint64_t mailbox; /* generation; MAILBOX_OF_CODE or MAILBOX_OF_MEETING */
    char phase[24];
    char *text;
    struct bytes body;
    struct classic_offer *offer;
    struct transit_plan *plan;
};

#define MAILBOX_OF_CODE UINT64_MAX
#define MAILBOX_OF_MEETING (UINT64_MAX - 1)

/* First in, first out. A zeroed struct is an empty queue. `failed` is set when memory ran out:
 * then the turn must be aborted. */
struct actions {
    struct action *first;
    struct action **last; /* NULL while empty */
    bool failed;
};

/* Appends an action of `kind` and returns it for its fields to be filled. On exhaustion sets
 * `failed` and returns a scratch action that is never carried out; never NULL. */
struct action *actions_add(struct actions *q, enum action_kind kind);
void action_set_text(struct actions *q, struct action *a, const char *text); /* copies */
/* Copies. */
void action_set_body(struct actions *q, struct action *a, const void *data, size_t len);
struct action *actions_take(struct actions *q); /* removes the first; NULL when empty */
void action_free(struct action *a);             /* wipes secrets; NULL is fine */
void actions_release(struct actions *q);        /* frees all that are left */
/* By its place in the enum, which apply and release each spell out for the compiler to check. */
bool action_is_durable(enum action_kind kind);

#endif
