#include "fs/engine/parcel.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inventory.h"
#include "fs/engine/limits.h"
#include "fs/engine/parcel_table.h"
#include "proto/error.h"
#include "proto/peer.h"
#include "store/content.h"
#include "store/entries.h"

enum {
    LENGTH_BYTES = 4,
    INO_BYTES = 8,
    IO_BYTES = 1 << 20,
};

/* ---- small ones, whole ---- */

bool parcel_may_be_small(const struct node_sum *sum)
{
    return sum->bytes < PEER_PIECED_PARCEL_MAX && sum->nodes <= PARCEL_SMALL_NODES_MAX;
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
    int err = inventory_make(&l, view_store(v), v, entry);
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

static int write_all(struct store *s, uint64_t ino, const uint8_t *data, size_t len,
                     uint64_t offset)
{
    for (size_t done = 0; done < len;) {
        size_t some = len - done < IO_BYTES ? len - done : IO_BYTES;
        int err = content_write(s, ino, data + done, some, offset + done);
        if (err < 0)
            return err;
        done += some;
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

/* A manifest on its way into its file. */
struct listing {
    struct store *s;
    const uint8_t *rev;
    bool (*stop)(void *arg);
    void *stop_arg;
    struct bytes head, inos; /* head: the length, then what of the manifest is not in the file */
    struct inventory l;
    uint64_t file;    /* 0: nothing is in a file yet */
    uint64_t spilled; /* bytes of the manifest that are */
};

static bool stops(void *arg)
{
    const struct listing *p = arg;
    return p->stop != NULL && p->stop(p->stop_arg);
}

static int spill(void *arg, const uint8_t *data, size_t len)
{
    struct listing *p = arg;
    int err = p->file == 0 ? stage_file(p->s, &(struct bytes){0}, &p->file) : 0;
    if (err == 0)
        err = write_all(p->s, p->file, data, len, LENGTH_BYTES + p->spilled);
    p->spilled += len;
    return err;
}

/* Before a sealed tree changes its revision is withdrawn. */
static int stands(void *arg, struct view *v)
{
    struct listing *p = arg;
    struct revision r;
    return revision_get(v, p->rev, &r);
}

static int list_revision(struct listing *p)
{
    struct view *v;
    struct revision r;
    int err = view_begin(p->s, &v);
    if (err < 0)
        return err;
    err = revision_get(v, p->rev, &r);
    view_end(v);
    return err < 0 ? err : inventory_make(&p->l, p->s, NULL, r.ino);
}

/* In one go: the usual case. */
static int store_whole(struct listing *p)
{
    put_u32_at(p->head.data, (uint32_t)(p->head.len - LENGTH_BYTES));
    bytes_put(&p->head, p->inos.data, p->inos.len);
    int err = bytes_ok(&p->head) ? stage_file(p->s, &p->head, &p->file) : STORE_ERR_NOMEM;
    if (err < 0 || p->head.len <= INLINE_BYTES_MAX)
        return err;
    err = write_all(p->s, p->file, p->head.data, p->head.len, 0);
    return err < 0 ? err : content_flush(p->s, p->file, true);
}

/* The last of it, the inode numbers, and in front what was not known before. */
static int store_rest(struct listing *p)
{
    uint8_t front[LENGTH_BYTES + MANIFEST_HEADER_LEN];
    size_t rest = p->head.len - LENGTH_BYTES;
    uint64_t len = p->spilled + rest;
    put_u32_at(front, (uint32_t)len);
    manifest_put_header(front + LENGTH_BYTES, p->l.items);
    int err =
        write_all(p->s, p->file, p->head.data + LENGTH_BYTES, rest, LENGTH_BYTES + p->spilled);
    if (err == 0)
        err = write_all(p->s, p->file, p->inos.data, p->inos.len, LENGTH_BYTES + len);
    if (err == 0)
        err = write_all(p->s, p->file, front, sizeof front, 0);
    return err < 0 ? err : content_flush(p->s, p->file, true);
}

int parcel_list(struct store *s, const uint8_t rev[static REV_BYTES], bool (*stop)(void *arg),
                void *arg, uint64_t *manifest, uint64_t *size, uint64_t *items)
{
    struct listing p = {.s = s, .rev = rev, .stop = stop, .stop_arg = arg};
    p.l = (struct inventory){.manifest = &p.head,
                             .inos = &p.inos,
                             .stands = stands,
                             .spill = spill,
                             .stop = stops,
                             .arg = &p};
    bytes_put_u32(&p.head, 0);
    int err = list_revision(&p);
    *size = p.head.len + p.spilled + p.l.data_len;
    if (items != NULL)
        *items = p.l.items;
    if (err == 0)
        err = p.file == 0 ? store_whole(&p) : store_rest(&p);
    if (err < 0 && p.file != 0)
        parcel_discard(s, p.file);
    *manifest = p.file;
    bytes_release(&p.head);
    bytes_release(&p.inos);
    return err;
}

/* ---- reading ---- */

struct parcel {
    struct store *s;
    uint64_t manifest;
    struct parcel_table table;
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
    struct parcel_extent e;
    int found = parcel_table_at(&p->table, offset, &e);
    if (found <= 0)
        return found;
    uint64_t skip = offset - e.at, left = e.len - skip;
    ssize_t got = content_read(p->s, e.ino, buf, len < left ? len : left, e.offset + skip);
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
