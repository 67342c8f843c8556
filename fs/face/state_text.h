/* The text of a wormhole's `state` file, from facts. Pure but for the time zone. Its keys and
 * their order are a promise to awk scripts; a value that has nothing to say is "-". */
#ifndef FS_FACE_STATE_TEXT_H
#define FS_FACE_STATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_held {
    const char *name; /* shown form */
    const char *why;
};

/* Control characters in any text are written '?'. Times in ms since 1970, 0: never. */
struct state_facts {
    const char *state; /* "new", "waiting", … */

    const char *peer;         /* "wormholefs", "stock client", or NULL: nobody yet */
    const char *peer_version; /* "" if unknown */
    bool here_now;
    int64_t last_heard_ms;

    uint64_t outbox_entries, outbox_bytes;

    bool sending;
    const char *sending_name;
    uint64_t sending_done, sending_size;
    double bytes_per_s;

    uint64_t sent_count;
    const char *sent_last, *sent_how;
    int64_t sent_ms;

    uint64_t inbox_entries;

    const struct state_held *held; /* the first held_shown of held_count */
    size_t held_shown;
    uint64_t held_count;

    const char *problem; /* "" if none */
    uint64_t event;
};

/* Writes at most cap bytes, NUL included, and returns the length. What does not fit is cut at the
 * end of the longest line that does. */
size_t state_text(char *out, size_t cap, const struct state_facts *facts);

enum { STATE_SIZE_TEXT = 16, STATE_TIME_TEXT = 24 };
/* "0 B", "999 B", "1.2 GiB". */
void state_size(char out[static STATE_SIZE_TEXT], uint64_t bytes);
/* "2026-11-21 18:02" in local time. */
void state_time(char out[static STATE_TIME_TEXT], int64_t time_ms);

#endif
