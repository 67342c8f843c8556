#include "fs/engine/parcel.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inventory.h"
#include "proto/error.h"
#include "proto/peer.h"
#include "store/content.h"
#include "store/entries.h"

enum {
    SMALL_NODES_MAX = 512,
    LENGTH_BYTES = 4,
    INO_BYTES = 8,
    IO_BYTES = 1 << 20,
};

/* ---- small ones, whole ---- */

bool parcel_may_be_small(const struct node_sum *sum)
{
    return sum->bytes < PEER_PIECED_PARCEL_MAX && sum->nodes <= SMALL_NODES_MAX;
}

static void put_u32_at(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* `out` has room for it. */
static int append_file(struct view *v, uint64_t ino, const struct manifest_item *item,
                       struct bytes *out)
{
    ssize_t got = content_peek(v, ino, out->data + out->len, (size_t)item->data_len);
    if (got < 0)
        return got == STORE_ERR_RANGE ? STORE_ERR_TOO_BIG : (int)got;
    out->len += (size_t)got;
    return (uint64_t)got == item->data_len ? 0 : STORE_ERR_CORRUPT;
}

/* The data of the files, in the order of the manifest that begins at `start`. */
static int append_data(struct view *v, const struct inventory *l, size_t start)
{
    struct bytes *out = l->manifest;
    bytes_reserve(out, (size_t)l->data_len); /* and so the manifest stays where it is */
    if (!bytes_ok(out))
        return STORE_ERR_NOMEM;
    const uint8_t *at = out->data + start;
    size_t left = out->len - start, used = 0;
    struct reader inos = reader_of(l->inos->data, l->inos->len);
    struct manifest_parser parser;
    struct manifest_item item;
    int more, err = manifest_parser_init(&parser, left) < 0 ? STORE_ERR_TOO_BIG : 0;
    while (err == 0 && (more = manifest_next(&parser, at, left, &used, &item)) != 0) {
        at += used;
        left -= used;
        uint64_t ino = reader_u64(&inos);
        if (more < 0)
            err = more == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_CORRUPT;
        else if (item.kind == MANIFEST_FILE && item.data_len > 0)
            err = append_file(v, ino, &item, out);
    }
    manifest_parser_release(&parser);
    return err;
}

int parcel_small(struct view *v, uint64_t entry, struct bytes *out)
{
    struct bytes inos = {0};
    struct inventory l = {.manifest = out, .inos = &inos};
    size_t start = out->len;
    bytes_put_u32(out, 0);
    int err = inventory_make(&l, view_store(v), v, entry, false);
    if (err == 0 && out->len - start + l.data_len > PEER_PIECED_PARCEL_MAX)
        err = STORE_ERR_TOO_BIG;
    if (err == 0) {
        put_u32_at(out->data + start, (uint32_t)(out->len - start - LENGTH_BYTES));
        err = append_data(v, &l, start + LENGTH_BYTES);
    }
    if (err < 0)
        out->len = start;
    bytes_release(&inos);
    return err;
}

/* ---- large ones, listed ---- */

static int write_all(struct store *s, uint64_t ino, const struct bytes *b)
{
    for (size_t done = 0; done < b->len;) {
        size_t len = b->len - done < IO_BYTES ? b->len - done : IO_BYTES;
        int err = content_write(s, ino, b->data + done, len, done);
        if (err < 0)
            return err;
        done += len;
    }
    return 0;
}

/* A staged file with `body` in it, if that is small: then a full disk does not matter, for what is
 * sent makes room. */
static int stage_file(struct store *s, const struct bytes *body, uint64_t *ino)
{
    struct turn *t;
    int err = turn_begin_relief(s, &t);
    if (err < 0)
        return err;
    err = node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, ino);
    if (err == 0 && body->len <= INLINE_BYTES_MAX)
        err = content_put(t, *ino, body->data, body->len);
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    return turn_checkpoint(t);
}

void parcel_discard(struct store *s, uint64_t manifest)
{
    struct turn *t;
    if (turn_begin_relief(s, &t) < 0)
        return; /* swept at the next start */
    if (node_discard(t, manifest) < 0)
        turn_abort(t);
    else
        turn_checkpoint(t);
}

static int list_revision(struct store *s, const uint8_t rev[static REV_BYTES], struct inventory *l)
{
    struct view *v;
    struct revision r;
    int err = view_begin(s, &v);
    if (err < 0)
        return err;
    err = revision_get(v, rev, &r);
    if (err == 0)
        err = inventory_make(l, s, v, r.ino, true);
    view_end(v);
    return err;
}

int parcel_list(struct store *s, const uint8_t rev[static REV_BYTES], uint64_t *manifest,
                uint64_t *size)
{
    struct bytes head = {0}, inos = {0};
    struct inventory l = {.manifest = &head, .inos = &inos};
    bytes_put_u32(&head, 0);
    int err = list_revision(s, rev, &l);
    if (err < 0)
        goto out;
    put_u32_at(head.data, (uint32_t)(head.len - LENGTH_BYTES));
    *size = head.len + l.data_len;
    bytes_put(&head, inos.data, inos.len);
    err = bytes_ok(&head) ? stage_file(s, &head, manifest) : STORE_ERR_NOMEM;
    if (err < 0 || head.len <= INLINE_BYTES_MAX)
        goto out;
    err = write_all(s, *manifest, &head);
    if (err == 0)
        err = content_flush(s, *manifest, true);
    if (err < 0)
        parcel_discard(s, *manifest);
out:
    bytes_release(&head);
    bytes_release(&inos);
    return err;
}

/* ---- the table ---- */

int parcel_file_read(struct store *s, uint64_t ino, struct bytes *out)
{
    for (;;) {
        bytes_reserve(out, IO_BYTES);
        if (!bytes_ok(out))
            return STORE_ERR_NOMEM;
        ssize_t got = content_read(s, ino, out->data + out->len, IO_BYTES, out->len);
        if (got <= 0)
            return (int)got;
        out->len += (size_t)got;
    }
}

static int add_extent(struct parcel_table *t, size_t *cap, const struct parcel_extent *e)
{
    if (t->count == *cap) {
        size_t bigger = *cap == 0 ? 16 : 2 * *cap;
        struct parcel_extent *at = realloc(t->extents, bigger * sizeof *at);
        if (at == NULL)
            return STORE_ERR_NOMEM;
        t->extents = at;
        *cap = bigger;
    }
    t->extents[t->count++] = *e;
    return 0;
}

static int add_file(struct parcel_table *t, size_t *cap, const struct manifest_item *item,
                    uint64_t ino)
{
    uint64_t at = t->data_start + item->data_offset;
    struct parcel_extent e = {.ino = ino, .file_size = item->size};
    for (uint32_t i = 0; i < item->extent_count; i++) {
        manifest_extent(item, i, &e.offset, &e.len);
        e.at = at;
        e.last = i + 1 == item->extent_count;
        at += e.len;
        int err = add_extent(t, cap, &e);
        if (err < 0)
            return err;
    }
    return 0;
}

static int fill_table(struct parcel_table *t, const uint8_t *manifest, size_t len,
                      struct reader *inos)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t cap = 0, used = 0;
    int err = manifest_parser_init(&parser, len) < 0 ? STORE_ERR_CORRUPT : 0;
    while (err == 0) {
        int more = manifest_next(&parser, manifest, len, &used, &item);
        if (more <= 0) {
            err = more == 0 ? 0 : more == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_CORRUPT;
            break;
        }
        manifest += used;
        len -= used;
        uint64_t ino = reader_u64(inos);
        if (item.kind == MANIFEST_FILE) {
            err = add_file(t, &cap, &item, ino);
            t->size += item.data_len;
        }
    }
    manifest_parser_release(&parser);
    return err == 0 && !reader_done(inos) ? STORE_ERR_CORRUPT : err;
}

int parcel_table_load(struct parcel_table *t, struct store *s, uint64_t manifest_ino)
{
    struct bytes file = {0};
    *t = (struct parcel_table){0};
    int err = parcel_file_read(s, manifest_ino, &file);
    struct reader in = reader_of(file.data, file.len);
    uint32_t len = reader_u32(&in);
    const uint8_t *manifest = reader_take(&in, len);
    if (err == 0 && manifest == NULL)
        err = STORE_ERR_CORRUPT;
    if (err == 0) {
        t->data_start = t->size = (uint64_t)LENGTH_BYTES + len;
        err = fill_table(t, manifest, len, &in);
    }
    bytes_release(&file);
    if (err < 0)
        parcel_table_release(t);
    return err;
}

void parcel_table_release(struct parcel_table *t)
{
    free(t->extents);
    *t = (struct parcel_table){0};
}

size_t parcel_table_find(const struct parcel_table *t, uint64_t offset)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->extents[mid].at + t->extents[mid].len <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- reading ---- */

struct parcel {
    struct store *s;
    uint64_t manifest;
    struct parcel_table table;
    size_t hint; /* the extent that the last read ended in */
};

int parcel_open(struct parcel **out, struct store *s, const struct revision *r)
{
    struct parcel *p = calloc(1, sizeof *p);
    if (p == NULL)
        return STORE_ERR_NOMEM;
    p->s = s;
    p->manifest = r->manifest;
    int err = parcel_table_load(&p->table, s, r->manifest);
    if (err == 0 && p->table.size != r->size)
        err = STORE_ERR_CORRUPT;
    if (err < 0) {
        parcel_close(p);
        return err;
    }
    *out = p;
    return 0;
}

void parcel_close(struct parcel *p)
{
    if (p == NULL)
        return;
    parcel_table_release(&p->table);
    free(p);
}

/* One read within one source. */
static ssize_t read_some(struct parcel *p, uint8_t *buf, size_t len, uint64_t offset)
{
    if (offset < p->table.data_start) {
        uint64_t left = p->table.data_start - offset;
        return content_read(p->s, p->manifest, buf, len < left ? len : left, offset);
    }
    const struct parcel_table *t = &p->table;
    size_t i = p->hint;
    if (i >= t->count || offset < t->extents[i].at ||
        offset >= t->extents[i].at + t->extents[i].len)
        i = parcel_table_find(t, offset);
    if (i >= t->count)
        return 0;
    p->hint = i;
    const struct parcel_extent *e = &t->extents[i];
    uint64_t skip = offset - e->at, left = e->len - skip;
    ssize_t got = content_read(p->s, e->ino, buf, len < left ? len : left, e->offset + skip);
    return got == 0 ? STORE_ERR_CORRUPT : got; /* shorter than when it was sealed */
}

ssize_t parcel_read(struct parcel *p, void *buf, size_t len, uint64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = read_some(p, (uint8_t *)buf + done, len - done, offset + done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}
