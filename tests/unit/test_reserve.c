/* A full disk: what takes space is refused, and what frees, acknowledges and closes still works. */
#include "store_rig.h"

#include "store/core.h"
#include "store/scrub.h"
#include "store/secrets.h"

/* A disk with so many free bytes: files grow out of it, and give back when they are cut or deleted.
 */
struct disk {
    pthread_mutex_t lock;
    int64_t free;
    struct {
        char path[64];
        uint64_t size;
    } files[512];
    size_t count;
    int refused;
};

static uint64_t *size_of(struct disk *d, const char *path)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->files[i].path, path) == 0)
            return &d->files[i].size;
    if (d->count == sizeof d->files / sizeof d->files[0])
        abort();
    snprintf(d->files[d->count].path, sizeof d->files[0].path, "%s", path);
    return &d->files[d->count++].size;
}

static int grow(struct disk *d, const char *path, uint64_t end)
{
    uint64_t *size = size_of(d, path);
    if (end <= *size)
        return IO_GO;
    if ((int64_t)(end - *size) > d->free) {
        d->refused++;
        return -ENOSPC;
    }
    d->free -= (int64_t)(end - *size);
    *size = end;
    return IO_GO;
}

static int on_disk(void *arg, struct io_call *call)
{
    struct disk *d = arg;
    int verdict = IO_GO;
    pthread_mutex_lock(&d->lock);
    if (call->op == IO_WRITE || call->op == IO_ALLOCATE) {
        verdict = grow(d, call->path, call->offset + call->len);
    } else if (call->op == IO_UNLINK || call->op == IO_TRUNCATE) {
        uint64_t *size = size_of(d, call->path), left = call->op == IO_UNLINK ? 0 : call->offset;
        if (left < *size) {
            d->free += (int64_t)(*size - left);
            *size = left;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return verdict;
}

static int setup(void **state)
{
    rig_setup(state);
    struct rig *r = *state;
    struct disk *d = calloc(1, sizeof *d);
    rig_close(r);
    pthread_mutex_init(&d->lock, NULL);
    d->free = INT64_C(64) << 20;
    snprintf(r->dir, sizeof r->dir, "%s/small", r->parent);
    r->io = (struct io){.before = on_disk, .now_ns = rig_now, .boot_id = rig_boot, .arg = d};
    r->io.now_ns = NULL; /* the hook's argument is the disk */
    r->io.boot_id = NULL;
    assert_int_equal(rig_open(r), 0);
    r->id = rig_wormhole(r, "alice", &r->outbox, &r->inbox);
    return 0;
}

static struct disk *disk_of(struct rig *r)
{
    return r->io.arg;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    struct disk *d = disk_of(r);
    rig_teardown(state);
    pthread_mutex_destroy(&d->lock);
    free(d);
    return 0;
}

static char bytes[1 << 20];

/* Writes until the disk is full. */
static uint64_t fill(struct rig *r, const char *name)
{
    uint64_t ino = rig_make(r, r->outbox, name, NODE_FILE), at = 0;
    int rc;
    while ((rc = content_write(r->store, ino, bytes, sizeof bytes, at)) == 0)
        at += sizeof bytes;
    assert_int_equal(rc, STORE_ERR_NOSPACE);
    for (size_t small = sizeof bytes / 2; small > 0; small /= 2)
        while (content_write(r->store, ino, bytes, small, at) == 0)
            at += small;
    assert_int_equal(rig_node(r, ino).size, at);
    return ino;
}

static void test_removing_works_on_a_full_disk(void **state)
{
    struct rig *r = *state;
    uint64_t ino = 0;
    char name[32];
    for (int i = 0; i < 200; i++) { /* small files in the journal, to be removed later */
        snprintf(name, sizeof name, "s%d", i);
        ino = rig_make(r, r->outbox, name, NODE_FILE);
        assert_int_equal(content_write(r->store, ino, bytes, 3000, 0), 0);
    }
    fill(r, "big");
    disk_of(r)->free = 0;
    int rc = 0; /* whatever room the journal still has inside itself is used up, too */
    for (int i = 0; rc == 0 && i < 20000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        rc = rig_try_make(r, r->outbox, name, NODE_FILE, &ino);
    }
    assert_int_equal(rc, STORE_ERR_NOSPACE);
    assert_false(store_tight(r->store));
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(rig_unlink(r, r->outbox, name), 0);
    }
    assert_true(store_tight(r->store)); /* it took the reserve */
    struct turn *t;
    assert_int_equal(turn_begin(r->store, &t), STORE_ERR_NOSPACE);
    assert_int_equal(content_write(r->store, ino, bytes, 1, 0), STORE_ERR_NOSPACE);
    struct store_space space;
    assert_int_equal(store_space(r->store, &space), 0);
    assert_int_equal(space.free_bytes, 0);
    assert_int_equal(rig_unlink(r, r->outbox, "big"), 0);
    assert_int_equal(store_sync(r->store), 0); /* now the file really goes */
    rig_make(r, r->outbox, "again", NODE_FILE);
    assert_false(store_tight(r->store));
}

/* With secure_delete a removal writes to the WAL about as much as it frees. */
static void make_much_and_fill(struct rig *r, uint64_t dir)
{
    char name[32];
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "m%d", i);
        uint64_t ino = rig_make(r, dir, name, NODE_FILE);
        assert_int_equal(content_write(r->store, ino, bytes, 60000, 0), 0);
    }
    struct turn *t = rig_turn(r);
    scrub_owe(t);
    commit(t);
    assert_int_equal(scrub_run(r->store), 0);
    disk_of(r)->free = 0;
}

/* While nobody ran, others took what the reserve had given back. */
static void test_a_start_without_any_room(void **state)
{
    struct rig *r = *state;
    char path[sizeof r->dir + 32];
    uint64_t ino = rig_make(r, r->outbox, "kept", NODE_FILE);
    assert_int_equal(content_write(r->store, ino, "precious", 8, 0), 0);
    rig_close(r);
    for (int i = 0; i < 2; i++) {
        static const char *const gone[] = {"reserve", "journal.sqlite-wal"};
        snprintf(path, sizeof path, "%s/%s", r->dir, gone[i]);
        assert_true(unlink(path) == 0 || errno == ENOENT);
        *size_of(disk_of(r), gone[i]) = 0;
    }
    disk_of(r)->free = 0;
    assert_int_equal(rig_open(r), STORE_ERR_NOSPACE);
    assert_non_null(strstr(r->why, "full"));
    assert_non_null(strstr(r->why, "make room"));
    disk_of(r)->free = INT64_C(16) << 20;
    assert_int_equal(rig_open(r), 0);
    char back[16];
    assert_int_equal(content_read(r->store, ino, back, sizeof back, 0), 8);
    assert_memory_equal(back, "precious", 8);
    assert_false(store_tight(r->store));
}

static void test_removing_needs_no_more_than_the_reserve(void **state)
{
    struct rig *r = *state;
    char name[32];
    make_much_and_fill(r, r->outbox);
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "m%d", i);
        assert_int_equal(rig_unlink(r, r->outbox, name), 0);
    }
}

static void test_a_large_tree_can_leave_a_full_disk(void **state)
{
    struct rig *r = *state;
    struct turn *t;
    uint64_t tree = rig_make(r, r->outbox, "tree", NODE_DIR);
    make_much_and_fill(r, tree);
    assert_int_equal(turn_begin_relief(r->store, &t), 0);
    assert_int_equal(name_remove_tree(t, r->outbox, "tree", 4, "delivered"), 0);
    commit(t);
    assert_int_equal(rig_lookup(r, r->outbox, "tree"), 0);
    int sweeps = 0;
    for (; node_sweep_owed(r->store) && sweeps < 100; sweeps++)
        assert_true(node_sweep(r->store) >= 0);
    assert_in_range(sweeps, 1, 99);
    struct view *v = rig_view(r);
    struct node n;
    assert_int_equal(node_get(v, tree, &n), STORE_ERR_NOT_FOUND);
    view_end(v);
}

static void test_a_relief_turn_records_on_a_full_disk(void **state)
{
    struct rig *r = *state;
    uint64_t f = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_int_equal(rig_seal(r, f, 1), 0);
    fill(r, "big");
    disk_of(r)->free = 0;
    for (int i = 0; i < 300; i++) {
        struct turn *t;
        assert_int_equal(turn_begin_relief(r->store, &t), 0);
        assert_int_equal(wormhole_event(t, r->id, LOG_PROBLEM, "text", "the disk is full"), 0);
        assert_int_equal(secret_put(t, r->id, bytes, 2000), 0);
        commit(t);
    }
    struct turn *t;
    const uint8_t rev[REV_BYTES] = {1, 1};
    assert_int_equal(turn_begin_relief(r->store, &t), 0);
    assert_int_equal(entry_delivered(t, f, rev, NULL, "delivered"), 0);
    assert_int_equal(name_remove_tree(t, r->outbox, "f", 1, "delivered"), 0);
    commit(t);
    assert_int_equal(rig_lookup(r, r->outbox, "f"), 0);
}

/* Where no user writes, arrivals alone must find out that there is room again. */
static void test_a_relief_turn_takes_the_reserve_back(void **state)
{
    struct rig *r = *state;
    fill(r, "big");
    disk_of(r)->free = 0;
    struct turn *t;
    for (int i = 0; i < 1000 && !store_tight(r->store); i++) {
        assert_int_equal(turn_begin_relief(r->store, &t), 0);
        assert_int_equal(wormhole_event(t, r->id, LOG_PROBLEM, "text", "the disk is full"), 0);
        commit(t);
    }
    assert_true(store_tight(r->store));
    disk_of(r)->free = INT64_C(64) << 20;
    atomic_store(&r->store->room_made, true);
    assert_int_equal(turn_begin_relief(r->store, &t), 0);
    commit(t);
    assert_false(store_tight(r->store));
}

static void test_a_full_disk_loses_nothing(void **state)
{
    struct rig *r = *state;
    uint64_t small = rig_make(r, r->outbox, "small", NODE_FILE);
    char buf[16] = "";
    assert_int_equal(content_write(r->store, small, "before", 6, 0), 0);
    assert_int_equal(content_flush(r->store, small, true), 0);
    uint64_t big = fill(r, "big"), size = rig_node(r, big).size;
    disk_of(r)->free = 0;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 20000; i++)
        rc = content_write(r->store, small, bytes, 40000, 0);
    assert_int_equal(content_flush(r->store, big, true),
                     0); /* what was accepted can be made durable */
    rig_close(r);
    assert_int_equal(rig_open(r), 0);
    assert_int_equal(rig_node(r, big).size, size);
    assert_int_equal(rig_node(r, big).durable_size, size);
    assert_true(content_read(r->store, small, buf, 6, 0) == 6);
}

static void test_open_on_a_full_disk(void **state)
{
    struct rig *r = *state;
    fill(r, "big");
    rig_close(r);
    disk_of(r)->free = 0;
    assert_int_equal(rig_open(r), 0);
    assert_int_equal(rig_unlink(r, r->outbox, "big"), 0);
    assert_int_equal(store_sync(r->store), 0);
    rig_make(r, r->outbox, "again", NODE_FILE);
}

static void test_quota_is_told_apart(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    assert_int_equal(content_write(r->store, ino, bytes, 100000, 0), 0);
    rig_fail(r, OPS(IO_WRITE), "spool/", 1, 1, -EDQUOT);
    assert_int_equal(content_write(r->store, ino, bytes, 100, 0), STORE_ERR_QUOTA);
    struct turn *t = rig_turn(r);
    assert_int_equal(secret_put(t, r->id, bytes, 10), 0);
    rig_fail(r, OPS(IO_WRITE), "-wal", 1, 100, -EDQUOT);
    assert_int_equal(turn_commit(t), STORE_ERR_QUOTA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_removing_works_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_start_without_any_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removing_needs_no_more_than_the_reserve, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_large_tree_can_leave_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_relief_turn_records_on_a_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_relief_turn_takes_the_reserve_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_on_a_full_disk, setup, teardown),
        rig_test(test_quota_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
