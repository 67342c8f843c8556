/* Revisions as byte strings: small ones whole, listed ones from any offset, and what cannot be
 * read. */
#include "engine_rig.h"

#include <malloc.h>
#include <unistd.h>

#include "fs/engine/parcel_table.h"

#include "fs/engine/inventory.h"
#include "proto/peer.h"

enum { KIB = 1024, MIB = 1 << 20 };

static int small(struct erig *g, uint64_t entry, struct bytes *out)
{
    struct turn *t = rig_turn(g->r);
    int err = parcel_small(turn_view(t), entry, out);
    turn_abort(t);
    return err;
}

static struct revision listed(struct erig *g, uint64_t entry, uint8_t n)
{
    struct revision r = make_revision(g, entry, n);
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, &r.items),
                     0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    return r;
}

/* The same from whichever offset, in whichever lengths. */
static void expect_anywhere(struct erig *g, const struct revision *r, const struct bytes *want)
{
    struct parcel *p;
    static uint8_t buf[300 * KIB];
    uint64_t s = 7;
    assert_int_equal(parcel_open(&p, g->r->store, r), 0);
    assert_int_equal(r->size, want->len);
    for (int i = 0; i < 400; i++) {
        uint64_t offset = erig_draw(&s) % (want->len + 1);
        size_t len = (size_t)(erig_draw(&s) % (i % 2 ? 100 : sizeof buf)) + 1;
        size_t left = (size_t)(want->len - offset), expected = len < left ? len : left;
        memset(buf, 0xee, sizeof buf);
        assert_int_equal(parcel_read(p, buf, len, offset), expected);
        assert_memory_equal(buf, want->data + offset, expected);
        assert_true(expected == sizeof buf || buf[expected] == 0xee);
    }
    assert_int_equal(parcel_read(p, buf, 1, want->len), 0);
    assert_int_equal(parcel_read(p, buf, 1, UINT64_C(1) << 62), 0);
    assert_int_equal(parcel_read(p, buf, 0, 0), 0);
    parcel_close(p);
}

static void test_small_is_listed(void **state)
{
    struct erig *g = *state;
    uint64_t entries[] = {make_zoo(g, "zoo", false), make_file(g, g->outbox, "file", 3000),
                          make_file(g, g->outbox, "empty", 0), make_dir(g, g->outbox, "empty dir"),
                          make_link(g, g->outbox, "link", "file")};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct bytes whole = {0};
        bytes_put_str(&whole, "before");
        assert_int_equal(small(g, entries[i], &whole), 0);
        bytes_drop_front(&whole, 6);
        struct revision r = listed(g, entries[i], (uint8_t)i);
        expect_anywhere(g, &r, &whole);
        bytes_release(&whole);
    }
}

/* The stream against what the format says it is, put together here. */
static void test_stream(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_zoo(g, "zoo", true);
    struct revision r = listed(g, top, 1);
    struct bytes want = {0}, inos = {0};
    struct inventory l = {.manifest = &want, .inos = &inos};
    bytes_put_u32(&want, 0);
    assert_int_equal(inventory_make(&l, g->r->store, NULL, top), 0);
    size_t len = want.len - 4, left = len, used;
    for (int i = 0; i < 4; i++)
        want.data[i] = (uint8_t)(len >> (24 - 8 * i));
    bytes_reserve(&want, (size_t)l.data_len);
    const uint8_t *at = want.data + 4;
    struct reader in = reader_of(inos.data, inos.len);
    struct manifest_parser parser;
    struct manifest_item item;
    assert_int_equal(manifest_parser_init(&parser, left), 0);
    while (manifest_next(&parser, at, left, &used, &item) > 0) {
        at += used;
        left -= used;
        uint64_t ino = reader_u64(&in);
        for (uint32_t i = 0; item.kind == MANIFEST_FILE && i < item.extent_count; i++) {
            uint64_t offset, length;
            manifest_extent(&item, i, &offset, &length);
            assert_int_equal(content_read(g->r->store, ino, want.data + want.len, length, offset),
                             length);
            want.len += length;
        }
    }
    manifest_parser_release(&parser);
    expect_anywhere(g, &r, &want);
    bytes_release(&want);
    bytes_release(&inos);
}

static void test_how_small(void **state)
{
    struct erig *g = *state;
    struct bytes b = {0};
    uint64_t ino = make_file(g, g->outbox, "f", 60000);
    assert_int_equal(small(g, ino, &b), 0);
    size_t rest = PEER_PIECED_PARCEL_MAX - b.len;
    b.len = 3;
    write_bytes(g, ino, 60000, rest);
    assert_int_equal(small(g, ino, &b), 0);
    assert_int_equal(b.len, 3 + PEER_PIECED_PARCEL_MAX);
    write_bytes(g, ino, 60000 + rest, 1);
    assert_int_equal(small(g, ino, &b), STORE_ERR_TOO_BIG);
    assert_int_equal(b.len, 3 + PEER_PIECED_PARCEL_MAX);
    assert_int_equal(small(g, ino + 1000, &b), STORE_ERR_NOT_FOUND);
    assert_int_equal(b.len, 3 + PEER_PIECED_PARCEL_MAX);
    /* In the spool, and small again: not for a turn. */
    uint64_t cut = make_file(g, g->outbox, "cut", 100 * KIB);
    set_size(g, cut, 50);
    assert_int_equal(small(g, cut, &b), STORE_ERR_TOO_BIG);
    set_size(g, cut, 0);
    assert_int_equal(small(g, cut, &b), 0);
    bytes_release(&b);
    assert_true(parcel_may_be_small(&(struct node_sum){.bytes = 65535, .nodes = 512}));
    assert_false(parcel_may_be_small(&(struct node_sum){.bytes = 65536, .nodes = 1}));
    assert_false(parcel_may_be_small(&(struct node_sum){.bytes = 1, .nodes = 513}));
}

static void test_small_and_deep(void **state)
{
    struct erig *g = *state;
    struct bytes b = {0};
    uint64_t top = make_dir(g, g->outbox, "top"), dir = top, manifest, size;
    for (int depth = 0; depth < MANIFEST_DEPTH_MAX; depth++)
        dir = make_dir(g, dir, "d");
    assert_int_equal(small(g, top, &b), STORE_ERR_TOO_BIG);
    struct revision r = make_revision(g, top, 1);
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &manifest, &size, NULL),
                     STORE_ERR_TOO_BIG);
    assert_int_equal(erig_staged(g), 0);
    bytes_release(&b);
}

static void test_table(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), a = make_file(g, top, "a", 10),
             b = make_file(g, top, "b", 0), c = make_file(g, top, "c", 0);
    write_bytes(g, c, 0, 70 * KIB);
    write_bytes(g, c, MIB, 4 * KIB);
    struct revision r = listed(g, top, 1);
    struct parcel_table t;
    assert_int_equal(parcel_table_load(&t, g->r->store, r.manifest), 0);
    struct parcel_extent x[3], again;
    (void)b; /* nothing of it travels */
    assert_int_equal(parcel_table_at(&t, t.data_start, &x[0]), 1);
    assert_int_equal(parcel_table_at(&t, t.data_start + 10, &x[1]), 1);
    assert_int_equal(parcel_table_at(&t, t.size - 1, &x[2]), 1);
    assert_int_equal(t.size, r.size);
    assert_int_equal(t.files, 3);
    assert_int_equal(t.items, 4);
    assert_int_equal(t.size, t.data_start + 10 + x[1].len + x[2].len);
    assert_int_equal(x[0].ino, a);
    assert_int_equal(x[0].at, t.data_start);
    assert_int_equal(x[0].len, 10);
    assert_true(x[0].last && !x[1].last && x[2].last);
    assert_int_equal(x[1].at, t.data_start + 10);
    assert_int_equal(x[1].ino, c);
    assert_int_equal(x[2].offset, MIB);
    assert_int_equal(x[2].file_size, MIB + 4 * KIB);
    assert_int_equal(parcel_table_at(&t, t.data_start + 9, &again), 1); /* and back */
    assert_memory_equal(&again, &x[0], sizeof again);
    assert_int_equal(parcel_table_at(&t, 0, &again), 0);
    assert_int_equal(parcel_table_at(&t, t.data_start - 1, &again), 0);
    assert_int_equal(parcel_table_at(&t, t.size, &again), 0);
    assert_int_equal(parcel_table_at(&t, UINT64_MAX, &again), 0);
    parcel_table_release(&t);
    parcel_table_release(&t);
}

/* More items than lie between two marks, and more numbers than are looked up at once: at any place,
 * in any order, the same extent as on the way from the start. */
static void test_long_table(void **state)
{
    struct erig *g = *state;
    enum { FILES = 3000 };
    static struct parcel_extent all[FILES];
    char name[16];
    uint64_t top = make_dir(g, g->outbox, "top"), s = 1;
    struct turn *turn = rig_turn(g->r);
    for (int i = 0; i < FILES; i++) {
        struct node_new what = {.type = i % 5 == 4 ? NODE_DIR : NODE_FILE, .mode = 0600};
        uint64_t ino;
        size_t len = (size_t)snprintf(name, sizeof name, "%05d", i);
        assert_int_equal(name_create(turn, top, name, len, &what, &ino), 0);
        if (i % 5 != 4)
            assert_int_equal(content_put(turn, ino, "0123456789", (size_t)i % 7), 0);
    }
    commit(turn);
    struct revision r = listed(g, top, 1);
    struct parcel_table t;
    assert_int_equal(parcel_table_load(&t, g->r->store, r.manifest), 0);
    size_t count = 0;
    for (uint64_t at = t.data_start; at < t.size; at += all[count++].len)
        assert_int_equal(parcel_table_at(&t, at, &all[count]), 1);
    assert_in_range(count, 1900, FILES);
    for (int i = 0; i < 2000; i++) {
        struct parcel_extent x;
        const struct parcel_extent *want = &all[erig_draw(&s) % count];
        assert_int_equal(parcel_table_at(&t, want->at + want->len - 1, &x), 1);
        assert_memory_equal(&x, want, sizeof x);
    }
    parcel_table_release(&t);
}

static int load(struct erig *g, const struct bytes *file)
{
    struct parcel_table t;
    uint64_t ino;
    struct turn *turn = rig_turn(g->r);
    assert_int_equal(node_stage(turn, &(struct node_new){.type = NODE_FILE}, &ino), 0);
    commit(turn);
    assert_int_equal(content_write(g->r->store, ino, file->data, file->len, 0), 0);
    int err = parcel_table_load(&t, g->r->store, ino);
    parcel_table_release(&t);
    return err;
}

static void test_damaged_manifest(void **state)
{
    struct erig *g = *state;
    struct revision r = listed(g, make_zoo(g, "zoo", true), 1);
    struct bytes file = {0};
    read_file(g, r.manifest, &file);
    assert_int_equal(load(g, &file), 0);
    size_t len = file.len;
    for (size_t cut = 1; cut < len; cut += len / 97 + 1) {
        file.len = len - cut;
        assert_int_equal(load(g, &file), STORE_ERR_CORRUPT);
    }
    file.len = len;
    bytes_put_u8(&file, 0); /* one byte more than the inode numbers */
    assert_int_equal(load(g, &file), STORE_ERR_CORRUPT);
    file.len = len;
    file.data[4] ^= 1; /* the format */
    assert_int_equal(load(g, &file), STORE_ERR_CORRUPT);
    file.len = 0;
    bytes_put_u32(&file, 0);
    assert_int_equal(load(g, &file), STORE_ERR_CORRUPT);
    bytes_release(&file);
    struct parcel_table t;
    assert_int_equal(parcel_table_load(&t, g->r->store, 999999), STORE_ERR_NOT_FOUND);
}

/* ---- long manifests ---- */

/* A tree with a manifest of some megabytes: names alone would make it slow. */
static uint64_t make_wordy(struct erig *g, int files)
{
    static uint8_t value[60 * KIB];
    char name[16];
    uint64_t top = make_dir(g, g->outbox, "wordy");
    for (int i = 0; i < files; i++) {
        snprintf(name, sizeof name, "%03d", i);
        uint64_t ino = make_file(g, top, name, (size_t)i);
        fill_bytes(value, sizeof value, (uint64_t)i);
        set_xattr(g, ino, "user.words", value, sizeof value);
    }
    return top;
}

static bool stop_later(void *arg)
{
    return --*(int *)arg < 0;
}

/* Listed through a small window: the same as at once, and nothing is left of one that was stopped.
 */
static void test_long_manifest(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_wordy(g, 50);
    struct bytes file = {0}, whole = {0}, inos = {0};
    struct inventory l = {.manifest = &whole, .inos = &inos};
    struct revision r = make_revision(g, top, 1);
    for (int polls = 0; polls < 50; polls += 7) {
        int left = polls;
        assert_int_equal(
            parcel_list(g->r->store, r.rev, stop_later, &left, &r.manifest, &r.size, &r.items),
            STORE_ERR_BUSY);
        assert_int_equal(erig_staged(g), 0);
    }
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, &r.items),
                     0);
    read_file(g, r.manifest, &file);
    assert_int_equal(inventory_make(&l, g->r->store, NULL, top), 0);
    assert_true(whole.len > 2 * MIB);
    assert_int_equal(file.len, 4 + whole.len + inos.len);
    struct reader in = reader_of(file.data, file.len);
    assert_int_equal(reader_u32(&in), whole.len);
    assert_memory_equal(file.data + 4, whole.data, whole.len);
    assert_memory_equal(file.data + 4 + whole.len, inos.data, inos.len);
    assert_int_equal(r.size, 4 + whole.len + l.data_len);
    rig_fail(g->r, OPS(IO_WRITE), "spool/", 2, 1000, -EIO);
    struct revision other = make_revision(g, top, 2);
    assert_int_equal(
        parcel_list(g->r->store, other.rev, NULL, NULL, &other.manifest, &other.size, &other.items),
        STORE_ERR_IO);
    rig_heal(g->r);
    assert_int_equal(erig_staged(g), 1);
    bytes_release(&file);
    bytes_release(&whole);
    bytes_release(&inos);
}

struct withdrawal {
    struct erig *g;
    const uint8_t *rev;
    int left;
};

static bool withdraw_later(void *arg)
{
    struct withdrawal *w = arg;
    if (--w->left == 0) {
        struct turn *t = rig_turn(w->g->r);
        assert_int_equal(revision_erase(t, w->rev), 0);
        commit(t);
    }
    return false;
}

/* What is withdrawn changes: a listing that goes on would be of two trees. */
static void test_withdrawn_meanwhile(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_wordy(g, 50);
    struct revision r = make_revision(g, top, 1);
    struct withdrawal w = {.g = g, .rev = r.rev, .left = 10};
    assert_int_equal(
        parcel_list(g->r->store, r.rev, withdraw_later, &w, &r.manifest, &r.size, NULL),
        STORE_ERR_NOT_FOUND);
    assert_in_range(-w.left, 1, 30); /* it has noticed before the end */
    assert_int_equal(erig_staged(g), 0);
}

/* There is a view for what it reads, and none is taken by itself. */
static void test_one_view_is_enough(void **state)
{
    struct erig *g = *state;
    struct view *busy[STORE_READERS_MAX - 1];
    struct revision r = make_revision(g, make_wordy(g, 50), 1);
    for (int i = 0; i < STORE_READERS_MAX - 1; i++)
        busy[i] = rig_view(g->r);
    alarm(60); /* instead of waiting for ever */
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, NULL), 0);
    alarm(0);
    for (int i = 0; i < STORE_READERS_MAX - 1; i++)
        view_end(busy[i]);
}

static void put_scattered(struct bytes *manifest, uint32_t *files)
{
    struct manifest_builder b;
    struct bytes extents = {0};
    uint64_t data_len;
    char name[16];
    manifest_builder_init(&b, manifest);
    struct manifest_item top = {
        .kind = MANIFEST_DIR, .name = (const uint8_t *)"top", .name_len = 3};
    assert_int_equal(manifest_add(&b, &top), 0);
    for (uint64_t i = 0; i < MANIFEST_EXTENTS_MAX; i++)
        manifest_put_extent(&extents, 2 * i, 1);
    for (int i = 0; i < 100; i++) {
        struct manifest_item item = {.kind = MANIFEST_FILE,
                                     .name = (const uint8_t *)name,
                                     .size = 1 << 20,
                                     .extents = extents.data,
                                     .extent_count = MANIFEST_EXTENTS_MAX};
        item.name_len = (size_t)snprintf(name, sizeof name, "%03d", i);
        assert_int_equal(manifest_add(&b, &item), 0);
    }
    assert_int_equal(manifest_finish(&b, files, &data_len), 0);
    manifest_builder_release(&b);
    bytes_release(&extents);
}

/* What a peer's manifest makes us keep in memory does not grow with it. */
static void test_memory_of_a_table(void **state)
{
    struct erig *g = *state;
    struct bytes file = {0}, manifest = {0};
    struct parcel_table t;
    struct parcel_extent x;
    uint64_t ino;
    uint32_t items;
    put_scattered(&manifest, &items);
    bytes_put_u32(&file, (uint32_t)manifest.len);
    bytes_put(&file, manifest.data, manifest.len);
    bytes_release(&manifest);
    for (uint32_t i = 0; i < items; i++)
        bytes_put_u64(&file, 1000 + i);
    struct turn *turn = rig_turn(g->r);
    assert_int_equal(node_stage(turn, &(struct node_new){.type = NODE_FILE}, &ino), 0);
    commit(turn);
    assert_int_equal(content_write(g->r->store, ino, file.data, file.len, 0), 0);
    bytes_release(&file);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    assert_int_equal(parcel_table_load(&t, g->r->store, ino), 0);
    assert_int_equal(parcel_table_at(&t, t.size - 1, &x), 1);
    assert_int_equal(x.ino, 1000 + items - 1);
    assert_int_equal(x.offset, 2 * (MANIFEST_EXTENTS_MAX - 1));
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd; /* with a sanitizer: 0 */
    assert_in_range(after, 0, before + 2 * MIB);
    parcel_table_release(&t);
}

/* A whole sealed file, changed behind the seal, or gone. */
static void test_unreadable(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), a = make_file(g, top, "a", 100 * KIB);
    make_file(g, top, "b", 10);
    struct revision r = listed(g, top, 1);
    struct parcel *p;
    static uint8_t buf[200 * KIB];
    assert_int_equal(parcel_open(&p, g->r->store, &r), 0);
    assert_int_equal(parcel_read(p, buf, sizeof buf, 0), r.size);
    rig_fail(g->r, OPS(IO_READ), "spool/", 1, 1, -EIO);
    assert_int_equal(parcel_read(p, buf, sizeof buf, 0), STORE_ERR_IO);
    rig_heal(g->r);
    set_size(g, a, 50 * KIB);
    assert_int_equal(parcel_read(p, buf, sizeof buf, 0), STORE_ERR_CORRUPT);
    assert_int_equal(rig_unlink(g->r, top, "b"), 0);
    assert_int_equal(parcel_read(p, buf, 10, r.size - 10), STORE_ERR_NOT_FOUND);
    parcel_close(p);
    parcel_close(NULL);
    r.size++;
    assert_int_equal(parcel_open(&p, g->r->store, &r), STORE_ERR_CORRUPT);
    r.manifest = 0;
    assert_int_equal(parcel_open(&p, g->r->store, &r), STORE_ERR_NOT_FOUND);
}

/* Whatever fails while a parcel is listed, nothing staged is left. */
static void test_list_fails(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), manifest, size;
    char name[64];
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "a name long enough to make the manifest large %d", i);
        make_dir(g, top, name);
    }
    struct revision r = make_revision(g, top, 1);
    uint8_t other[REV_BYTES] = {9};
    assert_int_equal(parcel_list(g->r->store, other, NULL, NULL, &manifest, &size, NULL),
                     STORE_ERR_NOT_FOUND);
    static const unsigned ops[] = {OPS(IO_OPEN), OPS(IO_WRITE), OPS(IO_SYNC)};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        rig_fail(g->r, ops[i], "spool/", 1, 1, -ENOSPC);
        int err = parcel_list(g->r->store, r.rev, NULL, NULL, &manifest, &size, NULL);
        assert_int_equal(g->r->faults.seen, 1);
        rig_heal(g->r);
        assert_int_equal(err, STORE_ERR_NOSPACE);
        assert_int_equal(erig_staged(g), 0);
    }
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &manifest, &size, NULL), 0);
    assert_int_equal(erig_staged(g), 1);
}

/* What was accepted is sent although the disk has become full: that makes room. */
static void test_list_on_a_full_disk(void **state)
{
    struct erig *g = *state;
    struct store *s = g->r->store;
    uint64_t file = make_file(g, g->outbox, "f", 100 * KIB), manifest, size;
    struct revision r = make_revision(g, file, 1);
    s->reserve.held = false;
    s->reserve.tried_ms = io_now_ns(s->io) / 1000000;
    atomic_store(&s->tight, true);
    assert_int_equal(content_write(s, file, "x", 1, 0), STORE_ERR_NOSPACE);
    assert_int_equal(parcel_list(s, r.rev, NULL, NULL, &manifest, &size, NULL), 0);
    assert_true(size > 100 * KIB);
    s->reserve.held = true;
    atomic_store(&s->tight, false);
}

/* That nothing here touches the spool in a turn is checked by the rig: can it see it? */
static void test_the_rig_sees(void **state)
{
    struct erig *g = *state;
    uint8_t byte;
    uint64_t file = make_file(g, g->outbox, "f", 100 * KIB);
    assert_int_equal(g->spool_calls_in_turns, 0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(content_read(g->r->store, file, &byte, 1, 0), 1);
    turn_abort(t);
    assert_true(g->spool_calls_in_turns > 0);
    g->spool_calls_in_turns = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_small_is_listed),
        erig_test(test_stream),
        erig_test(test_how_small),
        erig_test(test_small_and_deep),
        erig_test(test_table),
        erig_test(test_long_table),
        erig_test(test_long_manifest),
        erig_test(test_withdrawn_meanwhile),
        erig_test(test_one_view_is_enough),
        erig_test(test_memory_of_a_table),
        erig_test(test_damaged_manifest),
        erig_test(test_unreadable),
        erig_test(test_list_fails),
        erig_test(test_list_on_a_full_disk),
        erig_test(test_the_rig_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
