#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/phase.h"

static const uint8_t key[PHASE_KEY_BYTES] = {1, 2, 3};

static struct bytes encrypted(const char *plain)
{
    struct bytes body = {0};
    struct now now = {.seed = {9}};

    assert_int_equal(phase_encrypt(&body, key, "0123456789", "0", plain, strlen(plain), &now),
                     PROTO_OK);
    assert_int_equal(body.len, strlen(plain) + PHASE_OVERHEAD);
    return body;
}

static void what_was_encrypted_opens(void **state)
{
    struct bytes body = encrypted("hello"), plain = {0};

    (void)state;
    assert_int_equal(phase_decrypt(&plain, key, "0123456789", "0", body.data, body.len), PROTO_OK);
    assert_int_equal(plain.len, 5);
    assert_memory_equal(plain.data, "hello", 5);
    bytes_release(&body);
    bytes_release(&plain);
}

static void an_empty_message_is_one(void **state)
{
    struct bytes body = encrypted(""), plain = {0};

    (void)state;
    assert_int_equal(phase_decrypt(&plain, key, "0123456789", "0", body.data, body.len), PROTO_OK);
    assert_int_equal(plain.len, 0);
    body.data[body.len - 1] ^= 1;
    assert_int_equal(phase_decrypt(&plain, key, "0123456789", "0", body.data, body.len),
                     PROTO_ERR_CRYPTO);
    bytes_release(&body);
    bytes_release(&plain);
}

static void both_append(void **state)
{
    struct bytes body = {0}, plain = {0};
    struct now now = {.seed = {9}};

    (void)state;
    bytes_put_str(&body, "before");
    assert_int_equal(phase_encrypt(&body, key, "s", "p", "text", 4, &now), PROTO_OK);
    assert_memory_equal(body.data, "before", 6);
    bytes_put_str(&plain, "more ");
    assert_int_equal(phase_decrypt(&plain, key, "s", "p", body.data + 6, body.len - 6), PROTO_OK);
    assert_int_equal(plain.len, 9);
    assert_memory_equal(plain.data, "more text", 9);
    bytes_release(&body);
    bytes_release(&plain);
}

static void each_body_has_a_nonce_of_its_own(void **state)
{
    struct bytes a = {0}, b = {0};
    struct now now = {.seed = {9}};

    (void)state;
    assert_int_equal(phase_encrypt(&a, key, "s", "p", "text", 4, &now), PROTO_OK);
    assert_int_equal(phase_encrypt(&b, key, "s", "p", "text", 4, &now), PROTO_OK);
    assert_memory_not_equal(a.data, b.data, PHASE_NONCE_BYTES);
    bytes_release(&a);
    bytes_release(&b);
}

static void side_phase_and_key_all_matter(void **state)
{
    static const uint8_t other[PHASE_KEY_BYTES] = {3, 2, 1};
    struct bytes body = encrypted("hello"), plain = {0};

    (void)state;
    bytes_put_str(&plain, "kept");
    assert_int_equal(phase_decrypt(&plain, other, "0123456789", "0", body.data, body.len),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(phase_decrypt(&plain, key, "0123456788", "0", body.data, body.len),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(phase_decrypt(&plain, key, "0123456789", "00", body.data, body.len),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(plain.len, 4);
    assert_memory_equal(plain.data, "kept", 4);
    bytes_release(&body);
    bytes_release(&plain);
}

static void no_bit_may_change(void **state)
{
    struct bytes body = encrypted("hello"), plain = {0};

    (void)state;
    for (size_t i = 0; i < body.len; i++) {
        body.data[i] ^= 0x10;
        assert_int_equal(phase_decrypt(&plain, key, "0123456789", "0", body.data, body.len),
                         PROTO_ERR_CRYPTO);
        body.data[i] ^= 0x10;
    }
    assert_int_equal(plain.len, 0);
    bytes_release(&body);
    bytes_release(&plain);
}

static void a_cut_body_does_not_open(void **state)
{
    struct bytes body = encrypted("hello"), plain = {0};

    (void)state;
    for (size_t len = 0; len < body.len; len++) {
        int want = len < PHASE_OVERHEAD ? PROTO_ERR_MALFORMED : PROTO_ERR_CRYPTO;
        assert_int_equal(phase_decrypt(&plain, key, "0123456789", "0", body.data, len), want);
    }
    bytes_release(&body);
    bytes_release(&plain);
}

static void a_failed_buffer_is_reported(void **state)
{
    struct bytes body = encrypted("hello"), out = {.failed = true};
    struct now now = {.seed = {9}};

    (void)state;
    assert_int_equal(phase_encrypt(&out, key, "s", "p", "x", 1, &now), PROTO_ERR_NOMEM);
    assert_int_equal(phase_decrypt(&out, key, "0123456789", "0", body.data, body.len),
                     PROTO_ERR_NOMEM);
    assert_int_equal(out.len, 0);
    bytes_release(&body);
}

static void too_much_is_too_big(void **state)
{
    struct bytes out = {0};
    struct now now = {.seed = {9}};

    (void)state;
    assert_int_equal(phase_encrypt(&out, key, "s", "p", "never read", (size_t)BYTES_LEN_MAX, &now),
                     PROTO_ERR_TOO_BIG);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_encrypted_opens),
        cmocka_unit_test(an_empty_message_is_one),
        cmocka_unit_test(both_append),
        cmocka_unit_test(each_body_has_a_nonce_of_its_own),
        cmocka_unit_test(side_phase_and_key_all_matter),
        cmocka_unit_test(no_bit_may_change),
        cmocka_unit_test(a_cut_body_does_not_open),
        cmocka_unit_test(a_failed_buffer_is_reported),
        cmocka_unit_test(too_much_is_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
