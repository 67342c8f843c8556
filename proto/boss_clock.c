/* The times of the boss, when the clock is set (now.h). */
#include "proto/boss_inner.h"

enum { JUMP_MS = 1000 }; /* the two clocks are apart by less without anybody's doing */

/* By how much the clock was set since the last step. Without a steady clock only a step back can be
 * told from time that has passed. */
static int64_t jump_ms(const struct boss *b, const struct now *now)
{
    int64_t passed_ms = now->ms - b->now_ms;

    if (now->steady_ms == 0 || b->steady_ms == 0)
        return passed_ms < 0 ? passed_ms : 0;
    int64_t jump = passed_ms - (now->steady_ms - b->steady_ms);
    return jump <= -JUMP_MS || jump >= JUMP_MS ? jump : 0;
}

/* A clock that was set back must not leave us waiting for what seems far away, nor one that was set
 * ahead give up what has hardly begun. */
void boss_follow_clock(struct boss *b, const struct now *now)
{
    int64_t jump = jump_ms(b, now);
    int64_t *const times[] = {&b->fork_ms,
                              &b->ack_ms,
                              &b->gap_ms,
                              &b->quiet_ms,
                              &b->visit.leave_ms,
                              &b->visit.next_ms,
                              &b->visit.met_ms,
                              &b->attempt.deadline_ms,
                              &b->attempt.up_ms,
                              &b->attempt.retry_ms,
                              &b->attempt.spaced_ms,
                              &b->code_ms,
                              &b->classic_ms,
                              &b->noted_ms,
                              &b->alone_ms,
                              &b->end_ms};

    b->now_ms = now->ms;
    b->steady_ms = now->steady_ms;
    if (jump == 0)
        return;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (*times[i] != 0 && *times[i] + jump > 0)
            *times[i] += jump;
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++)
        b->links[link].patience_ms = 0;
}

static void not_later(int64_t *at_ms, int64_t than_ms)
{
    if (*at_ms > than_ms)
        *at_ms = than_ms;
}

/* What is stored may be of a clock that has been set back since. */
void boss_bound_times(struct boss *b, const struct now *now)
{
    not_later(&b->code_ms, now->ms);
    not_later(&b->alone_ms, now->ms);
    not_later(&b->end_ms, now->ms + BOSS_END_MS);
    b->now_ms = now->ms;
    b->steady_ms = now->steady_ms;
}
