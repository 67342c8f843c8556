#include "fs/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PASSWD_SIZE = 16 * 1024 };

static int fail(char *why, const char *what)
{
    snprintf(why, IDENTITY_WHY_MAX, "%s: %m", what);
    return -1;
}

/* Fills from the passwd entry, if there is one. 0: found; 1: not. */
static int read_passwd(struct identity *id, const char *user)
{
    char *buffer = malloc(PASSWD_SIZE);
    struct passwd entry, *found = NULL;

    if (!buffer)
        return 1;
    if (user)
        getpwnam_r(user, &entry, buffer, PASSWD_SIZE, &found);
    else
        getpwuid_r(id->uid, &entry, buffer, PASSWD_SIZE, &found);
    if (found) {
        id->uid = found->pw_uid;
        id->gid = user ? found->pw_gid : id->gid;
        snprintf(id->user, sizeof(id->user), "%s", found->pw_name);
        snprintf(id->home, sizeof(id->home), "%s", found->pw_dir);
    }
    free(buffer);
    return found ? 0 : 1;
}

static void find_ourselves(struct identity *out)
{
    const char *home = getenv("HOME");

    *out = (struct identity){.uid = getuid(), .gid = getgid()};
    read_passwd(out, NULL);
    if (home && *home == '/')
        snprintf(out->home, sizeof(out->home), "%s", home);
}

int identity_find(struct identity *out, const char *user, char *why)
{
    if (!*user) {
        find_ourselves(out);
        return 0;
    }
    *out = (struct identity){0};
    if (read_passwd(out, user) != 0) {
        snprintf(why, IDENTITY_WHY_MAX, "setuid=%s: there is no such user", user);
        return -1;
    }
    out->other = out->uid != getuid();
    if (out->other && geteuid() != 0) {
        snprintf(why, IDENTITY_WHY_MAX, "setuid=%s: only root may do that", user);
        return -1;
    }
    return 0;
}

int identity_assume(const struct identity *id, char *why)
{
    if (!id->other)
        return 0;
    if (initgroups(id->user, id->gid) < 0 || setegid(id->gid) < 0 || seteuid(id->uid) < 0)
        return fail(why, id->user);
    return 0;
}

/* Changing ids makes a process undumpable, and then /proc/self belongs to root. */
int identity_become(const struct identity *id, char *why)
{
    if (!id->other)
        return 0;
    if (initgroups(id->user, id->gid) < 0 || setresgid(id->gid, id->gid, id->gid) < 0 ||
        setresuid(id->uid, id->uid, id->uid) < 0)
        return fail(why, id->user);
    if (id->uid != 0 && setuid(0) == 0) {
        snprintf(why, IDENTITY_WHY_MAX, "could not give up being root");
        return -1;
    }
    prctl(PR_SET_DUMPABLE, 1);
    return 0;
}
