#include "tests/power/drive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 4 };

enum change_kind { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_PUNCH };

struct drive_change {
    struct drive_change *next;
    uint64_t moment;
    enum change_kind kind;
    uint64_t offset; /* CHANGE_TRUNCATE: the new size */
    uint64_t len;
    uint8_t data[];
};

struct drive {
    struct drive_node *root;
    uint64_t moment; /* counts changes */
    uint64_t numbers;
    uint64_t seed;
};

uint64_t drive_draw(struct drive *d, uint64_t below)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (d->seed >> 33) % below;
}

/* ---- nodes ---- */

static struct drive_node *node_new(struct drive *d, bool directory, mode_t mode)
{
    struct drive_node *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->number = ++d->numbers;
    n->directory = directory;
    n->mode = mode;
    n->last = &n->first;
    return n;
}

static void drop_changes(struct drive_node *n)
{
    while (n->first) {
        struct drive_change *c = n->first;
        n->first = c->next;
        free(c);
    }
    n->last = &n->first;
}

static void node_free(struct drive_node *n)
{
    drop_changes(n);
    free(n->now);
    free(n->kept);
    free(n);
}

static void reap(struct drive_node *n)
{
    if (n && n->named == 0 && n->holders == 0 && !n->names)
        node_free(n);
}

void drive_hold(struct drive_node *n)
{
    n->holders++;
}

void drive_drop(struct drive *d, struct drive_node *n)
{
    (void)d;
    n->holders--;
    reap(n);
}

/* ---- names ---- */

static void mean(struct drive_node **meaning, struct drive_node *n)
{
    struct drive_node *old = *meaning;
    if (n)
        n->named++;
    *meaning = n;
    if (old)
        old->named--;
    reap(old);
}

static struct drive_name *name_find(const struct drive_node *directory, const char *text)
{
    struct drive_name *name = directory->names;
    while (name && strcmp(name->text, text) != 0)
        name = name->next;
    return name;
}

static struct drive_name *name_add(struct drive_node *directory, const char *text)
{
    struct drive_name *name = name_find(directory, text);
    if (name)
        return name;
    name = calloc(1, sizeof *name);
    if (!name)
        return NULL;
    snprintf(name->text, sizeof name->text, "%s", text);
    name->next = directory->names;
    directory->names = name;
    return name;
}

/* The directory that a path's last name is in, and that name. */
static struct drive_node *parent_of(struct drive *d, const char *path, const char **last)
{
    char part[DRIVE_NAME_MAX + 1];
    struct drive_node *at = d->root;
    for (;;) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (path[len] == '\0') {
            *last = path;
            return len > DRIVE_NAME_MAX ? NULL : at;
        }
        if (len > DRIVE_NAME_MAX)
            return NULL;
        memcpy(part, path, len);
        part[len] = '\0';
        struct drive_name *name = name_find(at, part);
        if (!name || !name->now || !name->now->directory)
            return NULL;
        at = name->now;
        path += len;
    }
}

struct drive_node *drive_find(struct drive *d, const char *path)
{
    const char *last;
    struct drive_node *parent = parent_of(d, path, &last);
    if (!parent || *last == '\0')
        return parent;
    struct drive_name *name = name_find(parent, last);
    return name ? name->now : NULL;
}

struct drive_name *drive_names(struct drive_node *directory)
{
    return directory->names;
}

int drive_make(struct drive *d, const char *path, bool directory, mode_t mode,
               struct drive_node **out)
{
    const char *last;
    struct drive_node *parent = parent_of(d, path, &last);
    if (!parent)
        return -ENOENT;
    struct drive_name *name = *last ? name_add(parent, last) : NULL;
    if (!name || name->now)
        return name || !*last ? -EEXIST : -ENOMEM;
    struct drive_node *n = node_new(d, directory, mode);
    if (!n)
        return -ENOMEM;
    drive_hold(n);
    mean(&name->now, n);
    name->changed = ++d->moment;
    *out = n;
    return 0;
}

int drive_unlink(struct drive *d, const char *path)
{
    const char *last;
    struct drive_node *parent = parent_of(d, path, &last);
    struct drive_name *name = parent ? name_find(parent, last) : NULL;
    if (!name || !name->now)
        return -ENOENT;
    if (name->now->directory)
        return -EISDIR;
    mean(&name->now, NULL);
    name->changed = ++d->moment;
    return 0;
}

/* ---- bytes ---- */

static int resize(uint8_t **bytes, uint64_t *len, uint64_t *room, uint64_t want)
{
    if (want > DRIVE_FILE_BYTES_MAX)
        return -EFBIG;
    if (want > *room) {
        uint64_t grown = want + want / 2 + DRIVE_SECTOR;
        uint8_t *more = realloc(*bytes, grown);
        if (!more)
            return -ENOMEM;
        *bytes = more;
        *room = grown;
    }
    if (want > *len)
        memset(*bytes + *len, 0, want - *len);
    *len = want;
    return 0;
}

/* Carries out a change, or of a write only [skip, skip + len). */
static int carry_out(uint8_t **bytes, uint64_t *size, uint64_t *room, const struct drive_change *c,
                     uint64_t skip, uint64_t len)
{
    uint64_t at = c->offset + skip, end = at + len;
    if (c->kind == CHANGE_TRUNCATE)
        return resize(bytes, size, room, c->offset);
    if (c->kind == CHANGE_PUNCH) {
        if (at < *size)
            memset(*bytes + at, 0, (end < *size ? end : *size) - at);
        return 0;
    }
    int rc = end > *size ? resize(bytes, size, room, end) : 0;
    if (rc == 0 && len > 0)
        memcpy(*bytes + at, c->data + skip, len);
    return rc;
}

static int change(struct drive *d, struct drive_node *n, enum change_kind kind, const void *data,
                  uint64_t offset, uint64_t len)
{
    size_t copy = kind == CHANGE_WRITE ? len : 0;
    struct drive_change *c = malloc(sizeof *c + copy);
    if (!c)
        return -ENOMEM;
    *c = (struct drive_change){.moment = d->moment + 1, .kind = kind, .offset = offset, .len = len};
    if (copy)
        memcpy(c->data, data, copy);
    int rc = carry_out(&n->now, &n->now_len, &n->now_room, c, 0, len);
    if (rc) {
        free(c);
        return rc;
    }
    d->moment++;
    *n->last = c;
    n->last = &c->next;
    return 0;
}

uint64_t drive_size(const struct drive_node *n)
{
    return n->now_len;
}

size_t drive_read(const struct drive_node *n, void *buf, size_t len, uint64_t offset)
{
    if (offset >= n->now_len)
        return 0;
    if (len > n->now_len - offset)
        len = n->now_len - offset;
    memcpy(buf, n->now + offset, len);
    return len;
}

int drive_write(struct drive *d, struct drive_node *n, const void *buf, size_t len, uint64_t offset)
{
    if (offset > DRIVE_FILE_BYTES_MAX)
        return -EFBIG;
    return change(d, n, CHANGE_WRITE, buf, offset, len);
}

int drive_truncate(struct drive *d, struct drive_node *n, uint64_t size)
{
    return change(d, n, CHANGE_TRUNCATE, NULL, size, 0);
}

int drive_punch(struct drive *d, struct drive_node *n, uint64_t offset, uint64_t len)
{
    if (offset > DRIVE_FILE_BYTES_MAX || len > DRIVE_FILE_BYTES_MAX)
        return -EFBIG;
    return change(d, n, CHANGE_PUNCH, NULL, offset, len);
}

/* ---- syncing ---- */

uint64_t drive_moment(const struct drive *d)
{
    return d->moment;
}

static void sync_names(struct drive_node *directory, uint64_t moment)
{
    for (struct drive_name *name = directory->names; name; name = name->next)
        if (name->changed <= moment)
            mean(&name->kept, name->now);
}

int drive_sync(struct drive *d, struct drive_node *n, uint64_t moment)
{
    (void)d;
    uint64_t room = n->kept_len; /* realloc keeps what is there */
    if (n->directory)
        sync_names(n, moment);
    while (n->first && n->first->moment <= moment) {
        struct drive_change *c = n->first;
        int rc = carry_out(&n->kept, &n->kept_len, &room, c, 0, c->len);
        if (rc)
            return rc;
        n->first = c->next;
        if (!n->first)
            n->last = &n->first;
        free(c);
    }
    return 0;
}

void drive_fail_sync(struct drive_node *n, uint64_t moment)
{
    struct drive_change **at = &n->first;
    while (*at && (*at)->moment <= moment) {
        struct drive_change *c = *at;
        if (c->kind != CHANGE_WRITE) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free(c);
    }
    if (!*at)
        n->last = at;
}

/* ---- the cut ---- */

/* How one cut deals with what was not synced. */
struct cut {
    struct drive *drive;
    bool everything; /* is kept */
    enum drive_loss loss;
    uint64_t horizon; /* DRIVE_LOSES_LATEST: what is later is lost */
};

static bool survives(const struct cut *cut, uint64_t moment)
{
    if (cut->everything)
        return true;
    switch (cut->loss) {
    case DRIVE_LOSES_ALL:
        return false;
    case DRIVE_LOSES_LATEST:
        return moment <= cut->horizon;
    case DRIVE_LOSES_SOME:
        return drive_draw(cut->drive, 2) != 0;
    }
    return false;
}

/* Some of its sectors, by where they lie in the file. */
static int tear(const struct cut *cut, struct drive_node *n, uint64_t *room,
                const struct drive_change *c)
{
    int rc = 0;
    for (uint64_t skip = 0; skip < c->len && rc == 0;) {
        uint64_t len = DRIVE_SECTOR - (c->offset + skip) % DRIVE_SECTOR;
        if (len > c->len - skip)
            len = c->len - skip;
        if (drive_draw(cut->drive, 2))
            rc = carry_out(&n->kept, &n->kept_len, room, c, skip, len);
        skip += len;
    }
    return rc;
}

static int settle(const struct cut *cut, struct drive_node *n)
{
    uint64_t room = n->kept_len;
    int rc = 0;
    for (struct drive_change *c = n->first; c && rc == 0; c = c->next) {
        bool torn = !cut->everything && cut->loss == DRIVE_LOSES_SOME && c->kind == CHANGE_WRITE &&
                    drive_draw(cut->drive, 4) == 0;
        if (torn)
            rc = tear(cut, n, &room, c);
        else if (survives(cut, c->moment))
            rc = carry_out(&n->kept, &n->kept_len, &room, c, 0, c->len);
    }
    return rc;
}

static int write_out(const struct cut *cut, struct drive_node *n, int dir, const char *name)
{
    int rc = settle(cut, n);
    if (rc)
        return rc;
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, n->mode & 0777);
    if (fd < 0)
        return -errno;
    for (uint64_t done = 0; done < n->kept_len && rc == 0;) {
        ssize_t wrote = write(fd, n->kept + done, n->kept_len - done);
        if (wrote < 0)
            rc = -errno;
        else
            done += (uint64_t)wrote;
    }
    close(fd);
    return rc;
}

static int leave(const struct cut *cut, struct drive_node *directory, int dir);

static int leave_below(const struct cut *cut, struct drive_node *n, int dir, const char *name)
{
    if (mkdirat(dir, name, n->mode & 0777) < 0)
        return -errno;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = leave(cut, n, fd);
    close(fd);
    return rc;
}

static int leave(const struct cut *cut, struct drive_node *directory, int dir)
{
    int rc = 0;
    for (struct drive_name *name = directory->names; name && rc == 0; name = name->next) {
        bool moved = name->now != name->kept && survives(cut, name->changed);
        struct drive_node *n = moved ? name->now : name->kept;
        if (!n)
            continue;
        rc = n->directory ? leave_below(cut, n, dir, name->text)
                          : write_out(cut, n, dir, name->text);
    }
    return rc;
}

static int empty(int dir, int depth)
{
    int copy = dup(dir);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    if (!list)
        return -errno;
    int rc = 0;
    rewinddir(list);
    for (struct dirent *e; rc == 0 && (e = readdir(list));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dir, e->d_name, 0) == 0)
            continue;
        int fd = depth > 0 ? openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        rc = fd < 0 ? -errno : empty(fd, depth - 1);
        if (fd >= 0)
            close(fd);
        if (rc == 0 && unlinkat(dir, e->d_name, AT_REMOVEDIR) < 0)
            rc = -errno;
    }
    closedir(list);
    return rc;
}

/* Near the end, mostly: that is where the promises are that were made last. */
static uint64_t draw_horizon(struct drive *d)
{
    uint64_t back = drive_draw(d, (uint64_t)1 << drive_draw(d, 12));
    return d->moment > back ? d->moment - back : 0;
}

int drive_cut(struct drive *d, const char *image, const enum drive_loss *loss)
{
    const struct cut cut = {.drive = d,
                            .everything = !loss,
                            .loss = loss ? *loss : DRIVE_LOSES_ALL,
                            .horizon = draw_horizon(d)};
    int dir = open(image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int rc = empty(dir, DEPTH_MAX);
    if (rc == 0)
        rc = leave(&cut, d->root, dir);
    close(dir);
    return rc;
}

/* ---- loading ---- */

static int load_file(struct drive_node *n, int fd)
{
    struct stat st;
    uint64_t room = 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    uint64_t size = (uint64_t)st.st_size;
    int rc = resize(&n->kept, &n->kept_len, &room, size);
    if (rc == 0)
        rc = resize(&n->now, &n->now_len, &n->now_room, size);
    for (uint64_t done = 0; rc == 0 && done < size;) {
        ssize_t got = pread(fd, n->kept + done, size - done, (off_t)done);
        if (got <= 0)
            rc = got < 0 ? -errno : -EIO;
        else
            done += (uint64_t)got;
    }
    if (rc == 0 && size > 0)
        memcpy(n->now, n->kept, size);
    return rc;
}

static int load(struct drive *d, struct drive_node *directory, int dir, int depth);

static int load_one(struct drive *d, struct drive_node *directory, int dir, const char *text,
                    int depth)
{
    struct stat st;
    int fd = openat(dir, text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        return -err;
    }
    struct drive_name *name = name_add(directory, text);
    struct drive_node *n = name ? node_new(d, S_ISDIR(st.st_mode), st.st_mode & 0777) : NULL;
    int rc = n ? 0 : -ENOMEM;
    if (n) {
        mean(&name->now, n);
        mean(&name->kept, n);
        rc = !n->directory ? load_file(n, fd) : depth > 0 ? load(d, n, fd, depth - 1) : -ELOOP;
    }
    close(fd);
    return rc;
}

static int load(struct drive *d, struct drive_node *directory, int dir, int depth)
{
    int copy = dup(dir);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    if (!list)
        return -errno;
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(list));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = load_one(d, directory, dir, e->d_name, depth);
    closedir(list);
    return rc;
}

int drive_load(struct drive **out, const char *image, uint64_t seed)
{
    struct drive *d = calloc(1, sizeof *d);
    int dir = open(image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = !d ? -ENOMEM : dir < 0 ? -errno : 0;
    if (d) {
        d->seed = seed;
        d->root = node_new(d, true, 0700);
        if (!d->root)
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = load(d, d->root, dir, DEPTH_MAX);
    if (dir >= 0)
        close(dir);
    if (rc)
        drive_free(d);
    else
        *out = d;
    return rc;
}

static void free_names(struct drive_node *directory)
{
    while (directory->names) {
        struct drive_name *name = directory->names;
        struct drive_node *now = name->now, *kept = name->kept;
        directory->names = name->next;
        if (now && now->directory)
            free_names(now);
        if (kept && kept != now && kept->directory)
            free_names(kept);
        mean(&name->now, NULL);
        mean(&name->kept, NULL);
        free(name);
    }
}

void drive_free(struct drive *d)
{
    if (!d)
        return;
    if (d->root) {
        free_names(d->root);
        node_free(d->root);
    }
    free(d);
}
