/* The engine: joins proto's machines to the store, one turn per input. Knows neither FUSE nor
 * sockets: what goes out goes through struct engine_out, what the face should show again through
 * struct engine_watch; the simulator runs this same engine on a simulated file layer and network.
 *
 * Locking: the machines live under the store's writer lock. A function that takes a `struct turn *`
 * must be called inside a turn by whoever began it, and may mark outputs for release at its commit;
 * if that turn is aborted the machines that it touched are restored from the store before their
 * next use. All other functions begin turns of their own and must not be called inside one. Outputs
 * (engine_out, engine_watch) are made after the commit is durable, without the writer lock, in
 * commit order.
 *
 * Errors: 0 or a negative enum store_error; each face maps them. */
#ifndef FS_ENGINE_ENGINE_H
#define FS_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "proto/action.h"

#include "store/store.h"
#include "store/turn.h"
#include "store/view.h"

struct engine;
struct entry;
struct stream;

struct engine_options {
    const char *appid;
    unsigned code_words;
    struct hint_list relays;
    uint64_t inbox_max; /* bytes; 0: free space less a reserve */
    bool keep_sent;
    bool keep_exec;
    bool aes;                /* this machine has AES-256-GCM in hardware */
    size_t frame_bytes_max;  /* data of a parcel in a frame that we send; 0: BULK_DATA_MAX */
    size_t sync_every_bytes; /* of a parcel: then it is made durable so far; 0:
                                SESSION_SYNC_EVERY_BYTES */
};

/* Carries out released actions: net.h's functions in the daemon, the simulator's in tests. None may
 * block or call back into the engine before returning. */
struct engine_out {
    void *arg;
    void (*link_open)(void *arg, uint64_t wormhole, enum wormhole_link link);
    void (*link_send)(void *arg, uint64_t wormhole, enum wormhole_link link, const void *text,
                      size_t len);
    void (*link_close)(void *arg, uint64_t wormhole, enum wormhole_link link);
    void (*link_move)(void *arg, uint64_t wormhole, enum wormhole_link from, enum wormhole_link to);
    void (*transit_listen)(void *arg, uint64_t wormhole, uint64_t attempt);
    void (*transit_start)(void *arg, uint64_t wormhole, uint64_t attempt,
                          const struct transit_plan *plan);
    void (*transit_stop)(void *arg, uint64_t wormhole, uint64_t attempt); /* 0: all it has */
    void (*wake)(void *arg);      /* the next deadline may be earlier now: call engine_tick */
    void (*job)(void *arg);       /* there is work for engine_work */
    int64_t (*now_ms)(void *arg); /* CLOCK_REALTIME or virtual */
    void (*random)(void *arg, void *out, size_t len);
    int64_t (*steady_ms)(void *arg); /* CLOCK_BOOTTIME, never 0; NULL: there is none */
};

/* Tells the face what it may have cached and what waiters may be woken. Called after the commit. */
enum engine_change {
    CHANGE_WORMHOLE,   /* the root's listing: a wormhole appeared, was renamed or went */
    CHANGE_CODE,       /* its code file */
    CHANGE_STATE,      /* its state file, and state.json and events */
    CHANGE_ENTRY_GONE, /* outbox entry `name` (inode ino) was acknowledged and removed */
    CHANGE_ARRIVED,    /* inbox entry `name` (inode ino) was published */
};
struct engine_watch {
    void *arg;
    void (*changed)(void *arg, enum engine_change what, uint64_t wormhole, uint64_t ino,
                    const char *name, size_t name_len);
    /* Has anybody this outbox entry, or something below it, open for writing? Asked inside a turn.
     */
    bool (*writing)(void *arg, uint64_t entry);
    /* NULL, or: for the administrator, a sentence about a wormhole whose steps fail (setback.h), or
     * do not any more. */
    void (*setback)(void *arg, uint64_t wormhole, const char *text);
};

int engine_open(struct engine **out, struct store *store, const struct engine_options *options,
                const struct engine_out *o, const struct engine_watch *watch);
/* Restores every wormhole (one turn) and lets them connect. */
int engine_start(struct engine *e);
/* From any thread: longer work ends at its next chance, and begins no more; the next start takes it
 * up again. So that stopping takes no longer for a large tree. */
void engine_end(struct engine *e);
/* Call after the network has stopped; releases memory. Nothing is lost: everything is in the store.
 */
void engine_close(struct engine *e);

/* ---- from the face, inside its turn ---- */
/* A new wormhole directory `name` (already checked to be free and allowed). code: NULL to allocate
 * one in the background, or a code to join. draft: it is `new/`'s draft; its code is allocated all
 * the same. */
int engine_create(struct engine *e, struct turn *t, const char *name, size_t name_len, bool draft,
                  const char *code, uint64_t *wormhole);
/* Writing `code`: joins. STORE_ERR_BUSY when paired, STORE_ERR_INVALID if it cannot be a code. */
int engine_join(struct engine *e, struct turn *t, uint64_t wormhole, const char *code);
/* Reading `code`: makes sure that a code is wanted (closed, failed and expired wormholes get a
 * fresh one). */
int engine_want_code(struct engine *e, struct turn *t, uint64_t wormhole);
/* rmdir NAME: withdraws what is pending, tells the peer, forgets it once acknowledged. */
int engine_remove(struct engine *e, struct turn *t, uint64_t wormhole);
/* Something of top-level outbox entry `entry` is about to change (bytes, name, mode, times, xattrs,
 * removal, a child): if a revision of it is sealed, it is withdrawn in this turn, before the
 * change. Cheap if not. */
int engine_entry_changing(struct engine *e, struct turn *t, uint64_t entry);
/* May somebody open it for writing? 0, or STORE_ERR_READ_ONLY if it was sent and is kept. Who had
 * it open when the peer took it may go on, and what he writes makes a new entry of it. */
int engine_entry_check(struct engine *e, struct view *v, uint64_t entry);
/* The entry has settled. First, without a turn open: makes its content durable. Then, in a turn in
 * which the caller has checked once more that it is settled: seals its present content as a new
 * revision and queues it (STORE_ERR_BUSY: a write is in flight, settle again). The peer may be told
 * of a large one a little later (engine_work). */
int engine_entry_prepare(struct engine *e, uint64_t entry);
int engine_entry_seal(struct engine *e, struct turn *t, uint64_t entry);
/* The last writable handle of an entry was released: if it was acknowledged meanwhile, it goes now.
 */
int engine_entry_idle(struct engine *e, struct turn *t, uint64_t entry);
/* Entries of this wormhole were sealed, held, released or removed: a waiting stock peer may get its
 * offer now. */
int engine_outbox_changed(struct engine *e, struct turn *t, uint64_t wormhole);

/* ---- looking (any thread; volatile, not from the store) ---- */
struct engine_status {
    bool here_now;         /* a bulk or transit connection is up */
    bool connected;        /* a mailbox connection is up */
    int64_t last_heard_ms; /* 0: never in this run */
    bool sending;          /* a transfer of ours is under way */
    char sending_name[256];
    uint64_t sending_done, sending_size;
    double bytes_per_s;
    char trouble[256]; /* why the mailbox server cannot be reached, "" if it can */
    char setback[256]; /* why it stands still, "" if it does not */
};
void engine_status(struct engine *e, uint64_t wormhole, struct engine_status *out);
/* Bytes of the entry as it was sealed that the peer has said are durable
 * (user.wormhole.acked_bytes): all of a sent one, none of an open one, none of what travels in one
 * go (small parcels, stock peers) until it is sent. In between as far as was heard; of before the
 * start, as far as was heard when that connection ended. */
uint64_t engine_acked_bytes(struct engine *e, struct view *v, const struct entry *entry);
/* Is some mailbox connection up, or was it within the last minute? */
bool engine_server_known(struct engine *e);

/* ---- from the network (see net.h, whose callbacks these are) ---- */
void engine_link_up(struct engine *e, uint64_t wormhole, enum wormhole_link link);
void engine_link_down(struct engine *e, uint64_t wormhole, enum wormhole_link link);
void engine_link_received(struct engine *e, uint64_t wormhole, enum wormhole_link link,
                          const char *text, size_t len);
void engine_link_failed(struct engine *e, uint64_t wormhole, enum wormhole_link link,
                        const char *why);
void engine_transit_hints(struct engine *e, uint64_t wormhole, uint64_t attempt,
                          const struct hint_list *direct);
void engine_transit_session(struct engine *e, uint64_t wormhole, uint64_t attempt,
                            const struct transit_plan *plan, struct stream *stream);
/* The first half of engine_transit_session: the connection is up. For who steps sessions himself
 * (session.h). */
void engine_transit_begin(struct engine *e, uint64_t wormhole, uint64_t attempt);
void engine_transit_down(struct engine *e, uint64_t wormhole, uint64_t attempt);
/* Runs what is due; returns the next deadline in ms, INT64_MAX for none. */
int64_t engine_tick(struct engine *e, int64_t now_ms);

/* ---- longer work (listing a tree, packing and unpacking zips), off every lock ---- */
/* Does one waiting job; false if there is none. engine_out.job says that there is one. The daemon
 * has a thread for it, the simulator calls it between steps. One caller at a time. */
bool engine_work(struct engine *e);

#endif
