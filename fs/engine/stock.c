#include "fs/engine/stock.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/jobs.h"
#include "fs/engine/limits.h"
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/release.h"
#include "fs/engine/stock_session.h"
#include "fs/engine/stock_text.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/wormholes.h"

enum {
    TEXT_NAME_LEN = sizeof STOCK_TEXT_NAME - 1,
};

void stock_free(struct stock *s)
{
    if (s == NULL)
        return;
    free(s->items);
    free(s->text_in);
    free(s);
}

static int discard(struct step *step, uint64_t ino)
{
    int err = ino != 0 ? node_discard(step->t, ino) : 0;
    return err == STORE_ERR_NOT_FOUND ? 0 : err;
}

/* The end of a session: what was packed for it, or began to arrive, goes with it. */
static int forget(struct step *step)
{
    struct stock *s = step->slot->stock;
    int err = s != NULL ? discard(step, s->zip) : 0;
    if (err == 0 && s != NULL)
        err = discard(step, s->text_ino);
    stock_free(s);
    step->slot->stock = NULL;
    step->slot->stock_offer_ms = 0;
    return err;
}

/* ---- when to offer ---- */

struct outlook {
    size_t sealed, open;
};

static int look_at(void *arg, const struct entry *e)
{
    struct outlook *o = arg;
    if (e->held[0] != '\0')
        return 0;
    o->open += e->state == ENTRY_OPEN;
    o->sealed += e->state == ENTRY_SEALED;
    return 0;
}

static int outlook(struct step *step, struct outlook *o)
{
    *o = (struct outlook){0};
    return entry_each(turn_view(step->t), step->slot->id, 0, look_at, o);
}

int stock_paired(struct step *step)
{
    int err = forget(step);
    if (err < 0)
        return err;
    step->slot->stock = calloc(1, sizeof *step->slot->stock);
    if (step->slot->stock == NULL)
        return STORE_ERR_NOMEM;
    step->slot->stock_offer_ms = step->now.ms + STOCK_OFFER_AFTER_MS;
    return 0;
}

/* After a stock transfer the wormhole is closed; another entry in its outbox gives it a fresh code.
 */
static int fresh_code(struct step *step)
{
    struct wormhole w;
    struct outlook o;
    int err = wormhole_get(turn_view(step->t), step->slot->id, &w);
    if (err < 0 || w.state != WORMHOLE_CLOSED || w.peer != WORMHOLE_PEER_STOCK)
        return err;
    err = outlook(step, &o);
    if (err < 0 || o.sealed == 0)
        return err;
    return step_error(boss_allocate(step->slot->boss, &step->now, &step->actions));
}

int stock_consider(struct step *step)
{
    struct slot *slot = step->slot;
    if (boss_state(slot->boss) != BOSS_PAIRED)
        return fresh_code(step);
    struct stock *s = slot->stock;
    if (slot->stock_offer_ms > step->now.ms)
        return 0;
    slot->stock_offer_ms = 0; /* from here on the outbox's changes bring us here */
    if (s == NULL || s->packing || s->offered || !boss_classic_idle(slot->boss))
        return 0;
    struct outlook o;
    int err = outlook(step, &o);
    if (err < 0 || o.sealed == 0 || o.open > 0)
        return err;
    s->packing = true;
    return jobs_add(step, JOB_STOCK_PACK, NULL);
}

static bool has_stock_peer(const struct step *step)
{
    return boss_state(step->slot->boss) == BOSS_PAIRED && !boss_is_persistent(step->slot->boss);
}

/* What was offered, and by whom, was in memory alone. */
static int begin_again(struct step *step)
{
    if (boss_classic_idle(step->slot->boss))
        return stock_paired(step);
    int err = forget(step);
    return err < 0 ? err
                   : step_error(boss_classic_end(step->slot->boss, "wormholefs was restarted",
                                                 &step->now, &step->actions));
}

int stock_restart(struct step *step)
{
    return has_stock_peer(step) ? begin_again(step) : fresh_code(step);
}

int stock_reload(struct step *step)
{
    return has_stock_peer(step) ? begin_again(step) : forget(step);
}

/* ---- packing ---- */

struct gathering {
    struct stock_item *items;
    struct zip_source *sources; /* the same entries, for packing */
    size_t count, cap;
    struct entry only; /* the last one seen: the whole offer if there is one */
};

struct packed {
    struct gathering gathered;
    struct classic_offer offer;
    char text[STOCK_TEXT_BYTES_MAX + 1]; /* what is offered instead, or "" */
    uint64_t source, zip;
    int err;
};

static int gather(void *arg, const struct entry *e)
{
    struct gathering *g = arg;
    if (e->held[0] != '\0' || e->state != ENTRY_SEALED || e->kind == NODE_SYMLINK)
        return 0;
    if (g->count == g->cap) {
        size_t cap = g->cap == 0 ? 16 : 2 * g->cap;
        struct stock_item *items = realloc(g->items, cap * sizeof *items);
        if (items == NULL)
            return STORE_ERR_NOMEM;
        g->items = items;
        struct zip_source *sources = realloc(g->sources, cap * sizeof *sources);
        if (sources == NULL)
            return STORE_ERR_NOMEM;
        g->sources = sources;
        g->cap = cap;
    }
    g->sources[g->count] = (struct zip_source){e->ino, e->name};
    struct stock_item *item = &g->items[g->count++];
    item->ino = e->ino;
    memcpy(item->rev, e->rev, REV_BYTES);
    g->only = *e;
    return 0;
}

static int gather_all(struct engine *e, uint64_t wormhole, struct gathering *g, char *shown)
{
    struct view *v;
    struct wormhole w;
    int err = view_begin(e->store, &v);
    if (err < 0)
        return err;
    err = entry_each(v, wormhole, 0, gather, g);
    if (err == 0)
        err = wormhole_get(v, wormhole, &w);
    if (err == 0)
        memcpy(shown, w.shown, sizeof w.shown);
    view_end(v);
    return err;
}

static void show_cut(char out[static 256], const char *shown)
{
    size_t len = strlen(shown);
    if (len > 255)
        for (len = 255; len > 0 && ((unsigned char)shown[len] & 0xc0) == 0x80; len--)
            ;
    memcpy(out, shown, len);
    out[len] = '\0';
}

/* Can it be said in one message, and shown? */
static bool is_sayable(const char *text, size_t len)
{
    json_t *said = memchr(text, '\0', len) == NULL ? json_stringn(text, len) : NULL;
    json_decref(said);
    return said != NULL; /* UTF-8, else there were none */
}

/* *text is left empty unless the file is to go as a text. */
static int read_text(struct engine *e, const struct entry *entry, uint64_t size, char *text)
{
    bool named = entry->name.len == TEXT_NAME_LEN &&
                 memcmp(entry->name.text, STOCK_TEXT_NAME, TEXT_NAME_LEN) == 0;
    if (!named || size == 0 || size > STOCK_TEXT_BYTES_MAX)
        return 0;
    ssize_t len = content_read(e->store, entry->ino, text, STOCK_TEXT_BYTES_MAX, 0);
    if (len < 0)
        return (int)len;
    text[is_sayable(text, (size_t)len) ? len : 0] = '\0';
    return 0;
}

static int offer_file(struct engine *e, const struct entry *entry, const char *shown,
                      struct packed *p)
{
    struct node node;
    struct view *v;
    int err = view_begin(e->store, &v);
    if (err < 0)
        return err;
    err = node_get(v, entry->ino, &node);
    view_end(v);
    if (err < 0)
        return err;
    p->source = entry->ino;
    p->offer.size = p->offer.total = node.size;
    p->offer.files = 1;
    show_cut(p->offer.name, shown);
    return read_text(e, entry, node.size, p->text);
}

/* What is offered for what was gathered: a file as itself, else a zip. */
static int make_offer(struct engine *e, const char *wormhole_shown, struct packed *p)
{
    const struct gathering *g = &p->gathered;
    struct classic_offer *offer = &p->offer;
    char shown[NAME_SHOWN_MAX + 1];
    struct zip_sum sum;
    name_show(shown, g->only.name.text, g->only.name.len);
    if (g->count == 1 && g->only.kind == NODE_FILE)
        return offer_file(e, &g->only, shown, p);
    bool one = g->count == 1 && g->only.kind == NODE_DIR;
    int err = one ? zip_pack(e->store, g->only.ino, jobs_end, e, &p->zip, &sum)
                  : zip_pack_several(e->store, g->sources, g->count, jobs_end, e, &p->zip, &sum);
    if (err < 0)
        return err;
    p->source = p->zip;
    offer->directory = true;
    offer->size = sum.zip_bytes;
    offer->total = sum.bytes;
    offer->files = sum.files > UINT32_MAX ? UINT32_MAX : (uint32_t)sum.files;
    show_cut(offer->name, one ? shown : wormhole_shown);
    return 0;
}

static bool still_so(struct view *v, const struct gathering *g)
{
    for (size_t i = 0; i < g->count; i++) {
        struct entry e;
        if (entry_get(v, g->items[i].ino, &e) < 0 || e.state != ENTRY_SEALED || e.held[0] != '\0' ||
            memcmp(e.rev, g->items[i].rev, REV_BYTES) != 0)
            return false;
    }
    return true;
}

static int mark_offered(struct step *step, const struct gathering *g)
{
    for (size_t i = 0; i < g->count; i++) {
        int err = entry_offered(step->t, g->items[i].ino);
        if (err < 0)
            return err;
    }
    return 0;
}

/* In the turn: the offer, if nothing changed while it was packed; else everything is looked at
 * anew. */
static int put_offer(struct step *step, struct packed *p)
{
    struct gathering *g = &p->gathered;
    struct stock *s = step->slot->stock;
    bool usable = s != NULL && s->packing && g->count > 0 &&
                  boss_state(step->slot->boss) == BOSS_PAIRED &&
                  boss_classic_idle(step->slot->boss) && still_so(turn_view(step->t), g);
    if (s != NULL)
        s->packing = false;
    if (!usable) {
        int err = p->zip != 0 ? node_discard(step->t, p->zip) : 0;
        return err < 0 ? err : stock_consider(step);
    }
    s->offered = true;
    s->text = p->text[0] != '\0';
    s->source = p->source;
    s->zip = p->zip;
    s->size = p->offer.size;
    memcpy(s->name, p->offer.name, sizeof s->name);
    s->items = g->items;
    s->count = g->count;
    g->items = NULL;
    int err = mark_offered(step, &(struct gathering){.items = s->items, .count = s->count});
    if (err < 0)
        return err;
    return step_error(boss_classic_offer(step->slot->boss, s->text ? NULL : &p->offer,
                                         s->text ? p->text : NULL, &step->now, &step->actions));
}

/* These clients have no links. In a tree they get what one leads to; here that is another entry, or
 * none of ours. */
static int find_link(void *arg, const struct entry *e)
{
    if (e->held[0] != '\0' || e->state != ENTRY_SEALED || e->kind != NODE_SYMLINK)
        return 0;
    *(uint64_t *)arg = e->ino;
    return 1;
}

static int hold_links(struct step *step)
{
    uint64_t ino;
    int found;
    while ((found = entry_each(turn_view(step->t), step->slot->id, 0, find_link, &ino)) > 0) {
        int err = entry_hold(step->t, ino,
                             "this client cannot receive a symbolic link: send what it points to");
        if (err < 0)
            return err;
        step->state_changed = true;
    }
    return found;
}

/* What cannot be packed (beyond a bound) is held, with the reason; when only the disk is full,
 * packing is tried again. */
static int could_not_pack(struct step *step, const struct gathering *g, int why)
{
    if (step->slot->stock != NULL)
        step->slot->stock->packing = false;
    if (setback_may_pass(why)) {
        step->slot->stock_offer_ms = step->now.ms + STOCK_PACK_AGAIN_AFTER_MS;
        return 0;
    }
    for (size_t i = 0; i < g->count; i++) {
        char reason[256];
        snprintf(reason, sizeof reason, "cannot be packed for this client: %s",
                 store_strerror(why));
        int err = entry_hold(step->t, g->items[i].ino, reason);
        if (err < 0 && err != STORE_ERR_NOT_FOUND)
            return err;
    }
    return 0;
}

static int put_packed(struct step *step, void *arg)
{
    struct packed *p = arg;
    int err = hold_links(step);
    if (err < 0)
        return err;
    return p->err < 0 ? could_not_pack(step, &p->gathered, p->err) : put_offer(step, p);
}

void stock_pack(struct engine *e, uint64_t wormhole)
{
    struct packed p = {0};
    char shown[NAME_SHOWN_MAX + 1];
    p.err = gather_all(e, wormhole, &p.gathered, shown);
    if (p.err == 0 && p.gathered.count > 0)
        p.err = make_offer(e, shown, &p);
    bool ended = p.err == STORE_ERR_BUSY && jobs_end(e); /* the next start packs it */
    int err = ended ? 0 : step_alone(e, wormhole, put_packed, &p);
    if (step_is_undone(err) && p.zip != 0)
        parcel_discard(e->store, p.zip);
    setback_note(e, wormhole, err);
    free(p.gathered.items);
    free(p.gathered.sources);
}

/* ---- what the machine says ---- */

int stock_receives(struct step *step)
{
    struct stock *s = step->slot->stock;
    if (s == NULL)
        return 0;
    s->receiving = true;
    int err = discard(step, s->zip);
    s->zip = 0;
    return err;
}

int stock_room(struct step *step, uint64_t bytes)
{
    int room = inbox_has_room(step->e, turn_view(step->t), bytes);
    if (room != 0)
        return room;
    return wormhole_event(step->t, step->slot->id, LOG_PROBLEM, "text",
                          "An offer was refused: there is no room for it.");
}

int stock_offered(struct step *step, const struct classic_offer *offer)
{
    if (step->slot->stock == NULL)
        return 0;
    int err = stock_receives(step);
    if (err < 0)
        return err;
    step->slot->stock->in = *offer;
    int room = stock_room(step, offer->size > offer->total ? offer->size : offer->total);
    if (room < 0)
        return room;
    return step_error(boss_classic_answer(step->slot->boss, room > 0 ? NULL : "no room", &step->now,
                                          &step->actions));
}

struct failure {
    struct step *step;
    const char *why;
    bool refused, maybe;
};

static int note_failure(void *arg, const struct entry *e)
{
    const struct failure *f = arg;
    if (e->state != ENTRY_SEALED || !e->offered)
        return 0;
    int err = f->refused ? entry_refused(f->step->t, e->ino, f->why) : 0;
    return err == 0 && f->maybe ? entry_maybe(f->step->t, e->ino) : err;
}

/* Until there is another peer. (What a refusal says stands beside the entry.) */
static int say_failed(struct step *step, const char *why)
{
    char text[512];
    snprintf(text, sizeof text, "The transfer failed: %.400s.", why);
    return wormhole_event(step->t, step->slot->id, LOG_PROBLEM, "text", text);
}

int stock_failed(struct step *step, const char *why, bool refused)
{
    struct stock *s = step->slot->stock;
    if (s != NULL && s->why != NULL)
        why = s->why;
    struct failure f = {step, why != NULL ? why : "", refused,
                        !refused && (s == NULL || s->sent_all)};
    int err = entry_each(turn_view(step->t), step->slot->id, 0, note_failure, &f);
    if (err == 0 && !refused && !(s != NULL && s->removed))
        err = say_failed(step, f.why);
    if (err == 0)
        err = forget(step);
    step->state_changed = true;
    return err;
}

int stock_done(struct step *step)
{
    const struct stock *s = step->slot->stock;
    bool took_text = s != NULL && s->text && !s->receiving;
    int err = took_text ? stock_deliver(step, s) : 0;
    if (err == 0)
        err = forget(step);
    step->state_changed = true;
    return err;
}
