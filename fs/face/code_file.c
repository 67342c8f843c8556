#include "fs/face/code_file.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "fs/deadline.h"
#include "fs/face/limits.h"
#include "fs/face/newdir.h"
#include "fs/face/recent.h"
#include "proto/code.h"
#include "store/secrets.h"
#include "store/wormholes.h"

/* ---- what it reads ---- */

enum { TEXT_MAX = CODE_BYTES_MAX + 2 };

/* Writes what `code` reads just now; 0 if there is nothing yet. */
static int current_text(struct view *v, const struct wormhole *w, char out[static TEXT_MAX])
{
    if (w->state == WORMHOLE_PAIRED) {
        strcpy(out, "used\n");
        return (int)strlen(out);
    }
    if (w->code != WORMHOLE_CODE_READY && w->state != WORMHOLE_JOINING)
        return 0;
    int rc = code_get(v, w->id, out);
    if (rc < 0)
        return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    strcat(out, "\n");
    return (int)strlen(out);
}

/* In a turn: what the wormhole's code is; if there is none it is wanted from now on. */
static int ask(struct face *face, struct turn *t, uint64_t id, char out[static TEXT_MAX])
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), id, &w);
    if (rc == 0)
        rc = current_text(turn_view(t), &w, out);
    if (rc < 0)
        return rc == STORE_ERR_NOT_FOUND ? FACE_ERR_STALE : rc;
    if (rc == 0)
        return w.state == WORMHOLE_JOINING ? 0 : engine_want_code(face->engine, t, id);
    if (w.state != WORMHOLE_PAIRED && w.code_read_ms == 0) {
        int logged = wormhole_event(t, id, LOG_CODE_READ, NULL, NULL);
        return logged < 0 ? logged : rc;
    }
    return rc;
}

/* A turn of its own. The length, 0 if there is no code yet, or an error. */
static int fetch(struct face *face, uint64_t number, uint64_t *wormhole, char out[static TEXT_MAX])
{
    struct turn *t;
    struct place p;
    int rc = turn_begin_relief(face->store, &t);
    if (rc < 0)
        return rc;
    rc = place_of(turn_view(t), number, &p);
    if (rc == 0 && p.floating)
        rc = newdir_for_code(face, t, &p);
    int len = rc < 0 ? rc : ask(face, t, p.wormhole, out);
    *wormhole = p.wormhole;
    rc = face_finish(t, len < 0 ? len : 0);
    return rc < 0 ? rc : len;
}

/* The same on a read-only mount. What was not handed out yet stays so: that it was would have to be
 * remembered. */
static int show(struct face *face, uint64_t number, char out[static TEXT_MAX])
{
    struct view *v;
    struct place p;
    struct wormhole w;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = place_of(v, number, &p);
    if (rc == 0 && p.floating)
        rc = newdir_look_code(face, v, &p);
    if (rc == 0)
        rc = p.wormhole == 0 ? FACE_ERR_READ_ONLY : wormhole_get(v, p.wormhole, &w);
    bool ready = rc == 0 && w.code == WORMHOLE_CODE_READY && w.state != WORMHOLE_PAIRED;
    if (rc == 0)
        rc = ready && w.code_read_ms == 0 ? 0 : current_text(v, &w, out);
    view_end(v);
    return rc == 0 ? FACE_ERR_READ_ONLY : rc;
}

/* Who has the code now: the reader, and all that it descends from. */
static void tell(struct face *face, pid_t tid, uint64_t wormhole)
{
    struct writer_id line[WRITER_PARENTS_MAX];
    size_t count = writer_line(tid, line);
    recent_told(face->recent, line, count, wormhole);
}

/* The length, or an error. */
static int keep_text(struct handle *h, const char *text, int len)
{
    pthread_mutex_lock(&h->lock);
    blob_release(&h->text);
    int rc = blob_set(&h->text, text, (size_t)len);
    h->changed = false;
    pthread_mutex_unlock(&h->lock);
    return rc < 0 ? rc : len;
}

int code_file_read(struct face *face, struct handle *h, pid_t tid, uint64_t *wormhole)
{
    char text[TEXT_MAX];
    bool read_only = face->options.read_only;
    int len = read_only ? show(face, h->place.number, text)
                        : fetch(face, h->place.number, wormhole, text);
    if (len == 0)
        len = FACE_ERR_AGAIN;
    if (len > 0 && !read_only)
        tell(face, tid, *wormhole);
    if (len > 0)
        len = keep_text(h, text, len);
    sodium_memzero(text, sizeof text); /* there may be a code in it even if something failed */
    return len;
}

int code_file_size(struct face *face, const struct place *p, uint64_t *size)
{
    struct view *v;
    struct wormhole w;
    char text[TEXT_MAX];
    *size = 0;
    if (p->wormhole == 0)
        return 0;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = wormhole_get(v, p->wormhole, &w);
    if (rc == 0)
        rc = current_text(v, &w, text);
    view_end(v);
    sodium_memzero(text, sizeof text);
    if (rc > 0)
        *size = (uint64_t)rc;
    return rc < 0 && rc != STORE_ERR_NOT_FOUND ? rc : 0;
}

/* ---- what is written to it ---- */

static int join(struct face *face, uint64_t number, const char *text)
{
    struct turn *t;
    struct place p;
    if (code_check(text) < 0)
        return STORE_ERR_INVALID;
    int rc = turn_begin(face->store, &t);
    if (rc < 0)
        return rc;
    rc = place_of(turn_view(t), number, &p);
    if (rc == 0 && p.floating)
        rc = newdir_for_join(face, t, &p, text);
    else if (rc == 0)
        rc = engine_join(face->engine, t, p.wormhole, text);
    return face_finish(t, rc);
}

/* Joins by the first `len` typed bytes, without white space around them; forgets all of them. An
 * empty line is no code; after one it is no matter. */
static int join_typed(struct face *face, struct handle *h, size_t len)
{
    char text[HANDLE_TYPED_MAX + 1];
    size_t from = 0;
    while (len > 0 && isspace((unsigned char)h->typed[len - 1]))
        len--;
    while (from < len && isspace((unsigned char)h->typed[from]))
        from++;
    memcpy(text, h->typed + from, len - from);
    text[len - from] = '\0';
    int rc = 0;
    if (strlen(text) != len - from)
        rc = STORE_ERR_INVALID; /* a NUL in it */
    else if (text[0] != '\0' || !h->joined)
        rc = join(face, h->place.number, text);
    h->joined = h->joined || rc == 0;
    sodium_memzero(text, sizeof text);
    sodium_memzero(h->typed, sizeof h->typed);
    h->typed_len = 0;
    return rc;
}

static bool blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    return true;
}

int code_file_write(struct face *face, struct handle *h, const char *data, size_t len)
{
    int rc = 0;
    pthread_mutex_lock(&h->lock);
    if (len > sizeof h->typed - h->typed_len) {
        rc = STORE_ERR_INVALID;
        h->typed_len = 0;
    } else {
        memcpy(h->typed + h->typed_len, data, len);
        h->typed_len += len;
        const char *end = memchr(h->typed, '\n', h->typed_len);
        size_t line = end ? (size_t)(end - h->typed) : 0;
        if (end && !blank(end, h->typed_len - line))
            rc = STORE_ERR_INVALID;
        else if (end)
            rc = join_typed(face, h, line);
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

int code_file_flush(struct face *face, struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    int rc = h->typed_len > 0 ? join_typed(face, h, h->typed_len) : 0;
    pthread_mutex_unlock(&h->lock);
    return rc;
}

/* ---- reads that wait ---- */

struct waiter {
    struct waiter *next;
    struct code_file *owner;
    fuse_req_t req;
    struct handle *handle;
    uint64_t wormhole;
    size_t size;
    int64_t deadline_ms;
    bool look; /* something may have changed: fetch again */
    bool interrupted;
};

struct code_file {
    struct face *face;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct waiter *first;
    size_t count;
    uint64_t changes; /* how often the engine said something */
    bool stop;
    uint64_t tried[FACE_CODE_TRIED_MAX]; /* a ring of wormholes whose first read has been */
    size_t tried_next;
};

/* True the first time that it is asked for this wormhole. Under the lock. */
static bool first_try(struct code_file *c, uint64_t wormhole)
{
    for (size_t i = 0; i < FACE_CODE_TRIED_MAX; i++)
        if (c->tried[i] == wormhole)
            return false;
    c->tried[c->tried_next] = wormhole;
    c->tried_next = (c->tried_next + 1) % FACE_CODE_TRIED_MAX;
    return true;
}

/* Called by libfuse with the request's lock held: only leaves word for the thread. */
static void interrupted(fuse_req_t req, void *arg)
{
    struct waiter *w = arg;
    (void)req;
    pthread_mutex_lock(&w->owner->lock);
    w->interrupted = true;
    pthread_cond_signal(&w->owner->wake);
    pthread_mutex_unlock(&w->owner->lock);
}

/* Under the lock. */
static void enlist(struct code_file *c, struct waiter *w)
{
    w->next = c->first;
    c->first = w;
    c->count++;
    pthread_cond_signal(&c->wake);
}

int code_file_park(struct code_file *c, fuse_req_t req, struct handle *h, uint64_t wormhole,
                   size_t size)
{
    bool known = engine_server_known(c->face->engine);
    struct waiter *w = calloc(1, sizeof *w);
    if (!w)
        return STORE_ERR_NOMEM;
    *w = (struct waiter){.owner = c,
                         .req = req,
                         .handle = h,
                         .wormhole = wormhole,
                         .size = size,
                         .deadline_ms = deadline_now_ms() + FACE_CODE_WAIT_MS,
                         .look = true};
    /* Before it is in the list: afterwards the thread may answer and free it at any time. */
    fuse_req_interrupt_func(req, interrupted, w);
    /* The question and the entry are one: who is in the list when the thread ends is answered. */
    pthread_mutex_lock(&c->lock);
    bool may = (first_try(c, wormhole) || known) && c->count < FACE_CODE_WAITS_MAX && !c->stop;
    if (may)
        enlist(c, w);
    pthread_mutex_unlock(&c->lock);
    if (may)
        return 0;
    fuse_req_interrupt_func(req, NULL, NULL); /* waits for one that is running */
    free(w);
    return FACE_ERR_AGAIN;
}

void code_file_changed(struct code_file *c, uint64_t wormhole)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->changes++;
    for (struct waiter *w = c->first; w; w = w->next)
        if (w->wormhole == wormhole)
            w->look = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* Takes out of the list one that needs attention now; else says when the next one will. */
static struct waiter *take_due(struct code_file *c, int64_t now_ms, int64_t *next_ms)
{
    *next_ms = INT64_MAX;
    for (struct waiter **at = &c->first; *at; at = &(*at)->next) {
        struct waiter *w = *at;
        if (c->stop || w->look || w->interrupted || w->deadline_ms <= now_ms) {
            *at = w->next;
            return w;
        }
        if (w->deadline_ms < *next_ms)
            *next_ms = w->deadline_ms;
    }
    return NULL;
}

static void answer(struct waiter *w, int rc)
{
    struct blob text = {0};
    fuse_req_interrupt_func(w->req, NULL, NULL); /* waits for one that is running */
    if (rc > 0) {
        pthread_mutex_lock(&w->handle->lock);
        rc = blob_set(&text, w->handle->text.data, w->handle->text.len);
        pthread_mutex_unlock(&w->handle->lock);
    }
    if (rc < 0)
        fuse_reply_err(w->req, errno_map(rc));
    else
        fuse_reply_buf(w->req, (const char *)text.data, text.len < w->size ? text.len : w->size);
    blob_release(&text);
    free(w);
}

/* With the lock, which it gives up meanwhile. Either answers the waiter or puts it back. */
static void attend(struct code_file *c, struct waiter *w)
{
    bool give_up = w->interrupted || c->stop;
    uint64_t changes = c->changes;
    pthread_mutex_unlock(&c->lock);
    uint64_t wormhole = w->wormhole;
    pid_t tid = fuse_req_ctx(w->req)->pid;
    int rc = give_up ? FACE_ERR_INTERRUPTED : code_file_read(c->face, w->handle, tid, &wormhole);
    pthread_mutex_lock(&c->lock);
    w->wormhole = wormhole;
    w->look = changes != c->changes; /* it was not in the list to be told */
    if (rc == FACE_ERR_AGAIN && (w->look || w->interrupted || w->deadline_ms > deadline_now_ms())) {
        w->next = c->first;
        c->first = w;
        return;
    }
    c->count--;
    pthread_mutex_unlock(&c->lock);
    answer(w, rc);
    pthread_mutex_lock(&c->lock);
}

static void wait_until(struct code_file *c, int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX) {
        pthread_cond_wait(&c->wake, &c->lock);
        return;
    }
    const struct timespec until = deadline_at(deadline_ms);
    pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

static void *run(void *arg)
{
    struct code_file *c = arg;
    int64_t next_ms;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct waiter *w = take_due(c, deadline_now_ms(), &next_ms);
        if (w)
            attend(c, w);
        else if (c->stop)
            break;
        else
            wait_until(c, next_ms);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int code_file_open(struct code_file **out, struct face *face)
{
    struct code_file *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;
    if (!c)
        return STORE_ERR_NOMEM;
    c->face = face;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&c->thread, NULL, run, c) != 0) {
        free(c);
        return STORE_ERR_NOMEM;
    }
    *out = c;
    return 0;
}

void code_file_close(struct code_file *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
