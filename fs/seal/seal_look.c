#include "fs/seal/seal_state.h"

#include <stdlib.h>
#include <string.h>
#include "fs/log.h"
#include "fs/seal/seal_turn.h"
#include "fs/seal/witness.h"

enum {
    RETRY_MS = 5000, /* after an error of the store */
    BUSY_MS = 50,    /* after a change at the last moment */
};

/* ---- looking ---- */

/* What one look goes by. */
struct look {
    struct seal *seal;
    uint64_t entry;
    uint64_t generation;
    bool closing;
    struct seal_look store;
    struct seal_facts facts;
};

/* Handles that may be in another entry by now. */
struct doubts {
    uint64_t epoch;
    size_t count;
    uint64_t *ids, *inos, *entries;
};

static uint64_t generation_of(struct seal *s, uint64_t entry)
{
    const struct track *t = track_find(&s->table, entry);

    return t ? t->generation : 0;
}

/* Also notes what the look is to be compared with: before anything is found out. */
static int collect_doubts(struct look *l, struct doubts *d)
{
    struct seal *s = l->seal;
    size_t count = s->table.doubted_count, i = 0;

    l->generation = generation_of(s, l->entry);
    *d = (struct doubts){.epoch = s->epoch, .count = count};
    if (count == 0)
        return 0;
    d->ids = calloc(3 * count, sizeof(*d->ids));
    if (!d->ids)
        return STORE_ERR_NOMEM;
    d->inos = d->ids + count;
    d->entries = d->inos + count;
    for (const struct track_handle *h = s->table.doubted; h; h = h->later) {
        d->ids[i] = h->id;
        d->inos[i++] = h->ino;
    }
    return 0;
}

/* What moved meanwhile stays in doubt, but the look goes on: the report of it changes the
 * generation of the entry to which it moved. */
static void settle_doubts(struct look *l, const struct doubts *d)
{
    struct seal *s = l->seal;
    uint64_t before = generation_of(s, l->entry);

    for (size_t i = 0; i < d->count; i++) {
        struct track_handle *h = track_handle_find(&s->table, d->ids[i]);
        if (!h)
            continue;
        if (h->doubted_at <= d->epoch)
            track_handle_trust(&s->table, h);
        struct track *t = d->entries[i] ? seal_track(s, d->entries[i]) : NULL;
        if (t)
            seal_move_handle(s, h, t);
    }
    l->generation += generation_of(s, l->entry) - before; /* of our own doing */
}

/* Finds out to which entries the handles in doubt belong, as of now. */
static int find_handles(struct look *l)
{
    struct seal *s = l->seal;
    struct doubts d;

    pthread_mutex_lock(&s->lock);
    int rc = collect_doubts(l, &d);
    pthread_mutex_unlock(&s->lock);
    if (rc == 0)
        rc = seal_turn_entries_of(s->store, d.inos, d.entries, d.count);
    if (rc == 0 && d.count) {
        pthread_mutex_lock(&s->lock);
        settle_doubts(l, &d);
        pthread_mutex_unlock(&s->lock);
    }
    free(d.ids);
    return rc;
}

/* What happened in this run, or before it and was not made good since. */
static enum seal_accident accident_of(const struct track *t, const struct entry *row)
{
    enum seal_accident before = seal_rule_accident(seal_rule_hold(row->held_code));
    bool made_good = seal_rule_failed(before) ? t->touched : t->changed;

    return t->accident == SEAL_WELL && !made_good ? before : t->accident;
}

/* 0: there is nobody to ask about. */
static pid_t next_unreaped(struct look *l)
{
    struct seal *s = l->seal;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    pid_t pid = t && t->makers ? makers_unreaped(t->makers) : 0;
    pthread_mutex_unlock(&s->lock);
    return pid;
}

/* Parents may hear late, or never, of a child that has exited. The witness may know how it ended;
 * asking may block. */
static void ask_about_unreaped(struct look *l)
{
    struct seal *s = l->seal;
    pid_t pid;

    while ((pid = next_unreaped(l)) != 0) {
        enum writer_end end = witness_in_use() ? witness_ask(pid) : writer_look(pid);
        pthread_mutex_lock(&s->lock);
        struct track *t = track_find(&s->table, l->entry);
        if (t && t->makers)
            makers_told(t->makers, pid, end);
        pthread_mutex_unlock(&s->lock);
    }
}

/* What there is to know of those who make a tree. */
static void add_makers(struct seal_facts *f, struct makers *m)
{
    f->makers_done = makers_done(m);
    f->at_work = makers_at_work(m) != 0;
    f->maker_age_ms = m->maker_age_ms;
}

/* The rest of the facts, from memory. False if the entry is not watched any more. */
static bool gather(struct look *l, int64_t now)
{
    struct seal *s = l->seal;
    struct seal_facts *f = &l->facts;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    if (t) {
        t->is_file = l->store.row.kind != NODE_DIR;
        seal_notice_kills(t);
        *f = (struct seal_facts){
            .name = l->store.row.name.text,
            .name_len = l->store.row.name.len,
            .directory = !t->is_file,
            .empty = l->store.empty,
            .open = t->handles != NULL,
            .complete = t->complete,
            .accident = accident_of(t, &l->store.row),
            .quiet_ms = now - t->changed_ms,
            .age_ms = l->store.age_ms,
        };
        if (f->directory && t->makers)
            add_makers(f, t->makers);
    }
    pthread_mutex_unlock(&s->lock);
    return t != NULL;
}

/* Called in the turn: nothing has happened since the look. */
static bool is_settled(void *arg, uint64_t entry)
{
    struct look *l = arg;
    struct seal *s = l->seal;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, entry);
    bool settled = t && t->generation == l->generation && !t->handles && !s->blind;
    pthread_mutex_unlock(&s->lock);
    return settled;
}

/* ---- acting ---- */

static void look_again(struct look *l, int64_t after_ms)
{
    struct seal *s = l->seal;

    if (after_ms == INT64_MAX)
        return;
    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    if (t)
        seal_look_by(s, t, s->now_ms() + after_ms);
    pthread_mutex_unlock(&s->lock);
}

/* There is nothing to watch until something happens to the entry. */
static void forget(struct look *l)
{
    struct seal *s = l->seal;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    if (t && t->generation == l->generation && !t->handles)
        track_drop(&s->table, t);
    pthread_mutex_unlock(&s->lock);
}

/* The store may miss something else: then somebody has to know. */
static bool is_gone(struct look *l)
{
    return seal_turn_look(l->seal->store, l->entry, &l->store) == STORE_ERR_NOT_FOUND;
}

static void failed(struct look *l, int rc)
{
    struct seal *s = l->seal;
    bool warn = false;

    if (rc == STORE_ERR_BUSY) {
        look_again(l, BUSY_MS);
        return;
    }
    if (rc == STORE_ERR_NOT_FOUND && is_gone(l)) { /* removed or replaced since the look */
        forget(l);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    if (t) {
        warn = !t->warned;
        t->warned = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (warn)
        log_warning("an outbox entry cannot be sealed yet: %s", store_strerror(rc));
    look_again(l, RETRY_MS);
}

/* In these very words: another version may have used others. */
static bool shows(const struct entry *row, enum seal_hold why)
{
    return seal_rule_hold(row->held_code) == why &&
           (why == SEAL_NOT_HELD || strcmp(row->held, seal_rule_text(why)) == 0);
}

static void show_hold(struct look *l, enum seal_hold why)
{
    if (shows(&l->store.row, why))
        return;
    int rc = seal_turn_hold(l->seal->store, l->seal->engine, l->entry, why);
    if (rc < 0)
        failed(l, rc);
}

static struct seal_turn_check check_of(struct look *l)
{
    bool at_once = l->closing || l->facts.complete;

    return (struct seal_turn_check){
        .settled = is_settled, .arg = l, .settle_ms = at_once ? 0 : l->seal->times.settle_ms};
}

/* So that it is not taken for interrupted if we die before it is sealed. */
static void mark_if_gone(struct look *l)
{
    struct seal *s = l->seal;
    const struct seal_turn_check check = check_of(l);

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    bool wanted = t && !t->marked && t->makers && l->facts.directory && makers_gone(t->makers);
    if (wanted)
        t->marked = true; /* a change from here on takes it back */
    pthread_mutex_unlock(&s->lock);
    if (wanted && seal_turn_mark(s->store, l->entry, &check) < 0) {
        pthread_mutex_lock(&s->lock);
        if ((t = track_find(&s->table, l->entry)) != NULL)
            t->marked = false;
        pthread_mutex_unlock(&s->lock);
    }
}

/* Whole by all that memory knows; the store may know of bytes that the disk lost. */
static void seal_it(struct look *l)
{
    const struct seal_turn_check check = check_of(l);
    struct seal_sum sum;
    int rc = seal_turn_sum(l->seal->store, l->entry, &sum);

    if (rc == 0 && sum.damaged) {
        show_hold(l, SEAL_HELD_DAMAGED);
        return;
    }
    if (rc == 0)
        rc = seal_turn_seal(l->seal->store, l->seal->engine, l->entry, &check);
    if (rc < 0)
        failed(l, rc);
    else
        forget(l);
}

static void act(struct look *l, const struct seal_decision *d)
{
    switch (d->stage) {
    case SEAL_OPEN:
        break; /* seal_released looks again */
    case SEAL_SETTLING:
        show_hold(l, SEAL_NOT_HELD);
        if (l->closing || l->facts.quiet_ms >= l->seal->times.settle_ms)
            mark_if_gone(l);
        break;
    case SEAL_HELD:
        show_hold(l, d->hold);
        break;
    case SEAL_WHOLE:
        seal_it(l);
        return;
    }
    look_again(l, d->again_ms);
}

/* It is sealed or gone already: perhaps its last reader was waited for. */
static void not_open(struct look *l)
{
    struct seal *s = l->seal;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, l->entry);
    bool idle = t && t->idle && !t->handles;
    if (t) {
        l->generation = t->generation;
        t->idle = false;
    }
    pthread_mutex_unlock(&s->lock);
    int rc = idle ? seal_turn_idle(s->store, s->engine, l->entry) : 0;
    if (rc < 0 && rc != STORE_ERR_NOT_FOUND)
        log_warning("an acknowledged entry cannot be removed yet: %s", store_strerror(rc));
    forget(l);
}

void seal_look(struct seal *s, uint64_t entry, bool closing)
{
    struct look l = {.seal = s, .entry = entry, .closing = closing};

    int rc = find_handles(&l);
    if (rc < 0) {
        look_again(&l, BUSY_MS);
        return;
    }
    rc = seal_turn_look(s->store, entry, &l.store);
    if (rc == STORE_ERR_NOT_FOUND || (rc == 0 && l.store.row.state != ENTRY_OPEN)) {
        not_open(&l);
        return;
    }
    if (rc < 0) {
        failed(&l, rc);
        return;
    }
    ask_about_unreaped(&l);
    if (!gather(&l, s->now_ms()))
        return;
    if (closing)
        l.facts.complete = l.facts.complete || l.facts.makers_done || !l.facts.directory;
    const struct seal_decision d = seal_rule(&l.facts, &s->times);
    act(&l, &d);
}

/* ---- at start ---- */

static void watch(struct seal *s, uint64_t entry)
{
    pthread_mutex_lock(&s->lock);
    struct track *t = seal_track(s, entry);
    if (t) {
        t->changed_ms = s->now_ms();
        seal_look_by(s, t, t->changed_ms + s->times.settle_ms);
    }
    pthread_mutex_unlock(&s->lock);
}

int seal_look_first(struct seal *s, uint64_t entry)
{
    struct seal_look look;
    struct seal_sum sum;
    int rc = seal_turn_look(s->store, entry, &look);

    if (rc == 0)
        rc = seal_turn_sum(s->store, entry, &sum);
    if (rc < 0)
        return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    enum seal_hold before = seal_rule_hold(look.row.held_code);
    if (seal_rule_accident(before) != SEAL_WELL) /* held until it is touched */
        return shows(&look.row, before) ? 0 : seal_turn_hold(s->store, NULL, entry, before);
    const struct seal_evidence evidence = {
        .directory = look.row.kind == NODE_DIR,
        .whole = sum.whole,
        .dirty = sum.dirty,
        .foreign = sum.foreign,
        .bare = sum.bare,
    };
    if (seal_rule_after_crash(&evidence) == SEAL_CRASHED)
        return seal_turn_hold(s->store, NULL, entry, SEAL_HELD_CRASHED);
    watch(s, entry);
    return 0;
}
