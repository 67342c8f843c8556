/* What of the boss is durable, except kept bodies and the application's messages: a version byte,
 * and the fields in the order of struct boss. Secret. Parsed strictly: what is not exactly a
 * snapshot of this version is refused. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/boss_inner.h"
#include "proto/error.h"
#include "proto/vault.h"

enum { FORMAT = 1, STATE_MAX = BOSS_LEAVING };

/* No time is later, so that sums are safe. */
#define TIME_MS_MAX (INT64_MAX / 2)

enum flag {
    FLAG_CODE = 1,
    FLAG_JOINED = 2,
    FLAG_CLASSIC = 4,
    FLAG_PERSISTENT = 8,
    FLAG_LEADER = 16,
    FLAG_ADRIFT = 32,
    FLAG_PEER_CLOSED = 64,
    FLAG_CURRENT = 128,
    FLAG_NEXT = 256,
    FLAG_KEYED = 512, /* the peer is known: there are roots */
    FLAGS_ALL = 1023,
};

/* ---- saving ---- */

static uint16_t flags_of(const struct boss *b)
{
    unsigned flags = 0;

    flags |= b->has_code ? FLAG_CODE : 0;
    flags |= b->joined ? FLAG_JOINED : 0;
    flags |= b->classic != NULL ? FLAG_CLASSIC : 0;
    flags |= b->persistent ? FLAG_PERSISTENT : 0;
    flags |= b->leader ? FLAG_LEADER : 0;
    flags |= b->adrift ? FLAG_ADRIFT : 0;
    flags |= b->peer_closed ? FLAG_PEER_CLOSED : 0;
    flags |= b->current != NULL ? FLAG_CURRENT : 0;
    flags |= b->next != NULL ? FLAG_NEXT : 0;
    flags |= b->peer[0] != '\0' ? FLAG_KEYED : 0;
    return (uint16_t)flags;
}

static void put_text(struct bytes *out, const char *text)
{
    bytes_put_blob(out, text, strlen(text));
}

/* What was seen on the server changes with every echo and may be saved later. */
static int save_mailbox(const struct mailbox *m, bool quietly, struct bytes *out)
{
    struct mailbox copy = *m;

    if (quietly)
        copy.echoed_number = 0;
    return mailbox_save(&copy, out);
}

static int save_generation(const struct generation *g, bool quietly, struct bytes *out)
{
    struct generation copy = *g;

    if (quietly)
        copy.mailbox.echoed_number = 0;
    int err = generation_save(&copy, out);
    sodium_memzero(copy.key, sizeof(copy.key));
    return err;
}

static int save_code(const struct boss *b, bool quietly, struct bytes *out)
{
    put_text(out, b->code);
    bytes_put_u64(out, (uint64_t)b->code_ms);
    bytes_put_u64(out, (uint64_t)b->alone_ms);
    int err = nameplate_save(&b->nameplate, out);
    if (err == PROTO_OK)
        err = key_save(&b->key, out);
    if (err == PROTO_OK)
        err = order_save(&b->code_order, out);
    return err == PROTO_OK ? save_mailbox(&b->code_mailbox, quietly, out) : err;
}

static int save_persistent(const struct boss *b, struct bytes *out)
{
    int err = rotation_save(&b->rotation, out);

    if (err == PROTO_OK)
        err = meeting_save(&b->meeting, out);
    if (err == PROTO_OK)
        err = inbound_save(&b->inbound, out);
    return err;
}

static void save_peer(const struct boss *b, struct bytes *out)
{
    put_text(out, b->peer);
    bytes_put(out, b->roots.mailboxes, sizeof(b->roots.mailboxes));
    bytes_put(out, b->roots.meeting, sizeof(b->roots.meeting));
    bytes_put_u64(out, b->begun);
}

static int save(const struct boss *b, bool quietly, struct bytes *out)
{
    bytes_put_u8(out, FORMAT);
    bytes_put_u8(out, (uint8_t)b->state);
    bytes_put_u8(out, (uint8_t)b->problem);
    bytes_put_u16(out, flags_of(b));
    put_text(out, b->side);
    bytes_put_u64(out, (uint64_t)b->end_ms);
    bytes_put_u8(out, (uint8_t)b->burnt);
    int err = outbound_save(&b->outbound, out);
    if (err == PROTO_OK && b->has_code)
        err = save_code(b, quietly, out);
    if (err == PROTO_OK && b->classic != NULL)
        err = classic_save(b->classic, out);
    if (b->peer[0] != '\0')
        save_peer(b, out);
    if (err == PROTO_OK && b->persistent)
        err = save_persistent(b, out);
    if (err == PROTO_OK && b->current != NULL)
        err = save_generation(b->current, quietly, out);
    if (err == PROTO_OK && b->next != NULL)
        err = save_generation(b->next, quietly, out);
    return err == PROTO_OK && !bytes_ok(out) ? PROTO_ERR_NOMEM : err;
}

int snapshot_save(const struct boss *b, struct bytes *out)
{
    return save(b, false, out);
}

int snapshot_fingerprint(const struct boss *b, uint8_t out[static 32])
{
    struct bytes snapshot = {0};

    int err = save(b, true, &snapshot);
    if (err == PROTO_OK)
        crypto_generichash(out, 32, snapshot.data, snapshot.len, NULL, 0);
    bytes_release(&snapshot);
    return err;
}

/* ---- loading ---- */

static int64_t take_ms(struct reader *in)
{
    uint64_t ms = reader_u64(in);

    in->bad = in->bad || ms > TIME_MS_MAX;
    return (int64_t)ms;
}

static int load_code(struct boss *b, struct reader *in)
{
    reader_word(in, b->code, CODE_TEXT_MAX);
    b->code_ms = take_ms(in);
    b->alone_ms = take_ms(in);
    int err = nameplate_load(&b->nameplate, in);
    if (err == PROTO_OK)
        err = key_load(&b->key, in);
    if (err == PROTO_OK)
        err = order_load(&b->code_order, in);
    return err == PROTO_OK ? mailbox_load(&b->code_mailbox, in) : err;
}

static int load_classic(struct boss *b, struct reader *in)
{
    b->classic = vault_alloc(sizeof(*b->classic));
    return b->classic != NULL ? classic_load(b->classic, in) : PROTO_ERR_NOMEM;
}

static void load_peer(struct boss *b, struct reader *in)
{
    reader_word(in, b->peer, SIDE_LEN_MAX);
    reader_copy(in, b->roots.mailboxes, sizeof(b->roots.mailboxes));
    reader_copy(in, b->roots.meeting, sizeof(b->roots.meeting));
    b->begun = reader_u64(in);
}

static int load_persistent(struct boss *b, struct reader *in)
{
    int err = rotation_load(&b->rotation, in);

    if (err == PROTO_OK)
        err = meeting_load(&b->meeting, in);
    if (err == PROTO_OK)
        err = inbound_load(&b->inbound, in);
    return err;
}

static int load_generation(struct generation **out, struct reader *in)
{
    *out = generation_load(in);
    return *out != NULL ? PROTO_OK : PROTO_ERR_MALFORMED;
}

static int load_parts(struct boss *b, unsigned flags, struct reader *in)
{
    int err = outbound_load(&b->outbound, in);

    if (err == PROTO_OK && b->has_code)
        err = load_code(b, in);
    if (err == PROTO_OK && (flags & FLAG_CLASSIC) != 0)
        err = load_classic(b, in);
    if ((flags & FLAG_KEYED) != 0)
        load_peer(b, in);
    if (err == PROTO_OK && b->persistent)
        err = load_persistent(b, in);
    if (err == PROTO_OK && (flags & FLAG_CURRENT) != 0)
        err = load_generation(&b->current, in);
    if (err == PROTO_OK && (flags & FLAG_NEXT) != 0)
        err = load_generation(&b->next, in);
    return err;
}

/* While there is a code: generation 0 begins when K is known. */
static bool knows_key(const struct boss *b)
{
    return b->key.state != KEY_NONE && b->key.state != KEY_STARTED && b->key.state != KEY_FORKED;
}

/* What the rest of the boss takes for granted. */
static bool is_sound(const struct boss *b, unsigned flags)
{
    bool keyed = b->peer[0] != '\0';

    return strlen(b->side) == SIDE_LEN && keyed == ((flags & FLAG_KEYED) != 0) &&
           (keyed || (!b->persistent && b->current == NULL)) &&
           (b->current == NULL || !b->has_code || knows_key(b)) &&
           (b->next == NULL || b->current != NULL) && !(b->persistent && b->classic != NULL) &&
           (b->classic == NULL || b->has_code) && b->begun <= GENERATION_MAX;
}

int snapshot_load(struct boss *b, struct reader *in)
{
    uint8_t format = reader_u8(in), state = reader_u8(in), problem = reader_u8(in);
    unsigned flags = reader_u16(in);

    if (format != FORMAT || state > STATE_MAX || problem > PROBLEM_CLONE || flags > FLAGS_ALL)
        return PROTO_ERR_MALFORMED;
    b->state = (enum boss_state)state;
    b->problem = (enum boss_problem)problem;
    b->has_code = (flags & FLAG_CODE) != 0;
    b->joined = (flags & FLAG_JOINED) != 0;
    b->persistent = (flags & FLAG_PERSISTENT) != 0;
    b->leader = (flags & FLAG_LEADER) != 0;
    b->adrift = (flags & FLAG_ADRIFT) != 0;
    b->peer_closed = (flags & FLAG_PEER_CLOSED) != 0;
    reader_word(in, b->side, SIDE_LEN);
    b->end_ms = take_ms(in);
    b->burnt = reader_u8(in);
    int err = load_parts(b, flags, in);
    if (err != PROTO_OK)
        return err;
    return reader_done(in) && is_sound(b, flags) ? PROTO_OK : PROTO_ERR_MALFORMED;
}
