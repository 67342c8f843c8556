#include "proto/net/links.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/net/limits.h"

void links_init(struct links *s, void (*wake)(void *arg), void *arg)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    s->wake = wake;
    s->arg = arg;
}

void links_release(struct links *s)
{
    assert(s->count == 0 && s->dirty == NULL);
    pthread_mutex_destroy(&s->lock);
}

static struct link **bucket(struct links *s, uint64_t wormhole, enum wormhole_link which)
{
    uint64_t key = wormhole * LINK_COUNT + (uint64_t)which;

    return &s->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}
_Static_assert(LINK_BUCKETS == 1 << (64 - 54), "the hash gives a bucket");

static struct link *find(struct links *s, uint64_t wormhole, enum wormhole_link which)
{
    struct link *l = *bucket(s, wormhole, which);

    while (l != NULL && (l->wormhole != wormhole || l->which != which))
        l = l->next;
    return l;
}

static void insert(struct links *s, struct link *l, enum wormhole_link which)
{
    struct link **head = bucket(s, l->wormhole, which);

    l->which = which;
    l->next = *head;
    *head = l;
}

static void unlink_from_bucket(struct links *s, struct link *l)
{
    struct link **at = bucket(s, l->wormhole, l->which);

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->next = NULL;
}

/* Returns whether the network thread must be woken: it takes all that is dirty at once. */
static bool mark(struct links *s, struct link *l)
{
    bool first = s->dirty == NULL;

    if (l->dirty)
        return false;
    l->dirty = true;
    l->next_dirty = s->dirty;
    s->dirty = l;
    return first;
}

static bool forget(struct links *s, struct link *l)
{
    unlink_from_bucket(s, l);
    l->wanted = false;
    s->count--;
    return mark(s, l);
}

static void unlock_and_wake(struct links *s, bool wake)
{
    pthread_mutex_unlock(&s->lock);
    if (wake)
        s->wake(s->arg);
}

void links_open(struct links *s, uint64_t wormhole, enum wormhole_link which)
{
    bool wake = false;

    pthread_mutex_lock(&s->lock);
    struct link *l = NULL;
    if (!s->closed && s->count < LINKS_MAX && find(s, wormhole, which) == NULL)
        l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->wormhole = wormhole;
        l->wanted = true;
        insert(s, l, which);
        s->count++;
        wake = mark(s, l);
    }
    unlock_and_wake(s, wake);
}

static void append(struct link *l, struct link_message *m)
{
    if (l->last == NULL)
        l->last = &l->first;
    *l->last = m;
    l->last = &m->next;
    l->tx_bytes += m->len;
}

static struct link_message *message_new(const void *text, size_t len)
{
    struct link_message *m = malloc(sizeof(*m) + len);

    if (m == NULL)
        return NULL;
    m->next = NULL;
    m->len = len;
    memcpy(m->text, text, len);
    return m;
}

void links_send(struct links *s, uint64_t wormhole, enum wormhole_link which, const void *text,
                size_t len)
{
    bool wake = false;
    struct link_message *m = len <= LINK_TX_BYTES_MAX ? message_new(text, len) : NULL;

    pthread_mutex_lock(&s->lock);
    struct link *l = find(s, wormhole, which);
    if (l != NULL && l->up) {
        /* A message must not be lost while later ones arrive: then rather the connection. */
        if (m == NULL || l->tx_bytes > LINK_TX_BYTES_MAX - len)
            l->broken = true;
        else {
            append(l, m);
            m = NULL;
        }
        wake = mark(s, l);
    }
    unlock_and_wake(s, wake);
    free(m);
}

void links_close(struct links *s, uint64_t wormhole, enum wormhole_link which)
{
    pthread_mutex_lock(&s->lock);
    struct link *l = find(s, wormhole, which);
    unlock_and_wake(s, l != NULL && forget(s, l));
}

void links_move(struct links *s, uint64_t wormhole, enum wormhole_link from, enum wormhole_link to)
{
    bool wake = false;

    pthread_mutex_lock(&s->lock);
    struct link *moving = find(s, wormhole, from);
    if (moving != NULL && from != to) {
        struct link *replaced = find(s, wormhole, to);
        wake = replaced != NULL && forget(s, replaced);
        unlink_from_bucket(s, moving);
        insert(s, moving, to);
    }
    unlock_and_wake(s, wake);
}

void links_close_all(struct links *s)
{
    bool wake = false;

    pthread_mutex_lock(&s->lock);
    s->closed = true;
    for (size_t i = 0; i < LINK_BUCKETS; i++)
        while (s->buckets[i] != NULL)
            wake = forget(s, s->buckets[i]) || wake;
    unlock_and_wake(s, wake);
}

struct link *links_take_dirty(struct links *s)
{
    pthread_mutex_lock(&s->lock);
    struct link *l = s->dirty;
    if (l != NULL) {
        s->dirty = l->next_dirty;
        l->next_dirty = NULL;
        l->dirty = false;
    }
    pthread_mutex_unlock(&s->lock);
    return l;
}

struct link_wish links_wish(struct links *s, const struct link *l)
{
    pthread_mutex_lock(&s->lock);
    struct link_wish wish = {.wormhole = l->wormhole,
                             .which = l->which,
                             .wanted = l->wanted,
                             .broken = l->broken,
                             .sending = l->first != NULL};
    pthread_mutex_unlock(&s->lock);
    return wish;
}

/* Lock held. */
static struct link_message *take_first(struct link *l)
{
    struct link_message *m = l->first;

    if (m == NULL)
        return NULL;
    l->first = m->next;
    if (l->first == NULL)
        l->last = NULL;
    l->tx_bytes -= m->len;
    return m;
}

static void drop_messages(struct link *l)
{
    struct link_message *m;

    while ((m = take_first(l)) != NULL)
        free(m);
}

void links_set_up(struct links *s, struct link *l, bool up)
{
    pthread_mutex_lock(&s->lock);
    l->up = up;
    l->broken = false;
    if (!up)
        drop_messages(l);
    pthread_mutex_unlock(&s->lock);
}

struct link_message *links_take_message(struct links *s, struct link *l)
{
    pthread_mutex_lock(&s->lock);
    struct link_message *m = take_first(l);
    pthread_mutex_unlock(&s->lock);
    return m;
}

bool links_free(struct links *s, struct link *l)
{
    pthread_mutex_lock(&s->lock);
    assert(!l->wanted);
    bool dirty = l->dirty;
    if (!dirty)
        drop_messages(l);
    pthread_mutex_unlock(&s->lock);
    if (!dirty)
        free(l);
    return !dirty;
}
