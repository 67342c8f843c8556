#include "fs/seal/track.h"

#include <assert.h>
#include <stdlib.h>

enum { BUCKETS_FIRST = 64, HEAP_FIRST = 64 };

/* Numbers are consecutive: spread them. */
static size_t bucket_of(uint64_t key, size_t buckets)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (buckets - 1);
}

/* ---- tracks ---- */

struct track *track_find(const struct track_table *t, uint64_t entry)
{
    if (t->track_buckets == 0)
        return NULL;
    struct track *track = t->tracks[bucket_of(entry, t->track_buckets)];
    while (track && track->entry != entry)
        track = track->next;
    return track;
}

static int grow_tracks(struct track_table *t)
{
    size_t buckets = t->track_buckets ? t->track_buckets * 2 : BUCKETS_FIRST;
    struct track **grown = calloc(buckets, sizeof(struct track *));

    if (!grown)
        return -1;
    for (size_t i = 0; i < t->track_buckets; i++)
        for (struct track *track = t->tracks[i], *next; track; track = next) {
            struct track **head = &grown[bucket_of(track->entry, buckets)];
            next = track->next;
            track->next = *head;
            *head = track;
        }
    free(t->tracks);
    t->tracks = grown;
    t->track_buckets = buckets;
    return 0;
}

/* Room in the heap for every track, so that making one due cannot fail. */
static int grow_heap(struct track_table *t)
{
    size_t cap = t->heap_cap ? t->heap_cap * 2 : HEAP_FIRST;
    struct track **grown = realloc(t->heap, cap * sizeof(struct track *));

    if (!grown)
        return -1;
    t->heap = grown;
    t->heap_cap = cap;
    return 0;
}

struct track *track_get(struct track_table *t, uint64_t entry)
{
    struct track *track = track_find(t, entry);

    if (track)
        return track;
    if (t->track_count >= t->track_buckets && grow_tracks(t) < 0)
        return NULL;
    if (t->track_count >= t->heap_cap && grow_heap(t) < 0)
        return NULL;
    track = calloc(1, sizeof(*track));
    if (!track)
        return NULL;
    struct track **head = &t->tracks[bucket_of(entry, t->track_buckets)];
    track->entry = entry;
    track->due_ms = TRACK_NEVER;
    track->next = *head;
    *head = track;
    t->track_count++;
    return track;
}

static void free_track(struct track *track)
{
    if (track->makers)
        makers_clear(track->makers);
    free(track->makers);
    free(track);
}

void track_drop(struct track_table *t, struct track *track)
{
    struct track **at = &t->tracks[bucket_of(track->entry, t->track_buckets)];

    assert(!track->handles);
    track_due(t, track, TRACK_NEVER);
    while (*at != track)
        at = &(*at)->next;
    *at = track->next;
    t->track_count--;
    free_track(track);
}

void track_entries(const struct track_table *t, uint64_t *out)
{
    for (size_t i = 0; i < t->track_buckets; i++)
        for (struct track *track = t->tracks[i]; track; track = track->next)
            *out++ = track->entry;
}

/* ---- the heap: a parent is never due after its children ---- */

static void put(struct track_table *t, size_t place, struct track *track)
{
    t->heap[place] = track;
    track->place = place;
}

static void rise(struct track_table *t, size_t place, struct track *track)
{
    while (place > 0 && t->heap[(place - 1) / 2]->due_ms > track->due_ms) {
        put(t, place, t->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(t, place, track);
}

static void sink(struct track_table *t, size_t place, struct track *track)
{
    for (size_t child; (child = 2 * place + 1) < t->heap_count; place = child) {
        if (child + 1 < t->heap_count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
            child++;
        if (t->heap[child]->due_ms >= track->due_ms)
            break;
        put(t, place, t->heap[child]);
    }
    put(t, place, track);
}

static void leave_heap(struct track_table *t, struct track *track)
{
    struct track *last = t->heap[--t->heap_count];

    if (last == track)
        return;
    sink(t, track->place, last);
    rise(t, last->place, last);
}

void track_due(struct track_table *t, struct track *track, int64_t due_ms)
{
    bool was_in = track->due_ms != TRACK_NEVER;
    int64_t before = track->due_ms;

    if (due_ms == TRACK_NEVER) {
        if (was_in)
            leave_heap(t, track);
        track->due_ms = due_ms;
        return;
    }
    track->due_ms = due_ms;
    if (!was_in)
        rise(t, t->heap_count++, track);
    else if (due_ms < before)
        rise(t, track->place, track);
    else
        sink(t, track->place, track);
}

struct track *track_first(const struct track_table *t)
{
    return t->heap_count ? t->heap[0] : NULL;
}

/* ---- handles ---- */

struct track_handle *track_handle_find(const struct track_table *t, uint64_t id)
{
    if (t->handle_buckets == 0)
        return NULL;
    struct track_handle *h = t->handles[bucket_of(id, t->handle_buckets)];
    while (h && h->id != id)
        h = h->next;
    return h;
}

static struct track_handle *first_alike(struct track_handle *h, uint64_t ino)
{
    while (h && h->ino != ino)
        h = h->alike;
    return h;
}

struct track_handle *track_handle_of_file(const struct track_table *t, uint64_t ino)
{
    if (t->handle_buckets == 0)
        return NULL;
    return first_alike(t->by_ino[bucket_of(ino, t->handle_buckets)], ino);
}

struct track_handle *track_handle_next(const struct track_handle *h)
{
    return first_alike(h->alike, h->ino);
}

static void put_in_buckets(struct track_table *t, struct track_handle *h)
{
    struct track_handle **head = &t->handles[bucket_of(h->id, t->handle_buckets)];
    struct track_handle **file = &t->by_ino[bucket_of(h->ino, t->handle_buckets)];

    h->next = *head;
    *head = h;
    h->alike = *file;
    *file = h;
}

static int grow_handles(struct track_table *t)
{
    size_t buckets = t->handle_buckets ? t->handle_buckets * 2 : BUCKETS_FIRST;
    struct track_handle **handles = calloc(buckets, sizeof(struct track_handle *));
    struct track_handle **by_ino = calloc(buckets, sizeof(struct track_handle *));
    struct track_handle **before = t->handles;
    size_t old = t->handle_buckets;

    if (!handles || !by_ino) {
        free(handles);
        free(by_ino);
        return -1;
    }
    free(t->by_ino);
    t->handles = handles;
    t->by_ino = by_ino;
    t->handle_buckets = buckets;
    for (size_t i = 0; i < old; i++)
        for (struct track_handle *h = before[i], *next; h; h = next) {
            next = h->next;
            put_in_buckets(t, h);
        }
    free(before);
    return 0;
}

static void attach(struct track_handle *h, struct track *track)
{
    h->track = track;
    h->left = NULL;
    h->right = track->handles;
    if (h->right)
        h->right->left = h;
    track->handles = h;
}

static void detach(struct track_handle *h)
{
    if (h->left)
        h->left->right = h->right;
    else
        h->track->handles = h->right;
    if (h->right)
        h->right->left = h->left;
}

struct track_handle *track_handle_add(struct track_table *t, struct track *track, uint64_t id,
                                      uint64_t ino)
{
    if (t->handle_count >= t->handle_buckets && grow_handles(t) < 0)
        return NULL;
    struct track_handle *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->id = id;
    h->ino = ino;
    put_in_buckets(t, h);
    t->handle_count++;
    attach(h, track);
    return h;
}

void track_handle_move(struct track_handle *h, struct track *to)
{
    if (h->track == to)
        return;
    detach(h);
    attach(h, to);
}

void track_handle_drop(struct track_table *t, struct track_handle *h)
{
    struct track_handle **at = &t->handles[bucket_of(h->id, t->handle_buckets)];
    struct track_handle **file = &t->by_ino[bucket_of(h->ino, t->handle_buckets)];

    detach(h);
    track_handle_trust(t, h);
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    while (*file != h)
        file = &(*file)->alike;
    *file = h->alike;
    t->handle_count--;
    free(h);
}

void track_handle_doubt(struct track_table *t, struct track_handle *h)
{
    if (h->doubted)
        return;
    h->doubted = true;
    h->prior = NULL;
    h->later = t->doubted;
    if (h->later)
        h->later->prior = h;
    t->doubted = h;
    t->doubted_count++;
}

void track_handle_trust(struct track_table *t, struct track_handle *h)
{
    if (!h->doubted)
        return;
    h->doubted = false;
    if (h->prior)
        h->prior->later = h->later;
    else
        t->doubted = h->later;
    if (h->later)
        h->later->prior = h->prior;
    t->doubted_count--;
}

void track_table_release(struct track_table *t)
{
    for (size_t i = 0; i < t->handle_buckets; i++)
        for (struct track_handle *h = t->handles[i], *next; h; h = next) {
            next = h->next;
            free(h);
        }
    for (size_t i = 0; i < t->track_buckets; i++)
        for (struct track *track = t->tracks[i], *next; track; track = next) {
            next = track->next;
            free_track(track);
        }
    free(t->tracks);
    free(t->handles);
    free(t->by_ino);
    free(t->heap);
    *t = (struct track_table){0};
}
