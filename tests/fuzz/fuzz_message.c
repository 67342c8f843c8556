/* The messages of a persistent peer as plaintexts: envelopes, ephemeral ones, those about entries,
 * rotation. The first byte says which. These formats are strict: what was parsed is, built again,
 * the same bytes. */
#include <sodium.h>

#include "proto/error.h"
#include "proto/message.h"
#include "proto/peer.h"
#include "proto/rotation.h"
#include "tests/fuzz/fuzz.h"

enum what { VERSION, NUMBERED, EPHEMERAL, PEER, ROTATE, ROTATED, WHATS };

static void try_version(const uint8_t *plain, size_t len)
{
    struct message_version v;
    struct bytes built = {0};

    if (message_version_parse(&v, plain, len) == PROTO_OK)
        MUST(message_version_build(&built, &v) == PROTO_OK && fuzz_equal(&built, plain, len));
    bytes_release(&built);
}

static void try_numbered(const uint8_t *plain, size_t len)
{
    struct message m;
    struct bytes built = {0};

    if (message_parse(&m, plain, len) == PROTO_OK) {
        MUST(m.len >= 1 && m.len <= MESSAGE_CONTENT_MAX && message_kind(&m) <= MESSAGE_KIND_MAX);
        MUST(message_build(&built, &m) == PROTO_OK && fuzz_equal(&built, plain, len));
    }
    bytes_release(&built);
}

static void try_ephemeral(const uint8_t *plain, size_t len)
{
    struct message_ephemeral m;
    struct bytes built = {0};

    if (message_ephemeral_parse(&m, plain, len) == PROTO_OK)
        MUST(message_ephemeral_build(&built, &m) == PROTO_OK && fuzz_equal(&built, plain, len));
    bytes_release(&built);
}

static void try_peer(const uint8_t *content, size_t len)
{
    struct peer_message m;
    struct bytes built = {0};

    if (peer_parse(&m, content, len) == PROTO_OK) {
        MUST(peer_build(&built, &m) == PROTO_OK && fuzz_equal(&built, content, len));
        if (m.kind == PEER_PIECE)
            MUST(m.len >= 1 && m.size <= PEER_PIECED_PARCEL_MAX && m.offset <= m.size - m.len);
    }
    bytes_release(&built);
}

static void try_rotate(const uint8_t *content, size_t len)
{
    static const uint8_t old[RATCHET_KEY_BYTES] = {1};
    struct now now = {.ms = 1};
    struct bytes rotated = {0};
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next = 0;

    if (rotation_answer(content, len, old, 3, &now, &next, key, &rotated) == PROTO_OK)
        MUST(next > 3 && next <= GENERATION_MAX && rotated.len > 0);
    bytes_release(&rotated);
}

static void try_rotated(const uint8_t *content, size_t len)
{
    static const uint8_t old[RATCHET_KEY_BYTES] = {1};
    struct now now = {.ms = 1};
    struct rotation r = {0};
    struct bytes proposal = {0};
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t next = 4;

    MUST(rotation_propose(&r, 4, &now, &proposal) == PROTO_OK);
    int err = rotation_finish(&r, content, len, old, &next, key);
    bool over = err == PROTO_OK || err == PROTO_ERR_CRYPTO;
    MUST(next == 4 && r.proposed == !over);
    rotation_clear(&r);
    bytes_release(&proposal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const tries[WHATS])(const uint8_t *, size_t) = {
        [VERSION] = try_version, [NUMBERED] = try_numbered, [EPHEMERAL] = try_ephemeral,
        [PEER] = try_peer,       [ROTATE] = try_rotate,     [ROTATED] = try_rotated,
    };

    MUST(sodium_init() >= 0);
    if (len > 0)
        tries[data[0] % WHATS](data + 1, len - 1);
    return 0;
}
