/* The inside of struct pair, for pair.c (turns, users, misfortunes) and pair_net.c (what is under
 * way between the two and the server). */
#ifndef SIM_PAIR_INNER_H
#define SIM_PAIR_INNER_H

#include <sodium.h>

#include "tests/sim/pair.h"

enum { PAIR_ATTEMPTS = 4, PAIR_NEVER_CRASH = 0 };

/* Something under way; `text` NULL: the server drops the connection. */
struct packet {
    struct packet *next;
    int64_t at_ms;
    char *text;
    size_t len;
};

struct packets {
    struct packet *first, *last;
};

/* The network's side of one link of one boss. */
struct wire {
    bool wanted;
    uint64_t connection; /* 0: not connected */
    int64_t connect_ms;  /* wanted and not connected: tried then */
    struct packets up;   /* to the server */
    struct packets down;
};

enum transit_news {
    TRANSIT_NOTHING,
    TRANSIT_HINTS,
    TRANSIT_UP,
    TRANSIT_DOWN,
};

struct transit {
    uint64_t number; /* 0: free */
    bool started, up;
    uint8_t key[32];
    enum transit_news news; /* … that the boss gets at news_ms */
    int64_t news_ms;
};

struct side {
    enum pair_who who;
    struct boss *boss; /* NULL while stopped */
    struct pair_store store;
    struct pair_store backup;
    bool has_store, has_backup, has_bulk;
    bool want_bulk;
    uint64_t goal; /* messages to be made in all */
    struct wire wires[LINK_COUNT];
    struct transit transits[PAIR_ATTEMPTS];
};

struct pair {
    int64_t now_ms;
    uint64_t rng;
    struct mailbox_server *server;
    bool reachable;
    bool repeat;
    unsigned turns;
    unsigned crash_turn; /* PAIR_NEVER_CRASH, or in which turn */
    enum pair_crash crash;
    unsigned crash_often;
    size_t peak_messages, peak_bytes;
    void (*hear)(void *arg, const struct mailbox_server_output *o); /* or NULL */
    void *hear_arg;
    crypto_generichash_state digest;
    struct side sides[PAIR_SIDES];
};

uint64_t pair_draw(struct pair *p, uint64_t below);
void pair_must(bool ok, const char *what);

/* ---- pair.c: one turn of a side's boss ---- */
void pair_turn_up(struct pair *p, struct side *s, enum wormhole_link link);
void pair_turn_down(struct pair *p, struct side *s, enum wormhole_link link);
void pair_turn_received(struct pair *p, struct side *s, enum wormhole_link link, const char *text,
                        size_t len);
void pair_turn_transit(struct pair *p, struct side *s, uint64_t number, enum transit_news news);
void pair_turn_tick(struct pair *p, struct side *s);

/* ---- pair_net.c ---- */
void pair_release(struct pair *p, struct side *s, const struct action *a);
void pair_disconnect(struct pair *p, struct side *s, bool tell); /* tell: the boss is alive */
/* When the next thing of the network happens, and lets one that is due happen: the `nth` of those.
 */
unsigned pair_net_due(struct pair *p, int64_t *next_ms);
void pair_net_do(struct pair *p, unsigned nth);

#endif
