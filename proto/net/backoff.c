#include "proto/net/backoff.h"

#include "proto/net/limits.h"

int64_t backoff_due_ms(const struct backoff *b)
{
    return b->first_ms == 0 ? 0 : b->last_ms + b->gap_ms;
}

bool backoff_is_early(const struct backoff *b, int64_t now_ms)
{
    return b->first_ms == 0 || now_ms - b->first_ms < BACKOFF_EARLY_MS;
}

static int32_t between(int32_t min, int32_t max, uint32_t random)
{
    return min + (int32_t)(random % (uint32_t)(max - min));
}

static int32_t late_gap(struct backoff *b, uint32_t random)
{
    if (b->bound_ms == 0)
        b->bound_ms = BACKOFF_LATE_GAP_FIRST_MS;
    else if (b->bound_ms < BACKOFF_LATE_GAP_MAX_MS / 2)
        b->bound_ms *= 2;
    else
        b->bound_ms = BACKOFF_LATE_GAP_MAX_MS;
    return between(b->bound_ms / 2, b->bound_ms, random);
}

void backoff_try(struct backoff *b, int64_t now_ms, uint32_t random)
{
    if (b->first_ms == 0)
        b->first_ms = now_ms;
    b->last_ms = now_ms;
    b->gap_ms = backoff_is_early(b, now_ms)
                    ? between(BACKOFF_EARLY_GAP_MIN_MS, BACKOFF_EARLY_GAP_MAX_MS, random)
                    : late_gap(b, random);
}

void backoff_up(struct backoff *b, int64_t now_ms)
{
    b->up_ms = now_ms;
}

void backoff_down(struct backoff *b, int64_t now_ms)
{
    if (b->up_ms != 0 && now_ms - b->up_ms >= BACKOFF_STABLE_MS)
        *b = (struct backoff){0};
    b->up_ms = 0;
}
