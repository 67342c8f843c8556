/* A disk that can lose its power: it remembers what was synced and what was only written, and can
 * at any call leave behind a directory as a machine might find it after a crash: everything synced,
 * and of the rest a random part, cut or whole. After a sync that failed, what it was to write is
 * read as before, and never on the disk until it is written once more, as with Linux. Header-only.
 */
#ifndef LOST_POWER_H
#define LOST_POWER_H

#include <dirent.h>
#include <fcntl.h>
#include "store_rig.h"

enum { POWER_FILES_MAX = 256 };

struct power_op {
    struct power_op *next;
    enum io_op op; /* WRITE, TRUNCATE, PUNCH */
    uint64_t offset;
    size_t len;
    uint8_t data[];
};

struct power_file {
    char path[IO_PATH_MAX];
    uint8_t *bytes; /* as of the last sync */
    size_t len;
    struct power_op *pending, **tail;
    bool named;    /* its name is on disk */
    bool unlinked; /* its removal is not */
    bool gone;
};

struct power {
    struct power_file files[POWER_FILES_MAX];
    size_t count;
    uint32_t seed;
    long calls, crash_at;
    const char *crash_dir;
    bool crashed;
    const char *doom; /* the next sync of this file fails, */
    bool doom_kills;  /* and `dead` comes with it */
    bool dead;        /* nothing works: the process has died, and what still runs does nothing */
    void (*at_crash)(void *arg);
    void *arg;
};

static inline uint32_t power_draw(struct power *p, uint32_t below)
{
    p->seed = p->seed * 1664525u + 1013904223u;
    return (p->seed >> 8) % below;
}

static inline bool power_knows(const char *path)
{
    return strncmp(path, "spool/", 6) == 0 || strcmp(path, "journal.sqlite") == 0 ||
           strcmp(path, "journal.sqlite-wal") == 0;
}

static inline struct power_file *power_file(struct power *p, const char *path)
{
    for (size_t i = 0; i < p->count; i++)
        if (!p->files[i].gone && strcmp(p->files[i].path, path) == 0)
            return &p->files[i];
    if (p->count == POWER_FILES_MAX)
        abort();
    struct power_file *f = &p->files[p->count++];
    *f = (struct power_file){0};
    snprintf(f->path, sizeof f->path, "%.*s", IO_PATH_MAX - 1, path);
    f->tail = &f->pending;
    return f;
}

static inline void power_resize(struct power_file *f, size_t len)
{
    f->bytes = realloc(f->bytes, len ? len : 1);
    if (len > f->len)
        memset(f->bytes + f->len, 0, len - f->len);
    f->len = len;
}

static inline void power_apply(struct power_file *f, const struct power_op *op, size_t len)
{
    if (op->op == IO_TRUNCATE) {
        power_resize(f, op->offset);
        return;
    }
    if (op->op == IO_PUNCH) {
        if (op->offset < f->len)
            memset(f->bytes + op->offset, 0, len < f->len - op->offset ? len : f->len - op->offset);
        return;
    }
    if (op->offset + len > f->len)
        power_resize(f, op->offset + len);
    memcpy(f->bytes + op->offset, op->data, len);
}

static inline void power_queue(struct power_file *f, const struct io_call *call)
{
    size_t copy = call->op == IO_WRITE ? call->len : 0;
    struct power_op *op = malloc(sizeof *op + copy);
    *op = (struct power_op){.op = call->op, .offset = call->offset, .len = call->len};
    if (copy)
        memcpy(op->data, call->data, copy);
    *f->tail = op;
    f->tail = &op->next;
}

static inline void power_drain(struct power_file *f, bool apply)
{
    while (f->pending) {
        struct power_op *op = f->pending;
        f->pending = op->next;
        if (apply)
            power_apply(f, op, op->len);
        free(op);
    }
    f->tail = &f->pending;
}

static inline void power_forget_writes(struct power_file *f)
{
    struct power_op **at = &f->pending;
    while (*at) {
        struct power_op *op = *at;
        if (op->op != IO_WRITE) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        free(op);
    }
    f->tail = at;
}

static inline void power_sync_dir(struct power *p, const char *dir)
{
    bool spool = strcmp(dir, "spool") == 0;
    for (size_t i = 0; i < p->count; i++) {
        struct power_file *f = &p->files[i];
        if ((strncmp(f->path, "spool/", 6) == 0) != spool || f->gone)
            continue;
        f->named = true;
        f->gone = f->unlinked;
    }
}

/* What the machine finds: each write that was not synced is there, or not, or in part. */
static inline void power_leave_file(struct power *p, struct power_file *f)
{
    char path[256];
    struct power_file copy = {.bytes = malloc(f->len ? f->len : 1), .len = f->len};
    if (f->gone || (!f->named && power_draw(p, 2)) || (f->unlinked && power_draw(p, 2))) {
        free(copy.bytes);
        return;
    }
    if (f->len)
        memcpy(copy.bytes, f->bytes, f->len);
    for (struct power_op *op = f->pending; op; op = op->next) {
        uint32_t fate = power_draw(p, 4);
        if (fate < 2)
            power_apply(&copy, op, op->len);
        else if (fate == 2 && op->op == IO_WRITE && op->len > 512)
            power_apply(&copy, op, op->len / 1024 * 512);
    }
    snprintf(path, sizeof path, "%s/%s", p->crash_dir, f->path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, copy.bytes, copy.len) != (ssize_t)copy.len)
        abort();
    close(fd);
    free(copy.bytes);
}

static inline void power_crash(struct power *p)
{
    char path[256];
    p->crashed = true;
    snprintf(path, sizeof path, "%s/spool", p->crash_dir);
    if (mkdir(p->crash_dir, 0700) || mkdir(path, 0700))
        abort();
    for (size_t i = 0; i < p->count; i++)
        power_leave_file(p, &p->files[i]);
    if (p->at_crash)
        p->at_crash(p->arg);
}

static inline int power_before(void *arg, struct io_call *call)
{
    struct power *p = arg;
    if (p->dead)
        return -EIO;
    bool changes = call->op == IO_WRITE || call->op == IO_TRUNCATE || call->op == IO_PUNCH ||
                   call->op == IO_SYNC || call->op == IO_SYNC_DIR || call->op == IO_UNLINK;
    if (changes && !p->crashed && p->crash_at && ++p->calls == p->crash_at)
        power_crash(p);
    if (call->op == IO_SYNC_DIR)
        power_sync_dir(p, call->path);
    if (!power_knows(call->path))
        return IO_GO;
    struct power_file *f = power_file(p, call->path);
    if (call->op == IO_SYNC && p->doom && strcmp(p->doom, call->path) == 0) {
        p->doom = NULL;
        p->dead = p->doom_kills;
        power_forget_writes(f);
        return -EIO;
    }
    if (call->op == IO_WRITE || call->op == IO_TRUNCATE || call->op == IO_PUNCH)
        power_queue(f, call);
    else if (call->op == IO_SYNC)
        power_drain(f, true);
    else if (call->op == IO_UNLINK)
        f->unlinked = true;
    return IO_GO;
}

/* Takes what is in the store's directory now as synced. */
static inline void power_begin(struct power *p, const char *dir)
{
    static const char *const subs[] = {"", "spool/"};
    for (int i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", dir, subs[i]);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
            char relative[300];
            struct stat st;
            snprintf(relative, sizeof relative, "%s%s", subs[i], e->d_name);
            if (e->d_name[0] == '.' || !power_knows(relative))
                continue;
            struct power_file *f = power_file(p, relative);
            power_drain(f, false);
            snprintf(path, sizeof path, "%s/%s", dir, f->path);
            int fd = open(path, O_RDONLY);
            if (fd < 0 || fstat(fd, &st))
                abort();
            power_resize(f, (size_t)st.st_size);
            if (read(fd, f->bytes, f->len) != (ssize_t)f->len)
                abort();
            close(fd);
            f->named = true;
        }
        closedir(d);
    }
}

static inline void power_release(struct power *p)
{
    for (size_t i = 0; i < p->count; i++) {
        power_drain(&p->files[i], false);
        free(p->files[i].bytes);
    }
}

#endif
