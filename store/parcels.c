/* Revisions and arrivals (queues.h): the rows that own staged nodes. */
#include <string.h>
#include "store/core.h"
#include "store/nodes.h"
#include "store/queues.h"

/* Deletes a node that a row owned, unless it is published by now or gone. */
static int discard(struct turn *t, uint64_t ino)
{
    int rc = ino ? node_discard(t, ino) : 0;
    return rc == STORE_ERR_NOT_FOUND || rc == STORE_ERR_INVALID ? 0 : rc;
}

/* ---- revisions ---- */

#define REVISION_COLUMNS "rev, wormhole, ino, state, size, acked_bytes, manifest, number, items"

static struct sql put_revision = {
    "INSERT INTO revision (" REVISION_COLUMNS
    ") VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (rev) DO UPDATE SET wormhole=excluded.wormhole, "
    "ino=excluded.ino, state=excluded.state, size=excluded.size, acked_bytes=excluded.acked_bytes, "
    "manifest=excluded.manifest, number=excluded.number, items=excluded.items",
    0};
static struct sql get_revision = {"SELECT " REVISION_COLUMNS " FROM revision WHERE rev=?", 0};
static struct sql each_revision = {"SELECT " REVISION_COLUMNS " FROM revision WHERE wormhole=? "
                                   "ORDER BY seq",
                                   0};
static struct sql erase_revision = {"DELETE FROM revision WHERE rev=?", 0};

static void revision_row(const struct sql_query *q, struct revision *r)
{
    *r = (struct revision){
        .wormhole = sql_u64(q, 1),
        .ino = sql_u64(q, 2),
        .state = sql_int(q, 3),
        .size = sql_u64(q, 4),
        .acked_bytes = sql_u64(q, 5),
        .manifest = sql_u64(q, 6),
        .number = sql_u64(q, 7),
        .items = sql_u64(q, 8),
    };
    sql_bytes(q, 0, r->rev, sizeof r->rev);
}

int revision_put(struct turn *t, const struct revision *r)
{
    return sql_exec(turn_view(t), &put_revision, "buuduuuuu", r->rev, sizeof r->rev, r->wormhole,
                    r->ino, r->state, r->size, r->acked_bytes, r->manifest, r->number, r->items);
}

int revision_get(struct view *v, const uint8_t rev[static REV_BYTES], struct revision *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get_revision, &q, "b", rev, (size_t)REV_BYTES);
    if (rc)
        return rc;
    revision_row(&q, out);
    sql_done(&q);
    return 0;
}

int revision_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct revision *r),
                  void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each_revision, &q, "u", wormhole);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct revision r;
        revision_row(&q, &r);
        rc = fn(arg, &r);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int revision_erase(struct turn *t, const uint8_t rev[static REV_BYTES])
{
    struct revision r;
    int rc = revision_get(turn_view(t), rev, &r);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &erase_revision, "b", rev, (size_t)REV_BYTES);
    return rc ? rc : discard(t, r.manifest);
}

/* ---- arrivals ---- */

#define ARRIVAL_COLUMNS                                                                            \
    "wormhole, rev, name, state, size, durable, top_ino, manifest, started_ms, overhead"

static struct sql put_arrival = {
    "INSERT INTO arrival (wormhole, rev, name, state, size, durable, top_ino, manifest, "
    "started_ms, overhead) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (wormhole, rev) DO UPDATE SET "
    "name=excluded.name, state=excluded.state, size=excluded.size, durable=excluded.durable, "
    "top_ino=excluded.top_ino, manifest=excluded.manifest, started_ms=excluded.started_ms, "
    "overhead=excluded.overhead",
    0};
static struct sql get_arrival = {
    "SELECT " ARRIVAL_COLUMNS " FROM arrival WHERE wormhole=? AND rev=?", 0};
static struct sql each_arrival = {"SELECT " ARRIVAL_COLUMNS " FROM arrival WHERE wormhole=? "
                                  "ORDER BY seq",
                                  0};
static struct sql erase_arrival = {"DELETE FROM arrival WHERE wormhole=? AND rev=?", 0};

static void arrival_row(const struct sql_query *q, struct arrival *a)
{
    *a = (struct arrival){
        .wormhole = sql_u64(q, 0),
        .state = sql_int(q, 3),
        .size = sql_u64(q, 4),
        .durable = sql_u64(q, 5),
        .top_ino = sql_u64(q, 6),
        .manifest = sql_u64(q, 7),
        .started_ms = sql_i64(q, 8),
        .overhead = sql_u64(q, 9),
    };
    sql_bytes(q, 1, a->rev, sizeof a->rev);
    size_t len;
    const void *name = sql_blob(q, 2, &len);
    if (name && len <= NAME_BYTES_MAX) {
        memcpy(a->name.text, name, len);
        a->name.len = (uint16_t)len;
    }
}

int arrival_put(struct turn *t, const struct arrival *a)
{
    return sql_exec(turn_view(t), &put_arrival, "ubbduuuuiu", a->wormhole, a->rev, sizeof a->rev,
                    a->name.text, (size_t)a->name.len, a->state, a->size, a->durable, a->top_ino,
                    a->manifest, a->started_ms, a->overhead);
}

int arrival_get(struct view *v, uint64_t wormhole, const uint8_t rev[static REV_BYTES],
                struct arrival *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get_arrival, &q, "ub", wormhole, rev, (size_t)REV_BYTES);
    if (rc)
        return rc;
    arrival_row(&q, out);
    sql_done(&q);
    return 0;
}

int arrival_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct arrival *a),
                 void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each_arrival, &q, "u", wormhole);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct arrival a;
        arrival_row(&q, &a);
        rc = fn(arg, &a);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

static struct sql arrival_rest = {"SELECT coalesce(sum(rest), 0) FROM arrival_sum", 0};
static struct sql arrival_bytes = {"SELECT coalesce(sum(bytes), 0) FROM arrival_sum", 0};
static struct sql count_arrivals = {
    "SELECT coalesce(sum(count), 0), coalesce(sum(iif(state=?2, count, 0)), 0) FROM arrival_sum "
    "WHERE wormhole=?1",
    0};

static int one_number(struct view *v, struct sql *statement, uint64_t *number)
{
    struct sql_query q;
    int rc = sql_row(v, statement, &q, "");
    if (rc)
        return rc;
    *number = sql_u64(&q, 0);
    sql_done(&q);
    return 0;
}

int arrival_rest_sum(struct view *v, uint64_t *bytes)
{
    return one_number(v, &arrival_rest, bytes);
}

int arrival_bytes_sum(struct view *v, uint64_t *bytes)
{
    return one_number(v, &arrival_bytes, bytes);
}

int arrival_count(struct view *v, uint64_t wormhole, int state, struct arrival_count *out)
{
    struct sql_query q;
    int rc = sql_row(v, &count_arrivals, &q, "ud", wormhole, state);
    if (rc)
        return rc;
    *out = (struct arrival_count){.all = sql_u64(&q, 0), .in_state = sql_u64(&q, 1)};
    sql_done(&q);
    return 0;
}

int arrival_erase(struct turn *t, uint64_t wormhole, const uint8_t rev[static REV_BYTES])
{
    struct arrival a;
    int rc = arrival_get(turn_view(t), wormhole, rev, &a);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &erase_arrival, "ub", wormhole, rev, (size_t)REV_BYTES);
    if (rc == 0)
        rc = discard(t, a.top_ino);
    return rc ? rc : discard(t, a.manifest);
}
