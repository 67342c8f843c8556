/* fs/face/attr.h: attributes, and how long the kernel may believe them. */
#include "tests/unit/face_fixture.h"

#include <sys/stat.h>
#include "fs/face/attr.h"

static struct stat fill(struct fixture *f, const struct place *p)
{
    struct stat st;
    assert_int_equal(attr_fill(f->face, p, &st), 0);
    assert_int_equal(st.st_ino, p->number);
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(st.st_gid, 1000);
    return st;
}

static void a_file(void **state)
{
    struct fixture *f = *state;
    uint64_t box = fixture_row(f, fixture_wormhole(f, "alice")).outbox_ino;
    uint64_t ino = fixture_make(f, box, "f", NODE_FILE);
    assert_int_equal(content_write(f->store, ino, "12345", 5, 0), 0);
    struct turn *t = fixture_turn(f);
    assert_int_equal(node_set_times(t, ino, -1, 1500000001), 0);
    assert_int_equal(turn_commit(t), 0);
    struct place p = fixture_place(f, ino);
    struct stat st = fill(f, &p);
    assert_int_equal(st.st_mode, S_IFREG | 0644);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(st.st_nlink, 1);
    assert_true(st.st_blocks > 0);
    assert_int_equal(st.st_atim.tv_sec, -1);
    assert_int_equal(st.st_atim.tv_nsec, 999999999);
    assert_int_equal(st.st_mtim.tv_sec, 1);
    assert_int_equal(st.st_mtim.tv_nsec, 500000001);
    assert_true(attr_timeout(&p) > 0);
}

static void directories_and_symlinks(void **state)
{
    struct fixture *f = *state;
    uint64_t box = fixture_row(f, fixture_wormhole(f, "alice")).outbox_ino;
    uint64_t dir = fixture_make(f, box, "d", NODE_DIR);
    const struct node_new what = {.type = NODE_SYMLINK, .mode = 0777, .target = "abc"};
    uint64_t link;
    struct turn *t = fixture_turn(f);
    assert_int_equal(name_create(t, dir, "l", 1, &what, &link), 0);
    assert_int_equal(turn_commit(t), 0);
    struct place p = fixture_place(f, dir);
    assert_int_equal(fill(f, &p).st_mode, S_IFDIR | 0755);
    p = fixture_place(f, link);
    assert_int_equal(fill(f, &p).st_mode & S_IFMT, S_IFLNK);
    assert_int_equal(fill(f, &p).st_size, 3);
}

static void nobody_else_may_look(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    struct place p = fixture_place(f, INODE_NUMBER_ROOT);
    assert_int_equal(fill(f, &p).st_mode, S_IFDIR | 0700);
    assert_int_equal(fill(f, &new).st_mode, S_IFDIR | 0700);
    p = fixture_child(f, &new, "code");
    assert_int_equal(fill(f, &p).st_mode, S_IFREG | 0600);
    p = fixture_child(f, &new, "state");
    assert_int_equal(fill(f, &p).st_mode, S_IFREG | 0400);
    assert_true(fill(f, &p).st_size > 0);
}

static void before_the_first_event_it_is_not_1970(void **state)
{
    struct fixture *f = *state;
    const uint64_t files[] = {INODE_NUMBER_EVENTS, INODE_NUMBER_STATE_JSON, INODE_NUMBER_VERSION};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct place p = fixture_place(f, files[i]);
        assert_int_equal(fill(f, &p).st_mtim.tv_sec, f->face->started_ns / 1000000000);
    }
}

/* Directories change by their other names behind the kernel's back; files have one number. */
static void nothing_below_new_is_believed_long(void **state)
{
    struct fixture *f = *state;
    struct fuse_entry_param e;
    uint64_t id;
    struct turn *t = fixture_turn(f);
    assert_int_equal(engine_create(f->engine, t, "1", 1, true, NULL, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    uint64_t box = fixture_row(f, id).outbox_ino;
    fixture_make(f, box, "d", NODE_DIR);
    fixture_make(f, box, "f", NODE_FILE);
    struct place new = fixture_new(f), real = fixture_place(f, box);
    struct place through = fixture_child(f, &new, "outbox");
    struct place dir = fixture_child(f, &through, "d"), file = fixture_child(f, &through, "f");
    assert_true(attr_timeout(&new) == 0 && attr_timeout(&through) == 0 && attr_timeout(&dir) == 0);
    assert_int_equal(attr_entry(f->face, &through, &file, &e), 0);
    assert_true(e.entry_timeout == 0 && e.attr_timeout > 0);
    struct place same = fixture_child(f, &real, "f");
    assert_int_equal(attr_entry(f->face, &real, &same, &e), 0);
    assert_true(e.entry_timeout == 0); /* the engine may take it out */
    assert_int_equal(e.ino, file.number);
    uint64_t ino = fixture_make(f, dir.node, "deep", NODE_FILE);
    struct place own = fixture_place(f, dir.node), deep = fixture_place(f, ino);
    assert_int_equal(attr_entry(f->face, &own, &deep, &e), 0);
    assert_true(e.entry_timeout > 0);
}

/* After `mv new alice` it may be the next draft's at any time. */
static void neither_is_the_name_of_the_draft(void **state)
{
    struct fixture *f = *state;
    struct fuse_entry_param e;
    uint64_t id;
    struct turn *t = fixture_turn(f);
    assert_int_equal(engine_create(f->engine, t, "1", 1, true, NULL, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    fixture_wormhole(f, "2");
    struct place root = fixture_place(f, INODE_NUMBER_ROOT);
    struct place draft = fixture_child(f, &root, "1"), other = fixture_child(f, &root, "2");
    assert_int_equal(attr_entry(f->face, &root, &draft, &e), 0);
    assert_true(e.entry_timeout == 0 && e.attr_timeout > 0);
    assert_int_equal(attr_entry(f->face, &root, &other, &e), 0);
    assert_true(e.entry_timeout > 0);
}

static void control_files_are_asked_for_each_time(void **state)
{
    struct fixture *f = *state;
    struct wormhole w = fixture_row(f, fixture_wormhole(f, "alice"));
    const uint64_t numbers[] = {w.code_ino, w.state_ino, INODE_NUMBER_EVENTS,
                                INODE_NUMBER_STATE_JSON};
    for (size_t i = 0; i < 4; i++) {
        struct place p = fixture_place(f, numbers[i]);
        assert_true(attr_timeout(&p) == 0);
        assert_int_equal(attr_type(&p), S_IFREG);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(a_file),
        TEST(directories_and_symlinks),
        TEST(nobody_else_may_look),
        TEST(before_the_first_event_it_is_not_1970),
        TEST(nothing_below_new_is_believed_long),
        TEST(neither_is_the_name_of_the_draft),
        TEST(control_files_are_asked_for_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
