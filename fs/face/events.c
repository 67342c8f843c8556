#include "fs/face/events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fs/face/limits.h"
#include "fs/face/namings.h"

/* The event after `id` begins at `offset`. */
struct mark {
    uint64_t id;
    uint64_t offset;
};

struct events {
    struct store *store;
    pthread_mutex_t lock;
    struct namings *names;
    struct mark *marks; /* one each FACE_EVENTS_STEP events, the first at the start */
    size_t count, cap;
    struct mark end; /* what was measured so far */
    uint64_t since_mark;
    int64_t last_ms;
};

int events_open(struct events **out, struct store *store)
{
    struct events *e = calloc(1, sizeof *e);
    if (!e || namings_open(&e->names) < 0) {
        free(e);
        return STORE_ERR_NOMEM;
    }
    e->store = store;
    pthread_mutex_init(&e->lock, NULL);
    *out = e;
    return 0;
}

void events_close(struct events *e)
{
    if (!e)
        return;
    pthread_mutex_destroy(&e->lock);
    namings_close(e->names);
    free(e->marks);
    free(e);
}

static json_t *time_json(int64_t time_ms)
{
    char text[64];
    size_t len;
    struct tm utc;
    time_t seconds = (time_t)(time_ms / 1000);
    gmtime_r(&seconds, &utc);
    len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(time_ms % 1000));
    return json_string(text);
}

char *events_line(const struct log_row *row, const char *wormhole)
{
    json_t *o = json_pack("{s:I, s:o, s:s}", "id", (json_int_t)row->id, "time",
                          time_json(row->time_ms), "type", log_type_text(row->event.type));
    if (wormhole)
        json_object_set_new(o, "wormhole", json_string(wormhole));
    if (row->event.wormhole != 0)
        json_object_set_new(o, "wormhole_id", json_integer((json_int_t)row->event.wormhole));
    if (row->event.ino != 0)
        json_object_set_new(o, "ino", json_integer((json_int_t)row->event.ino));
    if (o && row->event.detail)
        json_object_update(o, row->event.detail);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    size_t len = text ? strlen(text) : 0;
    char *line = text ? realloc(text, len + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + len, "\n", 2);
    return line;
}

static int add_mark(struct events *e)
{
    if (e->count == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 256;
        struct mark *marks = realloc(e->marks, cap * sizeof *marks);
        if (!marks)
            return STORE_ERR_NOMEM;
        e->marks = marks;
        e->cap = cap;
    }
    e->marks[e->count++] = e->end;
    e->since_mark = 0;
    return 0;
}

static char *line_of(const struct events *e, const struct log_row *row)
{
    return events_line(row, namings_at(e->names, row->event.wormhole, row->id));
}

static int measure(void *arg, const struct log_row *row)
{
    struct events *e = arg;
    if ((e->count == 0 || e->since_mark == FACE_EVENTS_STEP) && add_mark(e) < 0)
        return STORE_ERR_NOMEM;
    int rc = namings_note(e->names, row);
    char *line = rc < 0 ? NULL : line_of(e, row);
    if (!line)
        return STORE_ERR_NOMEM;
    e->end.id = row->id;
    e->end.offset += strlen(line);
    e->since_mark++;
    e->last_ms = row->time_ms;
    free(line);
    return 0;
}

/* Measures what is new, a batch a view. Under the lock. */
static int extend(struct events *e)
{
    uint64_t before;
    do {
        struct view *v;
        int rc = view_begin(e->store, &v);
        if (rc < 0)
            return rc;
        before = e->end.id;
        rc = log_read(v, e->end.id, FACE_EVENTS_BATCH, measure, e);
        view_end(v);
        if (rc < 0)
            return rc;
    } while (e->end.id != before);
    return 0;
}

int events_size(struct events *e, uint64_t *size, int64_t *changed_ns)
{
    pthread_mutex_lock(&e->lock);
    int rc = extend(e);
    *size = e->end.offset;
    *changed_ns = e->last_ms * 1000000;
    pthread_mutex_unlock(&e->lock);
    return rc;
}

/* The last mark at or before the offset. */
static struct mark mark_before(const struct events *e, uint64_t offset)
{
    size_t low = 0, high = e->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (e->marks[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return e->marks[low];
}

struct copy {
    const struct events *events;
    uint64_t at;   /* offset of the next line in the file */
    uint64_t from; /* what is wanted */
    char *out;
    size_t len, done;
};

static int copy_line(void *arg, const struct log_row *row)
{
    struct copy *c = arg;
    char *line = line_of(c->events, row);
    if (!line)
        return STORE_ERR_NOMEM;
    size_t len = strlen(line);
    uint64_t next = c->from + c->done;
    if (c->at + len > next) {
        size_t skip = (size_t)(next - c->at);
        size_t part = len - skip < c->len - c->done ? len - skip : c->len - c->done;
        memcpy(c->out + c->done, line + skip, part);
        c->done += part;
    }
    c->at += len;
    free(line);
    return c->done == c->len;
}

static int copy_lines(struct events *e, uint64_t offset, struct copy *c)
{
    struct view *v;
    struct mark mark = mark_before(e, offset);
    int rc = view_begin(e->store, &v);
    if (rc < 0)
        return rc;
    c->at = mark.offset;
    rc = log_read(v, mark.id, INT64_MAX, copy_line, c);
    view_end(v);
    return rc;
}

ssize_t events_read(struct events *e, uint64_t offset, void *buf, size_t len)
{
    struct copy c = {.events = e, .from = offset, .out = buf};
    pthread_mutex_lock(&e->lock);
    int rc = extend(e);
    if (rc == 0 && offset < e->end.offset && len > 0) {
        uint64_t left = e->end.offset - offset;
        c.len = len < left ? len : (size_t)left;
        rc = copy_lines(e, offset, &c);
    }
    pthread_mutex_unlock(&e->lock);
    return rc < 0 ? rc : (ssize_t)c.done;
}
