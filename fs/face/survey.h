/* What there is to say about one wormhole: its row, counts, what is held and why, and what the
 * engine knows just now. Read once, shown by `state` and by state.json. */
#ifndef FS_FACE_SURVEY_H
#define FS_FACE_SURVEY_H

#include "fs/face/face.h"
#include "fs/face/limits.h"
#include "store/entries.h"
#include "store/wormholes.h"

struct survey_held {
    char name[NAME_SHOWN_MAX + 1];
    char why[LOG_TEXT_BYTES_MAX + 1];
};

/* An entry that is not sealed yet: perhaps somebody has it open, or is making it. */
struct survey_open {
    uint64_t ino;
    char name[NAME_SHOWN_MAX + 1];
};

struct survey {
    struct wormhole row;
    struct entry_count count;
    uint64_t outbox_bytes;
    uint64_t inbox_entries;
    int64_t event_ms; /* of row.last_event */
    int64_t age_ms;   /* since the wormhole was made */
    struct survey_held held[FACE_HELD_SHOWN_MAX];
    size_t held_shown;
    uint64_t held_count;
    struct survey_open open[FACE_OPEN_SHOWN_MAX];
    size_t open_shown;
    struct engine_status status;
    const char *store_trouble; /* or NULL */
};

/* From the store. 0, NOT_FOUND, IO. */
int survey_read(struct view *v, uint64_t wormhole, struct survey *s);
/* Adds what is volatile. The first may be called with a view open, the second not. */
void survey_status(struct face *face, struct survey *s);
void survey_writers(struct face *face, struct survey *s);

const char *survey_state_word(enum wormhole_state state);
/* "wormholefs", "stock client", or NULL. */
const char *survey_peer_word(enum wormhole_peer peer);
/* When the peer was heard last, as far as is known: what the store does not have of before this run
 * is not. 0: never. */
int64_t survey_last_heard_ms(const struct survey *s);
/* The sentence that needs a person, or "". */
const char *survey_problem(const struct survey *s);

#endif
