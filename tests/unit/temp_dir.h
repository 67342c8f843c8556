/* A directory of the test's own, with everything in it gone afterwards: setup and teardown for
 * tests of what looks at real paths. */
#ifndef TESTS_UNIT_TEMP_DIR_H
#define TESTS_UNIT_TEMP_DIR_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static char base[PATH_MAX];

static inline int temp_dir_make(void **state)
{
    char template[] = "/tmp/wormholefs-test.XXXXXX";

    (void)state;
    return mkdtemp(template) && realpath(template, base) ? 0 : -1;
}

static inline int temp_dir_remove(void **state)
{
    char command[PATH_MAX + 16];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", base);
    return system(command);
}

/* Good until the fourth call after. */
static inline const char *in_base(const char *name)
{
    static char paths[4][PATH_MAX + 64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
    return path;
}

#endif
