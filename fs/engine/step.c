#include "fs/engine/step.h"

#include <sodium.h>
#include "fs/engine/apply.h"
#include "fs/engine/limits.h"
#include "fs/engine/outbox.h"
#include "fs/engine/release.h"
#include "fs/engine/stock.h"
#include "proto/error.h"
#include "store/secrets.h"

int step_error(int proto_err)
{
    switch (proto_err) {
    case PROTO_OK:
        return 0;
    case PROTO_ERR_STATE:
    case PROTO_ERR_FULL:
        return STORE_ERR_BUSY;
    case PROTO_ERR_INVALID:
    case PROTO_ERR_MALFORMED:
        return STORE_ERR_INVALID;
    case PROTO_ERR_TOO_BIG:
        return STORE_ERR_TOO_BIG;
    case PROTO_ERR_NOMEM:
        return STORE_ERR_NOMEM;
    default:
        return STORE_ERR_IO;
    }
}

int step_begin(struct step *step, struct engine *e, struct turn *t, uint64_t wormhole)
{
    *step = (struct step){.e = e, .t = t};
    bool is_new = slot_find(e, wormhole) == NULL;
    step->slot = slot_get(e, wormhole);
    if (step->slot == NULL)
        return STORE_ERR_NOMEM;
    engine_now(e, &step->now);
    slot_follow_clock(step->slot, step->now.ms);
    bool again = step->slot->stale && e->started;
    if (step->slot->stale) /* what it was set to then was undone; the next tick finds out */
        step->slot->retry_ms = step->now.ms;
    int err = slot_load(e, t, step->slot, &step->now, &step->actions);
    if (err == 0)
        err = release_watch_abort(t, step->slot);
    if (err == 0 && again)
        err = stock_reload(step);
    if (err < 0) {
        step->slot->stale = true;
        actions_release(&step->actions);
    }
    if (err == STORE_ERR_NOT_FOUND && is_new) /* late news of one that is forgotten */
        slot_free(step->slot);
    return err;
}

static int carry_out(struct step *step)
{
    for (int round = 0; round < STEP_ROUNDS_MAX; round++) {
        struct action *a = actions_take(&step->actions);
        if (a == NULL)
            return 0;
        int err = 0;
        if (action_is_durable(a->kind)) {
            err = apply_action(step, a);
            action_free(a);
        } else {
            err = release_action(step, a);
        }
        if (err < 0)
            return err;
    }
    return STORE_ERR_TOO_BIG;
}

static int put_snapshot(struct step *step)
{
    struct bytes snapshot = {0};
    int err = step_error(boss_snapshot(step->slot->boss, &snapshot));
    if (err == 0)
        err = secret_put(step->t, step->slot->id, snapshot.data, snapshot.len);
    bytes_release(&snapshot);
    step->snapshot_owed = false;
    return err;
}

static int64_t deadline_of(const struct slot *s)
{
    if (s->gone)
        return INT64_MAX;
    int64_t deadline_ms = boss_deadline_ms(s->boss);
    if (s->setback.count > 0 && s->setback.until_ms < deadline_ms)
        deadline_ms = s->setback.until_ms;
    if (s->stock_offer_ms != 0 && s->stock_offer_ms < deadline_ms)
        deadline_ms = s->stock_offer_ms;
    return s->retry_ms < deadline_ms ? s->retry_ms : deadline_ms;
}

/* When this slot needs a tick; an earlier time than before wakes the timers. */
static int put_deadline(struct step *step)
{
    struct slot *s = step->slot;
    pthread_mutex_lock(&step->e->live_lock);
    int64_t deadline_ms = deadline_of(s);
    bool earlier = deadline_ms < s->deadline_ms;
    s->deadline_ms = deadline_ms;
    pthread_mutex_unlock(&step->e->live_lock);
    return earlier ? release_wake(step) : 0;
}

static int settle(struct step *step)
{
    int err = carry_out(step);
    if (err == 0 && !step->slot->gone)
        err = outbox_fill(step);
    if (err == 0)
        err = carry_out(step);
    if (err == 0 && step->snapshot_owed && !step->slot->gone)
        err = put_snapshot(step);
    if (err == 0 && step->actions.failed)
        err = STORE_ERR_NOMEM;
    if (err == 0 && step->state_changed)
        err = release_change(step, CHANGE_STATE, 0, NULL);
    if (err == 0)
        err = put_deadline(step);
    if (err == 0 && step->slot->gone)
        err = release_forget(step);
    return err;
}

int step_end(struct step *step, int proto_err)
{
    int err = step_error(proto_err);
    if (err == 0)
        err = settle(step);
    if (err < 0)
        step->slot->stale = true;
    actions_release(&step->actions);
    sodium_memzero(&step->now, sizeof step->now);
    return err;
}

int step_end_with(struct step *step, int err)
{
    int end = step_end(step, 0);
    if (err < 0)
        step->slot->stale = true;
    return err < 0 ? err : end;
}

bool step_is_undone(int err)
{
    return err < 0 && err != STORE_ERR_BROKEN;
}

int step_alone(struct engine *e, uint64_t wormhole, step_fn *fn, void *arg)
{
    struct turn *t;
    int err = turn_begin_relief(e->store, &t);
    if (err < 0)
        return err;
    struct step step;
    err = step_begin(&step, e, t, wormhole);
    if (err == 0) {
        err = step_end_with(&step, fn(&step, arg));
        if (err == STORE_ERR_NOT_FOUND) /* the wormhole is there, a row of it is not */
            err = STORE_ERR_CORRUPT;
    }
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    return turn_commit(t);
}
