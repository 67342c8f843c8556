/* What an honest peer says and hears on such a line (line_rig.h): frames made and read. */
#ifndef SESSION_RIG_H
#define SESSION_RIG_H

#include "line_rig.h"

enum { KIB = 1024, CHUNK = 100 * KIB, SECOND_MS = 1000 };

static struct bytes parcel;

/* Until it has read what it was sent. */
static inline void settle(struct line *l)
{
    while ((pipe_ready(l->ours, STREAM_READABLE) & STREAM_READABLE) != 0)
        assert_true(step(l));
}

static inline void put(struct line *l, const uint8_t *frame, size_t len)
{
    while (len > 0) {
        ssize_t n = stream_send(l->theirs, frame, len);
        assert_true(n >= 0);
        frame += n;
        len -= (size_t)n;
        if (len > 0)
            assert_true(step(l));
    }
}

static inline void say(struct line *l, enum bulk_kind kind, uint8_t n, uint64_t offset)
{
    uint8_t frame[BULK_CONTROL_MAX], rev[REV_BYTES];
    make_rev(rev, n);
    put(l, frame, bulk_seal_control(&l->tx, frame, kind, rev, offset));
}

/* A piece of `parcel`. */
static inline void send_data(struct line *l, uint8_t n, uint64_t offset, size_t len)
{
    static uint8_t frame[BULK_FRAME_MAX];
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    if (len > parcel.len - offset)
        len = parcel.len - (size_t)offset;
    memcpy(frame + BULK_DATA_AT, parcel.data + offset, len);
    put(l, frame, bulk_seal_data(&l->tx, frame, rev, offset, len));
}

/* The next frame from the session, which is stepped until there is one. False: it says nothing. */
static inline bool hear(struct line *l)
{
    for (int quiet = 0; quiet < 4;) {
        int more = bulk_receiver_next(&l->rx, &l->got);
        assert_true(more >= 0);
        if (more == 1)
            return true;
        size_t room;
        uint8_t *to = bulk_receiver_room(&l->rx, &room);
        ssize_t n = stream_recv(l->theirs, to, room);
        assert_true(n >= 0);
        bulk_receiver_filled(&l->rx, (size_t)n);
        assert_true(step(l));
        bool busy = n > 0 || (pipe_ready(l->ours, STREAM_READABLE) & STREAM_READABLE) != 0;
        quiet = busy ? 0 : quiet + 1;
    }
    return false;
}

static inline void expect(struct line *l, enum bulk_kind kind, uint8_t n, uint64_t offset)
{
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    assert_true(hear(l));
    assert_int_equal(l->got.kind, kind);
    assert_memory_equal(l->got.revision, rev, REV_BYTES);
    if (kind != BULK_GONE)
        assert_int_equal(l->got.offset, offset);
}

/* The data from `offset` to the end, as the peer wanted it. */
static inline void expect_data(struct line *l, uint8_t n, uint64_t offset)
{
    while (offset < parcel.len) {
        expect(l, BULK_DATA, n, offset);
        assert_in_range(l->got.len, 1, parcel.len - offset);
        assert_memory_equal(l->got.data, parcel.data + offset, l->got.len);
        offset += l->got.len;
    }
}

static inline void send_entry(struct erig *g, uint64_t entry)
{
    bytes_release(&parcel);
    list_parcel(g, entry, 200, &parcel);
}

static inline uint64_t arrived(struct erig *g)
{
    return rig_lookup(g->r, g->inbox, "arrived");
}

static inline void take_in(struct intake *in, size_t len)
{
    assert_int_equal(intake_write(in, parcel.data, len), 0);
    while (intake_busy(in))
        assert_int_equal(intake_work(in), 0);
}

static inline int release_parcel(void **state)
{
    (void)state;
    bytes_release(&parcel);
    return 0;
}

#endif
