/* Mounts, and stays until the mount is gone: checks the places, becomes a daemon, opens what the
 * worker serves before anything is mounted, tells the caller how it went, and ends everything in
 * order on SIGTERM, SIGINT and SIGHUP.
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
