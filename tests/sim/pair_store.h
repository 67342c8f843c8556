/* What one side of a simulated pair has on disk: what its boss asked to be kept, and the notes of a
 * small application that counts what it sends and receives. Copied whole, it is a backup. Out of
 * memory ends the test. */
#ifndef SIM_PAIR_STORE_H
#define SIM_PAIR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/boss.h"
#include "proto/code.h"

enum { PAIR_EVENTS = EVENT_CLONE + 1, PAIR_PROBLEM_MAX = 256 };

struct pair_body {
    struct pair_body *next;
    uint64_t mailbox;
    char phase[24];
    struct bytes body;
};

struct pair_message {
    struct pair_message *next;
    uint64_t number;
    uint8_t incarnation[16];
    struct bytes content;
};

struct pair_store {
    struct bytes snapshot;
    struct pair_body *bodies;
    struct pair_message *messages, **last; /* unacknowledged, in order */
    enum boss_state state;
    char code[CODE_TEXT_MAX + 1];
    char problem[PAIR_PROBLEM_MAX];
    unsigned paired; /* 1 wormholefs, 2 stock */
    bool peer_closed, close_done;
    unsigned events[PAIR_EVENTS];
    unsigned problems; /* sentences, and ends of one */
    unsigned code_ends[CODE_END_EXPIRED + 1];
    uint64_t sent;     /* messages made so far: the contents 0, 1, 2, … */
    uint64_t received; /* the content that comes next */
    unsigned disorder; /* contents that came twice, or after a later one */
    unsigned missed;   /* contents that never came: later ones came in their place */
    unsigned snapshots;
    unsigned offered, texts, answered, failed, done; /* of the stock protocol */
    bool refused; /* the last that failed was refused by the peer's user */
};

void pair_store_init(struct pair_store *s);
void pair_store_release(struct pair_store *s);
void pair_store_copy(struct pair_store *to, const struct pair_store *from);

/* Carries out one durable action, SNAPSHOT excepted. */
void pair_store_apply(struct pair_store *s, const struct action *a);
void pair_store_add_message(struct pair_store *s, uint64_t number, const uint8_t *incarnation,
                            const void *content, size_t len);
/* Gives a restored boss what was kept. */
int pair_store_give(const struct pair_store *s, struct boss *b);

#endif
