#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/now.h"

static struct now counting_seed(void)
{
    struct now now = {.ms = 1};

    for (size_t i = 0; i < NOW_SEED_BYTES; i++)
        now.seed[i] = (uint8_t)i;
    return now;
}

/* Made with openssl: enc -chacha20 of zeros, key 0001..1f, iv 0^8 | "output" or "seed", 0-padded.
 */
static void the_expansion_is_chacha20(void **state)
{
    struct now now = counting_seed();
    uint8_t out[48];
    char hex[97];

    (void)state;
    now_random(&now, out, sizeof(out));
    hex_encode(hex, out, sizeof(out));
    assert_string_equal(hex, "1ed65d8d062ae680f7999943504b6247df7dd6a5ad6e8e1854a3b10e9ba7992561e68"
                             "8ad3d26f20089967644c718010b");
    hex_encode(hex, now.seed, sizeof(now.seed));
    assert_string_equal(hex, "b61274427648fb166440d6915942b37bbc5d984e03e57204bbc066fbcad3b8b3");
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct now a = counting_seed(), b = counting_seed();
    uint8_t x[1000], y[1000];

    (void)state;
    for (size_t len = 0; len < sizeof(x); len += 37) {
        now_random(&a, x, len);
        now_random(&b, y, len);
        assert_memory_equal(x, y, len);
    }
    assert_memory_equal(a.seed, b.seed, NOW_SEED_BYTES);
}

static void two_calls_give_different_bytes(void **state)
{
    struct now now = counting_seed();
    uint8_t x[32], y[32];

    (void)state;
    now_random(&now, x, sizeof(x));
    now_random(&now, y, sizeof(y));
    assert_memory_not_equal(x, y, sizeof(x));
}

static void the_seed_never_comes_out(void **state)
{
    struct now now = counting_seed();
    struct now before = now;
    uint8_t out[32];

    (void)state;
    now_random(&now, out, sizeof(out));
    assert_memory_not_equal(out, before.seed, sizeof(out));
    assert_memory_not_equal(out, now.seed, sizeof(out));
    assert_memory_not_equal(now.seed, before.seed, sizeof(out));
}

static void drawing_nothing_still_advances(void **state)
{
    struct now now = counting_seed();
    struct now before = now;

    (void)state;
    now_random(&now, NULL, 0);
    assert_memory_not_equal(now.seed, before.seed, NOW_SEED_BYTES);
    assert_true(now.ms == before.ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_expansion_is_chacha20),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(two_calls_give_different_bytes),
        cmocka_unit_test(the_seed_never_comes_out),
        cmocka_unit_test(drawing_nothing_still_advances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
