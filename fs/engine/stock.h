/* Entries and stock peers: the file-transfer v1 as the rest of the engine sees it. One session a
 * code: the offer is made one second after the peer was found, once every entry is sealed or held;
 * one entry goes as itself, several as one zip. A text comes as the file message.txt, and a lone
 * file of that name goes as a text: the peer's client shows it.
 *
 * Delivery is at least once: an entry leaves only after the peer's good ack. What was under way
 * when the program stopped failed; the entries stay, and get a new code. */
#ifndef FS_ENGINE_STOCK_H
#define FS_ENGINE_STOCK_H

#include "fs/engine/step.h"

/* A stock peer was found. */
int stock_paired(struct step *step);
/* At start. An offer that was made, by whomever, is given up: the peer is told. */
int stock_restart(struct step *step);
/* The machine was restored after an aborted turn: what that turn left of a session in memory goes.
 */
int stock_reload(struct step *step);
/* Is it time for our offer, or (after a stock transfer) for a fresh code? */
int stock_consider(struct step *step);
/* JOB_STOCK_PACK: makes the offer. */
void stock_pack(struct engine *e, uint64_t wormhole);

/* The machine's actions (and stock_text.h). */
int stock_offered(struct step *step, const struct classic_offer *offer);
int stock_failed(struct step *step, const char *why, bool refused);
int stock_done(struct step *step);

struct stock;
void stock_free(struct stock *s);

#endif
