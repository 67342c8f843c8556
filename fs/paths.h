/* Paths of directories that may not exist yet. Errors are -1 and errno. */
#ifndef FS_PATHS_H
#define FS_PATHS_H

#include <limits.h>

/* The path without links and "..", as far as it exists; the rest is kept as it is. `path` is
 * absolute, `out` has PATH_MAX bytes. */
int paths_resolve(const char *path, char *out);

/* Makes every directory above `path` that is missing, 0700. */
int paths_make_parents(const char *path);

/* Could `path` be made, by the effective user? Is the nearest directory above it that exists
 * writable? EEXIST if it exists itself. */
int paths_can_make(const char *path);

#endif
