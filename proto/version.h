/* The plaintext of the `version` message in the code's mailbox and generation 0: JSON, with what a
 * program can do in app_versions (PROTOCOL.md §2). Everything in it is optional. */
#ifndef PROTO_VERSION_H
#define PROTO_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "limits.h"

enum { VERSION_INCARNATION_BYTES = 16 };

struct version {
    bool persistent; /* has our key: speaks the persistent protocol */
    uint8_t incarnation[VERSION_INCARNATION_BYTES];
    char software[SOFTWARE_LEN_MAX + 1]; /* printable ASCII, others are '?'; or "" */
};

/* Appends ours: {"app_versions":{"wormholefs-v1":{"incarnation":…,"software":…}}}. 0 or
 * PROTO_ERR_NOMEM. */
int version_build(struct bytes *out, const uint8_t incarnation[static VERSION_INCARNATION_BYTES],
                  const char *software);

/* Tolerant: whatever is a JSON object is a version message; without our key, or with an
 * incarnation there that is not 32 hex digits, `persistent` is false. PROTO_ERR_MALFORMED if it is
 * no JSON object, PROTO_ERR_TOO_BIG beyond VERSION_PLAIN_MAX; *v is then untouched. */
int version_parse(struct version *v, const void *plain, size_t len);

#endif
