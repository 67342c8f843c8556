#include "fs/engine/release.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "mutant.h"

struct released_action {
    struct engine *e;
    struct slot *slot;
    struct action *action;
    uint64_t attempt;    /* for ACTION_TRANSIT_*: as the network knows it */
    uint64_t connection; /* for ACTION_LINK_SEND: on which it was said */
};

static void heard(struct engine *e, struct slot *slot)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    pthread_mutex_lock(&e->live_lock);
    slot->live.last_heard_ms = now_ms;
    pthread_mutex_unlock(&e->live_lock);
}

static void caught_up(struct engine *e, struct slot *slot)
{
    pthread_mutex_lock(&e->live_lock);
    slot->live.trouble[0] = '\0';
    pthread_mutex_unlock(&e->live_lock);
}

/* A sync that failed may keep it back until its connection is lost and the next one is up: there it
 * would come before all else. The machine says it again where it is missed. */
static bool is_connected(const struct released_action *r)
{
    pthread_mutex_lock(&r->e->live_lock);
    bool same = r->slot->live.connection[r->action->link] == r->connection;
    pthread_mutex_unlock(&r->e->live_lock);
    return same;
}

static void move_link(struct engine *e, struct slot *slot)
{
    pthread_mutex_lock(&e->live_lock);
    slot->live.connection[LINK_CURRENT] = slot->live.connection[LINK_NEXT];
    slot->live.connection[LINK_NEXT] = 0;
    pthread_mutex_unlock(&e->live_lock);
    e->out.link_move(e->out.arg, slot->id, LINK_NEXT, LINK_CURRENT);
}

static void let_go(const struct released_action *r)
{
    struct engine *e = r->e;
    struct slot *slot = r->slot;
    const struct action *a = r->action;
    const struct engine_out *o = &e->out;
    switch (a->kind) {
    case ACTION_LINK_OPEN:
        o->link_open(o->arg, slot->id, a->link);
        break;
    case ACTION_LINK_SEND:
        if (is_connected(r))
            o->link_send(o->arg, slot->id, a->link, a->body.data, a->body.len);
        break;
    case ACTION_LINK_CLOSE:
        o->link_close(o->arg, slot->id, a->link);
        break;
    case ACTION_LINK_MOVE:
        move_link(e, slot);
        break;
    case ACTION_TRANSIT_LISTEN:
        o->transit_listen(o->arg, slot->id, r->attempt);
        break;
    case ACTION_TRANSIT_START:
        o->transit_start(o->arg, slot->id, r->attempt, a->plan);
        break;
    case ACTION_TRANSIT_STOP:
        o->transit_stop(o->arg, slot->id, r->attempt);
        break;
    case ACTION_HEARD:
        heard(e, slot);
        break;
    case ACTION_CAUGHT_UP:
        caught_up(e, slot);
        break;
    case ACTION_SNAPSHOT:
    case ACTION_KEEP:
    case ACTION_FORGET:
    case ACTION_CODE:
    case ACTION_CODE_GONE:
    case ACTION_STATE:
    case ACTION_PAIRED:
    case ACTION_DELIVER:
    case ACTION_ACKED:
    case ACTION_EVENT:
    case ACTION_PROBLEM:
    case ACTION_PEER_CLOSED:
    case ACTION_CLOSE_DONE:
    case ACTION_CLASSIC_OFFERED:
    case ACTION_CLASSIC_ANSWERED:
    case ACTION_CLASSIC_TEXT:
    case ACTION_CLASSIC_FAILED:
    case ACTION_CLASSIC_DONE:
        break; /* applied, not released: action_is_durable sorted them out */
    }
}

static void count_close(struct released_action *r, int closing)
{
    pthread_mutex_lock(&r->e->live_lock);
    r->slot->closes[r->action->link] += closing > 0;
    r->slot->closing[r->action->link] += (unsigned)closing;
    pthread_mutex_unlock(&r->e->live_lock);
}

static void run_action(void *arg, bool committed)
{
    struct released_action *r = arg;
    if (committed)
        let_go(r);
    if (r->action->kind == ACTION_LINK_CLOSE)
        count_close(r, -1);
    action_free(r->action);
    free(r);
}

int release_action(struct step *step, struct action *a)
{
    struct released_action *r = malloc(sizeof *r);
    if (r == NULL) {
        action_free(a);
        return STORE_ERR_NOMEM;
    }
    *r = (struct released_action){.e = step->e, .slot = step->slot, .action = a};
    if (a->number != SLOT_ATTEMPTS_ALL)
        r->attempt = (uint64_t)step->slot->loads << 32 | (uint32_t)a->number;
    if (a->kind == ACTION_LINK_SEND)
        r->connection = step->slot->connection[a->link];
    if (a->kind == ACTION_LINK_MOVE) {
        step->slot->connection[LINK_CURRENT] = step->slot->connection[LINK_NEXT];
        step->slot->connection[LINK_NEXT] = 0;
    }
    if (a->kind == ACTION_LINK_CLOSE)
        count_close(r, 1);
    if (MUTANT(ACK_BEFORE_COMMIT) && a->kind == ACTION_LINK_SEND) {
        run_action(r, true);
        return 0;
    }
    int err = turn_after(step->t, run_action, r);
    if (err < 0)
        run_action(r, false);
    return err;
}

struct released_change {
    struct engine *e;
    enum engine_change what;
    uint64_t wormhole, ino;
    bool named;
    struct name name;
};

/* A wormhole's name may be a code. */
static void free_change(struct released_change *r)
{
    sodium_memzero(&r->name, sizeof r->name);
    free(r);
}

static void run_change(void *arg, bool committed)
{
    struct released_change *r = arg;
    const struct engine_watch *w = &r->e->watch;
    if (committed && w->changed != NULL)
        w->changed(w->arg, r->what, r->wormhole, r->ino, r->named ? r->name.text : NULL,
                   r->named ? r->name.len : 0);
    free_change(r);
}

int release_change(struct step *step, enum engine_change what, uint64_t ino,
                   const struct name *name)
{
    struct released_change *r = calloc(1, sizeof *r);
    if (r == NULL)
        return STORE_ERR_NOMEM;
    r->e = step->e;
    r->what = what;
    r->wormhole = step->slot->id;
    r->ino = ino;
    if (name != NULL) {
        r->named = true;
        r->name = *name;
    }
    int err = turn_after(step->t, run_change, r);
    if (err < 0)
        free_change(r);
    return err;
}

static void run_wake(void *arg, bool committed)
{
    struct engine *e = arg;
    if (committed && e->out.wake != NULL)
        e->out.wake(e->out.arg);
}

int release_wake(struct step *step)
{
    return turn_after(step->t, run_wake, step->e);
}

static void run_abort(void *arg, bool committed)
{
    struct slot *slot = arg;
    if (committed)
        return;
    slot->stale = true;
    slot->gone = false; /* if set, this turn set it: what is gone gets no step */
}

int release_watch_abort(struct turn *t, struct slot *slot)
{
    return turn_after_lazily(t, run_abort, slot);
}

static void run_create(void *arg, bool committed)
{
    struct slot *slot = arg;
    if (committed)
        return;
    slot_drop_machine(slot);
    slot->stale = true;
}

int release_watch_create(struct turn *t, struct slot *slot)
{
    return turn_after_lazily(t, run_create, slot);
}

/* In a turn, for the writer lock; without one (a failing disk) it stays until the engine ends. */
static void run_forget(void *arg, bool committed)
{
    struct slot *slot = arg;
    struct turn *t;
    if (!committed || turn_begin_relief(slot->e->store, &t) < 0)
        return;
    slot_free(slot);
    turn_abort(t);
}

int release_forget(struct step *step)
{
    return turn_after(step->t, run_forget, step->slot);
}
