/* fs/face/survey.h: bounded, however much is in an outbox. */
#include "tests/unit/face_fixture.h"

#include "fs/face/survey.h"

static struct survey survey;

static const struct survey *look(struct fixture *f, uint64_t id)
{
    struct view *v = fixture_view(f);
    assert_int_equal(survey_read(v, id, &survey), 0);
    view_end(v);
    survey_status(f->face, &survey);
    survey_writers(f->face, &survey);
    return &survey;
}

static void no_such_wormhole(void **state)
{
    struct fixture *f = *state;
    struct view *v = fixture_view(f);
    assert_int_equal(survey_read(v, 4711, &survey), STORE_ERR_NOT_FOUND);
    view_end(v);
}

static void many_held_entries(void **state)
{
    struct fixture *f = *state;
    char name[32];
    uint64_t id = fixture_wormhole(f, "alice");
    uint64_t box = fixture_row(f, id).outbox_ino;
    for (int i = 0; i < 3 * FACE_HELD_SHOWN_MAX; i++) {
        snprintf(name, sizeof name, "e%02d", i);
        uint64_t ino = fixture_make(f, box, name, NODE_FILE);
        struct turn *t = fixture_turn(f);
        assert_int_equal(i % 2 ? entry_hold(t, ino, "so") : 0, 0);
        assert_int_equal(turn_commit(t), 0);
    }
    const struct survey *s = look(f, id);
    assert_int_equal(s->count.entries, 3 * FACE_HELD_SHOWN_MAX);
    assert_int_equal(s->held_count, 3 * FACE_HELD_SHOWN_MAX / 2);
    assert_int_equal(s->held_shown, FACE_HELD_SHOWN_MAX);
    assert_string_equal(s->held[0].name, "e01");
    assert_string_equal(s->held[0].why, "so");
    assert_in_range(s->open_shown, 1, FACE_OPEN_SHOWN_MAX);
}

static void what_the_peer_refused_for_now_is_shown_with_its_reason(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    uint64_t ino = fixture_make(f, fixture_row(f, id).outbox_ino, "big", NODE_FILE);
    struct entry_seal seal = {.ino = ino, .rev = {1}};
    struct turn *t = fixture_turn(f);
    assert_int_equal(entry_seal(t, &seal), 0);
    assert_int_equal(entry_refused(t, ino, "no room"), 0);
    assert_int_equal(turn_commit(t), 0);
    const struct survey *s = look(f, id);
    assert_int_equal(s->held_count, 1);
    assert_int_equal(s->held_shown, 1);
    assert_string_equal(s->held[0].name, "big");
    assert_non_null(strstr(s->held[0].why, "no room"));
    t = fixture_turn(f);
    assert_int_equal(entry_hold(t, ino, "so"), 0);
    assert_int_equal(turn_commit(t), 0);
    s = look(f, id);
    assert_int_equal(s->held_count, 1);
    assert_string_equal(s->held[0].why, "so");
}

static void the_time_is_the_last_events(void **state)
{
    struct fixture *f = *state;
    uint64_t id = fixture_wormhole(f, "alice");
    int64_t before = face_now_ms(f->face);
    assert_int_equal(engine_double_command(f->engine, "problem alice Fire"), 0);
    const struct survey *s = look(f, id);
    assert_true(s->event_ms >= before);
    assert_string_equal(survey_problem(s), "Fire");
}

static void some_problems_follow_from_the_row(void **state)
{
    struct fixture *f = *state;
    struct survey s = *look(f, fixture_wormhole(f, "7-guitarist-revenges"));
    assert_non_null(strstr(survey_problem(&s), "mistyped"));
    s.row.state = WORMHOLE_JOINING;
    assert_string_equal(survey_problem(&s), "");
    s.age_ms = 61000;
    assert_non_null(strstr(survey_problem(&s), "Nobody has answered"));
    s.row.state = WORMHOLE_PAIRED;
    assert_string_equal(survey_problem(&s), "");
    s.row.state = WORMHOLE_CLOSED;
    assert_string_equal(survey_problem(&s), "");
    s.count.entries = 1;
    assert_non_null(strstr(survey_problem(&s), "`code`"));
    snprintf(s.row.problem, sizeof s.row.problem, "Fire");
    assert_string_equal(survey_problem(&s), "Fire");
}

/* After a start nothing was heard yet in this run; the store knows of before. */
static void when_the_peer_was_heard_last(void **state)
{
    struct survey s = {0};
    (void)state;
    assert_int_equal(survey_last_heard_ms(&s), 0);
    s.row.paired_ms = 1000;
    assert_int_equal(survey_last_heard_ms(&s), 1000);
    s.row.sent_ms = 3000;
    assert_int_equal(survey_last_heard_ms(&s), 3000);
    s.status.last_heard_ms = 2000;
    assert_int_equal(survey_last_heard_ms(&s), 3000);
    s.status.last_heard_ms = 4000;
    assert_int_equal(survey_last_heard_ms(&s), 4000);
}

static void every_state_has_a_word(void **state)
{
    (void)state;
    for (int s = WORMHOLE_NEW; s <= WORMHOLE_CLOSING; s++)
        assert_non_null(survey_state_word((enum wormhole_state)s));
    assert_string_equal(survey_state_word(WORMHOLE_WAITING), "waiting");
    assert_null(survey_peer_word(WORMHOLE_PEER_NONE));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(no_such_wormhole),
        TEST(many_held_entries),
        TEST(what_the_peer_refused_for_now_is_shown_with_its_reason),
        TEST(the_time_is_the_last_events),
        TEST(some_problems_follow_from_the_row),
        TEST(when_the_peer_was_heard_last),
        TEST(every_state_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
