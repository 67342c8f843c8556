/* What the process that serves gives up once it has what it needs: new privileges, all files but
 * its store and what name resolution, TLS and /proc take, and the system calls of seccomp.h. So
 * whoever takes it over, by a message from the network or by a stored one, has the wormholes of one
 * user and nothing else of theirs.
 *
 * It costs the exit codes of dying writers, which a process outside reads for us (seal/witness.h),
 * and unmounting, which is the supervisor's. */
#ifndef FS_SANDBOX_H
#define FS_SANDBOX_H

enum sandbox_part {
    SANDBOX_NO_NEW_PRIVS = 1,
    SANDBOX_LANDLOCK = 2,
    SANDBOX_SECCOMP = 4,
};

/* For good, and for all threads that the calling one starts: it must still be the only one. `store`
 * is an absolute path of a directory that exists. Returns the parts that are in force; what the
 * kernel does not have is a line in the log. */
unsigned sandbox_enter(const char *store);

#endif
