/* Makes the nodes of an arriving entry, item by item of its manifest, as a staged tree.
 *
 * As the user was promised: what is unsafe in a name becomes '_' (store/namespace.h; a clash gets a
 * number), symlinks that leave the tree are not made, execute bits of files only with keep_exec, no
 * setuid bits. A directory has its own mode from the start, read-only or not: the store fills it
 * all the same, and nobody sees it before it is whole. */
#ifndef FS_ENGINE_PLANT_H
#define FS_ENGINE_PLANT_H

#include "proto/manifest.h"
#include "store/nodes.h"

/* What a manifest asks for. */
struct plant_sum {
    uint64_t data_len; /* bytes of all files that travel */
    uint64_t zeros; /* bytes of holes in small files: they take room here, and none in the parcel */
    uint64_t
        overhead;    /* bytes that the nodes take in the journal beside what travels; with zeros */
    const char *why; /* HOSTILE: one sentence for the sender, static */
};
/* One item, before anything is made; `sum` was zeroed before the first. HOSTILE. */
int plant_check_item(struct plant_sum *sum, const struct manifest_item *item);
/* What to say of a manifest that breaks a rule (HOSTILE) or exceeds a bound (TOO_BIG). */
const char *plant_why(int err);
/* All of a manifest in memory. HOSTILE: it breaks a rule, its own or the store's; NOMEM. */
int plant_check(const uint8_t *manifest, size_t len, struct plant_sum *sum);

/* A zeroed one is empty. */
struct plant {
    bool keep_exec;
    bool renamed; /* some name had to be made safe: the next may clash with it */
    /* Of each item; 0: not made (a link that leads out of the tree), or a further name of a file.
     */
    uint64_t *inos;
    size_t count, cap;
    uint64_t files;
    struct name name; /* of the top, as it came */
};

void plant_release(struct plant *p);
/* Makes the next item of a manifest that was checked, in a turn. A file of nothing but a hole too
 * large for the journal is left empty, and *hole_size is its size; else 0. 0; HOSTILE: the store's
 * rules refuse it; NOT_FOUND: the tree was discarded meanwhile; NOMEM, IO, NOSPACE. */
int plant_item(struct plant *p, struct turn *t, const struct manifest_item *item,
               uint64_t *hole_size);
uint64_t plant_top(const struct plant *p);
/* Sets an item's time, once all files have their bytes. ino as in plant.inos. */
int plant_time(struct turn *t, const struct manifest_item *item, uint64_t ino);

#endif
