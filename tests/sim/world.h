/* A small world for whole peers: each a real store in a directory of its own and a real engine, a
 * mailbox server in memory, transit in memory, one virtual clock. Deterministic in its seed, except
 * for what SQLite does below the store. A peer can be killed between any two steps, and started
 * again on what its store has. Out of memory, and errors that no world should have, end the test.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "fs/engine/engine.h"
#include "store/entries.h"
#include "tests/sim/mailbox_server.h"

enum { WORLD_PEERS = 2 };

struct world;

struct world *world_new(uint64_t seed);
void world_free(struct world *w); /* stops the peers, removes their directories */

void world_start(struct world *w, int peer);
void world_kill(struct world *w,
                int peer); /* nothing is said, nothing is flushed but what was committed */
bool world_running(const struct world *w, int peer);
struct store *world_store(struct world *w, int peer);
struct engine *world_engine(struct world *w, int peer);
struct mailbox_server *world_server(struct world *w);
int64_t world_now_ms(const struct world *w);

/* One thing happens: a message moves, a session steps, a job runs, or time goes on to the next
 * deadline, at most to until_ms. False: nothing is left to happen before until_ms. */
bool world_step(struct world *w, int64_t until_ms);
/* Steps until done(arg), for at most limit_ms of virtual time. Was it done? */
bool world_run(struct world *w, bool (*done)(struct world *w, void *arg), void *arg,
               int64_t limit_ms);

/* Cuts every mailbox connection; they come again. */
void world_cut_links(struct world *w);
/* Cuts every transit connection. */
void world_cut_transit(struct world *w);
/* No mailbox server can be reached until it is back. */
void world_set_server_up(struct world *w, bool up);

/* ---- what users do ---- */
uint64_t world_mkdir(struct world *w, int peer, const char *name,
                     const char *code); /* the wormhole's id */
/* Waits for the code and copies it. False: none came. */
bool world_code(struct world *w, int peer, uint64_t wormhole, char out[static 129]);
/* A file of `len` pseudo-random bytes (of `seed`) in the outbox, sealed. Its inode. */
uint64_t world_send_file(struct world *w, int peer, uint64_t wormhole, const char *name,
                         uint64_t seed, size_t len);
void world_seal(struct world *w, int peer, uint64_t entry);
size_t world_outbox_count(struct world *w, int peer, uint64_t wormhole);
size_t world_inbox_count(struct world *w, int peer, uint64_t wormhole);
/* Is there exactly this file in the inbox, with those bytes? */
bool world_has_file(struct world *w, int peer, uint64_t wormhole, const char *name, uint64_t seed,
                    size_t len);

#endif
