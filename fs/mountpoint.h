/* The directory that we are mounted on: found, made, and cleaned of a mount of ours that died.
 *
 * A daemon that was killed leaves its mount: every access says "Transport endpoint is not
 * connected", and a new mount would lie on top of it. So it is taken away first. It is ours if its
 * type is MOUNTPOINT_TYPE; whichever store it showed, nobody serves it any more.
 *
 * Nothing here runs beside other threads of the process (it forks). Sentences go to why
 * (MOUNTPOINT_WHY_MAX bytes); errors are -1. */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MOUNTPOINT_TYPE "fuse.wormholefs"

enum {
    MOUNTPOINT_WHY_MAX = 512,
    MOUNTPOINT_SOURCE_MAX = 256,
    MOUNTPOINT_STACK_MAX = 16,  /* dead mounts on one directory that are taken away */
    MOUNTPOINT_PROBE_MS = 3000, /* a mount that takes longer than this to answer is alive */
};

/* ---- pure ---- */

/* What lies on a directory, as /proc/self/mountinfo has it. */
struct mountpoint_top {
    bool mounted;
    bool ours;                          /* of MOUNTPOINT_TYPE */
    char source[MOUNTPOINT_SOURCE_MAX]; /* with us, the name of the store; may be cut */
    unsigned connection;                /* the kernel's number of it, for fusemount_abort */
    uid_t uid;                          /* whom the kernel lets in; 0 if it does not say */
    gid_t gid;
};

/* The topmost mount on `dir` (absolute, without links) in the text of a mountinfo. */
void mountpoint_find(struct mountpoint_top *out, const char *dir, const char *mountinfo);

/* Does `path` lie in `dir`, or is it `dir`? Both absolute and without links. */
bool mountpoint_contains(const char *dir, const char *path);

/* ---- from the system ---- */

/* The absolute path of `dir`, which need not exist (its parent must), and may be a dead mount.
 * `out` has PATH_MAX bytes. */
int mountpoint_resolve(const char *dir, char *out, char *why);

/* Could it be mounted on? Refuses a live mount of ours, naming it, and what is no directory.
 * Changes nothing. */
int mountpoint_check(const char *dir, char *why);

/* A mount of ours whose daemon was killed and cannot end (dying.h) holds its store, too: ends it,
 * so that it is an ordinary dead one. Before the store is opened; does nothing about any other
 * mount. */
void mountpoint_end_dying(const char *dir);

/* Makes it if it is missing (0700, belonging to uid and gid), and takes dead mounts of ours away.
 * Refuses what mountpoint_check refuses. 1: it was made, and is to go again (mountpoint_unmake) if
 * nothing comes of the mount; 0: it was there. */
int mountpoint_prepare(const char *dir, uid_t uid, gid_t gid, char *why);

/* Removes a directory that mountpoint_prepare made, unless somebody has put something into it or it
 * is mounted on. */
void mountpoint_unmake(const char *dir);

#endif
