#include "proto/rotation.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/message.h"

/* Both contents are alike. */
struct proposal {
    uint64_t next;
    const uint8_t *public;
};

static int build(struct bytes *out, enum message_kind kind, uint64_t next, const uint8_t *public)
{
    bytes_put_u8(out, (uint8_t)kind);
    bytes_put_u64(out, next);
    bytes_put(out, public, RATCHET_PUBLIC_BYTES);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static int parse(struct proposal *p, enum message_kind kind, const void *content, size_t len)
{
    struct reader in = reader_of(content, len);
    bool right = reader_u8(&in) == kind;

    p->next = reader_u64(&in);
    p->public = reader_take(&in, RATCHET_PUBLIC_BYTES);
    return reader_done(&in) && right && p->next <= GENERATION_MAX ? PROTO_OK : PROTO_ERR_MALFORMED;
}

void rotation_clear(struct rotation *r)
{
    sodium_memzero(r, sizeof(*r));
}

int rotation_propose(struct rotation *r, uint64_t next, struct now *now, struct bytes *content)
{
    r->proposed = true;
    r->next = next;
    ratchet_pair_draw(&r->pair, now);
    return build(content, MESSAGE_ROTATE, next, r->pair.public);
}

int rotation_answer(const void *content, size_t len, const uint8_t old[static RATCHET_KEY_BYTES],
                    uint64_t used, struct now *now, uint64_t *next,
                    uint8_t key[static RATCHET_KEY_BYTES], struct bytes *rotated)
{
    struct proposal p;
    struct ratchet_pair pair;

    int err = parse(&p, MESSAGE_ROTATE, content, len);
    if (err != PROTO_OK)
        return err;
    if (p.next <= used)
        return PROTO_ERR_STATE;
    ratchet_pair_draw(&pair, now);
    struct ratchet_exchange x = {
        .generation = p.next, .leader_public = p.public, .follower_public = pair.public};
    err = ratchet_rotate(key, old, pair.secret, p.public, &x);
    if (err == PROTO_OK)
        err = build(rotated, MESSAGE_ROTATED, p.next, pair.public);
    sodium_memzero(&pair, sizeof(pair));
    *next = p.next;
    return err;
}

int rotation_finish(struct rotation *r, const void *content, size_t len,
                    const uint8_t old[static RATCHET_KEY_BYTES], uint64_t *next,
                    uint8_t key[static RATCHET_KEY_BYTES])
{
    struct proposal p;

    int err = parse(&p, MESSAGE_ROTATED, content, len);
    if (err != PROTO_OK)
        return err;
    if (!r->proposed || p.next != r->next)
        return PROTO_ERR_STATE;
    struct ratchet_exchange x = {
        .generation = p.next, .leader_public = r->pair.public, .follower_public = p.public};
    err = ratchet_rotate(key, old, r->pair.secret, p.public, &x);
    *next = p.next;
    rotation_clear(r);
    return err;
}

int rotation_save(const struct rotation *r, struct bytes *out)
{
    bytes_put_u8(out, r->proposed);
    if (r->proposed) {
        bytes_put_u64(out, r->next);
        bytes_put(out, r->pair.secret, sizeof(r->pair.secret));
        bytes_put(out, r->pair.public, sizeof(r->pair.public));
    }
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int rotation_load(struct rotation *r, struct reader *in)
{
    rotation_clear(r);
    uint8_t proposed = reader_u8(in);
    if (proposed == 1) {
        r->proposed = true;
        r->next = reader_u64(in);
        reader_copy(in, r->pair.secret, sizeof(r->pair.secret));
        reader_copy(in, r->pair.public, sizeof(r->pair.public));
    }
    if (reader_ok(in) && proposed <= 1 && r->next <= GENERATION_MAX)
        return PROTO_OK;
    rotation_clear(r);
    return PROTO_ERR_MALFORMED;
}
