#include "fs/fusemount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fs/descriptor.h"
#include "fs/log.h"
#include "fs/mountpoint.h"

enum { OPTIONS_SIZE = 4096, ENVIRONMENT_MAX = 4096, CHILD_SOCKET = 3, SAID_SIZE = 256 };

static int fail(char *why, const char *what)
{
    snprintf(why, FUSEMOUNT_WHY_MAX, "%s: %m", what);
    return -1;
}

/* ---- as root ---- */

static int open_device(char *why)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO)) {
        snprintf(why, FUSEMOUNT_WHY_MAX, "there is no /dev/fuse: try 'modprobe fuse'");
        return -1;
    }
    return fd < 0 ? fail(why, "/dev/fuse") : fd;
}

static int format_kernel_options(char *out, const struct fusemount *m, int fd, char *why)
{
    char max_read[32] = "";

    if (m->max_read)
        snprintf(max_read, sizeof(max_read), ",max_read=%u", m->max_read);
    int n = snprintf(out, OPTIONS_SIZE,
                     "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions%s%s%s", fd,
                     m->uid, m->gid, m->allow_other ? ",allow_other" : "", max_read, m->kernel);
    if (n < OPTIONS_SIZE)
        return 0;
    snprintf(why, FUSEMOUNT_WHY_MAX, "the mount options are too long");
    return -1;
}

static int attach_as_root(const struct fusemount *m, char *why)
{
    char options[OPTIONS_SIZE];
    int fd = open_device(why);

    if (fd < 0)
        return -1;
    if (format_kernel_options(options, m, fd, why) < 0)
        goto fail;
    if (mount(m->source, m->dir, MOUNTPOINT_TYPE, m->flags, options) == 0)
        return fd;
    fail(why, m->dir);
fail:;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* ---- through fusermount3 ---- */

/* The words for those flags that an ordinary user may set; nosuid and nodev are always on. */
static void format_user_flags(char *out, size_t size, unsigned long flags)
{
    static const struct {
        unsigned long flag;
        const char *word;
    } words[] = {
        {MS_RDONLY, ",ro"},       {MS_NOEXEC, ",noexec"},   {MS_SYNCHRONOUS, ",sync"},
        {MS_DIRSYNC, ",dirsync"}, {MS_NOATIME, ",noatime"}, {MS_NODIRATIME, ",nodiratime"},
    };

    snprintf(out, size, "nosuid,nodev");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (flags & words[i].flag)
            strncat(out, words[i].word, size - strlen(out) - 1);
}

/* A comma in the name would end it. */
static void escape(char *out, size_t size, const char *name)
{
    size_t len = 0;

    for (; *name && len + 2 < size; name++) {
        if (*name == ',' || *name == '\\')
            out[len++] = '\\';
        out[len++] = *name;
    }
    out[len] = '\0';
}

static int format_user_options(char *out, const struct fusemount *m, char *why)
{
    char flags[128], source[2 * MOUNTPOINT_SOURCE_MAX], max_read[32] = "";

    format_user_flags(flags, sizeof(flags), m->flags);
    escape(source, sizeof(source), m->source);
    if (m->max_read)
        snprintf(max_read, sizeof(max_read), ",max_read=%u", m->max_read);
    int n = snprintf(out, OPTIONS_SIZE, "%s,default_permissions,subtype=wormholefs,fsname=%s%s%s%s",
                     flags, source, m->allow_other ? ",allow_other" : "", max_read, m->kernel);
    if (n < OPTIONS_SIZE)
        return 0;
    snprintf(why, FUSEMOUNT_WHY_MAX, "the mount options are too long");
    return -1;
}

/* Our environment, and where fusermount3 finds its end of the socket. */
static void make_environment(char *out[static ENVIRONMENT_MAX], char *commfd)
{
    size_t count = 0;

    for (char **e = environ; *e && count < ENVIRONMENT_MAX - 2; e++)
        if (strncmp(*e, "_FUSE_COMMFD=", 13) != 0)
            out[count++] = *e;
    out[count++] = commfd;
    out[count] = NULL;
}

/* Starts fusermount3 with `sock` as its descriptor 3 (-1: none) and `said` as its stderr. */
static int spawn(pid_t *pid, char *const argv[], int sock, int said)
{
    char commfd[] = "_FUSE_COMMFD=3";
    char **env = calloc(ENVIRONMENT_MAX, sizeof(*env));
    posix_spawn_file_actions_t actions;

    if (!env)
        return ENOMEM;
    make_environment(env, commfd);
    posix_spawn_file_actions_init(&actions);
    int error = posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    if (error == 0 && sock >= 0)
        error = posix_spawn_file_actions_adddup2(&actions, sock, CHILD_SOCKET);
    if (error == 0)
        error = posix_spawnp(pid, argv[0], &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    return error;
}

/* 0 if it ended well. */
static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* The first line of what fusermount3 had to say. */
static void read_said(int fd, char said[static SAID_SIZE])
{
    size_t len = 0;
    ssize_t n;

    while (len < SAID_SIZE - 1 && (n = read(fd, said + len, SAID_SIZE - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    *strchrnul(said, '\n') = '\0';
    log_printable(said);
}

struct channels {
    int sock[2]; /* ours, its */
    int said[2];
};

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_channels(struct channels *c)
{
    for (int i = 0; i < 2; i++) {
        close_one(&c->sock[i]);
        close_one(&c->said[i]);
    }
}

static int open_channels(struct channels *c)
{
    *c = (struct channels){{-1, -1}, {-1, -1}};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->sock) == 0 &&
        pipe2(c->said, O_CLOEXEC) == 0)
        return 0;
    close_channels(c);
    return -1;
}

static int attach_as_user(const struct fusemount *m, char *why)
{
    char options[OPTIONS_SIZE], dir[PATH_MAX], said[SAID_SIZE];
    char *argv[] = {(char[]){"fusermount3"}, (char[]){"-o"}, options, (char[]){"--"}, dir, NULL};
    struct channels c;
    pid_t pid = -1;

    if (format_user_options(options, m, why) < 0)
        return -1;
    snprintf(dir, sizeof(dir), "%s", m->dir);
    if (open_channels(&c) < 0)
        return fail(why, "cannot start fusermount3");
    int fd = -1;
    errno = spawn(&pid, argv, c.sock[1], c.said[1]);
    if (errno != 0) {
        fail(why, "cannot start fusermount3 (is the package fuse3 installed?)");
        goto out;
    }
    close_one(&c.sock[1]);
    close_one(&c.said[1]);
    fd = descriptor_receive(c.sock[0]);
    read_said(c.said[0], said);
    if (wait_for(pid) == 0 && fd >= 0)
        goto out;
    close_one(&fd);
    snprintf(why, FUSEMOUNT_WHY_MAX, "%s", *said ? said : "fusermount3 could not mount");
out:
    close_channels(&c);
    return fd;
}

int fusemount_attach(const struct fusemount *m, char *why)
{
    if (geteuid() != 0)
        return attach_as_user(m, why);
    int fd = attach_as_root(m, why);
    /* root without its powers, as in a container, may still use the helper. */
    return fd >= 0 || errno != EPERM ? fd : attach_as_user(m, why);
}

/* ---- back ---- */

static int detach_as_user(const char *dir)
{
    char path[PATH_MAX];
    char *argv[] = {(char[]){"fusermount3"},
                    (char[]){"-u"},
                    (char[]){"-q"},
                    (char[]){"-z"},
                    (char[]){"--"},
                    path,
                    NULL};
    pid_t pid = -1;

    snprintf(path, sizeof(path), "%s", dir);
    int silence = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (silence < 0)
        return -1;
    errno = spawn(&pid, argv, -1, silence);
    int error = errno;
    close(silence);
    errno = error;
    if (error != 0)
        return -1;
    if (wait_for(pid) == 0)
        return 0;
    errno = EPERM;
    return -1;
}

int fusemount_detach(const char *dir)
{
    if (umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        return 0;
    return errno == EPERM ? detach_as_user(dir) : -1;
}

/* Through fusectl, which lets the mount's owner do it. */
static bool abort_connection(unsigned connection)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", connection);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        close(fd);
    return done;
}

void fusemount_abort(const char *dir, unsigned connection)
{
    if (abort_connection(connection))
        return;
    umount2(dir, MNT_FORCE | UMOUNT_NOFOLLOW); /* EBUSY as a rule: the mount stays, dead */
}
