#include "store/holds.h"

#include "store/error.h"

int holds_init(struct holds *h)
{
    if (pthread_mutex_init(&h->lock, NULL))
        return STORE_ERR_NOMEM;
    return inomap_init(&h->map);
}

void holds_release(struct holds *h)
{
    inomap_release(&h->map);
    pthread_mutex_destroy(&h->lock);
}

int holds_add(struct holds *h, uint64_t ino)
{
    pthread_mutex_lock(&h->lock);
    struct inomap_cell *c = inomap_put(&h->map, ino);
    if (c)
        c->value++;
    pthread_mutex_unlock(&h->lock);
    return c ? 0 : STORE_ERR_NOMEM;
}

bool holds_drop(struct holds *h, uint64_t ino, uint64_t count)
{
    bool last_and_doomed = false;
    pthread_mutex_lock(&h->lock);
    struct inomap_cell *c = inomap_find(&h->map, ino);
    if (c && c->value > count) {
        c->value -= count;
    } else if (c) {
        last_and_doomed = c->flag;
        inomap_remove(&h->map, c);
    }
    pthread_mutex_unlock(&h->lock);
    return last_and_doomed;
}

bool holds_doom(struct holds *h, uint64_t ino)
{
    pthread_mutex_lock(&h->lock);
    struct inomap_cell *c = inomap_find(&h->map, ino);
    if (c)
        c->flag = true;
    pthread_mutex_unlock(&h->lock);
    return c != NULL;
}

bool holds_has(struct holds *h, uint64_t ino)
{
    return holds_count(h, ino) > 0;
}

uint64_t holds_count(struct holds *h, uint64_t ino)
{
    pthread_mutex_lock(&h->lock);
    const struct inomap_cell *c = inomap_find(&h->map, ino);
    uint64_t count = c ? c->value : 0;
    pthread_mutex_unlock(&h->lock);
    return count;
}

bool holds_is_doomed(struct holds *h, uint64_t ino)
{
    pthread_mutex_lock(&h->lock);
    const struct inomap_cell *c = inomap_find(&h->map, ino);
    bool doomed = c && c->flag;
    pthread_mutex_unlock(&h->lock);
    return doomed;
}
