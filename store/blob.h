/* A piece of memory that a getter allocated for its caller, and names that are bytes. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>
#include "store/limits.h"

/* A zeroed struct is an empty one. */
struct blob {
    uint8_t *data;
    size_t len;
};

/* Copies `len` bytes of `data` into an empty blob (len 0 gives data != NULL). 0 or NOMEM. */
int blob_set(struct blob *b, const void *data, size_t len);
void blob_release(struct blob *b); /* wipes, frees, and leaves it empty */

/* A file name: bytes, not text. `text` is NUL-terminated for convenience; a name holds no NUL. */
struct name {
    uint16_t len;
    char text[NAME_BYTES_MAX + 1];
};

/* Checks what every name must be: 1..NAME_BYTES_MAX bytes, no '/', no NUL, neither "." nor "..".
 * 0, NAME_TOO_LONG or INVALID; on failure *out is left alone. */
int name_set(struct name *out, const char *text, size_t len);

/* Writes the name as printable UTF-8: bytes that are not valid UTF-8, control characters and '%'
 * itself become %XX, so the result is unambiguous. `out` has NAME_SHOWN_MAX+1 bytes. */
void name_show(char *out, const char *text, size_t len);

/* The reverse of name_show. 0, INVALID (a broken escape) or NAME_TOO_LONG. */
int name_parse(struct name *out, const char *shown);

#endif
