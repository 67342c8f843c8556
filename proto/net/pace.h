/* How often a link may be opened anew. Pure.
 *
 * Each opening begins with a fresh schedule (backoff.h), whose first try is at once: so a server
 * that brings its client to close a link and open it again would be asked in a tight loop. Many
 * openings in a row are at once; after these each waits PACE_GAP_MS for the one before it, and more
 * the further they run ahead, up to PACE_WAIT_MAX_MS. A link is remembered for as long as that
 * matters, whether it is open or not; two that share a place share their pace, too.
 *
 * The link to a mailbox that was begun is never kept waiting: only the peer, who has its key, can
 * bring that about, and a busy peer does so every second. Times are monotonic milliseconds. */
#ifndef PROTO_NET_PACE_H
#define PROTO_NET_PACE_H

#include <stdint.h>
#include "proto/action.h"
#include "proto/net/limits.h"

/* A zeroed struct remembers nothing. Fields are private. */
struct pace {
    int64_t paid_ms[PACE_PLACES]; /* until then, the openings of the past fill their gaps */
};

/* A link is opened now. Returns how long it has to wait, in ms. */
int64_t pace_open(struct pace *p, uint64_t wormhole, enum wormhole_link which, int64_t now_ms);

#endif
