/* System calls that the daemon never makes and an intruder would like to: refused by the kernel.
 *
 * A list of what is denied, not of what is allowed: the C library, the resolver's modules and the
 * sanitizers may use what they like, in any later version. The filter is some 200 instructions of
 * classic BPF from tables, which is less than the library that would write them for us.
 *
 * Of sockets it is the other way round: the internet's and NETLINK_ROUTE, no others. Those of UNIX
 * lead to the user's other programs (D-Bus, the ssh-agent, X), and Landlock does not see who
 * connects to them. So the modules of the resolver that ask a daemon (resolve, mdns, nscd) are as
 * if that did not run, and a syslogd that is started again is not found again. Nor does Landlock
 * see who changes modes, owners, times and attributes: all of that is refused, for any file. */
#ifndef FS_SECCOMP_H
#define FS_SECCOMP_H

/* Of all threads of the process and all that they start, for good. Needs no_new_privs. The calls
 * fail with EPERM from then on; calls of another machine's kind (32 bit) kill the process. Takes
 * SIGSYS, which no thread may block from then on: it would be killed.
 * 0; 1 if the kernel has no seccomp filters, or we have no list for this machine; -1 and errno. */
int seccomp_enter(void);

#endif
