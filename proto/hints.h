/* Connection hints: where a side can be reached for Transit. On the wire they are JSON, in the
 * "transit" message of the file-transfer protocol:
 *
 *     {"abilities-v1": [{"type": "direct-tcp-v1"}, {"type": "relay-v1"}],
 *      "hints-v1": [{"type": "direct-tcp-v1", "hostname": H, "port": N, "priority": P},
 *                   {"type": "relay-v1", "hints": [{"type": "direct-tcp-v1", …}]}]}
 *
 * The peer chooses what we dial, so few hints and only harmless-looking hosts are kept. */
#ifndef PROTO_HINTS_H
#define PROTO_HINTS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum {
    HINT_HOST_MAX = 255,
    HINTS_DIRECT_MAX = 16,
    HINTS_RELAY_MAX = 8,
    HINTS_MAX = HINTS_DIRECT_MAX + HINTS_RELAY_MAX,
};

enum hint_kind {
    HINT_DIRECT,
    HINT_RELAY,
};

struct hint {
    enum hint_kind kind;
    char host[HINT_HOST_MAX + 1]; /* a name, or an address without brackets; never empty */
    uint16_t port;                /* never 0 */
    double priority;              /* higher is tried first; 0 is usual */
};

/* Kept in the order in which they came. A zeroed struct is an empty list. */
struct hint_list {
    struct hint at[HINTS_MAX];
    size_t count;
};

/* Appends one to *list, unless the same kind, host and port are there. 0 (also for a duplicate),
 * PROTO_ERR_INVALID if host, port or priority cannot be right (a host is 1..HINT_HOST_MAX printable
 * ASCII characters, no spaces), PROTO_ERR_FULL if there are enough of that kind. */
int hints_add(struct hint_list *list, enum hint_kind kind, const char *host, uint16_t port,
              double priority);
size_t hints_count(const struct hint_list *list, enum hint_kind kind);

/* Reads an object with the key "hints-v1" into *list, which it empties first. Tolerant of what
 * other clients send: unknown keys, unknown types of hint, hints without a usable host or port,
 * and those beyond the bounds are skipped; a missing or null "hints-v1" is an empty one.
 * PROTO_ERR_MALFORMED if `object` (may be NULL) is not an object or its "hints-v1" is not an array.
 */
int hints_parse(struct hint_list *list, const json_t *object);

/* A new {"hints-v1": …}, the caller's to json_decref, or NULL when out of memory. Each relay gets
 * a relay-v1 hint of its own. */
json_t *hints_build(const struct hint_list *list);
/* The same with "abilities-v1" beside it: the value of "transit" in the stock protocol. */
json_t *hints_build_transit(const struct hint_list *list);

/* Reads an option "tcp:HOST:PORT" or "tcp:[ADDRESS]:PORT", as for our transit relay, into *hint;
 * its priority becomes 0. 0, or PROTO_ERR_INVALID with *hint untouched. */
int hints_parse_option(struct hint *hint, enum hint_kind kind, const char *text);

#endif
