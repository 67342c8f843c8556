/* The engine's table: one slot for each wormhole, with its machine and what is volatile about it.
 *
 * `boss` and `stale` are guarded by the writer lock (a turn); `live` by the engine's own leaf lock,
 * so that looking never waits for a turn. The slot of a wormhole that is forgotten is freed when
 * that is on disk (release_forget): who is neither in a turn nor holds the leaf lock keeps none. */
#ifndef FS_ENGINE_SLOT_H
#define FS_ENGINE_SLOT_H

#include <pthread.h>
#include "fs/engine/engine.h"
#include "fs/engine/limits.h"
#include "fs/engine/notes.h"
#include "fs/engine/setback.h"
#include "proto/boss.h"
#include "store/blob.h"

struct job;
struct stock;

/* How much of a revision the peer said it has, of those that were sent last. */
struct acked {
    uint8_t rev[REV_BYTES];
    uint64_t bytes;
};

/* What is volatile (E14): never stored, never in the log. */
struct live {
    uint64_t connection[LINK_COUNT]; /* which one is up; 0: none */
    uint64_t connections;            /* that there have been */
    int64_t link_lost_ms;            /* when the last one went down; 0: never in this run */
    int64_t last_heard_ms;
    char trouble[256];
    bool sending;
    char sending_name[256];
    uint64_t sending_done, sending_size;
    struct acked acked[PROGRESS_ACKED_MAX]; /* a ring */
    size_t acked_count;                     /* ever put into it */
    int64_t rate_since_ms;                  /* the window over which bytes_per_s is measured */
    uint64_t rate_since_bytes;
    bool rate_first; /* no window has been full yet */
    double bytes_per_s;
    struct stream
        *stream; /* the connection that there is now (progress.h), for waking its session */
};

struct slot {
    struct slot *next; /* in the hash chain */
    struct engine *e;
    uint64_t id;
    struct stock *stock; /* the session with a stock peer (stock.c), or NULL */
    struct boss *boss;   /* NULL: restore it before use */
    _Atomic bool stale;  /* a turn that touched it was aborted: restore it before use */
    bool gone;           /* forgotten: no step any more */
    /* Which connections the machine talks on: what it says on one must not leave on a later one,
     * if the disk keeps it back for so long (writer lock). */
    uint64_t connection[LINK_COUNT];
    /* News of a connection that a step has just given up must not reach the machine as news of the
     * next one: closes counts them, closing those not yet carried out (live_lock). */
    unsigned closes[LINK_COUNT], closing[LINK_COUNT];
    struct setback setback; /* steps that could not be committed (live_lock) */
    int64_t deadline_ms;    /* when the machine or the engine has something to do (live_lock) */
    uint32_t loads; /* how often the machine was restored: a machine numbers its attempts from 1,
                     * the network gets loads << 32 | number, so that news of an older machine's
                     * attempts is told apart */
    bool want_bulk; /* what boss_want_bulk was last told */
    int64_t stock_offer_ms; /* when a stock peer may get our offer; 0: no such peer */
    struct notes notes;     /* what the peer has made us note */
    /* Decisions of ours that are queued, and a number before which none of them is: they are said
     * before all else that is queued (in a turn; counted anew when the machine is restored). */
    uint64_t decisions, decisions_after;
    int64_t retry_ms; /* the earliest re-offer of a refused revision; INT64_MAX: none */
    struct live live;
};

/* The number of an ACTION_TRANSIT_STOP that ends all attempts of the wormhole, those of older
 * machines, too: which of them were let go and are not over, only the network knows. */
enum { SLOT_ATTEMPTS_ALL = 0 };

enum { SLOT_BUCKETS = 1024 };

struct engine {
    struct store *store;
    struct engine_options options;
    struct engine_out out;
    struct engine_watch watch;
    struct boss_options boss_options;
    struct slot *buckets[SLOT_BUCKETS]; /* guarded by the writer lock for changes, by live_lock for
                                           looking */
    pthread_mutex_t live_lock;
    pthread_mutex_t job_lock;
    struct job *jobs, **jobs_last;
    int64_t tick_ms;      /* when engine_tick was called last (live_lock) */
    _Atomic bool started; /* engine_start was called, and nothing is half done */
    _Atomic bool ending;  /* engine_end was called */
};

/* The slot of a wormhole, NULL if there is none. In a turn, or under live_lock. */
struct slot *slot_find(struct engine *e, uint64_t wormhole);
/* Finds or makes it (in a turn). NULL: out of memory. */
struct slot *slot_get(struct engine *e, uint64_t wormhole);
/* Makes sure that the slot's machine is there and current, restoring it from the store in this
 * turn. Appends what the restored machine wants. 0, NOT_FOUND (no such wormhole), NOMEM, CORRUPT.
 */
int slot_load(struct engine *e, struct turn *t, struct slot *s, struct now *now,
              struct actions *actions);
void slot_drop_machine(struct slot *s);
/* Takes it out of the table and frees it, with its machine (in a turn, whose releases, and those of
 * turns before, know it no more). */
void slot_free(struct slot *s);
void slots_release(struct engine *e);

/* The clock may have been set back: nothing of the slot's waits for longer than
 * SLOT_WAIT_MAX_MS. What comes too early notes again when it is due. In a turn. */
void slot_follow_clock(struct slot *s, int64_t now_ms);

/* The times and a fresh seed from engine_out. */
void engine_now(struct engine *e, struct now *now);

#endif
