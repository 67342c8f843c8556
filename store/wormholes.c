#include "store/wormholes.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "store/entries.h"
#include "store/node_row.h"
#include "store/queues.h"
#include "store/scrub.h"

/* ---- reading ---- */

#define WORMHOLE_COLUMNS                                                                           \
    "id, state, name, shown, hidden, draft, outbox_ino, inbox_ino, code_ino, state_ino, code, "    \
    "nameplate, code_read_ms, burnt, peer, "                                                       \
    "peer_version, problem, sent_count, sent_last, sent_how, sent_ms, received_count, "            \
    "last_event, created_ms, paired_ms, closed_ms, was_used, was_told"

static void name_column(const struct sql_query *q, int col, struct name *out)
{
    size_t len;
    const void *name = sql_blob(q, col, &len);
    *out = (struct name){0};
    if (!name || len > NAME_BYTES_MAX)
        return;
    memcpy(out->text, name, len);
    out->len = (uint16_t)len;
}

static void wormhole_row(const struct sql_query *q, struct wormhole *w)
{
    *w = (struct wormhole){
        .id = sql_u64(q, 0),
        .state = (enum wormhole_state)sql_int(q, 1),
        .hidden = sql_int(q, 4),
        .draft = sql_int(q, 5),
        .outbox_ino = sql_u64(q, 6),
        .inbox_ino = sql_u64(q, 7),
        .code_ino = sql_u64(q, 8),
        .state_ino = sql_u64(q, 9),
        .code = (enum wormhole_code)sql_int(q, 10),
        .code_read_ms = sql_i64(q, 12),
        .burnt = (uint32_t)sql_int(q, 13),
        .peer = (enum wormhole_peer)sql_int(q, 14),
        .sent_count = sql_u64(q, 17),
        .sent_ms = sql_i64(q, 20),
        .received_count = sql_u64(q, 21),
        .last_event = sql_u64(q, 22),
        .created_ms = sql_i64(q, 23),
        .paired_ms = sql_i64(q, 24),
        .closed_ms = sql_i64(q, 25),
        .was_used = sql_int(q, 26),
        .was_told = sql_int(q, 27),
    };
    name_column(q, 2, &w->name);
    sql_text(q, 3, w->shown, sizeof w->shown);
    sql_text(q, 11, w->nameplate, sizeof w->nameplate);
    sql_text(q, 15, w->peer_version, sizeof w->peer_version);
    sql_text(q, 16, w->problem, sizeof w->problem);
    sql_text(q, 18, w->sent_last, sizeof w->sent_last);
    sql_text(q, 19, w->sent_how, sizeof w->sent_how);
}

static struct sql get = {"SELECT " WORMHOLE_COLUMNS " FROM wormhole WHERE id=?", 0};
static struct sql each = {"SELECT " WORMHOLE_COLUMNS " FROM wormhole WHERE id>? "
                          "ORDER BY id",
                          0};
static struct sql real_name = {
    "SELECT coalesce(wormhole.name, hidden_name.name) FROM wormhole "
    "LEFT JOIN hidden_name ON hidden_name.wormhole=id AND hidden WHERE id=?",
    0};
static struct sql find_open = {"SELECT id FROM wormhole WHERE name=?", 0};
static struct sql find_hidden = {
    "SELECT id FROM hidden_name JOIN wormhole ON id=wormhole AND hidden "
    "WHERE hidden_name.name=?",
    0};
static struct sql find_draft = {"SELECT id FROM wormhole WHERE draft!=0", 0};

int wormhole_get(struct view *v, uint64_t id, struct wormhole *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get, &q, "u", id);
    if (rc)
        return rc;
    wormhole_row(&q, out);
    sql_done(&q);
    return 0;
}

int wormhole_name(struct view *v, uint64_t id, struct name *out)
{
    struct sql_query q;
    int rc = sql_row(v, &real_name, &q, "u", id);
    if (rc)
        return rc;
    name_column(&q, 0, out);
    sql_done(&q);
    return 0;
}

static int one_number(struct sql_query *q, int rc, uint64_t *out)
{
    if (rc)
        return rc;
    *out = sql_u64(q, 0);
    sql_done(q);
    return 0;
}

int wormhole_find(struct view *v, const char *name, size_t len, uint64_t *id)
{
    struct sql_query q;
    if (len > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    int rc = one_number(&q, sql_row(v, &find_open, &q, "b", name, len), id);
    if (rc != STORE_ERR_NOT_FOUND)
        return rc;
    return one_number(&q, sql_row(v, &find_hidden, &q, "b", name, len), id);
}

int wormhole_each(struct view *v, uint64_t after, int (*fn)(void *arg, const struct wormhole *w),
                  void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each, &q, "u", after);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct wormhole w;
        wormhole_row(&q, &w);
        rc = fn(arg, &w);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int wormhole_draft(struct view *v, uint64_t *id)
{
    struct sql_query q;
    return one_number(&q, sql_row(v, &find_draft, &q, ""), id);
}

int wormhole_number(struct view *v, struct name *out)
{
    for (uint64_t n = 1;; n++) {
        char text[24];
        uint64_t id;
        int len = snprintf(text, sizeof text, "%" PRIu64, n);
        int rc = wormhole_find(v, text, (size_t)len, &id);
        if (rc == STORE_ERR_NOT_FOUND)
            return name_set(out, text, (size_t)len);
        if (rc)
            return rc;
    }
}

int wormhole_of(struct view *v, uint64_t ino, struct wormhole_place *out)
{
    struct node n;
    struct entry e;
    struct inbox_entry i;
    int rc = node_get(v, ino, &n);
    if (rc)
        return rc;
    *out = (struct wormhole_place){.wormhole = n.wormhole, .entry = n.entry};
    if (n.type >= NODE_WORMHOLE) {
        out->box = NODE_WORMHOLE;
        return 0;
    }
    rc = entry_get(v, n.entry, &e);
    if (rc == 0) {
        out->wormhole = e.wormhole;
        out->box = NODE_OUTBOX;
        return 0;
    }
    if (rc == STORE_ERR_NOT_FOUND)
        rc = inbox_get(v, n.entry, &i);
    if (rc == 0) {
        out->wormhole = i.wormhole;
        out->box = NODE_INBOX;
        return 0;
    }
    if (rc != STORE_ERR_NOT_FOUND)
        return rc;
    struct node top;
    rc = node_get(v, n.entry, &top);
    return rc == 0 && !top.staged ? STORE_ERR_NOT_FOUND : rc;
}

/* ---- making ---- */

static struct sql hide = {"INSERT INTO hidden_name (wormhole, name) VALUES (?,?)", 0};
static struct sql unhide = {"DELETE FROM hidden_name WHERE wormhole=?", 0};

/* A hidden name is a code. */
static int show_name(struct turn *t, uint64_t id)
{
    scrub_owe(t);
    return sql_exec(turn_view(t), &unhide, "u", id);
}

static int make_node(struct turn *t, enum node_type type, uint64_t wormhole, uint64_t *ino)
{
    bool dir = type == NODE_WORMHOLE || type == NODE_OUTBOX || type == NODE_INBOX;
    int rc = node_next_ino(t, ino);
    if (rc)
        return rc;
    if (wormhole == 0)
        wormhole = *ino;
    struct node n = {
        .ino = *ino,
        .type = type,
        .mode = dir                 ? 0700
                : type == NODE_CODE ? 0600
                                    : 0400,
        .nlink = type == NODE_WORMHOLE ? 4
                 : dir                 ? 2
                                       : 1,
        .parent = type == NODE_WORMHOLE ? 0 : wormhole,
        .wormhole = wormhole,
        .atime_ns = t->now_ns,
        .mtime_ns = t->now_ns,
        .ctime_ns = t->now_ns,
    };
    return node_insert(t, &n);
}

static int announce(struct turn *t, const struct wormhole_new *what, uint64_t id,
                    const uint64_t ino[4])
{
    json_t *detail =
        json_pack("{s:I, s:I, s:I, s:I}", "outbox", (json_int_t)ino[0], "inbox", (json_int_t)ino[1],
                  "code", (json_int_t)ino[2], "state", (json_int_t)ino[3]);
    int rc = detail ? 0 : STORE_ERR_NOMEM;
    if (rc == 0 && what->draft && json_object_set_new(detail, "draft", json_true()))
        rc = STORE_ERR_NOMEM;
    if (rc == 0 && what->hidden_as) {
        if (json_object_set_new(detail, "shown", json_string(what->hidden_as)))
            rc = STORE_ERR_NOMEM;
    } else if (rc == 0) {
        rc = log_put_name(detail, "name", &what->name);
    }
    if (rc) {
        json_decref(detail);
        return rc;
    }
    return log_append(t, &(struct log_event){LOG_WORMHOLE_CREATED, id, id, detail}, NULL);
}

static int check_free(struct view *v, const struct name *name, uint64_t except)
{
    uint64_t id;
    int rc = wormhole_find(v, name->text, name->len, &id);
    if (rc == STORE_ERR_NOT_FOUND)
        return 0;
    return rc ? rc : id == except ? 0 : STORE_ERR_EXISTS;
}

int wormhole_create(struct turn *t, const struct wormhole_new *what, uint64_t *id)
{
    static const enum node_type types[] = {NODE_OUTBOX, NODE_INBOX, NODE_CODE, NODE_STATE};
    uint64_t ino[4];
    int rc = check_free(turn_view(t), &what->name, 0);
    if (rc == 0)
        rc = make_node(t, NODE_WORMHOLE, 0, id);
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = make_node(t, types[i], *id, &ino[i]);
    if (rc == 0 && what->hidden_as)
        rc = sql_exec(turn_view(t), &hide, "ub", *id, what->name.text, (size_t)what->name.len);
    return rc ? rc : announce(t, what, *id, ino);
}

/* ---- names ---- */

static int append_rename(struct turn *t, const struct wormhole *w, const struct name *name)
{
    json_t *detail = json_pack("{s:s}", "from", w->shown);
    if (!detail)
        return STORE_ERR_NOMEM;
    int rc = log_put_name(detail, "name", name);
    if (rc) {
        json_decref(detail);
        return rc;
    }
    return log_append(t, &(struct log_event){LOG_WORMHOLE_RENAMED, w->id, w->id, detail}, NULL);
}

int wormhole_rename(struct turn *t, uint64_t id, const struct name *name)
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc == 0)
        rc = w.state == WORMHOLE_CLOSING ? STORE_ERR_NOT_FOUND : 0;
    if (rc == 0)
        rc = check_free(turn_view(t), name, id);
    if (rc == 0)
        rc = show_name(t, id);
    if (rc == 0)
        rc = append_rename(t, &w, name);
    return rc ? rc : node_touch(t, id);
}

int wormhole_reveal(struct turn *t, uint64_t id)
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc || !w.hidden)
        return rc;
    struct name name;
    rc = wormhole_name(turn_view(t), id, &name);
    if (rc == 0)
        rc = wormhole_rename(t, id, &name);
    sodium_memzero(&name, sizeof name);
    return rc;
}

/* ---- boxes ---- */

static int check_empty(struct view *v, uint64_t ino, enum node_type box)
{
    return box == NODE_OUTBOX || box == NODE_INBOX ? node_empty(v, ino) : 0;
}

/* A structural node loses its place: it goes, or waits for its holds. */
static int retire(struct turn *t, uint64_t ino)
{
    unsigned budget = SWEEP_NODES_MAX;
    return node_raze(t, ino, &budget);
}

int wormhole_box_renew(struct turn *t, uint64_t id, enum node_type box, uint64_t *ino)
{
    static const char *const names[] = {"outbox", "inbox", "code", "state"};
    struct wormhole w;
    if (box < NODE_OUTBOX || box > NODE_STATE)
        return STORE_ERR_INVALID;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc)
        return rc;
    uint64_t olds[] = {w.outbox_ino, w.inbox_ino, w.code_ino, w.state_ino};
    uint64_t old = olds[box - NODE_OUTBOX];
    rc = check_empty(turn_view(t), old, box);
    if (rc == 0)
        rc = make_node(t, box, id, ino);
    if (rc)
        return rc;
    json_t *detail =
        json_pack("{s:s, s:I}", "box", names[box - NODE_OUTBOX], "old", (json_int_t)old);
    rc = log_append(t, &(struct log_event){LOG_BOX_RENEWED, id, *ino, detail}, NULL);
    return rc ? rc : retire(t, old);
}

/* ---- the end ---- */

int wormhole_close(struct turn *t, uint64_t id)
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc)
        return rc;
    if (w.state == WORMHOLE_CLOSING)
        return STORE_ERR_NOT_FOUND;
    rc = node_empty(turn_view(t), w.outbox_ino);
    if (rc == 0)
        rc = node_empty(turn_view(t), w.inbox_ino);
    if (rc == 0)
        rc = show_name(t, id);
    if (rc == 0)
        rc = wormhole_event(t, id, LOG_CLOSING, NULL, NULL);
    uint64_t inos[] = {w.outbox_ino, w.inbox_ino, w.code_ino, w.state_ino, id};
    for (int i = 0; i < 5 && rc == 0; i++)
        rc = retire(t, inos[i]);
    return rc;
}

static int drop_revision(void *arg, const struct revision *r)
{
    return revision_erase(arg, r->rev);
}

static int drop_arrival(void *arg, const struct arrival *a)
{
    return arrival_erase(arg, a->wormhole, a->rev);
}

static struct sql erase[] = {
    {"DELETE FROM secret WHERE wormhole=?", 0},     {"DELETE FROM code WHERE wormhole=?", 0},
    {"DELETE FROM ciphertext WHERE wormhole=?", 0}, {"DELETE FROM outbound WHERE wormhole=?", 0},
    {"DELETE FROM message WHERE wormhole=?", 0},    {"DELETE FROM decided WHERE wormhole=?", 0},
};

int wormhole_forget(struct turn *t, uint64_t id)
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc)
        return rc;
    if (w.state != WORMHOLE_CLOSING)
        return STORE_ERR_INVALID;
    scrub_owe(t);
    rc = revision_each(turn_view(t), id, drop_revision, t);
    if (rc == 0)
        rc = arrival_each(turn_view(t), id, drop_arrival, t);
    for (size_t i = 0; i < sizeof erase / sizeof erase[0] && rc == 0; i++)
        rc = sql_exec(turn_view(t), &erase[i], "u", id);
    return rc ? rc : wormhole_event(t, id, LOG_FORGOTTEN, NULL, NULL);
}

int wormhole_event(struct turn *t, uint64_t id, enum log_type type, const char *key,
                   const char *text)
{
    json_t *detail = json_object();
    if (detail && key && json_object_set_new(detail, key, log_text(text ? text : ""))) {
        json_decref(detail);
        detail = NULL;
    }
    if (!detail)
        return STORE_ERR_NOMEM;
    return log_append(t, &(struct log_event){type, id, 0, detail}, NULL);
}
