/* fs/face/newdir.h: the draft rule carried out. The cases themselves are in test_draft.c. */
#include "tests/unit/face_fixture.h"

#include "fs/face/passage.h"
#include "fs/face/pin.h"
#include "fs/face/recent.h"

enum { NOBODY = 0 };

static uint64_t put_into_new(struct fixture *f, pid_t tid, bool *made)
{
    struct turn *t = fixture_turn(f);
    struct place new, box;
    const struct node_new what = {.type = NODE_FILE, .mode = 0600};
    static int count;
    char name[32];
    uint64_t ino;
    snprintf(name, sizeof name, "f%d", count++);
    assert_int_equal(place_new(turn_view(t), &new), 0);
    assert_int_equal(place_child(turn_view(t), &new, "outbox", &box), 0);
    assert_int_equal(newdir_for_entry(f->face, t, &box, tid, made), 0);
    assert_int_equal(name_create(t, box.node, name, strlen(name), &what, &ino), 0);
    assert_int_equal(turn_commit(t), 0);
    return box.wormhole;
}

static void event(struct fixture *f, uint64_t wormhole, enum log_type type, const char *key,
                  const char *text)
{
    struct turn *t = fixture_turn(f);
    assert_int_equal(wormhole_event(t, wormhole, type, key, text), 0);
    assert_int_equal(turn_commit(t), 0);
}

static void read_its_code(struct fixture *f, uint64_t wormhole)
{
    fixture_await_code(f, wormhole);
    event(f, wormhole, LOG_CODE_READ, NULL, NULL);
}

static void one_draft_until_its_code_is_read(void **state)
{
    struct fixture *f = *state;
    bool made;
    uint64_t one = put_into_new(f, NOBODY, &made);
    assert_true(made);
    assert_string_equal(fixture_row(f, one).shown, "1");
    assert_true(fixture_row(f, one).draft);
    assert_int_equal(put_into_new(f, NOBODY, &made), one);
    assert_false(made);
    read_its_code(f, one);
    uint64_t two = put_into_new(f, NOBODY, &made);
    assert_true(made);
    assert_int_not_equal(two, one);
    assert_string_equal(fixture_row(f, two).shown, "2");
    assert_false(fixture_row(f, one).draft);
}

static void the_same_process_stays(void **state)
{
    struct fixture *f = *state;
    struct writer_id us;
    bool made;
    assert_int_equal(writer_identify(getpid(), &us), 0);
    uint64_t one = put_into_new(f, getpid(), &made);
    recent_changed(f->face->recent, &us, one, face_now_ms(f->face));
    read_its_code(f, one);
    assert_int_equal(put_into_new(f, getpid(), &made), one);
    assert_int_not_equal(put_into_new(f, NOBODY, &made), one);
}

/* new/outbox as the process of this thread sees it; node 0: empty. */
static struct place look(struct fixture *f, pid_t tid)
{
    struct place new = fixture_new(f);
    struct place box = fixture_child(f, &new, "outbox");
    struct view *v = fixture_view(f);
    assert_int_equal(newdir_look(f->face, v, &box, tid), 0);
    view_end(v);
    return box;
}

static void who_would_start_the_next_one_sees_nothing(void **state)
{
    struct fixture *f = *state;
    struct writer_id us;
    assert_int_equal(writer_identify(getpid(), &us), 0);
    assert_int_equal(look(f, NOBODY).node, 0);
    uint64_t one = put_into_new(f, getpid(), NULL);
    recent_changed(f->face->recent, &us, one, face_now_ms(f->face));
    assert_int_equal(look(f, NOBODY).wormhole, one);
    read_its_code(f, one);
    assert_int_equal(look(f, NOBODY).node, 0);
    assert_int_equal(look(f, NOBODY).wormhole, 0);
    assert_int_equal(look(f, getpid()).wormhole, one);
    assert_int_equal(look(f, getpid()).node, fixture_row(f, one).outbox_ino);
    recent_told(f->face->recent, &us, 1, one);
    assert_int_equal(look(f, getpid()).node, 0);
    assert_int_not_equal(put_into_new(f, getpid(), NULL), one);
}

/* Only new/ floats: the draft's own number, and what `mv new alice` pinned, are seen by all. */
static void other_boxes_are_seen_by_all(void **state)
{
    struct fixture *f = *state;
    uint64_t one = put_into_new(f, NOBODY, NULL);
    struct place new = fixture_new(f);
    read_its_code(f, one);
    struct place real = fixture_place(f, fixture_row(f, one).outbox_ino);
    struct view *v = fixture_view(f);
    assert_int_equal(newdir_look(f->face, v, &real, NOBODY), 0);
    view_end(v);
    assert_int_equal(real.wormhole, one);
    struct turn *t = fixture_turn(f);
    assert_int_equal(pin_set(t, one), 0);
    assert_int_equal(turn_commit(t), 0);
    struct place pinned = fixture_child(f, &new, "outbox");
    v = fixture_view(f);
    assert_int_equal(newdir_look(f->face, v, &pinned, NOBODY), 0);
    view_end(v);
    assert_int_equal(pinned.node, real.node);
}

/* A file was looked up in new/outbox; before it is opened, its code is read out. */
static void what_was_found_must_be_there_yet(void **state)
{
    struct fixture *f = *state;
    const pid_t unknown = 0x7fffffff; /* no thread has this number */
    uint64_t one = put_into_new(f, NOBODY, NULL);
    uint64_t node = fixture_make(f, fixture_row(f, one).outbox_ino, "report", NODE_FILE);
    struct place file = fixture_place(f, node);
    passage_note(unknown, node, true);
    assert_int_equal(newdir_check(f->face, &file, unknown), 0);
    read_its_code(f, one);
    assert_int_equal(newdir_check(f->face, &file, unknown), FACE_ERR_STALE);
    passage_note(unknown, node, false); /* by the wormhole's own name */
    assert_int_equal(newdir_check(f->face, &file, unknown), 0);
    put_into_new(f, NOBODY, NULL); /* new/outbox is another's now, and not empty */
    passage_note(unknown, node, true);
    assert_int_equal(newdir_check(f->face, &file, unknown), FACE_ERR_STALE);
    passage_note(unknown, node, false);
}

static uint64_t read_code(struct fixture *f)
{
    struct turn *t = fixture_turn(f);
    struct place new, code;
    assert_int_equal(place_new(turn_view(t), &new), 0);
    assert_int_equal(place_child(turn_view(t), &new, "code", &code), 0);
    assert_int_equal(newdir_for_code(f->face, t, &code), 0);
    assert_int_equal(turn_commit(t), 0);
    return code.wormhole;
}

static void reading_the_code_makes_one(void **state)
{
    struct fixture *f = *state;
    bool made;
    uint64_t one = read_code(f);
    assert_int_equal(read_code(f), one);
    read_its_code(f, one);
    assert_int_equal(put_into_new(f, NOBODY, &made), one);
    event(f, one, LOG_CLOSED, "by", "peer");
    assert_int_not_equal(read_code(f), one);
}

static int write_code(struct fixture *f, const char *text, uint64_t *wormhole)
{
    struct turn *t = fixture_turn(f);
    struct place new, code;
    assert_int_equal(place_new(turn_view(t), &new), 0);
    assert_int_equal(place_child(turn_view(t), &new, "code", &code), 0);
    int rc = newdir_for_join(f->face, t, &code, text);
    *wormhole = code.wormhole;
    if (rc < 0)
        turn_abort(t);
    else
        assert_int_equal(turn_commit(t), 0);
    return rc;
}

static void writing_a_code(void **state)
{
    struct fixture *f = *state;
    bool made;
    uint64_t one, two;
    assert_int_equal(write_code(f, "4-a-b", &one), 0);
    assert_int_equal(fixture_row(f, one).state, WORMHOLE_JOINING);
    assert_true(fixture_row(f, one).draft);
    /* What is put there now is for whom the code came from. */
    assert_int_equal(put_into_new(f, NOBODY, &made), one);
    assert_int_not_equal(put_into_new(f, NOBODY, &made), one);
    assert_int_equal(write_code(f, "5-a-b", &two), 0);
    assert_int_equal(fixture_row(f, two).state, WORMHOLE_JOINING);
}

static int name_it(struct fixture *f, const char *text, uint64_t *wormhole)
{
    struct turn *t = fixture_turn(f);
    struct name name;
    name_set(&name, text, strlen(text));
    int rc = newdir_name(f->face, t, &name, wormhole);
    if (rc < 0)
        turn_abort(t);
    else
        assert_int_equal(turn_commit(t), 0);
    return rc;
}

static void naming_the_draft(void **state)
{
    struct fixture *f = *state;
    bool made;
    uint64_t one = put_into_new(f, NOBODY, &made), named, other;
    assert_int_equal(name_it(f, "alice", &named), 0);
    assert_int_equal(named, one);
    assert_string_equal(fixture_row(f, one).shown, "alice");
    assert_int_equal(name_it(f, "alice", &other), STORE_ERR_EXISTS);
    assert_int_equal(name_it(f, "bob", &other), 0);
    assert_int_not_equal(other, one);
    assert_false(fixture_row(f, other).draft);
    assert_int_not_equal(put_into_new(f, NOBODY, &made), one);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(one_draft_until_its_code_is_read),
        TEST(the_same_process_stays),
        TEST(who_would_start_the_next_one_sees_nothing),
        TEST(other_boxes_are_seen_by_all),
        TEST(what_was_found_must_be_there_yet),
        TEST(reading_the_code_makes_one),
        TEST(writing_a_code),
        TEST(naming_the_draft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
