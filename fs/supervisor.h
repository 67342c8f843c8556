/* Mounts, and stays until the mount is gone: checks the places, becomes a daemon, has the worker
 * open what it serves before anything is mounted, tells the caller how it went, tells the worker
 * what it may not see (seal/witness.h), and ends everything in order on SIGTERM, SIGINT and SIGHUP.
 * It never has a key. If the worker dies, the dead mount stays: whoever writes there gets errors,
 * and does not write to what lies under it.
 *
 * The program that was started returns only when the mount is usable, or with one line on stderr
 * and nothing mounted. */
#ifndef FS_SUPERVISOR_H
#define FS_SUPERVISOR_H

struct options;

/* What mount(8) expects of its helpers. */
enum supervisor_exit {
    SUPERVISOR_OK = 0,
    SUPERVISOR_USAGE = 1,  /* wrong options */
    SUPERVISOR_SYSTEM = 2, /* out of memory, cannot fork, … */
    SUPERVISOR_MOUNT = 32, /* it could not be mounted */
};

/* Carries out OPTIONS_MOUNT or OPTIONS_CHECK; returns the process's exit code. */
enum supervisor_exit supervisor_run(const struct options *options);

#endif
