#include "fs/engine/inventory.h"

#include <string.h>
#include <unistd.h>
#include "fs/engine/limits.h"
#include "proto/error.h"
#include "proto/manifest.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/inomap.h"

#define NS_PER_S INT64_C(1000000000)

/* Gaps smaller than this are sent as data: an extent costs more than it saves. */
enum { GAP_BYTES_MIN = 64 * 1024 };

enum { SPILL_BYTES = 1 << 20 };

struct taker {
    struct inventory *l;
    struct store *s;
    struct view *v; /* NULL: between two of our own */
    bool own;
    unsigned in_view; /* items */
    struct manifest_builder builder;
    struct inomap linked; /* a file with several links: the index of its first item */
};

static int manifest_error(int err)
{
    switch (err) {
    case 0:
        return 0;
    case PROTO_ERR_NOMEM:
        return STORE_ERR_NOMEM;
    default:
        return STORE_ERR_TOO_BIG; /* a bound, or a name that this protocol cannot carry */
    }
}

/* ---- the views ---- */

static void leave_view(struct taker *l)
{
    if (!l->own)
        return;
    view_end(l->v);
    l->v = NULL;
}

static int enter_view(struct taker *l)
{
    if (l->v != NULL)
        return 0;
    l->in_view = 0;
    int err = view_begin(l->s, &l->v);
    return err == 0 && l->l->stands != NULL ? l->l->stands(l->l->arg, l->v) : err;
}

/* ---- attributes ---- */

struct xattrs {
    struct bytes out;
    uint16_t count;
};

static int put_xattr(void *arg, const char *name, const void *value, size_t len)
{
    struct xattrs *x = arg;
    if (!manifest_xattr_name_ok(name, strlen(name)))
        return 0;
    manifest_put_xattr(&x->out, name, strlen(name), value, len);
    x->count++;
    return 0;
}

/* ---- extents ---- */

static int put_extents(struct taker *l, const struct node *node, struct bytes *out, uint32_t *count)
{
    uint64_t at = 0, start = 0, end = 0;
    while (at < node->size) {
        int64_t data = content_seek(l->s, node->ino, at, SEEK_DATA);
        if (data == STORE_ERR_NO_DATA)
            break;
        int64_t hole = data < 0 ? data : content_seek(l->s, node->ino, (uint64_t)data, SEEK_HOLE);
        if (hole < 0)
            return (int)hole;
        if ((uint64_t)hole > node->size)
            hole = (int64_t)node->size;
        bool joins = end != 0 &&
                     ((uint64_t)data - end < GAP_BYTES_MIN || *count + 1 >= MANIFEST_EXTENTS_MAX);
        if (!joins && end > start) {
            manifest_put_extent(out, start, end - start);
            (*count)++;
        }
        start = joins ? start : (uint64_t)data;
        end = (uint64_t)hole;
        at = end;
    }
    if (end > start) {
        manifest_put_extent(out, start, end - start);
        (*count)++;
    }
    return 0;
}

static int file_extents(struct taker *l, const struct node *node, struct bytes *out,
                        uint32_t *count)
{
    if (node->size == 0)
        return 0;
    if (node->spool != 0 && node->size > INLINE_BYTES_MAX && l->own) {
        leave_view(l);
        int err = put_extents(l, node, out, count);
        return err < 0 ? err : enter_view(l);
    }
    manifest_put_extent(out, 0, node->size);
    *count = 1;
    return 0;
}

/* ---- items ---- */

static int remember_linked(struct taker *l, uint64_t ino, uint32_t index)
{
    struct inomap_cell *cell = inomap_put(&l->linked, ino);
    if (cell == NULL)
        return STORE_ERR_NOMEM;
    cell->value = index;
    return 0;
}

static int fill_item(struct taker *l, const struct node *node, struct manifest_item *item,
                     struct bytes *extents, char *target, size_t target_cap)
{
    ssize_t len;
    switch (node->type) {
    case NODE_DIR:
        item->kind = MANIFEST_DIR;
        return 0;
    case NODE_SYMLINK:
        item->kind = MANIFEST_SYMLINK;
        len = node_target(l->v, node->ino, target, target_cap);
        if (len < 0)
            return (int)len;
        item->target = (const uint8_t *)target;
        item->target_len = (size_t)len;
        return 0;
    case NODE_FILE:
        item->kind = MANIFEST_FILE;
        item->size = node->size;
        return file_extents(l, node, extents, &item->extent_count);
    case NODE_WORMHOLE:
    case NODE_OUTBOX:
    case NODE_INBOX:
    case NODE_CODE:
    case NODE_STATE:
        break;
    }
    return STORE_ERR_INVALID;
}

/* The second before, and what is past it: never negative. */
static void set_mtime(struct manifest_item *item, int64_t mtime_ns)
{
    int64_t rest_ns = mtime_ns % NS_PER_S;
    item->mtime_s = mtime_ns / NS_PER_S - (rest_ns < 0);
    item->mtime_ns = (uint32_t)(rest_ns < 0 ? rest_ns + NS_PER_S : rest_ns);
}

static int add_item(struct taker *l, const struct node *node, const struct name *name,
                    uint32_t parent, uint32_t *index)
{
    char target[SYMLINK_BYTES_MAX + 1];
    struct bytes extents = {0};
    struct xattrs xattrs = {0};
    struct manifest_item item = {.parent = parent,
                                 .name = (const uint8_t *)name->text,
                                 .name_len = name->len,
                                 .mode = (uint16_t)(node->mode & MANIFEST_MODE_MASK)};
    bool linked = node->nlink > 1 && node->type == NODE_FILE;
    const struct inomap_cell *first = linked ? inomap_find(&l->linked, node->ino) : NULL;
    int err = 0;
    set_mtime(&item, node->mtime_ns);
    if (first != NULL) {
        item.kind = MANIFEST_HARDLINK;
        item.original = (uint32_t)first->value;
    } else {
        err = fill_item(l, node, &item, &extents, target, sizeof target);
        if (err == 0)
            err = xattr_list(l->v, node->ino, put_xattr, &xattrs);
    }
    item.extents = extents.data;
    item.xattrs = xattrs.out.data;
    item.xattrs_len = xattrs.out.len;
    item.xattr_count = xattrs.count;
    if (err == 0 && (!bytes_ok(&extents) || !bytes_ok(&xattrs.out)))
        err = STORE_ERR_NOMEM;
    if (err == 0)
        err = manifest_error(manifest_add(&l->builder, &item));
    if (err == 0 && linked && first == NULL)
        err = remember_linked(l, node->ino, item.index);
    bytes_put_u64(l->l->inos, node->ino);
    bytes_release(&extents);
    bytes_release(&xattrs.out);
    *index = item.index;
    return err;
}

/* ---- the walk ---- */

/* Between two items. */
static int interlude(struct taker *l)
{
    struct inventory *out = l->l;
    size_t len = out->manifest->len - l->builder.start;
    if (out->stop != NULL && out->stop(out->arg))
        return STORE_ERR_BUSY;
    if (++l->in_view > INVENTORY_ITEMS_A_VIEW)
        leave_view(l);
    if (out->spill == NULL || len < SPILL_BYTES)
        return enter_view(l);
    leave_view(l);
    int err = out->spill(out->arg, out->manifest->data + l->builder.start, len);
    if (err < 0)
        return err;
    manifest_taken(&l->builder);
    return enter_view(l);
}

static int add_tree(struct taker *l, const struct node *node, const struct name *name,
                    uint32_t parent, unsigned depth)
{
    uint32_t index;
    if (depth > MANIFEST_DEPTH_MAX)
        return STORE_ERR_TOO_BIG;
    int err = interlude(l);
    if (err == 0)
        err = add_item(l, node, name, parent, &index);
    if (err != 0 || node->type != NODE_DIR)
        return err;
    struct name at = {0};
    struct node child;
    int end;
    while ((end = node_next(l->v, node->ino, &at, &child)) == 0) {
        err = add_tree(l, &child, &at, index, depth + 1);
        if (err < 0)
            return err;
    }
    return end == STORE_ERR_NOT_FOUND ? 0 : end;
}

static int take(struct taker *l, uint64_t entry)
{
    struct node top;
    struct entry row;
    int err = enter_view(l);
    if (err == 0)
        err = node_get(l->v, entry, &top);
    if (err == 0)
        err = entry_get(l->v, entry, &row);
    if (err == 0)
        err = add_tree(l, &top, &row.name, 0, 0);
    leave_view(l);
    return err;
}

int inventory_make(struct inventory *out, struct store *s, struct view *v, uint64_t entry)
{
    struct taker l = {.l = out, .s = s, .v = v, .own = v == NULL};
    int err = inomap_init(&l.linked);
    if (err < 0)
        return err;
    manifest_builder_init(&l.builder, out->manifest);
    err = take(&l, entry);
    if (err == 0)
        err = manifest_error(manifest_finish(&l.builder, &out->items, &out->data_len));
    if (err == 0 && (!bytes_ok(out->manifest) || !bytes_ok(out->inos)))
        err = STORE_ERR_NOMEM;
    manifest_builder_release(&l.builder);
    inomap_release(&l.linked);
    return err;
}
