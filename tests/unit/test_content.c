/* Bytes: in the journal, promoted, in the spool; what is durable and what a failure leaves. */
#include "store_rig.h"

#include <dirent.h>
#include <sys/stat.h>

enum { KIB = 1024, BIG = 200 * KIB };

static uint8_t pattern[1 << 20];

static void fill(void)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 7 + i / 251);
}

static uint64_t make(struct rig *r)
{
    fill();
    return rig_make(r, r->outbox, "f", NODE_FILE);
}

static void expect(struct rig *r, uint64_t ino, const void *data, size_t len, uint64_t offset)
{
    static uint8_t buf[1 << 20];
    memset(buf, 0xee, len);
    assert_int_equal(content_read(r->store, ino, buf, len, offset), len);
    assert_memory_equal(buf, data, len);
}

static void put(struct rig *r, uint64_t ino, size_t len, uint64_t offset)
{
    assert_int_equal(content_write(r->store, ino, pattern + offset % 1000, len, offset), 0);
}

static void test_inline(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    uint8_t buf[16];
    assert_int_equal(content_read(r->store, ino, buf, 16, 0), 0);
    put(r, ino, 100, 0);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, 100);
    assert_int_equal(n.spool, 0);
    assert_true(n.dirty);
    expect(r, ino, pattern, 100, 0);
    assert_int_equal(content_read(r->store, ino, buf, 16, 90), 10);
    assert_int_equal(content_read(r->store, ino, buf, 16, 100), 0);
    assert_int_equal(content_read(r->store, ino, buf, 16, UINT64_C(1) << 60), 0);
    assert_int_equal(content_write(r->store, ino, "Z", 1, 50), 0);
    assert_int_equal(content_read(r->store, ino, buf, 1, 50), 1);
    assert_int_equal(buf[0], 'Z');
    static const uint8_t zeros[100];
    assert_int_equal(content_write(r->store, ino, "end", 3, 200), 0); /* a hole of zeros */
    expect(r, ino, zeros, 100, 100);
    assert_int_equal(rig_node(r, ino).size, 203);
    assert_int_equal(content_used(r->store, &(struct node){.size = 203}), 512);
}

static void test_promotion_at_the_bound(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    assert_int_equal(content_write(r->store, ino, pattern, INLINE_BYTES_MAX, 0), 0);
    assert_int_equal(rig_node(r, ino).spool, 0);
    assert_int_equal(content_write(r->store, ino, pattern + INLINE_BYTES_MAX, 1, INLINE_BYTES_MAX),
                     0);
    struct node n = rig_node(r, ino);
    assert_int_not_equal(n.spool, 0);
    assert_int_equal(n.size, INLINE_BYTES_MAX + 1);
    expect(r, ino, pattern, INLINE_BYTES_MAX + 1, 0);
    assert_int_equal(content_truncate(r->store, ino, 10), 0); /* and it stays there */
    assert_int_not_equal(rig_node(r, ino).spool, 0);
    expect(r, ino, pattern, 10, 0);
    rig_reopen(r);
    expect(r, ino, pattern, 10, 0);
    assert_int_equal(rig_node(r, ino).size, 10);
}

static void test_promotion_of_flushed_bytes_syncs_them_first(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, 1000, 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    rig_fail(r, OPS(IO_SYNC), "spool/", 0, 0, 0);
    put(r, ino, BIG, 1000);
    assert_int_equal(r->faults.seen, 1);
    uint64_t other = rig_make(r, r->outbox, "g", NODE_FILE);
    put(r, other, 1000, 0); /* nobody was promised these: no sync */
    put(r, other, BIG, 1000);
    assert_int_equal(r->faults.seen, 1);
    assert_int_equal(content_flush(r->store, other, true), 0);
    assert_int_equal(r->faults.seen, 2);
}

static void test_failed_promotion_keeps_the_file(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, 1000, 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    static const unsigned ops[] = {OPS(IO_WRITE), OPS(IO_SYNC), OPS(IO_OPEN)};
    for (size_t i = 0; i < 3; i++) {
        rig_fail(r, ops[i], "spool/", 1, 1, -ENOSPC);
        assert_int_equal(content_write(r->store, ino, pattern, BIG, 1000), STORE_ERR_NOSPACE);
        rig_heal(r);
        assert_int_equal(rig_node(r, ino).spool, 0);
        assert_int_equal(rig_node(r, ino).size, 1000);
        expect(r, ino, pattern, 1000, 0);
    }
    assert_int_equal(content_write(r->store, ino, pattern + 1000, BIG, 1000), 0);
    expect(r, ino, pattern, 1000 + BIG, 0);
}

/* The directory was renamed away, or closed to us, while we run. */
static void test_a_spool_out_of_reach_is_a_failing_disk(void **state)
{
    struct rig *r = *state;
    static const int verdicts[] = {-ENOENT, -EACCES, -EPERM};
    uint64_t large = make(r), small = rig_make(r, r->outbox, "small", NODE_FILE);
    put(r, large, sizeof pattern, 0);
    put(r, small, 1000, 0);
    rig_reopen(r);
    for (size_t i = 0; i < 3; i++) {
        char byte;
        rig_fail(r, OPS(IO_OPEN), "spool/", 1, 1000, verdicts[i]);
        assert_int_equal(content_write(r->store, small, pattern, BIG, 1000), STORE_ERR_IO);
        assert_int_equal(content_write(r->store, large, pattern, 1, 0), STORE_ERR_IO);
        assert_int_equal(content_read(r->store, large, &byte, 1, 0), STORE_ERR_IO);
        rig_heal(r);
    }
    expect(r, large, pattern, sizeof pattern, 0);
    expect(r, small, pattern, 1000, 0);
}

static void test_spool_write_and_read(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    for (size_t at = 0; at < sizeof pattern; at += 128 * KIB)
        assert_int_equal(content_write(r->store, ino, pattern + at, 128 * KIB, at), 0);
    expect(r, ino, pattern, sizeof pattern, 0);
    rig_reopen(r);
    expect(r, ino, pattern, sizeof pattern, 0);
    r->clock_ns += 777;
    assert_int_equal(content_write(r->store, ino, pattern, 5, 500), 0);
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, sizeof pattern);
    assert_int_equal(n.mtime_ns, r->clock_ns);
    expect(r, ino, pattern, 5, 500);
    assert_true(content_used(r->store, &n) >= sizeof pattern);
}

static void test_truncate(void **state)
{
    struct rig *r = *state;
    static const uint8_t zeros[BIG];
    uint64_t ino = make(r);
    put(r, ino, 500, 0);
    assert_int_equal(content_truncate(r->store, ino, 100), 0);
    assert_int_equal(content_truncate(r->store, ino, 600), 0);
    expect(r, ino, pattern, 100, 0);
    expect(r, ino, zeros, 500, 100);
    assert_int_equal(content_truncate(r->store, ino, BIG), 0); /* promoted, a hole */
    expect(r, ino, zeros, BIG - 600, 600);
    assert_int_equal(content_write(r->store, ino, pattern, BIG, 0), 0);
    assert_int_equal(content_truncate(r->store, ino, 1000), 0);
    assert_int_equal(content_truncate(r->store, ino, BIG), 0);
    expect(r, ino, pattern, 1000, 0);
    expect(r, ino, zeros, BIG - 1000, 1000); /* what was cut never comes back */
}

/* A write whose checkpoint failed is not there, and does not show when the file grows over it. */
static void test_bytes_without_a_checkpoint_never_show(void **state)
{
    struct rig *r = *state;
    static const uint8_t zeros[BIG];
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    rig_fail(r, OPS(IO_WRITE), "-wal", 1, 100, -EIO);
    assert_int_equal(content_write(r->store, ino, pattern, BIG, BIG), STORE_ERR_IO);
    rig_heal(r);
    assert_int_equal(rig_node(r, ino).size, BIG);
    assert_int_equal(content_write(r->store, ino, "x", 1, 3 * BIG), 0);
    expect(r, ino, zeros, BIG, BIG);
    /* The same across the death of the process: */
    rig_fail(r, OPS(IO_WRITE), "-wal", 1, 100, -EIO);
    assert_int_equal(content_write(r->store, ino, pattern, BIG, 3 * BIG + 1), STORE_ERR_IO);
    rig_heal(r);
    rig_reopen(r);
    assert_int_equal(content_truncate(r->store, ino, 5 * BIG), 0);
    expect(r, ino, zeros, BIG, 3 * BIG + 1);
}

static void test_flush(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, 100, 0);
    assert_true(rig_node(r, ino).by_opener); /* no flush yet: nothing speaks against it */
    assert_int_equal(content_flush(r->store, ino, false), 0);
    struct node n = rig_node(r, ino);
    assert_false(n.dirty || n.by_opener);
    assert_int_equal(n.durable_size, 100);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    assert_true(rig_node(r, ino).by_opener);
    put(r, ino, BIG, 100);
    n = rig_node(r, ino);
    assert_true(n.dirty);
    assert_int_equal(n.durable_size, 100);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    n = rig_node(r, ino);
    assert_false(n.dirty);
    assert_int_equal(n.durable_size, BIG + 100);
    assert_int_equal(content_truncate(r->store, ino, 50), 0);
    n = rig_node(r, ino);
    assert_int_equal(n.durable_size, 50);
    assert_true(n.dirty);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    assert_false(store_sync_owed(r->store));
}

static void test_flush_is_two_syncs_and_idle_flush_none(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    rig_fail(r, OPS(IO_SYNC), NULL, 0, 0, 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    assert_int_equal(r->faults.seen, 2);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    assert_int_equal(r->faults.seen, 2);
    put(r, ino, BIG, BIG); /* appending needs no sync of its own */
    assert_int_equal(r->faults.seen, 2);
}

static void test_overwriting_flushed_bytes_is_owned_up_to_first(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    put(r, ino, 1, BIG); /* so that it is dirty, but nobody has made that durable */
    rig_fail(r, OPS(IO_SYNC), "-wal", 1, 1, -EIO);
    assert_int_equal(content_write(r->store, ino, "new", 3, 10), STORE_ERR_BROKEN);
    expect(r, ino, pattern, BIG, 0); /* not a byte was changed */
    assert_int_equal(content_write(r->store, ino, "new", 3, 10), 0);
    expect(r, ino, "new", 3, 10);
    rig_fail(r, OPS(IO_SYNC), NULL, 0, 0, 0);
    assert_int_equal(content_write(r->store, ino, "newer", 5, 20), 0);
    assert_int_equal(r->faults.seen, 0); /* once is enough until the next flush */
}

static void test_failed_sync_is_never_retried_into_success(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r), other = rig_make(r, r->outbox, "g", NODE_FILE);
    put(r, ino, BIG, 0);
    rig_fail(r, OPS(IO_SYNC), "spool/", 1, 1, -EIO);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
    assert_int_equal(content_write(r->store, ino, "x", 1, 0), STORE_ERR_IO);
    assert_true(rig_node(r, ino).bad);
    expect(r, ino, pattern, 100, 0); /* reading goes on */
    put(r, other, BIG, 0);
    assert_int_equal(content_flush(r->store, other, true), 0);
    rig_reopen(r);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
}

/* The journal's disk fails in that moment, too: the next to meet the file records it, for others
 * only ask the row. */
static void test_a_failed_sync_is_recorded_later(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    rig_fail(r, OPS(IO_SYNC) | OPS(IO_WRITE), NULL, 1, 1000, -EIO);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
    rig_heal(r);
    assert_false(rig_node(r, ino).bad);
    assert_int_equal(content_write(r->store, ino, "x", 1, 0), STORE_ERR_IO);
    assert_true(rig_node(r, ino).bad);
}

static void test_seek_punch_allocate(void **state)
{
    struct rig *r = *state;
    static const uint8_t zeros[BIG];
    uint64_t ino = make(r);
    put(r, ino, 100, 0);
    assert_int_equal(content_seek(r->store, ino, 10, SEEK_DATA), 10);
    assert_int_equal(content_seek(r->store, ino, 10, SEEK_HOLE), 100);
    assert_int_equal(content_seek(r->store, ino, 100, SEEK_DATA), STORE_ERR_NO_DATA);
    assert_int_equal(content_punch(r->store, ino, 20, 1000), 0);
    assert_int_equal(rig_node(r, ino).size, 100);
    expect(r, ino, zeros, 80, 20);
    assert_int_equal(content_allocate(r->store, ino, 0, 5000, true), 0);
    assert_int_equal(rig_node(r, ino).size, 100);
    assert_int_equal(content_allocate(r->store, ino, 0, 5000, false), 0);
    assert_int_equal(rig_node(r, ino).size, 5000);
    assert_int_equal(content_write(r->store, ino, "x", 1, 1 << 20), 0);
    assert_int_not_equal(rig_node(r, ino).spool, 0);
    assert_true(content_seek(r->store, ino, 128 * KIB, SEEK_DATA) >= 128 * KIB);
    assert_int_equal(content_seek(r->store, ino, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
    assert_int_equal(content_seek(r->store, ino, (1 << 20) + 1, SEEK_DATA), STORE_ERR_NO_DATA);
    put(r, ino, BIG, 0);
    assert_int_equal(content_punch(r->store, ino, 4096, BIG - 4096), 0);
    expect(r, ino, pattern, 4096, 0);
    expect(r, ino, zeros, BIG - 4096, 4096);
    int rc = content_allocate(r->store, ino, 2 << 20, BIG, false);
    assert_true(rc == 0 || rc == STORE_ERR_INVALID); /* the file system may not know it */
    assert_int_equal(rig_node(r, ino).size, rc == 0 ? (2 << 20) + BIG : (1 << 20) + 1);
}

static void test_bounds_and_kinds(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r), d = rig_make(r, r->outbox, "d", NODE_DIR);
    char buf[4];
    assert_int_equal(content_write(r->store, ino, "x", 1, CONTENT_BYTES_MAX), STORE_ERR_TOO_BIG);
    assert_int_equal(content_write(r->store, ino, "x", 1, UINT64_MAX), STORE_ERR_TOO_BIG);
    assert_int_equal(content_truncate(r->store, ino, CONTENT_BYTES_MAX + 1), STORE_ERR_TOO_BIG);
    assert_int_equal(content_write(r->store, ino, "x", CONTENT_CALL_BYTES_MAX + 1, 0),
                     STORE_ERR_TOO_BIG);
    assert_int_equal(content_write(r->store, d, "x", 1, 0), STORE_ERR_INVALID);
    assert_int_equal(content_read(r->store, d, buf, 4, 0), STORE_ERR_INVALID);
    assert_int_equal(content_flush(r->store, d, true), STORE_ERR_INVALID);
    assert_int_equal(content_write(r->store, 5, "x", 1, 0), STORE_ERR_NOT_FOUND);
    assert_int_equal(content_read(r->store, 5, buf, 4, 0), STORE_ERR_NOT_FOUND);
    assert_int_equal(content_punch(r->store, ino, 0, 0), STORE_ERR_INVALID);
}

static void test_put_and_peek(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    uint8_t buf[64];
    struct turn *t = rig_turn(r);
    assert_int_equal(content_put(t, ino, pattern, 50), 0);
    assert_int_equal(content_peek(turn_view(t), ino, buf, 49), STORE_ERR_RANGE);
    assert_int_equal(content_peek(turn_view(t), ino, buf, 64), 50);
    assert_memory_equal(buf, pattern, 50);
    assert_int_equal(content_put(t, ino, pattern, INLINE_BYTES_MAX + 1), STORE_ERR_TOO_BIG);
    commit(t);
    struct node n = rig_node(r, ino);
    assert_false(n.dirty);
    assert_int_equal(n.durable_size, 50);
    put(r, ino, BIG, 0);
    t = rig_turn(r);
    assert_int_equal(content_put(t, ino, pattern, 5), STORE_ERR_INVALID);
    assert_int_equal(content_peek(turn_view(t), ino, buf, 64), STORE_ERR_RANGE);
    turn_abort(t);
}

static void test_unlink_while_open(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    assert_int_equal(node_hold(r->store, ino), 0);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(store_sync(r->store), 0);
    assert_int_equal(rig_spooled(r), 1);
    assert_int_equal(content_write(r->store, ino, pattern, BIG, BIG), 0);
    expect(r, ino, pattern, BIG, BIG);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    node_unhold(r->store, ino, 1);
    assert_false(store_reap(r->store)); /* the removal may still be undone by a power cut */
    assert_int_equal(store_sync(r->store), 0);
    assert_int_equal(rig_spooled(r), 1); /* whoever syncs need not wait for the file system */
    assert_true(store_reap(r->store));
    assert_int_equal(rig_spooled(r), 0);
    assert_int_equal(content_write(r->store, ino, "x", 1, 0), STORE_ERR_NOT_FOUND);
}

static void test_room_is_made_for_whoever_needs_it(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    assert_false(store_make_room(r->store));
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(rig_spooled(r), 1);
    assert_true(store_make_room(r->store));
    assert_int_equal(rig_spooled(r), 0);
    assert_false(store_make_room(r->store));
}

enum { FILES = SPOOL_FDS_UNSYNCED_MAX + 40 };

static uint64_t inos[FILES];

static void make_files(struct rig *r)
{
    fill();
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        inos[i] = rig_make(r, r->outbox, name, NODE_FILE);
        assert_int_equal(content_write(r->store, inos[i], pattern + i, 70 * KIB, 0), 0);
    }
}

static void expect_files(struct rig *r)
{
    for (int i = 0; i < FILES; i++)
        expect(r, inos[i], pattern + i, 70 * KIB, 0);
}

/* As long as only its descriptor knows of it. */
static void test_a_failed_sync_outlives_the_descriptors(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, BIG, 0);
    make_files(r);
    rig_fail(r, OPS(IO_SYNC) | OPS(IO_WRITE), NULL, 1, 1000, -EIO);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
    rig_heal(r);
    expect_files(r);
    assert_int_equal(content_flush(r->store, ino, true), STORE_ERR_IO);
    assert_true(rig_node(r, ino).bad);
}

static int open_fds(void)
{
    int fds = 0;
    for (int fd = 3; fd < 1024; fd++)
        fds += lseek(fd, 0, SEEK_CUR) >= 0;
    return fds;
}

static void test_many_files_share_few_descriptors(void **state)
{
    struct rig *r = *state;
    make_files(r);
    assert_true(open_fds() < SPOOL_FDS_UNSYNCED_MAX + 30);
    for (int i = 0; i < FILES; i++)
        assert_int_equal(content_flush(r->store, inos[i], true), 0);
    expect_files(r);
    assert_true(open_fds() < SPOOL_FDS_MAX + 30);
}

/* The kernel would forget with it that writing back has failed. */
static void test_an_unsynced_file_keeps_its_descriptor(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    char path[32];
    put(r, ino, BIG, 0);
    for (int i = 0; i < SPOOL_FDS_MAX + 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        uint64_t other = rig_make(r, r->outbox, name, NODE_FILE);
        put(r, other, BIG, 0);
        assert_int_equal(content_flush(r->store, other, true), 0);
    }
    snprintf(path, sizeof path, "spool/%d", (int)rig_node(r, ino).spool);
    rig_fail(r, OPS(IO_OPEN), path, 0, 0, 0);
    expect(r, ino, pattern, BIG, 0);
    assert_int_equal(r->faults.seen, 0);
}

/* ---- small things that went wrong once ---- */

static void test_a_cut_that_is_not_on_disk_is_flushed(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    put(r, ino, 2 * BIG, 0);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    rig_fail(r, OPS(IO_SYNC), "-wal", 1, 1, -EIO);
    assert_int_equal(content_truncate(r->store, ino, BIG), STORE_ERR_BROKEN);
    rig_heal(r);
    assert_true(rig_node(r, ino).dirty);
    assert_int_equal(content_flush(r->store, ino, true), 0);
    assert_false(rig_node(r, ino).dirty);
}

static void test_what_is_allocated_is_not_trimmed(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    char path[160];
    struct stat st;
    put(r, ino, 2 * BIG, 0);
    rig_fail(r, OPS(IO_TRUNCATE), "spool/", 1, 1, -EIO); /* it stays too long */
    assert_int_equal(content_truncate(r->store, ino, BIG), 0);
    rig_heal(r);
    int rc = content_allocate(r->store, ino, BIG, 1 << 20, false);
    if (rc == STORE_ERR_INVALID)
        skip(); /* the file system does not know it */
    assert_int_equal(rc, 0);
    snprintf(path, sizeof path, "%s/spool/%d", r->dir, (int)rig_node(r, ino).spool);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks * 512 >= BIG + (1 << 20));
}

static int files_in(const char *dir, const char *below)
{
    char path[160];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", dir, below);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static void test_files_that_could_not_be_made_are_gone(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    rig_fail(r, OPS(IO_SYNC_DIR), "spool", 1, 3, -EIO);
    for (int i = 0; i < 3; i++)
        assert_true(content_write(r->store, ino, pattern, BIG, 0) < 0);
    assert_int_equal(files_in(r->dir, "spool"), 0);
    rig_heal(r);
    put(r, ino, BIG, 0);
    expect(r, ino, pattern, BIG, 0);
}

/* ---- several threads ---- */

struct writer {
    pthread_t thread;
    struct rig *rig;
    uint64_t ino;
    uint8_t byte;
};

static void *write_rows(void *arg)
{
    struct writer *w = arg;
    uint8_t row[4096];
    memset(row, w->byte, sizeof row);
    for (uint64_t i = 0; i < 60; i++)
        if (content_write(w->rig->store, w->ino, row, sizeof row, (i * 4 + w->byte) * sizeof row))
            return arg;
    return content_flush(w->rig->store, w->ino, true) ? arg : NULL;
}

static void test_writers_of_one_file(void **state)
{
    struct rig *r = *state;
    uint64_t ino = make(r);
    struct writer writers[4];
    for (uint8_t i = 0; i < 4; i++) {
        writers[i] = (struct writer){.rig = r, .ino = ino, .byte = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_rows, &writers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(writers[i].thread, &failed);
        assert_null(failed);
    }
    for (uint64_t i = 0; i < 240; i++) {
        uint8_t row[4096];
        memset(row, (int)(i % 4), sizeof row);
        expect(r, ino, row, sizeof row, i * sizeof row);
    }
    struct node n = rig_node(r, ino);
    assert_int_equal(n.size, 240 * 4096);
    assert_int_equal(n.durable_size, n.size);
    assert_false(n.dirty);
}

/* While a flush waits for the disk, the file is cut and grows again: what it syncs is not that. */
struct meddler {
    struct store *store;
    uint64_t ino;
    int rc;
};

static void *cut_and_grow(void *arg)
{
    struct meddler *m = arg;
    m->rc = content_truncate(m->store, m->ino, 1000);
    if (m->rc == 0)
        m->rc = content_write(m->store, m->ino, pattern, BIG, 1000);
    return NULL;
}

static int meddle(void *arg, struct io_call *call)
{
    struct meddler *m = arg;
    pthread_t thread;
    if (call->op == IO_SYNC && strstr(call->path, "spool/") && m->ino && m->rc == 1) {
        pthread_create(&thread, NULL, cut_and_grow, m);
        pthread_join(thread, NULL);
    }
    return IO_GO;
}

static void test_a_flush_promises_only_what_it_saw(void **state)
{
    struct rig *r = *state, other = *r;
    struct meddler m = {.rc = 1};
    char why[STORE_WHY_MAX];
    other.io = (struct io){.before = meddle, .arg = &m};
    snprintf(other.dir, sizeof other.dir, "%.64s/other", r->parent);
    assert_int_equal(store_open(&other.store, other.dir, &other.io, why), 0);
    other.id = rig_wormhole(&other, "bob", &other.outbox, &other.inbox);
    uint64_t ino = make(&other);
    put(&other, ino, BIG, 0);
    m.store = other.store;
    m.ino = ino;
    assert_int_equal(content_flush(other.store, ino, true), 0);
    assert_int_equal(m.rc, 0);
    struct node n = rig_node(&other, ino);
    assert_int_equal(n.size, 1000 + BIG);
    assert_true(n.durable_size <= 1000);
    assert_true(n.dirty);
    store_close(other.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_inline),
        rig_test(test_promotion_at_the_bound),
        rig_test(test_promotion_of_flushed_bytes_syncs_them_first),
        rig_test(test_failed_promotion_keeps_the_file),
        rig_test(test_a_spool_out_of_reach_is_a_failing_disk),
        rig_test(test_spool_write_and_read),
        rig_test(test_truncate),
        rig_test(test_bytes_without_a_checkpoint_never_show),
        rig_test(test_flush),
        rig_test(test_flush_is_two_syncs_and_idle_flush_none),
        rig_test(test_overwriting_flushed_bytes_is_owned_up_to_first),
        rig_test(test_failed_sync_is_never_retried_into_success),
        rig_test(test_a_failed_sync_is_recorded_later),
        rig_test(test_seek_punch_allocate),
        rig_test(test_bounds_and_kinds),
        rig_test(test_put_and_peek),
        rig_test(test_unlink_while_open),
        rig_test(test_room_is_made_for_whoever_needs_it),
        rig_test(test_a_failed_sync_outlives_the_descriptors),
        rig_test(test_many_files_share_few_descriptors),
        rig_test(test_an_unsynced_file_keeps_its_descriptor),
        rig_test(test_a_cut_that_is_not_on_disk_is_flushed),
        rig_test(test_what_is_allocated_is_not_trimmed),
        rig_test(test_files_that_could_not_be_made_are_gone),
        rig_test(test_writers_of_one_file),
        rig_test(test_a_flush_promises_only_what_it_saw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
