/* What all fuzz targets share. A target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput; its
 * corpus is the folder corpus/NAME. With the option `fuzz` it is linked with libFuzzer, without it
 * with replay.c, which runs the corpus through it once. tests/fuzz/README.md has the table.
 *
 * An input of a target with state is a list of operations, each a byte that says which and the
 * bytes that it needs; past the end all bytes are 0 (struct reader), so that every input means
 * something. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What holds for every input; where it does not, the input is a finding. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn static inline void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

/* Is there another operation? (What is cut off in the middle of one is the end, too.) */
static inline bool fuzz_more(const struct reader *in)
{
    return in->left > 0 && reader_ok(in);
}

/* At most `len_max` bytes, as many as a u16 says and as there are. Never NULL. */
static inline const uint8_t *fuzz_some(struct reader *in, size_t len_max, size_t *len)
{
    size_t n = reader_u16(in);

    n = n < len_max ? n : len_max;
    n = n < in->left ? n : in->left;
    *len = n;
    const uint8_t *at = n > 0 ? reader_take(in, n) : NULL;
    return at != NULL ? at : (const uint8_t *)"";
}

/* The same as text, without NULs; the caller's to free. */
static inline char *fuzz_text(struct reader *in, size_t len_max)
{
    size_t len;
    const uint8_t *at = fuzz_some(in, len_max, &len);
    char *text = malloc(len + 1);

    MUST(text != NULL);
    for (size_t i = 0; i < len; i++)
        text[i] = at[i] != 0 ? (char)at[i] : ' ';
    text[len] = '\0';
    return text;
}

static inline bool fuzz_equal(const struct bytes *a, const void *data, size_t len)
{
    return a->len == len && (len == 0 || memcmp(a->data, data, len) == 0);
}

#endif
