/* A small world for whole peers: each a real store in a directory (or on a disk) of its own and a
 * real engine, a mailbox server in memory, a transit relay in memory, one virtual clock.
 * Deterministic in its seed, except for what SQLite does below the store. A peer can be killed
 * between any two steps, and started again on what its store has. Out of memory, and errors that no
 * world should have, end the test.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "fs/engine/engine.h"
#include "store/entries.h"
#include "tests/sim/mailbox_server.h"
#include "tests/sim/relay.h"

enum { WORLD_PEERS_MAX = 5 };
#define WORLD_APPID "lothar.com/wormhole/text-or-file-xfer"

struct world;

/* A world other than the plain one. What is 0 or NULL is off. */
struct world_options {
    uint64_t seed;
    int peers;    /* up to WORLD_PEERS_MAX; with disks of their own they are not started yet */
    unsigned aes; /* a bit for each peer: it has AES-256-GCM in hardware */
    bool trace;
    size_t frame_bytes_max, sync_every_bytes; /* of each engine (struct engine_options) */
    bool shuffled;                            /* who comes first is drawn; else they take turns */
    /* Where a peer has its store: the io, and in `dir` the path. */
    const struct io *(*disk)(void *arg, int peer, char dir[static 64]);
    void (*watch)(void *arg, int peer, struct engine_watch *out);
    /* An engine lets something go. A dead peer may still do so: what it lets go then is never
     * carried out if it is killed before the next step. */
    void (*let_go)(void *arg, int peer);
    /* A text that goes to the server, and one that comes from it. */
    void (*said)(void *arg, int peer, uint64_t connection, const char *text, size_t len);
    void (*heard)(void *arg, int peer, uint64_t connection, const char *text, size_t len);
    void *arg;
    /* The way from the server. A connection keeps its order, but for messages that are swapped. */
    int64_t delay_ms_max;
    uint64_t repeat_one_in, swap_one_in; /* messages */
};

struct world *world_new(uint64_t seed); /* two peers with real directories, started */
struct world *world_new_with(const struct world_options *options);
void world_free(struct world *w); /* stops the peers, removes their directories */
struct world_options *world_weather(struct world *w); /* what may change: the way from the server */

void world_start(struct world *w, int peer);
int world_try_start(struct world *w, int peer); /* 0 or a store error: it is not running then */
void world_kill(struct world *w,
                int peer); /* nothing is said, nothing is flushed but what was committed */
bool world_running(const struct world *w, int peer);
struct store *world_store(struct world *w, int peer);
struct engine *world_engine(struct world *w, int peer);
struct mailbox_server *world_server(struct world *w);
struct relay *world_relay(struct world *w);
int64_t world_now_ms(const struct world *w);

/* One thing happens: a message moves, a session steps, a job runs, or time goes on to the next
 * deadline, at most to until_ms. False: nothing is left to happen before until_ms. */
bool world_step(struct world *w, int64_t until_ms);
/* Steps until done(arg), for at most limit_ms of virtual time. Was it done? */
bool world_run(struct world *w, bool (*done)(struct world *w, void *arg), void *arg,
               int64_t limit_ms);

/* Cuts every mailbox connection; they come again. */
void world_cut_links(struct world *w);
/* The server says `text` on one of the links that are up, whichever `draw` means. */
void world_tell(struct world *w, uint64_t draw, const char *text, size_t len);
/* Cuts every transit connection, also those that are not chosen yet. */
void world_cut_transit(struct world *w);
/* How many bulk connections were made, from both ends. */
uint64_t world_connected(const struct world *w, bool by_relay);
/* Can others dial the peer? At first all can be dialled; the relay leads to each. */
void world_set_reachable(struct world *w, int peer, bool reachable);
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
bool world_is_paired(struct world *w, int peer, uint64_t wormhole); /* it runs, and says so */
size_t world_outbox_count(struct world *w, int peer, uint64_t wormhole);
size_t world_inbox_count(struct world *w, int peer, uint64_t wormhole);
/* Is there exactly this file in the inbox, with those bytes? */
bool world_has_file(struct world *w, int peer, uint64_t wormhole, const char *name, uint64_t seed,
                    size_t len);

#endif
