/* Against another implementation of the cipher, libsodium's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/gcm.h"

enum { LEN_MAX = 1000, AD_LEN = 4 };

static const uint8_t key[GCM_KEY_BYTES] = {1, 2, 3}, ad[AD_LEN] = {9, 8, 7, 6};

static void nonce_of(uint8_t nonce[static GCM_NONCE_BYTES], uint8_t number)
{
    memset(nonce, 0, GCM_NONCE_BYTES);
    nonce[GCM_NONCE_BYTES - 1] = number;
}

static void plain_of(uint8_t *plain, size_t len)
{
    for (size_t i = 0; i < len; i++)
        plain[i] = (uint8_t)(i * 7);
}

static int need_hardware(void **state)
{
    (void)state;
    if (sodium_init() < 0 || !crypto_aead_aes256gcm_is_available())
        skip();
    return 0;
}

static void what_it_seals_is_the_standard(void **state)
{
    static const size_t lens[] = {1, 15, 16, 17, 255, 256, LEN_MAX};
    struct gcm *g = gcm_new(key, true);

    (void)state;
    assert_non_null(g);
    for (uint8_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint8_t text[LEN_MAX + GCM_TAG_BYTES], want[sizeof(text)], nonce[GCM_NONCE_BYTES];
        nonce_of(nonce, i);
        plain_of(text, lens[i]);
        crypto_aead_aes256gcm_encrypt(want, NULL, text, lens[i], ad, AD_LEN, NULL, nonce, key);
        assert_true(gcm_seal(g, nonce, ad, AD_LEN, text, lens[i]));
        assert_memory_equal(text, want, lens[i] + GCM_TAG_BYTES);
    }
    gcm_free(g);
}

/* Seals `len` bytes by the other implementation, turns over one bit at `broken` and opens. */
static bool opens(struct gcm *g, uint8_t number, size_t len, size_t broken, const uint8_t *with_ad)
{
    uint8_t text[LEN_MAX + GCM_TAG_BYTES], plain[LEN_MAX], nonce[GCM_NONCE_BYTES];

    nonce_of(nonce, number);
    plain_of(plain, len);
    crypto_aead_aes256gcm_encrypt(text, NULL, plain, len, ad, AD_LEN, NULL, nonce, key);
    if (broken < sizeof(text))
        text[broken] ^= 1;
    return gcm_open(g, nonce, with_ad, AD_LEN, text, len) && memcmp(text, plain, len) == 0;
}

static void only_what_is_authentic_opens(void **state)
{
    static const uint8_t other_ad[AD_LEN] = {9, 8, 7, 5};
    struct gcm *g = gcm_new(key, false);
    const size_t none = SIZE_MAX;

    (void)state;
    assert_non_null(g);
    assert_true(opens(g, 0, 300, none, ad));
    assert_false(opens(g, 1, 300, 0, ad));
    assert_false(opens(g, 2, 300, 299, ad));
    assert_false(opens(g, 3, 300, 300 + GCM_TAG_BYTES - 1, ad));
    assert_false(opens(g, 4, 300, none, other_ad));
    assert_true(opens(g, 5, 1, none, ad)); /* a failure leaves nothing behind */
    gcm_free(g);
    gcm_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_it_seals_is_the_standard, need_hardware),
        cmocka_unit_test_setup(only_what_is_authentic_opens, need_hardware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
