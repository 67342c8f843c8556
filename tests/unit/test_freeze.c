/* Sealed bytes never change: every kind of change takes the seal back first. */
#include "store_rig.h"

#include "store/freeze.h"

enum { BIG = 200 * 1024 };

static uint8_t bytes[BIG];

struct hook {
    int calls, refuse;
    bool lie; /* says yes and does nothing */
};

static int unseal(void *arg, struct turn *t, uint64_t entry)
{
    struct hook *h = arg;
    struct entry e;
    h->calls++;
    if (h->refuse)
        return h->refuse;
    if (h->lie)
        return 0;
    int rc = entry_get(turn_view(t), entry, &e);
    if (rc)
        return rc;
    return e.state == ENTRY_SENT ? entry_reopen(t, entry) : entry_withdraw(t, entry, "hook");
}

/* An entry "t" with a small and a large file in it. */
struct tree {
    uint64_t top, small, large;
};

static struct tree make_tree(struct rig *r)
{
    struct tree t;
    t.top = rig_make(r, r->outbox, "t", NODE_DIR);
    t.small = rig_make(r, t.top, "small", NODE_FILE);
    t.large = rig_make(r, t.top, "large", NODE_FILE);
    assert_int_equal(content_write(r->store, t.small, "s", 1, 0), 0);
    assert_int_equal(content_write(r->store, t.large, bytes, BIG, 0), 0);
    return t;
}

enum change {
    WRITE_SMALL,
    WRITE_LARGE,
    GROW, /* out of the journal, into a spool file */
    TRUNCATE,
    PUNCH,
    MODE,
    TIMES,
    XATTR,
    XATTR_REMOVE,
    CREATE,
    LINK,
    UNLINK,
    RENAME_DEEP,
    RENAME_TOP,
    RENAME_INTO,
    RENAME_OUT,
    PUT,
    CHANGES
};

static int in_turn(struct rig *r, const struct tree *x, enum change c)
{
    struct node_new what = {.type = NODE_FILE, .mode = 0644};
    uint64_t ino;
    struct turn *t = rig_turn(r);
    int rc = STORE_ERR_INVALID;
    if (c == MODE)
        rc = node_set_mode(t, x->small, 0600);
    else if (c == TIMES)
        rc = node_set_times(t, x->small, 5, 5);
    else if (c == XATTR)
        rc = xattr_set(t, x->large, "user.b", "v", 1, XATTR_SET);
    else if (c == XATTR_REMOVE)
        rc = xattr_remove(t, x->small, "user.a");
    else if (c == CREATE)
        rc = name_create(t, x->top, "new", 3, &what, &ino);
    else if (c == LINK)
        rc = name_link(t, x->small, x->top, "hard", 4);
    else if (c == PUT)
        rc = content_put(t, x->small, "put", 3);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static int apply(struct rig *r, const struct tree *x, enum change c)
{
    switch (c) {
    case WRITE_SMALL:
        return content_write(r->store, x->small, "x", 1, 0);
    case WRITE_LARGE:
        return content_write(r->store, x->large, "x", 1, 0);
    case GROW:
        return content_write(r->store, x->small, bytes, BIG, 0);
    case TRUNCATE:
        return content_truncate(r->store, x->large, 5);
    case PUNCH:
        return content_punch(r->store, x->large, 0, 4096);
    case UNLINK:
        return rig_unlink(r, x->top, "small");
    case RENAME_DEEP:
        return rig_rename(r, x->top, "small", x->top, "little", NAME_REPLACE);
    case RENAME_TOP:
        return rig_rename(r, r->outbox, "t", r->outbox, "tt", NAME_REPLACE);
    case RENAME_INTO:
        return rig_rename(r, r->outbox, "loose", x->top, "loose", NAME_REPLACE);
    case RENAME_OUT:
        return rig_rename(r, x->top, "large", r->outbox, "large", NAME_REPLACE);
    case MODE:
    case TIMES:
    case XATTR:
    case XATTR_REMOVE:
    case CREATE:
    case LINK:
    case PUT:
    case CHANGES:
        break;
    }
    return in_turn(r, x, c);
}

static struct tree sealed_tree(struct rig *r)
{
    struct tree x = make_tree(r);
    rig_make(r, r->outbox, "loose", NODE_FILE);
    struct turn *t = rig_turn(r);
    assert_int_equal(xattr_set(t, x.small, "user.a", "v", 1, XATTR_SET), 0);
    commit(t);
    assert_int_equal(rig_seal(r, x.top, 9), 0);
    assert_int_equal(rig_entry(r, x.top).state, ENTRY_SEALED);
    return x;
}

static void test_every_change_unseals_once(void **state)
{
    for (int c = 0; c < CHANGES; c++) {
        struct rig *r = *state;
        struct tree x = sealed_tree(r);
        struct hook h = {0};
        store_on_unseal(r->store, unseal, &h);
        assert_int_equal(apply(r, &x, (enum change)c), 0);
        assert_int_equal(h.calls, 1);
        assert_int_equal(rig_entry(r, x.top).state, ENTRY_OPEN);
        assert_int_equal(content_write(r->store, x.large, "y", 1, 0), 0);
        assert_int_equal(h.calls, 1); /* open: nothing more to take back */
        rig_teardown(state);
        rig_setup(state);
    }
}

static void test_refusal_stops_every_change(void **state)
{
    struct rig *r = *state;
    struct tree x = sealed_tree(r);
    struct hook h = {.refuse = STORE_ERR_READ_ONLY};
    store_on_unseal(r->store, unseal, &h);
    for (int c = 0; c < CHANGES; c++)
        assert_int_equal(apply(r, &x, (enum change)c), STORE_ERR_READ_ONLY);
    h = (struct hook){.lie = true};
    for (int c = 0; c < CHANGES; c++)
        assert_int_equal(apply(r, &x, (enum change)c), STORE_ERR_PERM);
    assert_int_equal(rig_entry(r, x.top).state, ENTRY_SEALED);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 0);
    assert_int_equal(rig_spooled(r), 1); /* of the large file: no attempt has left one */
    uint8_t b;
    assert_int_equal(content_read(r->store, x.large, &b, 1, 0), 1);
    assert_int_equal(b, 0);
}

static void test_without_a_hook_the_store_logs_it(void **state)
{
    struct rig *r = *state;
    struct tree x = sealed_tree(r);
    assert_int_equal(content_write(r->store, x.large, "x", 1, 0), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 1);
    assert_int_equal(rig_seal(r, x.top, 10), 0);
    struct turn *t = rig_turn(r);
    const uint8_t rev[REV_BYTES] = {10, 1};
    assert_int_equal(entry_delivered(t, x.top, rev, NULL, "delivered"), 0);
    commit(t);
    assert_int_equal(content_write(r->store, x.small, "x", 1, 0), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_REOPENED), 1);
    assert_int_equal(rig_entry(r, x.top).state, ENTRY_OPEN);
}

/* The withdrawal is on disk before the first byte changes. */
static void test_withdrawal_is_durable_before_the_bytes_change(void **state)
{
    struct rig *r = *state;
    struct tree x = sealed_tree(r);
    uint8_t b = 1;
    rig_fail(r, OPS(IO_SYNC), "-wal", 1, 1, -EIO);
    assert_int_equal(content_write(r->store, x.large, "x", 1, 0), STORE_ERR_BROKEN);
    assert_int_equal(content_read(r->store, x.large, &b, 1, 0), 1);
    assert_int_equal(b, 0);
    assert_int_equal(content_write(r->store, x.large, "x", 1, 0), 0);
    assert_int_equal(content_read(r->store, x.large, &b, 1, 0), 1);
    assert_int_equal(b, 'x');
}

/* What was offered of a small entry is read from the journal: it is in there, or the offer is taken
 * back, wherever growing ends. */
static void test_growing_takes_the_seal_back_first(void **state)
{
    struct rig *r = *state;
    uint8_t buf[8];
    int rc = -1;
    for (long at = 1; rc < 0; at++) { /* until the disk fails too late to matter */
        assert_in_range(at, 1, 100);
        struct tree x = sealed_tree(r);
        rig_fail(r, OPS(IO_WRITE) | OPS(IO_SYNC), NULL, at, 1000, -EIO);
        rc = apply(r, &x, GROW);
        rig_heal(r);
        rig_reopen(r);
        struct view *v = rig_view(r);
        ssize_t got = content_peek(v, x.small, buf, sizeof buf);
        view_end(v);
        if (rig_entry(r, x.top).state == ENTRY_SEALED)
            assert_int_equal(got, 1);
        rig_teardown(state);
        rig_setup(state);
        r = *state;
    }
}

static void test_removing_a_sent_entry_reopens_nothing(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    struct hook h = {.refuse = STORE_ERR_READ_ONLY};
    assert_int_equal(rig_seal(r, f, 3), 0);
    const uint8_t rev[REV_BYTES] = {3, 1};
    struct turn *t = rig_turn(r);
    assert_int_equal(entry_delivered(t, f, rev, NULL, "delivered"), 0);
    commit(t);
    store_on_unseal(r->store, unseal, &h);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(h.calls, 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_REOPENED), 0);
}

/* rm -r of a kept tree. */
static void test_a_kept_tree_can_be_removed_name_by_name(void **state)
{
    struct rig *r = *state;
    struct hook h = {.refuse = STORE_ERR_READ_ONLY};
    uint64_t top = rig_make(r, r->outbox, "t", NODE_DIR);
    uint64_t g = rig_make(r, top, "g", NODE_FILE);
    rig_make(r, top, "f", NODE_FILE);
    assert_int_equal(rig_seal(r, top, 3), 0);
    const uint8_t rev[REV_BYTES] = {3, 1};
    struct turn *t = rig_turn(r);
    assert_int_equal(entry_delivered(t, top, rev, NULL, "delivered"), 0);
    commit(t);
    store_on_unseal(r->store, unseal, &h);
    assert_int_equal(rig_unlink(r, top, "f"), 0);
    assert_int_equal(content_write(r->store, g, "x", 1, 0), STORE_ERR_READ_ONLY);
    assert_int_equal(rig_entry(r, top).state, ENTRY_SENT);
    assert_int_equal(rig_unlink(r, top, "g"), 0);
    assert_int_equal(rig_rmdir(r, r->outbox, "t"), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_REOPENED), 0);
}

static void test_removing_a_sealed_entry_withdraws_it(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_int_equal(rig_seal(r, f, 3), 0);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 1);
}

static void test_frozen_after_a_restart(void **state)
{
    struct rig *r = *state;
    struct tree x = sealed_tree(r);
    rig_reopen(r);
    assert_int_equal(content_write(r->store, x.large, "x", 1, 0), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 1);
}

static void test_aborted_seal_is_no_seal(void **state)
{
    struct rig *r = *state;
    struct tree x = make_tree(r);
    struct turn *t = rig_turn(r);
    struct entry_seal what = {.ino = x.top, .rev = {4}};
    assert_int_equal(entry_seal(t, &what), 0);
    assert_int_equal(entry_seal(t, &what), STORE_ERR_INVALID);
    turn_abort(t);
    assert_int_equal(content_write(r->store, x.large, "x", 1, 0), 0);
    assert_int_equal(rig_events(r, LOG_ENTRY_WITHDRAWN), 0);
}

/* ---- the set itself ---- */

static void test_passes_keep_seals_out(void **state)
{
    (void)state;
    struct freeze z;
    struct freeze_pass a, b, c;
    assert_int_equal(freeze_init(&z), 0);
    assert_true(freeze_enter(&z, &a, 5));
    assert_true(freeze_enter(&z, &b, 5));
    assert_true(freeze_enter(&z, &c, 6));
    assert_int_equal(freeze_add(&z, 5), STORE_ERR_BUSY);
    freeze_leave(&z, &a);
    assert_int_equal(freeze_add(&z, 5), STORE_ERR_BUSY);
    freeze_leave(&z, &b);
    assert_int_equal(freeze_add(&z, 5), 0);
    assert_true(freeze_has(&z, 5));
    assert_false(freeze_has(&z, 6));
    assert_false(freeze_enter(&z, &a, 5));
    freeze_leave(&z, &c);
    assert_null(z.passes);
    freeze_release(&z);
}

/* A pass is out while the write is in the kernel: the seal must say BUSY. */
struct in_write {
    struct rig *rig;
    uint64_t entry;
    int rc;
};

static void *seal_in_thread(void *arg)
{
    struct in_write *w = arg;
    w->rc = rig_seal(w->rig, w->entry, 1);
    return NULL;
}

static int seal_from_hook(void *arg, struct io_call *call)
{
    struct in_write *w = arg;
    pthread_t thread;
    if (call->op == IO_WRITE && strstr(call->path, "spool/") && w->rig) {
        pthread_create(&thread, NULL, seal_in_thread, w);
        pthread_join(thread, NULL);
        w->rig = NULL;
    }
    return IO_GO;
}

static void test_seal_during_a_write_is_busy(void **state)
{
    struct rig *r = *state, other = *r;
    struct in_write w = {0};
    struct io io = {.before = seal_from_hook, .arg = &w};
    char why[STORE_WHY_MAX];
    snprintf(other.dir, sizeof other.dir, "%s/other", r->parent);
    assert_int_equal(store_open(&other.store, other.dir, &io, why), 0);
    other.id = rig_wormhole(&other, "bob", &other.outbox, &other.inbox);
    struct tree x = make_tree(&other);
    w = (struct in_write){.rig = &other, .entry = x.top};
    assert_int_equal(content_write(other.store, x.large, bytes, 100, 0), 0);
    assert_int_equal(w.rc, STORE_ERR_BUSY);
    assert_int_equal(rig_seal(&other, x.top, 1), 0);
    store_close(other.store);
}

/* While a file grows out of the journal it is moved into a directory, which is sealed; then the
 * disk fails. */
struct in_growth {
    struct rig *rig; /* until it was done */
    uint64_t top;
    long at, seen;
};

static void *move_and_seal(void *arg)
{
    struct in_growth *g = arg;
    assert_int_equal(rig_rename(g->rig, g->rig->outbox, "f", g->top, "f", NAME_REPLACE), 0);
    assert_int_equal(rig_seal(g->rig, g->top, 1), 0);
    return NULL;
}

static int growth_from_hook(void *arg, struct io_call *call)
{
    struct in_growth *g = arg;
    bool writes = call->op == IO_WRITE || call->op == IO_SYNC;
    pthread_t thread;
    if (g->at == 0 || !writes)
        return IO_GO;
    if (g->rig == NULL)
        return ++g->seen >= g->at ? -EIO : IO_GO;
    if (strstr(call->path, "spool/") == NULL)
        return IO_GO;
    struct in_growth other = *g;
    g->at = 0; /* it has a quiet disk */
    pthread_create(&thread, NULL, move_and_seal, &other);
    pthread_join(thread, NULL);
    g->rig = NULL;
    g->at = other.at;
    return IO_GO;
}

static void test_growing_takes_back_the_seal_of_where_it_is_now(void **state)
{
    struct rig *r = *state;
    int rc = -1;
    for (long at = 1; rc < 0; at++) {
        struct rig other = *r;
        struct in_growth g = {0};
        struct io io = {.before = growth_from_hook, .arg = &g};
        uint8_t buf[8];
        assert_in_range(at, 1, 100);
        snprintf(other.dir, sizeof other.dir, "%s/other%ld", r->parent, at);
        assert_int_equal(store_open(&other.store, other.dir, &io, other.why), 0);
        other.id = rig_wormhole(&other, "bob", &other.outbox, &other.inbox);
        uint64_t f = rig_make(&other, other.outbox, "f", NODE_FILE);
        uint64_t top = rig_make(&other, other.outbox, "t", NODE_DIR);
        assert_int_equal(content_write(other.store, f, "s", 1, 0), 0);
        g = (struct in_growth){.rig = &other, .top = top, .at = at};
        rc = content_write(other.store, f, bytes, BIG, 0);
        assert_null(g.rig);
        g.at = 0;
        store_close(other.store);
        assert_int_equal(store_open(&other.store, other.dir, &io, other.why), 0);
        struct view *v = rig_view(&other);
        ssize_t got = content_peek(v, f, buf, sizeof buf);
        view_end(v);
        if (rig_entry(&other, top).state == ENTRY_SEALED)
            assert_int_equal(got, 1);
        store_close(other.store);
    }
}

static int truncation_from_hook(void *arg, struct io_call *call)
{
    struct in_growth *g = arg;
    pthread_t thread;
    if (g->rig == NULL || call->op != IO_TRUNCATE || strstr(call->path, "spool/") == NULL)
        return IO_GO;
    struct in_growth other = *g;
    g->rig = NULL;
    pthread_create(&thread, NULL, move_and_seal, &other);
    pthread_join(thread, NULL);
    return IO_GO;
}

/* By path: nobody has it open, so the entry that it has come into may be sealed at once. */
static void test_a_truncation_takes_back_the_seal_of_where_it_is_now(void **state)
{
    struct rig *r = *state, other = *r;
    struct in_growth g = {0};
    struct io io = {.before = truncation_from_hook, .arg = &g};
    snprintf(other.dir, sizeof other.dir, "%s/other", r->parent);
    assert_int_equal(store_open(&other.store, other.dir, &io, other.why), 0);
    other.id = rig_wormhole(&other, "bob", &other.outbox, &other.inbox);
    uint64_t f = rig_make(&other, other.outbox, "f", NODE_FILE);
    uint64_t top = rig_make(&other, other.outbox, "t", NODE_DIR);
    assert_int_equal(content_write(other.store, f, bytes, BIG, 0), 0);
    g = (struct in_growth){.rig = &other, .top = top};
    assert_int_equal(content_truncate(other.store, f, BIG + 1000), 0);
    assert_null(g.rig);
    assert_int_equal(rig_node(&other, f).entry, top);
    assert_int_equal(rig_entry(&other, top).state, ENTRY_OPEN);
    store_close(other.store);
}

/* Writers and a sealer at once: whenever an entry is sealed, its bytes stand still. */
struct racer {
    pthread_t thread;
    struct rig *rig;
    uint64_t ino;
    _Atomic bool stop;
};

static void *keep_writing(void *arg)
{
    struct racer *a = arg;
    uint8_t b;
    for (uint8_t i = 0; !a->stop; i++) {
        if (content_write(a->rig->store, a->ino, &i, 1, 0))
            return arg;
        for (int k = 0; k < 50; k++) /* a while without a write in flight */
            if (content_read(a->rig->store, a->ino, &b, 1, 0) != 1)
                return arg;
    }
    return NULL;
}

static void test_sealed_bytes_stand_still(void **state)
{
    struct rig *r = *state;
    struct tree x = make_tree(r);
    struct racer a = {.rig = r, .ino = x.large};
    assert_int_equal(pthread_create(&a.thread, NULL, keep_writing, &a), 0);
    int sealed = 0;
    for (int i = 0; i < 200000 && sealed < 30; i++) {
        uint8_t before, after;
        struct turn *t = rig_turn(r);
        struct entry_seal what = {.ino = x.top,
                                  .rev = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 7}};
        int rc = entry_seal(t, &what);
        if (rc) {
            assert_true(rc == STORE_ERR_BUSY || rc == STORE_ERR_INVALID);
            turn_abort(t);
            continue;
        }
        /* The seal holds from the call on: the writer waits for this turn. */
        assert_int_equal(content_read(r->store, x.large, &before, 1, 0), 1);
        for (int k = 0; k < 20; k++) {
            assert_int_equal(content_read(r->store, x.large, &after, 1, 0), 1);
            assert_int_equal(after, before);
        }
        commit(t);
        sealed++;
    }
    a.stop = true;
    void *failed;
    pthread_join(a.thread, &failed);
    assert_null(failed);
    assert_int_equal(sealed, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_every_change_unseals_once),
        rig_test(test_refusal_stops_every_change),
        rig_test(test_without_a_hook_the_store_logs_it),
        rig_test(test_withdrawal_is_durable_before_the_bytes_change),
        rig_test(test_growing_takes_the_seal_back_first),
        rig_test(test_removing_a_sent_entry_reopens_nothing),
        rig_test(test_a_kept_tree_can_be_removed_name_by_name),
        rig_test(test_removing_a_sealed_entry_withdraws_it),
        rig_test(test_frozen_after_a_restart),
        rig_test(test_aborted_seal_is_no_seal),
        cmocka_unit_test(test_passes_keep_seals_out),
        rig_test(test_seal_during_a_write_is_busy),
        rig_test(test_growing_takes_back_the_seal_of_where_it_is_now),
        rig_test(test_a_truncation_takes_back_the_seal_of_where_it_is_now),
        rig_test(test_sealed_bytes_stand_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
