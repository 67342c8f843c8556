/* The log: what happened, append-only, oldest first, with one global id. Top-level things only;
 * never a secret, a key or a code. The projections (projection.h) are folded from it, so an event
 * says everything that they need.
 *
 * A detail is a JSON object. Names in it are written by log_put_name: key K holds the name as
 * readable UTF-8 (name_show); where that differs from the bytes, K_hex holds them exactly. Sizes
 * and counts are JSON integers, revisions 32 lower-case hex digits, flags true or false. `size` is
 * always that of the files' contents; `parcel_size`, which is known before, counts names, modes and
 * attributes, too.
 *
 *   type               wormhole,ino  detail (? = optional)
 *   wormhole_created   w, dir        name | shown (a name that is a code: "7-…", see wormholes.h),
 *                                    outbox, inbox, code, state (inode numbers), draft?
 *   wormhole_renamed   w, dir        name, from?
 *   box_renewed        w, new ino    box ("outbox" | "inbox" | "code" | "state"), old
 *   code_wanted        w             (a code is needed: from `new`, or `closed` for a fresh one)
 *   code_allocated     w             nameplate
 *   code_read          w             (the first read; its time counts for the draft rule)
 *   code_used          w             (a peer has joined by it)
 *   code_burnt         w             count (how many in a row), waits (true: until the next read)
 *   code_expired       w
 *   joining            w             nameplate
 *   paired             w             peer ("wormholefs" | "stock"), version
 *   closing            w             (our user removed it: it leaves the tree)
 *   closed             w             by ("peer" | "done"), why?
 *   failed             w             why
 *   forgotten          w             (the last trace but the log is erased)
 *   entry_created      w, ino        name, kind ("file" | "dir" | "symlink"), cause?
 *   entry_renamed      w, ino        name, from
 *   entry_exchanged    w, ino        other (ino): the two swap their names in one box
 *   entry_removed      w, ino        name, cause ("unlinked" | "replaced" | "moved" | "delivered")
 *   entry_sealed       w, ino        rev, size, files
 *   entry_withdrawn    w, ino        rev, cause? (back to open)
 *   entry_reopened     w, ino        (a sent entry was changed: it is a new one)
 *   entry_held         w, ino        reason, code? (entry_hold_as; not before version 3)
 *   entry_released     w, ino
 *   entry_offered      w, ino        rev
 *   entry_delivered    w, ino        rev, name (at the peer), how ("delivered" | "too late"),
 *                                    own? (name here), size?
 *   entry_refused      w, ino        rev, reason
 *   entry_maybe        w, ino        (a stock peer may have it already)
 *   arriving           w             rev, parcel_size, name, left_out? (so many of these and of
 *                                    arrival_* were not written before it: the peer causes more
 *                                    than are noted one by one, fs/engine/notes.h)
 *   arrived            w, ino        rev?, name, kind, size, parcel_size?, overhead? (of the
 *                                    journal; both count for inbox_max), files, clash? (the taken
 *                                    name)
 *   arrival_withdrawn  w             rev, left_out?
 *   arrival_refused    w             rev, reason, left_out?
 *   inbox_created      w, ino        name, kind (made by a local program)
 *   inbox_renamed      w, ino        name, from
 *   inbox_exchanged    w, ino        other
 *   inbox_removed      w, ino        name, cause ("unlinked" | "replaced" | "moved" | "forwarded")
 *   forwarded          w, ino        name, to (wormhole id), to_ino; beside inbox_removed here (if
 * it was an entry, not a part of one) and entry_created there, in one turn problem            w
 * text problem_cleared    w went_back          w             who ("us" | "peer") mailbox_lost,
 * mailbox_reopened  w rotated, met       w             number wormhole 0 means the whole mount. */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include <jansson.h>
#include <stdint.h>
#include "store/blob.h"
#include "store/turn.h"

#define LOG_TYPES(X)                                                                               \
    X(WORMHOLE_CREATED, "wormhole_created")                                                        \
    X(WORMHOLE_RENAMED, "wormhole_renamed")                                                        \
    X(BOX_RENEWED, "box_renewed")                                                                  \
    X(CODE_WANTED, "code_wanted")                                                                  \
    X(CODE_ALLOCATED, "code_allocated")                                                            \
    X(CODE_READ, "code_read")                                                                      \
    X(CODE_USED, "code_used")                                                                      \
    X(CODE_BURNT, "code_burnt")                                                                    \
    X(CODE_EXPIRED, "code_expired")                                                                \
    X(JOINING, "joining")                                                                          \
    X(PAIRED, "paired")                                                                            \
    X(CLOSING, "closing")                                                                          \
    X(CLOSED, "closed")                                                                            \
    X(FAILED, "failed")                                                                            \
    X(FORGOTTEN, "forgotten")                                                                      \
    X(ENTRY_CREATED, "entry_created")                                                              \
    X(ENTRY_RENAMED, "entry_renamed")                                                              \
    X(ENTRY_EXCHANGED, "entry_exchanged")                                                          \
    X(ENTRY_REMOVED, "entry_removed")                                                              \
    X(ENTRY_SEALED, "entry_sealed")                                                                \
    X(ENTRY_WITHDRAWN, "entry_withdrawn")                                                          \
    X(ENTRY_REOPENED, "entry_reopened")                                                            \
    X(ENTRY_HELD, "entry_held")                                                                    \
    X(ENTRY_RELEASED, "entry_released")                                                            \
    X(ENTRY_OFFERED, "entry_offered")                                                              \
    X(ENTRY_DELIVERED, "entry_delivered")                                                          \
    X(ENTRY_REFUSED, "entry_refused")                                                              \
    X(ENTRY_MAYBE, "entry_maybe")                                                                  \
    X(ARRIVING, "arriving")                                                                        \
    X(ARRIVED, "arrived")                                                                          \
    X(ARRIVAL_WITHDRAWN, "arrival_withdrawn")                                                      \
    X(ARRIVAL_REFUSED, "arrival_refused")                                                          \
    X(INBOX_CREATED, "inbox_created")                                                              \
    X(INBOX_RENAMED, "inbox_renamed")                                                              \
    X(INBOX_EXCHANGED, "inbox_exchanged")                                                          \
    X(INBOX_REMOVED, "inbox_removed")                                                              \
    X(FORWARDED, "forwarded")                                                                      \
    X(PROBLEM, "problem")                                                                          \
    X(PROBLEM_CLEARED, "problem_cleared")                                                          \
    X(WENT_BACK, "went_back")                                                                      \
    X(MAILBOX_LOST, "mailbox_lost")                                                                \
    X(MAILBOX_REOPENED, "mailbox_reopened")                                                        \
    X(ROTATED, "rotated")                                                                          \
    X(MET, "met")

enum log_type {
#define LOG_ENUM(id, text) LOG_##id,
    LOG_TYPES(LOG_ENUM)
#undef LOG_ENUM
        LOG_TYPE_COUNT
};

const char *log_type_text(enum log_type type);
int log_type_parse(const char *text, enum log_type *out); /* 0 or NOT_FOUND */

struct log_event {
    enum log_type type;
    uint64_t wormhole; /* its id, or 0 */
    uint64_t ino;      /* the inode number it is about, or 0 */
    json_t *detail;    /* an object, or NULL for {} */
};

/* Appends the event, applies it to the projections in the same turn, and makes the turn promise.
 * Takes over the caller's reference to event->detail, also on failure, so that
 * log_append(t, &(struct log_event){…, .detail = json_pack(…)}, NULL) leaks nothing; a NULL detail
 * from a failed json_pack is caught where the type needs one. *id (may be NULL) is its number.
 * 0; TOO_BIG; INVALID (a detail that lacks what the table above says); NOT_FOUND, EXISTS (it
 * contradicts the projections); NOMEM, IO, NOSPACE. */
int log_append(struct turn *t, const struct log_event *event, uint64_t *id);

struct log_row {
    uint64_t id;
    int64_t time_ms;
    struct log_event event; /* detail is borrowed here: valid during the callback */
};

/* Calls fn for each event with id > since, oldest first, at most `limit`. A non-zero return of fn
 * stops and is returned. 0, IO, CORRUPT, NOMEM. */
int log_read(struct view *v, uint64_t since, uint64_t limit,
             int (*fn)(void *arg, const struct log_row *row), void *arg);

/* The id of the newest event, 0 if there is none. */
int log_last(struct view *v, uint64_t *id);

/* A JSON string of text from outside: cut to LOG_TEXT_BYTES_MAX and to what is valid UTF-8. NULL if
 * out of memory. */
json_t *log_text(const char *text);

/* The detail of entry_delivered, without own and size. NULL: out of memory. */
json_t *log_delivery(const uint8_t rev[static REV_BYTES], const char *at_peer, const char *how);

/* Puts a name under `key` (and `key`_hex where needed). 0 or NOMEM. */
int log_put_name(json_t *detail, const char *key, const struct name *name);
/* Reads it back exactly. 0, NOT_FOUND, INVALID. */
int log_get_name(const json_t *detail, const char *key, struct name *out);

#endif
