/* The inside of a disk: what disk.c, disk_files.c and disk_vfs.c share. */
#ifndef SIM_DISK_INNER_H
#define SIM_DISK_INNER_H

#include <sqlite3.h>
#include "tests/sim/dice.h"
#include "tests/sim/disk.h"

enum {
    DISK_PAGE = 4096,
    DISK_SECTOR = 512,
    DISK_NAMES_MAX = 512,
    DISK_OPEN_MAX = 256,
    DISK_SHM_REGIONS = 16,
    DISK_SHM_LOCKS = 8,
};

/* Never changed once two have it. */
struct disk_page {
    unsigned refs;
    uint8_t bytes[DISK_PAGE];
};

/* One state of a file's bytes. A page that is NULL is zeros. */
struct disk_bytes {
    struct disk_page **pages;
    uint64_t count; /* of pages */
    uint64_t size;
};

/* SQLite's shared index of a WAL: lives as long as somebody maps it. */
struct disk_shm {
    unsigned users;
    void *regions[DISK_SHM_REGIONS];
    unsigned shared[DISK_SHM_LOCKS];
    bool exclusive[DISK_SHM_LOCKS];
};

struct disk_file {
    unsigned refs; /* names, now and safe, and open handles */
    struct disk_bytes now, safe;
    struct disk_bytes doomed; /* `now` as of the last sync that failed; empty: none did */
    bool owes;                /* now differs from safe, perhaps */
    uint64_t reserved;        /* bytes that fallocate took */
    struct disk_shm shm;
};

struct disk_name {
    char path[IO_PATH_MAX];
    struct disk_file *now, *safe; /* NULL: not there */
};

struct disk {
    struct dice dice;
    struct io io;
    struct io_disk table;
    sqlite3_vfs vfs;
    char path[32]; /* also the VFS's name */
    int64_t (*now_ns)(void *arg);
    void *now_arg;
    unsigned boots;
    struct disk_name names[DISK_NAMES_MAX];
    size_t count;
    struct disk_file *open[DISK_OPEN_MAX];
    uint64_t calls, die_at, fail_at, troubles;
    unsigned fail_times;
    int fail_errno;
    bool dead, spared;
    uint64_t room; /* bytes that may still be taken; UINT64_MAX: any */
    char last[IO_PATH_MAX + 64];
};

/* disk_files.c */
void disk_bytes_release(struct disk_bytes *b);
void disk_bytes_share(struct disk_bytes *to, const struct disk_bytes *from); /* `to` is empty */
void disk_bytes_read(const struct disk_bytes *b, void *buf, size_t len, uint64_t offset);
void disk_bytes_write(struct disk_bytes *b, const void *buf, size_t len, uint64_t offset);
void disk_bytes_cut(struct disk_bytes *b, uint64_t size);
void disk_bytes_clear(struct disk_bytes *b, uint64_t offset, uint64_t len);
/* What the machine finds after its power failed. */
void disk_file_lose(struct disk_file *f, struct dice *dice);
void disk_file_sync(struct disk_file *f);
/* A sync failed. From then on, as with Linux, what was not written counts as clean: it can be read,
 * and it is not on the platter whatever later syncs say, until it is written once more. */
void disk_file_doom(struct disk_file *f);
void disk_file_unref(struct disk_file *f);

struct disk_name *disk_find(struct disk *d, const char *path); /* NULL: never heard of */
/* Makes the file if there is none and `create`. NULL: not there. */
struct disk_file *disk_open_file(struct disk *d, const char *path, bool create);
int disk_remove(struct disk *d, const char *path);

/* disk_vfs.c */
void disk_vfs_init(struct disk *d);

#endif
