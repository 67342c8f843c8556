#include "fs/face/newdir.h"

#include "fs/face/caller.h"
#include "fs/face/draft.h"
#include "fs/face/passage.h"
#include "fs/face/pin.h"
#include "fs/face/recent.h"
#include "store/wormholes.h"

static const struct writer_id nobody;

static enum draft_life life_of(const struct wormhole *w)
{
    switch (w->state) {
    case WORMHOLE_NEW:
    case WORMHOLE_WAITING:
        return DRAFT_FRESH;
    case WORMHOLE_JOINING:
    case WORMHOLE_PAIRED:
        return DRAFT_JOINED;
    case WORMHOLE_CLOSED:
    case WORMHOLE_FAILED:
        return DRAFT_ENDED;
    case WORMHOLE_CLOSING:
        break;
    }
    return DRAFT_NONE;
}

/* The draft and the facts about it, as this view sees them. *id is 0 if there is none. */
static int gather(struct face *face, struct view *v, const struct writer_id *process,
                  struct draft_facts *facts, uint64_t *id)
{
    struct wormhole w;
    *id = 0;
    *facts = (struct draft_facts){.life = DRAFT_NONE, .now_ms = face_now_ms(face)};
    int rc = wormhole_draft(v, id);
    if (rc == STORE_ERR_NOT_FOUND) {
        *id = 0;
        return 0;
    }
    if (rc == 0)
        rc = wormhole_get(v, *id, &w);
    if (rc < 0)
        return rc;
    struct recent_facts lately = recent_get(face->recent, process, *id, facts->now_ms);
    facts->life = life_of(&w);
    facts->used = w.was_used;
    facts->told = w.was_told;
    facts->code_known_ms = w.code_read_ms;
    facts->process_ms = lately.last_ms;
    facts->process_told = lately.told;
    return 0;
}

int newdir_look(struct face *face, struct view *v, struct place *box, pid_t tid)
{
    struct draft_facts facts;
    uint64_t id;
    if (box->kind != PLACE_OUTBOX || !box->floating || box->node == 0)
        return 0;
    struct writer_id process = caller_of(tid);
    int rc = gather(face, v, &process, &facts, &id);
    if (rc == 0 && draft_for_entry(&facts) == DRAFT_CHOOSE_NEXT)
        box->wormhole = box->node = 0;
    return rc;
}

int newdir_place(struct face *face, struct view *v, uint64_t number, pid_t tid, struct place *out)
{
    int rc = place_of(v, number, out);
    return rc == 0 ? newdir_look(face, v, out, tid) : rc;
}

int newdir_look_code(struct face *face, struct view *v, struct place *code)
{
    struct draft_facts facts;
    uint64_t id;
    int rc = gather(face, v, &nobody, &facts, &id);
    if (rc == 0 && draft_for_code(&facts) == DRAFT_CHOOSE_NEXT)
        code->wormhole = 0;
    return rc;
}

/* What new/outbox is to the process of this thread now. */
static int outbox_now(struct face *face, struct view *v, pid_t tid, struct place *box)
{
    struct place new;
    int rc = place_new(v, &new);
    if (rc == 0)
        rc = place_in_wormhole(v, &new, SLOT_OUTBOX, box);
    return rc != 0 ? rc : newdir_look(face, v, box, tid);
}

int newdir_check(struct face *face, const struct place *p, pid_t tid)
{
    struct view *v;
    struct place box;
    struct wormhole_place in;
    if (!place_is_content(p) || !passage_through_new(tid, p->node))
        return 0;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = outbox_now(face, v, tid, &box);
    if (rc == 0)
        rc = wormhole_of(v, p->node, &in);
    view_end(v);
    if (rc == STORE_ERR_NOT_FOUND)
        return FACE_ERR_STALE;
    return rc == 0 && (box.node == 0 || in.wormhole != box.wormhole) ? FACE_ERR_STALE : rc;
}

static int make(struct face *face, struct turn *t, const char *code, uint64_t *id)
{
    struct name name;
    int rc = wormhole_number(turn_view(t), &name);
    if (rc == 0)
        rc = engine_create(face->engine, t, name.text, name.len, true, code, id);
    return rc;
}

/* The wormhole that was chosen: the draft, or the next one. */
static int chosen(struct face *face, struct turn *t, enum draft_choice choice, const char *code,
                  uint64_t *id, bool *made)
{
    bool next = choice == DRAFT_CHOOSE_NEXT;
    if (made)
        *made = next;
    return next ? make(face, t, code, id) : 0;
}

int newdir_for_entry(struct face *face, struct turn *t, struct place *box, pid_t tid, bool *made)
{
    struct draft_facts facts;
    struct writer_id process = caller_of(tid);
    uint64_t id;
    int rc = gather(face, turn_view(t), &process, &facts, &id);
    if (rc == 0)
        rc = chosen(face, t, draft_for_entry(&facts), NULL, &id, made);
    return rc < 0 ? rc : place_settle(turn_view(t), box, id);
}

int newdir_for_code(struct face *face, struct turn *t, struct place *code)
{
    struct draft_facts facts;
    uint64_t id;
    int rc = gather(face, turn_view(t), &nobody, &facts, &id);
    if (rc == 0)
        rc = chosen(face, t, draft_for_code(&facts), NULL, &id, NULL);
    if (rc == 0)
        code->wormhole = id;
    return rc;
}

int newdir_for_join(struct face *face, struct turn *t, struct place *code, const char *text)
{
    struct draft_facts facts;
    uint64_t id;
    int rc = gather(face, turn_view(t), &nobody, &facts, &id);
    if (rc < 0)
        return rc;
    if (draft_for_join(&facts) == DRAFT_CHOOSE_IT)
        rc = engine_join(face->engine, t, id, text);
    else
        rc = make(face, t, text, &id);
    /* Somebody who typed a code has it in hand as much as one who read it: case (b). */
    if (rc == 0)
        rc = wormhole_event(t, id, LOG_CODE_READ, NULL, NULL);
    if (rc == 0)
        code->wormhole = id;
    return rc;
}

int newdir_name(struct face *face, struct turn *t, const struct name *name, uint64_t *wormhole)
{
    uint64_t taken;
    int rc = wormhole_find(turn_view(t), name->text, name->len, &taken);
    if (rc != STORE_ERR_NOT_FOUND)
        return rc < 0 ? rc : STORE_ERR_EXISTS;
    rc = wormhole_draft(turn_view(t), wormhole);
    if (rc == STORE_ERR_NOT_FOUND)
        rc = engine_create(face->engine, t, name->text, name->len, false, NULL, wormhole);
    else if (rc == 0)
        rc = wormhole_rename(t, *wormhole, name);
    return rc < 0 ? rc : pin_set(t, *wormhole);
}
