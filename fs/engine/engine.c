#include "fs/engine/engine.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/jobs.h"
#include "fs/engine/outbox.h"
#include "fs/engine/release.h"
#include "fs/engine/step.h"
#include "fs/engine/stock.h"
#include "proto/code.h"
#include "proto/error.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/queues.h"
#include "store/wormholes.h"

/* ---- open, start, close ---- */

static int unseal(void *arg, struct turn *t, uint64_t entry)
{
    return engine_entry_changing(arg, t, entry);
}

int engine_open(struct engine **out, struct store *store, const struct engine_options *options,
                const struct engine_out *o, const struct engine_watch *watch)
{
    struct engine *e = calloc(1, sizeof *e);
    if (e == NULL)
        return STORE_ERR_NOMEM;
    e->store = store;
    e->options = *options;
    e->out = *o;
    e->watch = *watch;
    e->boss_options = (struct boss_options){.appid = options->appid,
                                            .code_words = options->code_words,
                                            .software = "wormholefs " WORMHOLEFS_VERSION,
                                            .relays = options->relays,
                                            .aes = options->aes};
    pthread_mutex_init(&e->live_lock, NULL);
    pthread_mutex_init(&e->job_lock, NULL);
    store_on_unseal(store, unseal, e);
    *out = e;
    return 0;
}

void engine_end(struct engine *e)
{
    if (e != NULL)
        e->ending = true;
}

void engine_close(struct engine *e)
{
    if (e == NULL)
        return;
    store_drain(e->store); /* what is queued there knows our slots */
    jobs_release(e);
    slots_release(e);
    pthread_mutex_destroy(&e->live_lock);
    pthread_mutex_destroy(&e->job_lock);
    free(e);
}

/* Ids are collected first: restoring writes, and a wormhole may be forgotten on the way. */
struct id_list {
    uint64_t *ids;
    size_t count, cap;
};

static int collect_id(void *arg, const struct wormhole *w)
{
    struct id_list *list = arg;
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 64 : 2 * list->cap;
        uint64_t *ids = realloc(list->ids, cap * sizeof *ids);
        if (ids == NULL)
            return STORE_ERR_NOMEM;
        list->ids = ids;
        list->cap = cap;
    }
    list->ids[list->count++] = w->id;
    return 0;
}

static int all_ids(struct engine *e, struct id_list *list)
{
    struct view *v;
    int err = view_begin(e->store, &v);
    if (err < 0)
        return err;
    err = wormhole_each(v, 0, collect_id, list);
    view_end(v);
    return err;
}

static int prepare_again(void *arg, const struct revision *r)
{
    return r->state == REVISION_PREPARING ? jobs_add(arg, JOB_PREPARE, r->rev) : 0;
}

static int leave_again(void *arg, const struct entry *entry)
{
    return entry->state == ENTRY_SENT ? outbox_leave(arg, entry->ino) : 0;
}

/* What a restart has to do for one wormhole: its machine, and work that was under way. */
static int start_one(struct engine *e, struct turn *t, uint64_t wormhole)
{
    struct step step;
    int err = step_begin(&step, e, t, wormhole);
    if (err < 0)
        return err;
    err = revision_each(turn_view(t), wormhole, prepare_again, &step);
    if (err == 0)
        err = entry_each(turn_view(t), wormhole, 0, leave_again, &step);
    if (err == 0)
        err = outbox_retry(&step);
    if (err == 0)
        err = stock_restart(&step);
    return step_end_with(&step, err);
}

/* One wormhole that cannot be restored stops with a problem line, not the mount. */
static int fail_one(struct turn *t, uint64_t wormhole)
{
    return wormhole_event(
        t, wormhole, LOG_PROBLEM, "text",
        "Its stored state cannot be read; everything else goes on. Remove it and pair again.");
}

/* All in one turn; the `failed` ones are only said to have failed. With *culprit < count that one
 * could not be started, and what was half done for it has to be undone with the turn. */
static int start_all(struct engine *e, const struct id_list *list, const bool *failed,
                     size_t *culprit)
{
    struct turn *t;
    *culprit = list->count;
    int err = turn_begin_relief(e->store, &t);
    if (err < 0)
        return err;
    for (size_t i = 0; err == 0 && i < list->count; i++) {
        err = failed[i] ? fail_one(t, list->ids[i]) : start_one(e, t, list->ids[i]);
        if (err < 0 && !failed[i] && !setback_is_of_store(err))
            *culprit = i; /* else nothing can start */
    }
    if (err == 0)
        return turn_commit(t);
    turn_abort(t);
    return err;
}

int engine_start(struct engine *e)
{
    struct id_list list = {0};
    int err = all_ids(e, &list);
    size_t culprit = 0;
    bool *failed = calloc(list.count + 1, sizeof *failed);
    if (failed == NULL)
        err = STORE_ERR_NOMEM;
    if (err == 0)
        while ((err = start_all(e, &list, failed, &culprit)) < 0 && culprit < list.count)
            failed[culprit] = true;
    free(failed);
    free(list.ids);
    e->started = err == 0;
    return err;
}

/* ---- from the face, in its turn ---- */

static int hide_code(const char *code, char *hidden_as, size_t hidden_cap,
                     char lower[static CODE_TEXT_MAX + 1])
{
    char nameplate[CODE_NAMEPLATE_MAX + 1];
    size_t len = strlen(code);
    if (len > CODE_TEXT_MAX || code_nameplate(nameplate, code) < 0)
        return STORE_ERR_INVALID;
    snprintf(hidden_as, hidden_cap, "%s-…", nameplate);
    for (size_t i = 0; i <= len; i++)
        lower[i] = code[i] >= 'A' && code[i] <= 'Z' ? (char)(code[i] - 'A' + 'a') : code[i];
    return 0;
}

static int create(struct engine *e, struct turn *t, const struct wormhole_new *what,
                  const char *code, uint64_t *wormhole)
{
    int err = wormhole_create(t, what, wormhole);
    struct slot *slot = err == 0 ? slot_get(e, *wormhole) : NULL;
    if (slot == NULL)
        return err < 0 ? err : STORE_ERR_NOMEM;
    struct step step = {.e = e, .t = t, .slot = slot};
    engine_now(e, &step.now);
    int perr = boss_create(&slot->boss, &e->boss_options, &step.now, &step.actions);
    err = release_watch_create(t, slot);
    if (perr == 0 && err == 0)
        perr = code != NULL ? boss_join(slot->boss, code, &step.now, &step.actions)
                            : boss_allocate(slot->boss, &step.now, &step.actions);
    if (err == 0)
        err = release_change(&step, CHANGE_WORMHOLE, *wormhole, &what->name);
    return step_end_with(&step, err < 0 ? err : step_error(perr));
}

int engine_create(struct engine *e, struct turn *t, const char *name, size_t name_len, bool draft,
                  const char *code, uint64_t *wormhole)
{
    struct wormhole_new what = {.draft = draft};
    char hidden_as[CODE_NAMEPLATE_MAX + 8], lower[CODE_TEXT_MAX + 1];
    int err = name_set(&what.name, name, name_len);
    if (err == 0 && code != NULL && strcmp(code, what.name.text) == 0) {
        /* Hidden until it is used; and as upstream writes it, for SPAKE2 hashes what it is. */
        err = hide_code(code, hidden_as, sizeof hidden_as, lower);
        what.hidden_as = hidden_as;
        code = lower;
    }
    if (err == 0)
        err = create(e, t, &what, code, wormhole);
    sodium_memzero(lower, sizeof lower);
    sodium_memzero(&what.name, sizeof what.name);
    return err;
}

/* Mistakes of users are found before the step: one that fails restarts the machine, with all its
 * connections. */
int engine_join(struct engine *e, struct turn *t, uint64_t wormhole, const char *code)
{
    struct wormhole w;
    if (code_check(code) < 0)
        return STORE_ERR_INVALID;
    int err = wormhole_get(turn_view(t), wormhole, &w);
    if (err < 0)
        return err;
    if (w.state == WORMHOLE_PAIRED || w.state == WORMHOLE_CLOSING)
        return STORE_ERR_BUSY;
    struct step step;
    err = step_begin(&step, e, t, wormhole);
    if (err < 0)
        return err;
    return step_end(&step, boss_join(step.slot->boss, code, &step.now, &step.actions));
}

int engine_want_code(struct engine *e, struct turn *t, uint64_t wormhole)
{
    struct step step;
    int err = step_begin(&step, e, t, wormhole);
    if (err < 0)
        return err;
    return step_end(&step, boss_allocate(step.slot->boss, &step.now, &step.actions));
}

int engine_remove(struct engine *e, struct turn *t, uint64_t wormhole)
{
    int err = wormhole_close(t, wormhole);
    struct step step;
    if (err == 0)
        err = step_begin(&step, e, t, wormhole);
    if (err < 0)
        return err;
    err = release_change(&step, CHANGE_WORMHOLE, wormhole, NULL);
    if (err == 0)
        err = inbox_drop_arrivals(&step); /* else a running session would go on fetching them */
    if (err == 0)
        err = step_error(boss_close(step.slot->boss, &step.now, &step.actions));
    return step_end_with(&step, err);
}

/* Runs one of outbox's functions on the wormhole of an entry, as a step. */
typedef int entry_fn(struct step *step, uint64_t entry);

static int entry_step(struct engine *e, struct turn *t, uint64_t entry, entry_fn *fn)
{
    struct entry row;
    int err = entry_get(turn_view(t), entry, &row);
    struct step step;
    if (err == 0)
        err = step_begin(&step, e, t, row.wormhole);
    if (err < 0)
        return err;
    err = fn(&step, entry);
    return step_end_with(&step, err);
}

static bool is_kept(const struct engine *e, const struct entry *row)
{
    return row->state == ENTRY_SENT && e->options.keep_sent;
}

int engine_entry_check(struct engine *e, struct view *v, uint64_t entry)
{
    struct entry row;
    int err = entry_get(v, entry, &row);
    if (err < 0)
        return err == STORE_ERR_NOT_FOUND ? 0 : err;
    return is_kept(e, &row) ? STORE_ERR_READ_ONLY : 0;
}

int engine_entry_changing(struct engine *e, struct turn *t, uint64_t entry)
{
    struct entry row;
    const struct engine_watch *watch = &e->watch;
    int err = entry_get(turn_view(t), entry, &row);
    if (err < 0 || row.state == ENTRY_OPEN)
        return err == STORE_ERR_NOT_FOUND ? 0 : err;
    if (is_kept(e, &row) && !(watch->writing != NULL && watch->writing(watch->arg, entry)))
        return STORE_ERR_READ_ONLY;
    return entry_step(e, t, entry, outbox_unseal);
}

static int flush_dirty(void *arg, const struct node *node, const char *path, size_t path_len)
{
    (void)path, (void)path_len;
    struct id_list *list = arg;
    if (node->type != NODE_FILE || !(node->dirty || node->durable_size < node->size))
        return 0;
    return collect_id(list, &(struct wormhole){.id = node->ino});
}

int engine_entry_prepare(struct engine *e, uint64_t entry)
{
    struct view *v;
    struct id_list dirty = {0};
    int err = view_begin(e->store, &v);
    if (err < 0)
        return err;
    err = node_walk(v, entry, flush_dirty, &dirty);
    view_end(v);
    if (err == STORE_ERR_TOO_BIG) /* too deep to be sent, which listing it finds out and says */
        err = 0;
    for (size_t i = 0; err == 0 && i < dirty.count; i++) {
        err = content_flush(e->store, dirty.ids[i], true);
        if (err == STORE_ERR_NOT_FOUND)
            err = 0;
    }
    free(dirty.ids);
    return err;
}

int engine_entry_seal(struct engine *e, struct turn *t, uint64_t entry)
{
    return entry_step(e, t, entry, outbox_seal);
}

int engine_entry_idle(struct engine *e, struct turn *t, uint64_t entry)
{
    return entry_step(e, t, entry, outbox_leave);
}

int engine_outbox_changed(struct engine *e, struct turn *t, uint64_t wormhole)
{
    struct step step;
    int err = step_begin(&step, e, t, wormhole);
    if (err < 0)
        return err;
    err = stock_consider(&step);
    return step_end_with(&step, err);
}
