/* The inside of a store: what its .c files share. For store/ itself. */
#ifndef STORE_CORE_H
#define STORE_CORE_H

#include <pthread.h>
#include "store/freeze.h"
#include "store/holds.h"
#include "store/reserve.h"
#include "store/spool.h"
#include "store/sql.h"
#include "store/turn.h"
#include "store/vfs.h"

enum {
    CORE_INOS_AT_ONCE = 1024, /* inode numbers that one update of the journal reserves */
    CORE_BUSY_MS = 2000,      /* a TRUNCATE checkpoint waits at most this long for readers */
    /* Most turns change a row or two, and the WAL takes whole pages: with small ones a write of 4
     * KiB costs a fifth less than with SQLite's 4096 (17 µs and 13 µs, on ext4). */
    CORE_PAGE_BYTES = 1024,
    CORE_CHECKPOINT_PAGES = 16000,      /* the WAL is folded in when it has this many */
    CORE_TIGHT_CHECKPOINT_PAGES = 1000, /* the same while the disk is full */
    CORE_WRITER_CACHE_KIB = 8192,
    CORE_READER_CACHE_KIB = 1024,
};

/* One connection with its statements. */
struct view {
    struct store *store;
    sqlite3 *db;
    sqlite3_stmt *stmts[SQL_SLOTS_MAX];
    int failed; /* the store_error after which nothing more runs in this turn or view (sql.h) */
    struct view *next_free;
};

/* Something queued by turn_after. */
struct release {
    struct release *next;
    turn_release_fn *fn;
    void *arg;
    uint64_t commit; /* the number of its turn's commit */
};

struct release_list {
    struct release *head, **tail;
};

struct turn {
    struct store *store;
    bool open;
    bool relief;        /* may use the reserve */
    bool promised;      /* a sync is owed */
    uint64_t ino_high;  /* what store.ino_high was at the beginning */
    bool entries_moved; /* nodes changed their entry: cached ones must be looked up again */
    int64_t now_ns;
    struct release_list after;
    unsigned lazy; /* of those in `after`, how many are lazy */
};

/* Group sync and release, under `lock` (a leaf, below the writer lock). */
struct syncer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct io_file wal;
    uint64_t committed; /* number of the last commit */
    uint64_t synced;    /* all commits up to this are durable */
    bool syncing;       /* somebody is in fdatasync for all */
    bool broken;
    bool deleted; /* somebody has unlinked the WAL: what is written to it has no name */
    bool releasing;
    pthread_t releaser;
    struct release_list queue;
    unsigned lazy_debt;
};

struct store {
    const struct io *io;
    int dir;
    struct io_file lock;
    bool lock_made, reserve_made; /* by this store_open */
    struct vfs vfs;

    pthread_mutex_t writer; /* the writer lock */
    struct view write_view;
    struct turn turn;
    uint64_t ino_next; /* under the writer lock, as the next */
    uint64_t ino_high; /* the journal says that all below may have been given out */
    struct reserve reserve;
    atomic_bool tight;     /* the reserve is spent */
    atomic_bool failing;   /* the last commit that wrote anything failed */
    atomic_bool room_made; /* something was deleted: worth trying to restore it */
    atomic_bool erased;    /* a scrub is owed (scrub.h) */

    pthread_mutex_t readers_lock;
    pthread_cond_t reader_free;
    struct view readers[STORE_READERS_MAX];
    struct view *free_readers;

    struct syncer sync;
    struct spool spool;
    struct freeze freeze;
    struct holds holds;
    struct holds opens;   /* those of them that are open files */
    atomic_bool orphaned; /* a file lost its last name, or was closed since, and is held */

    store_unseal_fn *unseal;
    void *unseal_arg;
};

/* journal.c: connections. */
int journal_open(struct store *s, const char *dir, char why[static STORE_WHY_MAX]);
void journal_close(struct store *s);
int journal_repair(struct store *s);        /* after a failed WAL sync; takes the writer lock */
void journal_forget_pages(struct store *s); /* those in memory; with the writer lock */

/* turn.c: for the group sync and for content.c. */
int turn_admit(struct store *s); /* NOSPACE while the reserve is in use and cannot be restored */
bool turn_make_room(void *arg);  /* vfs.make_room; arg is the store */

/* sync.c */
int syncer_init(struct syncer *y);
void syncer_release(struct syncer *y);
int syncer_after(struct release_list *list, turn_release_fn *fn, void *arg);
uint64_t syncer_committed(struct store *s, struct turn *t); /* takes its releases; writer locked */
int syncer_wait(struct store *s, uint64_t commit);          /* until that commit is durable */
void syncer_run(struct store *s);                           /* releases what is ready */
void syncer_cancel(struct release_list *list);              /* calls all with committed=false */

/* recover.c: what store_open does after the schema is there. */
int recover_run(struct store *s);

#endif
