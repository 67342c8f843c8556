#include "fs/engine/session_inner.h"

#include <string.h>
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/progress.h"

enum {
    /* Data bytes of one frame. Each costs the peer a checkpoint, so a fast connection has large
     * ones (512 MiB on loopback: 1 MiB at a time takes 15 % less than 256 KiB); a part of a frame
     * is worth nothing if the connection breaks, so a slow one has small ones. */
    FRAME_FIRST = 256 << 10,
    FRAME_LEAST = 32 << 10,
    FRAME_FAST_MS = 20,  /* sent in this long or less: the next one may be twice as large */
    FRAME_SLOW_MS = 500, /* sent in this long or more: half as large */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t frame_bytes_max(const struct session *s)
{
    return s->e->options.frame_bytes_max != 0 ? s->e->options.frame_bytes_max : BULK_DATA_MAX;
}

void session_send_begin(struct session *s)
{
    s->frame_bytes = least(FRAME_FIRST, frame_bytes_max(s));
}

/* ---- a parcel ---- */

static void end_parcel(struct session *s)
{
    parcel_close(s->parcel);
    s->parcel = NULL;
    s->frame_ms = 0;
    s->wanted_count--;
    memmove(&s->wanted[0], &s->wanted[1], s->wanted_count * sizeof s->wanted[0]);
    progress_end(s->e, s->wormhole, s->stream);
}

/* Does the revision still stand? What was read before a "yes" was read before any change. */
static bool stands(struct session *s, const uint8_t rev[static REV_BYTES], struct revision *r)
{
    struct view *v;
    if (view_begin(s->e->store, &v) < 0)
        return false;
    int err = revision_get(v, rev, r);
    view_end(v);
    return err == 0 && r->wormhole == s->wormhole && r->state == REVISION_TOLD && r->manifest != 0;
}

static void show_begin(struct session *s, const struct revision *r, uint64_t offset)
{
    struct entry entry;
    struct view *v;
    char shown[NAME_SHOWN_MAX + 1] = "";
    if (view_begin(s->e->store, &v) < 0)
        return;
    if (entry_get(v, r->ino, &entry) == 0)
        name_show(shown, entry.name.text, entry.name.len);
    view_end(v);
    progress_begin(s->e, s->wormhole, s->stream, r->rev, shown, r->size, offset);
}

static int open_parcel(struct session *s)
{
    struct revision r;
    if (s->parcel != NULL)
        return 0;
    if (!stands(s, s->wanted[0].rev, &r) || s->wanted[0].offset > r.size)
        return STORE_ERR_INVALID; /* not ours to give */
    int err = parcel_open(&s->parcel, s->e->store, &r);
    if (err < 0)
        return err;
    s->parcel_size = r.size;
    show_begin(s, &r, s->wanted[0].offset);
    return 0;
}

static int say_unreadable(struct step *step, void *arg)
{
    return outbox_unreadable(step, arg);
}

/* What the peer wants is not to be had. If it should be, that is our disk's fault, and the user's
 * to know. */
static void give_up(struct session *s, ssize_t err, bool standing)
{
    struct control *want = &s->wanted[0];
    if (standing && (err == STORE_ERR_IO || err == STORE_ERR_CORRUPT || err == STORE_ERR_NOT_FOUND))
        (void)step_alone(s->e, s->wormhole, say_unreadable, want->rev); /* else at the next want */
    session_say(s, BULK_GONE, want->rev, 0);
    end_parcel(s);
}

/* How large the next data frame is, by how long the last one took. */
static size_t pace(struct session *s)
{
    int64_t now = session_now_ms(s), took = now - s->frame_ms;
    if (s->frame_ms != 0 && took <= FRAME_FAST_MS)
        s->frame_bytes = least(2 * s->frame_bytes, frame_bytes_max(s));
    else if (s->frame_ms != 0 && took >= FRAME_SLOW_MS && s->frame_bytes > FRAME_LEAST)
        s->frame_bytes /= 2;
    s->frame_ms = now;
    return s->frame_bytes;
}

/* Makes the next data frame of what the peer wants. */
static void fill_data(struct session *s)
{
    struct control *want = &s->wanted[0];
    struct revision r;
    ssize_t len = open_parcel(s);
    if (len == 0)
        len = parcel_read(s->parcel, s->out + BULK_DATA_AT, pace(s), want->offset);
    bool standing = stands(s, want->rev, &r);
    if (len < 0 || !standing) {
        give_up(s, len, standing);
        return;
    }
    if (len > 0) {
        s->out_len = bulk_seal_data(&s->tx, s->out, want->rev, want->offset, (size_t)len);
        s->over = s->out_len == 0;
        want->offset += (uint64_t)len;
    }
    if (len == 0 || want->offset == s->parcel_size)
        end_parcel(s);
}

/* ---- frames ---- */

static void fill_control(struct session *s)
{
    while (s->control_count > 0 && s->out_len + BULK_CONTROL_MAX <= BULK_FRAME_MAX) {
        const struct control *c = &s->controls[s->control_first];
        size_t len = bulk_seal_control(&s->tx, s->out + s->out_len, c->kind, c->rev, c->offset);
        s->out_len += len;
        s->over = s->over || len == 0;
        s->control_first = (s->control_first + 1) % CONTROLS_MAX;
        s->control_count--;
    }
}

void session_send(struct session *s)
{
    if (s->out_at == s->out_len) {
        s->out_at = s->out_len = 0;
        fill_control(s);
        if (s->out_len == 0 && s->wanted_count > 0)
            fill_data(s);
        if (s->out_len == 0)
            return;
    }
    ssize_t n = stream_send(s->stream, s->out + s->out_at, s->out_len - s->out_at);
    if (n < 0) {
        s->over = true;
        return;
    }
    s->out_at += (size_t)n;
    if (n > 0)
        s->last_sent_ms = session_now_ms(s);
}

bool session_has_output(const struct session *s)
{
    return s->out_at < s->out_len || s->control_count > 0 || s->wanted_count > 0;
}

/* ---- what the peer says of it ---- */

void session_wanted(struct session *s, const struct bulk_message *m)
{
    for (size_t i = 0; i < s->wanted_count; i++) {
        if (memcmp(s->wanted[i].rev, m->revision, REV_BYTES) == 0) {
            s->wanted[i].offset = m->offset;
            return;
        }
    }
    if (s->wanted_count == WANTS_TAKEN_MAX) {
        session_flooded(s);
        return;
    }
    struct control *want = &s->wanted[s->wanted_count++];
    *want = (struct control){.kind = BULK_WANT, .offset = m->offset};
    memcpy(want->rev, m->revision, REV_BYTES);
}

void session_durable(struct session *s, const struct bulk_message *m)
{
    progress_acked(s->e, s->wormhole, s->stream, m->revision, m->offset);
    if (s->wanted_count > 0 && memcmp(s->wanted[0].rev, m->revision, REV_BYTES) == 0)
        progress_is(s->e, s->wormhole, s->stream, m->offset);
}
