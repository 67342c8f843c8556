#include "store/inomap.h"

#include <stdlib.h>
#include "store/error.h"

enum { INOMAP_FIRST = 64 };

int inomap_init(struct inomap *m)
{
    *m = (struct inomap){.cells = calloc(INOMAP_FIRST, sizeof *m->cells), .cap = INOMAP_FIRST};
    return m->cells ? 0 : STORE_ERR_NOMEM;
}

void inomap_release(struct inomap *m)
{
    free(m->cells);
    *m = (struct inomap){0};
}

static size_t home(size_t cap, uint64_t ino)
{
    return (size_t)((ino * 0x9e3779b97f4a7c15ULL) >> 20) & (cap - 1);
}

/* The cell of `ino`, or the free one where it would go. */
static struct inomap_cell *probe(struct inomap_cell *cells, size_t cap, uint64_t ino)
{
    size_t i = home(cap, ino);
    while (cells[i].ino && cells[i].ino != ino)
        i = (i + 1) & (cap - 1);
    return &cells[i];
}

static bool grow(struct inomap *m)
{
    size_t cap = m->cap * 2;
    struct inomap_cell *cells = calloc(cap, sizeof *cells);
    if (!cells)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->cells[i].ino)
            *probe(cells, cap, m->cells[i].ino) = m->cells[i];
    free(m->cells);
    m->cells = cells;
    m->cap = cap;
    return true;
}

struct inomap_cell *inomap_find(const struct inomap *m, uint64_t ino)
{
    struct inomap_cell *c = probe(m->cells, m->cap, ino);
    return c->ino ? c : NULL;
}

struct inomap_cell *inomap_put(struct inomap *m, uint64_t ino)
{
    struct inomap_cell *c = probe(m->cells, m->cap, ino);
    if (c->ino)
        return c;
    if (2 * (m->used + 1) > m->cap) {
        if (!grow(m))
            return NULL;
        c = probe(m->cells, m->cap, ino);
    }
    m->used++;
    *c = (struct inomap_cell){.ino = ino};
    return c;
}

/* Moves back what had probed past the hole, so that lookups need no tombstones. */
void inomap_remove(struct inomap *m, struct inomap_cell *cell)
{
    size_t hole = (size_t)(cell - m->cells);
    for (size_t i = (hole + 1) & (m->cap - 1); m->cells[i].ino; i = (i + 1) & (m->cap - 1)) {
        size_t from = home(m->cap, m->cells[i].ino);
        bool stays = hole <= i ? hole < from && from <= i : hole < from || from <= i;
        if (stays)
            continue;
        m->cells[hole] = m->cells[i];
        hole = i;
    }
    m->cells[hole] = (struct inomap_cell){0};
    m->used--;
}
