/* What of a mailbox survives the program, bodies apart: a version byte and the fields in order. */
#include <string.h>

#include "proto/error.h"
#include "proto/mailbox.h"

enum { FORMAT = 1 };

enum flag {
    FLAG_MUTED = 1,
    FLAG_HELD = 2,
    FLAG_MADE_PAKE = 4,
    FLAG_MADE_VERSION = 8,
    FLAG_ECHOED_ANY = 16,
    FLAGS_ALL = 31,
};

static uint8_t flags_of(const struct mailbox *m)
{
    return (uint8_t)((m->muted ? FLAG_MUTED : 0) | (m->held ? FLAG_HELD : 0) |
                     (m->made_pake ? FLAG_MADE_PAKE : 0) |
                     (m->made_version ? FLAG_MADE_VERSION : 0) |
                     (m->echoed_any ? FLAG_ECHOED_ANY : 0));
}

static void put_name(struct bytes *out, const char *name)
{
    bytes_put_blob(out, name, strlen(name));
}

int mailbox_save(const struct mailbox *m, struct bytes *out)
{
    bytes_put_u8(out, FORMAT);
    bytes_put_u8(out, (uint8_t)mailbox_state_disconnected(m->state));
    bytes_put_u64(out, m->generation);
    put_name(out, m->id);
    put_name(out, m->side);
    put_name(out, m->peer);
    bytes_put_u8(out, flags_of(m));
    bytes_put_u8(out, (uint8_t)m->mood);
    bytes_put_u64(out, m->next_number);
    bytes_put_u64(out, m->echoed_number);
    bytes_put_u64(out, m->numbered_bytes);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static void take_fields(struct mailbox *m, struct reader *in)
{
    m->generation = reader_u64(in);
    reader_word(in, m->id, MAILBOX_ID_LEN_MAX);
    reader_word(in, m->side, SIDE_LEN_MAX);
    reader_word(in, m->peer, SIDE_LEN_MAX);
    uint8_t flags = reader_u8(in);
    uint8_t mood = reader_u8(in);
    m->next_number = reader_u64(in);
    m->echoed_number = reader_u64(in);
    m->numbered_bytes = reader_u64(in);
    if (flags > FLAGS_ALL || mood > MOOD_UNWELCOME)
        in->bad = true;
    m->mood = (enum mailbox_mood)mood;
    m->muted = (flags & FLAG_MUTED) != 0;
    m->held = (flags & FLAG_HELD) != 0;
    m->made_pake = (flags & FLAG_MADE_PAKE) != 0;
    m->made_version = (flags & FLAG_MADE_VERSION) != 0;
    m->echoed_any = (flags & FLAG_ECHOED_ANY) != 0;
}

/* An id is there exactly from its arrival on; a mailbox that was closed before never had one. */
static bool is_sound(const struct mailbox *m)
{
    bool has_id = m->id[0] != '\0';

    if (mailbox_state_disconnected(m->state) != m->state || m->side[0] == '\0')
        return false;
    if (m->state == MAILBOX_NO_ID_DOWN)
        return !has_id;
    return has_id || m->state == MAILBOX_CLOSED;
}

int mailbox_load(struct mailbox *m, struct reader *in)
{
    *m = (struct mailbox){0};
    uint8_t format = reader_u8(in);
    uint8_t state = reader_u8(in);
    take_fields(m, in);
    m->state = (enum mailbox_state)state;
    if (reader_ok(in) && format == FORMAT && state <= MAILBOX_CROWDED && is_sound(m))
        return PROTO_OK;
    mailbox_release(m);
    return PROTO_ERR_MALFORMED;
}
