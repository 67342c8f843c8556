/* One side of a simulated session: a stock client, its store (what was committed), its connection
 * to the server in memory, and a user who does one thing. Each input is one turn: the machines run,
 * the durable actions are committed together with a snapshot if one was asked for, then the others
 * are released. A crash can be put into each turn: before the commit, or between the commit and the
 * release. */
#ifndef SIM_PARTY_H
#define SIM_PARTY_H

#include <stdbool.h>
#include "tests/sim/mailbox_server.h"
#include "tests/sim/stock_client.h"

enum party_crash {
    PARTY_NO_CRASH,
    PARTY_CRASH_BEFORE_COMMIT,
    PARTY_CRASH_AFTER_COMMIT,
};

/* What a user wants. */
struct party_plan {
    const char *words;   /* allocate with these words; or NULL: join */
    const char *code;    /* join this */
    const char *text;    /* offer this text, or NULL */
    bool offer_file;     /* offer a file */
    const char *refusal; /* answer offers with this; NULL accepts */
    bool trims_keys;     /* is a client with gospake2 */
};

/* What a user has noted; committed like everything. */
struct party_diary {
    char code[CODE_TEXT_MAX + 1];
    bool asked; /* wanted the code */
    bool paired;
    bool offered;
    unsigned texts; /* arrived */
    unsigned files;
    unsigned refused, failed, done;
    bool started; /* the transfer has begun */
    char last_text[64];
};

struct party_row {
    struct party_row *next;
    uint64_t mailbox;
    char phase[24];
    struct bytes body;
};

struct party {
    struct mailbox_server *server;
    struct party_plan plan;
    const char *appid;
    struct stock_client client;
    uint64_t connection; /* 0: down */
    bool hints_wanted;   /* ACTION_TRANSIT_LISTEN was released in this run */
    struct now now;
    enum party_crash crash; /* in the next turn */
    /* committed */
    struct party_diary diary;
    struct bytes snapshot;
    struct party_row *rows;
    unsigned crashes;
};

/* `seed` gives the side and all later randomness. */
void party_init(struct party *p, struct mailbox_server *server, const char *appid,
                const struct party_plan *plan, uint8_t seed);
void party_release(struct party *p);

/* Lets the user do what there is to do, if anything. */
void party_user(struct party *p, int64_t now_ms);
void party_connect(struct party *p, int64_t now_ms);
void party_disconnect(struct party *p);
void party_receive(struct party *p, const struct mailbox_server_output *o, int64_t now_ms);
void party_finish_transfer(struct party *p, bool ok, int64_t now_ms);

#endif
