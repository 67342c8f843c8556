/* .wormholefs/state.json: the whole state as one JSON object.
 *
 *   version    of the program
 *   event      id of the last event in it
 *   wormholes  [ { id, name, state, draft, nameplate?, peer: null | { kind, version, here_now,
 * last_heard_ms }, connected, outbox: { entries, bytes, open, sealed, sent, held, offered }, inbox:
 * { entries }, sending: null | { name, done, size, bytes_per_s }, sent: { count, last, how, time_ms
 * }, held: [ { name, why } ], problem: null | "…", created_ms, event } ]
 *
 * Names are readable UTF-8 (bytes that are not are written %XX). No secrets. */
#ifndef FS_FACE_STATE_JSON_H
#define FS_FACE_STATE_JSON_H

#include <jansson.h>
#include "fs/face/face.h"
#include "fs/face/survey.h"

struct state_json {
    struct blob text; /* a line; the caller's to release */
    uint64_t event;
    int64_t event_ms;
};

/* 0, NOMEM, IO. */
int state_json_render(struct face *face, struct state_json *out);

/* One element of `wormholes`; NULL: out of memory. */
json_t *state_json_wormhole(const struct survey *s);

#endif
