#include "fs/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy(char *out, const char *path)
{
    if (strlen(path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(out, path);
    return 0;
}

/* Ends `path` before its last name; "/" stays. */
static void cut(char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 1 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    path[len] = '\0';
}

int paths_resolve(const char *path, char *out)
{
    char above[PATH_MAX], real[PATH_MAX];

    if (copy(above, path) < 0)
        return -1;
    while (!realpath(above, real)) {
        if (errno != ENOENT || strcmp(above, "/") == 0)
            return -1;
        cut(above);
    }
    const char *rest = path + strlen(above);
    while (*rest == '/')
        rest++;
    const char *slash = *rest && strcmp(real, "/") != 0 ? "/" : "";
    if (snprintf(out, PATH_MAX, "%s%s%s", real, slash, rest) < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int paths_make_parents(const char *path)
{
    char part[PATH_MAX];

    if (copy(part, path) < 0)
        return -1;
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && access(part, F_OK) < 0)
            return -1;
        *slash = '/';
    }
    return 0;
}

int paths_can_make(const char *path)
{
    struct stat st;
    char above[PATH_MAX];

    if (copy(above, path) < 0)
        return -1;
    if (stat(above, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    while (stat(above, &st) < 0) {
        if (errno != ENOENT || strcmp(above, "/") == 0)
            return -1;
        cut(above);
    }
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS);
}
