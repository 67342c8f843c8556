#include "fs/engine/scroll.h"

#include <stdlib.h>
#include <string.h>
#include "proto/error.h"
#include "store/content.h"

enum {
    BUFFER_BYTES = MANIFEST_ITEM_MAX + (256 << 10),
    INOS_AT_ONCE = 512,
};

static int read_length(struct scroll *sc, uint32_t *len)
{
    uint8_t bytes[SCROLL_LENGTH_BYTES];
    ssize_t got = content_read(sc->store, sc->file, bytes, sizeof bytes, 0);
    if (got < 0)
        return (int)got;
    struct reader r = reader_of(bytes, (size_t)got);
    *len = reader_u32(&r);
    return reader_ok(&r) && *len <= MANIFEST_LEN_MAX ? 0 : STORE_ERR_HOSTILE;
}

int scroll_open(struct scroll *sc, struct store *s, uint64_t file)
{
    uint32_t len = 0; /* only so that the compiler does not warn that it may be unset */
    *sc = (struct scroll){.store = s, .file = file, .next = SCROLL_LENGTH_BYTES};
    int err = read_length(sc, &len);
    if (err < 0)
        return err;
    sc->end = SCROLL_LENGTH_BYTES + (uint64_t)len;
    sc->cap = len < BUFFER_BYTES ? len : BUFFER_BYTES;
    sc->buffer = malloc(sc->cap + (len == 0));
    if (sc->buffer == NULL)
        return STORE_ERR_NOMEM;
    return manifest_parser_init(&sc->parser, len) < 0 ? STORE_ERR_HOSTILE : 0;
}

void scroll_release(struct scroll *sc)
{
    manifest_parser_release(&sc->parser);
    free(sc->buffer);
    *sc = (struct scroll){0};
}

int scroll_fill(struct scroll *sc)
{
    size_t left = sc->len - sc->at;
    if (left > 0 && sc->at > 0)
        memmove(sc->buffer, sc->buffer + sc->at, left);
    sc->at = 0;
    sc->len = left;
    uint64_t more = sc->end - sc->next;
    size_t room = sc->cap - sc->len;
    size_t want = more < room ? (size_t)more : room;
    if (want == 0)
        return 0;
    ssize_t got = content_read(sc->store, sc->file, sc->buffer + sc->len, want, sc->next);
    if (got < 0)
        return (int)got;
    sc->len += (size_t)got;
    sc->next += (size_t)got;
    return (size_t)got == want ? 0 : STORE_ERR_CORRUPT; /* it is shorter than it says */
}

static int skim(struct scroll *sc, size_t *used, struct manifest_item *item)
{
    bool whole = sc->next == sc->end;
    if (whole && sc->at == sc->len)
        return 0;
    int more = manifest_skim(sc->buffer + sc->at, sc->len - sc->at, used, item);
    if (more < 0)
        return whole ? PROTO_ERR_MALFORMED : more;
    item->index = sc->index++;
    item->data_offset = sc->data;
    if (item->kind == MANIFEST_FILE)
        sc->data += item->data_len;
    return 1;
}

static int error_of(int err)
{
    switch (err) {
    case PROTO_ERR_AGAIN:
        return STORE_ERR_NO_DATA;
    case PROTO_ERR_NOMEM:
        return STORE_ERR_NOMEM;
    case PROTO_ERR_TOO_BIG:
        return STORE_ERR_TOO_BIG;
    default:
        return STORE_ERR_HOSTILE;
    }
}

int scroll_take(struct scroll *sc, struct manifest_item *item)
{
    size_t used = 0;
    int more = sc->skims
                   ? skim(sc, &used, item)
                   : manifest_next(&sc->parser, sc->buffer + sc->at, sc->len - sc->at, &used, item);
    sc->at += used;
    return more < 0 ? error_of(more) : more;
}

int scroll_next(struct scroll *sc, struct manifest_item *item)
{
    int more = scroll_take(sc, item);
    if (more != STORE_ERR_NO_DATA)
        return more;
    int err = scroll_fill(sc);
    if (err < 0)
        return err;
    more = scroll_take(sc, item);
    return more == STORE_ERR_NO_DATA ? STORE_ERR_HOSTILE : more;
}

struct scroll_mark scroll_mark(const struct scroll *sc)
{
    uint64_t at = sc->next - (sc->len - sc->at);
    if (sc->skims)
        return (struct scroll_mark){at, sc->data, sc->index};
    if (at == SCROLL_LENGTH_BYTES)
        at += MANIFEST_HEADER_LEN; /* which the parser takes with the first item */
    return (struct scroll_mark){at, sc->parser.walk.data, sc->parser.walk.count};
}

void scroll_go(struct scroll *sc, const struct scroll_mark *to)
{
    sc->skims = true;
    sc->next = to->at;
    sc->at = sc->len = 0;
    sc->index = to->index;
    sc->data = to->data;
}

int scroll_inos(const struct scroll *sc, uint32_t index, uint64_t *out, size_t count)
{
    uint8_t bytes[INOS_AT_ONCE * SCROLL_INO_BYTES];
    while (count > 0) {
        size_t some = count < INOS_AT_ONCE ? count : INOS_AT_ONCE, len = some * SCROLL_INO_BYTES;
        ssize_t got = content_read(sc->store, sc->file, bytes, len,
                                   sc->end + (uint64_t)index * SCROLL_INO_BYTES);
        if (got != (ssize_t)len)
            return got < 0 ? (int)got : STORE_ERR_CORRUPT;
        struct reader r = reader_of(bytes, len);
        for (size_t i = 0; i < some; i++)
            *out++ = reader_u64(&r);
        index += (uint32_t)some;
        count -= some;
    }
    return 0;
}

int scroll_check_end(const struct scroll *sc, uint32_t items)
{
    uint8_t bytes[SCROLL_INO_BYTES + 1];
    uint64_t last = sc->end + (uint64_t)(items - 1) * SCROLL_INO_BYTES;
    ssize_t got = content_read(sc->store, sc->file, bytes, sizeof bytes, last);
    return got < 0 ? (int)got : got == SCROLL_INO_BYTES ? 0 : STORE_ERR_CORRUPT;
}
