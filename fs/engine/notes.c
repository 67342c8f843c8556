#include "fs/engine/notes.h"

#include <string.h>

static bool pay(int64_t *paid_ms, int64_t now_ms, int max)
{
    const int64_t burst_ms = (int64_t)NOTES_EVERY_MS * (max - 1);
    if (*paid_ms < now_ms)
        *paid_ms = now_ms;
    if (*paid_ms > now_ms + burst_ms + NOTES_EVERY_MS) /* the clock was set back */
        *paid_ms = now_ms + burst_ms + NOTES_EVERY_MS;
    if (*paid_ms > now_ms + burst_ms)
        return false;
    *paid_ms += NOTES_EVERY_MS;
    return true;
}

bool notes_arrival(struct notes *n, int64_t now_ms, uint64_t *left_out)
{
    if (!pay(&n->arrivals_paid_ms, now_ms, NOTES_ARRIVALS_MAX)) {
        n->left_out++;
        return false;
    }
    *left_out = n->left_out;
    n->left_out = 0;
    return true;
}

void notes_published(struct notes *n)
{
    n->arrivals_paid_ms -= NOTES_EVERY_MS;
}

bool notes_problem(struct notes *n, int64_t now_ms)
{
    return pay(&n->problems_paid_ms, now_ms, NOTES_PROBLEMS_MAX);
}

bool notes_refused_before(struct notes *n, const uint8_t rev[static REV_BYTES])
{
    size_t known = n->refused_count < NOTES_REFUSED_MAX ? n->refused_count : NOTES_REFUSED_MAX;
    for (size_t i = 0; i < known; i++)
        if (memcmp(n->refused[i], rev, REV_BYTES) == 0)
            return true;
    memcpy(n->refused[n->refused_count++ % NOTES_REFUSED_MAX], rev, REV_BYTES);
    return false;
}

void notes_forget_refused(struct notes *n)
{
    n->refused_count = 0;
}
