/* Two whole wormholes, their stores, and a mailbox server in memory, on a virtual clock; and a copy
 * of the first's store, if a test makes one. Deterministic in the seed: the same calls lead to the
 * same actions, byte for byte (pair_digest).
 *
 * Each input is one turn: the boss runs, the durable actions and the snapshot are committed to its
 * store, then the others are released. A crash can be put into any turn. Each step moves one thing:
 * which, where several could, is drawn. So is how long a message is under way. Errors that no run
 * should show end the test: a boss that fails, a store that cannot be restored, a timer that is due
 * again at once. */
#ifndef SIM_PAIR_H
#define SIM_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/sim/mailbox_server.h"
#include "tests/sim/pair_store.h"

enum pair_who {
    PAIR_A,    /* makes the code */
    PAIR_B,    /* joins it */
    PAIR_COPY, /* runs on a copy of A's store */
    PAIR_SIDES,
};

enum pair_crash {
    PAIR_NO_CRASH,
    PAIR_CRASH_BEFORE_COMMIT,
    PAIR_CRASH_AFTER_COMMIT,
    PAIR_CRASH_IN_RELEASE, /* after half of what is released */
};

struct pair;

struct pair *pair_new(uint64_t seed);
void pair_free(struct pair *p);

/* ---- running ---- */
/* One thing happens. False: nothing would before until_ms. */
bool pair_step(struct pair *p, int64_t until_ms);
/* Steps until done(p), for at most limit_ms. Was it done? `done` NULL: just lets the time pass. */
bool pair_run(struct pair *p, bool (*done)(const struct pair *p), int64_t limit_ms);
int64_t pair_now_ms(const struct pair *p);
unsigned pair_turns(const struct pair *p);  /* turns of A and B so far */
uint64_t pair_digest(const struct pair *p); /* of all actions so far */

/* ---- what users do ---- */
void pair_allocate(struct pair *p, enum pair_who who);
void pair_join(struct pair *p, enum pair_who who, const char *code);
void pair_connect(struct pair *p); /* A allocates, B joins, until both are PAIRED or time is up */
/* Makes `count` messages in all, as there is room. */
void pair_send(struct pair *p, enum pair_who who, uint64_t count);
void pair_close(struct pair *p, enum pair_who who);
void pair_want_bulk(struct pair *p, enum pair_who who, bool want);
/* Any other input, as a turn: `input` calls one function of the boss, which must succeed. */
typedef int pair_input_fn(struct boss *b, struct now *now, struct actions *actions,
                          const void *arg);
void pair_input(struct pair *p, enum pair_who who, pair_input_fn *input, const void *arg);

/* ---- misfortunes ---- */
void pair_stop(struct pair *p, enum pair_who who);  /* killed */
void pair_start(struct pair *p, enum pair_who who); /* on what its store has */
/* In the n-th turn from now, of A or B; it starts again at once. */
void pair_crash_in(struct pair *p, unsigned turns, enum pair_crash crash);
/* One in `n` turns crashes, somehow; 0 for none. */
void pair_crash_often(struct pair *p, unsigned n);
void pair_cut(struct pair *p, enum pair_who who); /* all its connections break */
void pair_set_server(struct pair *p, bool reachable);
void pair_backup(struct pair *p, enum pair_who who);
void pair_restore(struct pair *p, enum pair_who who); /* the backup replaces its store; restarts */
void pair_copy(struct pair *p);                       /* A's store is copied, and the copy starts */
void pair_repeat_messages(struct pair *p, bool repeat); /* the server shows every message twice */

/* Others may be connected to the server: what it says to them goes to `hear`. */
void pair_on_stranger(struct pair *p,
                      void (*hear)(void *arg, const struct mailbox_server_output *o), void *arg);

/* ---- looking ---- */
const struct pair_store *pair_store(const struct pair *p, enum pair_who who);
struct boss *pair_boss(struct pair *p, enum pair_who who); /* NULL while it is stopped */
struct mailbox_server *pair_server(struct pair *p);
bool pair_bulk_up(const struct pair *p); /* connected to each other, under one key */
/* The most messages, and bytes of bodies before hex, that one side has ever had in one mailbox. */
void pair_peak(const struct pair *p, size_t *messages, size_t *bytes);
size_t pair_mailboxes(const struct pair *p); /* that the server has now */

#endif
