#include "store/blob.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "store/error.h"

int blob_set(struct blob *b, const void *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        return STORE_ERR_NOMEM;
    if (len)
        memcpy(copy, data, len);
    *b = (struct blob){.data = copy, .len = len};
    return 0;
}

void blob_release(struct blob *b)
{
    if (b->data)
        sodium_memzero(b->data, b->len);
    free(b->data);
    *b = (struct blob){0};
}

int name_set(struct name *out, const char *text, size_t len)
{
    if (len > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    if (len == 0 || memchr(text, '/', len) || memchr(text, '\0', len))
        return STORE_ERR_INVALID;
    if (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.')))
        return STORE_ERR_INVALID;
    memmove(out->text, text, len);
    out->text[len] = '\0';
    out->len = (uint16_t)len;
    return 0;
}

/* The length of the UTF-8 character at `p` (`left` bytes there), 0 if it is none: no surrogates,
 * no overlong forms, nothing above U+10FFFF. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0)
        return 0;
    if (p[0] == 0xed && p[1] >= 0xa0)
        return 0;
    if (p[0] == 0xf0 && p[1] < 0x90)
        return 0;
    if (p[0] == 0xf4 && p[1] >= 0x90)
        return 0;
    return len;
}

/* C0, DEL, and C1 (which are two bytes in UTF-8). */
static bool is_control(const unsigned char *p, size_t len)
{
    return p[0] < 0x20 || p[0] == 0x7f || (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

void name_show(char *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = (const unsigned char *)text;
    if (len > NAME_BYTES_MAX)
        len = NAME_BYTES_MAX;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(p + i, len - i);
        if (n > 0 && p[i] != '%' && !is_control(p + i, n)) {
            memcpy(out, p + i, n);
            out += n;
            i += n;
            continue;
        }
        *out++ = '%';
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
        i++;
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int name_parse(struct name *out, const char *shown)
{
    char text[NAME_BYTES_MAX];
    size_t len = 0;
    for (const char *p = shown; *p; p++) {
        if (len == sizeof text)
            return STORE_ERR_NAME_TOO_LONG;
        if (*p != '%') {
            text[len++] = *p;
            continue;
        }
        int high = hex_value(p[1]), low = high < 0 ? -1 : hex_value(p[2]);
        if (low < 0)
            return STORE_ERR_INVALID;
        text[len++] = (char)(unsigned char)(high << 4 | low);
        p += 2;
    }
    return name_set(out, text, len);
}
