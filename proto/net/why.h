/* The sentences for link_failed: where a connection failed, and why, as far as is known. */
#ifndef PROTO_NET_WHY_H
#define PROTO_NET_WHY_H

#include <stdbool.h>
#include "proto/net/url.h"
#include "proto/net/ws.h"

/* A connection that has not come up, or was dropped by us, in `conn->stage`. `detail` (may be
 * NULL) is what the resolver or libwebsockets said; `status` is the HTTP status that the
 * server answered, 0 if none. Writes a sentence to why[NET_WHY_MAX]. */
void why_describe(char *why, const struct url *url, const struct ws_conn *conn, const char *detail,
                  unsigned status);
/* A number for a sentence, to compare it with the one told before; never 0. */
uint32_t why_hash(const char *why);

#endif
