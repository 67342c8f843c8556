#include "fs/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fs/sanitized.h"

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000U /* the bit of x32 calls */
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef MACHINE

/* Numbers that old headers lack; since 5.1 they are the same on every machine. */
enum {
    NR_IO_URING_SETUP = 425, /* its rings are a way around any filter */
    NR_OPEN_TREE = 428,
    NR_MOVE_MOUNT = 429,
    NR_FSOPEN = 430,
    NR_FSCONFIG = 431,
    NR_FSMOUNT = 432,
    NR_FSPICK = 433,
    NR_CLONE3 = 435,
    NR_PIDFD_GETFD = 438,
    NR_MOUNT_SETATTR = 442,
};

static const uint32_t denied[] = {
    /* other programs */
    SYS_execve,
    SYS_execveat,
    /* other processes */
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    NR_PIDFD_GETFD,
    SYS_kcmp,
#if !SANITIZED /* the leak checker looks at its own process in this way */
    SYS_ptrace,
#endif
    /* the file system's shape, and ways into it that pass by Landlock */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_by_handle_at,
    NR_OPEN_TREE,
    NR_MOVE_MOUNT,
    NR_FSOPEN,
    NR_FSCONFIG,
    NR_FSMOUNT,
    NR_FSPICK,
    NR_MOUNT_SETATTR,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    /* namespaces, for the kernel that they lay open */
    SYS_unshare,
    SYS_setns,
    /* parts of the kernel with a long record, of no use here */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    NR_IO_URING_SETUP,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    /* the machine */
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
};

enum { DENIED_COUNT = sizeof(denied) / sizeof(denied[0]), FILTER_MAX = 16 + 2 * DENIED_COUNT };

struct program {
    struct sock_filter code[FILTER_MAX];
    unsigned short len;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    p->code[p->len++] = (struct sock_filter){.code = code, .k = k, .jt = yes, .jf = no};
}

static void load(struct program *p, size_t offset)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *p, uint32_t what)
{
    put(p, BPF_RET | BPF_K, what, 0, 0);
}

/* What is loaded last is `value`: answer. */
static void answer_if(struct program *p, uint32_t value, uint32_t what)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(p, what);
}

/* A new user namespace can also be had from clone; clone3 hides its flags in memory, so the C
 * library is told that there is none, and falls back to clone. */
static void refuse_namespaces(struct program *p)
{
    answer_if(p, NR_CLONE3, SECCOMP_RET_ERRNO | ENOSYS);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3);
    load(p, offsetof(struct seccomp_data, args[0])); /* the low half: both machines begin with it */
    put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static void write_program(struct program *p)
{
    p->len = 0;
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
#ifdef OTHER_ABI
    put(p, BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t i = 0; i < DENIED_COUNT; i++)
        answer_if(p, denied[i], SECCOMP_RET_ERRNO | EPERM);
    refuse_namespaces(p);
    answer(p, SECCOMP_RET_ALLOW);
}

int seccomp_enter(void)
{
    struct program p;

    write_program(&p);
    const struct sock_fprog filter = {.len = p.len, .filter = p.code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0)
        return 0;
    return errno == ENOSYS || errno == EINVAL ? 1 : -1;
}

#else

int seccomp_enter(void)
{
    return 1;
}

#endif
