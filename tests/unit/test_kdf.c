#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/kdf.h"

static void expect(const uint8_t *out, size_t len, const char *want_hex)
{
    char hex[256];

    assert_true(2 * len + 1 <= sizeof(hex));
    hex_encode(hex, out, len);
    assert_string_equal(hex, want_hex);
}

/* RFC 5869, test case 3: no salt, no info. */
static void rfc_5869_case_3(void **state)
{
    uint8_t ikm[22], out[42];

    (void)state;
    memset(ikm, 0x0b, sizeof(ikm));
    kdf_derive(out, sizeof(out), ikm, sizeof(ikm), NULL, 0);
    expect(out, sizeof(out),
           "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
           "9d201395faa4b61a96c8");
}

static void a_shorter_output_is_a_prefix(void **state)
{
    static const uint8_t key[KDF_KEY_BYTES] = {1};
    uint8_t whole[100], part[100];

    (void)state;
    kdf_purpose(whole, sizeof(whole), key, "purpose");
    for (size_t len = 1; len < sizeof(whole); len++) {
        memset(part, 0, sizeof(part));
        kdf_purpose(part, len, key, "purpose");
        assert_memory_equal(part, whole, len);
        assert_int_equal(part[len], 0);
    }
}

static void key_and_purpose_both_matter(void **state)
{
    static const uint8_t key1[KDF_KEY_BYTES] = {1}, key2[KDF_KEY_BYTES] = {2};
    uint8_t a[32], b[32], c[32];

    (void)state;
    kdf_purpose(a, 32, key1, "x");
    kdf_purpose(b, 32, key2, "x");
    kdf_purpose(c, 32, key1, "y");
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a, c, 32);
}

static void a_purpose_is_its_bytes(void **state)
{
    static const uint8_t key[KDF_KEY_BYTES] = {7};
    uint8_t a[32], b[32];

    (void)state;
    kdf_purpose(a, 32, key, "wormhole:verifier");
    kdf_derive(b, 32, key, sizeof(key), "wormhole:verifier", 17);
    assert_memory_equal(a, b, 32);
}

static void the_output_may_replace_the_key(void **state)
{
    uint8_t key[KDF_KEY_BYTES] = {7}, want[KDF_KEY_BYTES];

    (void)state;
    kdf_purpose(want, sizeof(want), key, "next");
    kdf_purpose(key, sizeof(key), key, "next");
    assert_memory_equal(key, want, sizeof(want));
}

static void the_longest_output(void **state)
{
    static const uint8_t key[KDF_KEY_BYTES] = {7};
    static uint8_t out[KDF_OUT_MAX + 1];

    (void)state;
    out[KDF_OUT_MAX] = 0x5a;
    kdf_purpose(out, KDF_OUT_MAX, key, "long");
    assert_int_equal(out[KDF_OUT_MAX], 0x5a);
    assert_memory_not_equal(out + KDF_OUT_MAX - 32, out + KDF_OUT_MAX - 64, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_5869_case_3),
        cmocka_unit_test(a_shorter_output_is_a_prefix),
        cmocka_unit_test(key_and_purpose_both_matter),
        cmocka_unit_test(a_purpose_is_its_bytes),
        cmocka_unit_test(the_output_may_replace_the_key),
        cmocka_unit_test(the_longest_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
