/* The inside of a seed: what seed.c, users.c, misfortunes.c and ledger.c share. */
#ifndef SIM_SEED_INNER_H
#define SIM_SEED_INNER_H

#include "store/entries.h"
#include "store/wormholes.h"
#include "tests/sim/dice.h"
#include "tests/sim/disk.h"
#include "tests/sim/faults.h"
#include "tests/sim/seed.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

enum {
    SEED_PEERS_MAX = 4, /* one more place of the world is for a clone */
    SEED_CLONE = SEED_PEERS_MAX,
    SEED_PAIRS_MAX = 16,
    SEED_FILE_MAX = 300 << 10,
    SEED_PROMISES_MAX = 4096,
};

/* A wormhole as both its users know it. */
enum pair_state {
    PAIR_UNUSED,
    PAIR_CODE,    /* a waits for its code */
    PAIR_JOINING, /* b has it */
    PAIR_PAIRED,  /* both say so */
    PAIR_CLOSED,  /* one has removed it, or began to */
};
struct pair {
    enum pair_state state;
    int peer[2];
    uint64_t id[2];
    bool cloned;      /* a copy of one of the stores has run, or seemed to: it may have stopped */
    bool back;        /* one of the stores went back */
    bool in_image[2]; /* its image was taken when they had met */
};

static inline bool pair_has(const struct pair *p, int peer)
{
    return p->peer[0] == peer || p->peer[1] == peer;
}

/* Which end of a pair is the peer's? */
static inline int pair_end(const struct pair *p, int peer)
{
    return p->peer[0] == peer ? 0 : 1;
}

/* What an event of a peer's log was. */
struct seen_event {
    uint64_t id;
    uint64_t hash;
    enum log_type type;
    uint64_t ino;
};

/* One sealed revision. */
struct parcel {
    uint8_t rev[REV_BYTES];
    int from; /* peer; -1: nobody has said yet that he sealed it */
    int pair;
    uint64_t ino; /* there */
    unsigned order;
    uint64_t hash;
    bool hashed; /* the hash of what was sealed is known */
    bool withdrawn;
    bool delivered; /* the sender says so */
    bool excused;   /* a store that knew of it went back: it may be lost, or come again */
    unsigned arrived;
    int to; /* peer */
    uint64_t to_ino, to_hash, to_event;
    bool to_hashed; /* the bytes there could be read */
    bool to_gone;   /* the user there has removed it since */
    /* By bulk (arrivals.c): what was sent of it, and how much the receiver said is on its disk. */
    uint8_t *sent;
    size_t sent_len;
    uint64_t durable, durable_troubles; /* its disk had had so many then */
};

struct promise {
    int peer;
    uint64_t ino;
};

struct party_state {
    struct disk *disk;
    bool up;
    int64_t up_at_ms; /* when it starts again */
    enum disk_loss loss;
    struct disk_image *image; /* an earlier state of its store */
    size_t image_events;
    struct seen_event *events; /* of its log, oldest first */
    size_t event_count, event_cap;
    bool check;     /* it has just started: compare everything */
    bool goes_back; /* to its image, once it is down */
    bool went_back;
    bool shown; /* something of its own was shown to it since, out of its turn */
};

struct plan;

struct seed {
    struct seed_options options;
    struct seed_result *result;
    struct dice dice;
    struct world *world;
    struct wire wire;
    int peers;
    struct party_state party[WORLD_PEERS_MAX];
    struct pair pairs[SEED_PAIRS_MAX];
    int pair_count;
    struct plan *plan; /* NULL: users do what comes to their mind */
    struct parcel *parcels;
    size_t parcel_count, parcel_cap;
    struct promise promises[SEED_PROMISES_MAX];
    size_t promise_count;
    uint64_t next_file, injected, next_name;
    size_t unsure_makes; /* of wormholes, that may be there, and ask the server for a code */
    bool large;          /* most files are: they lie in the spool, and go by bulk */
    bool quiet;          /* peace: no misfortunes any more */
    bool failed;
    uint8_t *buffer; /* SEED_FILE_MAX + 1 bytes */
};

__attribute__((format(printf, 2, 3))) void seed_say(struct seed *s, const char *format, ...);
__attribute__((format(printf, 2, 3))) void seed_fail(struct seed *s, const char *format, ...);
void seed_did(struct seed *s, enum deed deed); /* a user did it, and it worked */
/* Something is in the making there in which it is hard to die: once in so many times it does. */
void seed_endanger(struct seed *s, int peer, uint64_t one_in);
bool seed_peer_up(const struct seed *s, int peer);
/* The pair with this wormhole of this peer, and which end; NULL: none. */
struct pair *seed_pair(struct seed *s, int peer, uint64_t wormhole, int *end);
int64_t seed_now_ns(void *arg);

/* users.c: one thing that some user does. Whatever a store answers is fine: the ledger tells. */
void users_step(struct seed *s);
void users_pair(struct seed *s, int a, int b); /* a makes a wormhole for b */
void users_follow(struct seed *s);             /* codes that are there are handed over */
/* What lies in outboxes, at the end; all peers run. False: not now. */
bool users_seal_all(struct seed *s);
/* What they do it with. 0 or a store error. */
int users_row(struct seed *s, int peer, uint64_t wormhole, struct wormhole *row);
int users_make(struct seed *s, int peer, uint64_t parent, const char *name, enum node_type type,
               uint64_t *ino);
void users_fill(struct seed *s, uint64_t contents, size_t len); /* s->buffer */
/* Closed: what was written is durable; and it is offered. */
int users_seal(struct seed *s, int peer, uint64_t ino);
int users_remove(struct seed *s, int peer, uint64_t box, const char *name, uint64_t ino);

/* plan.c: two lives of one plan end alike. */
void plan_begin(struct seed *s);                       /* its pairs are there */
uint32_t plan_faults(uint32_t wanted, uint32_t drawn); /* those that may not change the end */
bool plan_step(struct seed *s);                        /* is there nothing left to do? */
void plan_end(struct seed *s);                         /* fills the outcome */

/* misfortunes.c */
void misfortunes_begin(struct seed *s); /* which kinds there are to be */
void misfortunes_world(struct seed *s); /* … and how the world is from the beginning */
void misfortunes_step(struct seed *s);
void misfortunes_died(struct seed *s, int peer); /* it is down: what else befalls its disk */
void misfortunes_end(struct seed *s);            /* peace */

/* ledger.c: what the oracle knows. */
void ledger_look(struct seed *s); /* new events of all peers that run */
void ledger_started(struct seed *s, int peer);
void ledger_went_back(struct seed *s, int peer);
void ledger_promise(struct seed *s, int peer, uint64_t ino);
bool ledger_drained(struct seed *s); /* has everything arrived? */
void ledger_verdict(struct seed *s);
void ledger_release(struct seed *s);
int ledger_hash(struct seed *s, int peer, uint64_t ino, uint64_t *hash); /* of an entry */
struct parcel *ledger_parcel(struct seed *s, const uint8_t rev[static REV_BYTES]);

/* arrivals.c: what is said of bulk parcels. */
void arrivals_watch(struct seed *s); /* it runs; NULL: none does */
/* The peer has just started, and nothing has happened since. */
void arrivals_check(struct seed *s, int peer);

#endif
