#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/wordlist.h"

static void the_ends_of_the_lists(void **state)
{
    (void)state;
    assert_string_equal(wordlist_even(0), "aardvark");
    assert_string_equal(wordlist_odd(0), "adroitness");
    assert_string_equal(wordlist_even(255), "zulu");
    assert_string_equal(wordlist_odd(255), "yucatan");
    assert_string_equal(wordlist_even(0x82), "miser");
    assert_string_equal(wordlist_odd(0x82), "istanbul");
}

static const char *word(size_t i)
{
    return i < 256 ? wordlist_even((uint8_t)i) : wordlist_odd((uint8_t)(i - 256));
}

static void all_words_differ_and_are_lower_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < 512; i++) {
        size_t len = strlen(word(i));
        assert_true(len >= 4 && len <= WORDLIST_WORD_MAX);
        assert_int_equal(strspn(word(i), "abcdefghijklmnopqrstuvwxyz"), len);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(word(i), word(j));
    }
}

static void every_word_is_found_in_any_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < 512; i++) {
        char text[WORDLIST_WORD_MAX + 1];
        size_t len = (size_t)snprintf(text, sizeof(text), "%s", word(i));
        assert_true(wordlist_has(text, len));
        text[0] = (char)(text[0] - 'a' + 'A');
        text[len - 1] = (char)(text[len - 1] - 'a' + 'A');
        assert_true(wordlist_has(text, len));
    }
}

static void the_length_counts_not_the_terminator(void **state)
{
    (void)state;
    assert_true(wordlist_has("guitarist-revenge", 9));
    assert_false(wordlist_has("guitarist-revenge", 8));
    assert_false(wordlist_has("guitarist-revenge", 10));
}

static void other_words_are_not_found(void **state)
{
    static const char *const others[] = {
        "",
        "taxes",
        "aardvar",
        "aardvarks",
        "aardvark ",
        "ardvark",
        "zulu\n",
        "belowgroundbelowground",
        "business-man",
        "\xc3\xa9t\xc3\xa9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(wordlist_has(others[i], strlen(others[i])));
    assert_false(wordlist_has("zulu\0\0", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_of_the_lists),
        cmocka_unit_test(all_words_differ_and_are_lower_case),
        cmocka_unit_test(every_word_is_found_in_any_case),
        cmocka_unit_test(the_length_counts_not_the_terminator),
        cmocka_unit_test(other_words_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
