/* Growable byte buffers, bounded readers, and hex. Everything binary that proto/ writes or reads
 * goes through these; integers are big-endian. */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BYTES_LEN_MAX = 1 << 28 }; /* no buffer of proto/ comes near; more is an error of ours */

/* A growable buffer. A zeroed struct is a valid empty one. An allocation failure, or more than
 * BYTES_LEN_MAX bytes, sets `failed` and makes every later put a no-op, so a writer checks once at
 * its end (bytes_ok); what was put before stays. What is put must not lie in the buffer itself. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

void bytes_release(struct bytes *b); /* wipes the whole capacity, frees, leaves an empty buffer */
void bytes_clear(struct bytes *b);   /* wipes, empties, forgets a failure, keeps the allocation */
bool bytes_ok(const struct bytes *b);
void bytes_reserve(struct bytes *b, size_t more); /* room for `more` further bytes */
void bytes_put(struct bytes *b, const void *data, size_t len);
void bytes_put_str(struct bytes *b, const char *text); /* without the terminating NUL */
void bytes_put_u8(struct bytes *b, uint8_t v);
void bytes_put_u16(struct bytes *b, uint16_t v);
void bytes_put_u32(struct bytes *b, uint32_t v);
void bytes_put_u64(struct bytes *b, uint64_t v);
void bytes_put_blob(struct bytes *b, const void *data, size_t len); /* u32 length, then the bytes */
/* Removes and wipes the first `len` (at most b->len) bytes. Moves what is left: use it rarely. */
void bytes_drop_front(struct bytes *b, size_t len);

/* A reader over memory that it does not own. Reading past the end sets `bad`, returns 0 / NULL
 * and consumes nothing more; a parser checks reader_ok (or reader_done) once at its end. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

struct reader reader_of(const void *data, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
const uint8_t *reader_take(struct reader *r, size_t len); /* NULL if fewer are left */
bool reader_copy(struct reader *r, void *out, size_t len);
/* A u32 length and that many bytes; longer than `len_max` is bad. *len is 0 when bad. */
const uint8_t *reader_blob(struct reader *r, size_t len_max, size_t *len);
/* A u32 length and that many characters of printable ASCII, none a space, copied and terminated;
 * others, and more than `len_max`, are bad. `out` has len_max+1 bytes and is "" when bad. */
void reader_word(struct reader *r, char *out, size_t len_max);
bool reader_ok(const struct reader *r);   /* nothing bad so far */
bool reader_done(const struct reader *r); /* nothing bad and nothing left */

/* Lower-case hex. `out` has room for 2*len+1 characters; it is NUL-terminated. */
void hex_encode(char *out, const void *data, size_t len);
/* Decodes exactly 2*len lower- or upper-case digits from `hex` (need not be terminated).
 * Returns 0, or PROTO_ERR_MALFORMED with `out` untouched. */
int hex_decode(void *out, size_t len, const char *hex, size_t hex_len);

#endif
