/* fs/face/listing.h: what directories contain, in batches that go on where the last one ended. */
#include "tests/unit/face_fixture.h"

#include "fs/face/listing.h"

struct seen {
    size_t count;
    uint64_t cookie;
    char names[4096][32];
};

static struct seen seen;

/* One batch; its size. */
static size_t step(struct fixture *f, const struct place *dir)
{
    static struct listing batch;
    struct view *v = fixture_view(f);
    assert_int_equal(listing_read(v, dir, seen.cookie, &batch), 0);
    view_end(v);
    for (size_t i = 0; i < batch.count; i++) {
        assert_true(batch.items[i].cookie > seen.cookie);
        seen.cookie = batch.items[i].cookie;
        snprintf(seen.names[seen.count++], 32, "%s", batch.items[i].name.text);
    }
    return batch.count;
}

static void list(struct fixture *f, const struct place *dir)
{
    seen.count = 0;
    seen.cookie = 0;
    while (step(f, dir) > 0)
        continue;
}

static size_t times(const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < seen.count; i++)
        count += strcmp(seen.names[i], name) == 0;
    return count;
}

static void assert_names(size_t count, const char *const *names)
{
    assert_int_equal(seen.count, count + 2);
    assert_string_equal(seen.names[0], ".");
    assert_string_equal(seen.names[1], "..");
    for (size_t i = 0; i < count; i++)
        assert_string_equal(seen.names[i + 2], names[i]);
}

static void the_root(void **state)
{
    struct fixture *f = *state;
    fixture_wormhole(f, "alice");
    uint64_t bob = fixture_wormhole(f, "bob");
    fixture_wormhole(f, "carol");
    struct turn *t = fixture_turn(f);
    struct wormhole_new joined = {.hidden_as = "7-…"};
    uint64_t id;
    assert_int_equal(wormhole_close(t, bob), 0);
    assert_int_equal(name_set(&joined.name, "7-guitarist-revenge", 19), 0);
    assert_int_equal(wormhole_create(t, &joined, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    struct place root = fixture_place(f, INODE_NUMBER_ROOT);
    list(f, &root);
    assert_names(5,
                 (const char *[]){"new", ".wormholefs", "alice", "carol", "7-guitarist-revenge"});
}

static void fixed_directories(void **state)
{
    struct fixture *f = *state;
    struct place root = fixture_place(f, INODE_NUMBER_ROOT);
    struct place dir = fixture_child(f, &root, ".wormholefs");
    list(f, &dir);
    assert_names(3, (const char *[]){"events", "state.json", "version"});
    dir = fixture_new(f);
    list(f, &dir);
    assert_names(4, (const char *[]){"code", "outbox", "inbox", "state"});
    dir = fixture_child(f, &dir, "outbox");
    list(f, &dir);
    assert_names(0, NULL);
}

static void a_file_is_no_directory(void **state)
{
    static struct listing batch;
    struct fixture *f = *state;
    struct place version = fixture_place(f, INODE_NUMBER_VERSION);
    struct view *v = fixture_view(f);
    assert_int_equal(listing_read(v, &version, 0, &batch), STORE_ERR_NOT_DIR);
    view_end(v);
}

/* At top level and deeper, as their cookies come from different places. */
static void changes_between_batches(void **state)
{
    struct fixture *f = *state;
    char name[32];
    uint64_t box = fixture_row(f, fixture_wormhole(f, "alice")).outbox_ino;
    uint64_t dirs[] = {box, fixture_make(f, box, "dir", NODE_DIR)};
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < 3 * LISTING_BATCH; i++) {
            snprintf(name, sizeof name, "stay%03d", i);
            fixture_make(f, dirs[d], name, NODE_FILE);
        }
        struct place dir = fixture_place(f, dirs[d]);
        seen.count = 0;
        seen.cookie = 0;
        for (int i = 0; step(f, &dir) > 0 && i < 20; i++) {
            struct turn *t = fixture_turn(f);
            snprintf(name, sizeof name, "stay%03d", i);
            assert_int_equal(name_unlink(t, dirs[d], name, strlen(name)), 0);
            assert_int_equal(turn_commit(t), 0);
            snprintf(name, sizeof name, "come%03d", i);
            fixture_make(f, dirs[d], name, NODE_FILE);
        }
        for (int i = 20; i < 3 * LISTING_BATCH; i++) {
            snprintf(name, sizeof name, "stay%03d", i);
            assert_int_equal(times(name), 1);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(the_root),
        TEST(fixed_directories),
        TEST(a_file_is_no_directory),
        TEST(changes_between_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
