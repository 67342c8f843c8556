#include "store/queues.h"

#include <string.h>
#include "store/core.h"
#include "store/nodes.h"
#include "store/scrub.h"

/* ---- outbound ---- */

static struct sql push_op = {"INSERT INTO outbound (wormhole, kind, rev, detail) VALUES (?,?,?,?)",
                             0};
static struct sql each_op = {
    "SELECT seq, wormhole, kind, rev, detail FROM outbound WHERE wormhole=? "
    "AND seq>? ORDER BY seq",
    0};
static struct sql count_ops = {"SELECT count(*) FROM outbound WHERE wormhole=? AND kind=?", 0};
static struct sql pop_op = {"DELETE FROM outbound WHERE seq=?", 0};
static struct sql set_detail = {"UPDATE outbound SET detail=? WHERE seq=?", 0};
static struct sql drop_ops = {"DELETE FROM outbound WHERE wormhole=?", 0};
static struct sql drop_rev = {"DELETE FROM outbound WHERE wormhole=? AND rev=?", 0};

int outbound_push(struct turn *t, const struct outbound *op, uint64_t *seq)
{
    struct view *v = turn_view(t);
    if (op->detail_len > OUTBOUND_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    const void *detail = op->detail_len ? op->detail : (const uint8_t *)"";
    int rc = sql_exec(v, &push_op, "udbb", op->wormhole, op->kind, op->has_rev ? op->rev : NULL,
                      sizeof op->rev, detail, op->detail_len);
    if (rc == 0 && seq)
        *seq = (uint64_t)sqlite3_last_insert_rowid(v->db);
    return rc;
}

int outbound_each(struct view *v, uint64_t wormhole, uint64_t after,
                  int (*fn)(void *arg, const struct outbound *op), void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each_op, &q, "uu", wormhole, after);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct outbound op = {
            .seq = sql_u64(&q, 0), .wormhole = sql_u64(&q, 1), .kind = sql_int(&q, 2)};
        op.has_rev = sql_bytes(&q, 3, op.rev, sizeof op.rev);
        op.detail = sql_blob(&q, 4, &op.detail_len);
        rc = fn(arg, &op);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int outbound_count(struct view *v, uint64_t wormhole, int kind, uint64_t *count)
{
    struct sql_query q;
    int rc = sql_open(v, &count_ops, &q, "ud", wormhole, kind);
    if (rc)
        return rc;
    rc = sql_next(&q);
    if (rc == 1)
        *count = sql_u64(&q, 0);
    sql_done(&q);
    return rc == 1 ? 0 : rc;
}

static int one_gone(struct turn *t, int rc)
{
    if (rc)
        return rc;
    return sql_changes(turn_view(t)) == 1 ? 0 : STORE_ERR_NOT_FOUND;
}

int outbound_pop(struct turn *t, uint64_t seq)
{
    return one_gone(t, sql_exec(turn_view(t), &pop_op, "u", seq));
}

int outbound_set_detail(struct turn *t, uint64_t seq, const void *detail, size_t len)
{
    if (len > OUTBOUND_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    return one_gone(t, sql_exec(turn_view(t), &set_detail, "bu", len ? detail : "", len, seq));
}

int outbound_drop_all(struct turn *t, uint64_t wormhole)
{
    int rc = sql_exec(turn_view(t), &drop_ops, "u", wormhole);
    return rc ? rc : sql_changes(turn_view(t));
}

int outbound_drop_rev(struct turn *t, uint64_t wormhole, const uint8_t rev[static REV_BYTES])
{
    int rc = sql_exec(turn_view(t), &drop_rev, "ub", wormhole, rev, (size_t)REV_BYTES);
    return rc ? rc : sql_changes(turn_view(t));
}

/* ---- messages ---- */

static struct sql add_message = {
    "INSERT INTO message (wormhole, number, incarnation, body) VALUES (?,?,?,?)", 0};
static struct sql each_message = {"SELECT wormhole, number, incarnation, body FROM message WHERE "
                                  "wormhole=? ORDER BY number",
                                  0};
static struct sql acked = {"DELETE FROM message WHERE wormhole=? AND number<=?", 0};
static struct sql drop_messages = {"DELETE FROM message WHERE wormhole=?", 0};
static struct sql sum_messages = {"SELECT count(*), ifnull(sum(length(body)),0), "
                                  "ifnull(min(number),0), ifnull(max(number),0) FROM message "
                                  "WHERE wormhole=?",
                                  0};

int message_add(struct turn *t, const struct message *m)
{
    if (m->body_len > MESSAGE_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    const void *body = m->body_len ? m->body : (const uint8_t *)"";
    return sql_exec(turn_view(t), &add_message, "uubb", m->wormhole, m->number, m->incarnation,
                    sizeof m->incarnation, body, m->body_len);
}

int message_each(struct view *v, uint64_t wormhole, int (*fn)(void *arg, const struct message *m),
                 void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each_message, &q, "u", wormhole);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct message m = {.wormhole = sql_u64(&q, 0), .number = sql_u64(&q, 1)};
        sql_bytes(&q, 2, m.incarnation, sizeof m.incarnation);
        m.body = sql_blob(&q, 3, &m.body_len);
        rc = fn(arg, &m);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int message_acked(struct turn *t, uint64_t wormhole, uint64_t number)
{
    int64_t upto = number > INT64_MAX ? INT64_MAX : (int64_t)number; /* a peer's number */
    scrub_owe(t);
    int rc = sql_exec(turn_view(t), &acked, "ui", wormhole, upto);
    return rc ? rc : sql_changes(turn_view(t));
}

int message_drop_all(struct turn *t, uint64_t wormhole)
{
    scrub_owe(t);
    int rc = sql_exec(turn_view(t), &drop_messages, "u", wormhole);
    return rc ? rc : sql_changes(turn_view(t));
}

int message_sum(struct view *v, uint64_t wormhole, struct message_sum *out)
{
    struct sql_query q;
    int rc = sql_row(v, &sum_messages, &q, "u", wormhole);
    if (rc)
        return rc;
    *out = (struct message_sum){sql_u64(&q, 0), sql_u64(&q, 1), sql_u64(&q, 2), sql_u64(&q, 3)};
    sql_done(&q);
    return 0;
}

/* ---- decided ---- */

static struct sql add_decided = {
    "INSERT INTO decided (wormhole, rev, verdict, name, time_ms) VALUES (?,?,?,?,?)", 0};
static struct sql trim_decided = {
    "DELETE FROM decided WHERE wormhole=?1 AND seq <= (SELECT seq FROM decided WHERE wormhole=?1 "
    "ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
    0};
static struct sql count_decided = {
    "SELECT (SELECT max(seq) FROM decided WHERE wormhole=?1) - (SELECT min(seq) FROM decided WHERE "
    "wormhole=?1) >= ?2",
    0};
static struct sql get_decided = {
    "SELECT verdict, name, time_ms FROM decided WHERE wormhole=? AND rev=?", 0};

/* Seeing whether there may be too many must not cost a scan of a hundred thousand rows each time:
 * the numbers say it (they may say so too early, never too late). */
static int trim(struct turn *t, uint64_t wormhole)
{
    struct sql_query q;
    int rc = sql_row(turn_view(t), &count_decided, &q, "ud", wormhole, (int)DECIDED_KEPT_MAX);
    if (rc)
        return rc;
    bool maybe = sql_int(&q, 0);
    sql_done(&q);
    if (!maybe)
        return 0;
    return sql_exec(turn_view(t), &trim_decided, "ud", wormhole, (int)DECIDED_KEPT_MAX);
}

int decided_add(struct turn *t, const struct decided *d)
{
    int rc = sql_exec(turn_view(t), &add_decided, "ubdbi", d->wormhole, d->rev, sizeof d->rev,
                      d->verdict, d->name.text, (size_t)d->name.len, d->time_ms);
    return rc ? rc : trim(t, d->wormhole);
}

int decided_get(struct view *v, uint64_t wormhole, const uint8_t rev[static REV_BYTES],
                struct decided *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get_decided, &q, "ub", wormhole, rev, (size_t)REV_BYTES);
    if (rc)
        return rc;
    *out = (struct decided){
        .wormhole = wormhole, .verdict = sql_int(&q, 0), .time_ms = sql_i64(&q, 2)};
    memcpy(out->rev, rev, REV_BYTES);
    size_t len;
    const void *name = sql_blob(&q, 1, &len);
    if (name && len <= NAME_BYTES_MAX) {
        memcpy(out->name.text, name, len);
        out->name.len = (uint16_t)len;
    }
    sql_done(&q);
    return 0;
}
