/* A race on the thread of its attempt. */
#include "proto/net/race.h"

#include <errno.h>

#include "proto/net/clock.h"

static bool wait_for(const struct race_wait *wait, const struct race_owner *owner)
{
    wait->fds[0] = (struct pollfd){.fd = owner->wake_fd, .events = POLLIN};
    int64_t left_ms = wait->until_ms - clock_mono_ms();
    int n = poll(wait->fds, wait->count, left_ms > 0 ? (int)left_ms : 0);
    if (n < 0 && errno != EINTR)
        return false;
    if (n > 0 && wait->fds[0].revents != 0)
        owner->drain(owner->arg);
    return true;
}

int race_run(const struct race_options *options, const struct race_owner *owner, const char **kind)
{
    struct race *r = race_begin(options, clock_mono_ms());
    struct race_wait wait;
    enum race_state state = r != NULL ? RACE_ON : RACE_LOST;

    while (state == RACE_ON) {
        state = race_prepare(r, clock_mono_ms(), &wait);
        if (state == RACE_ON && (owner->stopped(owner->arg) || !wait_for(&wait, owner)))
            state = RACE_LOST;
        if (state == RACE_ON)
            state = race_step(r, clock_mono_ms());
    }
    int fd = state == RACE_WON ? race_take(r, kind) : -1;
    race_end(r);
    return fd;
}
