#include "proto/code.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/wordlist.h"

static size_t count_digits(const char *text)
{
    size_t n = 0;

    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

static bool is_nameplate_len(size_t len)
{
    return len >= 1 && len <= CODE_NAMEPLATE_MAX;
}

int code_generate(char *out, const char *nameplate, unsigned words, struct now *now)
{
    uint8_t random[CODE_WORDS_MAX];

    size_t len = count_digits(nameplate);
    if (!is_nameplate_len(len) || nameplate[len] != '\0' || words < 1 || words > CODE_WORDS_MAX)
        return PROTO_ERR_INVALID;
    if (len + words * (1 + WORDLIST_WORD_MAX) > CODE_TEXT_MAX)
        return PROTO_ERR_INVALID;
    now_random(now, random, words);
    char *end = stpcpy(out, nameplate);
    for (unsigned i = 0; i < words; i++) {
        *end++ = '-';
        end = stpcpy(end, i % 2 == 0 ? wordlist_odd(random[i]) : wordlist_even(random[i]));
    }
    sodium_memzero(random, sizeof(random));
    return PROTO_OK;
}

int code_check(const char *text)
{
    size_t len = strnlen(text, CODE_TEXT_MAX + 1);
    size_t digits = count_digits(text);

    if (len > CODE_TEXT_MAX || !is_nameplate_len(digits))
        return PROTO_ERR_INVALID;
    if (text[digits] != '-' || digits + 1 == len)
        return PROTO_ERR_INVALID;
    bool has_word = false;
    for (size_t i = digits + 1; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return PROTO_ERR_INVALID;
        has_word = has_word || text[i] != '-';
    }
    return has_word ? PROTO_OK : PROTO_ERR_INVALID;
}

static bool is_letters(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((word[i] | 0x20) < 'a' || (word[i] | 0x20) > 'z')
            return false;
    return len > 0;
}

/* The words behind NUMBER; false if something in their place is none. `known`: of the list. */
static bool count_words(const char *text, unsigned *words, unsigned *known)
{
    *words = *known = 0;
    if (code_check(text) != PROTO_OK)
        return false;
    const char *dash = text + count_digits(text);
    while (*dash == '-') {
        const char *word = dash + 1;
        dash = strchrnul(word, '-');
        size_t len = (size_t)(dash - word);
        if (!is_letters(word, len))
            return false;
        ++*words;
        *known += wordlist_has(word, len);
    }
    return *words >= 2;
}

bool code_is_pgp(const char *text)
{
    unsigned words, known;

    return count_words(text, &words, &known) && known == words;
}

bool code_is_mistyped(const char *text)
{
    unsigned words, known;

    return count_words(text, &words, &known) && known > 0 && known < words;
}

int code_nameplate(char *out, const char *code)
{
    size_t digits = count_digits(code);

    if (!is_nameplate_len(digits) || code[digits] != '-')
        return PROTO_ERR_INVALID;
    memcpy(out, code, digits);
    out[digits] = '\0';
    return PROTO_OK;
}
