#include "fs/face/control.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "fs/face/state_json.h"
#include "fs/face/state_text.h"
#include "fs/face/survey.h"

/* What state.json last was: rendering it walks over all wormholes, and `ls -l` asks for its size.
 */
struct control {
    pthread_mutex_t lock;
    uint64_t json_size;
    uint64_t json_event;
    int64_t json_changed_ns;
    int64_t json_made_ms; /* 0: not yet */
};

int control_open(struct control **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return STORE_ERR_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    return 0;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void facts_of(const struct survey *s, struct state_held held[static FACE_HELD_SHOWN_MAX],
                     struct state_facts *f)
{
    for (size_t i = 0; i < s->held_shown; i++)
        held[i] = (struct state_held){.name = s->held[i].name, .why = s->held[i].why};
    *f = (struct state_facts){
        .state = survey_state_word(s->row.state),
        .peer = survey_peer_word(s->row.peer),
        .peer_version = s->row.peer_version,
        .here_now = s->status.here_now,
        .last_heard_ms = survey_last_heard_ms(s),
        .outbox_entries = s->count.entries,
        .outbox_bytes = s->outbox_bytes,
        .sending = s->status.sending,
        .sending_name = s->status.sending_name,
        .sending_done = s->status.sending_done,
        .sending_size = s->status.sending_size,
        .bytes_per_s = s->status.bytes_per_s,
        .sent_count = s->row.sent_count,
        .sent_last = s->row.sent_last,
        .sent_how = s->row.sent_how,
        .sent_ms = s->row.sent_ms,
        .inbox_entries = s->inbox_entries,
        .held = held,
        .held_shown = s->held_shown,
        .held_count = s->held_count,
        .problem = survey_problem(s),
        .event = s->row.last_event,
    };
}

static int read_survey(struct face *face, uint64_t wormhole, struct survey *s)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = survey_read(v, wormhole, s);
    view_end(v);
    return rc == STORE_ERR_NOT_FOUND ? FACE_ERR_STALE : rc;
}

/* wormhole 0: new/ before it has one. */
static int render_state(struct face *face, uint64_t wormhole, struct blob *out, int64_t *changed_ns)
{
    char text[FACE_STATE_BYTES_MAX];
    struct state_held held[FACE_HELD_SHOWN_MAX];
    struct state_facts facts;
    struct survey *s = calloc(1, sizeof *s);
    if (!s)
        return STORE_ERR_NOMEM;
    s->row.state = WORMHOLE_NEW;
    int rc = wormhole != 0 ? read_survey(face, wormhole, s) : 0;
    if (rc == 0 && wormhole != 0) {
        survey_status(face, s);
        survey_writers(face, s);
        *changed_ns = s->event_ms * 1000000;
    }
    if (rc == 0) {
        facts_of(s, held, &facts);
        rc = blob_set(out, text, state_text(text, sizeof text, &facts));
    }
    free(s);
    return rc;
}

static void remember_json(struct control *c, const struct state_json *made, int64_t now_ms)
{
    pthread_mutex_lock(&c->lock);
    c->json_size = made->text.len;
    c->json_event = made->event;
    c->json_changed_ns = made->event_ms * 1000000;
    c->json_made_ms = now_ms;
    pthread_mutex_unlock(&c->lock);
}

static int render_json(struct face *face, struct blob *out)
{
    struct state_json made = {0};
    int rc = state_json_render(face, &made);
    if (rc < 0)
        return rc;
    remember_json(face->control, &made, face_now_ms(face));
    *out = made.text;
    return 0;
}

static int render_version(struct blob *out)
{
    static const char text[] = "wormholefs " WORMHOLEFS_VERSION "\n";
    return blob_set(out, text, strlen(text));
}

int control_render(struct face *face, const struct place *p, struct blob *out)
{
    int64_t changed_ns;
    if (p->kind == PLACE_STATE)
        return render_state(face, p->wormhole, out, &changed_ns);
    return p->kind == PLACE_STATE_JSON ? render_json(face, out) : render_version(out);
}

static bool json_known(struct control *c, uint64_t event, int64_t now_ms, uint64_t *size,
                       int64_t *changed_ns)
{
    pthread_mutex_lock(&c->lock);
    int64_t age_ms = now_ms - c->json_made_ms;
    bool known =
        c->json_made_ms > 0 && c->json_event == event && age_ms >= 0 && age_ms < FACE_STATE_JSON_MS;
    *size = c->json_size;
    *changed_ns = c->json_changed_ns;
    pthread_mutex_unlock(&c->lock);
    return known;
}

static int json_size(struct face *face, uint64_t *size, int64_t *changed_ns)
{
    struct view *v;
    struct blob text = {0};
    uint64_t event = 0;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = log_last(v, &event);
    view_end(v);
    if (rc < 0 || json_known(face->control, event, face_now_ms(face), size, changed_ns))
        return rc;
    rc = render_json(face, &text);
    blob_release(&text);
    pthread_mutex_lock(&face->control->lock);
    *size = face->control->json_size;
    *changed_ns = face->control->json_changed_ns;
    pthread_mutex_unlock(&face->control->lock);
    return rc;
}

int control_size(struct face *face, const struct place *p, uint64_t *size, int64_t *changed_ns)
{
    struct blob text = {0};
    if (p->kind == PLACE_STATE_JSON)
        return json_size(face, size, changed_ns);
    int rc = p->kind == PLACE_STATE ? render_state(face, p->wormhole, &text, changed_ns)
                                    : render_version(&text);
    *size = text.len;
    blob_release(&text);
    return rc;
}
