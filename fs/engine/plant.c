#include "fs/engine/plant.h"

#include <stdlib.h>
#include <string.h>
#include "store/content.h"
#include "store/namespace.h"

#define NS_PER_S INT64_C(1000000000)

void plant_release(struct plant *p)
{
    free(p->items);
    *p = (struct plant){0};
}

uint64_t plant_top(const struct plant *p)
{
    return p->count > 0 ? p->items[0].ino : 0;
}

/* What the sender's manifest may not ask of us is the sender's fault; the rest is ours. */
static int blame(int err)
{
    switch (err) {
    case STORE_ERR_EXISTS:
    case STORE_ERR_NAME_TOO_LONG:
    case STORE_ERR_INVALID:
    case STORE_ERR_NOT_DIR:
    case STORE_ERR_TOO_BIG:
    case STORE_ERR_PERM:
    case STORE_ERR_RANGE:
        return STORE_ERR_HOSTILE;
    default:
        return err;
    }
}

static int64_t time_ns(const struct manifest_item *item)
{
    if (item->mtime_s > INT64_MAX / NS_PER_S - 1 || item->mtime_s < INT64_MIN / NS_PER_S + 1)
        return 0; /* beyond what a node can hold */
    return item->mtime_s * NS_PER_S + item->mtime_ns;
}

static uint32_t mode_of(const struct plant *p, const struct manifest_item *item)
{
    if (item->kind == MANIFEST_DIR)
        return item->mode | 0700U;
    return p->keep_exec ? item->mode : item->mode & 0666U;
}

static int remember(struct plant *p, const struct planted *item)
{
    if (p->count == p->cap) {
        size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
        struct planted *items = realloc(p->items, cap * sizeof *items);
        if (items == NULL)
            return STORE_ERR_NOMEM;
        p->items = items;
        p->cap = cap;
    }
    p->items[p->count++] = *item;
    return 0;
}

static int make_node(struct plant *p, struct turn *t, const struct manifest_item *item,
                     uint64_t *ino)
{
    static const enum node_type types[] = {
        [MANIFEST_FILE] = NODE_FILE, [MANIFEST_DIR] = NODE_DIR, [MANIFEST_SYMLINK] = NODE_SYMLINK};
    char target[SYMLINK_BYTES_MAX + 1] = "";
    struct node_new what = {
        .type = types[item->kind], .mode = mode_of(p, item), .mtime_ns = time_ns(item)};
    if (item->kind == MANIFEST_SYMLINK) {
        if (!manifest_target_stays(item->depth, item->target, item->target_len))
            return 0;
        memcpy(target, item->target, item->target_len);
        what.target = target;
    }
    if (p->count == 0) {
        int err = name_set(&p->name, (const char *)item->name, item->name_len);
        return err < 0 ? err : node_stage(t, &what, ino);
    }
    uint64_t parent = p->items[item->parent].ino;
    return parent == 0
               ? 0
               : name_create(t, parent, (const char *)item->name, item->name_len, &what, ino);
}

static int put_xattrs(struct turn *t, const struct manifest_item *item, uint64_t ino)
{
    struct manifest_xattr x;
    size_t at = 0;
    while (manifest_next_xattr(item, &at, &x)) {
        char name[MANIFEST_XATTR_NAME_MAX + 1];
        memcpy(name, x.name, x.name_len);
        name[x.name_len] = '\0';
        int err = xattr_set(t, ino, name, x.value, x.value_len, XATTR_SET);
        if (err < 0)
            return err;
    }
    return 0;
}

static int link_item(struct plant *p, struct turn *t, const struct manifest_item *item)
{
    uint64_t original = p->items[item->original].ino, parent = p->items[item->parent].ino;
    if (p->count == 0 || original == 0 || parent == 0)
        return 0;
    return name_link(t, original, parent, (const char *)item->name, item->name_len);
}

/* A small file that is one hole gets its zeros now; a large one is cut to size later, outside the
 * turn. */
static int fill_hole(struct turn *t, const struct manifest_item *item, struct planted *made)
{
    static const uint8_t zeros[INLINE_BYTES_MAX];
    if (item->kind != MANIFEST_FILE || item->size == 0 || item->data_len != 0 || made->ino == 0)
        return 0;
    if (item->size <= sizeof zeros)
        return content_put(t, made->ino, zeros, (size_t)item->size);
    made->hole_size = item->size;
    return 0;
}

int plant_item(struct plant *p, struct turn *t, const struct manifest_item *item)
{
    struct planted made = {.mtime_ns = time_ns(item)};
    int err;
    if (item->kind == MANIFEST_HARDLINK) {
        made.mtime_ns = INT64_MIN;
        err = link_item(p, t, item);
    } else {
        err = make_node(p, t, item, &made.ino);
        if (err == 0 && made.ino != 0)
            err = put_xattrs(t, item, made.ino);
        if (err == 0)
            err = fill_hole(t, item, &made);
    }
    if (err < 0)
        return blame(err);
    p->files += item->kind == MANIFEST_FILE;
    return remember(p, &made);
}

int plant_again(struct plant *p, const struct manifest_item *item, uint64_t ino)
{
    bool link = item->kind == MANIFEST_HARDLINK;
    p->files += item->kind == MANIFEST_FILE;
    return remember(p, &(struct planted){.ino = ino, .mtime_ns = link ? INT64_MIN : time_ns(item)});
}

int plant_times(const struct plant *p, struct turn *t, size_t *left, size_t max)
{
    for (; *left > 0 && max > 0; max--) {
        const struct planted *item = &p->items[--*left];
        if (item->ino == 0 || item->mtime_ns == INT64_MIN)
            continue;
        int err = node_set_times(t, item->ino, INT64_MIN, item->mtime_ns);
        if (err < 0)
            return err;
    }
    return 0;
}
