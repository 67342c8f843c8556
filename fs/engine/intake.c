#include "fs/engine/intake.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/plant.h"
#include "mutant.h"
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
    struct arrival a; /* as we last committed it */
    int failed;       /* the first error: nothing more is done then */
    const char *why;  /* of a failure that is the sender's fault; NULL: it is malformed */
    uint64_t next;
    struct bytes head; /* MANIFEST: what has come */
    struct plant plant;
    struct parcel_table table; /* DATA */
    size_t extent;             /* DATA: the extent that .next lies in */
    uint8_t *small;            /* the small file that is being filled, or NULL */
    uint64_t small_at;         /* where it begins in the parcel */
    struct small_file batch[BATCH_FILES_MAX];
    size_t batch_count, batch_bytes;
    uint64_t dirty[DIRTY_FILES_MAX];
    size_t dirty_count;
};

/* ---- turns ---- */

static bool same(const struct arrival *a, const struct arrival *b)
{
    return a->state == b->state && a->top_ino == b->top_ino && a->manifest == b->manifest &&
           a->durable == b->durable;
}

/* Withdrawn, or taken up by another session meanwhile? Then what we know of it is void. */
static int check_ours(const struct intake *in, struct view *v)
{
    struct arrival now;
    int err = arrival_get(v, in->a.wormhole, in->a.rev, &now);
    return err < 0 ? err : same(&now, &in->a) ? 0 : STORE_ERR_NOT_FOUND;
}

/* fn changes the store, and what the arrival will be: *a. */
typedef int turn_fn(struct turn *t, struct arrival *a, void *arg);

static int run(struct intake *in, struct turn *t, turn_fn *fn, void *arg, struct arrival *a)
{
    int err = check_ours(in, turn_view(t));
    if (err == 0)
        err = fn(t, a, arg);
    if (err == 0 && !same(a, &in->a))
        err = arrival_put(t, a);
    return err;
}

static int in_turn(struct intake *in, turn_fn *fn, void *arg)
{
    struct turn *t;
    struct arrival a = in->a;
    int err = turn_begin(in->e->store, &t);
    if (err < 0)
        return err;
    err = run(in, t, fn, arg, &a);
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    if (a.durable != in->a.durable)
        turn_promise(t);
    err = turn_commit(t);
    if (err == 0)
        in->a = a;
    return err;
}

/* ---- the manifest, whole and in memory ---- */

/* A position in the items, so that they can be planted a few at a time. */
struct planting {
    struct plant *plant;
    struct manifest_parser parser;
    const uint8_t *at;
    size_t left;
    bool done;
};

static int plant_some(struct turn *t, struct arrival *a, void *arg)
{
    struct planting *p = arg;
    for (int i = 0; i < PLANT_ITEMS_A_TURN && !p->done; i++) {
        struct manifest_item item;
        size_t used;
        int more = manifest_next(&p->parser, p->at, p->left, &used, &item);
        if (more < 0)
            return STORE_ERR_NOMEM; /* plant_check saw that it is well formed */
        p->done = more == 0;
        if (p->done)
            break;
        int err = plant_item(p->plant, t, &item);
        if (err < 0)
            return err;
        p->at += used;
        p->left -= used;
    }
    a->top_ino = plant_top(p->plant);
    return 0;
}

static int plant_all(struct intake *in, const uint8_t *manifest, size_t len)
{
    struct planting p = {.plant = &in->plant, .at = manifest, .left = len};
    int err = manifest_parser_init(&p.parser, len) < 0 ? STORE_ERR_HOSTILE : 0;
    while (err == 0 && !p.done)
        err = in_turn(in, plant_some, &p);
    manifest_parser_release(&p.parser);
    return err;
}

/* What the parcel's size does not say: the zeros of small files. */
static int check_room(struct intake *in, uint64_t zeros)
{
    struct view *v;
    if (zeros == 0)
        return 0;
    int err = view_begin(in->e->store, &v);
    if (err < 0)
        return err;
    bool room = inbox_has_room(in->e, v, zeros);
    view_end(v);
    return room ? 0 : STORE_ERR_NOSPACE;
}

/* Flushed, as the data of the others will be: what is published must survive. */
static int make_holes(const struct intake *in)
{
    struct store *s = in->e->store;
    int err = 0;
    for (size_t i = 0; err == 0 && i < in->plant.count; i++) {
        const struct planted *item = &in->plant.items[i];
        if (item->hole_size == 0)
            continue;
        err = content_truncate(s, item->ino, item->hole_size);
        if (err == 0)
            err = content_flush(s, item->ino, true);
    }
    return err;
}

static int stage_manifest(struct turn *t, struct arrival *a, void *arg)
{
    (void)arg;
    return node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &a->manifest);
}

static int write_manifest(struct intake *in)
{
    struct store *s = in->e->store;
    for (size_t i = 0; i < in->plant.count; i++)
        bytes_put_u64(&in->head, in->plant.items[i].ino);
    if (!bytes_ok(&in->head))
        return STORE_ERR_NOMEM;
    int err = in_turn(in, stage_manifest, NULL);
    for (size_t at = 0; err == 0 && at < in->head.len;) {
        size_t len = in->head.len - at < BATCH_BYTES_MAX ? in->head.len - at : BATCH_BYTES_MAX;
        err = content_write(s, in->a.manifest, in->head.data + at, len, at);
        at += len;
    }
    return err < 0 ? err : content_flush(s, in->a.manifest, true);
}

static int enter_data(struct turn *t, struct arrival *a, void *arg)
{
    const uint64_t *data_start = arg;
    (void)t;
    a->state = ARRIVAL_DATA;
    a->durable = *data_start;
    return 0;
}

static int begin_data(struct intake *in)
{
    const uint8_t *manifest = in->head.data + LENGTH_BYTES;
    uint64_t data_start = in->head.len;
    size_t len = in->head.len - LENGTH_BYTES;
    struct plant_sum sum;
    int err = plant_check(manifest, len, &sum);
    in->why = sum.why;
    if (err == 0 && data_start + sum.data_len != in->a.size)
        err = STORE_ERR_HOSTILE;
    if (err == 0)
        err = check_room(in, sum.zeros);
    if (err == 0)
        err = plant_all(in, manifest, len);
    if (err == 0)
        err = make_holes(in);
    if (err == 0)
        err = write_manifest(in);
    if (err == 0)
        err = parcel_table_load(&in->table, in->e->store, in->a.manifest);
    bytes_release(&in->head);
    return err < 0 ? err : in_turn(in, enter_data, &data_start);
}

/* The bytes of the head, as far as is known: its length first. */
static uint64_t head_len(const struct intake *in)
{
    struct reader r = reader_of(in->head.data, in->head.len);
    return in->head.len < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + (uint64_t)reader_u32(&r);
}

static int take_head(struct intake *in, const uint8_t **data, size_t *len)
{
    while (*len > 0 && in->a.state == ARRIVAL_MANIFEST) {
        uint64_t want = head_len(in) - in->head.len;
        size_t take = want < *len ? (size_t)want : *len;
        bytes_put(&in->head, *data, take);
        if (!bytes_ok(&in->head))
            return STORE_ERR_NOMEM;
        *data += take;
        *len -= take;
        in->next += take;
        if (in->head.len < LENGTH_BYTES)
            continue;
        want = head_len(in);
        if (want == LENGTH_BYTES || want > LENGTH_BYTES + MANIFEST_LEN_MAX || want > in->a.size)
            return STORE_ERR_HOSTILE;
        if (in->head.len < want)
            continue;
        int err = begin_data(in);
        if (err < 0)
            return err;
    }
    return 0;
}

/* ---- small files ---- */

static int put_batch(struct turn *t, struct arrival *a, void *arg)
{
    struct intake *in = arg;
    (void)a;
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
    int err = in_turn(in, put_batch, in);
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
    for (size_t i = 0; i < in->dirty_count && !MUTANT(PUBLISH_BEFORE_DURABLE); i++) {
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

static int drop_node(struct turn *t, uint64_t ino)
{
    int err = ino != 0 ? node_discard(t, ino) : 0;
    return err == STORE_ERR_NOT_FOUND ? 0 : err;
}

/* What was made before an interruption goes; it works on a full disk, too. */
static int begin_again(struct intake *in)
{
    struct turn *t;
    struct arrival fresh = in->a;
    if (fresh.state == ARRIVAL_MANIFEST && fresh.top_ino == 0 && fresh.manifest == 0)
        return 0;
    int err = turn_begin_relief(in->e->store, &t);
    if (err < 0)
        return err;
    err = check_ours(in, turn_view(t));
    if (err == 0)
        err = drop_node(t, in->a.top_ino);
    if (err == 0)
        err = drop_node(t, in->a.manifest);
    fresh.state = ARRIVAL_MANIFEST;
    fresh.top_ino = fresh.manifest = fresh.durable = 0;
    if (err == 0)
        err = arrival_put(t, &fresh);
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    err = turn_commit(t);
    in->a = fresh;
    return err;
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
    if (err == 0 && more < 0)
        err = more == PROTO_ERR_NOMEM ? STORE_ERR_NOMEM : STORE_ERR_CORRUPT;
    if (err == 0 && !reader_done(&r))
        err = STORE_ERR_CORRUPT;
    manifest_parser_release(&parser);
    bytes_release(&file);
    return err;
}

/* A file that failed once cannot be made durable any more. */
static int check_files(const struct intake *in)
{
    struct view *v;
    struct node_sum sum;
    int err = view_begin(in->e->store, &v);
    if (err < 0)
        return err;
    err = node_sum(v, in->a.top_ino, &sum);
    view_end(v);
    return err < 0 ? err : sum.bad > 0 ? STORE_ERR_CORRUPT : 0;
}

static int go_on(struct intake *in)
{
    int err = parcel_table_load(&in->table, in->e->store, in->a.manifest);
    if (err == 0 && (in->table.size != in->a.size || in->a.durable > in->a.size ||
                     in->a.durable < in->table.data_start))
        err = STORE_ERR_CORRUPT;
    if (err == 0)
        err = check_files(in);
    if (err == 0)
        err = replant(in);
    if (err < 0) {
        parcel_table_release(&in->table);
        plant_release(&in->plant);
        return err;
    }
    in->next = in->a.durable;
    in->extent = parcel_table_find(&in->table, in->next);
    return 0;
}

int intake_open(struct intake **out, struct engine *e, const struct arrival *a)
{
    if (a->state != ARRIVAL_MANIFEST && a->state != ARRIVAL_DATA)
        return STORE_ERR_INVALID;
    struct intake *in = calloc(1, sizeof *in);
    if (in == NULL)
        return STORE_ERR_NOMEM;
    in->e = e;
    in->a = *a;
    int err = a->state == ARRIVAL_DATA ? go_on(in) : STORE_ERR_CORRUPT;
    if (err == STORE_ERR_CORRUPT) /* half made, or damaged: rather from the start than never */
        err = begin_again(in);
    if (err < 0) {
        intake_close(in);
        return err;
    }
    in->plant.keep_exec = e->options.keep_exec;
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
    return in->failed == 0 && in->a.state == ARRIVAL_DATA && in->next == in->a.size;
}

const char *intake_why(const struct intake *in)
{
    return in->why != NULL ? in->why : "the parcel is malformed";
}

int intake_write(struct intake *in, const uint8_t *data, size_t len)
{
    if (in->failed == 0)
        in->failed = take_head(in, &data, &len);
    if (in->failed == 0)
        in->failed = take_data(in, data, len);
    return in->failed;
}

static int set_durable(struct turn *t, struct arrival *a, void *arg)
{
    const uint64_t *durable = arg;
    (void)t;
    a->durable = *durable;
    return 0;
}

static int sync_all(struct intake *in)
{
    uint64_t durable = in->small != NULL ? in->small_at : in->next;
    if (in->a.state != ARRIVAL_DATA || durable == in->a.durable)
        return 0;
    int err = flush_batch(in);
    if (err == 0)
        err = sync_large(in);
    return err < 0 ? err : in_turn(in, set_durable, &durable);
}

int intake_sync(struct intake *in, uint64_t *durable)
{
    if (in->failed == 0)
        in->failed = sync_all(in);
    *durable = in->a.durable;
    return in->failed;
}

struct timing {
    const struct plant *plant;
    size_t left;
};

static int time_some(struct turn *t, struct arrival *a, void *arg)
{
    struct timing *timing = arg;
    (void)a;
    return plant_times(timing->plant, t, &timing->left, PLANT_ITEMS_A_TURN);
}

static int publish(struct step *step, void *arg)
{
    struct intake *in = arg;
    int err = check_ours(in, turn_view(step->t));
    return err < 0 ? err : inbox_publish(step, &in->a, in->plant.files);
}

static int set_times_and_publish(struct intake *in)
{
    struct timing timing = {&in->plant, in->plant.count};
    int err = 0;
    while (err == 0 && timing.left > 0)
        err = in_turn(in, time_some, &timing);
    return err < 0 ? err : step_alone(in->e, in->a.wormhole, publish, in);
}

int intake_publish(struct intake *in)
{
    if (!intake_complete(in) || in->a.durable != in->a.size)
        return in->failed < 0 ? in->failed : STORE_ERR_INVALID;
    in->failed = set_times_and_publish(in);
    return in->failed;
}
