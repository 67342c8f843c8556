#include "fs/engine/intake_inner.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "mutant.h"
#include "store/content.h"

/* ---- turns ---- */

static bool same(const struct arrival *a, const struct arrival *b)
{
    return a->state == b->state && a->top_ino == b->top_ino && a->manifest == b->manifest &&
           a->durable == b->durable && a->overhead == b->overhead;
}

/* Withdrawn, or taken up by another session meanwhile? Then what we know of it is void. */
static int check_ours(const struct intake *in, struct view *v)
{
    struct arrival now;
    int err = arrival_get(v, in->a.wormhole, in->a.rev, &now);
    return err < 0 ? err : same(&now, &in->a) ? 0 : STORE_ERR_NOT_FOUND;
}

static int run(struct intake *in, struct turn *t, intake_turn_fn *fn, void *arg, struct arrival *a)
{
    int err = check_ours(in, turn_view(t));
    if (err == 0)
        err = fn(t, a, arg);
    if (err == 0 && !same(a, &in->a))
        err = arrival_put(t, a);
    return err;
}

int intake_turn(struct intake *in, intake_turn_fn *fn, void *arg)
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
    int err = intake_turn(in, put_batch, in);
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
    return in->batch_count == INTAKE_BATCH_FILES_MAX || in->batch_bytes >= INTAKE_BATCH_BYTES_MAX
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
    if (in->dirty_count == INTAKE_DIRTY_FILES_MAX) {
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
        struct parcel_extent x;
        int found = parcel_table_at(&in->table, in->next, &x);
        if (found <= 0)
            return found < 0 ? found : STORE_ERR_HOSTILE; /* beyond the end */
        uint64_t left = x.at + x.len - in->next;
        size_t take = left < len ? (size_t)left : len;
        int err = x.file_size <= INLINE_BYTES_MAX ? write_small(in, &x, data, take)
                                                  : write_large(in, &x, data, take);
        if (err < 0)
            return err;
        in->next += take;
        data += take;
        len -= take;
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
    fresh.top_ino = fresh.manifest = fresh.durable = fresh.overhead = 0;
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
    if (err < 0) {
        parcel_table_release(&in->table);
        return err;
    }
    in->phase = INTAKE_DATA;
    in->next = in->a.durable;
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
    bytes_release(&in->rest);
    scroll_release(&in->scroll);
    plant_release(&in->plant);
    parcel_table_release(&in->table);
    free(in);
}

uint64_t intake_next(const struct intake *in)
{
    return in->next + in->rest.len;
}

bool intake_complete(const struct intake *in)
{
    return in->failed == 0 && in->phase == INTAKE_DATA && in->next == in->a.size;
}

bool intake_busy(const struct intake *in)
{
    return in->failed == 0 && (in->phase == INTAKE_CHECK || in->phase == INTAKE_PLANT);
}

const char *intake_why(const struct intake *in)
{
    return in->why != NULL ? in->why : "the parcel is malformed";
}

static int take(struct intake *in, const uint8_t *data, size_t len)
{
    int err = intake_head_take(in, &data, &len);
    if (err < 0 || in->phase == INTAKE_DATA)
        return err < 0 ? err : take_data(in, data, len);
    bytes_put(&in->rest, data, len); /* for when it is planted */
    return bytes_ok(&in->rest) ? 0 : STORE_ERR_NOMEM;
}

int intake_write(struct intake *in, const uint8_t *data, size_t len)
{
    if (intake_busy(in))
        return STORE_ERR_BUSY;
    if (in->failed == 0)
        in->failed = take(in, data, len);
    return in->failed;
}

static int work(struct intake *in)
{
    int err = intake_head_work(in);
    if (err == 0 && in->phase == INTAKE_DATA) {
        struct bytes rest = in->rest;
        in->rest = (struct bytes){0};
        err = take_data(in, rest.data, rest.len);
        bytes_release(&rest);
    }
    return err;
}

int intake_work(struct intake *in)
{
    if (intake_busy(in))
        in->failed = work(in);
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
    if (in->phase != INTAKE_DATA || durable == in->a.durable)
        return 0;
    int err = flush_batch(in);
    if (err == 0 && (!MUTANT(DURABLE_BEFORE_SYNC) || durable == in->a.size))
        err = sync_large(in);
    return err < 0 ? err : intake_turn(in, set_durable, &durable);
}

int intake_sync(struct intake *in, uint64_t *durable)
{
    if (in->failed == 0)
        in->failed = sync_all(in);
    *durable = in->a.durable;
    return in->failed;
}

/* ---- publishing ---- */

struct timing {
    struct intake *in;
    uint64_t inos[INTAKE_ITEMS_A_TURN];
    size_t count;
};

static int time_some(struct turn *t, struct arrival *a, void *arg)
{
    struct timing *timing = arg;
    (void)a;
    for (size_t i = 0; i < timing->count; i++) {
        struct manifest_item item;
        int more = scroll_take(&timing->in->scroll, &item);
        if (more == STORE_ERR_NO_DATA)
            return 0;
        if (more <= 0)
            return more < 0 ? more : STORE_ERR_CORRUPT;
        int err = plant_time(t, &item, timing->inos[i]);
        if (err < 0)
            return err;
        timing->in->timed++;
    }
    return 0;
}

/* The rules were checked: a mark is enough, and the parser need not run again. */
static int begin_timing(struct intake *in)
{
    scroll_release(&in->scroll);
    int err = scroll_open(&in->scroll, in->e->store, in->a.manifest);
    if (err < 0)
        return err;
    struct scroll_mark first = scroll_mark(&in->scroll);
    scroll_go(&in->scroll, &first);
    in->timed = 0;
    in->timing = true;
    return 0;
}

static int time_batch(struct intake *in)
{
    struct timing timing = {.in = in};
    size_t left = in->table.items - in->timed;
    timing.count = left < INTAKE_ITEMS_A_TURN ? left : INTAKE_ITEMS_A_TURN;
    int err = scroll_inos(&in->scroll, in->timed, timing.inos, timing.count);
    if (err == 0)
        err = scroll_fill(&in->scroll);
    return err < 0 ? err : intake_turn(in, time_some, &timing);
}

static int publish(struct step *step, void *arg)
{
    struct intake *in = arg;
    int err = check_ours(in, turn_view(step->t));
    return err < 0 ? err : inbox_publish(step, &in->a, in->table.files);
}

static int publish_some(struct intake *in)
{
    int err = in->timing ? 0 : begin_timing(in);
    if (err == 0)
        err = time_batch(in);
    if (err < 0 || in->timed < in->table.items)
        return err < 0 ? err : 1;
    return step_alone(in->e, in->a.wormhole, publish, in);
}

int intake_publish(struct intake *in)
{
    if (!intake_complete(in) || in->a.durable != in->a.size)
        return in->failed < 0 ? in->failed : STORE_ERR_INVALID;
    int more = publish_some(in);
    if (more < 0)
        in->failed = more;
    return more;
}
