/* What the layer between SQLite and the disk takes upon itself: frames of the WAL in one write, and
 * a database whose sync has failed. */
#include "store_rig.h"

#include "store/core.h"
#include "store/scrub.h"

static char bytes[64 * 1024];

static void make_files(struct rig *r, uint64_t dir, unsigned count)
{
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "f%u", i);
        uint64_t ino = rig_make(r, dir, name, NODE_FILE);
        assert_int_equal(content_write(r->store, ino, bytes, sizeof bytes, 0), 0);
    }
}

static void scrub(struct rig *r, int want)
{
    struct turn *t = rig_turn(r);
    scrub_owe(t);
    commit(t);
    assert_int_equal(scrub_run(r->store), want);
}

/* The store as kill -9 would leave it now, opened: what is on the disk, and nothing of ours. */
static void open_image(struct rig *r, struct rig *image)
{
    char command[300];
    *image = *r;
    image->io = (struct io){0};
    snprintf(image->dir, sizeof image->dir, "%s/image", r->parent);
    snprintf(command, sizeof command, "cp -r '%s' '%s'", r->dir, image->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(rig_open(image), 0);
}

static void put_all(struct turn *t, uint64_t dir, unsigned count, size_t len, uint64_t *last)
{
    char name[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "f%u", i);
        assert_int_equal(node_lookup(turn_view(t), dir, name, strlen(name), last), 0);
        assert_int_equal(content_put(t, *last, bytes, len), 0);
    }
}

/* SQLite spills it into the WAL before the commit. Then it changes pages that are there already, so
 * the commit writes all headers from there on again. */
static void test_a_turn_larger_than_the_cache_is_whole(void **state)
{
    struct rig *r = *state, image;
    uint64_t dir = rig_make(r, r->outbox, "tree", NODE_DIR), ino;
    make_files(r, dir, 200);
    scrub(r, 0);
    rig_make(r, r->outbox, "first in the WAL", NODE_FILE);
    struct turn *t = rig_turn(r);
    put_all(t, dir, 200, sizeof bytes, &ino);
    put_all(t, dir, 200, 5, &ino);
    turn_promise(t);
    commit(t);
    open_image(r, &image);
    assert_int_equal(rig_node(&image, ino).size, 5);
    rig_close(&image);
}

/* ---- a disk of which a failed sync loses what was written since the last one ---- */

enum { PAGES_MAX = 64 * 1024 };

struct forgetful {
    enum { CLEAN, WRITTEN, LOST } pages[PAGES_MAX]; /* of the database, 1 KiB each */
    bool fail;                                      /* the next sync of the database */
    int lost;                                       /* when the WAL was last emptied */
};

static int forget(void *arg, struct io_call *call)
{
    struct forgetful *d = arg;
    bool database = strcmp(call->path, "journal.sqlite") == 0;
    if (database && call->op == IO_WRITE)
        for (size_t p = call->offset / 1024; p * 1024 < call->offset + call->len; p++)
            d->pages[p] = WRITTEN;
    if (database && call->op == IO_SYNC) {
        for (size_t p = 0; p < PAGES_MAX; p++)
            if (d->pages[p] == WRITTEN)
                d->pages[p] = d->fail ? LOST : CLEAN;
        if (d->fail) {
            d->fail = false;
            return -EIO;
        }
    }
    if (strstr(call->path, "-wal") && call->op == IO_TRUNCATE && call->offset == 0) {
        d->lost = 0;
        for (size_t p = 0; p < PAGES_MAX; p++)
            d->lost += d->pages[p] == LOST;
    }
    return IO_GO;
}

static struct forgetful *forgetful(struct rig *r)
{
    struct forgetful *d = calloc(1, sizeof *d);
    rig_close(r);
    r->io = (struct io){.before = forget, .arg = d};
    assert_int_equal(rig_open(r), 0);
    return d;
}

static void gone(struct rig *r, struct forgetful *d)
{
    rig_close(r);
    free(d);
    r->io = (struct io){0};
    assert_int_equal(rig_open(r), 0);
}

/* What it wrote, the next checkpoint writes again. */
static void test_a_checkpoint_that_failed_is_made_again(void **state)
{
    struct rig *r = *state;
    struct forgetful *d = forgetful(r);
    make_files(r, r->outbox, 20);
    d->fail = true;
    scrub(r, STORE_ERR_IO);
    assert_null(store_trouble(r->store));
    assert_int_equal(scrub_run(r->store), 0);
    assert_int_equal(d->lost, 0);
    gone(r, d);
}

/* What earlier checkpoints wrote, which a reader kept from their end, SQLite would not write again.
 */
static void test_what_only_the_wal_still_has_stays_there(void **state)
{
    struct rig *r = *state;
    struct forgetful *d = forgetful(r);
    struct view *reader = rig_view(r);
    struct node n;
    uint64_t many = rig_make(r, r->outbox, "many", NODE_DIR);
    make_files(r, many, 20);
    view_end(reader);
    reader = rig_view(r);
    assert_int_equal(node_get(reader, r->outbox, &n), 0); /* now it reads */
    uint64_t more = rig_make(r, r->outbox, "more", NODE_DIR);
    make_files(r, more, 300);
    view_end(reader);
    d->fail = true;
    scrub(r, STORE_ERR_IO);
    assert_non_null(store_trouble(r->store));
    d->lost = 0;
    assert_int_equal(scrub_run(r->store), STORE_ERR_IO);
    rig_make(r, r->outbox, "later", NODE_FILE); /* everything else goes on */
    assert_int_equal(store_sync(r->store), 0);
    rig_close(r);
    assert_int_equal(d->lost, 0);
    assert_int_equal(rig_open(r), 0); /* all of the WAL is read, and written to the database */
    assert_null(store_trouble(r->store));
    assert_int_not_equal(rig_lookup(r, r->outbox, "later"), 0);
    scrub(r, 0);
    assert_int_equal(d->lost, 0);
    gone(r, d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_a_turn_larger_than_the_cache_is_whole),
        rig_test(test_a_checkpoint_that_failed_is_made_again),
        rig_test(test_what_only_the_wal_still_has_stays_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
