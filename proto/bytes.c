#include "proto/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"

enum { CAP_MIN = 64 };

void bytes_release(struct bytes *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    free(b->data);
    *b = (struct bytes){0};
}

void bytes_clear(struct bytes *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->len);
    b->len = 0;
    b->failed = false;
}

bool bytes_ok(const struct bytes *b)
{
    return !b->failed;
}

/* Not realloc: it would leave an unwiped copy of what may be a secret. */
static void move_to(struct bytes *b, size_t cap)
{
    uint8_t *data = malloc(cap);
    if (data == NULL) {
        b->failed = true;
        return;
    }
    if (b->len > 0)
        memcpy(data, b->data, b->len);
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    free(b->data);
    b->data = data;
    b->cap = cap;
}

void bytes_reserve(struct bytes *b, size_t more)
{
    if (b->failed || more <= b->cap - b->len)
        return;
    if (more > BYTES_LEN_MAX - b->len) {
        b->failed = true;
        return;
    }
    size_t cap = b->cap < CAP_MIN ? CAP_MIN : b->cap;
    while (cap < b->len + more)
        cap *= 2;
    move_to(b, cap);
}

void bytes_put(struct bytes *b, const void *data, size_t len)
{
    bytes_reserve(b, len);
    if (b->failed || len == 0)
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void bytes_put_str(struct bytes *b, const char *text)
{
    bytes_put(b, text, strlen(text));
}

void bytes_put_u8(struct bytes *b, uint8_t v)
{
    bytes_put(b, &v, 1);
}

static void put_be(struct bytes *b, uint64_t v, size_t len)
{
    uint8_t be[8];

    for (size_t i = 0; i < len; i++)
        be[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
    bytes_put(b, be, len);
}

void bytes_put_u16(struct bytes *b, uint16_t v)
{
    put_be(b, v, 2);
}

void bytes_put_u32(struct bytes *b, uint32_t v)
{
    put_be(b, v, 4);
}

void bytes_put_u64(struct bytes *b, uint64_t v)
{
    put_be(b, v, 8);
}

void bytes_put_blob(struct bytes *b, const void *data, size_t len)
{
    /* Room for both first, so that a failure leaves no length without its bytes. */
    if (len > BYTES_LEN_MAX - 4)
        b->failed = true;
    else
        bytes_reserve(b, 4 + len);
    if (b->failed)
        return;
    bytes_put_u32(b, (uint32_t)len);
    bytes_put(b, data, len);
}

void bytes_drop_front(struct bytes *b, size_t len)
{
    assert(len <= b->len);
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    sodium_memzero(b->data + b->len, len);
}

struct reader reader_of(const void *data, size_t len)
{
    static const uint8_t none[1];

    /* Never NULL inside, so that taking zero bytes of nothing is not mistaken for an error. */
    return (struct reader){.at = len > 0 ? data : none, .left = len};
}

const uint8_t *reader_take(struct reader *r, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += len;
    r->left -= len;
    return at;
}

static uint64_t take_be(struct reader *r, size_t len)
{
    uint64_t v = 0;

    const uint8_t *at = reader_take(r, len);
    for (size_t i = 0; at != NULL && i < len; i++)
        v = v << 8 | at[i];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)take_be(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)take_be(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)take_be(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return take_be(r, 8);
}

bool reader_copy(struct reader *r, void *out, size_t len)
{
    const uint8_t *at = reader_take(r, len);
    if (at == NULL)
        return false;
    if (len > 0)
        memcpy(out, at, len);
    return true;
}

const uint8_t *reader_blob(struct reader *r, size_t len_max, size_t *len)
{
    *len = 0;
    uint32_t announced = reader_u32(r);
    if (announced > len_max)
        r->bad = true;
    const uint8_t *at = reader_take(r, announced);
    if (at != NULL)
        *len = announced;
    return at;
}

void reader_word(struct reader *r, char *out, size_t len_max)
{
    size_t len;
    const uint8_t *word = reader_blob(r, len_max, &len);

    for (size_t i = 0; i < len; i++)
        r->bad = r->bad || word[i] <= ' ' || word[i] > '~';
    if (r->bad || word == NULL)
        len = 0;
    if (len > 0)
        memcpy(out, word, len);
    out[len] = '\0';
}

bool reader_ok(const struct reader *r)
{
    return !r->bad;
}

bool reader_done(const struct reader *r)
{
    return !r->bad && r->left == 0;
}

void hex_encode(char *out, const void *data, size_t len)
{
    static const uint8_t none[1];

    sodium_bin2hex(out, 2 * len + 1, len > 0 ? data : none, len);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(void *out, size_t len, const char *hex, size_t hex_len)
{
    uint8_t *bytes = out;

    if (hex_len / 2 != len || hex_len % 2 != 0)
        return PROTO_ERR_MALFORMED;
    for (size_t i = 0; i < hex_len; i++)
        if (digit_value(hex[i]) < 0)
            return PROTO_ERR_MALFORMED;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(16 * digit_value(hex[2 * i]) + digit_value(hex[2 * i + 1]));
    return PROTO_OK;
}
