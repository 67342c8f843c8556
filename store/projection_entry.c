/* The folds of what happens to top-level entries, in outboxes and in inboxes. */
#include <string.h>
#include "store/entries.h"
#include "store/fold.h"

/* ---- names: the same for both boxes, but for the table and the box ---- */

struct side {
    struct sql *name_of, *set_name, *remove;
    int (*box)(const struct fold *f, uint64_t *ino);
};

static struct sql entry_name = {"SELECT name FROM entry WHERE ino=? AND wormhole=?", 0};
static struct sql entry_set_name = {"UPDATE entry SET name=? WHERE ino=?", 0};
static struct sql entry_remove = {"DELETE FROM entry WHERE ino=?", 0};
static const struct side outbox = {&entry_name, &entry_set_name, &entry_remove, fold_outbox};

static struct sql inbox_name = {"SELECT name FROM inbox_entry WHERE ino=? AND wormhole=?", 0};
static struct sql inbox_set_name = {"UPDATE inbox_entry SET name=? WHERE ino=?", 0};
static struct sql inbox_remove = {"DELETE FROM inbox_entry WHERE ino=?", 0};
static const struct side inbox = {&inbox_name, &inbox_set_name, &inbox_remove, fold_inbox_ino};

static int name_of(const struct fold *f, const struct side *side, uint64_t ino, struct name *out)
{
    struct sql_query q;
    int rc = sql_row(f->view, side->name_of, &q, "uu", ino, f->row->event.wormhole);
    if (rc)
        return rc;
    size_t len;
    const void *bytes = sql_blob(&q, 0, &len);
    rc = name_set(out, bytes, len) ? STORE_ERR_CORRUPT : 0;
    sql_done(&q);
    return rc;
}

static int set_name(const struct fold *f, const struct side *side, uint64_t ino,
                    const struct name *name)
{
    return sql_exec(f->view, side->set_name, "bu", name->text, (size_t)name->len, ino);
}

static int rename_in(const struct fold *f, const struct side *side)
{
    uint64_t box, ino = f->row->event.ino;
    struct name from, to;
    if (log_get_name(f->detail, "name", &to))
        return STORE_ERR_INVALID;
    int rc = name_of(f, side, ino, &from);
    if (rc == 0)
        rc = side->box(f, &box);
    if (rc == 0)
        rc = fold_link_rename(f, box, &from, &to);
    return rc ? rc : set_name(f, side, ino, &to);
}

static int exchange_in(const struct fold *f, const struct side *side)
{
    uint64_t box, a = f->row->event.ino, b = (uint64_t)fold_int(f, "other");
    struct name name_a, name_b;
    int rc = name_of(f, side, a, &name_a);
    if (rc == 0)
        rc = name_of(f, side, b, &name_b);
    if (rc == 0)
        rc = side->box(f, &box);
    if (rc == 0)
        rc = fold_link_swap(f, box, &name_a, a, &name_b, b);
    if (rc == 0)
        rc = set_name(f, side, a, &name_b);
    return rc ? rc : set_name(f, side, b, &name_a);
}

static int remove_from(const struct fold *f, const struct side *side)
{
    uint64_t box, ino = f->row->event.ino;
    struct name name;
    int rc = name_of(f, side, ino, &name);
    if (rc == 0)
        rc = side->box(f, &box);
    if (rc == 0)
        rc = fold_link_remove(f, box, &name);
    return rc ? rc : sql_exec(f->view, side->remove, "u", ino);
}

/* What a creation says. */
static int read_new(const struct fold *f, const struct side *side, struct name *name,
                    enum node_type *kind, uint64_t *box)
{
    if (log_get_name(f->detail, "name", name))
        return STORE_ERR_INVALID;
    int rc = fold_kind(f, kind);
    return rc ? rc : side->box(f, box);
}

/* ---- the outbox ---- */

static struct sql entry_insert = {
    "INSERT INTO entry (ino, wormhole, name, kind, state, created_ms, "
    "created_event) VALUES (?,?,?,?,1,?,?)",
    0};
static struct sql was_used = {"UPDATE wormhole SET was_used=1 WHERE id=? AND was_used=0", 0};

static int entry_created(const struct fold *f)
{
    const struct log_event *e = &f->row->event;
    struct name name;
    enum node_type kind;
    uint64_t box;
    int rc = read_new(f, &outbox, &name, &kind, &box);
    if (rc == 0)
        rc = fold_link_add(f, box, &name);
    if (rc == 0)
        rc = sql_exec(f->view, &entry_insert, "uubdiu", e->ino, e->wormhole, name.text,
                      (size_t)name.len, (int)kind, f->row->time_ms, f->row->id);
    return rc ? rc : sql_exec(f->view, &was_used, "u", e->wormhole);
}

static int entry_renamed(const struct fold *f)
{
    return rename_in(f, &outbox);
}

static int entry_exchanged(const struct fold *f)
{
    return exchange_in(f, &outbox);
}

static int entry_removed(const struct fold *f)
{
    return remove_from(f, &outbox);
}

/* Each change of state names the state it starts from; another one contradicts the log. */
static int moved(const struct fold *f, int rc)
{
    rc = fold_one(f, rc);
    return rc == STORE_ERR_NOT_FOUND ? STORE_ERR_INVALID : rc;
}

static struct sql seal = {"UPDATE entry SET state=2, rev=?, rev_size=?, rev_files=?, sealed_ms=?, "
                          "offered=0, maybe=0, error='' WHERE ino=? AND wormhole=? AND state=1",
                          0};
static struct sql withdraw = {"UPDATE entry SET state=1, rev=NULL, offered=0, error='' "
                              "WHERE ino=? AND wormhole=? AND state=2 AND rev=?",
                              0};
static struct sql reopen = {"UPDATE entry SET state=1, rev=NULL, offered=0, error='' "
                            "WHERE ino=? AND wormhole=? AND state=3",
                            0};
static struct sql hold = {"UPDATE entry SET held=?, held_code=? WHERE ino=? AND wormhole=?", 0};
/* Events of older versions have only the sentence. */
static struct sql code_of_old = {"SELECT code FROM old_hold WHERE reason=?", 0};
static struct sql offer = {"UPDATE entry SET offered=1 WHERE ino=? AND wormhole=? AND rev=?", 0};
static struct sql refuse = {"UPDATE entry SET error=? WHERE ino=? AND wormhole=? AND rev=?", 0};
static struct sql maybe = {"UPDATE entry SET maybe=1 WHERE ino=? AND wormhole=?", 0};
_Static_assert(ENTRY_OPEN == 1 && ENTRY_SEALED == 2 && ENTRY_SENT == 3, "in the statements");

static int entry_sealed(const struct fold *f)
{
    const struct log_event *e = &f->row->event;
    uint8_t rev[REV_BYTES];
    if (!fold_rev(f, rev))
        return STORE_ERR_INVALID;
    return moved(f, sql_exec(f->view, &seal, "biiiuu", rev, sizeof rev, fold_int(f, "size"),
                             fold_int(f, "files"), f->row->time_ms, e->ino, e->wormhole));
}

static int with_rev(const struct fold *f, struct sql *statement)
{
    const struct log_event *e = &f->row->event;
    uint8_t rev[REV_BYTES];
    if (!fold_rev(f, rev))
        return STORE_ERR_INVALID;
    return moved(f, sql_exec(f->view, statement, "uub", e->ino, e->wormhole, rev, sizeof rev));
}

static int entry_withdrawn(const struct fold *f)
{
    return with_rev(f, &withdraw);
}

static int entry_offered_now(const struct fold *f)
{
    return with_rev(f, &offer);
}

static int entry_reopened(const struct fold *f)
{
    return moved(f, sql_exec(f->view, &reopen, "uu", f->row->event.ino, f->row->event.wormhole));
}

static int hold_code(const struct fold *f, int64_t *code)
{
    struct sql_query q;
    *code = fold_int(f, "code");
    if (json_object_get(f->detail, "code"))
        return 0;
    int rc = sql_row(f->view, &code_of_old, &q, "t", fold_text(f, "reason"));
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    *code = sql_i64(&q, 0);
    sql_done(&q);
    return 0;
}

static int entry_held_or_not(const struct fold *f)
{
    int64_t code;
    int rc = hold_code(f, &code);
    if (rc)
        return rc;
    return fold_one(f, sql_exec(f->view, &hold, "tiuu", fold_text(f, "reason"), code,
                                f->row->event.ino, f->row->event.wormhole));
}

static int entry_refused_now(const struct fold *f)
{
    const struct log_event *e = &f->row->event;
    uint8_t rev[REV_BYTES];
    if (!fold_rev(f, rev))
        return STORE_ERR_INVALID;
    return moved(f, sql_exec(f->view, &refuse, "tuub", fold_text(f, "reason"), e->ino, e->wormhole,
                             rev, sizeof rev));
}

static int entry_maybe_there(const struct fold *f)
{
    return fold_one(f, sql_exec(f->view, &maybe, "uu", f->row->event.ino, f->row->event.wormhole));
}

static struct sql mark_sent = {"UPDATE entry SET state=3, sent_ms=?, maybe=0, error='' "
                               "WHERE ino=? AND wormhole=? AND state=2 AND rev=?",
                               0};
static struct sql add_sent = {
    "INSERT INTO sent (event, wormhole, name, at_peer, how, size, time_ms) "
    "VALUES (?,?,?,?,?,?,?)",
    0};
static struct sql trim_sent = {
    "DELETE FROM sent WHERE wormhole=?1 AND event <= (SELECT event FROM sent WHERE wormhole=?1 "
    "ORDER BY event DESC LIMIT 1 OFFSET ?2)",
    0};
static struct sql count_sent = {"UPDATE wormhole SET sent_count=sent_count+1, sent_last=?, "
                                "sent_how=?, sent_ms=? WHERE id=?",
                                0};

/* A revision that is not the current one any more was taken "too late": it counts, and no entry
 * changes. */
static int entry_delivered_now(const struct fold *f)
{
    const struct log_event *e = &f->row->event;
    int64_t now_ms = f->row->time_ms;
    uint8_t rev[REV_BYTES];
    if (!fold_rev(f, rev))
        return STORE_ERR_INVALID;
    const char *own =
        json_object_get(f->detail, "own") ? fold_text(f, "own") : fold_text(f, "name");
    int rc = sql_exec(f->view, &mark_sent, "iuub", now_ms, e->ino, e->wormhole, rev, sizeof rev);
    if (rc == 0)
        rc = sql_exec(f->view, &add_sent, "uutttii", f->row->id, e->wormhole, own,
                      fold_text(f, "name"), fold_text(f, "how"), fold_int(f, "size"), now_ms);
    if (rc == 0)
        rc = sql_exec(f->view, &trim_sent, "ud", e->wormhole, (int)SENT_KEPT_MAX);
    if (rc)
        return rc;
    return fold_one(
        f, sql_exec(f->view, &count_sent, "ttiu", own, fold_text(f, "how"), now_ms, e->wormhole));
}

fold_fn *fold_entry(enum log_type type)
{
    static fold_fn *const folds[LOG_TYPE_COUNT] = {
        [LOG_ENTRY_CREATED] = entry_created,         [LOG_ENTRY_RENAMED] = entry_renamed,
        [LOG_ENTRY_EXCHANGED] = entry_exchanged,     [LOG_ENTRY_REMOVED] = entry_removed,
        [LOG_ENTRY_SEALED] = entry_sealed,           [LOG_ENTRY_WITHDRAWN] = entry_withdrawn,
        [LOG_ENTRY_REOPENED] = entry_reopened,       [LOG_ENTRY_HELD] = entry_held_or_not,
        [LOG_ENTRY_RELEASED] = entry_held_or_not,    [LOG_ENTRY_OFFERED] = entry_offered_now,
        [LOG_ENTRY_DELIVERED] = entry_delivered_now, [LOG_ENTRY_REFUSED] = entry_refused_now,
        [LOG_ENTRY_MAYBE] = entry_maybe_there,
    };
    return folds[type];
}

/* ---- the inbox ---- */

static struct sql inbox_insert = {
    "INSERT INTO inbox_entry (ino, wormhole, name, kind, local, rev, size, files, received_ms, "
    "created_event) VALUES (?,?,?,?,?,?,?,?,?,?)",
    0};
static struct sql count_received = {
    "UPDATE wormhole SET received_count=received_count+1 WHERE id=?", 0};

static int add_to_inbox(const struct fold *f, bool local)
{
    const struct log_event *e = &f->row->event;
    uint8_t rev[REV_BYTES];
    bool has_rev = fold_rev(f, rev);
    struct name name;
    enum node_type kind;
    uint64_t box;
    /* Where there is none `size` was that: the event is an old one, or of a local file. */
    bool has_parcel = json_object_get(e->detail, "parcel_size") != NULL;
    int rc = read_new(f, &inbox, &name, &kind, &box);
    if (rc == 0)
        rc = fold_link_add(f, box, &name);
    if (rc)
        return rc;
    return sql_exec(f->view, &inbox_insert, "uubddbiiiu", e->ino, e->wormhole, name.text,
                    (size_t)name.len, (int)kind, (int)local, has_rev ? rev : NULL, sizeof rev,
                    fold_int(f, has_parcel ? "parcel_size" : "size") + fold_int(f, "overhead"),
                    fold_int(f, "files"), f->row->time_ms, f->row->id);
}

static int arrived(const struct fold *f)
{
    int rc = add_to_inbox(f, false);
    return rc ? rc : sql_exec(f->view, &count_received, "u", f->row->event.wormhole);
}

static int inbox_created(const struct fold *f)
{
    return add_to_inbox(f, true);
}

static int inbox_renamed(const struct fold *f)
{
    return rename_in(f, &inbox);
}

static int inbox_exchanged(const struct fold *f)
{
    return exchange_in(f, &inbox);
}

static int inbox_removed(const struct fold *f)
{
    return remove_from(f, &inbox);
}

fold_fn *fold_inbox(enum log_type type)
{
    static fold_fn *const folds[LOG_TYPE_COUNT] = {
        [LOG_ARRIVED] = arrived,
        [LOG_INBOX_CREATED] = inbox_created,
        [LOG_INBOX_RENAMED] = inbox_renamed,
        [LOG_INBOX_EXCHANGED] = inbox_exchanged,
        [LOG_INBOX_REMOVED] = inbox_removed,
    };
    return folds[type];
}
