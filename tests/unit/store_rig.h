/* A store of its own for each test, in a fresh directory, behind an io that can be told to fail,
 * with a clock and a boot id that the test owns. Header-only: each test is one executable. */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/content.h"
#include "store/entries.h"
#include "store/log.h"
#include "store/namespace.h"
#include "store/store.h"
#include "store/wormholes.h"

#define OPS(op) (1u << (op))
#define ALL_OPS (OPS(IO_OPS) - 1)

enum { RIG_CUT = 2 };

/* What the io refuses. Counted from 1 among the calls that match. */
struct rig_faults {
    pthread_mutex_t lock;
    unsigned ops;     /* which operations are counted */
    const char *path; /* and only if the path contains this; NULL: any */
    long from, to;    /* the calls from..to fail; from 0: none */
    int verdict;      /* with this negative errno, or IO_DROP, or RIG_CUT */
    long seen;
    void (*watch)(void *arg, const struct io_call *call); /* told of every call */
    void *watch_arg;
};

struct rig {
    char parent[64], dir[96];
    struct io io;
    struct rig_faults faults;
    int64_t clock_ns;
    const char *boot;
    struct store *store;
    char why[STORE_WHY_MAX];
    uint64_t id; /* the wormhole "alice", and its boxes */
    uint64_t outbox, inbox;
};

static inline int rig_before(void *arg, struct io_call *call)
{
    struct rig_faults *f = &((struct rig *)arg)->faults;
    int verdict = IO_GO;
    pthread_mutex_lock(&f->lock);
    if (f->watch)
        f->watch(f->watch_arg, call);
    if ((f->ops & OPS(call->op)) && (!f->path || strstr(call->path, f->path))) {
        f->seen++;
        if (f->from && f->seen >= f->from && f->seen <= f->to)
            verdict = f->verdict;
        if (verdict == RIG_CUT) { /* half of it reaches the disk */
            call->len /= 2;
            verdict = call->op == IO_WRITE ? IO_GO : -EIO;
        }
    }
    pthread_mutex_unlock(&f->lock);
    return verdict;
}

static inline int64_t rig_now(void *arg)
{
    return ((struct rig *)arg)->clock_ns;
}

static inline int rig_boot(void *arg, char *out)
{
    snprintf(out, IO_BOOT_ID_MAX, "%s", ((struct rig *)arg)->boot);
    return 0;
}

/* From the `from`th matching call up to the `to`th. */
static inline void rig_fail(struct rig *r, unsigned ops, const char *path, long from, long to,
                            int verdict)
{
    pthread_mutex_lock(&r->faults.lock);
    r->faults.ops = ops;
    r->faults.path = path;
    r->faults.from = from;
    r->faults.to = to;
    r->faults.verdict = verdict;
    r->faults.seen = 0;
    pthread_mutex_unlock(&r->faults.lock);
}

static inline void rig_heal(struct rig *r)
{
    rig_fail(r, ALL_OPS, NULL, 0, 0, 0);
}

static inline int rig_open(struct rig *r)
{
    return store_open(&r->store, r->dir, &r->io, r->why);
}

static inline void rig_close(struct rig *r)
{
    store_close(r->store);
    r->store = NULL;
}

static inline void rig_reopen(struct rig *r)
{
    rig_close(r);
    int rc = rig_open(r);
    if (rc)
        print_error("%s\n", r->why);
    assert_int_equal(rc, 0);
}

static inline struct turn *rig_turn(struct rig *r)
{
    struct turn *t;
    assert_int_equal(turn_begin(r->store, &t), 0);
    return t;
}

static inline struct view *rig_view(struct rig *r)
{
    struct view *v;
    assert_int_equal(view_begin(r->store, &v), 0);
    return v;
}

static inline void commit(struct turn *t)
{
    assert_int_equal(turn_commit(t), 0);
}

static inline struct name name_of(const char *text)
{
    struct name n;
    assert_int_equal(name_set(&n, text, strlen(text)), 0);
    return n;
}

static inline uint64_t rig_wormhole(struct rig *r, const char *name, uint64_t *outbox,
                                    uint64_t *inbox)
{
    struct turn *t = rig_turn(r);
    struct wormhole_new what = {.name = name_of(name)};
    struct wormhole w;
    uint64_t id;
    assert_int_equal(wormhole_create(t, &what, &id), 0);
    assert_int_equal(wormhole_get(turn_view(t), id, &w), 0);
    commit(t);
    if (outbox)
        *outbox = w.outbox_ino;
    if (inbox)
        *inbox = w.inbox_ino;
    return id;
}

/* Makes a node in a turn of its own. */
static inline int rig_try_make(struct rig *r, uint64_t parent, const char *name,
                               enum node_type type, uint64_t *ino)
{
    struct turn *t;
    struct node_new what = {
        .type = type, .mode = type == NODE_DIR ? 0755 : 0644, .target = "target"};
    int rc = turn_begin(r->store, &t);
    if (rc)
        return rc;
    rc = name_create(t, parent, name, strlen(name), &what, ino);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static inline uint64_t rig_make(struct rig *r, uint64_t parent, const char *name,
                                enum node_type type)
{
    uint64_t ino = 0;
    assert_int_equal(rig_try_make(r, parent, name, type, &ino), 0);
    return ino;
}

static inline int rig_rename(struct rig *r, uint64_t from, const char *name, uint64_t to,
                             const char *new_name, enum name_flags flags)
{
    struct turn *t = rig_turn(r);
    int rc = name_rename(t, from, name, strlen(name), to, new_name, strlen(new_name), flags);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static inline int rig_unlink(struct rig *r, uint64_t parent, const char *name)
{
    struct turn *t;
    int rc = turn_begin_relief(r->store, &t);
    if (rc)
        return rc;
    rc = name_unlink(t, parent, name, strlen(name));
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static inline int rig_rmdir(struct rig *r, uint64_t parent, const char *name)
{
    struct turn *t = rig_turn(r);
    int rc = name_rmdir(t, parent, name, strlen(name));
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

/* The inode of a name, 0 if there is none. */
static inline uint64_t rig_lookup(struct rig *r, uint64_t parent, const char *name)
{
    struct view *v = rig_view(r);
    uint64_t ino = 0;
    int rc = node_lookup(v, parent, name, strlen(name), &ino);
    view_end(v);
    return rc ? 0 : ino;
}

static inline int rig_try_node(struct rig *r, uint64_t ino, struct node *n)
{
    struct view *v = rig_view(r);
    int rc = node_get(v, ino, n);
    view_end(v);
    return rc;
}

static inline struct node rig_node(struct rig *r, uint64_t ino)
{
    struct node n;
    assert_int_equal(rig_try_node(r, ino, &n), 0);
    return n;
}

static inline int rig_try_entry(struct rig *r, uint64_t ino, struct entry *e)
{
    struct view *v = rig_view(r);
    int rc = entry_get(v, ino, e);
    view_end(v);
    return rc;
}

static inline struct entry rig_entry(struct rig *r, uint64_t ino)
{
    struct entry e;
    assert_int_equal(rig_try_entry(r, ino, &e), 0);
    return e;
}

static inline int rig_seal(struct rig *r, uint64_t ino, uint8_t rev)
{
    struct turn *t = rig_turn(r);
    struct entry_seal what = {.ino = ino, .rev = {rev, 1}, .size = 1, .files = 1};
    int rc = entry_seal(t, &what);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

/* How many events of a type there are. */
struct rig_count {
    enum log_type type;
    int count;
};

static inline int rig_count_one(void *arg, const struct log_row *row)
{
    struct rig_count *c = arg;
    c->count += row->event.type == c->type;
    return 0;
}

static inline int rig_events(struct rig *r, enum log_type type)
{
    struct rig_count c = {type, 0};
    struct view *v = rig_view(r);
    assert_int_equal(log_read(v, 0, UINT64_MAX, rig_count_one, &c), 0);
    view_end(v);
    return c.count;
}

/* The files in spool/ that have bytes in them. */
static inline int rig_spooled(struct rig *r)
{
    char path[160];
    int used = 0;
    struct stat st;
    for (int id = 1; id < 400; id++) {
        snprintf(path, sizeof path, "%s/spool/%d", r->dir, id);
        used += stat(path, &st) == 0 && st.st_size > 0;
    }
    return used;
}

static inline int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    /* In memory where there is such a place: syncs are real calls there too, and cost nothing. */
    snprintf(r->parent, sizeof r->parent, "%s/store-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(r->parent));
    snprintf(r->dir, sizeof r->dir, "%s/store", r->parent);
    pthread_mutex_init(&r->faults.lock, NULL);
    r->io = (struct io){.before = rig_before, .now_ns = rig_now, .boot_id = rig_boot, .arg = r};
    r->clock_ns = INT64_C(1700000000) * 1000000000;
    r->boot = "boot-1";
    assert_int_equal(rig_open(r), 0);
    r->id = rig_wormhole(r, "alice", &r->outbox, &r->inbox);
    *state = r;
    return 0;
}

static inline int rig_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int rig_teardown(void **state)
{
    struct rig *r = *state;
    rig_heal(r);
    rig_close(r);
    nftw(r->parent, rig_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&r->faults.lock);
    free(r);
    return 0;
}

#define rig_test(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

#endif
