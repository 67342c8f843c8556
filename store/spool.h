/* The spool: the bulk files, and the bounded table of those that are open. For store/ itself.
 *
 * A `struct spool_file` is one open file with what content.c must know to write to it without
 * asking the journal. While any is in the table, its size, durable, dirty and by_opener are the
 * truth (they are what the node's row says): they change only under the file's content lock. */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "store/io.h"
#include "store/limits.h"

struct store;
struct turn;

enum {
    SPOOL_STRIPES = 64, /* content locks; one serves many files */
    SPOOL_BUCKETS = 256,
    SPOOL_MADE_AHEAD = 16, /* empty files made at once, for one sync of the directory */
    SPOOL_WRITEBACK_BYTES = 4 << 20,
};

struct spool_file {
    struct spool_file *next_bucket;
    struct spool_file *next_idle, **idle_link; /* in the list of unused ones, oldest first */
    unsigned refs;
    uint64_t ino;
    uint64_t id;
    struct io_file io;
    bool gone; /* its node was deleted: close when unused */

    /* under the content lock */
    uint64_t entry, entry_epoch;
    _Atomic uint64_t size;
    uint64_t durable;
    bool dirty, by_opener;
    bool owned_up;             /* that it is dirty is on disk */
    pthread_mutex_t sync_lock; /* the kernel tells of a failed write-back once: one sync at a time,
                                  so that whoever hears of it marks the file before the next asks */
    atomic_bool bad;
    atomic_bool marked;      /* and its row says so */
    bool untrimmed;          /* the file may be longer than `size`: cut before it grows */
    uint64_t writes;         /* counts changes, to see whether one came during a sync */
    uint64_t cuts;           /* counts truncations and holes */
    uint64_t sequel;         /* where the last write ended */
    uint64_t unsent;         /* start of what was not yet sent towards the disk */
    uint64_t anew, anew_end; /* of what was there, and not durable, when the file was opened: its
                                sync may have failed, so the next one is preceded by a write */
};

struct doomed;

struct spool {
    struct store *store;
    pthread_mutex_t lock; /* table, idle list and doomed; a leaf */
    struct spool_file *buckets[SPOOL_BUCKETS];
    struct spool_file *idle_head, **idle_tail;
    unsigned idle;
    struct doomed *doomed;                  /* what spool_reap deletes */
    atomic_ullong deleted;                  /* how many files have been */
    pthread_mutex_t stripes[SPOOL_STRIPES]; /* the content locks */
    atomic_ullong entry_epoch;

    pthread_mutex_t make_lock;
    uint64_t next_id;
    uint64_t made[SPOOL_MADE_AHEAD];
    unsigned made_count;
};

int spool_init(struct spool *p, struct store *s);
void spool_release(struct spool *p); /* closes all */

void spool_path(char out[static IO_PATH_MAX], uint64_t id);

pthread_mutex_t *spool_stripe(struct spool *p, uint64_t ino);

/* The open file of a node, with a reference, or NULL if it is not in the table. */
struct spool_file *spool_find(struct spool *p, uint64_t ino);
/* Puts a file into the table (under its content lock), with a reference. Takes the descriptor over,
 * also on failure. */
int spool_insert(struct spool *p, uint64_t ino, uint64_t id, struct io_file *io,
                 struct spool_file **out);
void spool_put(struct spool *p, struct spool_file *f); /* drops a reference */
/* The node is gone: the file is not found any more. */
void spool_forget(struct spool *p, uint64_t ino);

/* What the disk said of a file in the spool, as an error. One that is not there, or that we may not
 * open, is a failing disk to the caller: nobody asked for a file of that name. */
int spool_error(int negative_errno);
/* A new, empty file whose name is already durable. 0 or a store_error. */
int spool_make(struct spool *p, uint64_t *id, struct io_file *out);
/* Deletes a file that no commit ever named. */
void spool_discard(struct spool *p, uint64_t id);
/* Has it deleted after the next sync, if this turn commits: by spool_reap, for a file system may
 * take long over it; at once where the disk is full and somebody waits for the room. */
int spool_unlink_after(struct turn *t, uint64_t id, uint64_t ino);
/* Deletes what is due; true if there was anything. Not in a turn. */
bool spool_reap(struct spool *p);

/* At start: deletes the files that no node names, and finds the next number. */
int spool_sweep(struct spool *p);

#endif
