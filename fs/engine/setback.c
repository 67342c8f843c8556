#include "fs/engine/setback.h"

#include <stdio.h>
#include "fs/engine/limits.h"
#include "fs/engine/slot.h"
#include "store/error.h"

bool setback_is_of_store(int err)
{
    return err == STORE_ERR_NOMEM || err == STORE_ERR_FILES || err == STORE_ERR_IO ||
           err == STORE_ERR_NOSPACE || err == STORE_ERR_QUOTA || err == STORE_ERR_BROKEN ||
           err == STORE_ERR_ACCESS || err == STORE_ERR_READ_ONLY;
}

bool setback_may_pass(int err)
{
    return setback_is_of_store(err) || err == STORE_ERR_BUSY;
}

int64_t setback_add(struct setback *b, int err, int64_t now_ms, bool *longer)
{
    unsigned max = setback_is_of_store(err) ? SETBACK_DOUBLINGS_OF_STORE : SETBACK_DOUBLINGS_MAX;
    if (setback_is_over(b, now_ms))
        b->count = 0;
    *longer = b->count <= max || err != b->err;
    int64_t pause_ms = (int64_t)SETBACK_PAUSE_MS << (b->count < max ? b->count : max);
    b->count += b->count <= SETBACK_DOUBLINGS_MAX;
    b->err = err;
    b->until_ms = now_ms + pause_ms + (pause_ms > SETBACK_QUIET_MS ? pause_ms : SETBACK_QUIET_MS);
    return pause_ms;
}

bool setback_is_over(const struct setback *b, int64_t now_ms)
{
    return b->count > 0 && now_ms >= b->until_ms;
}

void setback_say(const struct setback *b, char out[static SETBACK_TEXT_MAX])
{
    if (b->count == 0)
        out[0] = '\0';
    else if (setback_is_of_store(b->err))
        snprintf(out, SETBACK_TEXT_MAX,
                 "It cannot go on for now: %s. It is tried again every few seconds.",
                 store_strerror(b->err));
    else
        snprintf(out, SETBACK_TEXT_MAX,
                 "It stands still: what comes next in it fails each time (%s). It is tried again "
                 "every minute; if it stays so, remove this wormhole and pair again.",
                 store_strerror(b->err));
}

/* ---- the account of a wormhole ---- */

static void tell(struct engine *e, uint64_t wormhole, const char *text)
{
    const struct engine_watch *w = &e->watch;
    if (text != NULL && w->setback != NULL)
        w->setback(w->arg, wormhole, text);
    if (w->changed != NULL)
        w->changed(w->arg, CHANGE_STATE, wormhole, 0, NULL, 0);
}

static void failed(struct engine *e, uint64_t wormhole, int err)
{
    int64_t now_ms = e->out.now_ms(e->out.arg);
    char text[SETBACK_TEXT_MAX] = "";
    bool longer = false;
    for (int link = 0; link < LINK_COUNT; link++)
        e->out.link_close(e->out.arg, wormhole, (enum wormhole_link)link);
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL) {
        /* Also when it was committed and could not be synced: nothing of it left. */
        s->stale = true;
        s->deadline_ms = now_ms + setback_add(&s->setback, err, now_ms, &longer);
        setback_say(&s->setback, text);
        for (int link = 0; link < LINK_COUNT; link++) {
            s->closes[link]++;
            s->live.connection[link] = 0;
        }
    }
    pthread_mutex_unlock(&e->live_lock);
    tell(e, wormhole, longer ? text : NULL);
    if (e->out.wake != NULL)
        e->out.wake(e->out.arg);
}

static void went_well(struct engine *e, uint64_t wormhole)
{
    bool over = false;
    pthread_mutex_lock(&e->live_lock);
    struct slot *s = slot_find(e, wormhole);
    if (s != NULL && s->setback.count > 0) {
        over = setback_is_over(&s->setback, e->out.now_ms(e->out.arg));
        if (over)
            s->setback = (struct setback){0};
    }
    pthread_mutex_unlock(&e->live_lock);
    if (over)
        tell(e, wormhole, "It goes on.");
}

void setback_note(struct engine *e, uint64_t wormhole, int err)
{
    if (err == 0)
        went_well(e, wormhole);
    else if (err != STORE_ERR_NOT_FOUND)
        failed(e, wormhole, err);
}
