#include "fs/face/state_json.h"

#include <stdlib.h>
#include <string.h>

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Some of it comes from peers and servers, and jansson takes nothing but valid UTF-8. */
static json_t *text(const char *from)
{
    return log_text(from);
}

static json_t *peer_json(const struct survey *s)
{
    const char *kind = survey_peer_word(s->row.peer);
    if (!kind)
        return json_null();
    return json_pack("{s:s, s:o, s:b, s:o}", "kind", kind, "version", text(s->row.peer_version),
                     "here_now", s->status.here_now, "last_heard_ms",
                     number((uint64_t)survey_last_heard_ms(s)));
}

static json_t *outbox_json(const struct survey *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "entries", number(s->count.entries),
                     "bytes", number(s->outbox_bytes), "open", number(s->count.open), "sealed",
                     number(s->count.sealed), "sent", number(s->count.sent), "held",
                     number(s->count.held), "offered", number(s->count.offered));
}

static json_t *sending_json(const struct survey *s)
{
    if (!s->status.sending)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:f}", "name", text(s->status.sending_name), "done",
                     number(s->status.sending_done), "size", number(s->status.sending_size),
                     "bytes_per_s", s->status.bytes_per_s);
}

static json_t *sent_json(const struct survey *s)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "count", number(s->row.sent_count), "last",
                     text(s->row.sent_last), "how", text(s->row.sent_how), "time_ms",
                     number((uint64_t)s->row.sent_ms));
}

static json_t *held_json(const struct survey *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->held_shown; i++)
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", text(s->held[i].name), "why",
                                              text(s->held[i].why)));
    return list;
}

json_t *state_json_wormhole(const struct survey *s)
{
    const char *problem = survey_problem(s);
    json_t *out = json_pack(
        "{s:o, s:s, s:s, s:b, s:o, s:b, s:o, s:{s:o}, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
        number(s->row.id), "name", s->row.shown, "state", survey_state_word(s->row.state), "draft",
        s->row.draft, "peer", peer_json(s), "connected", s->status.connected, "outbox",
        outbox_json(s), "inbox", "entries", number(s->inbox_entries), "sending", sending_json(s),
        "sent", sent_json(s), "held", held_json(s), "problem",
        problem[0] ? text(problem) : json_null(), "created_ms", number((uint64_t)s->row.created_ms),
        "event", number(s->row.last_event));
    if (out && s->row.nameplate[0])
        json_object_set_new(out, "nameplate", text(s->row.nameplate));
    return out;
}

/* The walk over all wormholes. */
struct walk {
    struct face *face;
    struct view *view;
    struct survey *survey;
    json_t *list;
    int64_t event_ms;
};

static int add_wormhole(void *arg, const struct wormhole *row)
{
    struct walk *w = arg;
    if (row->state == WORMHOLE_CLOSING)
        return 0;
    int rc = survey_read(w->view, row->id, w->survey);
    if (rc < 0)
        return rc;
    survey_status(w->face, w->survey);
    if (w->survey->event_ms > w->event_ms)
        w->event_ms = w->survey->event_ms;
    return json_array_append_new(w->list, state_json_wormhole(w->survey)) == 0 ? 0
                                                                               : STORE_ERR_NOMEM;
}

static int dump(json_t *root, struct blob *out)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (!text)
        return STORE_ERR_NOMEM;
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: a blob needs none */
    int rc = blob_set(out, text, len + 1);
    free(text);
    return rc;
}

int state_json_render(struct face *face, struct state_json *out)
{
    struct walk w = {.face = face, .survey = malloc(sizeof *w.survey), .list = json_array()};
    json_t *root = NULL;
    *out = (struct state_json){0};
    int rc = w.survey && w.list ? view_begin(face->store, &w.view) : STORE_ERR_NOMEM;
    if (rc == 0) {
        rc = log_last(w.view, &out->event);
        if (rc == 0)
            rc = wormhole_each(w.view, 0, add_wormhole, &w);
        view_end(w.view);
    }
    if (rc == 0) {
        out->event_ms = w.event_ms;
        root = json_pack("{s:s, s:o, s:O}", "version", WORMHOLEFS_VERSION, "event",
                         number(out->event), "wormholes", w.list);
        rc = dump(root, &out->text);
    }
    json_decref(root);
    json_decref(w.list);
    free(w.survey);
    return rc;
}
