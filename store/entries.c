#include "store/entries.h"

#include <sodium.h>
#include <string.h>
#include "store/core.h"

/* ---- reading ---- */

#define ENTRY_COLUMNS                                                                              \
    "ino, wormhole, name, kind, state, held, error, rev, rev_size, rev_files, offered, "           \
    "maybe, created_ms, sealed_ms, sent_ms, created_event, held_code"

static void read_name(const struct sql_query *q, int col, struct name *out)
{
    size_t len;
    const void *bytes = sql_blob(q, col, &len);
    *out = (struct name){0};
    if (!bytes || len > NAME_BYTES_MAX)
        return;
    memcpy(out->text, bytes, len);
    out->len = (uint16_t)len;
}

static void entry_row(const struct sql_query *q, struct entry *e)
{
    *e = (struct entry){
        .ino = sql_u64(q, 0),
        .wormhole = sql_u64(q, 1),
        .kind = (enum node_type)sql_int(q, 3),
        .state = (enum entry_state)sql_int(q, 4),
        .rev_size = sql_u64(q, 8),
        .rev_files = sql_u64(q, 9),
        .offered = sql_int(q, 10),
        .maybe = sql_int(q, 11),
        .created_ms = sql_i64(q, 12),
        .sealed_ms = sql_i64(q, 13),
        .sent_ms = sql_i64(q, 14),
        .created_event = sql_u64(q, 15),
        .held_code = (unsigned)sql_int(q, 16),
    };
    read_name(q, 2, &e->name);
    sql_text(q, 5, e->held, sizeof e->held);
    sql_text(q, 6, e->error, sizeof e->error);
    sql_bytes(q, 7, e->rev, sizeof e->rev);
}

static struct sql get = {"SELECT " ENTRY_COLUMNS " FROM entry WHERE ino=?", 0};
static struct sql by_rev = {"SELECT " ENTRY_COLUMNS " FROM entry WHERE rev=?", 0};
static struct sql of_one = {"SELECT " ENTRY_COLUMNS " FROM entry WHERE wormhole=? AND "
                            "created_event>? ORDER BY created_event",
                            0};
static struct sql of_all = {"SELECT " ENTRY_COLUMNS " FROM entry WHERE created_event>? "
                            "ORDER BY created_event",
                            0};

int entry_get(struct view *v, uint64_t ino, struct entry *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get, &q, "u", ino);
    if (rc)
        return rc;
    entry_row(&q, out);
    sql_done(&q);
    return 0;
}

int entry_by_rev(struct view *v, const uint8_t rev[static REV_BYTES], struct entry *out)
{
    struct sql_query q;
    int rc = sql_row(v, &by_rev, &q, "b", rev, (size_t)REV_BYTES);
    if (rc)
        return rc;
    entry_row(&q, out);
    sql_done(&q);
    return 0;
}

int entry_each(struct view *v, uint64_t wormhole, uint64_t after,
               int (*fn)(void *arg, const struct entry *e), void *arg)
{
    struct sql_query q;
    int rc = wormhole ? sql_open(v, &of_one, &q, "uu", wormhole, after)
                      : sql_open(v, &of_all, &q, "u", after);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct entry e;
        entry_row(&q, &e);
        rc = fn(arg, &e);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

static struct sql counts = {
    "SELECT count(*), total(state=1), total(state=2), total(state=3), total(held!=''), "
    "total(offered), total(error!='' AND held=''), ifnull(sum((state!=1)*rev_size),0) "
    "FROM entry WHERE wormhole=?",
    0};

int entry_count(struct view *v, uint64_t wormhole, struct entry_count *out)
{
    struct sql_query q;
    int rc = sql_row(v, &counts, &q, "u", wormhole);
    if (rc)
        return rc;
    *out = (struct entry_count){sql_u64(&q, 0), sql_u64(&q, 1), sql_u64(&q, 2), sql_u64(&q, 3),
                                sql_u64(&q, 4), sql_u64(&q, 5), sql_u64(&q, 6), sql_u64(&q, 7)};
    sql_done(&q);
    return 0;
}

static struct sql sent_of_one = {"SELECT event, wormhole, name, at_peer, how, size, time_ms FROM "
                                 "sent WHERE wormhole=? ORDER BY event DESC LIMIT ?",
                                 0};
static struct sql sent_of_all = {"SELECT event, wormhole, name, at_peer, how, size, time_ms FROM "
                                 "sent ORDER BY event DESC LIMIT ?",
                                 0};

int sent_each(struct view *v, uint64_t wormhole, uint64_t limit,
              int (*fn)(void *arg, const struct sent *s), void *arg)
{
    struct sql_query q;
    int64_t rows = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
    int rc = wormhole ? sql_open(v, &sent_of_one, &q, "ui", wormhole, rows)
                      : sql_open(v, &sent_of_all, &q, "i", rows);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct sent s = {.event = sql_u64(&q, 0),
                         .wormhole = sql_u64(&q, 1),
                         .size = sql_u64(&q, 5),
                         .time_ms = sql_i64(&q, 6)};
        sql_text(&q, 2, s.name, sizeof s.name);
        sql_text(&q, 3, s.at_peer, sizeof s.at_peer);
        sql_text(&q, 4, s.how, sizeof s.how);
        rc = fn(arg, &s);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

/* ---- events ---- */

static void rev_text(char out[static 2 * REV_BYTES + 1], const uint8_t *rev)
{
    sodium_bin2hex(out, 2 * REV_BYTES + 1, rev, REV_BYTES);
}

static int event(struct turn *t, uint64_t wormhole, uint64_t ino, enum log_type type,
                 json_t *detail)
{
    if (!detail)
        return STORE_ERR_NOMEM;
    return log_append(t, &(struct log_event){type, wormhole, ino, detail}, NULL);
}

int entry_seal(struct turn *t, const struct entry_seal *what)
{
    struct entry e;
    char rev[2 * REV_BYTES + 1];
    int rc = entry_get(turn_view(t), what->ino, &e);
    if (rc)
        return rc;
    if (e.state != ENTRY_OPEN)
        return STORE_ERR_INVALID;
    rev_text(rev, what->rev);
    return event(t, e.wormhole, e.ino, LOG_ENTRY_SEALED,
                 json_pack("{s:s, s:I, s:I}", "rev", rev, "size", (json_int_t)what->size, "files",
                           (json_int_t)what->files));
}

int entry_withdraw(struct turn *t, uint64_t ino, const char *cause)
{
    struct entry e;
    char rev[2 * REV_BYTES + 1];
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc)
        return rc;
    if (e.state != ENTRY_SEALED)
        return STORE_ERR_INVALID;
    rev_text(rev, e.rev);
    return event(t, e.wormhole, ino, LOG_ENTRY_WITHDRAWN,
                 json_pack("{s:s, s:o*}", "rev", rev, "cause", cause ? log_text(cause) : NULL));
}

/* An event that says no more than that it happened. */
static int plain(struct turn *t, const struct entry *e, enum log_type type)
{
    return event(t, e->wormhole, e->ino, type, json_object());
}

int entry_reopen(struct turn *t, uint64_t ino)
{
    struct entry e;
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc)
        return rc;
    return e.state == ENTRY_SENT ? plain(t, &e, LOG_ENTRY_REOPENED) : STORE_ERR_INVALID;
}

int entry_hold_as(struct turn *t, uint64_t ino, unsigned code, const char *reason)
{
    struct entry e;
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc || (e.held_code == code && strcmp(e.held, reason) == 0))
        return rc;
    return event(t, e.wormhole, ino, LOG_ENTRY_HELD,
                 json_pack("{s:o, s:o*}", "reason", log_text(reason), "code",
                           code ? json_integer((json_int_t)code) : NULL));
}

int entry_hold(struct turn *t, uint64_t ino, const char *reason)
{
    return entry_hold_as(t, ino, 0, reason);
}

int entry_release(struct turn *t, uint64_t ino)
{
    struct entry e;
    int rc = entry_get(turn_view(t), ino, &e);
    return rc || !e.held[0] ? rc : plain(t, &e, LOG_ENTRY_RELEASED);
}

int entry_offered(struct turn *t, uint64_t ino)
{
    struct entry e;
    char rev[2 * REV_BYTES + 1];
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc || e.offered)
        return rc;
    if (e.state != ENTRY_SEALED)
        return STORE_ERR_INVALID;
    rev_text(rev, e.rev);
    return event(t, e.wormhole, ino, LOG_ENTRY_OFFERED, json_pack("{s:s}", "rev", rev));
}

int entry_refused(struct turn *t, uint64_t ino, const char *reason)
{
    struct entry e;
    char rev[2 * REV_BYTES + 1];
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc)
        return rc;
    if (e.state != ENTRY_SEALED)
        return STORE_ERR_INVALID;
    rev_text(rev, e.rev);
    return event(t, e.wormhole, ino, LOG_ENTRY_REFUSED,
                 json_pack("{s:s, s:o}", "rev", rev, "reason", log_text(reason)));
}

int entry_maybe(struct turn *t, uint64_t ino)
{
    struct entry e;
    int rc = entry_get(turn_view(t), ino, &e);
    return rc || e.maybe ? rc : plain(t, &e, LOG_ENTRY_MAYBE);
}

int entry_delivered(struct turn *t, uint64_t ino, const uint8_t rev[static REV_BYTES],
                    const char *at_peer, const char *how)
{
    struct entry e;
    char own[NAME_SHOWN_MAX + 1];
    int rc = entry_get(turn_view(t), ino, &e);
    if (rc)
        return rc;
    if (e.state != ENTRY_SEALED || memcmp(e.rev, rev, REV_BYTES) != 0)
        return STORE_ERR_INVALID;
    name_show(own, e.name.text, e.name.len);
    json_t *detail = log_delivery(rev, at_peer ? at_peer : own, how);
    if (json_object_set_new(detail, "own", json_string(own)) ||
        json_object_set_new(detail, "size", json_integer((json_int_t)e.rev_size))) {
        json_decref(detail);
        return STORE_ERR_NOMEM;
    }
    return event(t, e.wormhole, ino, LOG_ENTRY_DELIVERED, detail);
}

/* ---- inboxes ---- */

#define INBOX_COLUMNS                                                                              \
    "ino, wormhole, name, kind, local, rev, size, files, received_ms, created_event"

static struct sql inbox_one = {"SELECT " INBOX_COLUMNS " FROM inbox_entry WHERE ino=?", 0};
static struct sql inbox_of = {"SELECT " INBOX_COLUMNS " FROM inbox_entry WHERE wormhole=? AND "
                              "created_event>? ORDER BY created_event",
                              0};
static struct sql inbox_counts = {"SELECT count(*) FROM inbox_entry WHERE wormhole=?", 0};

static void inbox_row(const struct sql_query *q, struct inbox_entry *e)
{
    *e = (struct inbox_entry){
        .ino = sql_u64(q, 0),
        .wormhole = sql_u64(q, 1),
        .kind = (enum node_type)sql_int(q, 3),
        .local = sql_int(q, 4),
        .size = sql_u64(q, 6),
        .files = sql_u64(q, 7),
        .received_ms = sql_i64(q, 8),
        .created_event = sql_u64(q, 9),
    };
    read_name(q, 2, &e->name);
    e->has_rev = sql_bytes(q, 5, e->rev, sizeof e->rev);
}

int inbox_get(struct view *v, uint64_t ino, struct inbox_entry *out)
{
    struct sql_query q;
    int rc = sql_row(v, &inbox_one, &q, "u", ino);
    if (rc)
        return rc;
    inbox_row(&q, out);
    sql_done(&q);
    return 0;
}

int inbox_each(struct view *v, uint64_t wormhole, uint64_t after,
               int (*fn)(void *arg, const struct inbox_entry *e), void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &inbox_of, &q, "uu", wormhole, after);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct inbox_entry e;
        inbox_row(&q, &e);
        rc = fn(arg, &e);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

static struct sql inbox_bytes = {"SELECT coalesce(sum(bytes), 0) FROM inbox_sum", 0};

int inbox_bytes_sum(struct view *v, uint64_t *bytes)
{
    struct sql_query q;
    int rc = sql_row(v, &inbox_bytes, &q, "");
    if (rc)
        return rc;
    *bytes = sql_u64(&q, 0);
    sql_done(&q);
    return 0;
}

int inbox_count(struct view *v, uint64_t wormhole, uint64_t *count)
{
    struct sql_query q;
    int rc = sql_row(v, &inbox_counts, &q, "u", wormhole);
    if (rc)
        return rc;
    *count = sql_u64(&q, 0);
    sql_done(&q);
    return 0;
}
