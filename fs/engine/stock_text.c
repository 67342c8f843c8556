#include "fs/engine/stock_text.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/jobs.h"
#include "fs/engine/release.h"
#include "fs/engine/stock_session.h"
#include "store/content.h"
#include "store/namespace.h"
#include "store/wormholes.h"

static const struct node_new text_file = {.type = NODE_FILE, .mode = 0644};

static int answer(struct step *step, const char *refusal)
{
    return step_error(boss_classic_answer(step->slot->boss, refusal, &step->now, &step->actions));
}

static int publish(struct step *step, uint64_t ino, size_t len)
{
    struct name final;
    struct name_arrival a = {.wormhole = step->slot->id,
                             .ino = ino,
                             .name = STOCK_TEXT_NAME,
                             .name_len = sizeof STOCK_TEXT_NAME - 1,
                             .size = len,
                             .files = 1};
    int err = name_publish(step->t, &a, &final);
    if (err == 0)
        err = release_change(step, CHANGE_ARRIVED, ino, &final);
    return err < 0 ? err : answer(step, NULL);
}

/* The whole of it waits in memory for the job. */
static int put_off(struct step *step, const void *text, size_t len)
{
    struct stock *s = step->slot->stock;
    int room = stock_room(step, len);
    if (room <= 0)
        return room < 0 ? room : answer(step, "no room");
    s->text_in = malloc(len);
    if (s->text_in == NULL)
        return STORE_ERR_NOMEM;
    memcpy(s->text_in, text, len);
    s->text_in_len = len;
    int err = node_stage(step->t, &text_file, &s->text_ino);
    return err < 0 ? err : jobs_add(step, JOB_STOCK_TEXT, NULL);
}

int stock_text(struct step *step, const void *text, size_t len)
{
    uint64_t ino = 0;
    int err = stock_receives(step);
    if (err == 0 && len > INLINE_BYTES_MAX)
        return step->slot->stock != NULL ? put_off(step, text, len) : answer(step, "not now");
    if (err == 0)
        err = node_stage(step->t, &text_file, &ino);
    if (err == 0)
        err = content_put(step->t, ino, text, len);
    return err < 0 ? err : publish(step, ino, len);
}

/* ---- the job ---- */

struct writing {
    uint8_t *text;
    size_t len;
    uint64_t ino;
    int err;
};

static int take(struct step *step, void *arg)
{
    struct writing *w = arg;
    struct stock *s = step->slot->stock;
    if (s == NULL || s->text_in == NULL)
        return 0; /* the session has ended */
    *w = (struct writing){.text = s->text_in, .len = s->text_in_len, .ino = s->text_ino};
    s->text_in = NULL;
    return 0;
}

static int refuse(struct step *step, const struct writing *w)
{
    bool full = w->err == STORE_ERR_NOSPACE || w->err == STORE_ERR_QUOTA;
    int err = node_discard(step->t, w->ino);
    if (err == 0)
        err = wormhole_event(step->t, step->slot->id, LOG_PROBLEM, "text",
                             full ? "A text was refused: there is no room for it."
                                  : "A text was refused: it could not be written to the disk.");
    return err < 0 ? err : answer(step, full ? "no room" : "it could not be written to the disk");
}

static int finish(struct step *step, void *arg)
{
    const struct writing *w = arg;
    struct stock *s = step->slot->stock;
    if (s == NULL || s->text_ino != w->ino)
        return 0; /* the session has ended, and its file went with it */
    s->text_ino = 0;
    return w->err < 0 ? refuse(step, w) : publish(step, w->ino, w->len);
}

void stock_text_write(struct engine *e, uint64_t wormhole)
{
    struct writing w = {0};
    int err = step_alone(e, wormhole, take, &w);
    if (err == 0 && w.text != NULL) {
        w.err = content_write(e->store, w.ino, w.text, w.len, 0);
        if (w.err == 0)
            w.err = content_flush(e->store, w.ino, true);
        err = step_alone(e, wormhole, finish, &w);
    }
    setback_note(e, wormhole, err);
    free(w.text);
}
