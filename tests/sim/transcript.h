/* Recorded sessions of real clients with a real mailbox server, from tests/vectors/transcripts:
 *   NAME.jsonl        the frames, as a proxy before the server saw them: {"conn": N, "dir": "c2s" |
 * "s2c", "raw": TEXT, …} NAME.plain.jsonl  what the Python clients among them computed: {"who": …,
 * "ev": …, …} For tests: whatever is wrong with a file ends the test. */
#ifndef SIM_TRANSCRIPT_H
#define SIM_TRANSCRIPT_H

#include <stddef.h>

#include <jansson.h>

/* All lines of one file of the folder $VECTORS/transcripts, as an array; the caller's to
 * json_decref. */
json_t *transcript_load(const char *name, const char *suffix);

/* The string under `key`, or "". Points into `object`. */
const char *transcript_text(const json_t *object, const char *key);
/* The message of a frame, or NULL if the line is none. `direction` is "c2s" or "s2c". Points into
 * `line`. */
json_t *transcript_message(json_t *line, const char *direction);
int transcript_connection(const json_t *line);

/* The names of all sessions, NULL at the end. */
extern const char *const transcript_names[];

#endif
