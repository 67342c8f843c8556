#include "fs/dying.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_BYTES_MAX = 1024, FIELDS_TO_THREADS = 17 }; /* from the state to num_threads */

/* The line of /proc/PID/stat, "" if it cannot be read. */
static void read_stat(pid_t pid, char out[static STAT_BYTES_MAX])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, out, STAT_BYTES_MAX - 1);

    out[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* mount.wormholefs or mount.fuse.wormholefs, as far as the kernel keeps a name. */
static bool is_ours(const char *name)
{
    return strncmp(name, "(mount.", 7) == 0 && strstr(name, "worm");
}

static unsigned long field(const char *at, int skip)
{
    while (skip-- > 0 && (at = strchr(at, ' ')))
        at++;
    return at ? strtoul(at, NULL, 10) : 0;
}

bool dying_is(pid_t pid)
{
    char stat[STAT_BYTES_MAX];

    read_stat(pid, stat);
    char *name = strchr(stat, '('), *end = strrchr(stat, ')');
    if (!name || !end || end[1] != ' ')
        return false;
    *end = '\0';
    const char *state = end + 2;
    return is_ours(name) && *state == 'Z' && field(state, FIELDS_TO_THREADS) > 1;
}

bool dying_exists(void)
{
    DIR *processes = opendir("/proc");
    bool found = false;

    if (!processes)
        return false;
    for (struct dirent *e; !found && (e = readdir(processes));)
        found =
            isdigit((unsigned char)e->d_name[0]) && dying_is((pid_t)strtol(e->d_name, NULL, 10));
    closedir(processes);
    return found;
}
