/* What a directory of the mount contains, in batches: a batch is read in one view, then shown
 * without one. */
#ifndef FS_FACE_LISTING_H
#define FS_FACE_LISTING_H

#include "fs/face/place.h"

struct listing_item {
    uint64_t cookie; /* where the listing goes on after it; never 0 */
    struct name name;
    struct place place;
};

enum { LISTING_BATCH = 64 };

struct listing {
    size_t count;
    struct listing_item items[LISTING_BATCH];
};

/* Lists `dir` after `cookie` (0: from the start, with "." and ".."), at most LISTING_BATCH items;
 * none: the end. A name in the root
 * may be a code: the caller wipes them. Cookies are stable while names come and go. 0,
 * FACE_ERR_STALE, IO. */
int listing_read(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out);

#endif
