/* Each test is a child that confines itself, tries, and exits with the number of the first thing
 * that went otherwise than it should (0: none). What the kernel does not have is not tried. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/log.h"
#include "fs/privacy.h"
#include "fs/sandbox.h"
#include "fs/sanitized.h"
#include "fs/seal/writer.h"
#include "proto/net/thread.h"
#include "proto/vault.h"

static char base[80];  /* outside of the sandbox */
static char store[96]; /* inside */
static pid_t outsider; /* a process that lives on outside */
static int listener;   /* on the socket "bus" outside, as another program's */
static int opened;     /* "private", to read, opened before */

#define TRY(condition)                                                                             \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, strerror(errno));           \
            return __LINE__ % 250 + 1;                                                             \
        }                                                                                          \
    } while (0)

/* Without it the child would be a copy that writes the parent's test report once more. */
static int in_child(int (*attempt)(unsigned parts))
{
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(attempt(sandbox_enter(store)));
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool refused(long rc, int error)
{
    return rc < 0 && errno == error;
}

static char *in(const char *dir, const char *name)
{
    static char path[2][256];
    static unsigned turn;
    char *out = path[turn++ % 2];

    snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
    return out;
}

static int status_has(const char *line)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, line) != NULL;
}

static int is_shown(unsigned parts)
{
    TRY(parts & SANDBOX_NO_NEW_PRIVS);
    TRY(status_has("\nNoNewPrivs:\t1\n"));
    TRY(!(parts & SANDBOX_SECCOMP) || status_has("\nSeccomp:\t2\n"));
    return 0;
}

static void proc_shows_it(void **state)
{
    (void)state;
    assert_int_equal(in_child(is_shown), 0);
}

static int the_store_works(unsigned parts)
{
    (void)parts;
    int fd = open(in(store, "file"), O_RDWR | O_CREAT | O_EXCL, 0600);

    TRY(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && fsync(fd) == 0);
    close(fd);
    TRY(mkdir(in(store, "dir"), 0700) == 0);
    TRY(rename(in(store, "file"), in(store, "other")) == 0);
    fd = open(store, O_RDONLY | O_DIRECTORY);
    TRY(fd >= 0 && fsync(fd) == 0 && unlinkat(fd, "other", 0) == 0);
    TRY(unlinkat(fd, "dir", AT_REMOVEDIR) == 0);
    close(fd);
    return 0;
}

static void the_store_is_ours(void **state)
{
    (void)state;
    assert_int_equal(in_child(the_store_works), 0);
}

static int nothing_else_opens(unsigned parts)
{
    if (!(parts & SANDBOX_LANDLOCK))
        return 0;
    TRY(refused(open(in(base, "private"), O_RDONLY), EACCES));
    TRY(refused(open(in(base, "new"), O_WRONLY | O_CREAT, 0600), EACCES));
    TRY(refused(open(base, O_RDONLY | O_DIRECTORY), EACCES));
    TRY(refused(open(in(store, "../private"), O_RDONLY), EACCES));
    TRY(refused(open(in(store, "link"), O_RDONLY), EACCES));
    TRY(refused(open("/etc/passwd", O_WRONLY), EACCES));
    TRY(refused(open("/root", O_RDONLY | O_DIRECTORY), EACCES));
    TRY(refused(open("/run", O_RDONLY | O_DIRECTORY), EACCES));
    TRY(refused(unlink(in(base, "private")), EACCES));
    TRY(refused(mkdir(in(base, "dir"), 0700), EACCES));
    return 0;
}

static void what_is_not_ours_cannot_be_opened(void **state)
{
    (void)state;
    assert_int_equal(symlink("../private", in(store, "link")), 0);
    assert_int_equal(in_child(nothing_else_opens), 0);
}

static int outsiders_are_left_alone(unsigned parts)
{
    if (!(parts & SANDBOX_LANDLOCK))
        return 0;
    TRY(refused(ptrace(PTRACE_ATTACH, outsider, NULL, NULL), EPERM));
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)outsider);
    TRY(open(path, O_RDONLY) < 0);
    return 0;
}

static void other_processes_are_out_of_reach(void **state)
{
    (void)state;
    assert_int_equal(in_child(outsiders_are_left_alone), 0);
}

static int calls_are_refused(unsigned parts)
{
    char *const argv[] = {(char[]){"true"}, NULL};

    if (!(parts & SANDBOX_SECCOMP))
        return 0;
    TRY(refused(execv("/bin/true", argv), EPERM));
    TRY(refused(mount("none", store, "tmpfs", 0, NULL), EPERM));
    TRY(refused(umount2(store, MNT_DETACH), EPERM));
    TRY(refused(unshare(CLONE_NEWUSER), EPERM));
    TRY(refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM));
    TRY(refused(syscall(435 /* clone3 */, NULL, 0), ENOSYS));
    TRY(refused(syscall(425 /* io_uring_setup */, 1, NULL), EPERM));
    TRY(refused(syscall(SYS_bpf, 0, NULL, 0), EPERM));
    TRY(refused(syscall(SYS_keyctl, 0, 0, 0), EPERM));
    TRY(refused(syscall(SYS_process_vm_readv, outsider, NULL, 0, NULL, 0, 0), EPERM));
    return 0;
}

static void what_we_never_call_is_refused(void **state)
{
    (void)state;
    assert_int_equal(in_child(calls_are_refused), 0);
}

static int bus_is_out_of_reach(unsigned parts)
{
    int ends[2];

    if (!(parts & SANDBOX_SECCOMP))
        return 0;
    TRY(refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
    TRY(refused(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), EPERM));
    TRY(refused(socket(AF_PACKET, SOCK_DGRAM, 0), EPERM));
    TRY(refused(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT), EPERM));
    TRY(refused(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), EPERM));
    TRY(refused(shmget(IPC_PRIVATE, 1, 0600), EPERM));
    TRY(refused(ioctl(STDERR_FILENO, TIOCSTI, "x"), EPERM));
    return 0;
}

static int nothing_connects(unsigned parts)
{
    struct sockaddr_un bus = {.sun_family = AF_UNIX};
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

    if (!(parts & SANDBOX_SECCOMP))
        return 0;
    snprintf(bus.sun_path, sizeof(bus.sun_path), "%s", in(base, "bus"));
    for (int i = 0; i < 3; i++) {
        int s = socket(AF_UNIX, types[i], 0);
        TRY(connect(s, (struct sockaddr *)&bus, sizeof(bus)) < 0);
        TRY(sendto(s, "x", 1, 0, (struct sockaddr *)&bus, sizeof(bus)) < 0);
    }
    return 0;
}

static void other_programs_cannot_be_spoken_to(void **state)
{
    (void)state;
    assert_int_equal(in_child(bus_is_out_of_reach), 0);
    assert_int_equal(in_child(nothing_connects), 0);
    assert_true(refused(accept4(listener, NULL, NULL, SOCK_NONBLOCK), EAGAIN));
}

static int paths_keep_their_looks(unsigned parts)
{
    const char *path = in(base, "private");

    if (!(parts & SANDBOX_SECCOMP))
        return 0;
    TRY(refused(chmod(path, 0777), EPERM));
    TRY(refused(fchmodat(AT_FDCWD, path, 0777, 0), EPERM));
    TRY(refused(syscall(452 /* fchmodat2 */, AT_FDCWD, path, 0777, 0), EPERM));
    TRY(refused(chown(path, geteuid(), getegid()), EPERM));
    TRY(refused(lchown(path, geteuid(), getegid()), EPERM));
    TRY(refused(setxattr(path, "user.x", "y", 1, 0), EPERM));
    TRY(refused(lsetxattr(path, "user.x", "y", 1, 0), EPERM));
    TRY(refused(syscall(463 /* setxattrat */, AT_FDCWD, path, 0, "user.x", NULL, 0), EPERM));
    TRY(refused(removexattr(path, "user.x"), EPERM));
    TRY(refused(lremovexattr(path, "user.x"), EPERM));
    TRY(refused(utimensat(AT_FDCWD, path, NULL, 0), EPERM));
    TRY(refused(utimes(path, NULL), EPERM));
    return 0;
}

/* Root's daemon can read /etc/shadow, so a descriptor must not be enough. */
static int files_keep_their_looks(unsigned parts)
{
    int flags = 0;

    if (!(parts & SANDBOX_SECCOMP))
        return 0;
    TRY(refused(fchmod(opened, 0777), EPERM));
    TRY(refused(fchown(opened, geteuid(), getegid()), EPERM));
    TRY(refused(fsetxattr(opened, "user.x", "y", 1, 0), EPERM));
    TRY(refused(fremovexattr(opened, "user.x"), EPERM));
    TRY(refused(futimens(opened, NULL), EPERM));
    TRY(refused(ioctl(opened, FS_IOC_SETFLAGS, &flags), EPERM));
    return 0;
}

static void what_is_not_ours_keeps_its_mode_owner_times_and_attributes(void **state)
{
    struct stat before, after;

    (void)state;
    assert_int_equal(stat(in(base, "private"), &before), 0);
    assert_int_equal(in_child(paths_keep_their_looks), 0);
    assert_int_equal(in_child(files_keep_their_looks), 0);
    assert_int_equal(stat(in(base, "private"), &after), 0);
    assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
}

static void *number_of_loopback(void *arg)
{
    return if_nametoindex("lo") > 0 ? arg : NULL;
}

/* The C library puts this question to a socket of UNIX. */
static int zones_are_known(unsigned parts)
{
    pthread_t thread;
    void *result;

    TRY(if_nametoindex("lo") > 0);
    TRY(if_nametoindex("no-such") == 0 && errno == ENODEV);
    TRY(thread_start(&thread, 0, number_of_loopback, &result) == 0);
    TRY(pthread_join(thread, &result) == 0 && result != NULL);
    TRY(!(parts & SANDBOX_SECCOMP) || kill(getpid(), SIGSYS) == 0); /* not a call: passes by */
    return 0;
}

static void the_names_of_interfaces_are_known(void **state)
{
    (void)state;
    assert_int_equal(in_child(zones_are_known), 0);
}

static void *in_a_thread(void *arg)
{
    return open((const char *)arg, O_RDONLY) < 0 && errno == EACCES ? arg : NULL;
}

static int threads_are_confined(unsigned parts)
{
    pthread_t thread;
    void *result;

    if (!(parts & SANDBOX_LANDLOCK))
        return 0;
    char *path = in(base, "private");
    TRY(pthread_create(&thread, NULL, in_a_thread, path) == 0);
    TRY(pthread_join(thread, &result) == 0 && result == path);
    return 0;
}

static void so_are_threads_that_start_later(void **state)
{
    (void)state;
    assert_int_equal(in_child(threads_are_confined), 0);
}

static int needs_are_met(unsigned parts)
{
    struct addrinfo *found = NULL;
    struct ifaddrs *interfaces = NULL;
    struct writer_id id;
    char name[WRITER_NAME_MAX];
    pid_t pid;

    (void)parts;
    /* The resolver reads its files and loads its modules only now. */
    TRY(getaddrinfo("localhost", "80", NULL, &found) == 0);
    freeaddrinfo(found);
    TRY(getaddrinfo("no-such-host.invalid", "80", NULL, &found) != EAI_SYSTEM);
    TRY(access("/etc/ssl", F_OK) < 0 || open("/etc/ssl", O_RDONLY | O_DIRECTORY) >= 0);
    TRY(open("/dev/null", O_RDWR) >= 0 && open("/dev/urandom", O_RDONLY) >= 0);
    TRY(writer_identify(outsider, &id) == 0 && !writer_is_gone(&id));
    TRY(writer_describe(outsider, name, &pid) && pid == outsider);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    TRY(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
    TRY(getifaddrs(&interfaces) == 0);
    freeifaddrs(interfaces);
    TRY(access("/etc/resolv.conf", F_OK) < 0 || open("/etc/resolv.conf", O_RDONLY) >= 0);
    TRY(access("/etc/localtime", F_OK) < 0 || open("/etc/localtime", O_RDONLY) >= 0);
    return 0;
}

static void what_the_daemon_needs_goes_on(void **state)
{
    (void)state;
    assert_int_equal(in_child(needs_are_met), 0);
}

static int code_is_unknown(unsigned parts)
{
    /* Not readable from inside: unknown, not "by itself". */
    TRY(writer_look(outsider) == (parts & SANDBOX_LANDLOCK ? WRITER_ENDS : WRITER_KILLED));
    return 0;
}

/* Why there is a witness. */
static void the_end_of_a_writer_is_unknown_inside(void **state)
{
    siginfo_t info;

    (void)state;
    kill(outsider, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)outsider, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(writer_look(outsider), WRITER_KILLED);
    assert_int_equal(in_child(code_is_unknown), 0);
}

static unsigned locked_kib(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "\nVmLck:");
    return line ? (unsigned)strtoul(line + 7, NULL, 10) : 0;
}

enum user { AS_OURSELVES, AS_NOBODY };

/* In a child: with this limit, what becomes of a piece of the vault? */
static int lock_with(rlim_t bytes, enum user user)
{
    const struct rlimit limit = {bytes, bytes};

    if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return 0; /* more than we may have */
    TRY(user == AS_OURSELVES || setresuid(65534, 65534, 65534) == 0);
    bool all = privacy_begin();
    char *key = vault_alloc(5000);
    TRY(key && (all || bytes != RLIM_INFINITY));
    memset(key, 1, 5000); /* works, locked or not */
    TRY(user == AS_OURSELVES || all == (bytes == RLIM_INFINITY));
#if !SANITIZED /* they ignore mlockall */
    TRY(!all || locked_kib() > 100);
#endif
    TRY(all || bytes == 0 || (locked_kib() >= 4 && locked_kib() <= 64));
    TRY(all || bytes != 0 || user == AS_OURSELVES || locked_kib() == 0);
    vault_free(key, 5000);
    return 0;
}

static void keys_are_locked_as_far_as_the_limit_goes(void **state)
{
    const rlim_t limits[] = {0, 65536, RLIM_INFINITY};
    int status;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        enum user user = i % 2 ? AS_NOBODY : AS_OURSELVES;
        if (user == AS_NOBODY && geteuid() != 0)
            continue;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            _exit(lock_with(limits[i / 2], user));
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void a_crash_leaves_no_core(void **state)
{
    int status;

    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0};
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &limit);
        privacy_begin();
        if (prctl(PR_GET_DUMPABLE) != 0 || getrlimit(RLIMIT_CORE, &limit) < 0 ||
            limit.rlim_max != none.rlim_max)
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        abort();
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}

static void listen_outside(void)
{
    struct sockaddr_un bus = {.sun_family = AF_UNIX};

    snprintf(bus.sun_path, sizeof(bus.sun_path), "%s", in(base, "bus"));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&bus, sizeof(bus)), 0);
    assert_int_equal(listen(listener, 4), 0);
}

static int prepare(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(base, sizeof(base), "%s/wormholefs-sandbox.XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(base));
    snprintf(store, sizeof(store), "%s/store", base);
    assert_int_equal(mkdir(store, 0700), 0);
    opened = open(in(base, "private"), O_RDONLY | O_CREAT, 0600);
    assert_true(opened >= 0);
    listen_outside();
    outsider = fork();
    assert_true(outsider >= 0);
    if (outsider == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return 0;
}

static int clean(void **state)
{
    (void)state;
    waitpid(outsider, NULL, 0);
    unlink(in(store, "link"));
    unlink(in(base, "private"));
    unlink(in(base, "bus"));
    close(listener);
    close(opened);
    rmdir(store);
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proc_shows_it),
        cmocka_unit_test(the_store_is_ours),
        cmocka_unit_test(what_is_not_ours_cannot_be_opened),
        cmocka_unit_test(other_processes_are_out_of_reach),
        cmocka_unit_test(what_we_never_call_is_refused),
        cmocka_unit_test(other_programs_cannot_be_spoken_to),
        cmocka_unit_test(what_is_not_ours_keeps_its_mode_owner_times_and_attributes),
        cmocka_unit_test(the_names_of_interfaces_are_known),
        cmocka_unit_test(so_are_threads_that_start_later),
        cmocka_unit_test(what_the_daemon_needs_goes_on),
        cmocka_unit_test(the_end_of_a_writer_is_unknown_inside),
        cmocka_unit_test(keys_are_locked_as_far_as_the_limit_goes),
        cmocka_unit_test(a_crash_leaves_no_core),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
