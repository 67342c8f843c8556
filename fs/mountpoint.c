#include "fs/mountpoint.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/dying.h"
#include "fs/fusemount.h"
#include "fs/log.h"

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, MOUNTPOINT_WHY_MAX, format, args);
    va_end(args);
    log_printable(why);
    return -1;
}

/* ---- mountinfo ---- */

enum { FIELD_DEVICE = 3, FIELD_DIR = 5 }; /* counted from 1, as proc(5) has it */

static bool is_octal(const char *at)
{
    return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' &&
           at[2] <= '7';
}

/* Copies one field, in which spaces and such are written \040. Returns where it ends. */
static const char *take_field(const char *at, char *out, size_t size)
{
    size_t len = 0;

    for (; *at && *at != ' ' && *at != '\n'; at++) {
        char c = *at;
        if (c == '\\' && is_octal(at + 1)) {
            c = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 3;
        }
        if (len + 1 < size)
            out[len++] = c;
    }
    out[len] = '\0';
    return at;
}

static const char *skip_fields(const char *at, int count)
{
    while (count > 0 && *at && *at != '\n')
        if (*at++ == ' ')
            count--;
    return at;
}

/* The number behind NAME= in the options up to the end of the line, 0 if it is not there. */
static unsigned take_number(const char *options, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = options; *at && *at != '\n'; at++)
        if ((at[-1] == ' ' || at[-1] == ',') && strncmp(at, name, len) == 0)
            return (unsigned)strtoul(at + len, NULL, 10);
    return 0;
}

/* One line: "36 35 98:0 /root /dir rw,noatime master:1 - type source options". */
static void look_at_line(struct mountpoint_top *out, const char *dir, const char *line)
{
    char path[PATH_MAX], type[64];
    unsigned connection = 0;
    const char *at = skip_fields(line, FIELD_DEVICE - 1);

    if (strncmp(at, "0:", 2) == 0) /* no device of its own, as each FUSE mount without a disk */
        connection = (unsigned)strtoul(at + 2, NULL, 10);
    at = take_field(skip_fields(at, FIELD_DIR - FIELD_DEVICE), path, sizeof(path));
    if (strcmp(path, dir) != 0)
        return;
    const char *end = strchrnul(at, '\n');
    const char *dash = memmem(at, (size_t)(end - at), " - ", 3);
    if (!dash)
        return;
    at = take_field(dash + 3, type, sizeof(type));
    *out = (struct mountpoint_top){
        .mounted = true, .ours = strcmp(type, MOUNTPOINT_TYPE) == 0, .connection = connection};
    if (*at != ' ')
        return;
    at = take_field(at + 1, out->source, sizeof(out->source));
    if (*at != ' ')
        return;
    out->uid = take_number(at + 1, "user_id=");
    out->gid = take_number(at + 1, "group_id=");
}

/* Mounts are listed in the order in which they were made: the last one is on top. */
void mountpoint_find(struct mountpoint_top *out, const char *dir, const char *mountinfo)
{
    *out = (struct mountpoint_top){0};
    for (const char *line = mountinfo; *line;) {
        look_at_line(out, dir, line);
        line = strchrnul(line, '\n');
        if (*line)
            line++;
    }
}

bool mountpoint_contains(const char *dir, const char *path)
{
    size_t len = strlen(dir);

    if (len == 1) /* "/" */
        return true;
    return strncmp(dir, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static char *read_mountinfo(void)
{
    FILE *in = fopen("/proc/self/mountinfo", "re");
    char *text = NULL;
    size_t size = 0;

    if (!in)
        return NULL;
    if (getdelim(&text, &size, '\0', in) < 0) {
        free(text);
        text = NULL;
    }
    fclose(in);
    return text;
}

static int find_top(struct mountpoint_top *out, const char *dir, char *why)
{
    char *text = read_mountinfo();

    if (!text)
        return refuse(why, "cannot read /proc/self/mountinfo: %m");
    mountpoint_find(out, dir, text);
    free(text);
    return 0;
}

/* ---- dead or alive ---- */

/* Attributes may be cached, so ask what only the daemon knows. It may hang, so let a child do it.
 * The kernel answers without the daemon to whom it does not let in, even root: so be that user. */
static _Noreturn void probe_in_child(const char *dir, const struct mountpoint_top *top)
{
    struct statvfs st;

    if (geteuid() == 0 && top->uid != 0 &&
        (setresgid(top->gid, top->gid, top->gid) < 0 ||
         setresuid(top->uid, top->uid, top->uid) < 0))
        _exit(0);
    bool dead = statvfs(dir, &st) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
    _exit(dead ? ENOTCONN : 0);
}

static bool ends_in_time(pid_t child)
{
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return true; /* an old kernel: then just wait for it */
    int n;
    do
        n = poll(&wait, 1, MOUNTPOINT_PROBE_MS);
    while (n < 0 && errno == EINTR);
    close(fd);
    return n > 0;
}

enum sign { ALIVE, DYING, DEAD };

static enum sign sign_of_life(const char *dir, const struct mountpoint_top *top)
{
    int status = 0;
    pid_t child = fork();

    if (child < 0)
        return ALIVE;
    if (child == 0)
        probe_in_child(dir, top);
    if (!ends_in_time(child)) {
        kill(child, SIGKILL); /* it ends when the daemon answers, if not now */
        return dying_exists() ? DYING : ALIVE;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == ENOTCONN ? DEAD : ALIVE;
}

/* 1: a dead mount of ours is on top; 0: none is; -1: a live one, or an error. */
static int look(const char *dir, char *why)
{
    struct mountpoint_top top = {0};

    if (find_top(&top, dir, why) < 0)
        return -1;
    if (!top.mounted || !top.ours)
        return 0;
    if (sign_of_life(dir, &top) != ALIVE)
        return 1;
    return refuse(why, "%s: wormholefs '%s' is mounted there already", dir, top.source);
}

/* ---- the directory ---- */

/* The parent's path with the last name: for what does not exist, or cannot be asked. */
static int resolve_by_parent(const char *dir, char *out, char *why)
{
    char copy[PATH_MAX], parent[PATH_MAX];

    if (strlen(dir) >= sizeof(copy))
        return refuse(why, "the path of the directory is too long");
    strcpy(copy, dir);
    size_t len = strlen(copy);
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = '\0';
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    if (slash)
        *slash = '\0';
    const char *above = !slash ? "." : slash == copy ? "/" : copy;
    if (!realpath(above, parent))
        return refuse(why, "%s: %m", above);
    int n = snprintf(out, PATH_MAX, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
    return n < PATH_MAX ? 0 : refuse(why, "the path of the directory is too long");
}

int mountpoint_resolve(const char *dir, char *out, char *why)
{
    if (realpath(dir, out))
        return 0;
    if (errno != ENOENT && errno != ENOTCONN)
        return refuse(why, "%s: %m", dir);
    return resolve_by_parent(dir, out, why);
}

/* 0: there; 1: missing. */
static int stat_dir(const char *dir, char *why)
{
    struct stat st;

    if (stat(dir, &st) < 0)
        return errno == ENOENT ? 1 : refuse(why, "%s: %m", dir);
    return S_ISDIR(st.st_mode) ? 0 : refuse(why, "%s: not a directory", dir);
}

int mountpoint_check(const char *dir, char *why)
{
    int dead = look(dir, why);

    if (dead != 0)
        return dead < 0 ? -1 : 0;
    return stat_dir(dir, why) < 0 ? -1 : 0;
}

static int clean(const char *dir, char *why)
{
    for (int i = 0; i < MOUNTPOINT_STACK_MAX; i++) {
        int dead = look(dir, why);
        if (dead <= 0)
            return dead;
        if (fusemount_detach(dir) < 0)
            return refuse(why, "%s: a dead mount lies there and cannot be taken away: %m", dir);
    }
    return refuse(why, "%s: too many dead mounts lie there", dir);
}

static int make(const char *dir, uid_t uid, gid_t gid, char *why)
{
    if (mkdir(dir, 0700) < 0)
        return refuse(why, "cannot make %s: %m", dir);
    if (uid != geteuid() && chown(dir, uid, gid) < 0) {
        refuse(why, "cannot give the new directory to its user: %m");
        rmdir(dir);
        return -1;
    }
    return 1;
}

void mountpoint_end_dying(const char *dir)
{
    struct mountpoint_top top = {0};
    char why[MOUNTPOINT_WHY_MAX];

    if (find_top(&top, dir, why) < 0 || !top.mounted || !top.ours ||
        sign_of_life(dir, &top) != DYING)
        return;
    log_warning("%s: its daemon was killed and could not end", dir);
    fusemount_abort(dir, top.connection);
}

int mountpoint_prepare(const char *dir, uid_t uid, gid_t gid, char *why)
{
    if (clean(dir, why) < 0)
        return -1;
    int missing = stat_dir(dir, why);
    return missing > 0 ? make(dir, uid, gid, why) : missing;
}

void mountpoint_unmake(const char *dir)
{
    if (rmdir(dir) < 0)
        log_debug("%s, which was made for the mount, stays: %m", dir);
}
