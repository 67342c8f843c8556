/* A hash map from inode numbers to one number and one flag. Not thread-safe. For store/,
 * and for those who walk its trees. */
#ifndef STORE_INOMAP_H
#define STORE_INOMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inomap_cell {
    uint64_t ino; /* 0: free */
    uint64_t value;
    bool flag;
};

struct inomap {
    struct inomap_cell *cells; /* open addressing; a power of two */
    size_t cap, used;
};

int inomap_init(struct inomap *m); /* 0 or NOMEM */
void inomap_release(struct inomap *m);
struct inomap_cell *inomap_find(const struct inomap *m, uint64_t ino); /* NULL: not there */
/* The cell of `ino`, a fresh zero one if it was not there; NULL: out of memory. Cells move with the
 * next put or remove. */
struct inomap_cell *inomap_put(struct inomap *m, uint64_t ino);
void inomap_remove(struct inomap *m, struct inomap_cell *cell);

#endif
