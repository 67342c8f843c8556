#include "proto/manifest.h"

#include <string.h>

#include "proto/error.h"

enum { FORMAT = 1, EXTENT_LEN = 16, NSEC_PER_SEC = 1000000000 };

/* ---- rules ---- */

static bool has_byte(const void *data, size_t len, int byte)
{
    return len > 0 && memchr(data, byte, len) != NULL;
}

bool manifest_name_ok(const void *name, size_t len)
{
    const char *text = name;

    if (len < 1 || len > MANIFEST_NAME_MAX || has_byte(name, len, '/') || has_byte(name, len, '\0'))
        return false;
    return !(text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')));
}

static bool begins_with(const void *data, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);

    return len > prefix_len && memcmp(data, prefix, prefix_len) == 0;
}

bool manifest_xattr_name_ok(const void *name, size_t len)
{
    return len <= MANIFEST_XATTR_NAME_MAX && begins_with(name, len, "user.") &&
           !begins_with(name, len, "user.wormhole.") && !begins_with(name, len, "user.xdg.") &&
           !has_byte(name, len, '\0');
}

bool manifest_target_stays(unsigned depth, const void *target, size_t len)
{
    const char *at = target, *end = at + len;
    unsigned up = 0;
    bool down = false;

    if (len == 0 || *at == '/')
        return false;
    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t part = (size_t)((slash != NULL ? slash : end) - at);
        bool is_up = part == 2 && at[0] == '.' && at[1] == '.';
        if (is_up && (down || ++up >= depth))
            return false;
        if (!is_up && part > 0 && !(part == 1 && at[0] == '.'))
            down = true;
        at += part + (slash != NULL);
    }
    return true;
}

static int compare_names(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common > 0 ? memcmp(a, b, common) : 0;

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int check_xattrs(const struct manifest_item *item)
{
    struct reader r = reader_of(item->xattrs, item->xattrs_len);
    const uint8_t *last = NULL;
    size_t last_len = 0, total = 0, value_len;

    if (item->kind == MANIFEST_HARDLINK && item->xattr_count > 0)
        return PROTO_ERR_MALFORMED;
    for (unsigned i = 0; i < item->xattr_count; i++) {
        size_t name_len = reader_u16(&r);
        const uint8_t *name = reader_take(&r, name_len);
        const uint8_t *value = reader_blob(&r, MANIFEST_XATTRS_MAX, &value_len);
        if (name == NULL || value == NULL || !manifest_xattr_name_ok(name, name_len))
            return PROTO_ERR_MALFORMED;
        if (last != NULL && compare_names(last, last_len, name, name_len) >= 0)
            return PROTO_ERR_MALFORMED;
        total += name_len + value_len;
        if (total > MANIFEST_XATTRS_MAX)
            return PROTO_ERR_TOO_BIG;
        last = name;
        last_len = name_len;
    }
    return reader_done(&r) ? PROTO_OK : PROTO_ERR_MALFORMED;
}

void manifest_extent(const struct manifest_item *item, uint32_t i, uint64_t *offset,
                     uint64_t *length)
{
    struct reader r = reader_of(item->extents + (size_t)i * EXTENT_LEN, EXTENT_LEN);

    *offset = reader_u64(&r);
    *length = reader_u64(&r);
}

/* Also computes data_len. */
static int check_extents(struct manifest_item *item)
{
    uint64_t end = 0, offset, length;

    if (item->size > INT64_MAX)
        return PROTO_ERR_MALFORMED;
    if (item->extent_count > MANIFEST_EXTENTS_MAX)
        return PROTO_ERR_TOO_BIG;
    item->data_len = 0;
    for (uint32_t i = 0; i < item->extent_count; i++) {
        manifest_extent(item, i, &offset, &length);
        if (length == 0 || offset < end || offset > item->size || length > item->size - offset)
            return PROTO_ERR_MALFORMED;
        end = offset + length;
        item->data_len += length;
    }
    return PROTO_OK;
}

static bool target_ok(const struct manifest_item *item)
{
    return item->target_len > 0 && item->target_len <= MANIFEST_TARGET_MAX &&
           !has_byte(item->target, item->target_len, '\0');
}

/* ---- the walk: what depends on the items before ---- */

static bool is_file(const struct manifest_walk *w, uint32_t index)
{
    return index < w->count && (w->files.data[index / 8] >> (index % 8) & 1) != 0;
}

static int check_kind(const struct manifest_walk *w, struct manifest_item *item)
{
    switch (item->kind) {
    case MANIFEST_FILE:
        return check_extents(item);
    case MANIFEST_DIR:
        return PROTO_OK;
    case MANIFEST_SYMLINK:
        return target_ok(item) ? PROTO_OK : PROTO_ERR_MALFORMED;
    case MANIFEST_HARDLINK:
        return is_file(w, item->original) ? PROTO_OK : PROTO_ERR_MALFORMED;
    }
    return PROTO_ERR_MALFORMED;
}

/* The depth that an item in directory `parent` would have; 0 if `parent` is not on the path. */
static unsigned depth_below(const struct manifest_walk *w, uint32_t parent)
{
    for (unsigned depth = w->depth; depth > 0; depth--)
        if (w->level[depth - 1].index == parent)
            return depth;
    return 0;
}

static int check_place(const struct manifest_walk *w, struct manifest_item *item)
{
    if (w->count >= MANIFEST_ITEMS_MAX)
        return PROTO_ERR_TOO_BIG;
    item->index = w->count;
    item->depth = 0;
    if (w->count == 0)
        return item->parent == 0 ? PROTO_OK : PROTO_ERR_MALFORMED;
    item->depth = depth_below(w, item->parent);
    if (item->depth == 0)
        return PROTO_ERR_MALFORMED;
    if (item->depth >= MANIFEST_DEPTH_MAX && item->kind == MANIFEST_DIR)
        return PROTO_ERR_TOO_BIG;
    const struct manifest_level *dir = &w->level[item->depth - 1];
    if (compare_names(dir->last, dir->last_len, item->name, item->name_len) >= 0)
        return PROTO_ERR_MALFORMED;
    return PROTO_OK;
}

static int check_item(const struct manifest_walk *w, struct manifest_item *item)
{
    if (!manifest_name_ok(item->name, item->name_len) || item->mode > MANIFEST_MODE_MASK ||
        item->mtime_ns >= NSEC_PER_SEC)
        return PROTO_ERR_MALFORMED;
    int err = check_xattrs(item);
    if (err == PROTO_OK)
        err = check_kind(w, item);
    if (err == PROTO_OK)
        err = check_place(w, item);
    if (err != PROTO_OK || item->kind != MANIFEST_FILE)
        return err;
    item->data_offset = w->data;
    return item->data_len <= INT64_MAX - w->data ? PROTO_OK : PROTO_ERR_TOO_BIG;
}

static void enter(struct manifest_walk *w, const struct manifest_item *item)
{
    struct manifest_level *dir = &w->level[item->depth];

    dir->index = item->index;
    dir->last_len = 0;
    w->depth = item->depth + 1;
}

/* A checked item has its place from now on. */
static int step(struct manifest_walk *w, const struct manifest_item *item)
{
    if (item->index % 8 == 0)
        bytes_put_u8(&w->files, 0);
    if (!bytes_ok(&w->files))
        return PROTO_ERR_NOMEM;
    if (item->depth > 0) {
        struct manifest_level *dir = &w->level[item->depth - 1];
        memcpy(dir->last, item->name, item->name_len);
        dir->last_len = (uint16_t)item->name_len;
        w->depth = item->depth;
    }
    if (item->kind == MANIFEST_DIR)
        enter(w, item);
    if (item->kind == MANIFEST_FILE) {
        w->files.data[item->index / 8] |= (uint8_t)(1 << (item->index % 8));
        w->data += item->data_len;
    }
    w->count++;
    return PROTO_OK;
}

/* ---- building ---- */

void manifest_builder_init(struct manifest_builder *b, struct bytes *out)
{
    memset(b, 0, sizeof(*b));
    b->out = out;
    b->start = out->len;
    bytes_put_u8(out, FORMAT);
    bytes_put_u32(out, 0);
}

void manifest_builder_release(struct manifest_builder *b)
{
    bytes_release(&b->walk.files);
}

static void put_text(struct bytes *out, const void *text, size_t len)
{
    bytes_put_u16(out, (uint16_t)len);
    bytes_put(out, text, len);
}

void manifest_put_xattr(struct bytes *out, const void *name, size_t name_len, const void *value,
                        size_t value_len)
{
    put_text(out, name, name_len);
    bytes_put_blob(out, value, value_len);
}

void manifest_put_extent(struct bytes *out, uint64_t offset, uint64_t length)
{
    bytes_put_u64(out, offset);
    bytes_put_u64(out, length);
}

static void put_item(struct bytes *out, const struct manifest_item *item)
{
    bytes_put_u8(out, (uint8_t)item->kind);
    bytes_put_u32(out, item->parent);
    put_text(out, item->name, item->name_len);
    bytes_put_u16(out, item->mode);
    bytes_put_u64(out, (uint64_t)item->mtime_s);
    bytes_put_u32(out, item->mtime_ns);
    bytes_put_u16(out, item->xattr_count);
    bytes_put(out, item->xattrs, item->xattrs_len);
    switch (item->kind) {
    case MANIFEST_FILE:
        bytes_put_u64(out, item->size);
        bytes_put_u32(out, item->extent_count);
        bytes_put(out, item->extents, (size_t)item->extent_count * EXTENT_LEN);
        break;
    case MANIFEST_DIR:
        break;
    case MANIFEST_SYMLINK:
        put_text(out, item->target, item->target_len);
        break;
    case MANIFEST_HARDLINK:
        bytes_put_u32(out, item->original);
        break;
    }
}

int manifest_add(struct manifest_builder *b, struct manifest_item *item)
{
    int err = check_item(&b->walk, item);
    if (err != PROTO_OK)
        return err == PROTO_ERR_MALFORMED ? PROTO_ERR_INVALID : err;
    bytes_reserve(b->out, MANIFEST_ITEM_MAX); /* so that what follows is all or nothing */
    size_t before = b->out->len;
    put_item(b->out, item);
    if (!bytes_ok(b->out))
        return PROTO_ERR_NOMEM;
    if (b->taken + (b->out->len - b->start) > MANIFEST_LEN_MAX) {
        b->out->len = before;
        return PROTO_ERR_TOO_BIG;
    }
    return step(&b->walk, item);
}

void manifest_taken(struct manifest_builder *b)
{
    b->taken += b->out->len - b->start;
    b->out->len = b->start;
}

void manifest_put_header(uint8_t out[static MANIFEST_HEADER_LEN], uint32_t items)
{
    out[0] = FORMAT;
    for (unsigned i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(items >> (24 - 8 * i));
}

int manifest_finish(struct manifest_builder *b, uint32_t *items, uint64_t *data_len)
{
    if (!bytes_ok(b->out))
        return PROTO_ERR_NOMEM;
    if (b->walk.count == 0)
        return PROTO_ERR_INVALID;
    if (b->taken == 0)
        manifest_put_header(b->out->data + b->start, b->walk.count);
    *items = b->walk.count;
    *data_len = b->walk.data;
    return PROTO_OK;
}

/* ---- parsing ---- */

int manifest_parser_init(struct manifest_parser *p, uint64_t len)
{
    memset(p, 0, sizeof(*p));
    if (len > MANIFEST_LEN_MAX)
        return PROTO_ERR_TOO_BIG;
    p->left = len;
    return PROTO_OK;
}

void manifest_parser_release(struct manifest_parser *p)
{
    bytes_release(&p->walk.files);
}

static const uint8_t *take_text(struct reader *r, size_t *len)
{
    *len = reader_u16(r);
    return reader_take(r, *len);
}

static void skip_xattrs(struct reader *r, struct manifest_item *item)
{
    size_t len;

    item->xattr_count = reader_u16(r);
    item->xattrs = r->at;
    for (unsigned i = 0; i < item->xattr_count && reader_ok(r); i++) {
        take_text(r, &len);
        reader_blob(r, MANIFEST_XATTRS_MAX, &len);
    }
    item->xattrs_len = (size_t)(r->at - item->xattrs);
}

static void take_item(struct reader *r, struct manifest_item *item)
{
    memset(item, 0, sizeof(*item));
    item->kind = (enum manifest_kind)reader_u8(r);
    item->parent = reader_u32(r);
    item->name = take_text(r, &item->name_len);
    item->mode = reader_u16(r);
    item->mtime_s = (int64_t)reader_u64(r);
    item->mtime_ns = reader_u32(r);
    skip_xattrs(r, item);
    switch (item->kind) {
    case MANIFEST_FILE:
        item->size = reader_u64(r);
        item->extent_count = reader_u32(r);
        item->extents = item->extent_count > MANIFEST_EXTENTS_MAX
                            ? NULL
                            : reader_take(r, (size_t)item->extent_count * EXTENT_LEN);
        break;
    case MANIFEST_DIR:
        break;
    case MANIFEST_SYMLINK:
        item->target = take_text(r, &item->target_len);
        break;
    case MANIFEST_HARDLINK:
        item->original = reader_u32(r);
        break;
    }
}

/* Was it cut off, or is it wrong? */
static int short_of(const struct manifest_parser *p, size_t len)
{
    return len < p->left && len < MANIFEST_ITEM_MAX ? PROTO_ERR_AGAIN : PROTO_ERR_MALFORMED;
}

static int check_header(uint8_t format, uint32_t items)
{
    if (format != FORMAT || items == 0)
        return PROTO_ERR_MALFORMED;
    return items <= MANIFEST_ITEMS_MAX ? PROTO_OK : PROTO_ERR_TOO_BIG;
}

/* The next item, and before the first the header: both or nothing. */
static int take_next(struct manifest_parser *p, struct reader *r, struct manifest_item *item)
{
    size_t len = r->left;
    int err = PROTO_OK;

    if (p->items == 0) {
        uint8_t format = reader_u8(r);
        uint32_t items = reader_u32(r);
        err = reader_ok(r) ? check_header(format, items) : short_of(p, len);
        if (err != PROTO_OK)
            return err;
        p->items = items;
    }
    take_item(r, item);
    if (!reader_ok(r))
        err = short_of(p, len);
    if (err == PROTO_OK)
        err = check_item(&p->walk, item);
    if (err == PROTO_OK)
        err = step(&p->walk, item);
    if (err != PROTO_OK && p->walk.count == 0)
        p->items = 0;
    return err;
}

int manifest_next(struct manifest_parser *p, const void *data, size_t len, size_t *used,
                  struct manifest_item *item)
{
    *used = 0;
    if (p->items > 0 && p->walk.count == p->items)
        return p->left == 0 ? 0 : PROTO_ERR_MALFORMED;
    if (len > p->left)
        len = (size_t)p->left;
    struct reader r = reader_of(data, len);
    int err = take_next(p, &r, item);
    if (err != PROTO_OK)
        return err;
    *used = len - r.left;
    p->left -= *used;
    return 1;
}

int manifest_skim(const void *data, size_t len, size_t *used, struct manifest_item *item)
{
    struct reader r = reader_of(data, len);

    take_item(&r, item);
    *used = 0;
    if (!reader_ok(&r))
        return len < MANIFEST_ITEM_MAX ? PROTO_ERR_AGAIN : PROTO_ERR_MALFORMED;
    if (item->kind == MANIFEST_FILE && check_extents(item) != PROTO_OK)
        return PROTO_ERR_MALFORMED;
    *used = len - r.left;
    return 1;
}

bool manifest_next_xattr(const struct manifest_item *item, size_t *at, struct manifest_xattr *x)
{
    if (*at >= item->xattrs_len)
        return false;
    struct reader r = reader_of(item->xattrs + *at, item->xattrs_len - *at);
    x->name = take_text(&r, &x->name_len);
    x->value = reader_blob(&r, MANIFEST_XATTRS_MAX, &x->value_len);
    *at = item->xattrs_len - r.left;
    return reader_ok(&r);
}
