#include "fs/engine/plant.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/limits.h"
#include "proto/error.h"
#include "store/content.h"
#include "store/namespace.h"

void plant_release(struct plant *p)
{
    free(p->inos);
    *p = (struct plant){0};
}

uint64_t plant_top(const struct plant *p)
{
    return p->count > 0 ? p->inos[0] : 0;
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
    return node_time_ns(item->mtime_s, item->mtime_ns);
}

static uint32_t mode_of(const struct plant *p, const struct manifest_item *item)
{
    if (item->kind == MANIFEST_SYMLINK)
        return 0777;
    return item->kind == MANIFEST_DIR || p->keep_exec ? item->mode : item->mode & 0666U;
}

/* ---- before ---- */

static bool stays(const struct manifest_item *item)
{
    return item->kind != MANIFEST_SYMLINK ||
           manifest_target_stays(item->depth, item->target, item->target_len);
}

/* NULL if it can be made. */
static const char *why_impossible(const struct manifest_item *item)
{
    if (item->index == 0 && !stays(item)) /* nothing would be left of the entry */
        return "a symbolic link to somewhere else cannot arrive alone: send what it points to";
    if (item->kind == MANIFEST_FILE && item->size > CONTENT_BYTES_MAX)
        return "a file in it is larger than this version can store";
    return NULL;
}

const char *plant_why(int err)
{
    return err == STORE_ERR_TOO_BIG ? "it has more, or larger, parts than the protocol allows"
                                    : "the parcel is malformed";
}

/* What a node takes in a journal with pages of 1 KiB, beside its bytes in the parcel: its row in
 * `node`, its name in `link` and once more in the index there, and what of a page stays empty
 * beside a body in `content`. Measured with sqlite 3.40, 20,000 nodes of each kind: 93 bytes for a
 * name of 4 (27 in the parcel), 333 for one of 100 (123), 612 for one of 215 (238); 2,370 for one
 * of 255, which goes into overflow pages, twice; up to 520 bytes beside a body. */
enum {
    NODE_OVERHEAD = 64,
    NAME_WHOLE_MAX = 215, /* longer ones overflow */
    XATTR_WHOLE_MAX = 200,
    PAGE_BYTES = 1024,
    BODY_OVERHEAD_MAX = 512,
};

static uint64_t body_overhead(uint64_t len)
{
    return len < BODY_OVERHEAD_MAX ? len : BODY_OVERHEAD_MAX;
}

static uint64_t overhead(const struct manifest_item *item)
{
    uint64_t bytes = NODE_OVERHEAD + (uint64_t)item->name_len * 3 / 2;
    struct manifest_xattr x;
    size_t at = 0;
    if (item->name_len > NAME_WHOLE_MAX)
        bytes += 2 * PAGE_BYTES;
    if (item->kind == MANIFEST_SYMLINK)
        bytes += body_overhead(item->target_len);
    else if (item->kind == MANIFEST_FILE && item->size <= INLINE_BYTES_MAX)
        bytes += item->size - item->data_len + body_overhead(item->size);
    while (manifest_next_xattr(item, &at, &x))
        bytes += x.name_len + x.value_len > XATTR_WHOLE_MAX ? PAGE_BYTES : sizeof(uint64_t);
    return bytes;
}

int plant_check_item(struct plant_sum *sum, const struct manifest_item *item)
{
    sum->why = why_impossible(item);
    if (sum->why != NULL)
        return STORE_ERR_HOSTILE;
    sum->overhead += overhead(item);
    if (item->kind == MANIFEST_FILE) {
        sum->data_len += item->data_len;
        sum->zeros += item->size <= INLINE_BYTES_MAX ? item->size - item->data_len : 0;
    }
    return 0;
}

int plant_check(const uint8_t *manifest, size_t len, struct plant_sum *sum)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t used;
    int more = manifest_parser_init(&parser, len);
    *sum = (struct plant_sum){0};
    while (more >= 0 && (more = manifest_next(&parser, manifest, len, &used, &item)) > 0) {
        manifest += used;
        len -= used;
        if (plant_check_item(sum, &item) < 0)
            more = PROTO_ERR_INVALID;
    }
    manifest_parser_release(&parser);
    if (more < 0 && sum->why == NULL)
        sum->why = plant_why(more == PROTO_ERR_TOO_BIG ? STORE_ERR_TOO_BIG : STORE_ERR_HOSTILE);
    return more == 0 ? 0 : more == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_HOSTILE;
}

/* ---- making ---- */

static int remember(struct plant *p, uint64_t ino)
{
    if (p->count == p->cap) {
        size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
        uint64_t *inos = realloc(p->inos, cap * sizeof *inos);
        if (inos == NULL)
            return STORE_ERR_NOMEM;
        p->inos = inos;
        p->cap = cap;
    }
    p->inos[p->count++] = ino;
    return 0;
}

/* No two names of a directory are the same, until one had to be made safe. */
static int choose_name(struct plant *p, struct turn *t, uint64_t parent,
                       const struct manifest_item *item, struct name *out)
{
    struct name safe;
    name_make_safe(&safe, (const char *)item->name, item->name_len, false);
    *out = safe;
    if (safe.len != item->name_len || memcmp(safe.text, item->name, safe.len) != 0)
        p->renamed = true;
    if (!p->renamed)
        return 0;
    for (unsigned n = 2; n < 2 + PLANT_CLASHES_MAX; n++) {
        uint64_t ino;
        int err = node_lookup(turn_view(t), parent, out->text, out->len, &ino);
        if (err < 0)
            return err == STORE_ERR_NOT_FOUND ? 0 : err;
        name_clash(out, &safe, n, item->kind == MANIFEST_DIR);
    }
    return STORE_ERR_HOSTILE;
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
        memcpy(target, item->target, item->target_len);
        what.target = target;
    }
    if (p->count == 0) {
        int err = name_set(&p->name, (const char *)item->name, item->name_len);
        return err < 0 ? err : node_stage(t, &what, ino);
    }
    struct name name;
    uint64_t parent = p->inos[item->parent];
    int err = choose_name(p, t, parent, item, &name);
    return err < 0 ? err : name_create(t, parent, name.text, name.len, &what, ino);
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
    struct name name;
    uint64_t original = p->inos[item->original], parent = p->inos[item->parent];
    int err = choose_name(p, t, parent, item, &name);
    return err < 0 ? err : name_link(t, original, parent, name.text, name.len);
}

/* A small file that is one hole gets its zeros now; a large one is cut to size later, outside the
 * turn. */
static int fill_hole(struct turn *t, const struct manifest_item *item, uint64_t ino,
                     uint64_t *hole_size)
{
    static const uint8_t zeros[INLINE_BYTES_MAX];
    if (item->kind != MANIFEST_FILE || item->size == 0 || item->data_len != 0)
        return 0;
    if (item->size <= sizeof zeros)
        return content_put(t, ino, zeros, (size_t)item->size);
    *hole_size = item->size;
    return 0;
}

int plant_item(struct plant *p, struct turn *t, const struct manifest_item *item,
               uint64_t *hole_size)
{
    uint64_t ino = 0;
    int err = 0;
    *hole_size = 0;
    if (item->kind == MANIFEST_HARDLINK) {
        err = link_item(p, t, item);
    } else if (stays(item)) {
        err = make_node(p, t, item, &ino);
        if (err == 0)
            err = put_xattrs(t, item, ino);
        if (err == 0)
            err = fill_hole(t, item, ino, hole_size);
    }
    if (err < 0)
        return blame(err);
    p->files += item->kind == MANIFEST_FILE;
    return remember(p, ino);
}

int plant_time(struct turn *t, const struct manifest_item *item, uint64_t ino)
{
    return ino != 0 ? node_set_times(t, ino, INT64_MIN, time_ns(item)) : 0;
}
