#include "fs/privacy.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fs/log.h"
#include "proto/vault.h"

static void forbid_cores(void)
{
    const struct rlimit none = {0};

    /* The flag also hides /proc/PID/mem and keeps debuggers of the same user away. The limit alone
     * would not do: a core that is piped to a program has none. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        log_warning("a core dump of this process cannot be ruled out: %m");
    setrlimit(RLIMIT_CORE, &none);
}

/* Do limits not bind us? */
static bool may_lock_anything(void)
{
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

    return syscall(SYS_capget, &who, caps) == 0 &&
           (caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK));
}

/* With a limit, every later allocation beyond it would fail: so all or nothing. Only pages that are
 * touched are locked, or reserved stacks would be filled with memory. */
static bool lock_all(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
        (limit.rlim_cur != RLIM_INFINITY && !may_lock_anything()))
        return false;
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

/* The pages that it touches, and they stay locked: what is freed there is soon used for the next
 * secret. Not by mlock(), which builds with sanitizers ignore. */
static void lock_piece(void *at, size_t size)
{
    (void)syscall(SYS_mlock, at, size);
}

void privacy_raise_limit(void)
{
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

    setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

bool privacy_begin(void)
{
    struct rlimit limit;

    forbid_cores();
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_MEMLOCK, &limit);
    }
    if (lock_all())
        return true;
    vault_keep(lock_piece);
    return false;
}
