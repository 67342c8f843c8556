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
    /* NULL, or asked at the beginning of each view of its own: does what is listed still stand? A
     * change shows in no other way. 0, or the error that ends it. */
    int (*stands)(void *arg, struct view *v);
    /* NULL, or takes away what *manifest has, when that has become long: it is emptied down to
     * where it was (manifest_taken), and the header is then the caller's to complete. Called
     * without a view of ours. 0 or an error. */
    int (*spill)(void *arg, const uint8_t *data, size_t len);
    /* NULL, or asked now and then: true ends it with BUSY. */
    bool (*stop)(void *arg);
    void *arg; /* of all three */
};

/* `v`: a turn's view, or one of `s`: all of it is read there, and holes are data. NULL: with views
 * of its own, each for a batch, as a large tree takes minutes; then it asks for the data extents of
 * large files. 0; TOO_BIG: the tree exceeds a bound
 * of the manifest; NOT_FOUND; NOMEM, IO. After an error what was appended means nothing. */
int inventory_make(struct inventory *out, struct store *s, struct view *v, uint64_t entry);

#endif
