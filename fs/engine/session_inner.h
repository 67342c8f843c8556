/* The inside of a session: what session.c, session_send.c and session_receive.c share. All runs on
 * the transit thread. */
#ifndef FS_ENGINE_SESSION_INNER_H
#define FS_ENGINE_SESSION_INNER_H

#include "fs/engine/limits.h"
#include "fs/engine/session.h"
#include "proto/bulk.h"
#include "store/entries.h"

struct control {
    enum bulk_kind kind;
    uint8_t rev[REV_BYTES];
    uint64_t offset;
};

/* A parcel that we have wanted. */
struct want {
    uint8_t rev[REV_BYTES];
    uint64_t offset; /* as we said it last */
    bool missed;     /* the peer sent of it before its turn: it does not come any more as wanted */
};

struct session {
    struct engine *e;
    uint64_t wormhole;
    struct stream *stream;
    struct bulk_sender tx;
    struct bulk_receiver rx;
    /* leaving */
    uint8_t *out;
    size_t out_at, out_len;
    struct control controls[CONTROLS_MAX];
    size_t control_first, control_count;
    /* sending a parcel */
    struct control wanted[WANTS_TAKEN_MAX]; /* by the peer, in its order */
    size_t wanted_count;
    struct parcel *parcel; /* of wanted[0], once it is open */
    uint64_t parcel_size;
    size_t frame_bytes; /* data bytes of the next frame */
    int64_t frame_ms;   /* when the last one began to be sent; 0 if nothing is being sent */
    /* receiving parcels */
    struct want wants[WANTS_AHEAD_MAX]; /* in order; the first one comes first */
    size_t wants_count;
    struct intake *intake; /* of wants[0] */
    bool publishing;       /* it is complete and on disk, and being finished */
    uint64_t since_sync_bytes;
    int64_t last_sync_ms;
    bool look_for_arrivals;
    /* time */
    int64_t last_sent_ms, last_received_ms, last_busy_ms;
    int64_t last_data_ms; /* data of a parcel came, one was worked on, or nothing was wanted */
    bool over;
    bool flooded; /* it is over for that */
};

/* session.c */
int64_t session_now_ms(const struct session *s);
/* The peer asks for more than a bound allows: the connection ends, and the user reads why. */
void session_flooded(struct session *s);
/* Queues a small frame; rev NULL: zeros. */
void session_say(struct session *s, enum bulk_kind kind, const uint8_t *rev, uint64_t offset);

/* session_send.c: what leaves. */
void session_send_begin(struct session *s);
void session_send(struct session *s); /* some bytes, if there are any */
bool session_has_output(const struct session *s);
/* The peer wants a parcel from an offset; a later want for it replaces an earlier one. */
void session_wanted(struct session *s, const struct bulk_message *m);
/* The peer has it durably so far. */
void session_durable(struct session *s, const struct bulk_message *m);

/* session_receive.c: what comes. */
void session_look(struct session *s); /* for arrivals that are not wanted yet, and wants them */
void session_begin_next(struct session *s); /* opens the intake of what comes next */
void session_data(struct session *s, const struct bulk_message *m);
void session_gone(struct session *s, const struct bulk_message *m); /* the peer has it no more */
bool session_is_busy(const struct session *s); /* with what came: nothing is read meanwhile */
void session_work(struct session *s);          /* some of that */

#endif
