/* An engine on a store of its own (store_rig.h), alone: no network, a clock and dice that the test
 * owns. And trees: made with a few words, compared name by name and byte by byte. Every test that
 * uses it also checks that no spool file is touched while a turn is open. */
#ifndef ENGINE_RIG_H
#define ENGINE_RIG_H

#include "store_rig.h"

#include <sodium.h>

#include "fs/engine/inbox.h"
#include "fs/engine/intake.h"
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "proto/boss.h"
#include "proto/peer.h"
#include "store/core.h"

struct erig {
    struct rig *r;
    struct engine *e;
    struct engine_options options;
    int64_t now_ms;
    uint64_t draws;
    uint64_t id, outbox, inbox; /* a wormhole that the engine made */
    unsigned changes[8];        /* engine_watch.changed, by kind */
    uint64_t changed_ino;       /* of the last one that named one */
    struct name changed_name;
    uint64_t writing; /* this entry is open for writing */
    unsigned jobs, spool_calls_in_turns;
    char said[64]; /* the first words to the server since this was "" */
};

/* ---- the engine's surroundings ---- */

static inline uint64_t erig_draw(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void erig_open_link(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    (void)arg, (void)wormhole, (void)link;
}

static inline void erig_send(void *arg, uint64_t wormhole, enum wormhole_link link,
                             const void *text, size_t len)
{
    struct erig *g = arg;
    (void)wormhole, (void)link;
    if (g->said[0] == '\0')
        snprintf(g->said, sizeof g->said, "%.*s", (int)len, (const char *)text);
}

static inline void erig_attempt(void *arg, uint64_t wormhole, uint64_t attempt)
{
    (void)arg, (void)wormhole, (void)attempt;
}

static inline void erig_move(void *arg, uint64_t wormhole, enum wormhole_link from,
                             enum wormhole_link to)
{
    (void)arg, (void)wormhole, (void)from, (void)to;
}

static inline void erig_start_transit(void *arg, uint64_t wormhole, uint64_t attempt,
                                      const struct transit_plan *plan)
{
    (void)arg, (void)wormhole, (void)attempt, (void)plan;
}

static inline void erig_wake(void *arg)
{
    (void)arg;
}

static inline void erig_job(void *arg)
{
    ((struct erig *)arg)->jobs++;
}

static inline int64_t erig_now_ms(void *arg)
{
    return ((struct erig *)arg)->now_ms;
}

static inline void erig_random(void *arg, void *out, size_t len)
{
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint64_t n = ++((struct erig *)arg)->draws;
    memcpy(seed, &n, sizeof n);
    randombytes_buf_deterministic(out, len, seed);
}

static inline void erig_changed(void *arg, enum engine_change what, uint64_t wormhole, uint64_t ino,
                                const char *name, size_t name_len)
{
    struct erig *g = arg;
    (void)wormhole;
    g->changes[what]++;
    if (name == NULL)
        return;
    g->changed_ino = ino;
    assert_int_equal(name_set(&g->changed_name, name, name_len), 0);
}

static inline bool erig_writing(void *arg, uint64_t entry)
{
    return ((struct erig *)arg)->writing == entry;
}

static inline void erig_open(struct erig *g)
{
    struct engine_out out = {g,         erig_open_link, erig_send,          erig_open_link,
                             erig_move, erig_attempt,   erig_start_transit, erig_attempt,
                             erig_wake, erig_job,       erig_now_ms,        erig_random,
                             NULL};
    struct engine_watch watch = {.arg = g, .changed = erig_changed, .writing = erig_writing};
    assert_int_equal(engine_open(&g->e, g->r->store, &g->options, &out, &watch), 0);
}

/* The process dies and is started again. */
static inline void erig_restart(struct erig *g)
{
    engine_close(g->e);
    rig_reopen(g->r);
    erig_open(g);
    assert_int_equal(engine_start(g->e), 0);
}

/* The machine dies: what was not synced is lost. */
static inline void erig_reboot(struct erig *g)
{
    g->r->boot = strcmp(g->r->boot, "boot-1") == 0 ? "boot-2" : "boot-1";
    erig_restart(g);
}

static inline void erig_watch_io(void *arg, const struct io_call *call)
{
    struct erig *g = arg;
    if (g->r->store != NULL && g->r->store->turn.open && strncmp(call->path, "spool/", 6) == 0)
        g->spool_calls_in_turns++;
}

static inline int erig_setup(void **state)
{
    struct erig *g = calloc(1, sizeof *g);
    assert_true(g != NULL && sodium_init() >= 0);
    assert_int_equal(rig_setup((void **)&g->r), 0);
    g->options =
        (struct engine_options){.appid = "lothar.com/wormhole/text-or-file-xfer", .code_words = 2};
    g->now_ms = INT64_C(1700000000000);
    g->r->faults.watch = erig_watch_io;
    g->r->faults.watch_arg = g;
    erig_open(g);
    struct turn *t = rig_turn(g->r);
    struct wormhole w;
    assert_int_equal(engine_create(g->e, t, "bob", 3, false, NULL, &g->id), 0);
    assert_int_equal(wormhole_get(turn_view(t), g->id, &w), 0);
    commit(t);
    g->outbox = w.outbox_ino;
    g->inbox = w.inbox_ino;
    *state = g;
    return 0;
}

static inline int erig_teardown(void **state)
{
    struct erig *g = *state;
    unsigned wrong = g->spool_calls_in_turns;
    engine_close(g->e);
    rig_teardown((void **)&g->r);
    free(g);
    if (wrong > 0)
        print_error("%u spool calls inside turns\n", wrong);
    return wrong > 0 ? -1 : 0;
}

#define erig_test(fn) cmocka_unit_test_setup_teardown(fn, erig_setup, erig_teardown)

/* What a query about the whole journal counts. */
static inline uint64_t erig_count(struct erig *g, const char *sql)
{
    struct view *v = rig_view(g->r);
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(v->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    uint64_t count = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    view_end(v);
    return count;
}

static inline uint64_t erig_staged(struct erig *g)
{
    return erig_count(g, "SELECT count(*) FROM node WHERE flags & 1");
}

/* ---- making trees ---- */

static inline uint64_t make_named(struct erig *g, uint64_t parent, const char *name, size_t len,
                                  const struct node_new *what)
{
    uint64_t ino = 0;
    struct turn *t = rig_turn(g->r);
    assert_int_equal(name_create(t, parent, name, len, what, &ino), 0);
    assert_int_equal(turn_checkpoint(t), 0);
    return ino;
}

static inline uint64_t make_dir(struct erig *g, uint64_t parent, const char *name)
{
    return make_named(g, parent, name, strlen(name),
                      &(struct node_new){.type = NODE_DIR, .mode = 0755});
}

static inline uint64_t make_link(struct erig *g, uint64_t parent, const char *name,
                                 const char *target)
{
    return make_named(g, parent, name, strlen(name),
                      &(struct node_new){.type = NODE_SYMLINK, .mode = 0777, .target = target});
}

static inline void make_hard(struct erig *g, uint64_t ino, uint64_t parent, const char *name)
{
    struct turn *t = rig_turn(g->r);
    assert_int_equal(name_link(t, ino, parent, name, strlen(name)), 0);
    assert_int_equal(turn_checkpoint(t), 0);
}

static inline void fill_bytes(uint8_t *data, size_t len, uint64_t seed)
{
    uint8_t key[randombytes_SEEDBYTES] = {0};
    memcpy(key, &seed, sizeof seed);
    randombytes_buf_deterministic(data, len, key);
}

static inline void write_bytes(struct erig *g, uint64_t ino, uint64_t offset, size_t len)
{
    uint8_t *data = malloc(len + 1);
    assert_non_null(data);
    fill_bytes(data, len, ino + offset);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < (1 << 20) ? len - at : 1 << 20;
        assert_int_equal(content_write(g->r->store, ino, data + at, n, offset + at), 0);
        at += n;
    }
    free(data);
}

/* A file of `len` bytes that nobody could guess. */
static inline uint64_t make_file(struct erig *g, uint64_t parent, const char *name, size_t len)
{
    uint64_t ino = make_named(g, parent, name, strlen(name),
                              &(struct node_new){.type = NODE_FILE, .mode = 0644});
    write_bytes(g, ino, 0, len);
    return ino;
}

static inline void set_size(struct erig *g, uint64_t ino, uint64_t size)
{
    assert_int_equal(content_truncate(g->r->store, ino, size), 0);
}

static inline void set_mode(struct erig *g, uint64_t ino, uint32_t mode)
{
    struct turn *t = rig_turn(g->r);
    assert_int_equal(node_set_mode(t, ino, mode), 0);
    commit(t);
}

static inline void set_mtime(struct erig *g, uint64_t ino, int64_t ns)
{
    struct turn *t = rig_turn(g->r);
    assert_int_equal(node_set_times(t, ino, INT64_MIN, ns), 0);
    commit(t);
}

static inline void set_xattr(struct erig *g, uint64_t ino, const char *name, const void *value,
                             size_t len)
{
    struct turn *t = rig_turn(g->r);
    assert_int_equal(xattr_set(t, ino, name, value, len, XATTR_SET), 0);
    commit(t);
}

/* Everything that a tree can be, in an outbox. large: with files that live in the spool. */
static inline uint64_t make_zoo(struct erig *g, const char *name, bool large)
{
    char longest[NAME_BYTES_MAX + 1];
    uint64_t top = make_dir(g, g->outbox, name), sub = make_dir(g, top, "sub"),
             deep = make_dir(g, sub, "deep"), a = make_file(g, top, "a", 100),
             hole = make_file(g, top, "hole", 0), neg = make_file(g, top, "\xff\x80", 1);
    memset(longest, 'n', NAME_BYTES_MAX);
    longest[NAME_BYTES_MAX] = '\0';
    make_file(g, deep, longest, 3);
    make_file(g, top, "a.b", 5000);
    make_file(g, top, "ab", 0);
    make_dir(g, top, "empty");
    make_dir(g, top, "a-dir");
    make_hard(g, a, deep, "again");
    make_hard(g, a, top, "zz");
    make_link(g, top, "in", "sub/deep");
    make_link(g, deep, "up", "../../a");
    make_link(g, top, "out", "../elsewhere");
    make_link(g, top, "root", "/etc/passwd");
    set_size(g, hole, 3000);
    set_mode(g, a, 0640);
    set_mode(g, neg, 0);
    set_mode(g, sub, 0770);
    set_mode(g, deep, 0555);
    set_mode(g, rig_lookup(g->r, top, "empty"), 0);
    set_mtime(g, neg, -1);
    set_mtime(g, a, INT64_C(1234567890123456789));
    set_xattr(g, a, "user.one", "value", 5);
    set_xattr(g, a, "user.empty", "", 0);
    set_xattr(g, deep, "user.two", "\0\1", 2);
    set_xattr(g, a, "user.wormhole.id", "hidden", 6);
    if (large) {
        static const size_t sizes[] = {65535, 65536, 65537, 400000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char file[16];
            snprintf(file, sizeof file, "f%zu", sizes[i]);
            make_file(g, sub, file, sizes[i]);
        }
        uint64_t lead = make_file(g, sub, "lead", 0), trail = make_file(g, sub, "trail", 9000),
                 all = make_file(g, sub, "nothing", 0), cut = make_file(g, sub, "cut", 100000);
        write_bytes(g, lead, 3 << 20, 70000);
        write_bytes(g, lead, (3 << 20) + 200000, 10);
        set_size(g, trail, 2 << 20);
        set_size(g, all, 5 << 20);
        set_size(g, cut, 700);
    }
    set_mtime(g, sub, INT64_C(-5000000001));
    set_mtime(g, top, 1);
    return top;
}

/* ---- comparing trees ---- */

struct compare {
    struct erig *g;
    bool keep_exec;
    uint64_t from[4096], to[4096]; /* inode pairs seen, so that links are links on both sides */
    size_t count;
};

static inline void compare_bytes(struct erig *g, const struct node *a, const struct node *b)
{
    static uint8_t x[1 << 16], y[1 << 16];
    for (uint64_t at = 0; at < a->size; at += sizeof x) {
        ssize_t n = content_read(g->r->store, a->ino, x, sizeof x, at);
        assert_true(n > 0);
        assert_int_equal(content_read(g->r->store, b->ino, y, sizeof y, at), n);
        assert_memory_equal(x, y, (size_t)n);
    }
}

static inline int compare_collect(void *arg, const char *name, const void *value, size_t len)
{
    struct bytes *all = arg;
    if (strncmp(name, "user.wormhole.", 14) == 0)
        return 0;
    bytes_put_str(all, name);
    bytes_put_blob(all, value, len);
    return 0;
}

static inline void compare_xattrs(struct erig *g, uint64_t a, uint64_t b)
{
    struct bytes x = {0}, y = {0};
    struct view *v = rig_view(g->r);
    assert_int_equal(xattr_list(v, a, compare_collect, &x), 0);
    assert_int_equal(xattr_list(v, b, compare_collect, &y), 0);
    view_end(v);
    assert_int_equal(x.len, y.len);
    if (x.len > 0)
        assert_memory_equal(x.data, y.data, x.len);
    bytes_release(&x);
    bytes_release(&y);
}

/* Does a symlink of this tree arrive? By the words that make_zoo uses. */
static inline bool compare_leaves(struct erig *g, const struct node *n)
{
    char target[SYMLINK_BYTES_MAX + 1];
    if (n->type != NODE_SYMLINK)
        return false;
    struct view *v = rig_view(g->r);
    assert_true(node_target(v, n->ino, target, sizeof target) > 0);
    view_end(v);
    return target[0] == '/' || strcmp(target, "../elsewhere") == 0;
}

static inline void compare_nodes(struct compare *c, uint64_t from, uint64_t to);

static inline bool compare_next(struct erig *g, uint64_t dir, struct name *name, struct node *n)
{
    struct view *v = rig_view(g->r);
    int err = node_next(v, dir, name, n);
    view_end(v);
    assert_true(err == 0 || err == STORE_ERR_NOT_FOUND);
    return err == 0;
}

static inline void compare_children(struct compare *c, uint64_t from, uint64_t to)
{
    struct name a = {0}, b = {0};
    struct node x, y;
    while (compare_next(c->g, from, &a, &x)) {
        if (compare_leaves(c->g, &x))
            continue;
        assert_true(compare_next(c->g, to, &b, &y));
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.text, b.text, a.len);
        compare_nodes(c, x.ino, y.ino);
    }
    assert_false(compare_next(c->g, to, &b, &y));
}

static inline uint32_t compare_mode(const struct compare *c, const struct node *n)
{
    if (n->type == NODE_DIR)
        return n->mode & 0777;
    return n->type == NODE_SYMLINK ? 0777 : n->mode & (c->keep_exec ? 0777 : 0666);
}

static inline void compare_nodes(struct compare *c, uint64_t from, uint64_t to)
{
    struct node a = rig_node(c->g->r, from), b = rig_node(c->g->r, to);
    for (size_t i = 0; i < c->count; i++) {
        if (c->from[i] == from || c->to[i] == to) {
            assert_true(c->from[i] == from && c->to[i] == to);
            return;
        }
    }
    assert_true(c->count < sizeof c->from / sizeof *c->from);
    c->from[c->count] = from;
    c->to[c->count++] = to;
    assert_int_equal(a.type, b.type);
    if (a.type == NODE_FILE)
        assert_int_equal(a.nlink, b.nlink);
    assert_int_equal(a.size, b.size);
    assert_int_equal(compare_mode(c, &a), b.mode);
    assert_true(a.mtime_ns == b.mtime_ns);
    assert_false(b.dirty || b.bad || b.lost);
    compare_xattrs(c->g, from, to);
    if (a.type == NODE_FILE) {
        assert_true(b.spool == 0 || b.durable_size == b.size);
        compare_bytes(c->g, &a, &b);
    }
    if (a.type == NODE_SYMLINK) {
        char x[SYMLINK_BYTES_MAX + 1], y[SYMLINK_BYTES_MAX + 1];
        struct view *v = rig_view(c->g->r);
        assert_true(node_target(v, from, x, sizeof x) > 0 && node_target(v, to, y, sizeof y) > 0);
        view_end(v);
        assert_string_equal(x, y);
    }
    if (a.type == NODE_DIR)
        compare_children(c, from, to);
}

/* Is `to` what should have arrived of `from`? */
static inline void compare_trees(struct erig *g, uint64_t from, uint64_t to)
{
    struct compare *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->g = g;
    c->keep_exec = g->options.keep_exec;
    compare_nodes(c, from, to);
    free(c);
}

/* ---- parcels ---- */

static inline void make_rev(uint8_t rev[static REV_BYTES], uint8_t n)
{
    memset(rev, 0, REV_BYTES);
    rev[0] = n;
    rev[REV_BYTES - 1] = 0xee;
}

/* A revision row as if the entry had been sealed, so that its parcel can be listed. */
static inline struct revision make_revision(struct erig *g, uint64_t entry, uint8_t n)
{
    struct revision r = {.wormhole = g->id, .ino = entry, .state = REVISION_PREPARING};
    struct turn *t = rig_turn(g->r);
    make_rev(r.rev, n);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    return r;
}

/* What acked_bytes says of an entry of this size that is sealed as revision n. */
static inline uint64_t acked_bytes(struct erig *g, uint8_t n, uint64_t size)
{
    struct entry entry = {.wormhole = g->id, .state = ENTRY_SEALED, .rev_size = size};
    struct view *v;
    make_rev(entry.rev, n);
    assert_int_equal(view_begin(g->r->store, &v), 0);
    uint64_t bytes = engine_acked_bytes(g->e, v, &entry);
    view_end(v);
    return bytes;
}

/* Lists it, and reads the whole parcel through parcel_read. */
static inline void list_parcel(struct erig *g, uint64_t entry, uint8_t n, struct bytes *out)
{
    struct revision r = make_revision(g, entry, n);
    struct parcel *p;
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, &r.items),
                     0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    assert_int_equal(parcel_open(&p, g->r->store, &r), 0);
    bytes_reserve(out, (size_t)r.size);
    assert_true(bytes_ok(out));
    assert_int_equal(parcel_read(p, out->data, (size_t)r.size, 0), r.size);
    out->len = (size_t)r.size;
    assert_int_equal(parcel_read(p, out->data, 1, r.size), 0);
    parcel_close(p);
}

/* A whole staged file: a manifest file, say. */
static inline void read_file(struct erig *g, uint64_t ino, struct bytes *out)
{
    uint8_t some[4096];
    ssize_t got;
    while ((got = content_read(g->r->store, ino, some, sizeof some, out->len)) > 0)
        bytes_put(out, some, (size_t)got);
    assert_int_equal(got, 0);
    assert_true(bytes_ok(out));
}

/* The arrival of a large parcel, as an offer makes it. */
static inline struct arrival make_arrival(struct erig *g, uint8_t n, uint64_t size)
{
    struct arrival a = {.wormhole = g->id, .state = ARRIVAL_MANIFEST, .size = size};
    struct turn *t = rig_turn(g->r);
    make_rev(a.rev, n);
    a.name = name_of("arrived");
    assert_int_equal(arrival_put(t, &a), 0);
    commit(t);
    return a;
}

static inline int get_arrival(struct erig *g, uint8_t n, struct arrival *a)
{
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    struct view *v = rig_view(g->r);
    int err = arrival_get(v, g->id, rev, a);
    view_end(v);
    return err;
}

/* ---- what waits to be said ---- */

struct queued {
    struct outbound op;
    uint8_t detail[1 + PEER_REASON_MAX];
};

static inline int queued_one(void *arg, const struct outbound *op)
{
    struct queued *q = arg;
    assert_in_range(op->detail_len, 0, sizeof q->detail);
    q->op = *op;
    if (op->detail_len > 0)
        memcpy(q->detail, op->detail, op->detail_len);
    return 1;
}

/* The first operation in the queue, which is taken out of it. False: the queue is empty. */
static inline bool pop_queued(struct erig *g, struct queued *q)
{
    struct turn *t = rig_turn(g->r);
    int found = outbound_each(turn_view(t), g->id, 0, queued_one, q);
    assert_in_range(found, 0, 1);
    if (found == 1)
        assert_int_equal(outbound_pop(t, q->op.seq), 0);
    commit(t);
    return found == 1;
}

/* The next in the queue is this decision on revision `n`, with this text. */
static inline void expect_decision(struct erig *g, uint8_t n, enum peer_verdict verdict,
                                   const char *text)
{
    struct queued q;
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    assert_true(pop_queued(g, &q));
    assert_int_equal(q.op.kind, OUTBOUND_DECISION);
    assert_memory_equal(q.op.rev, rev, REV_BYTES);
    assert_int_equal(q.detail[0], verdict);
    assert_int_equal(q.op.detail_len - 1, strlen(text));
    assert_memory_equal(q.detail + 1, text, strlen(text));
}

static inline void expect_silence(struct erig *g)
{
    struct queued q;
    assert_false(pop_queued(g, &q));
}

#endif
