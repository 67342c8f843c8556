#include "fs/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "fs/sanitized.h"

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define OTHER_ABI 0x40000000U /* the bit of x32 calls */
#define SET_RESULT(context, value) ((context)->uc_mcontext.gregs[REG_RAX] = (value))
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#define SET_RESULT(context, value) ((context)->uc_mcontext.regs[0] = (uint64_t)(int64_t)(value))
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
    NR_FCHMODAT2 = 452,
    NR_SETXATTRAT = 463,
    NR_REMOVEXATTRAT = 466,
    NR_FILE_SETATTR = 469,
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
    /* what a file is besides its bytes, which Landlock does not guard; by a descriptor, too: one
       that only reads is enough */
    SYS_fchmod,
    SYS_fchmodat,
    NR_FCHMODAT2,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    NR_SETXATTRAT,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    NR_REMOVEXATTRAT,
    NR_FILE_SETATTR,
    SYS_utimensat,
#ifdef SYS_chmod /* an older machine's */
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
#endif
    /* ways to speak with other programs */
    SYS_socketpair, /* an end of datagrams can be turned to any socket */
    SYS_shmget,
    SYS_shmat,
    SYS_semget,
    SYS_msgget,
    SYS_mq_open,
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

static const uint32_t denied_ioctls[] = {
    TIOCSTI,   /* typing on the terminal that the command was started from */
    TIOCLINUX, /* the same, by a selection */
    FS_IOC_SETFLAGS,
    FS_IOC_FSSETXATTR,
};

enum {
    DENIED_COUNT = sizeof(denied) / sizeof(denied[0]),
    DENIED_IOCTLS = sizeof(denied_ioctls) / sizeof(denied_ioctls[0]),
    FILTER_MAX = 48 + 2 * (DENIED_COUNT + DENIED_IOCTLS),
    SI_OF_SECCOMP = 1, /* SYS_SECCOMP, which the C library's headers lack */
    TYPE_MASK = 0xf,   /* of a socket; above it are flags */
};

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

/* What is loaded last is `value`: what is put up to end_case. It must answer in every case, as
 * something else is loaded then, or no more may depend on that. */
static unsigned short begin_case(struct program *p, uint32_t value)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
    return p->len;
}

static void end_case(struct program *p, unsigned short first)
{
    p->code[first - 1].jf = (uint8_t)(p->len - first);
}

static void load_arg(struct program *p, unsigned index)
{
    /* The low half: both machines begin with it, and the kernel looks at no more of these. */
    load(p, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

/* Sockets of the internet, and those that ask the kernel for its addresses. Of the others, a
 * datagram socket of UNIX is asked for by the C library: see on_trap. */
static void refuse_sockets(struct program *p)
{
    unsigned short sockets = begin_case(p, SYS_socket);

    load_arg(p, 0);
    answer_if(p, AF_INET, SECCOMP_RET_ALLOW);
    answer_if(p, AF_INET6, SECCOMP_RET_ALLOW);
    unsigned short netlink = begin_case(p, AF_NETLINK);
    load_arg(p, 2);
    answer_if(p, NETLINK_ROUTE, SECCOMP_RET_ALLOW);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
    end_case(p, netlink);
    unsigned short local = begin_case(p, AF_UNIX);
    load_arg(p, 1);
    put(p, BPF_ALU | BPF_AND | BPF_K, TYPE_MASK, 0, 0);
    answer_if(p, SOCK_DGRAM, SECCOMP_RET_TRAP);
    end_case(p, local);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
    end_case(p, sockets);
}

static void refuse_ioctls(struct program *p)
{
    unsigned short ioctls = begin_case(p, SYS_ioctl);

    load_arg(p, 1);
    for (size_t i = 0; i < DENIED_IOCTLS; i++)
        answer_if(p, denied_ioctls[i], SECCOMP_RET_ERRNO | EPERM);
    answer(p, SECCOMP_RET_ALLOW);
    end_case(p, ioctls);
}

/* A new user namespace can also be had from clone; clone3 hides its flags in memory, so the C
 * library is told that there is none, and falls back to clone. */
static void refuse_namespaces(struct program *p)
{
    answer_if(p, NR_CLONE3, SECCOMP_RET_ERRNO | ENOSYS);
    unsigned short clones = begin_case(p, SYS_clone);
    load_arg(p, 0);
    put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1);
    answer(p, SECCOMP_RET_ERRNO | EPERM);
    answer(p, SECCOMP_RET_ALLOW);
    end_case(p, clones);
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
    refuse_sockets(p);
    refuse_ioctls(p);
    refuse_namespaces(p);
    answer(p, SECCOMP_RET_ALLOW);
}

/* if_nametoindex, which reads "fe80::1%eth0" in resolv.conf, puts its question to a UNIX socket of
 * datagrams, though any would do. It gets one of the internet; whoever wanted to connect it to a
 * path cannot. Answered in the place of the call, so as async-signal-safe as that. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
    int before = errno;
    ucontext_t *at = context;

    (void)signal;
    if (info->si_code == SI_OF_SECCOMP) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        SET_RESULT(at, fd < 0 ? -errno : fd);
    }
    errno = before;
}

static int catch_traps(void)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t set;

    sigemptyset(&action.sa_mask);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    /* Where it is blocked, the process would end. */
    return sigaction(SIGSYS, &action, NULL) == 0 && sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 ? 0
                                                                                              : -1;
}

int seccomp_enter(void)
{
    struct program p;

    if (catch_traps() < 0)
        return -1;
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
