/* What the process that serves gives up once it has what it needs: new privileges, opening any file
 * but its store and what name resolution, TLS and /proc take, changing what a file is besides its
 * bytes, sockets but the internet's, and the other system calls of seccomp.h. So whoever takes it
 * over, by a message from the network or by a stored one, has the wormholes of one user, the
 * network as this machine has it, and to read what lies in /etc and /usr; but none of their other
 * files, and none of their programs, neither to start nor to ask, but over the network.
 *
 * What is left open: to ask which files there are (stat), and the socket of syslog, which leads to
 * other sockets for datagrams, too (those of desktops, buses and agents are no such). Before Linux
 * 6.12 also signals to the user's other processes.
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
