/* The manifest of a large parcel: into its file as it comes, checked, and planted, batch by batch.
 */
#include "fs/engine/intake_inner.h"

#include <string.h>
#include "fs/engine/inbox.h"
#include "store/content.h"

enum {
    HEAD_BUFFER_BYTES = 256 << 10,
    INOS_AT_ONCE = 4096,
};

/* ---- as it comes ---- */

static int stage_manifest(struct turn *t, struct arrival *a, void *arg)
{
    (void)arg;
    return node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &a->manifest);
}

static int flush_head(struct intake *in)
{
    int err = in->a.manifest == 0 ? intake_turn(in, stage_manifest, NULL) : 0;
    if (err == 0)
        err = content_write(in->e->store, in->a.manifest, in->head.data, in->head.len,
                            in->next - in->head.len);
    in->head.len = 0;
    return err;
}

static int learn_length(struct intake *in)
{
    struct reader r = reader_of(in->head.data, in->head.len);
    uint32_t len = reader_u32(&r);
    in->head_len = SCROLL_LENGTH_BYTES + (uint64_t)len;
    return len == 0 || len > MANIFEST_LEN_MAX || in->head_len > in->a.size ? STORE_ERR_HOSTILE : 0;
}

static int take_some(struct intake *in, const uint8_t **data, size_t *len)
{
    uint64_t want = (in->head_len == 0 ? SCROLL_LENGTH_BYTES : in->head_len) - in->next;
    size_t take = want < *len ? (size_t)want : *len;
    if (take > HEAD_BUFFER_BYTES - in->head.len)
        take = HEAD_BUFFER_BYTES - in->head.len;
    bytes_put(&in->head, *data, take);
    if (!bytes_ok(&in->head))
        return STORE_ERR_NOMEM;
    *data += take;
    *len -= take;
    in->next += take;
    return 0;
}

int intake_head_take(struct intake *in, const uint8_t **data, size_t *len)
{
    while (*len > 0 && in->phase == INTAKE_HEAD) {
        int err = take_some(in, data, len);
        if (err == 0 && in->head_len == 0 && in->next == SCROLL_LENGTH_BYTES)
            err = learn_length(in);
        bool whole = in->next == in->head_len;
        if (err == 0 && (whole || in->head.len == HEAD_BUFFER_BYTES))
            err = flush_head(in);
        if (err < 0)
            return err;
        if (whole)
            in->phase = INTAKE_CHECK;
    }
    return 0;
}

/* ---- checking ---- */

/* What the parcel's size does not say: the nodes, and the zeros of small files. */
static int claim_room(struct turn *t, struct arrival *a, void *arg)
{
    const struct intake *in = arg;
    int room = inbox_has_room(in->e, turn_view(t), in->sum.overhead);
    a->overhead = in->sum.overhead;
    return room < 0 ? room : room > 0 ? 0 : STORE_ERR_NOSPACE;
}

static int begin_scroll(struct intake *in)
{
    scroll_release(&in->scroll);
    return scroll_open(&in->scroll, in->e->store, in->a.manifest);
}

static int checked(struct intake *in)
{
    if (in->head_len + in->sum.data_len != in->a.size)
        return STORE_ERR_HOSTILE;
    int err = intake_turn(in, claim_room, in);
    if (err == 0)
        err = begin_scroll(in);
    in->phase = INTAKE_PLANT;
    return err;
}

static int blame(struct intake *in, int err)
{
    in->why = plant_why(err);
    return STORE_ERR_HOSTILE;
}

static int check_some(struct intake *in)
{
    int more = in->scroll.buffer == NULL ? begin_scroll(in) : 0;
    if (more < 0)
        return more;
    for (int i = 0; i < INTAKE_CHECK_ITEMS; i++) {
        struct manifest_item item;
        more = scroll_next(&in->scroll, &item);
        if (more == STORE_ERR_HOSTILE || more == STORE_ERR_TOO_BIG)
            return blame(in, more);
        if (more <= 0)
            return more < 0 ? more : checked(in);
        int err = plant_check_item(&in->sum, &item);
        in->why = in->sum.why;
        if (err < 0)
            return err;
    }
    return 0;
}

/* ---- planting ---- */

struct planting {
    struct intake *in;
    bool done;
};

static int plant_one(struct turn *t, struct intake *in, const struct manifest_item *item)
{
    uint64_t hole_size;
    int err = plant_item(&in->plant, t, item, &hole_size);
    if (err == 0 && hole_size != 0)
        in->holes[in->hole_count++] = (struct intake_hole){in->plant.inos[item->index], hole_size};
    return err;
}

static int plant_some(struct turn *t, struct arrival *a, void *arg)
{
    struct planting *p = arg;
    struct intake *in = p->in;
    for (int i = 0; i < INTAKE_ITEMS_A_TURN; i++) {
        struct manifest_item item;
        int more = scroll_take(&in->scroll, &item);
        if (more == STORE_ERR_NO_DATA)
            break;
        p->done = more == 0;
        if (more <= 0)
            return more;
        int err = plant_one(t, in, &item);
        if (err < 0)
            return err;
        a->top_ino = plant_top(&in->plant);
    }
    return 0;
}

/* Flushed, as the data of the others will be: what is published must survive. */
static int make_holes(struct intake *in)
{
    struct store *s = in->e->store;
    int err = 0;
    for (size_t i = 0; err == 0 && i < in->hole_count; i++) {
        err = content_truncate(s, in->holes[i].ino, in->holes[i].size);
        if (err == 0)
            err = content_flush(s, in->holes[i].ino, true);
    }
    in->hole_count = 0;
    return err;
}

static int write_inos(struct intake *in)
{
    struct bytes some = {0};
    uint64_t at = in->head_len;
    int err = 0;
    for (size_t i = 0; err == 0 && i < in->plant.count;) {
        bytes_clear(&some);
        for (size_t n = 0; n < INOS_AT_ONCE && i < in->plant.count; n++)
            bytes_put_u64(&some, in->plant.inos[i++]);
        err = bytes_ok(&some) ? content_write(in->e->store, in->a.manifest, some.data, some.len, at)
                              : STORE_ERR_NOMEM;
        at += some.len;
    }
    bytes_release(&some);
    return err < 0 ? err : content_flush(in->e->store, in->a.manifest, true);
}

static int enter_data(struct turn *t, struct arrival *a, void *arg)
{
    const uint64_t *data_start = arg;
    (void)t;
    a->state = ARRIVAL_DATA;
    a->durable = *data_start;
    return 0;
}

static int planted(struct intake *in)
{
    scroll_release(&in->scroll);
    int err = write_inos(in);
    plant_release(&in->plant);
    if (err == 0)
        err = parcel_table_load(&in->table, in->e->store, in->a.manifest);
    if (err == 0)
        err = intake_turn(in, enter_data, &in->head_len);
    if (err == 0)
        in->phase = INTAKE_DATA;
    return err;
}

static int plant_batch(struct intake *in)
{
    struct planting p = {.in = in};
    int err = scroll_fill(&in->scroll);
    if (err == 0)
        err = intake_turn(in, plant_some, &p);
    if (err == 0)
        err = make_holes(in);
    return err < 0 || !p.done ? err : planted(in);
}

int intake_head_work(struct intake *in)
{
    return in->phase == INTAKE_CHECK ? check_some(in) : plant_batch(in);
}
