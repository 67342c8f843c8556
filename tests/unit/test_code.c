#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/code.h"
#include "proto/error.h"
#include "proto/wordlist.h"

static const char nameplate_40[] = "1234567890123456789012345678901234567890";

/* A seed whose first bytes are what the words must come from. */
static struct now seeded(uint8_t byte)
{
    struct now now = {0};

    memset(now.seed, byte, sizeof(now.seed));
    return now;
}

static void a_code_is_odd_word_then_even_word(void **state)
{
    char code[CODE_TEXT_MAX + 1], want[CODE_TEXT_MAX + 1];
    struct now now = seeded(1), same = seeded(1);
    uint8_t drawn[3];

    (void)state;
    now_random(&same, drawn, sizeof(drawn));
    assert_int_equal(code_generate(code, "7", 3, &now), PROTO_OK);
    strcpy(want, "7-");
    strcat(want, wordlist_odd(drawn[0]));
    strcat(want, "-");
    strcat(want, wordlist_even(drawn[1]));
    strcat(want, "-");
    strcat(want, wordlist_odd(drawn[2]));
    assert_string_equal(code, want);
    assert_memory_equal(now.seed, same.seed, NOW_SEED_BYTES);
}

static void what_is_generated_is_a_code(void **state)
{
    char code[CODE_TEXT_MAX + 1], nameplate[CODE_NAMEPLATE_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        struct now now = seeded((uint8_t)i);
        unsigned words = 1 + i % CODE_WORDS_MAX;
        assert_int_equal(code_generate(code, "123", words, &now), PROTO_OK);
        assert_int_equal(code_check(code), PROTO_OK);
        assert_int_equal(code_is_pgp(code), words >= 2);
        assert_int_equal(code_nameplate(nameplate, code), PROTO_OK);
        assert_string_equal(nameplate, "123");
    }
}

static void the_longest_codes_fit(void **state)
{
    char code[CODE_TEXT_MAX + 1];
    struct now now = seeded(3);

    (void)state;
    assert_int_equal(code_generate(code, nameplate_40, 7, &now), PROTO_OK);
    assert_int_equal(code_check(code), PROTO_OK);
    assert_int_equal(code_generate(code, nameplate_40 + 8, 8, &now), PROTO_OK);
    assert_int_equal(code_generate(code, nameplate_40 + 7, 8, &now), PROTO_ERR_INVALID);
}

static void a_bad_nameplate_or_count_makes_no_code(void **state)
{
    static const char *const bad[] = {"", "a", "7a", "-7", "7-", " 7", "7 ", "+7", "\xd9\xa7"};
    char code[CODE_TEXT_MAX + 1];
    struct now now = seeded(4);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(code_generate(code, bad[i], 2, &now), PROTO_ERR_INVALID);
    assert_int_equal(code_generate(code, "12345678901234567890123456789012345678901", 2, &now),
                     PROTO_ERR_INVALID);
    assert_int_equal(code_generate(code, "7", 0, &now), PROTO_ERR_INVALID);
    assert_int_equal(code_generate(code, "7", CODE_WORDS_MAX + 1, &now), PROTO_ERR_INVALID);
}

static void codes_that_somebody_may_have(void **state)
{
    static const char *const good[] = {
        "7-guitarist-revenge", "4-purple-sausages",          "0-x", "007-a", "13--a",
        "1-A_b.c!~",           "999999-crossover-clockwork",
    };
    static const char *const bad[] = {
        "",           "7",    "7-",    "-",     "-a",     "a-b",    "7a-b",      "7_b",
        " 7-a",       "7-a ", "7-a b", "7-a\n", "7-a\tb", "7-\x7f", "7-a\x1b[m", "7-cr\xc3\xa8me",
        "\xd9\xa7-a", "7--",  "7---",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(code_check(good[i]), PROTO_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(code_check(bad[i]), PROTO_ERR_INVALID);
}

static void a_code_has_a_longest_length(void **state)
{
    char code[CODE_TEXT_MAX + 2];

    (void)state;
    memset(code, 'x', sizeof(code));
    memcpy(code, "7-", 2);
    code[CODE_TEXT_MAX] = '\0';
    assert_int_equal(code_check(code), PROTO_OK);
    code[CODE_TEXT_MAX] = 'x';
    code[CODE_TEXT_MAX + 1] = '\0';
    assert_int_equal(code_check(code), PROTO_ERR_INVALID);
    assert_int_equal(code_check("12345678901234567890123456789012345678901-a-b"),
                     PROTO_ERR_INVALID);
}

static void directory_names_that_mean_join(void **state)
{
    static const char *const joins[] = {
        "7-guitarist-revenge",  "7-Guitarist-REVENGE", "7-revenge-guitarist",
        "12-adult-adult-adult", "0-adult-amulet",
    };
    static const char *const names[] = {
        "2024-taxes",
        "2024-holiday-photos",
        "7-guitarist",
        "7-guitarist-",
        "7--guitarist-revenge",
        "7-guitarist-revenge-",
        "7-guitarist--revenge",
        "guitarist-revenge",
        "7-guitarist revenge",
        "7-guitarist-revenges",
        "7",
        "",
        "alice",
        "7-guitarist_revenge",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++)
        assert_true(code_is_pgp(joins[i]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(code_is_pgp(names[i]));
}

static void a_code_with_a_wrong_word_is_mistyped(void **state)
{
    static const char *const mistyped[] = {"7-guitarist-revenges", "7-purple-guitarist",
                                           "07-crossover-clockwirk-revenge"};
    static const char *const others[] = {"7-guitarist-revenge", "7-foo-bar", "2024-tax-2023",
                                         "7-guitarist",         "alice",     "",
                                         "7-guitarist-r3venge"};

    (void)state;
    for (size_t i = 0; i < sizeof(mistyped) / sizeof(mistyped[0]); i++)
        assert_true(code_is_mistyped(mistyped[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(code_is_mistyped(others[i]));
}

static void the_nameplate_is_what_is_before_the_dash(void **state)
{
    char out[CODE_NAMEPLATE_MAX + 1];
    char code[CODE_NAMEPLATE_MAX + 8];

    (void)state;
    assert_int_equal(code_nameplate(out, "007-a-b"), PROTO_OK);
    assert_string_equal(out, "007");
    strcpy(code, nameplate_40);
    strcat(code, "-x");
    assert_int_equal(code_nameplate(out, code), PROTO_OK);
    assert_string_equal(out, nameplate_40);
    assert_int_equal(code_nameplate(out, "7"), PROTO_ERR_INVALID);
    assert_int_equal(code_nameplate(out, "-a"), PROTO_ERR_INVALID);
    assert_int_equal(code_nameplate(out, "7a-b"), PROTO_ERR_INVALID);
    assert_int_equal(code_nameplate(out, "12345678901234567890123456789012345678901-x"),
                     PROTO_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_odd_word_then_even_word),
        cmocka_unit_test(what_is_generated_is_a_code),
        cmocka_unit_test(the_longest_codes_fit),
        cmocka_unit_test(a_bad_nameplate_or_count_makes_no_code),
        cmocka_unit_test(codes_that_somebody_may_have),
        cmocka_unit_test(a_code_has_a_longest_length),
        cmocka_unit_test(directory_names_that_mean_join),
        cmocka_unit_test(a_code_with_a_wrong_word_is_mistyped),
        cmocka_unit_test(the_nameplate_is_what_is_before_the_dash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
