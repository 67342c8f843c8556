/* Makes the nodes of an arriving entry, item by item of its manifest, as a staged tree. */
#ifndef FS_ENGINE_PLANT_H
#define FS_ENGINE_PLANT_H

#include "proto/manifest.h"
#include "store/nodes.h"

struct planted {
    uint64_t ino;     /* 0: not made (a link that leads out of the tree, or below such a thing) */
    int64_t mtime_ns; /* INT64_MIN: a hard link, its file has the time */
    uint64_t
        hole_size; /* a file of nothing but a hole too large for the journal: its size; else 0 */
};

struct plant {
    bool keep_exec;
    struct planted *items;
    size_t count, cap;
    uint64_t files;
    struct name name; /* of the top, as it came */
};

void plant_release(struct plant *p);
/* Makes the next item, in a turn. 0; HOSTILE: the store's rules refuse it; NOMEM, IO, NOSPACE. */
int plant_item(struct plant *p, struct turn *t, const struct manifest_item *item);
/* An item that was made before a restart, as `ino`. */
int plant_again(struct plant *p, const struct manifest_item *item, uint64_t ino);
uint64_t plant_top(const struct plant *p);
/* Sets the times of up to `max` items, the last first (a directory's time changes as it is filled).
 * `left` counts down from p->count; 0: all done. */
int plant_times(const struct plant *p, struct turn *t, size_t *left, size_t max);

#endif
