#include "fs/seal/seal_state.h"

#include <stdlib.h>
#include <string.h>
#include "fs/deadline.h"
#include "fs/log.h"
#include "fs/seal/seal_turn.h"

static void out_of_memory(struct seal *s)
{
    if (!s->blind)
        log_error("out of memory: nothing more is sealed until the next mount");
    s->blind = true;
}

/* ---- what happens; all under the lock ---- */

void seal_look_by(struct seal *s, struct track *t, int64_t due_ms)
{
    if (due_ms >= t->due_ms)
        return;
    track_due(&s->table, t, due_ms);
    if (due_ms < s->waiting_ms)
        pthread_cond_signal(&s->wake);
}

struct track *seal_track(struct seal *s, uint64_t entry)
{
    struct track *t = track_get(&s->table, entry);

    if (!t)
        out_of_memory(s);
    return t;
}

/* Remembers who it was; a tree's content is judged by its writers. For what may be a tree. */
static void saw(struct track *t, pid_t tid, int64_t now)
{
    if (!t->makers && !(t->makers = calloc(1, sizeof(*t->makers))))
        return;
    makers_saw(t->makers, tid, now);
}

static void quiet_from(struct seal *s, struct track *t, int64_t now)
{
    t->generation++;
    t->changed_ms = now;
    if (!t->handles)
        seal_look_by(s, t, now + s->times.settle_ms);
}

void seal_move_handle(struct seal *s, struct track_handle *h, struct track *to)
{
    struct track *from = h->track;

    if (from == to)
        return;
    track_handle_move(h, to);
    to->generation++;
    from->idle = !from->handles;
    quiet_from(s, from, s->now_ms());
}

/* Where it is has to be found out by a look that begins after this. */
static void doubt(struct seal *s, struct track_handle *h)
{
    h->doubted_at = ++s->epoch;
    track_handle_doubt(&s->table, h);
}

/* The entry was looked up a moment ago: another report, or a look, may know it better. */
static void place_handle(struct seal *s, struct track_handle *h, struct track *t)
{
    if (h->track == t)
        return;
    seal_move_handle(s, h, t);
    doubt(s, h);
}

static void changed(struct seal *s, struct track *t, int64_t now)
{
    t->changed = true;
    t->complete = t->marked = false;
    quiet_from(s, t, now);
}

/* Is this neither content for a tree that is there, nor a tree's new name? Then it may be `touch`.
 * A file that is written through a new handle is copied again. */
static bool may_touch(const struct track *t, const struct track_handle *h, bool created)
{
    return t->is_file || !(h || created);
}

/* A handle that is open when another's writer is killed, and a process that was writing the tree
 * then, go on with what they were doing: that is no `touch`. A process that was told of an error
 * may set the times and the mode of what it has made, too; and others may put into a tree what is
 * not what was meant to be there. */
static bool goes_on(const struct track *t, const struct track_handle *h, bool created, pid_t tid)
{
    if (h && h->before_accident)
        return true;
    if (seal_rule_failed(t->accident)) {
        if (!may_touch(t, h, created))
            return true;
        return !h && t->makers && makers_has(t->makers, tid);
    }
    return (h || created) && t->makers && makers_has(t->makers, tid);
}

static void make_good(struct track *t, const struct track_handle *h, bool created, pid_t tid)
{
    if (t->accident != SEAL_WELL && !goes_on(t, h, created, tid)) {
        t->accident = SEAL_WELL;
        if (t->makers)
            makers_forgive(t->makers);
    }
    t->touched = t->touched || may_touch(t, h, created);
}

/* Has a change in this run made good all that the store may hold it for? */
static bool is_news(struct track *t)
{
    bool news = t->touched && t->accident == SEAL_WELL && !t->well;

    t->well = t->well || news;
    return news;
}

static void accident(struct track *t, enum seal_accident why)
{
    t->well = false;
    if (!seal_rule_failed(t->accident)) /* which is harder to make good */
        t->accident = why;
    for (struct track_handle *h = t->handles; h; h = h->right)
        h->before_accident = true;
}

void seal_notice_kills(struct track *t)
{
    if (t->makers && !t->is_file && makers_take_kill(t->makers))
        accident(t, SEAL_KILLED);
}

void seal_created(struct seal *s, uint64_t entry, uint64_t ino, bool directory, pid_t pid)
{
    int64_t now = s->now_ms();

    pthread_mutex_lock(&s->lock);
    struct track *t = seal_track(s, entry);
    if (t) {
        seal_notice_kills(t);
        if (entry != ino || directory)
            saw(t, pid, now);
        if (entry == ino && directory && t->makers)
            makers_begin(t->makers, pid, now);
        t->is_file = entry == ino && !directory;
        t->well = t->well || entry == ino; /* it is new */
        make_good(t, NULL, true, pid);
        changed(s, t, now);
    }
    pthread_mutex_unlock(&s->lock);
}

void seal_opened(struct seal *s, uint64_t entry, uint64_t ino, uint64_t handle, bool writable,
                 pid_t pid)
{
    if (!writable)
        return;
    pthread_mutex_lock(&s->lock);
    struct track *t = seal_track(s, entry);
    if (t)
        seal_notice_kills(t); /* what is opened now came after it */
    struct track_handle *h = t ? track_handle_add(&s->table, t, handle, ino) : NULL;
    if (h) {
        h->opener = pid;
        h->unflushed = true;
        doubt(s, h); /* it may have moved since `entry` was looked up */
        t->is_file = t->is_file || entry == ino;
        t->generation++;
    } else {
        out_of_memory(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void seal_changed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid)
{
    int64_t now = s->now_ms();
    bool news = false;

    pthread_mutex_lock(&s->lock);
    struct track_handle *h = handle ? track_handle_find(&s->table, handle) : NULL;
    struct track *t = h && h->track->entry == entry ? h->track : seal_track(s, entry);
    if (!t)
        goto out;
    if (h) {
        place_handle(s, h, t);
        h->unflushed = true;
    } else {
        seal_notice_kills(t);
    }
    /* Pages of a map are written by the kernel, which is nobody. */
    pid_t tid = pid || !h ? pid : h->opener;
    make_good(t, h, false, tid);
    if (!t->is_file)
        saw(t, tid, now);
    changed(s, t, now);
    news = is_news(t);
out:
    pthread_mutex_unlock(&s->lock);
    if (news) /* if it fails, the look that seals it tries again */
        (void)seal_turn_good(s->store, s->engine, entry);
}

bool seal_flushed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid)
{
    enum writer_end end = writer_at_flush(pid); /* it may block: without the lock */
    bool killed = false;

    (void)entry;
    pthread_mutex_lock(&s->lock);
    struct track_handle *h = track_handle_find(&s->table, handle);
    if (h) {
        killed = end == WRITER_KILLED || (end == WRITER_ENDS && h->unflushed);
        h->killed = killed;
        h->unflushed = false;
    }
    pthread_mutex_unlock(&s->lock);
    return !killed;
}

/* True if that is news. Who was told of the error is remembered, of files, too. */
static bool failed(struct seal *s, struct track *t, const struct track_handle *h, pid_t tid,
                   enum seal_accident why)
{
    int64_t now = s->now_ms();
    bool news = !seal_rule_failed(t->accident);

    if (t->is_file && t->makers)
        makers_clear(t->makers);
    saw(t, tid || !h ? tid : h->opener, now);
    accident(t, why);
    t->complete = t->marked = false;
    quiet_from(s, t, now);
    return news;
}

void seal_failed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid, enum seal_accident why)
{
    bool news = false;

    pthread_mutex_lock(&s->lock);
    struct track_handle *h = handle ? track_handle_find(&s->table, handle) : NULL;
    struct track *t = h && h->track->entry == entry ? h->track : seal_track(s, entry);
    if (t) {
        if (h)
            place_handle(s, h, t);
        news = failed(s, t, h, pid, why);
    }
    pthread_mutex_unlock(&s->lock);
    if (news) /* if it fails, the look after the release tries again */
        (void)seal_turn_hold(s->store, s->engine, entry, seal_rule_held_by(why));
}

/* A file that was closed just now, as seal_turn.h's check knows it. */
struct closed_file {
    struct seal *seal;
    uint64_t generation;
};

/* Called in the turn: nothing has happened to it since. */
static bool is_still_closed(void *arg, uint64_t entry)
{
    const struct closed_file *f = arg;

    pthread_mutex_lock(&f->seal->lock);
    const struct track *t = track_find(&f->seal->table, entry);
    bool still = t && !t->handles && t->generation == f->generation;
    pthread_mutex_unlock(&f->seal->lock);
    return still;
}

/* Where that cannot be recorded, a crash before the sealing holds the file: nothing is lost. */
static void remember_closed(struct closed_file *f, uint64_t entry)
{
    const struct seal_turn_check check = {.settled = is_still_closed, .arg = f};

    (void)seal_turn_mark_empty(f->seal->store, entry, &check);
}

/* The last FLUSH has decided how the writer ended. */
void seal_released(struct seal *s, uint64_t entry, uint64_t handle)
{
    struct closed_file file = {.seal = s};
    bool closed = false;

    pthread_mutex_lock(&s->lock);
    struct track_handle *h = track_handle_find(&s->table, handle);
    if (h) {
        struct track *t = h->track;
        bool killed = h->killed;
        track_handle_drop(&s->table, h);
        if (killed)
            accident(t, SEAL_KILLED);
        t->idle = !t->handles;
        quiet_from(s, t, s->now_ms());
        if (killed && !t->handles)
            seal_look_by(s, t, 0);
        file.generation = t->generation;
        closed = t->entry == entry && t->is_file && !t->handles && t->accident == SEAL_WELL;
    }
    pthread_mutex_unlock(&s->lock);
    if (closed)
        remember_closed(&file, entry);
}

void seal_renamed(struct seal *s, uint64_t entry, const char *name, size_t name_len)
{
    (void)name; /* it is read from the store when it matters */
    (void)name_len;
    pthread_mutex_lock(&s->lock);
    struct track *t = seal_track(s, entry);
    if (t) {
        bool before = t->changed; /* another name makes nothing good */
        seal_notice_kills(t);
        if (t->makers)
            makers_renamed(t->makers);
        changed(s, t, s->now_ms());
        t->changed = before;
        t->complete = !t->handles && (!t->makers || makers_gone(t->makers));
        if (t->complete)
            seal_look_by(s, t, 0);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Its handles stay: an open file may live on in another entry, or without a name. */
void seal_removed(struct seal *s, uint64_t entry)
{
    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, entry);
    if (t && !t->handles)
        track_drop(&s->table, t);
    pthread_mutex_unlock(&s->lock);
}

/* A look finds it out; where a handle is, none may be due. */
static void moved(struct seal *s, struct track_handle *h, int64_t now)
{
    doubt(s, h);
    seal_look_by(s, h->track, now + s->times.settle_ms);
}

/* Of a directory it may be any handle of the entry that it was in; and any that is in doubt
 * already, as that may be in another entry than we know. */
void seal_moved(struct seal *s, uint64_t from, uint64_t ino, bool directory)
{
    int64_t now = s->now_ms();

    pthread_mutex_lock(&s->lock);
    const struct track *t = track_find(&s->table, from);
    if (directory) {
        for (struct track_handle *h = s->table.doubted; h; h = h->later)
            moved(s, h, now);
        for (struct track_handle *h = t ? t->handles : NULL; h; h = h->right)
            moved(s, h, now);
    } else {
        struct track_handle *h = track_handle_of_file(&s->table, ino);
        for (; h; h = track_handle_next(h))
            moved(s, h, now);
    }
    pthread_mutex_unlock(&s->lock);
}

bool seal_writer(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid)
{
    _Static_assert(WRITER_NAME_MAX == 64, "the header says so");

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, entry);
    pid_t opener = t && t->handles ? t->handles->opener : -1;
    pthread_mutex_unlock(&s->lock);
    if (opener < 0)
        return false;
    if (!writer_describe(opener, command, pid)) { /* it has passed its descriptor on */
        strcpy(command, "?");
        *pid = opener;
    }
    return true;
}

bool seal_maker(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid)
{
    pid_t maker = 0;

    pthread_mutex_lock(&s->lock);
    struct track *t = track_find(&s->table, entry);
    if (t && t->makers && seal_rule_is_job(t->makers->maker_age_ms, &s->times))
        maker = makers_at_work(t->makers);
    pthread_mutex_unlock(&s->lock);
    return writer_describe(maker, command, pid);
}

/* ---- the timer thread, beginning and end ---- */

int64_t seal_step(struct seal *s)
{
    struct track *t = track_first(&s->table);

    if (!t || t->due_ms > s->now_ms())
        return t ? t->due_ms : INT64_MAX;
    uint64_t entry = t->entry;
    track_due(&s->table, t, TRACK_NEVER);
    pthread_mutex_unlock(&s->lock);
    seal_look(s, entry, false);
    pthread_mutex_lock(&s->lock);
    return 0;
}

static void sleep_until(struct seal *s, int64_t due_ms)
{
    s->waiting_ms = due_ms;
    if (due_ms == INT64_MAX) {
        pthread_cond_wait(&s->wake, &s->lock);
        return;
    }
    const struct timespec until = deadline_at(due_ms);
    pthread_cond_timedwait(&s->wake, &s->lock, &until);
}

static void *run(void *arg)
{
    struct seal *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        int64_t due_ms = seal_step(s);
        if (due_ms > 0 && !s->stop)
            sleep_until(s, due_ms);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int look_at_unsealed(struct seal *s)
{
    uint64_t *entries = NULL;
    size_t count = 0;
    int rc = seal_turn_open_entries(s->store, &entries, &count);

    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = seal_look_first(s, entries[i]);
    free(entries);
    return rc;
}

int seal_open(struct seal **out, struct store *store, struct engine *engine,
              const struct seal_options *options)
{
    pthread_condattr_t attr;
    struct seal *s = calloc(1, sizeof(*s));

    if (!s)
        return STORE_ERR_NOMEM;
    s->store = store;
    s->engine = engine;
    s->times = (struct seal_times){options->settle_ms, options->settle_tree_ms};
    s->now_ms = deadline_now_ms;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    int rc = look_at_unsealed(s);
    if (rc < 0) {
        seal_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

int seal_start(struct seal *s)
{
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        return STORE_ERR_NOMEM;
    s->started = true;
    return 0;
}

static void stop_thread(struct seal *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
}

/* Each is looked at once; what stays keeps its track. */
static void look_last(struct seal *s)
{
    size_t count = s->table.track_count;
    uint64_t *entries = calloc(count ? count : 1, sizeof(*entries));

    if (!entries)
        return;
    track_entries(&s->table, entries);
    for (size_t i = 0; i < count; i++)
        seal_look(s, entries[i], true);
    free(entries);
}

void seal_close(struct seal *s)
{
    if (!s)
        return;
    if (s->started) {
        stop_thread(s);
        look_last(s);
    }
    track_table_release(&s->table);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
