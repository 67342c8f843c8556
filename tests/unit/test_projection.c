/* The projections are a fold of the log: after any history, folding it again gives the same rows.
 */
#include "store_rig.h"

#include <sqlite3.h>
#include "store/projection.h"

/* ---- all rows of the projections, as text ---- */

static const char *const tables[] = {
    "SELECT * FROM wormhole ORDER BY id",
    "SELECT * FROM entry ORDER BY ino",
    "SELECT * FROM inbox_entry ORDER BY ino",
    "SELECT * FROM sent ORDER BY event",
    ("SELECT * FROM link WHERE parent IN (SELECT ino FROM node WHERE type IN (5, 6)) ORDER BY "
     "parent, name"),
};

static char *append(char *text, size_t *len, size_t *cap, const char *more)
{
    size_t n = strlen(more);
    if (*len + n + 1 > *cap) {
        *cap = 2 * (*len + n + 1);
        text = realloc(text, *cap);
        assert_non_null(text);
    }
    memcpy(text + *len, more, n + 1);
    *len += n;
    return text;
}

/* The store is closed while this looks. */
static char *dump(struct rig *r)
{
    char path[128], *text = NULL;
    size_t len = 0, cap = 0;
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/journal.sqlite", r->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        sqlite3_stmt *q;
        assert_int_equal(sqlite3_prepare_v2(db, tables[i], -1, &q, NULL), SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW)
            for (int c = 0; c < sqlite3_column_count(q); c++) {
                const char *value = (const char *)sqlite3_column_text(q, c);
                text = append(text, &len, &cap, sqlite3_column_name(q, c));
                text = append(text, &len, &cap, value ? "=" : "=NULL");
                text = append(text, &len, &cap, value ? value : "");
                text = append(text, &len, &cap, c + 1 < sqlite3_column_count(q) ? " " : "\n");
            }
        sqlite3_finalize(q);
    }
    sqlite3_close(db);
    return append(text, &len, &cap, "");
}

/* Rows equal, and the nodes' own rows untouched (they are no projection). */
static void expect_same_after_rebuild(struct rig *r)
{
    rig_close(r);
    char *live = dump(r);
    assert_int_equal(rig_open(r), 0);
    struct turn *t = rig_turn(r);
    assert_int_equal(projection_rebuild(t), 0);
    commit(t);
    rig_close(r);
    char *folded = dump(r);
    assert_string_equal(live, folded);
    assert_int_equal(rig_open(r), 0);
    free(live);
    free(folded);
}

/* ---- a random history ---- */

enum { HOLES = 4, STEPS = 700 };

struct history {
    struct rig *rig;
    uint32_t seed;
    uint64_t ids[HOLES];
    uint64_t dirs[HOLES]; /* a directory in each outbox, where names can be moved to */
    uint8_t rev;
    int done[24]; /* how often each kind of step succeeded */
};

static uint32_t draw(struct history *h, uint32_t below)
{
    h->seed = h->seed * 1664525u + 1013904223u;
    return (h->seed >> 8) % below;
}

static const char *name_at(struct history *h)
{
    static const char *const names[] = {"a", "b", "c.txt", "d\xff", "100%", "e f"};
    return names[draw(h, 6)];
}

static struct wormhole some(struct history *h, struct turn *t, uint32_t *index)
{
    struct wormhole w;
    *index = draw(h, HOLES);
    assert_int_equal(wormhole_get(turn_view(t), h->ids[*index], &w), 0);
    return w;
}

static uint64_t some_box(struct history *h, struct turn *t)
{
    uint32_t i;
    struct wormhole w = some(h, t, &i);
    uint32_t which = draw(h, 5);
    return which < 3 ? w.outbox_ino : which == 3 ? w.inbox_ino : h->dirs[i];
}

static int first_entry(void *arg, const struct entry *e)
{
    *(struct entry *)arg = *e;
    return 1;
}

/* Some entry of some wormhole. False if there is none. */
static bool some_entry(struct history *h, struct turn *t, struct entry *e)
{
    uint32_t i;
    struct wormhole w = some(h, t, &i);
    return entry_each(turn_view(t), w.id, draw(h, 2) ? 0 : w.last_event / 2, first_entry, e) == 1;
}

static int step_names(struct history *h, struct turn *t, uint32_t kind)
{
    const char *a = name_at(h), *b = name_at(h);
    uint64_t from = some_box(h, t), to = draw(h, 2) ? from : some_box(h, t), ino;
    struct node_new what = {.type = draw(h, 4) ? NODE_FILE : NODE_DIR, .mode = 0644};
    switch (kind) {
    case 0:
    case 1:
        return name_create(t, from, a, strlen(a), &what, &ino);
    case 2:
    case 3:
        return name_rename(t, from, a, strlen(a), to, b, strlen(b), NAME_REPLACE);
    case 4:
        return name_rename(t, from, a, strlen(a), to, b, strlen(b), NAME_EXCHANGE);
    case 5:
        return name_unlink(t, from, a, strlen(a));
    default:
        return name_rmdir(t, from, a, strlen(a));
    }
}

static int step_entry(struct history *h, struct turn *t, uint32_t kind)
{
    struct entry e;
    if (!some_entry(h, t, &e))
        return STORE_ERR_NOT_FOUND;
    struct entry_seal seal = {.ino = e.ino, .size = draw(h, 1000), .files = 2};
    memcpy(seal.rev, &h->seed, sizeof h->seed);
    seal.rev[15] = ++h->rev;
    switch (kind) {
    case 7:
        return entry_seal(t, &seal);
    case 8:
        return entry_withdraw(t, e.ino, "test");
    case 9:
        return entry_hold_as(t, e.ino, draw(h, 3), "open for writing by \xc3\xa4");
    case 10:
        return entry_release(t, e.ino);
    case 11:
        return entry_offered(t, e.ino);
    case 12:
        return entry_delivered(t, e.ino, e.rev, draw(h, 2) ? "other name" : NULL, "delivered");
    case 13:
        return entry_refused(t, e.ino, "no room");
    case 14:
        return entry_maybe(t, e.ino);
    default:
        return entry_reopen(t, e.ino);
    }
}

static int publish_something(struct history *h, struct turn *t, uint64_t id)
{
    uint64_t ino;
    struct name final;
    const char *name = name_at(h);
    int rc = node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0644}, &ino);
    struct name_arrival a = {
        .wormhole = id, .ino = ino, .name = name, .name_len = strlen(name), .size = 7};
    return rc ? rc : name_publish(t, &a, &final);
}

static int step_wormhole(struct history *h, struct turn *t, uint32_t kind)
{
    static const enum log_type plain[] = {LOG_CODE_WANTED,  LOG_CODE_READ,       LOG_CODE_USED,
                                          LOG_CODE_EXPIRED, LOG_PROBLEM_CLEARED, LOG_MAILBOX_LOST};
    uint32_t i;
    uint64_t ino;
    struct wormhole w = some(h, t, &i);
    struct name name = name_of(name_at(h));
    const char *nameplate = draw(h, 2) ? "7" : "12";
    switch (kind) {
    case 16:
        return wormhole_rename(t, w.id, &name);
    case 17:
        return wormhole_box_renew(t, w.id, (enum node_type)(NODE_OUTBOX + draw(h, 4)), &ino);
    case 18:
        return wormhole_event(t, w.id, plain[draw(h, 6)], NULL, NULL);
    case 19:
        return wormhole_event(t, w.id, draw(h, 2) ? LOG_CODE_ALLOCATED : LOG_JOINING, "nameplate",
                              nameplate);
    case 20:
        return wormhole_event(t, w.id, LOG_CLOSED, "by", "peer");
    case 21:
        return wormhole_event(t, w.id, LOG_PROBLEM, "text", "the server is away");
    case 22:
        return log_append(t,
                          &(struct log_event){draw(h, 2) ? LOG_PAIRED : LOG_CODE_BURNT, w.id, 0,
                                              json_pack("{s:s,s:s,s:i,s:b}", "peer", "stock",
                                                        "version", "1", "count", 2, "waits", 1)},
                          NULL);
    default:
        return publish_something(h, t, w.id);
    }
}

static int first_received(void *arg, const struct inbox_entry *e)
{
    *(struct inbox_entry *)arg = *e;
    return 1;
}

static void empty_boxes(struct turn *t, uint64_t id)
{
    struct wormhole w;
    struct entry e;
    struct inbox_entry i;
    assert_int_equal(wormhole_get(turn_view(t), id, &w), 0);
    while (entry_each(turn_view(t), id, 0, first_entry, &e) == 1)
        assert_int_equal(name_remove_tree(t, w.outbox_ino, e.name.text, e.name.len, "unlinked"), 0);
    while (inbox_each(turn_view(t), id, 0, first_received, &i) == 1)
        assert_int_equal(name_remove_tree(t, w.inbox_ino, i.name.text, i.name.len, "unlinked"), 0);
}

/* A wormhole is closed and mostly forgotten, and another takes its place in the test. */
static void replace_one(struct history *h)
{
    uint32_t i = draw(h, HOLES);
    char name[16];
    struct turn *t = rig_turn(h->rig);
    empty_boxes(t, h->ids[i]);
    assert_int_equal(wormhole_close(t, h->ids[i]), 0);
    if (draw(h, 3))
        assert_int_equal(wormhole_forget(t, h->ids[i]), 0);
    commit(t);
    snprintf(name, sizeof name, "w%u", h->seed % 100000);
    h->ids[i] = rig_wormhole(h->rig, name, NULL, NULL);
    h->dirs[i] = h->rig->inbox;
}

static void one_step(struct history *h)
{
    uint32_t kind = draw(h, 24);
    h->rig->clock_ns += draw(h, 5000) * INT64_C(1000000);
    struct turn *t = rig_turn(h->rig);
    int rc = kind < 7    ? step_names(h, t, kind)
             : kind < 16 ? step_entry(h, t, kind)
                         : step_wormhole(h, t, kind);
    if (rc) {
        assert_int_not_equal(rc, STORE_ERR_CORRUPT);
        turn_abort(t);
        return;
    }
    commit(t);
    h->done[kind]++;
}

static void test_rebuilt_equals_live_after_random_histories(void **state)
{
    int done[24] = {0};
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct rig *r = *state;
        struct history h = {.rig = r, .seed = seed};
        for (int i = 0; i < HOLES; i++) {
            char name[16];
            uint64_t outbox;
            snprintf(name, sizeof name, "w%d", i);
            h.ids[i] = rig_wormhole(r, name, &outbox, NULL);
            h.dirs[i] = rig_make(r, outbox, "dir", NODE_DIR);
        }
        for (int i = 0; i < STEPS; i++) {
            one_step(&h);
            if (i % 100 == 99)
                replace_one(&h);
        }
        expect_same_after_rebuild(r);
        for (int i = 0; i < 24; i++)
            done[i] += h.done[i];
        rig_teardown(state);
        rig_setup(state);
    }
    for (int i = 0; i < 24;
         i++) /* a history in which something never happens proves nothing of it */
        assert_true(done[i] > 0);
}

static void test_sent_is_bounded(void **state)
{
    struct rig *r = *state;
    struct turn *t = rig_turn(r);
    const uint8_t rev[REV_BYTES] = {1};
    for (int i = 0; i < SENT_KEPT_MAX + 50; i++)
        assert_int_equal(log_append(t,
                                    &(struct log_event){LOG_ENTRY_DELIVERED, r->id, 5,
                                                        log_delivery(rev, "x", "too late")},
                                    NULL),
                         0);
    commit(t);
    char *text;
    rig_close(r);
    text = dump(r);
    int rows = 0;
    for (const char *p = text; (p = strstr(p, "at_peer=")); p++)
        rows++;
    assert_int_equal(rows, SENT_KEPT_MAX);
    free(text);
    assert_int_equal(rig_open(r), 0);
    expect_same_after_rebuild(r);
}

/* Events of older versions say why in words alone. */
static void test_old_holds_are_known(void **state)
{
    struct rig *r = *state;
    struct entry e;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    struct turn *t = rig_turn(r);
    static const char old[] = "interrupted: a program was killed while writing it; "
                              "touch it to send it as it is, or replace it";
    assert_int_equal(
        log_append(t,
                   &(struct log_event){LOG_ENTRY_HELD, r->id, f, json_pack("{s:s}", "reason", old)},
                   NULL),
        0);
    assert_int_equal(entry_get(turn_view(t), f, &e), 0);
    assert_int_equal(e.held_code, 5);
    assert_int_equal(entry_hold(t, f, "the peer does not want it"), 0);
    assert_int_equal(entry_get(turn_view(t), f, &e), 0);
    assert_int_equal(e.held_code, 0);
    commit(t);
    expect_same_after_rebuild(r);
}

static void test_a_rebuild_can_be_aborted(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    struct turn *t = rig_turn(r);
    assert_int_equal(projection_rebuild(t), 0);
    turn_abort(t);
    assert_int_equal(rig_lookup(r, r->outbox, "f"), f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_rebuilt_equals_live_after_random_histories),
        rig_test(test_sent_is_bounded),
        rig_test(test_old_holds_are_known),
        rig_test(test_a_rebuild_can_be_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
