/* A table from 64-bit hashes to 64-bit values, for what an oracle has to remember. Header-only. Out
 * of memory ends the test. */
#ifndef SIM_MEMO_H
#define SIM_MEMO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct memo_slot {
    uint64_t key, value; /* key 0: empty */
};

struct memo {
    struct memo_slot *slots;
    size_t count, cap; /* cap: a power of two */
};

static inline void memo_release(struct memo *m)
{
    free(m->slots);
    *m = (struct memo){0};
}

/* Where the key is or is to be. */
static inline struct memo_slot *memo_at(struct memo_slot *slots, size_t cap, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);
    while (slots[i].key != 0 && slots[i].key != key)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static inline void memo_grow(struct memo *m)
{
    size_t cap = m->cap == 0 ? 1024 : 2 * m->cap;
    struct memo_slot *slots = calloc(cap, sizeof *slots);
    if (slots == NULL)
        abort();
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].key != 0)
            *memo_at(slots, cap, m->slots[i].key) = m->slots[i];
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
}

/* The value of a key, which is entered as `fresh` if it is not there; *is_new says which. */
static inline uint64_t *memo_get(struct memo *m, uint64_t key, uint64_t fresh, bool *is_new)
{
    key |= key == 0;
    if (2 * m->count >= m->cap)
        memo_grow(m);
    struct memo_slot *slot = memo_at(m->slots, m->cap, key);
    *is_new = slot->key == 0;
    if (*is_new) {
        *slot = (struct memo_slot){key, fresh};
        m->count++;
    }
    return &slot->value;
}

/* FNV-1a, eight bytes at a time and mixed: for telling contents apart, not for secrets. */
static inline uint64_t memo_hash(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t word;
    hash ^= UINT64_C(0xcbf29ce484222325) + len;
    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, p, len);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

#endif
