/* What goes into an archive: the members, found in one view before the first byte is packed. For
 * zip*.c only. */
#ifndef STORE_ZIP_LIST_H
#define STORE_ZIP_LIST_H

#include "store/nodes.h"

struct zip_member {
    size_t path;  /* offset into zip_list.paths */
    uint64_t ino; /* of the file whose bytes it has; 0: an empty directory */
    uint64_t size;
    uint32_t mode;
    int64_t mtime_ns;
};

struct zip_list {
    struct zip_member *members;
    size_t count, cap;
    char *paths; /* NUL-terminated, one after the other */
    size_t paths_len, paths_cap;
};

/* Adds what is below the directory `top` (or the file `top` itself) under `prefix`: "" or a name.
 * 0, TOO_BIG (ZIP_MEMBERS_MAX), NOMEM, what node_walk says. */
int zip_list_add(struct zip_list *l, struct view *v, uint64_t top, const char *prefix);
void zip_list_release(struct zip_list *l);

/* A name as stock clients get it: as it is if that is UTF-8, else with %XX. `out` has
 * NAME_SHOWN_MAX+1 bytes. */
void zip_list_name(char *out, const char *name, size_t len);

#endif
