/* The FUSE face: the tree of the mount as operations on the store and the engine.
 *
 * How a request goes: op_X (one thin function a request) calls do_X, which asks place.h what the
 * numbers mean, acts in one turn (or through content.h), tells seal.h and notify.h what it did, and
 * returns a negative enum store_error or face_error; op_X ends in exactly one reply. No reply is
 * sent with a turn or a view open, and none waits for the network: a read of `code` that must wait
 * is parked (code_file.h).
 *
 * How it is started (service.c):
 *     face_open → engine_open with face_watch → seal_open
 *     → fuse_session_new(…, face_ops(), …, face) → face_start → engine_start, seal_start
 *     → session loop → face_stop → fuse_session_destroy → seal_close, engine_close → face_close
 */
#ifndef FS_FACE_FACE_H
#define FS_FACE_FACE_H

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <pthread.h>
#include <stdatomic.h>
#include "fs/engine/engine.h"
#include "fs/face/errno_map.h"
#include "fs/face/handle.h"
#include "fs/seal/seal.h"
#include "store/store.h"

struct code_file;
struct control;
struct events;
struct notify;
struct recent;

struct face_options {
    uid_t uid; /* the owner of everything */
    gid_t gid;
    bool read_only; /* -o ro: the kernel refuses changes, we the reads of `code` that would make one
                     */
};

/* Shared by all operations. The pointers do not change between face_start and face_stop. */
struct face {
    struct face_options options;
    struct store *store;
    struct engine *engine;
    struct seal *seal;
    pthread_rwlock_t seal_lock; /* for whoever is not serving a request */
    struct fuse_session *session;
    struct handles *handles;
    struct recent *recent;
    struct notify *notify;
    struct code_file *codes;
    struct events *events;
    struct control *control;
    int64_t started_ns;
    _Atomic int64_t root_changed_ns; /* mtime of the root */
};

/* 0 or NOMEM. `store` must outlive the face. */
int face_open(struct face **out, struct store *store, const struct face_options *options);

/* What to give to engine_open. May be called back from then on; before face_start it is ignored. */
void face_watch(struct face *face, struct engine_watch *out);

/* Starts the threads. After fuse_session_mount (or an adopted descriptor), before the loop. 0 or
 * NOMEM. */
int face_start(struct face *face, struct engine *engine, struct seal *seal,
               struct fuse_session *session);
/* After the session loop has ended: answers what is parked, ends the threads. */
void face_stop(struct face *face);
void face_close(struct face *face); /* accepts NULL */

/* The operations; the session's userdata is the struct face. */
const struct fuse_lowlevel_ops *face_ops(void);

/* ---- for the operations ---- */
int64_t face_now_ms(const struct face *face);

/* Ends a turn of which `rc` is the result so far: commits it if that is 0, aborts it otherwise.
 * Returns what is to be replied. */
int face_finish(struct turn *t, int rc);

#endif
