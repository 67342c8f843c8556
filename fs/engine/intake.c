#include "fs/engine/intake.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/plant.h"
#include "proto/error.h"
#include "store/content.h"

enum {
    LENGTH_BYTES = 4,
    PLANT_ITEMS_A_TURN = 500,
    BATCH_FILES_MAX = 256, /* small files put in one turn */
    BATCH_BYTES_MAX = 1 << 20,
    DIRTY_FILES_MAX = 64, /* large files written and not yet synced */
};

/* A complete small file, waiting for its turn. */
struct small_file {
    uint64_t ino;
    uint8_t *data;
    size_t len;
};

struct intake {
    struct engine *e;
    struct arrival a;
    uint64_t next;
    struct bytes head; /* MANIFEST: what has come */
    struct plant plant;
    struct parcel_table table; /* DATA */
    size_t extent;             /* DATA: the extent that .next lies in */
    uint8_t *small;    /* the small file that is being filled, INLINE_BYTES_MAX bytes, or NULL */
    uint64_t small_at; /* where it begins in the parcel */
    struct small_file batch[BATCH_FILES_MAX];
    size_t batch_count, batch_bytes;
    uint64_t dirty[DIRTY_FILES_MAX];
    size_t dirty_count;
};

/* ---- turns ---- */

typedef int turn_fn(struct turn *t, void *arg);

static int in_turn(struct engine *e, turn_fn *fn, void *arg, bool promise)
{
    struct turn *t;
    int err = turn_begin(e->store, &t);
    if (err < 0)
        return err;
    err = fn(t, arg);
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    if (promise)
        turn_promise(t);
    return promise ? turn_commit(t) : turn_checkpoint(t);
}

static int put_arrival(struct turn *t, void *arg)
{
    return arrival_put(t, arg);
}

/* ---- the manifest, whole and in memory ---- */

static int manifest_error(int err)
{
    return err == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_HOSTILE;
}

/* A position in the items, so that they can be planted a few at a time. */
struct planting {
    struct intake *in;
    struct manifest_parser parser;
    const uint8_t *at;
    size_t left;
    bool done;
    uint64_t data_len;
};

static int plant_some(struct turn *t, void *arg)
{
    struct planting *p = arg;
    for (int i = 0; i < PLANT_ITEMS_A_TURN && !p->done; i++) {
        struct manifest_item item;
        size_t used;
        int more = manifest_next(&p->parser, p->at, p->left, &used, &item);
        if (more < 0)
            return manifest_error(more);
        p->done = more == 0;
        if (p->done)
            break;
        int err = plant_item(&p->in->plant, t, &item);
        if (err < 0)
            return err;
        p->data_len += item.kind == MANIFEST_FILE ? item.data_len : 0;
        p->at += used;
        p->left -= used;
    }
    p->in->a.top_ino = plant_top(&p->in->plant);
    return arrival_put(t, &p->in->a);
}

static int plant_all(struct intake *in)
{
    struct planting p = {
        .in = in, .at = in->head.data + LENGTH_BYTES, .left = in->head.len - LENGTH_BYTES};
    int err = manifest_parser_init(&p.parser, p.left);
    if (err < 0)
        return manifest_error(err);
    while (err == 0 && !p.done)
        err = in_turn(in->e, plant_some, &p, false);
    manifest_parser_release(&p.parser);
    if (err == 0 && in->head.len + p.data_len != in->a.size)
        err = STORE_ERR_HOSTILE;
    for (size_t i = 0; err == 0 && i < in->plant.count; i++)
        if (in->plant.items[i].hole_size != 0)
            err = content_truncate(in->e->store, in->plant.items[i].ino,
                                   in->plant.items[i].hole_size);
    return err;
}

static int stage_manifest(struct turn *t, void *arg)
{
    struct intake *in = arg;
    int err = node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &in->a.manifest);
    return err < 0 ? err : arrival_put(t, &in->a);
}

static int write_manifest(struct intake *in)
{
    struct store *s = in->e->store;
    for (size_t i = 0; i < in->plant.count; i++)
        bytes_put_u64(&in->head, in->plant.items[i].ino);
    if (!bytes_ok(&in->head))
        return STORE_ERR_NOMEM;
    int err = in_turn(in->e, stage_manifest, in, false);
    for (size_t at = 0; err == 0 && at < in->head.len;) {
        size_t len = in->head.len - at < BATCH_BYTES_MAX ? in->head.len - at : BATCH_BYTES_MAX;
        err = content_write(s, in->a.manifest, in->head.data + at, len, at);
        at += len;
    }
    return err < 0 ? err : content_flush(s, in->a.manifest, true);
}

static int begin_data(struct intake *in)
{
    uint64_t data_start = in->head.len;
    int err = plant_all(in);
    if (err == 0)
        err = write_manifest(in);
    if (err == 0)
        err = parcel_table_load(&in->table, in->e->store, in->a.manifest);
    if (err < 0)
        return err;
    in->a.state = ARRIVAL_DATA;
    in->a.durable = data_start;
    bytes_release(&in->head);
    return in_turn(in->e, put_arrival, &in->a, true);
}

static int take_head(struct intake *in, const uint8_t **data, size_t *len)
{
    while (*len > 0 && in->a.state == ARRIVAL_MANIFEST) {
        uint64_t want = LENGTH_BYTES;
        if (in->head.len >= LENGTH_BYTES) {
            struct reader r = reader_of(in->head.data, LENGTH_BYTES);
            want += reader_u32(&r);
        }
        if (want > (uint64_t)LENGTH_BYTES + MANIFEST_LEN_MAX || want > in->a.size)
            return STORE_ERR_HOSTILE;
        size_t take = want - in->head.len < *len ? (size_t)(want - in->head.len) : *len;
        bytes_put(&in->head, *data, take);
        if (!bytes_ok(&in->head))
            return STORE_ERR_NOMEM;
        *data += take;
        *len -= take;
        in->next += take;
        if (want > LENGTH_BYTES && in->head.len == want) {
            int err = begin_data(in);
            if (err < 0)
                return err;
        } else if (want == LENGTH_BYTES && in->head.len == want &&
                   memcmp(in->head.data, "\0\0\0\0", 4) == 0) {
            return STORE_ERR_HOSTILE; /* an empty manifest */
        }
    }
    return 0;
}

/* ---- small files ---- */

static int put_batch(struct turn *t, void *arg)
{
    struct intake *in = arg;
    for (size_t i = 0; i < in->batch_count; i++) {
        int err = content_put(t, in->batch[i].ino, in->batch[i].data, in->batch[i].len);
        if (err < 0)
            return err;
    }
    return 0;
}

static void drop_batch(struct intake *in)
{
    for (size_t i = 0; i < in->batch_count; i++)
        free(in->batch[i].data);
    in->batch_count = in->batch_bytes = 0;
}

static int flush_batch(struct intake *in)
{
    if (in->batch_count == 0)
        return 0;
    int err = in_turn(in->e, put_batch, in, false);
    if (err == 0)
        drop_batch(in);
    return err;
}

static int end_small(struct intake *in, const struct parcel_extent *x)
{
    if (x->ino != 0) {
        in->batch[in->batch_count++] = (struct small_file){x->ino, in->small, (size_t)x->file_size};
        in->batch_bytes += (size_t)x->file_size;
    } else {
        free(in->small);
    }
    in->small = NULL;
    return in->batch_count == BATCH_FILES_MAX || in->batch_bytes >= BATCH_BYTES_MAX
               ? flush_batch(in)
               : 0;
}

static int write_small(struct intake *in, const struct parcel_extent *x, const uint8_t *data,
                       size_t len)
{
    uint64_t skip = in->next - x->at;
    if (in->small == NULL) {
        in->small = calloc(1, (size_t)x->file_size);
        if (in->small == NULL)
            return STORE_ERR_NOMEM;
        in->small_at = in->next;
    }
    memcpy(in->small + x->offset + skip, data, len);
    return x->last && skip + len == x->len ? end_small(in, x) : 0;
}

/* ---- large files ---- */

static int sync_large(struct intake *in)
{
    for (size_t i = 0; i < in->dirty_count; i++) {
        int err = content_flush(in->e->store, in->dirty[i], true);
        if (err < 0)
            return err;
    }
    in->dirty_count = 0;
    return 0;
}

static int mark_dirty(struct intake *in, uint64_t ino)
{
    if (in->dirty_count > 0 && in->dirty[in->dirty_count - 1] == ino)
        return 0;
    if (in->dirty_count == DIRTY_FILES_MAX) {
        int err = sync_large(in);
        if (err < 0)
            return err;
    }
    in->dirty[in->dirty_count++] = ino;
    return 0;
}

static int write_large(struct intake *in, const struct parcel_extent *x, const uint8_t *data,
                       size_t len)
{
    uint64_t skip = in->next - x->at;
    if (x->ino == 0)
        return 0;
    int err = mark_dirty(in, x->ino);
    if (err == 0)
        err = content_write(in->e->store, x->ino, data, len, x->offset + skip);
    bool ends = x->last && skip + len == x->len;
    if (err == 0 && ends && x->offset + x->len < x->file_size)
        err = content_truncate(in->e->store, x->ino, x->file_size);
    return err;
}

static int take_data(struct intake *in, const uint8_t *data, size_t len)
{
    while (len > 0) {
        if (in->extent >= in->table.count)
            return STORE_ERR_HOSTILE; /* beyond the end */
        const struct parcel_extent *x = &in->table.extents[in->extent];
        uint64_t left = x->at + x->len - in->next;
        size_t take = left < len ? (size_t)left : len;
        int err = x->file_size <= INLINE_BYTES_MAX ? write_small(in, x, data, take)
                                                   : write_large(in, x, data, take);
        if (err < 0)
            return err;
        in->next += take;
        data += take;
        len -= take;
        if (take == left)
            in->extent++;
    }
    return 0;
}

/* ---- the object ---- */

static int discard_tree(struct turn *t, void *arg)
{
    struct arrival *a = arg;
    int err = a->top_ino != 0 ? node_discard(t, a->top_ino) : 0;
    if (err == 0 && a->manifest != 0)
        err = node_discard(t, a->manifest);
    a->top_ino = a->manifest = 0;
    a->durable = 0;
    return err < 0 ? err : arrival_put(t, a);
}

/* The staged nodes' times and count again, from the manifest that was kept. */
static int replant(struct intake *in)
{
    struct bytes file = {0};
    int err = parcel_file_read(in->e->store, in->a.manifest, &file);
    struct reader r = reader_of(file.data, file.len);
    uint32_t len = reader_u32(&r);
    const uint8_t *manifest = reader_take(&r, len);
    struct manifest_parser parser = {0};
    if (err == 0 && (manifest == NULL || manifest_parser_init(&parser, len) < 0))
        err = STORE_ERR_CORRUPT;
    size_t at = 0, used;
    struct manifest_item item;
    int more = 0;
    while (err == 0 && (more = manifest_next(&parser, manifest + at, len - at, &used, &item)) > 0) {
        at += used;
        err = plant_again(&in->plant, &item, reader_u64(&r));
    }
    if (err == 0 && (more < 0 || !reader_done(&r)))
        err = STORE_ERR_CORRUPT;
    manifest_parser_release(&parser);
    bytes_release(&file);
    return err;
}

int intake_open(struct intake **out, struct engine *e, const struct arrival *a)
{
    struct intake *in = calloc(1, sizeof *in);
    if (in == NULL)
        return STORE_ERR_NOMEM;
    in->e = e;
    in->a = *a;
    in->plant.keep_exec = e->options.keep_exec;
    int err = 0;
    if (a->state == ARRIVAL_MANIFEST) {
        if (a->top_ino != 0 || a->manifest != 0)
            err = in_turn(e, discard_tree, &in->a, false);
    } else {
        err = parcel_table_load(&in->table, e->store, a->manifest);
        if (err == 0)
            err = replant(in);
        in->next = a->durable;
        in->extent = parcel_table_find(&in->table, in->next);
    }
    if (err < 0) {
        intake_close(in);
        return err;
    }
    *out = in;
    return 0;
}

void intake_close(struct intake *in)
{
    if (in == NULL)
        return;
    drop_batch(in);
    free(in->small);
    bytes_release(&in->head);
    plant_release(&in->plant);
    parcel_table_release(&in->table);
    free(in);
}

uint64_t intake_next(const struct intake *in)
{
    return in->next;
}

bool intake_complete(const struct intake *in)
{
    return in->a.state == ARRIVAL_DATA && in->next == in->a.size;
}

int intake_write(struct intake *in, const uint8_t *data, size_t len)
{
    int err = take_head(in, &data, &len);
    return err < 0 ? err : take_data(in, data, len);
}

int intake_sync(struct intake *in, uint64_t *durable)
{
    *durable = in->a.durable;
    if (in->a.state != ARRIVAL_DATA)
        return 0;
    int err = flush_batch(in);
    if (err == 0)
        err = sync_large(in);
    if (err < 0)
        return err;
    in->a.durable = in->small != NULL ? in->small_at : in->next;
    *durable = in->a.durable;
    return in_turn(in->e, put_arrival, &in->a, true);
}

struct timing {
    struct intake *in;
    size_t left;
};

static int time_some(struct turn *t, void *arg)
{
    struct timing *timing = arg;
    return plant_times(&timing->in->plant, t, &timing->left, PLANT_ITEMS_A_TURN);
}

static int publish(struct step *step, void *arg)
{
    struct intake *in = arg;
    struct arrival now;
    int err = arrival_get(turn_view(step->t), in->a.wormhole, in->a.rev, &now);
    return err < 0 ? err : inbox_publish(step, &now, in->plant.files); /* NOT_FOUND: withdrawn */
}

int intake_publish(struct intake *in)
{
    struct timing timing = {in, in->plant.count};
    int err = 0;
    while (err == 0 && timing.left > 0)
        err = in_turn(in->e, time_some, &timing, false);
    return err < 0 ? err : step_alone(in->e, in->a.wormhole, publish, in);
}

/* ---- small parcels ---- */

static int put_small_data(struct turn *t, const struct plant *p, const uint8_t *manifest,
                          size_t len, const uint8_t *data)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t at = 0, used;
    int err = manifest_parser_init(&parser, len) < 0 ? STORE_ERR_HOSTILE : 0;
    while (err == 0 && manifest_next(&parser, manifest + at, len - at, &used, &item) > 0) {
        at += used;
        uint64_t ino = p->items[item.index].ino;
        if (item.kind != MANIFEST_FILE || item.data_len == 0 || ino == 0)
            continue;
        if (item.size > INLINE_BYTES_MAX) {
            err = STORE_ERR_HOSTILE; /* small parcels hold small files */
            break;
        }
        uint8_t file[INLINE_BYTES_MAX] = {0};
        const uint8_t *from = data + item.data_offset;
        for (uint32_t i = 0; i < item.extent_count; i++) {
            uint64_t offset, length;
            manifest_extent(&item, i, &offset, &length);
            memcpy(file + offset, from, (size_t)length);
            from += length;
        }
        err = content_put(t, ino, file, (size_t)item.size);
    }
    manifest_parser_release(&parser);
    return err;
}

static int plant_small(struct turn *t, struct plant *p, const uint8_t *manifest, size_t len,
                       uint64_t *data_len)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t at = 0, used;
    int err = manifest_parser_init(&parser, len) < 0 ? STORE_ERR_HOSTILE : 0;
    int more = 1;
    *data_len = 0;
    while (err == 0 && (more = manifest_next(&parser, manifest + at, len - at, &used, &item)) > 0) {
        at += used;
        *data_len += item.kind == MANIFEST_FILE ? item.data_len : 0;
        err = plant_item(p, t, &item);
        if (err == 0 && p->items[item.index].hole_size != 0)
            err = STORE_ERR_HOSTILE;
    }
    manifest_parser_release(&parser);
    return err < 0 ? err : more < 0 ? manifest_error(more) : 0;
}

int intake_small(struct step *step, const void *parcel, size_t len, uint64_t *top,
                 struct name *name, uint64_t *files)
{
    struct plant p = {.keep_exec = step->e->options.keep_exec};
    struct reader in = reader_of(parcel, len);
    uint32_t manifest_len = reader_u32(&in);
    const uint8_t *manifest = reader_take(&in, manifest_len);
    uint64_t data_len = 0;
    int err = manifest == NULL ? STORE_ERR_HOSTILE : 0;
    if (err == 0)
        err = plant_small(step->t, &p, manifest, manifest_len, &data_len);
    if (err == 0 && data_len != in.left)
        err = STORE_ERR_HOSTILE;
    if (err == 0)
        err = put_small_data(step->t, &p, manifest, manifest_len, in.at);
    size_t left = p.count;
    if (err == 0)
        err = plant_times(&p, step->t, &left, p.count);
    *top = plant_top(&p);
    *name = p.name;
    *files = p.files;
    if (err == STORE_ERR_HOSTILE && *top != 0) {
        int gone = node_discard(step->t, *top);
        err = gone < 0 ? gone : err;
    }
    plant_release(&p);
    return err;
}
