#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/spake2.h"

static const char appid[] = "example.org/test";

static struct spake2 started(const char *code, uint8_t seed)
{
    struct spake2 s;
    struct now now = {.seed = {seed}};

    assert_int_equal(spake2_start(&s, code, appid, &now), PROTO_OK);
    return s;
}

static void two_with_one_code_share_a_key(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-y", 2);
    uint8_t key_a[SPAKE2_KEY_BYTES], key_b[SPAKE2_KEY_BYTES];

    (void)state;
    assert_int_equal(a.msg[0], 'S');
    assert_memory_not_equal(a.msg, b.msg, SPAKE2_MSG_BYTES);
    assert_int_equal(spake2_finish(&a, b.msg, SPAKE2_MSG_BYTES, key_a, NULL), PROTO_OK);
    assert_int_equal(spake2_finish(&b, a.msg, SPAKE2_MSG_BYTES, key_b, NULL), PROTO_OK);
    assert_memory_equal(key_a, key_b, sizeof(key_a));
}

static void another_code_or_appid_gives_another_key(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-z", 2), c;
    struct now now = {.seed = {2}};
    uint8_t key_a[SPAKE2_KEY_BYTES], key_b[SPAKE2_KEY_BYTES];

    (void)state;
    assert_int_equal(spake2_finish(&a, b.msg, SPAKE2_MSG_BYTES, key_a, NULL), PROTO_OK);
    assert_int_equal(spake2_finish(&b, a.msg, SPAKE2_MSG_BYTES, key_b, NULL), PROTO_OK);
    assert_memory_not_equal(key_a, key_b, sizeof(key_a));

    assert_int_equal(spake2_start(&c, "7-x-y", "example.org/other", &now), PROTO_OK);
    assert_int_equal(spake2_finish(&a, c.msg, SPAKE2_MSG_BYTES, key_a, NULL), PROTO_OK);
    assert_int_equal(spake2_finish(&c, a.msg, SPAKE2_MSG_BYTES, key_b, NULL), PROTO_OK);
    assert_memory_not_equal(key_a, key_b, sizeof(key_a));
}

static void the_same_seed_gives_the_same_message(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-y", 1);

    (void)state;
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_stored_copy_finishes_alike(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-y", 2);
    struct spake2 stored = a;
    uint8_t first[SPAKE2_KEY_BYTES], again[SPAKE2_KEY_BYTES];

    (void)state;
    assert_int_equal(spake2_finish(&a, b.msg, SPAKE2_MSG_BYTES, first, NULL), PROTO_OK);
    assert_int_equal(spake2_finish(&stored, b.msg, SPAKE2_MSG_BYTES, again, NULL), PROTO_OK);
    assert_memory_equal(first, again, sizeof(first));
}

static void refuse(const struct spake2 *s, const uint8_t *msg, size_t len)
{
    uint8_t key[SPAKE2_KEY_BYTES], untouched[SPAKE2_KEY_BYTES];

    memset(key, 0x5a, sizeof(key));
    memset(untouched, 0x5a, sizeof(untouched));
    assert_int_equal(spake2_finish(s, msg, len, key, NULL), PROTO_ERR_CRYPTO);
    assert_memory_equal(key, untouched, sizeof(key));
}

static void bad_messages_give_no_key(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-y", 2);
    uint8_t msg[SPAKE2_MSG_BYTES + 1] = {0};

    (void)state;
    memcpy(msg, b.msg, SPAKE2_MSG_BYTES);
    refuse(&a, msg, SPAKE2_MSG_BYTES + 1);
    refuse(&a, msg, SPAKE2_MSG_BYTES - 1);
    refuse(&a, NULL, 0);
    msg[0] = 'A';
    refuse(&a, msg, SPAKE2_MSG_BYTES);
    refuse(&a, a.msg, SPAKE2_MSG_BYTES);
    memset(msg, 0, sizeof(msg));
    msg[0] = 'S';
    refuse(&a, msg, SPAKE2_MSG_BYTES);
    memset(msg + 1, 0xff, SPAKE2_MSG_BYTES - 1);
    refuse(&a, msg, SPAKE2_MSG_BYTES);
}

static void a_zero_scalar_cannot_start(void **state)
{
    static const uint8_t zeros[SPAKE2_ENTROPY_BYTES];
    struct spake2 s, wiped;

    (void)state;
    memset(&s, 0x5a, sizeof(s));
    memset(&wiped, 0, sizeof(wiped));
    assert_int_equal(spake2_start_entropy(&s, "7-x-y", appid, zeros), PROTO_ERR_CRYPTO);
    assert_memory_equal(&s, &wiped, sizeof(s));
}

static void a_damaged_store_gives_no_key(void **state)
{
    struct spake2 a = started("7-x-y", 1), b = started("7-x-y", 2);

    (void)state;
    memset(a.scalar, 0, sizeof(a.scalar));
    refuse(&a, b.msg, SPAKE2_MSG_BYTES);
    a = started("7-x-y", 1);
    memset(a.pw_scalar, 0, sizeof(a.pw_scalar));
    refuse(&a, b.msg, SPAKE2_MSG_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_with_one_code_share_a_key),
        cmocka_unit_test(another_code_or_appid_gives_another_key),
        cmocka_unit_test(the_same_seed_gives_the_same_message),
        cmocka_unit_test(a_stored_copy_finishes_alike),
        cmocka_unit_test(bad_messages_give_no_key),
        cmocka_unit_test(a_zero_scalar_cannot_start),
        cmocka_unit_test(a_damaged_store_gives_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
