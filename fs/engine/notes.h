/* What a peer alone makes us note in the log, which is kept for ever: offers, withdrawals, refusals
 * and problems that it can cause again and again, as fast as its server lets it. So each wormhole
 * has so many of them at once (limits.h) and then one more with time (as proto/ has for what a
 * server causes); what is beyond that is not noted one by one but counted, and the next row says
 * how many were left out before it. What has arrived is always noted, and gives back the note that
 * announced it.
 *
 * Volatile: after a restart, which no peer can cause, there are as many again. In a turn. */
#ifndef FS_ENGINE_NOTES_H
#define FS_ENGINE_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "fs/engine/limits.h"
#include "store/limits.h"

/* Of one wormhole; zeroed: nothing was noted. */
struct notes {
    int64_t arrivals_paid_ms, problems_paid_ms;    /* how far what was noted is paid for */
    uint64_t left_out;                             /* since the last row that said so */
    uint8_t refused[NOTES_REFUSED_MAX][REV_BYTES]; /* a ring */
    size_t refused_count;                          /* ever put into it */
};

/* May one more row about an arrival be written? If so it says that *left_out were not; if not, it
 * is counted. */
bool notes_arrival(struct notes *n, int64_t now_ms, uint64_t *left_out);
/* An arrival that was announced is published: its note is given back. */
void notes_published(struct notes *n);
/* May one more problem line be written? */
bool notes_problem(struct notes *n, int64_t now_ms);

/* Was this revision refused for now, and noted as that, before? Else it is known from here on. */
bool notes_refused_before(struct notes *n, const uint8_t rev[static REV_BYTES]);
/* A turn was undone, perhaps one that noted a refusal: none is known to be noted. */
void notes_forget_refused(struct notes *n);

#endif
