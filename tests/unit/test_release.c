/* What leaves after the commit, when the commit's sync does not come, or comes late. */
#include "engine_rig.h"

/* What waits for a sync that never comes knows the engine's slots: it must not outlive them. */
static void test_end_with_a_broken_journal(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 1000);
    assert_int_equal(engine_entry_prepare(g->e, file), 0);
    rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", 1, 1000000, -EIO);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_seal(g->e, t, file), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    engine_close(g->e);
    rig_close(g->r);
    rig_heal(g->r);
    assert_int_equal(rig_open(g->r), 0);
    erig_open(g);
    assert_int_equal(engine_start(g->e), 0);
}

static void hear(struct erig *g, const char *text)
{
    engine_link_received(g->e, g->id, LINK_CODE, text, strlen(text));
}

/* The wormhole is removed, and what is said of that waits for a sync; meanwhile the connection may
 * be lost, and the next one be up. */
static void say_late(struct erig *g, bool lost)
{
    engine_link_up(g->e, g->id, LINK_CODE);
    hear(g, "{\"type\":\"welcome\",\"welcome\":{}}");
    hear(g, "{\"type\":\"allocated\",\"nameplate\":\"4\"}");
    hear(g, "{\"type\":\"claimed\",\"mailbox\":\"mb\"}");
    hear(g, "{\"type\":\"pong\",\"pong\":1}");
    g->said[0] = '\0';
    rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", 1, 1000000, -EIO);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_remove(g->e, t, g->id), 0);
    assert_int_equal(turn_commit(t), STORE_ERR_BROKEN);
    assert_string_equal(g->said, "");
    rig_heal(g->r);
    if (lost) {
        engine_link_down(g->e, g->id, LINK_CODE);
        engine_link_up(g->e, g->id, LINK_CODE);
    }
    assert_int_equal(store_sync(g->r->store), 0);
}

static void test_what_was_kept_back_is_said(void **state)
{
    struct erig *g = *state;
    say_late(g, false);
    assert_non_null(strstr(g->said, "\"release\""));
}

static void test_what_was_kept_back_is_not_said_on_another_connection(void **state)
{
    struct erig *g = *state;
    say_late(g, true);
    assert_string_equal(g->said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_end_with_a_broken_journal),
        erig_test(test_what_was_kept_back_is_said),
        erig_test(test_what_was_kept_back_is_not_said_on_another_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
