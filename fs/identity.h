/* Who the daemon is: whoever started it, or in a mount by root the user that setuid= names. The
 * worker is that user before it touches a file, the supervisor as soon as it has mounted.
 *
 * Sentences go to why (IDENTITY_WHY_MAX bytes); errors are -1. */
#ifndef FS_IDENTITY_H
#define FS_IDENTITY_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { IDENTITY_WHY_MAX = 512 };

struct identity {
    uid_t uid;
    gid_t gid;
    bool other;          /* not who we are: setuid= by root */
    char user[64];       /* the name, "" if the number has none */
    char home[PATH_MAX]; /* "" if unknown */
};

/* user: of setuid=, or "" for who we are (then $HOME goes before the passwd entry). Only root may
 * name somebody else. */
int identity_find(struct identity *out, const char *user, char *why);

/* Files are looked at as that user from here on. No-op unless `other`. */
int identity_assume(const struct identity *id, char *why);
/* That user for good, with no way back. */
int identity_become(const struct identity *id, char *why);

#endif
