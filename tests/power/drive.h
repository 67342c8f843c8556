/* A drive with a volatile cache: whatever is written is in the cache until a sync, and what is only
 * in the cache when the power is cut may be lost, in whole or in part and in any order. Names are
 * data of their directory: a new file whose directory was not synced may be nameless, an unlinked
 * one may be back. This is less than any file system of Linux keeps, and all that POSIX promises.
 *
 * A drive is loaded from a directory of the host and leaves what survived there. Files, and
 * directories of files; no links, no renames (the store makes none). One thread at a time. */
#ifndef TESTS_POWER_DRIVE_H
#define TESTS_POWER_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    DRIVE_NAME_MAX = 255,
    DRIVE_SECTOR = 512, /* what a torn write is torn into */
};

#define DRIVE_FILE_BYTES_MAX ((uint64_t)1 << 30)

/* What happens to what was not synced. */
enum drive_loss {
    DRIVE_LOSES_ALL,
    DRIVE_LOSES_LATEST, /* all that came after some moment */
    DRIVE_LOSES_SOME,   /* each change, name and sector for itself */
};

struct drive;

/* A file or directory. Lives while it has a name, on the drive or in its cache, or is held. */
struct drive_node {
    uint64_t number;
    bool directory;
    mode_t mode;
    unsigned holders; /* for drive_hold and drive_drop */
    /* the rest is drive.c's */
    uint8_t *now; /* as programs see it */
    uint64_t now_len, now_room;
    uint8_t *kept; /* as of the last sync */
    uint64_t kept_len;
    struct drive_change *first, **last; /* since then, oldest first */
    struct drive_name *names;
    unsigned named;
};

/* A name in a directory: what it means now, and what it means on the drive. */
struct drive_name {
    struct drive_name *next;
    struct drive_node *now, *kept;
    uint64_t changed; /* when `now` last did */
    char text[DRIVE_NAME_MAX + 1];
};

/* All return 0 or a negative errno where nothing else is said. */

/* Everything below the host's directory `image` is on the drive. */
int drive_load(struct drive **out, const char *image, uint64_t seed);
void drive_free(struct drive *d); /* accepts NULL */

/* "/", "/name" or "/directory/name"; NULL if it is not there. */
struct drive_node *drive_find(struct drive *d, const char *path);
struct drive_name *drive_names(struct drive_node *directory); /* those with `now` are there */
void drive_hold(struct drive_node *n);
void drive_drop(struct drive *d, struct drive_node *n);

/* A new file or directory; the caller holds it. */
int drive_make(struct drive *d, const char *path, bool directory, mode_t mode,
               struct drive_node **out);
int drive_unlink(struct drive *d, const char *path);

uint64_t drive_size(const struct drive_node *n);
size_t drive_read(const struct drive_node *n, void *buf, size_t len, uint64_t offset);
int drive_write(struct drive *d, struct drive_node *n, const void *buf, size_t len,
                uint64_t offset);
int drive_truncate(struct drive *d, struct drive_node *n, uint64_t size);
int drive_punch(struct drive *d, struct drive_node *n, uint64_t offset, uint64_t len);

/* A sync takes time: it covers what was changed before drive_moment, once drive_sync is called with
 * it. Of a directory it covers its names. */
uint64_t drive_moment(const struct drive *d);
int drive_sync(struct drive *d, struct drive_node *n, uint64_t moment);
/* Such a sync failed. As with Linux, what was written until then counts as clean: it can be read,
 * and is never on the drive, whatever later syncs say, unless it is written once more. Sizes and
 * holes are the file system's own data, which it does not lose by this. */
void drive_fail_sync(struct drive_node *n, uint64_t moment);

/* A number below `below`, from the seed. */
uint64_t drive_draw(struct drive *d, uint64_t below);

/* The power is cut: leaves what survives as the only contents of `image`. The drive is good for
 * drive_free only. With `loss` NULL nothing is lost but what a sync has failed to write: the
 * machine was shut down. */
int drive_cut(struct drive *d, const char *image, const enum drive_loss *loss);

#endif
