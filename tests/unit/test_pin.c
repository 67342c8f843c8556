/* fs/face/pin.h: generations of new/ last, and an aborted turn leaves nothing. */
#include "tests/unit/face_fixture.h"

#include "fs/face/pin.h"
#include "store/secrets.h"

static struct pin current(struct fixture *f)
{
    struct pin pin;
    struct view *v = fixture_view(f);
    assert_int_equal(pin_current(v, &pin), 0);
    view_end(v);
    return pin;
}

static int get(struct fixture *f, uint64_t generation, struct pin *pin)
{
    struct view *v = fixture_view(f);
    int rc = pin_get(v, generation, pin);
    view_end(v);
    return rc;
}

static void set(struct fixture *f, uint64_t wormhole)
{
    struct turn *t = fixture_turn(f);
    assert_int_equal(pin_set(t, wormhole), 0);
    assert_int_equal(turn_commit(t), 0);
}

static void the_first_generation_floats(void **state)
{
    struct pin pin = current(*state);
    assert_int_equal(pin.generation, 1);
    assert_int_equal(pin.wormhole, 0);
    assert_int_equal(get(*state, 1, &pin), 0);
    assert_int_equal(get(*state, 2, &pin), STORE_ERR_NOT_FOUND);
}

static void a_pinned_one_lasts(void **state)
{
    struct fixture *f = *state;
    struct pin pin;
    uint64_t alice = fixture_wormhole(f, "alice"), bob = fixture_wormhole(f, "bob");
    set(f, alice);
    set(f, bob);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(current(f).generation, 3);
    assert_int_equal(get(f, 1, &pin), 0);
    assert_int_equal(pin.wormhole, alice);
    assert_int_equal(get(f, 2, &pin), 0);
    assert_int_equal(pin.wormhole, bob);
}

static void an_aborted_turn_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t alice = fixture_wormhole(f, "alice");
    struct turn *t = fixture_turn(f);
    assert_int_equal(pin_set(t, alice), 0);
    turn_abort(t);
    assert_int_equal(current(f).generation, 1);
}

static void renewals_belong_to_their_name(void **state)
{
    struct fixture *f = *state;
    struct turn *t = fixture_turn(f);
    struct pin pin;
    assert_int_equal(pin_renew(t, 1, SLOT_OUTBOX), 0);
    assert_int_equal(pin_renew(t, 1, SLOT_OUTBOX), 0);
    assert_int_equal(pin_renew(t, 2, SLOT_OUTBOX), STORE_ERR_NOT_FOUND);
    assert_int_equal(turn_commit(t), 0);
    pin = current(f);
    assert_int_equal(pin.renewals[SLOT_OUTBOX], 2);
    assert_int_equal(pin.renewals[SLOT_INBOX], 0);
    set(f, fixture_wormhole(f, "alice"));
    assert_int_equal(current(f).renewals[SLOT_OUTBOX], 0);
    assert_int_equal(get(f, 1, &pin), 0);
    assert_int_equal(pin.renewals[SLOT_OUTBOX], 2);
}

static void what_is_gone_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct pin pin;
    uint64_t alice = fixture_wormhole(f, "alice");
    set(f, alice);
    struct turn *t = fixture_turn(f);
    assert_int_equal(wormhole_close(t, alice), 0);
    assert_int_equal(wormhole_forget(t, alice), 0);
    assert_int_equal(turn_commit(t), 0);
    set(f, fixture_wormhole(f, "bob"));
    assert_int_equal(get(f, 1, &pin), STORE_ERR_NOT_FOUND);
    assert_int_equal(current(f).generation, 3);
}

static void nonsense_is_corrupt(void **state)
{
    static const char *const bad[] = {"", "pin1", "pin2aaaaaaaaaaaaaaaaaaaaa", "pin1aaaa",
                                      "pin1aaaaaaaaaaaaaaaaaaaaa"};
    struct fixture *f = *state;
    struct pin pin;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct turn *t = fixture_turn(f);
        assert_int_equal(secret_put(t, 0, bad[i], strlen(bad[i])), 0);
        assert_int_equal(pin_current(turn_view(t), &pin), STORE_ERR_CORRUPT);
        turn_abort(t);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_generation_floats),    TEST(a_pinned_one_lasts),
        TEST(an_aborted_turn_leaves_nothing), TEST(renewals_belong_to_their_name),
        TEST(what_is_gone_is_forgotten),      TEST(nonsense_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
