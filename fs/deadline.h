/* How long something on this machine is waited for: times of CLOCK_MONOTONIC, which nobody sets,
 * and which stands while the machine sleeps. Of the seal, the face and the program itself; what the
 * machines and the engine call now is in proto/now.h. */
#ifndef FS_DEADLINE_H
#define FS_DEADLINE_H

#include <stdint.h>
#include <time.h>

static inline int64_t deadline_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A time of deadline_now_ms for pthread_cond_timedwait; its condition must go by CLOCK_MONOTONIC.
 */
static inline struct timespec deadline_at(int64_t at_ms)
{
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

static inline struct timespec deadline_in(int64_t ms)
{
    return deadline_at(deadline_now_ms() + ms);
}

#endif
