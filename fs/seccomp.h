/* System calls that the daemon never makes and an intruder would like to: refused by the kernel.
 *
 * A list of what is denied, not of what is allowed: the C library, the resolver's modules and the
 * sanitizers may use what they like, in any later version. The filter is some 60 instructions of
 * classic BPF from a table, which is less than the library that would write them for us. */
#ifndef FS_SECCOMP_H
#define FS_SECCOMP_H

/* Of all threads of the process and all that they start, for good. Needs no_new_privs. The calls
 * fail with EPERM from then on; calls of another machine's kind (32 bit) kill the process.
 * 0; 1 if the kernel has no seccomp filters, or we have no list for this machine; -1 and errno. */
int seccomp_enter(void);

#endif
