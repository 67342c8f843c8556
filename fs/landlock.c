#include "fs/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fs/sanitized.h"

/* linux/landlock.h; the numbers of its calls are the same on every machine. */
enum {
    CALL_CREATE_RULESET = 444,
    CALL_ADD_RULE = 445,
    CALL_RESTRICT_SELF = 446,
    ASK_VERSION = 1,
    RULE_PATH_BENEATH = 1,
};

#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define MAKE_REG (UINT64_C(1) << 8)
#define ALL_OF_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define REFER (UINT64_C(1) << 13)     /* version 2 */
#define TRUNCATE (UINT64_C(1) << 14)  /* version 3 */
#define IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define FOR_FILES (UINT64_C(1) | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* version 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)        /* version 6 */

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* version 4 */
    uint64_t scoped;             /* version 6 */
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

struct rules {
    int fd;
    uint64_t handled;
};

/* ---- the rules ---- */

static int open_rules(struct rules *r, long version)
{
    struct ruleset_attr attr = {.handled_access_fs = ALL_OF_VERSION_1};
    size_t size = offsetof(struct ruleset_attr, handled_access_net);

    if (version >= 2)
        attr.handled_access_fs |= REFER;
    if (version >= 3)
        attr.handled_access_fs |= TRUNCATE;
    if (version >= 5)
        attr.handled_access_fs |= IOCTL_DEV;
    if (version >= 6) {
        attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
        size = sizeof(attr);
    }
    r->handled = attr.handled_access_fs;
    r->fd = (int)syscall(CALL_CREATE_RULESET, &attr, size, 0);
    return r->fd < 0 ? -1 : 0;
}

/* What does not exist needs no rule. */
static int allow(const struct rules *r, const char *path, uint64_t access)
{
    struct path_beneath_attr attr = {.allowed_access = access & r->handled};
    struct stat st;

    attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (attr.parent_fd < 0)
        return 0;
    if (fstat(attr.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
        attr.allowed_access &= FOR_FILES;
    int rc = (int)syscall(CALL_ADD_RULE, r->fd, RULE_PATH_BENEATH, &attr, 0);
    int error = errno;
    close(attr.parent_fd);
    errno = error;
    return rc;
}

/* The directory, as the file is replaced by another one at any time; but only a directory for such
 * things, that is, one below /run. */
static int allow_resolver(const struct rules *r)
{
    static const char top[] = "/run/";
    char path[PATH_MAX];

    if (!realpath("/etc/resolv.conf", path) || strncmp(path, top, sizeof(top) - 1) != 0)
        return 0;
    char *slash = strrchr(path, '/');
    if (slash < path + sizeof(top))
        return 0; /* in /run itself */
    *slash = '\0';
    return allow(r, path, READ_FILE | READ_DIR);
}

static int allow_reading(const struct rules *r)
{
    static const char *const paths[] = {
        "/etc",                 /* resolv.conf, hosts, nsswitch.conf, gai.conf, ssl */
        "/etc/resolv.conf",     /* wherever it leads */
        "/usr",                 /* modules of the resolver, CA certificates, time zones */
        "/lib",                 /* the same */
        "/lib64",               /* the same */
        "/run/systemd/resolve", /* where /etc/resolv.conf may lead to one day */
        "/run/resolvconf",      /* the same */
        "/var/lib/sss",         /* users and hosts of sssd */
        "/proc",                /* who writes into the mount */
        "/sys/devices/system",  /* how many processors there are */
        "/dev/urandom",
        "/dev/random",
    };
    static const char *const variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (allow(r, paths[i], READ_FILE | READ_DIR) < 0)
            return -1;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *path = getenv(variables[i]);
        if (path && *path == '/' && allow(r, path, READ_FILE | READ_DIR) < 0)
            return -1;
    }
    if (allow_resolver(r) < 0)
        return -1;
    return allow(r, "/dev/null", READ_FILE | WRITE_FILE);
}

#if SANITIZED
/* The sanitizers write their reports where their options say, and read this program for the names
 * in them. */
static int allow_reports(const struct rules *r, const char *options)
{
    static const char key[] = "log_path=";
    const char *found = options ? strstr(options, key) : NULL;
    char path[4096];

    if (!found)
        return 0;
    found += sizeof(key) - 1;
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(found, ":"), found);
    char *slash = strrchr(path, '/');
    if (!slash)
        return 0;
    slash[1] = '\0';
    return allow(r, path, MAKE_REG | WRITE_FILE | TRUNCATE);
}

static int allow_sanitizers(const struct rules *r)
{
    if (allow_reports(r, getenv("ASAN_OPTIONS")) < 0 ||
        allow_reports(r, getenv("UBSAN_OPTIONS")) < 0)
        return -1;
    return allow(r, "/proc/self/exe", READ_FILE);
}
#else
static int allow_sanitizers(const struct rules *r)
{
    (void)r;
    return 0;
}
#endif

/* ---- the gate ---- */

int landlock_enter(const char *own)
{
    struct rules r;
    long version = syscall(CALL_CREATE_RULESET, NULL, 0, ASK_VERSION);

    if (version < 1)
        return 1; /* not compiled in, or switched off at boot */
    if (open_rules(&r, version) < 0)
        return -1;
    int rc = allow(&r, own, r.handled);
    if (rc == 0)
        rc = allow_reading(&r);
    if (rc == 0)
        rc = allow_sanitizers(&r);
    if (rc == 0)
        rc = (int)syscall(CALL_RESTRICT_SELF, r.fd, 0);
    int error = errno;
    close(r.fd);
    errno = error;
    return rc;
}
