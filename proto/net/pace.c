#include "proto/net/pace.h"

static int64_t *place_of(struct pace *p, uint64_t wormhole, enum wormhole_link which)
{
    uint64_t key = wormhole * LINK_COUNT + (uint64_t)which;

    return &p->paid_ms[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
}
_Static_assert(PACE_PLACES == 1 << (64 - 52), "the hash gives a place");

int64_t pace_open(struct pace *p, uint64_t wormhole, enum wormhole_link which, int64_t now_ms)
{
    const int64_t free_ms = (int64_t)PACE_FREE * PACE_GAP_MS;
    int64_t *paid_ms = place_of(p, wormhole, which);

    if (which == LINK_NEXT)
        return 0;
    if (*paid_ms < now_ms)
        *paid_ms = now_ms;
    *paid_ms += PACE_GAP_MS;
    if (*paid_ms > now_ms + free_ms + PACE_WAIT_MAX_MS)
        *paid_ms = now_ms + free_ms + PACE_WAIT_MAX_MS;
    int64_t wait_ms = *paid_ms - now_ms - free_ms;
    return wait_ms > 0 ? wait_ms : 0;
}
