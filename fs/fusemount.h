/* Mounting: from a directory to an open /dev/fuse, and back. By mount(2) as root, else through
 * fusermount3. Knows nothing of sessions: whoever holds the descriptor may serve it.
 *
 * Nothing here runs beside other threads of the process that change their user ids. */
#ifndef FS_FUSEMOUNT_H
#define FS_FUSEMOUNT_H

#include <stdbool.h>
#include <sys/types.h>

enum { FUSEMOUNT_WHY_MAX = 512 };

struct fusemount {
    const char *dir;     /* absolute */
    const char *source;  /* shown by mount(8) and df: the name of the store */
    unsigned long flags; /* MS_… */
    bool allow_other;    /* everybody may come in */
    unsigned max_read;   /* 0: the kernel's choice */
    const char *kernel;  /* ",NAME=VALUE…", or "" */
    uid_t uid;           /* who may come in, when mounting as root */
    gid_t gid;
};

/* Mounts; the kernel checks permissions (default_permissions). The descriptor (close-on-exec), or
 * -1 with a sentence in why (FUSEMOUNT_WHY_MAX bytes). */
int fusemount_attach(const struct fusemount *m, char *why);

/* Takes the mount off the directory at once, also if it is in use or dead. 0, or -1 and errno. */
int fusemount_detach(const char *dir);

/* Ends the connection (mountpoint_top.connection) of a mount whose daemon cannot end: every request
 * in it fails, and it is dead from then on. Root may; whose mount it is may, too, where fusectl is
 * mounted, as it is by systemd; else nothing happens. */
void fusemount_abort(const char *dir, unsigned connection);

#endif
