#include "proto/message.h"

#include <string.h>

#include "proto/error.h"

enum { VERSION_FORMAT = 1, ID_NONE = 0, ID_SOME = 1 };

static int built(const struct bytes *out)
{
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static int parsed(const struct reader *in)
{
    return reader_done(in) ? PROTO_OK : PROTO_ERR_MALFORMED;
}

/* ---- ids ---- */

struct message_id message_id_of(const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES],
                                uint64_t number)
{
    struct message_id id = {.some = true, .number = number};

    memcpy(id.incarnation, incarnation, sizeof(id.incarnation));
    return id;
}

bool message_id_equal(const struct message_id *a, const struct message_id *b)
{
    return a->some == b->some && a->number == b->number &&
           memcmp(a->incarnation, b->incarnation, sizeof(a->incarnation)) == 0;
}

void message_id_put(struct bytes *out, const struct message_id *id)
{
    bytes_put_u8(out, id->some ? ID_SOME : ID_NONE);
    if (!id->some)
        return;
    bytes_put(out, id->incarnation, sizeof(id->incarnation));
    bytes_put_u64(out, id->number);
}

struct message_id message_id_take(struct reader *in)
{
    struct message_id id = {0};
    uint8_t form = reader_u8(in);

    if (form != ID_SOME) {
        in->bad = in->bad || form != ID_NONE;
        return id;
    }
    id.some = true;
    reader_copy(in, id.incarnation, sizeof(id.incarnation));
    id.number = reader_u64(in);
    return id;
}

/* ---- version ---- */

int message_version_build(struct bytes *out, const struct message_version *v)
{
    bytes_put_u8(out, VERSION_FORMAT);
    bytes_put(out, v->incarnation, sizeof(v->incarnation));
    message_id_put(out, &v->have);
    message_id_put(out, &v->floor);
    return built(out);
}

int message_version_parse(struct message_version *v, const void *plain, size_t len)
{
    struct reader in = reader_of(plain, len);

    memset(v, 0, sizeof(*v));
    if (reader_u8(&in) != VERSION_FORMAT)
        return PROTO_ERR_MALFORMED;
    reader_copy(&in, v->incarnation, sizeof(v->incarnation));
    v->have = message_id_take(&in);
    v->floor = message_id_take(&in);
    return parsed(&in);
}

/* ---- numbered ---- */

static bool content_ok(const uint8_t *content, size_t len)
{
    return len >= 1 && len <= MESSAGE_CONTENT_MAX && content[0] >= 1 &&
           content[0] <= MESSAGE_KIND_MAX;
}

int message_build(struct bytes *out, const struct message *m)
{
    if (!m->id.some || !content_ok(m->content, m->len))
        return PROTO_ERR_INVALID;
    bytes_put(out, m->id.incarnation, sizeof(m->id.incarnation));
    bytes_put_u64(out, m->id.number);
    message_id_put(out, &m->prev);
    message_id_put(out, &m->have);
    bytes_put(out, m->content, m->len);
    return built(out);
}

int message_parse(struct message *m, const void *plain, size_t len)
{
    struct reader in = reader_of(plain, len);

    memset(m, 0, sizeof(*m));
    m->id.some = true;
    reader_copy(&in, m->id.incarnation, sizeof(m->id.incarnation));
    m->id.number = reader_u64(&in);
    m->prev = message_id_take(&in);
    m->have = message_id_take(&in);
    m->len = in.left;
    m->content = reader_take(&in, m->len);
    if (!reader_done(&in) || !content_ok(m->content, m->len))
        return PROTO_ERR_MALFORMED;
    /* Only the very first message of all has none before it, and numbers never come to an end. */
    bool first = m->id.number == 0;
    return m->prev.some != first && m->id.number < UINT64_MAX ? PROTO_OK : PROTO_ERR_MALFORMED;
}

uint8_t message_kind(const struct message *m)
{
    return m->content[0];
}

/* ---- ephemeral ---- */

int message_ephemeral_build(struct bytes *out, const struct message_ephemeral *m)
{
    bytes_put_u8(out, (uint8_t)m->kind);
    switch (m->kind) {
    case MESSAGE_ACK:
        message_id_put(out, &m->have);
        break;
    case MESSAGE_HINTS:
        bytes_put(out, m->challenge, sizeof(m->challenge));
        bytes_put_u8(out, m->capabilities);
        bytes_put(out, m->json, m->json_len);
        break;
    case MESSAGE_MEET:
        break;
    }
    return built(out);
}

int message_ephemeral_parse(struct message_ephemeral *m, const void *plain, size_t len)
{
    struct reader in = reader_of(plain, len);

    memset(m, 0, sizeof(*m));
    m->kind = (enum message_ephemeral_kind)reader_u8(&in);
    switch (m->kind) {
    case MESSAGE_ACK:
        m->have = message_id_take(&in);
        return parsed(&in);
    case MESSAGE_HINTS:
        reader_copy(&in, m->challenge, sizeof(m->challenge));
        m->capabilities = reader_u8(&in);
        m->json_len = in.left;
        m->json = reader_take(&in, m->json_len);
        return parsed(&in);
    case MESSAGE_MEET:
        return parsed(&in);
    }
    return PROTO_ERR_MALFORMED;
}
