/* The body of a mailbox's "pake" message: the JSON {"pake_v1": "<66 hex digits>"} around the 33
 * bytes of spake2. It is not encrypted. These functions deal in the JSON bytes; the hex around the
 * whole body is server_msg's. */
#ifndef PROTO_PAKE_H
#define PROTO_PAKE_H

#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "spake2.h"

enum { PAKE_BODY_MAX = 4096 }; /* longest body that is looked at */

/* Appends the body as upstream writes it, byte for byte. 0 or PROTO_ERR_NOMEM. */
int pake_body_build(struct bytes *out, const uint8_t msg[static SPAKE2_MSG_BYTES]);

/* Other keys, white space and upper-case hex are tolerated. PROTO_ERR_MALFORMED if the body is not
 * a JSON object in UTF-8 with a string pake_v1 of exactly 66 hex digits, PROTO_ERR_TOO_BIG beyond
 * PAKE_BODY_MAX; `msg` is untouched then. Whether the 33 bytes are any good is spake2's business.
 */
int pake_body_parse(uint8_t msg[static SPAKE2_MSG_BYTES], const void *body, size_t len);

#endif
