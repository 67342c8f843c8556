#include "proto/peer.h"

#include <stdbool.h>
#include <string.h>

#include "proto/error.h"
#include "proto/manifest.h"

static bool size_ok(uint64_t size)
{
    return size > 0 && size <= INT64_MAX;
}

static bool piece_ok(const struct peer_message *m)
{
    return m->size > 0 && m->size <= PEER_PIECED_PARCEL_MAX && m->len > 0 &&
           m->len <= PEER_PIECE_MAX && m->offset < m->size && m->len <= m->size - m->offset;
}

static bool offer_ok(const struct peer_message *m)
{
    return size_ok(m->size) && m->items > 0 && m->items <= MANIFEST_ITEMS_MAX && m->len > 0 &&
           m->len <= PEER_NAME_MAX;
}

static bool decision_ok(const struct peer_message *m)
{
    return m->verdict <= PEER_REFUSED_EVER && m->len <= PEER_REASON_MAX;
}

static bool message_ok(const struct peer_message *m)
{
    switch (m->kind) {
    case PEER_PIECE:
        return piece_ok(m);
    case PEER_OFFER:
        return offer_ok(m);
    case PEER_WITHDRAW:
        return true;
    case PEER_DECISION:
        return decision_ok(m);
    }
    return false;
}

int peer_build(struct bytes *out, const struct peer_message *m)
{
    if (!message_ok(m))
        return PROTO_ERR_INVALID;
    bytes_put_u8(out, (uint8_t)m->kind);
    bytes_put(out, m->revision, sizeof(m->revision));
    switch (m->kind) {
    case PEER_PIECE:
        bytes_put_u64(out, m->size);
        bytes_put_u64(out, m->offset);
        bytes_put(out, m->data, m->len);
        break;
    case PEER_OFFER:
        bytes_put_u64(out, m->size);
        bytes_put_u32(out, m->items);
        bytes_put_blob(out, m->data, m->len);
        break;
    case PEER_WITHDRAW:
        break;
    case PEER_DECISION:
        bytes_put_u8(out, (uint8_t)m->verdict);
        bytes_put_blob(out, m->data, m->len);
        break;
    }
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static void read_fields(struct peer_message *m, struct reader *r)
{
    switch (m->kind) {
    case PEER_PIECE:
        m->size = reader_u64(r);
        m->offset = reader_u64(r);
        m->len = r->left;
        m->data = reader_take(r, m->len);
        break;
    case PEER_OFFER:
        m->size = reader_u64(r);
        m->items = reader_u32(r);
        m->data = reader_blob(r, PEER_NAME_MAX, &m->len);
        break;
    case PEER_WITHDRAW:
        break;
    case PEER_DECISION:
        m->verdict = (enum peer_verdict)reader_u8(r);
        m->data = reader_blob(r, PEER_REASON_MAX, &m->len);
        break;
    }
}

int peer_parse(struct peer_message *m, const void *content, size_t len)
{
    struct reader r = reader_of(content, len);

    memset(m, 0, sizeof(*m));
    m->kind = (enum peer_kind)reader_u8(&r);
    reader_copy(&r, m->revision, sizeof(m->revision));
    read_fields(m, &r);
    return reader_done(&r) && message_ok(m) ? PROTO_OK : PROTO_ERR_MALFORMED;
}
