/* fs/face/place.h: what numbers and names mean, new/ above all. */
#include "tests/unit/face_fixture.h"

#include "fs/face/pin.h"

static uint64_t draft(struct fixture *f)
{
    uint64_t id;
    struct turn *t = fixture_turn(f);
    struct name name;
    assert_int_equal(wormhole_number(turn_view(t), &name), 0);
    assert_int_equal(engine_create(f->engine, t, name.text, name.len, true, NULL, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    return id;
}

static void fixed_places(void **state)
{
    struct fixture *f = *state;
    struct place root = fixture_place(f, INODE_NUMBER_ROOT), out;
    assert_int_equal(root.kind, PLACE_ROOT);
    struct place control = fixture_child(f, &root, ".wormholefs");
    assert_int_equal(control.kind, PLACE_CONTROL);
    assert_int_equal(fixture_child(f, &control, "events").kind, PLACE_EVENTS);
    assert_int_equal(fixture_child(f, &control, "state.json").kind, PLACE_STATE_JSON);
    assert_int_equal(fixture_child(f, &control, "version").kind, PLACE_VERSION);
    assert_int_equal(fixture_child_rc(f, &control, "code", &out), STORE_ERR_NOT_FOUND);
    assert_int_equal(fixture_child_rc(f, &root, ".Trash", &out), STORE_ERR_NOT_FOUND);
    assert_int_equal(fixture_child_rc(f, &root, "alice", &out), STORE_ERR_NOT_FOUND);
    out = fixture_child(f, &control, "version");
    assert_int_equal(fixture_child_rc(f, &out, "x", &out), STORE_ERR_NOT_DIR);
}

static void a_wormhole_has_four_names(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    struct wormhole w = fixture_row(f, id);
    struct place root = fixture_place(f, INODE_NUMBER_ROOT);
    struct place alice = fixture_child(f, &root, "alice"), out;
    assert_int_equal(alice.kind, PLACE_WORMHOLE);
    assert_int_equal(alice.number, id);
    assert_int_equal(fixture_child(f, &alice, "code").number, w.code_ino);
    assert_int_equal(fixture_child(f, &alice, "outbox").number, w.outbox_ino);
    assert_int_equal(fixture_child(f, &alice, "inbox").number, w.inbox_ino);
    assert_int_equal(fixture_child(f, &alice, "state").number, w.state_ino);
    assert_int_equal(fixture_child_rc(f, &alice, "else", &out), STORE_ERR_NOT_FOUND);
    struct place box = fixture_place(f, w.outbox_ino);
    assert_int_equal(box.kind, PLACE_OUTBOX);
    assert_int_equal(box.wormhole, id);
    assert_false(box.through_new);
    assert_false(box.floating);
}

static void new_is_there_before_its_wormhole(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f), out;
    assert_int_equal(new.kind, PLACE_WORMHOLE);
    assert_true(new.floating);
    assert_int_equal(new.wormhole, 0);
    assert_int_equal(new.node, 0);
    struct place outbox = fixture_child(f, &new, "outbox");
    assert_int_equal(outbox.kind, PLACE_OUTBOX);
    assert_int_equal(outbox.node, 0);
    assert_int_equal(fixture_child_rc(f, &outbox, "x", &out), STORE_ERR_NOT_FOUND);
    assert_int_equal(fixture_child(f, &new, "code").kind, PLACE_CODE);
    assert_int_equal(fixture_child(f, &new, "state").kind, PLACE_STATE);
}

static void new_shows_the_draft_and_then_the_next(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    struct place outbox = fixture_child(f, &new, "outbox");
    uint64_t one = draft(f);
    struct place now = fixture_place(f, outbox.number);
    assert_int_equal(now.wormhole, one);
    assert_int_equal(now.node, fixture_row(f, one).outbox_ino);
    uint64_t two = draft(f);
    now = fixture_place(f, outbox.number);
    assert_int_equal(now.wormhole, two);
    assert_int_equal(now.number, outbox.number);
}

static void directories_below_new_are_facades(void **state)
{
    struct fixture *f = *state;
    uint64_t id = draft(f);
    uint64_t dir = fixture_make(f, fixture_row(f, id).outbox_ino, "dir", NODE_DIR);
    uint64_t sub = fixture_make(f, dir, "sub", NODE_DIR);
    uint64_t file = fixture_make(f, sub, "file", NODE_FILE);
    struct place new = fixture_new(f);
    struct place outbox = fixture_child(f, &new, "outbox");
    struct place at = fixture_child(f, &outbox, "dir");
    assert_int_equal(at.number, inode_facade(dir));
    assert_int_equal(at.node, dir);
    at = fixture_place(f, at.number);
    assert_true(at.through_new);
    at = fixture_child(f, &at, "sub");
    assert_int_equal(at.number, inode_facade(sub));
    at = fixture_child(f, &at, "file");
    assert_int_equal(at.number, file);
    struct place real = fixture_place(f, sub);
    assert_false(real.through_new);
    assert_int_equal(fixture_child(f, &real, "file").number, file);
}

static void a_pinned_generation_means_its_wormhole(void **state)
{
    struct fixture *f = *state;
    uint64_t one = draft(f), named;
    struct place old = fixture_new(f);
    struct place old_outbox = fixture_child(f, &old, "outbox");
    struct name alice;
    name_set(&alice, "alice", 5);
    struct turn *t = fixture_turn(f);
    assert_int_equal(newdir_name(f->face, t, &alice, &named), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(named, one);
    draft(f);
    struct place now = fixture_place(f, old_outbox.number);
    assert_int_equal(now.wormhole, one);
    assert_false(now.floating);
    assert_true(now.through_new);
    struct place new = fixture_new(f);
    assert_int_not_equal(new.number, old.number);
    assert_int_not_equal(fixture_child(f, &new, "outbox").number, old_outbox.number);
}

static void a_renewed_name_has_another_number(void **state)
{
    struct fixture *f = *state;
    struct place new = fixture_new(f);
    struct place before = fixture_child(f, &new, "outbox");
    struct turn *t = fixture_turn(f);
    assert_int_equal(pin_renew(t, new.generation, SLOT_OUTBOX), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_not_equal(fixture_child(f, &new, "outbox").number, before.number);
    assert_int_equal(fixture_new(f).number, new.number);
}

static void what_is_not_in_the_tree_is_stale(void **state)
{
    struct fixture *f = *state;
    const struct node_new what = {.type = NODE_FILE, .mode = 0600};
    uint64_t id = fixture_wormhole(f, "alice"), staged;
    uint64_t outbox = fixture_row(f, id).outbox_ino;
    struct turn *t = fixture_turn(f);
    assert_int_equal(node_stage(t, &what, &staged), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(fixture_place_rc(f, staged), FACE_ERR_STALE);
    assert_int_equal(fixture_place_rc(f, INO_LAST), FACE_ERR_STALE);
    assert_int_equal(fixture_place_rc(f, 0), FACE_ERR_STALE);
    assert_int_equal(fixture_place_rc(f, inode_slot(SLOT_DIR, 99, 0)), FACE_ERR_STALE);
    t = fixture_turn(f);
    assert_int_equal(wormhole_close(t, id), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(fixture_place_rc(f, outbox), FACE_ERR_STALE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(fixed_places),
        TEST(a_wormhole_has_four_names),
        TEST(new_is_there_before_its_wormhole),
        TEST(new_shows_the_draft_and_then_the_next),
        TEST(directories_below_new_are_facades),
        TEST(a_pinned_generation_means_its_wormhole),
        TEST(a_renewed_name_has_another_number),
        TEST(what_is_not_in_the_tree_is_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
