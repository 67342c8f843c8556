/* What of the file system this process can still open, by Landlock (Linux 5.13 and later).
 *
 * By raw system calls and numbers of our own: the headers of the oldest system that we build on
 * know less than the kernels that we run on. What an older kernel does not know is left out. */
#ifndef FS_LANDLOCK_H
#define FS_LANDLOCK_H

/* Of the calling thread and all that it starts, for good: everything below `own` can be read,
 * written and made; what name resolution, TLS and /proc need can be read; nothing else can be
 * opened. Processes outside can neither be traced nor (Linux 6.12) signalled. Needs no_new_privs.
 * 0; 1 if the kernel has no Landlock; -1 and errno. */
int landlock_enter(const char *own);

#endif
