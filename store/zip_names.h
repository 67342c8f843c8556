/* Names of an archive's members while it is unpacked. What is unsafe in one becomes '_'
 * (name_make_safe), and then it may be another's: it gets a free one (name_clash), and what the
 * archive calls it is remembered, so that all of one directory comes into one. Names that need no
 * change, in a tree where none did, take no look more. */
#ifndef STORE_ZIP_NAMES_H
#define STORE_ZIP_NAMES_H

#include <sodium.h>
#include "store/inomap.h"
#include "store/namespace.h"

struct zip_names {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct inomap map; /* of what did not keep its name: by a hash of the directory and the name in
                          the archive, the inode; and the inodes */
    uint64_t count;
};

int zip_names_init(struct zip_names *names); /* 0 or NOMEM */
void zip_names_release(struct zip_names *names);

/* What the archive calls `raw` in the directory `dir` of the tree. 0, NOT_FOUND, and as
 * node_lookup_get. */
int zip_names_get(const struct zip_names *names, struct view *v, uint64_t dir,
                  const struct name *raw, struct node *n);
/* Makes it, under a name that is free. 0, EXISTS (the archive has had that very name there),
 * HOSTILE (ZIP_RENAMED_MAX), NOMEM, and as name_create. */
int zip_names_make(struct zip_names *names, struct turn *t, uint64_t dir, const struct name *raw,
                   const struct node_new *what, uint64_t *ino);

#endif
