/* Every call to the disk fails once, in turn: nothing is ever half committed, and the store goes
 * on. */
#include "store_rig.h"

#include <limits.h>
#include "store/limits.h"
#include "store/queues.h"
#include "store/secrets.h"

enum { CALLS_MAX = 2000, BIG = 150 * 1024 };

static const int verdicts[] = {-EIO, -ENOSPC, RIG_CUT};

/* ---- one turn that touches everything: all of it says the same number ---- */

static int set_all(struct rig *r, struct turn *t, uint64_t file, int number)
{
    char name[16], old[16];
    uint64_t ino;
    uint8_t byte = (uint8_t)number;
    struct node_new what = {.type = NODE_FILE, .mode = 0644};
    int len = snprintf(name, sizeof name, "n%d", number),
        old_len = snprintf(old, sizeof old, "n%d", number - 1);
    int rc = name_create(t, r->outbox, name, (size_t)len, &what, &ino);
    if (rc == 0)
        rc = name_unlink(t, r->outbox, old, (size_t)old_len);
    if (rc == 0)
        rc = secret_put(t, r->id, &byte, 1);
    if (rc == 0)
        rc = xattr_set(t, file, "user.n", &byte, 1, XATTR_SET);
    if (rc == 0)
        rc = content_put(t, file, &byte, 1);
    if (rc == 0)
        rc = outbound_push(t, &(struct outbound){.wormhole = r->id, .kind = number}, NULL);
    return rc ? rc : outbound_drop_rev(t, r->id, (const uint8_t[REV_BYTES]){1});
}

static int last_kind(void *arg, const struct outbound *op)
{
    *(int *)arg = op->kind;
    return 0;
}

/* The number that everything says; -1 if they disagree. */
static int agreed(struct rig *r, uint64_t file)
{
    struct blob b = {0};
    uint8_t attr = 0, byte = 0;
    int kind = 0, names = 0;
    char name[16];
    uint64_t ino;
    struct view *v = rig_view(r);
    int secret = secret_get(v, r->id, &b) == 0 ? b.data[0] : 0;
    blob_release(&b);
    assert_true(xattr_get(v, file, "user.n", &attr, 1) == 1);
    assert_true(content_peek(v, file, &byte, 1) == 1);
    assert_int_equal(outbound_each(v, r->id, 0, last_kind, &kind), 0);
    for (int i = 0; i < 256; i++) {
        int len = snprintf(name, sizeof name, "n%d", i);
        names += node_lookup(v, r->outbox, name, (size_t)len, &ino) == 0 ? 1000 + i : 0;
    }
    view_end(v);
    return names == 1000 + secret && attr == secret && byte == secret && kind == secret ? secret
                                                                                        : -1;
}

static int try_number(struct rig *r, uint64_t file, int number)
{
    struct turn *t;
    int rc = turn_begin(r->store, &t);
    if (rc)
        return rc;
    rc = set_all(r, t, file, number);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static uint64_t prepare(struct rig *r)
{
    uint64_t file = rig_make(r, r->outbox, "file", NODE_FILE);
    rig_make(r, r->outbox, "n0", NODE_FILE);
    assert_int_equal(try_number(r, file, 1), 0);
    assert_int_equal(agreed(r, file), 1);
    return file;
}

static void fail_each_call(struct rig *r, uint64_t file, int verdict)
{
    int number = agreed(r, file);
    bool passed = false;
    for (long n = 1; !passed && n < CALLS_MAX; n++) {
        rig_fail(r, ALL_OPS & ~OPS(IO_WRITEBACK), NULL, n, n, verdict);
        int rc = try_number(r, file, number + 1);
        passed = r->faults.seen < n;
        rig_heal(r);
        int now = agreed(r, file);
        if (rc == 0 || rc == STORE_ERR_BROKEN)
            assert_int_equal(now, number + 1);
        else
            assert_int_equal(now, number);
        if (passed)
            assert_int_equal(rc, 0);
        if (n % 3 == 0) {
            rig_reopen(r);
            assert_int_equal(agreed(r, file), now);
        }
        number = now;
    }
    assert_true(passed);
}

static void test_a_turn_is_all_or_nothing(void **state)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        struct rig *r = *state;
        fail_each_call(r, prepare(r), verdicts[i]);
        rig_teardown(state);
        rig_setup(state);
    }
}

/* ---- content: each operation on a file happened or did not ---- */

static uint8_t old_bytes[2 * BIG], new_bytes[2 * BIG], seen_bytes[2 * BIG];

enum op { GROW_INLINE, PROMOTE, APPEND, SHRINK, GROW, OPS_COUNT };

/* From (old_bytes, size) to (new_bytes, returned size). */
static uint64_t expect_after(enum op op, uint64_t size)
{
    memcpy(new_bytes, old_bytes, sizeof new_bytes);
    switch (op) {
    case GROW_INLINE:
        memset(new_bytes + size, 'i', 100);
        return size + 100;
    case PROMOTE:
        memset(new_bytes + size, 'p', BIG);
        return size + BIG;
    case APPEND:
        memset(new_bytes + size, 'a', 1000);
        return size + 1000;
    case SHRINK:
        memset(new_bytes + 50, 0, sizeof new_bytes - 50);
        return 50;
    case GROW:
    case OPS_COUNT:
        break;
    }
    return size + 5000;
}

static int do_op(struct rig *r, uint64_t ino, enum op op, uint64_t size, uint64_t new_size)
{
    int rc = op == SHRINK || op == GROW
                 ? content_truncate(r->store, ino, new_size)
                 : content_write(r->store, ino, new_bytes + size, (size_t)(new_size - size), size);
    return rc ? rc : content_flush(r->store, ino, true);
}

/* Is the file what `bytes` say? */
static bool is(struct rig *r, uint64_t ino, const uint8_t *bytes, uint64_t size)
{
    if (rig_node(r, ino).size != size)
        return false;
    ssize_t got = content_read(r->store, ino, seen_bytes, sizeof seen_bytes, 0);
    return got == (ssize_t)size && memcmp(seen_bytes, bytes, size) == 0;
}

/* The same operation on a fresh file, with the nth call failing. True when no call failed. */
static bool run_with_fault(struct rig *r, enum op op, long n, int verdict)
{
    uint64_t size = op == GROW_INLINE || op == PROMOTE ? 300 : BIG / 2, new_size;
    char name[16];
    snprintf(name, sizeof name, "%d", (int)n);
    uint64_t ino = rig_make(r, r->outbox, name, NODE_FILE);
    memset(old_bytes, 0, sizeof old_bytes);
    memset(old_bytes, 'o', size);
    assert_int_equal(content_write(r->store, ino, old_bytes, size, 0), 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    new_size = expect_after(op, size);
    rig_fail(r, ALL_OPS & ~OPS(IO_WRITEBACK), NULL, n, n, verdict);
    int rc = do_op(r, ino, op, size, new_size);
    bool passed = r->faults.seen < n;
    rig_heal(r);
    r->clock_ns += INT64_C(2000000000); /* a reserve that was spent is made again */
    for (int again = 0; again < 2; again++) {
        bool is_old = is(r, ino, old_bytes, size), is_new = is(r, ino, new_bytes, new_size);
        assert_true(rc == 0 ? is_new : is_old || is_new);
        if (again == 0 && n % 4 == 0)
            rig_reopen(r);
    }
    struct node node = rig_node(r, ino);
    if (rc == 0)
        assert_true(node.durable_size == node.size && !node.dirty && !node.bad);
    assert_int_equal(rig_unlink(r, r->outbox, name), 0);
    return passed;
}

static void test_each_change_of_content_happened_or_did_not(void **state)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        for (int op = 0; op < OPS_COUNT; op++) {
            struct rig *r = *state;
            bool passed = false;
            for (long n = 1; !passed && n < CALLS_MAX; n++)
                passed = run_with_fault(r, (enum op)op, n, verdicts[i]);
            assert_true(passed);
            rig_teardown(state);
            rig_setup(state);
        }
}

/* ---- a lying disk: what was dropped without an error must at least be noticed at the next start
 * ---- */

static void test_dropped_spool_writes_are_found_after_a_crash(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    memset(old_bytes, 'o', sizeof old_bytes);
    rig_fail(r, OPS(IO_WRITE), "spool/", 1, 100000, IO_DROP);
    assert_int_equal(content_write(r->store, ino, old_bytes, BIG, 0), 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    rig_heal(r);
    r->boot = "boot-2";
    rig_reopen(r);
    struct node n = rig_node(r, ino);
    assert_true(n.lost && n.bad);
    assert_int_equal(n.size, 0);
}

/* Nothing of this is the disk's fault, and all of it works once files were closed. */
static void test_too_many_open_files_are_no_failing_disk(void **state)
{
    struct rig *r = *state;
    static char bytes[BIG];
    uint64_t ino = rig_make(r, r->outbox, "file", NODE_FILE);
    rig_fail(r, OPS(IO_OPEN), NULL, 1, LONG_MAX, -EMFILE);
    assert_int_equal(content_write(r->store, ino, bytes, BIG, 0), STORE_ERR_FILES);
    assert_null(store_trouble(r->store));
    rig_heal(r);
    assert_int_equal(content_write(r->store, ino, bytes, BIG, 0), 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    rig_reopen(r);
    struct view *first = rig_view(r), *second;
    rig_fail(r, OPS(IO_OPEN), NULL, 1, LONG_MAX, -ENFILE);
    assert_int_equal(content_read(r->store, ino, bytes, BIG, 0), STORE_ERR_FILES);
    assert_int_equal(view_begin(r->store, &second), STORE_ERR_FILES); /* it needs a reader */
    assert_null(store_trouble(r->store));
    rig_heal(r);
    assert_int_equal(content_read(r->store, ino, bytes, BIG, 0), BIG);
    view_end(rig_view(r));
    view_end(first);
}

static void test_what_the_disk_cannot_do_is_said_so(void **state)
{
    struct rig *r = *state;
    static char bytes[BIG];
    uint64_t ino = rig_make(r, r->outbox, "file", NODE_FILE);
    assert_int_equal(content_write(r->store, ino, bytes, BIG, 0), 0);
    rig_fail(r, OPS(IO_ALLOCATE) | OPS(IO_PUNCH), NULL, 1, LONG_MAX, -EOPNOTSUPP);
    assert_int_equal(content_allocate(r->store, ino, 0, 2 * BIG, false), STORE_ERR_UNSUPPORTED);
    assert_int_equal(content_punch(r->store, ino, 0, 4096), STORE_ERR_UNSUPPORTED);
    assert_int_equal(content_write(r->store, ino, bytes, BIG, 0), 0);
    rig_heal(r);
}

/* NFS before 4.2, eCryptfs and others: the reserve takes its room by writing it. */
static void test_a_disk_without_fallocate_is_not_full(void **state)
{
    struct rig *r = *state;
    const int answers[] = {-EOPNOTSUPP, -ENOSYS};
    for (int i = 0; i < 2; i++) {
        struct stat st;
        char path[128];
        rig_close(r);
        snprintf(r->dir, sizeof r->dir, "%s/without%d", r->parent, i);
        rig_fail(r, OPS(IO_ALLOCATE), NULL, 1, LONG_MAX, answers[i]);
        assert_int_equal(rig_open(r), 0);
        assert_false(store_tight(r->store));
        uint64_t outbox, inbox;
        rig_wormhole(r, "alice", &outbox, &inbox);
        snprintf(path, sizeof path, "%s/reserve", r->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_blocks * 512 >= RESERVE_BYTES);
        rig_fail(r, OPS(IO_WRITE) | OPS(IO_ALLOCATE), "reserve", 1, LONG_MAX, answers[i]);
        rig_reopen(r);
        assert_false(store_tight(r->store));
        assert_int_equal(r->faults.seen, 0); /* it is known to be there */
        rig_heal(r);
    }
}

/* What was not written whole, or not synced, is no reserve. */
static void test_a_reserve_that_cannot_be_filled_is_none(void **state)
{
    struct rig *r = *state;
    const unsigned ops[] = {IO_WRITE, IO_SYNC};
    for (int i = 0; i < 2; i++) {
        char path[128];
        rig_close(r);
        snprintf(r->dir, sizeof r->dir, "%s/half%d", r->parent, i);
        rig_fail(r, OPS(IO_ALLOCATE) | OPS(ops[i]), "reserve", 1, LONG_MAX, -EOPNOTSUPP);
        assert_int_equal(rig_open(r), 0);
        assert_true(store_tight(r->store));
        assert_true(r->faults.seen >= 2);
        snprintf(path, sizeof path, "%s/reserve", r->dir);
        assert_int_equal(access(path, F_OK), -1);
        rig_heal(r);
        r->clock_ns += INT64_C(3600) * 1000000000;
        turn_abort(rig_turn(r));
        assert_false(store_tight(r->store));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_a_turn_is_all_or_nothing),
        rig_test(test_each_change_of_content_happened_or_did_not),
        rig_test(test_dropped_spool_writes_are_found_after_a_crash),
        rig_test(test_too_many_open_files_are_no_failing_disk),
        rig_test(test_what_the_disk_cannot_do_is_said_so),
        rig_test(test_a_disk_without_fallocate_is_not_full),
        rig_test(test_a_reserve_that_cannot_be_filled_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
