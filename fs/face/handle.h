/* Open files and directories: what must be remembered from open to release. fi->fh is the pointer.
 *
 * Any thread. What may change after the open is under `lock`, except the atomics. */
#ifndef FS_FACE_HANDLE_H
#define FS_FACE_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "fs/face/place.h"
#include "fs/seal/writer.h"
#include "store/blob.h"

struct fuse_pollhandle;

enum handle_kind {
    HANDLE_FILE,   /* a regular file below a box */
    HANDLE_DIR,    /* any directory */
    HANDLE_TEXT,   /* state, state.json, version: rendered at open */
    HANDLE_CODE,   /* code */
    HANDLE_EVENTS, /* .wormholefs/events: read as it grows */
};

enum { HANDLE_TYPED_MAX = 256 }; /* bytes written to `code` before their newline */

struct handle {
    struct handle *prev, *next; /* of struct handles */
    enum handle_kind kind;
    uint64_t id;        /* never used twice: what seal.h knows it by */
    struct place place; /* as it was at open */
    pid_t opener_tid;
    struct writer_id opener;
    bool writable;

    /* FILE: which entry it belongs to, as of `epoch` (handles_moved). entry 0: not in an outbox. */
    _Atomic uint64_t entry;
    _Atomic uint64_t wormhole; /* whose outbox it was opened in, 0 if in none */
    _Atomic uint64_t epoch;

    pthread_mutex_t lock;
    struct blob text; /* TEXT and CODE: what is being read */
    uint64_t read_to; /* EVENTS: how far it was read, for poll */
    bool changed;     /* there is something newer than the text, for poll */
    bool unread;      /* TEXT: nothing was read yet */
    char typed[HANDLE_TYPED_MAX];
    size_t typed_len;
    bool joined;                  /* CODE: a code was written through it */
    struct fuse_pollhandle *poll; /* who waits */
};

struct handles;

int handles_open(struct handles **out);  /* 0 or NOMEM */
void handles_close(struct handles *all); /* frees what was never released; accepts NULL */

/* NULL: out of memory. */
struct handle *handle_new(struct handles *all, enum handle_kind kind, const struct place *place);
void handle_free(struct handles *all, struct handle *h);

/* Entries were made, ended or moved: handles look up anew to which one they belong. */
void handles_moved(struct handles *all);
uint64_t handles_epoch(struct handles *all);

/* Marks the open control files that show something of `wormhole` (of the whole mount: always;
 * `code` only if code is true) as changed and wakes those who poll them. Calls into FUSE: from the
 * notify thread only. */
void handles_changed(struct handles *all, uint64_t wormhole, bool code);

/* Remembers who polls (replaces an earlier one; takes it over). True if the handle has news now. */
bool handle_poll(struct handle *h, struct fuse_pollhandle *poll);

#endif
