/* A manifest file (parcel.h) read item by item, from its start or from a place that is known, with
 * a buffer of bounded size: a manifest may be 64 MiB long. Its thread's own. */
#ifndef FS_ENGINE_SCROLL_H
#define FS_ENGINE_SCROLL_H

#include "proto/manifest.h"
#include "store/store.h"

enum { SCROLL_LENGTH_BYTES = 4, SCROLL_INO_BYTES = 8 };

struct scroll {
    struct store *store;
    uint64_t file;
    uint64_t end;  /* of the manifest in the file; the inode numbers follow */
    uint64_t next; /* of what is not in the buffer yet, in the file */
    uint8_t *buffer;
    size_t cap;
    size_t at, len; /* what of the buffer is taken, and filled */
    bool skims;     /* begun in the middle: the rules were checked before */
    struct manifest_parser parser;
    uint32_t index; /* skims: of the next item */
    uint64_t data;  /* skims: data bytes of the files before it */
};

/* No turn open: at the first item. NOT_FOUND, NOMEM, IO; HOSTILE: its length cannot be true.
 * Release it also after an error. */
int scroll_open(struct scroll *sc, struct store *s, uint64_t file);
void scroll_release(struct scroll *sc);

/* No turn open: the next items are in memory then, as many as there is room for. */
int scroll_fill(struct scroll *sc);
/* The next item, also in a turn. 1, and *item points into the buffer until scroll_fill; 0: that was
 * the last; NO_DATA: fill first; HOSTILE, TOO_BIG: a rule is broken, a bound exceeded; NOMEM. */
int scroll_take(struct scroll *sc, struct manifest_item *item);
/* Both. No turn open. */
int scroll_next(struct scroll *sc, struct manifest_item *item);

/* A place to go back to: before the next item. */
struct scroll_mark {
    uint64_t at, data;
    uint32_t index;
};
struct scroll_mark scroll_mark(const struct scroll *sc);
void scroll_go(struct scroll *sc, const struct scroll_mark *to);

/* The inode numbers behind the manifest of `count` items from `index` on. No turn open. CORRUPT:
 * they are not there. */
int scroll_inos(const struct scroll *sc, uint32_t index, uint64_t *out, size_t count);
/* Does the file end with the number of the last of `items`? 0 or CORRUPT, IO. */
int scroll_check_end(const struct scroll *sc, uint32_t items);

#endif
