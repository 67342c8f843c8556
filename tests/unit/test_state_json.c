/* fs/face/state_json.h, fs/face/survey.h: one JSON object with everything, and no secret in it. */
#include "tests/unit/face_fixture.h"

#include "fs/face/state_json.h"
#include "store/secrets.h"

static json_t *render(struct fixture *f)
{
    struct state_json made;
    assert_int_equal(state_json_render(f->face, &made), 0);
    assert_int_equal(made.text.data[made.text.len - 1], '\n');
    json_t *root =
        json_loadb((const char *)made.text.data, made.text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "event")), made.event);
    blob_release(&made.text);
    return root;
}

static json_t *wormhole_at(json_t *root, size_t i)
{
    json_t *w = json_array_get(json_object_get(root, "wormholes"), i);
    assert_non_null(w);
    return w;
}

static const char *text(json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static json_int_t number(json_t *o, const char *outer, const char *key)
{
    json_t *value = json_object_get(json_object_get(o, outer), key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void nothing(void **state)
{
    json_t *root = render(*state);
    assert_int_equal(json_array_size(json_object_get(root, "wormholes")), 0);
    assert_string_equal(text(root, "version"), WORMHOLEFS_VERSION);
    json_decref(root);
}

static void in_and_out(void **state)
{
    struct fixture *f = *state;
    static const char content[] = "12345";
    uint64_t id = fixture_wormhole(f, "alice");
    fixture_wormhole(f, "bob");
    struct wormhole w = fixture_row(f, id);
    uint64_t file = fixture_make(f, w.outbox_ino, "f", NODE_FILE);
    uint64_t dir = fixture_make(f, w.outbox_ino, "d", NODE_DIR);
    uint64_t deep = fixture_make(f, dir, "deep", NODE_FILE);
    fixture_make(f, w.inbox_ino, "note", NODE_FILE);
    assert_int_equal(content_write(f->store, file, content, 5, 0), 0);
    assert_int_equal(content_write(f->store, deep, content, 5, 100), 0);
    struct turn *t = fixture_turn(f);
    assert_int_equal(entry_hold(t, file, "because"), 0);
    assert_int_equal(turn_commit(t), 0);
    json_t *root = render(f), *a = wormhole_at(root, 0);
    assert_string_equal(text(a, "name"), "alice");
    assert_string_equal(text(wormhole_at(root, 1), "name"), "bob");
    assert_int_equal(json_integer_value(json_object_get(a, "id")), id);
    assert_int_equal(number(a, "outbox", "entries"), 2);
    assert_int_equal(number(a, "outbox", "open"), 2);
    assert_int_equal(number(a, "outbox", "held"), 1);
    assert_int_equal(number(a, "outbox", "bytes"), 110);
    assert_int_equal(number(a, "inbox", "entries"), 1);
    json_t *held = json_array_get(json_object_get(a, "held"), 0);
    assert_string_equal(text(held, "name"), "f");
    assert_string_equal(text(held, "why"), "because");
    assert_true(json_is_null(json_object_get(a, "peer")));
    assert_true(json_is_null(json_object_get(a, "problem")));
    json_decref(root);
}

static void a_peer_and_a_problem(void **state)
{
    struct fixture *f = *state;
    fixture_wormhole(f, "alice");
    assert_int_equal(engine_double_command(f->engine, "pair alice"), 0);
    assert_int_equal(engine_double_command(f->engine, "problem alice Fire"), 0);
    json_t *root = render(f), *a = wormhole_at(root, 0);
    assert_string_equal(text(a, "state"), "paired");
    assert_string_equal(text(json_object_get(a, "peer"), "kind"), "wormholefs");
    assert_string_equal(text(a, "problem"), "Fire");
    json_decref(root);
}

static void a_name_that_is_a_code_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct state_json made;
    uint64_t id;
    const char *code = "7-guitarist-revenge";
    struct turn *t = fixture_turn(f);
    assert_int_equal(engine_create(f->engine, t, code, strlen(code), false, code, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(state_json_render(f->face, &made), 0);
    assert_null(memmem(made.text.data, made.text.len, "guitarist", 9));
    assert_non_null(memmem(made.text.data, made.text.len, "7-…", strlen("7-…")));
    blob_release(&made.text);
}

static void bytes_that_are_no_text(void **state)
{
    struct fixture *f = *state;
    fixture_wormhole(f, "caf\xe9 %");
    json_t *root = render(f);
    assert_string_equal(text(wormhole_at(root, 0), "name"), "caf%E9 %25");
    json_decref(root);
}

static void text_that_is_cut_within_a_character(void **state)
{
    (void)state;
    static struct survey s;
    s.row.state = WORMHOLE_PAIRED;
    s.status.sending = true;
    strcpy(s.status.sending_name, "caf\xc3");
    json_t *o = state_json_wormhole(&s);
    assert_non_null(o);
    assert_string_equal(text(json_object_get(o, "sending"), "name"), "caf");
    json_decref(o);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(nothing),
        TEST(in_and_out),
        TEST(a_peer_and_a_problem),
        TEST(a_name_that_is_a_code_is_not_shown),
        TEST(bytes_that_are_no_text),
        cmocka_unit_test(text_that_is_cut_within_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
