#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include "fs/face/handle.h"

#include <stdlib.h>
#include <sodium.h>
#include "store/error.h"

struct handles {
    pthread_mutex_t lock;
    struct handle *first;
    uint64_t last_id;
    _Atomic uint64_t epoch;
};

int handles_open(struct handles **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return STORE_ERR_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    atomic_store(&(*out)->epoch, 1);
    return 0;
}

void handles_close(struct handles *all)
{
    if (!all)
        return;
    while (all->first)
        handle_free(all, all->first);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct handle *handle_new(struct handles *all, enum handle_kind kind, const struct place *place)
{
    struct handle *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->kind = kind;
    h->place = *place;
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_lock(&all->lock);
    h->id = ++all->last_id;
    h->next = all->first;
    if (h->next)
        h->next->prev = h;
    all->first = h;
    pthread_mutex_unlock(&all->lock);
    return h;
}

void handle_free(struct handles *all, struct handle *h)
{
    pthread_mutex_lock(&all->lock);
    if (h->prev)
        h->prev->next = h->next;
    else
        all->first = h->next;
    if (h->next)
        h->next->prev = h->prev;
    pthread_mutex_unlock(&all->lock);
    if (h->poll)
        fuse_pollhandle_destroy(h->poll);
    blob_release(&h->text);
    sodium_memzero(h->typed, sizeof h->typed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void handles_moved(struct handles *all)
{
    atomic_fetch_add(&all->epoch, 1);
}

uint64_t handles_epoch(struct handles *all)
{
    return atomic_load(&all->epoch);
}

static bool shows(const struct handle *h, uint64_t wormhole, bool code)
{
    switch (h->kind) {
    case HANDLE_FILE:
    case HANDLE_DIR:
        return false;
    case HANDLE_CODE:
        return code && (h->place.wormhole == wormhole || h->place.floating);
    case HANDLE_TEXT:
        return h->place.wormhole == wormhole || h->place.wormhole == 0 || h->place.floating;
    case HANDLE_EVENTS:
        return true;
    }
    return false;
}

/* Marks h; hands out who waits for it. */
static struct fuse_pollhandle *mark(struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    struct fuse_pollhandle *poll = h->poll;
    h->changed = true;
    h->poll = NULL;
    pthread_mutex_unlock(&h->lock);
    return poll;
}

enum { WAKE_BATCH = 64 };

void handles_changed(struct handles *all, uint64_t wormhole, bool code)
{
    struct fuse_pollhandle *wake[WAKE_BATCH];
    size_t count;
    do {
        count = 0;
        pthread_mutex_lock(&all->lock);
        for (struct handle *h = all->first; h && count < WAKE_BATCH; h = h->next) {
            struct fuse_pollhandle *poll = shows(h, wormhole, code) ? mark(h) : NULL;
            if (poll)
                wake[count++] = poll;
        }
        pthread_mutex_unlock(&all->lock);
        for (size_t i = 0; i < count; i++) {
            fuse_lowlevel_notify_poll(wake[i]);
            fuse_pollhandle_destroy(wake[i]);
        }
    } while (count == WAKE_BATCH);
}

bool handle_poll(struct handle *h, struct fuse_pollhandle *poll)
{
    pthread_mutex_lock(&h->lock);
    struct fuse_pollhandle *old = poll ? h->poll : NULL;
    if (poll)
        h->poll = poll;
    bool news = h->changed;
    pthread_mutex_unlock(&h->lock);
    if (old)
        fuse_pollhandle_destroy(old);
    return news;
}
