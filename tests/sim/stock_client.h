/* A stock client put together from upstream's machines alone: rendezvous, nameplate, mailbox,
 * order, key, classic on one link. It is what a recorded session drives, and the stock peer of a
 * simulated one.
 *
 * Pure, like the machines: inputs append actions, the caller commits the durable ones and carries
 * out the others. stock_client_save and stock_client_load take it through a crash; kept bodies are
 * the caller's, as with the machines. */
#ifndef SIM_STOCK_CLIENT_H
#define SIM_STOCK_CLIENT_H

#include "proto/action.h"
#include "proto/classic.h"
#include "proto/code.h"
#include "proto/key.h"
#include "proto/mailbox.h"
#include "proto/nameplate.h"
#include "proto/order.h"
#include "proto/rendezvous.h"

/* What makes the bodies and the pake; a recorded session puts in what was recorded. */
struct stock_client_makers {
    void *context;
    int (*pake)(void *context, struct key *key, const char *code, const char *appid,
                struct now *now, struct bytes *body);
    int (*seal)(void *context, const struct key *key, const char *side, const char *phase,
                const void *plain, size_t len, struct now *now, struct bytes *body);
};

struct stock_client {
    struct rendezvous link;
    struct nameplate nameplate;
    struct mailbox mailbox;
    struct order order;
    struct key key;
    struct classic classic;
    bool has_classic;             /* from the peer's version on */
    bool ended;                   /* closing, or closed */
    bool trims_keys;              /* computes its key as gospake2 does (proto/spake2.h) */
    char code[CODE_TEXT_MAX + 1]; /* "" until known */
    const char *words;            /* allocating: the code is NAMEPLATE-words */
    const char *appid;
    struct hint_list relays;
    struct stock_client_makers makers; /* NULLs: the machines' own */
};

/* A client with the side `side`. The strings must outlive it. */
int stock_client_init(struct stock_client *s, const char *appid, const char *side);
void stock_client_release(struct stock_client *s);

/* Allocates a nameplate; the code is that and `words`: ACTION_CODE. */
int stock_client_allocate(struct stock_client *s, const char *words, struct now *now,
                          struct actions *actions);
int stock_client_join(struct stock_client *s, const char *code, struct now *now,
                      struct actions *actions);
/* After the peer's version (has_classic): as classic_offer and classic_answer. */
int stock_client_offer(struct stock_client *s, const struct classic_offer *offer, const char *text,
                       struct now *now, struct actions *actions);
int stock_client_answer(struct stock_client *s, const char *refusal, struct now *now,
                        struct actions *actions);
int stock_client_hints(struct stock_client *s, uint64_t attempt, const struct hint_list *direct,
                       struct now *now, struct actions *actions);
/* Leaves, whatever the state: releases and closes with `mood`. No-op when it has ended. */
int stock_client_leave(struct stock_client *s, enum mailbox_mood mood, struct actions *actions);
int stock_client_finished(struct stock_client *s, bool ok, struct actions *actions);

int stock_client_up(struct stock_client *s, struct now *now, struct actions *actions);
void stock_client_down(struct stock_client *s);
int stock_client_received(struct stock_client *s, const void *text, size_t len, struct now *now,
                          struct actions *actions);

/* Is there nothing left to do on the link? */
bool stock_client_is_over(const struct stock_client *s);

/* The strings given to init must be given again. Follow with mailbox_keep(&s->mailbox, …) for each
 * kept body, then stock_client_restored. */
int stock_client_save(const struct stock_client *s, struct bytes *out);
int stock_client_load(struct stock_client *s, const char *appid, const char *words,
                      struct reader *in);
int stock_client_restored(struct stock_client *s, struct actions *actions);

#endif
