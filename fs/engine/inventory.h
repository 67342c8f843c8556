/* Lists a tree into a manifest: depth first, names ascending, hard links found, holes left out. */
#ifndef FS_ENGINE_INVENTORY_H
#define FS_ENGINE_INVENTORY_H

#include "proto/bytes.h"
#include "store/nodes.h"

struct inventory {
    struct bytes *manifest; /* appended to */
    struct bytes *inos;     /* u64 for each item */
    uint64_t data_len;
    uint32_t items;
    /* NULL, or takes away what *manifest has, when that has become long: it is emptied down to
     * where it was (manifest_taken), and the header is then the caller's to complete. 0 or an
     * error. */
    int (*spill)(void *arg, const uint8_t *data, size_t len);
    /* NULL, or asked now and then: true ends it with BUSY. */
    bool (*stop)(void *arg);
    void *arg; /* of both */
};

/* `v` must be a view of `s` or a turn's. with_holes: ask for the data extents of large files (never
 * inside a turn); else, and for small files, holes are data. 0; TOO_BIG: the tree exceeds a bound
 * of the manifest; NOT_FOUND; NOMEM, IO. After an error what was appended means nothing. */
int inventory_make(struct inventory *out, struct store *s, struct view *v, uint64_t entry,
                   bool with_holes);

#endif
