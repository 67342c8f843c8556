#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/error.h"
#include "proto/rotation.h"

static const uint8_t old[RATCHET_KEY_BYTES] = {9, 8, 7};

/* One rotation from generation 4 to 5, as far as it came. */
struct exchange {
    struct rotation leader;
    struct bytes rotate;
    struct bytes rotated;
    uint64_t next;
    uint8_t key[RATCHET_KEY_BYTES]; /* the follower's */
    struct now now;
};

static int begin(void **state)
{
    static struct exchange x;

    x = (struct exchange){.now = {.seed = {1}}};
    *state = &x;
    assert_int_equal(rotation_propose(&x.leader, 5, &x.now, &x.rotate), PROTO_OK);
    return 0;
}

static int end(void **state)
{
    struct exchange *x = *state;

    bytes_release(&x->rotate);
    bytes_release(&x->rotated);
    return 0;
}

static int answer(struct exchange *x, uint64_t used)
{
    return rotation_answer(x->rotate.data, x->rotate.len, old, used, &x->now, &x->next, x->key,
                           &x->rotated);
}

static int finish(struct exchange *x, uint64_t *next, uint8_t *key)
{
    return rotation_finish(&x->leader, x->rotated.data, x->rotated.len, old, next, key);
}

static void both_sides_come_to_one_key(void **state)
{
    struct exchange *x = *state;
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next;

    assert_int_equal(answer(x, 4), PROTO_OK);
    assert_int_equal(x->next, 5);
    assert_int_equal(finish(x, &next, key), PROTO_OK);
    assert_int_equal(next, 5);
    assert_memory_equal(key, x->key, sizeof(key));
    assert_memory_not_equal(key, old, sizeof(key));
    assert_false(x->leader.proposed);
    assert_true(sodium_is_zero(x->leader.pair.secret, sizeof(x->leader.pair.secret)));
}

static void an_old_proposal_is_not_answered(void **state)
{
    struct exchange *x = *state;

    assert_int_equal(answer(x, 5), PROTO_ERR_STATE);
    assert_int_equal(x->rotated.len, 0);
}

static void an_answer_counts_once_and_for_its_proposal(void **state)
{
    struct exchange *x = *state;
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next;

    assert_int_equal(answer(x, 4), PROTO_OK);
    x->leader.next = 6;
    assert_int_equal(finish(x, &next, key), PROTO_ERR_STATE);
    assert_true(x->leader.proposed);
    x->leader.next = 5;
    assert_int_equal(finish(x, &next, key), PROTO_OK);
    assert_int_equal(finish(x, &next, key), PROTO_ERR_STATE);
}

static void nonsense_is_malformed(void **state)
{
    struct exchange *x = *state;
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next;

    assert_int_equal(answer(x, 4), PROTO_OK);
    struct bytes rotated = x->rotated;
    for (size_t len = 0; len < rotated.len; len++)
        assert_int_equal(rotation_finish(&x->leader, rotated.data, len, old, &next, key),
                         PROTO_ERR_MALFORMED);
    /* The follower's words in the leader's mouth. */
    assert_int_equal(
        rotation_answer(rotated.data, rotated.len, old, 4, &x->now, &next, key, &x->rotate),
        PROTO_ERR_MALFORMED);
    x->rotate.data[1] = 0xff; /* a generation that would be taken for something else */
    x->rotated.len = 0;
    assert_int_equal(answer(x, 4), PROTO_ERR_MALFORMED);
}

static void a_useless_public_key_is_refused(void **state)
{
    struct exchange *x = *state;

    memset(x->rotate.data + 9, 0, RATCHET_PUBLIC_BYTES);
    assert_int_equal(answer(x, 4), PROTO_ERR_CRYPTO);
    assert_int_equal(x->rotated.len, 0);
}

static void a_saved_proposal_takes_its_answer(void **state)
{
    struct exchange *x = *state;
    struct bytes b = {0};
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next;

    assert_int_equal(answer(x, 4), PROTO_OK);
    assert_int_equal(rotation_save(&x->leader, &b), PROTO_OK);
    rotation_clear(&x->leader);
    for (size_t len = 0; len < b.len; len++) {
        struct reader r = reader_of(b.data, len);
        assert_int_equal(rotation_load(&x->leader, &r), PROTO_ERR_MALFORMED);
        assert_false(x->leader.proposed);
    }
    struct reader r = reader_of(b.data, b.len);
    assert_int_equal(rotation_load(&x->leader, &r), PROTO_OK);
    assert_true(reader_done(&r));
    assert_int_equal(finish(x, &next, key), PROTO_OK);
    assert_memory_equal(key, x->key, sizeof(key));
    bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_sides_come_to_one_key, begin, end),
        cmocka_unit_test_setup_teardown(an_old_proposal_is_not_answered, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_counts_once_and_for_its_proposal, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_malformed, begin, end),
        cmocka_unit_test_setup_teardown(a_useless_public_key_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_saved_proposal_takes_its_answer, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
