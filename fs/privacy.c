#include "fs/privacy.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "fs/log.h"

static void forbid_cores(void)
{
    const struct rlimit none = {0};

    /* The flag also hides /proc/PID/mem and keeps debuggers of the same user away. The limit alone
     * would not do: a core that is piped to a program has none. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        log_warning("a core dump of this process cannot be ruled out: %m");
    setrlimit(RLIMIT_CORE, &none);
}

/* With a limit, every later allocation beyond it would fail: so all or nothing. Only pages that are
 * touched are locked, or reserved stacks would be filled with memory. */
static bool lock_memory(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY)
        return false;
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

bool privacy_begin(void)
{
    forbid_cores();
    return lock_memory();
}
