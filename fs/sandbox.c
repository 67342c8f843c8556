#include "fs/sandbox.h"

#include <sys/prctl.h>
#include "fs/landlock.h"
#include "fs/log.h"
#include "fs/seccomp.h"

/* rc as the parts give it. */
static unsigned came_of(enum sandbox_part part, int rc, const char *what)
{
    if (rc < 0)
        log_warning("not confined by %s: %m", what);
    else if (rc > 0)
        log_notice("not confined by %s: this system has none", what);
    return rc == 0 ? (unsigned)part : 0;
}

unsigned sandbox_enter(const char *store)
{
    unsigned parts =
        came_of(SANDBOX_NO_NEW_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");

    if (parts == 0)
        return 0; /* the others need it */
    parts |= came_of(SANDBOX_LANDLOCK, landlock_enter(store), "Landlock");
    return parts | came_of(SANDBOX_SECCOMP, seccomp_enter(), "seccomp");
}
