/* A transit relay's rules, in memory: who asks for one token with two sides is joined, told "ok\n",
 * and what each says then goes to the other. It may be away, late, or tell only one of two; and it
 * may be hostile: the keys are not its own. */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/sim/dice.h"
#include "tests/sim/pipe.h"

/* How it behaves from now on. What is 0 is off. */
struct relay_weather {
    bool away;
    int64_t late_ms_max;    /* from the second one's question to the answer */
    uint64_t half_one_in;   /* pairs of which one is never told, and left waiting */
    uint64_t wrong_one_in;  /* clients that are joined with any other who waits */
    uint64_t garble_one_in; /* pieces of what is passed on, of which a byte is changed */
};

struct relay;

/* `dice` stays the caller's. Out of memory ends the test. */
struct relay *relay_new(struct dice *dice);
void relay_free(struct relay *r);
struct relay_weather *relay_weather(struct relay *r);
/* A connection that somebody has made to it; its own from now on. */
void relay_accept(struct relay *r, struct stream *s);
/* It dies, and is there again at once, unless it is away: all its connections end. */
void relay_restart(struct relay *r);
/* Hears, answers and passes on. Did anything move? */
bool relay_step(struct relay *r, int64_t now_ms);
int64_t relay_due_ms(const struct relay *r); /* when it has something to do even if nothing comes */
uint64_t relay_joined(const struct relay *r); /* pairs, since it was made */

#endif
