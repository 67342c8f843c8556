#include "fs/face/notify.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "fs/face/code_file.h"
#include "fs/face/face.h"
#include "fs/face/limits.h"
#include "store/wormholes.h"

enum notice_kind { NOTICE_NAME, NOTICE_INODE, NOTICE_ENGINE };

struct notice {
    struct notice *next;
    enum notice_kind kind;
    enum engine_change what;
    uint64_t number; /* the inode; of NOTICE_ENGINE the wormhole */
    size_t len;
    char name[];
};

struct notify {
    struct face *face;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct notice *first, **last;
    size_t count;
    bool lost; /* some that did not fit in */
    bool running;
    bool stop; /* also before the start */
};

static void forget_inode(struct face *face, uint64_t number)
{
    fuse_lowlevel_notify_inval_inode(face->session, number, 0, 0);
}

static void forget_name(struct face *face, uint64_t number, const char *name, size_t len)
{
    if (len > 0)
        fuse_lowlevel_notify_inval_entry(face->session, number, name, len);
    forget_inode(face, number);
}

/* The boxes of a wormhole; 0 if it is gone. */
static void boxes(struct face *face, uint64_t wormhole, uint64_t *outbox, uint64_t *inbox)
{
    struct view *v;
    struct wormhole w;
    *outbox = *inbox = 0;
    if (view_begin(face->store, &v) < 0)
        return;
    if (wormhole_get(v, wormhole, &w) == 0) {
        *outbox = w.outbox_ino;
        *inbox = w.inbox_ino;
    }
    view_end(v);
}

static void box_changed(struct face *face, const struct notice *n)
{
    uint64_t outbox, inbox;
    boxes(face, n->number, &outbox, &inbox);
    if (n->what == CHANGE_ENTRY_GONE && outbox != 0)
        forget_inode(face, outbox); /* its name is never believed (attr_entry) */
    if (n->what == CHANGE_ARRIVED && inbox != 0)
        forget_inode(face, inbox);
    handles_changed(face->handles, n->number, false);
}

static void engine_changed(struct face *face, const struct notice *n)
{
    switch (n->what) {
    case CHANGE_WORMHOLE:
        atomic_store(&face->root_changed_ns, store_now_ns(face->store));
        forget_inode(face, INODE_NUMBER_ROOT);
        handles_changed(face->handles, n->number, false);
        break;
    case CHANGE_CODE:
        code_file_changed(face->codes, n->number);
        handles_changed(face->handles, n->number, true);
        break;
    case CHANGE_STATE:
        handles_changed(face->handles, n->number, false);
        break;
    case CHANGE_ENTRY_GONE:
    case CHANGE_ARRIVED:
        box_changed(face, n);
        break;
    }
}

static void carry_out(struct face *face, const struct notice *n)
{
    switch (n->kind) {
    case NOTICE_NAME:
        forget_name(face, n->number, n->name, n->len);
        break;
    case NOTICE_INODE:
        forget_inode(face, n->number);
        break;
    case NOTICE_ENGINE:
        engine_changed(face, n);
        break;
    }
}

/* ---- everything ---- */

enum { KNOWN_BATCH = 16 };

/* Some wormholes, read in one view; told to the kernel without one. */
struct known {
    struct view *view;
    size_t count;
    struct known_one {
        uint64_t id, outbox, inbox;
        struct name name;
    } all[KNOWN_BATCH];
};

static int know_one(void *arg, const struct wormhole *w)
{
    struct known *known = arg;
    if (known->count == KNOWN_BATCH)
        return 1;
    struct known_one *one = &known->all[known->count++];
    *one = (struct known_one){.id = w->id, .outbox = w->outbox_ino, .inbox = w->inbox_ino};
    return wormhole_name(known->view, w->id, &one->name);
}

static int know(struct face *face, uint64_t after, struct known *out)
{
    struct view *v;
    out->count = 0;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    out->view = v;
    rc = wormhole_each(v, after, know_one, out);
    view_end(v);
    return rc;
}

/* With the name goes all that is cached below it. What is in use stays, and is believed until its
 * time is over. */
static void forget_wormhole(struct face *face, const struct known_one *w)
{
    forget_name(face, INODE_NUMBER_ROOT, w->name.text, w->name.len);
    forget_inode(face, w->outbox);
    forget_inode(face, w->inbox);
    code_file_changed(face->codes, w->id);
    handles_changed(face->handles, w->id, true);
}

static void forget_everything(struct face *face)
{
    struct known known;
    uint64_t after = 0;
    atomic_store(&face->root_changed_ns, store_now_ns(face->store));
    while (know(face, after, &known) >= 0 && known.count > 0) {
        for (size_t i = 0; i < known.count; i++)
            forget_wormhole(face, &known.all[i]);
        after = known.all[known.count - 1].id;
    }
    sodium_memzero(&known, sizeof known); /* a name may be a code */
}

/* ---- the queue ---- */

/* Its name may be a code. */
static void free_notice(struct notice *notice)
{
    if (notice)
        sodium_memzero(notice->name, notice->len);
    free(notice);
}

/* Waits for the next notice. *out is NULL once the others have been made, if some were lost. False:
 * it is the end. */
static bool take(struct notify *n, struct notice **out)
{
    pthread_mutex_lock(&n->lock);
    while (!n->first && !n->lost && !n->stop)
        pthread_cond_wait(&n->more, &n->lock);
    bool more = !n->stop;
    struct notice *notice = more ? n->first : NULL;
    if (!notice)
        n->lost = false;
    if (notice) {
        n->first = notice->next;
        if (!n->first)
            n->last = &n->first;
        n->count--;
    }
    pthread_mutex_unlock(&n->lock);
    *out = notice;
    return more;
}

static void *run(void *arg)
{
    struct notify *n = arg;
    struct notice *notice;
    while (take(n, &notice)) {
        if (notice)
            carry_out(n->face, notice);
        else
            forget_everything(n->face);
        free_notice(notice);
    }
    return NULL;
}

static struct notice *copy(const struct notice *what, const char *name, size_t len)
{
    struct notice *notice = malloc(sizeof *notice + len + 1);
    if (!notice)
        return NULL;
    *notice = *what;
    notice->next = NULL;
    notice->len = len;
    if (len > 0)
        memcpy(notice->name, name, len);
    notice->name[len] = '\0';
    return notice;
}

static void put(struct notify *n, const struct notice *what, const char *name, size_t len)
{
    struct notice *notice = copy(what, name, len);
    pthread_mutex_lock(&n->lock);
    bool room = notice && n->count < FACE_NOTICES_MAX && !n->stop;
    if (room) {
        *n->last = notice;
        n->last = &notice->next;
        n->count++;
    } else if (!n->stop) {
        n->lost = true;
    }
    pthread_cond_signal(&n->more);
    pthread_mutex_unlock(&n->lock);
    if (!room)
        free_notice(notice);
}

int notify_open(struct notify **out, struct face *face)
{
    struct notify *n = calloc(1, sizeof *n);
    if (!n)
        return STORE_ERR_NOMEM;
    n->face = face;
    n->last = &n->first;
    n->stop = true;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->more, NULL);
    *out = n;
    return 0;
}

int notify_start(struct notify *n)
{
    pthread_mutex_lock(&n->lock);
    n->stop = false;
    n->running = pthread_create(&n->thread, NULL, run, n) == 0;
    n->stop = !n->running;
    pthread_mutex_unlock(&n->lock);
    return n->running ? 0 : STORE_ERR_NOMEM;
}

void notify_stop(struct notify *n)
{
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_cond_signal(&n->more);
    pthread_mutex_unlock(&n->lock);
    if (n->running)
        pthread_join(n->thread, NULL);
    n->running = false;
}

void notify_close(struct notify *n)
{
    if (!n)
        return;
    while (n->first) {
        struct notice *next = n->first->next;
        free_notice(n->first);
        n->first = next;
    }
    pthread_cond_destroy(&n->more);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

void notify_name(struct notify *n, uint64_t number, const char *name, size_t len)
{
    put(n, &(struct notice){.kind = NOTICE_NAME, .number = number}, name, len);
}

void notify_inode(struct notify *n, uint64_t number)
{
    put(n, &(struct notice){.kind = NOTICE_INODE, .number = number}, NULL, 0);
}

void notify_twin(struct notify *n, const struct place *dir, const char *name)
{
    if (!dir->through_new || dir->node == 0)
        return;
    if (name)
        notify_name(n, dir->node, name, strlen(name));
    else
        notify_inode(n, dir->node);
}

void notify_engine(struct notify *n, enum engine_change what, uint64_t wormhole, const char *name,
                   size_t len)
{
    put(n, &(struct notice){.kind = NOTICE_ENGINE, .what = what, .number = wormhole}, name, len);
}
