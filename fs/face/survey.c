#include "fs/face/survey.h"

#include <stdio.h>
#include <string.h>
#include "proto/code.h"

enum { ANSWERED_WITHIN_MS = 60000 /* where both are there, it takes seconds */ };

/* With those that the peer has refused for now: its reason is as good to know as one of ours. */
static uint64_t held_count(const struct survey *s)
{
    return s->count.held + s->count.refused;
}

static bool seen_enough(const struct survey *s)
{
    uint64_t held = held_count(s) < FACE_HELD_SHOWN_MAX ? held_count(s) : FACE_HELD_SHOWN_MAX;
    uint64_t open = s->count.open < FACE_OPEN_SHOWN_MAX ? s->count.open : FACE_OPEN_SHOWN_MAX;
    return s->held_shown >= held && s->open_shown >= open;
}

static int note_entry(void *arg, const struct entry *e)
{
    struct survey *s = arg;
    if (seen_enough(s))
        return 1;
    if ((e->held[0] || e->error[0]) && s->held_shown < FACE_HELD_SHOWN_MAX) {
        struct survey_held *h = &s->held[s->held_shown++];
        name_show(h->name, e->name.text, e->name.len);
        if (e->held[0])
            snprintf(h->why, sizeof h->why, "%s", e->held);
        else
            snprintf(h->why, sizeof h->why, "refused by the peer, to be offered again: %.200s",
                     e->error);
    }
    if (e->state == ENTRY_OPEN && s->open_shown < FACE_OPEN_SHOWN_MAX) {
        struct survey_open *o = &s->open[s->open_shown++];
        o->ino = e->ino;
        /* A held one is named already. */
        if (!e->held[0])
            name_show(o->name, e->name.text, e->name.len);
    }
    return 0;
}

static int note_time(void *arg, const struct log_row *row)
{
    *(int64_t *)arg = row->time_ms;
    return 1;
}

static int add_open_bytes(struct view *v, struct survey *s)
{
    for (size_t i = 0; i < s->open_shown; i++) {
        struct node_sum sum;
        int rc = node_sum(v, s->open[i].ino, &sum);
        if (rc < 0)
            return rc;
        s->outbox_bytes += sum.bytes;
    }
    return 0;
}

int survey_read(struct view *v, uint64_t wormhole, struct survey *s)
{
    memset(s, 0, sizeof *s);
    int rc = wormhole_get(v, wormhole, &s->row);
    if (rc == 0)
        rc = entry_count(v, wormhole, &s->count);
    if (rc == 0)
        rc = inbox_count(v, wormhole, &s->inbox_entries);
    if (rc == 0 && !seen_enough(s))
        rc = entry_each(v, wormhole, 0, note_entry, s);
    if (rc < 0)
        return rc;
    s->age_ms = store_now_ns(view_store(v)) / 1000000 - s->row.created_ms;
    s->held_count = held_count(s);
    s->outbox_bytes = s->count.sealed_bytes;
    rc = s->row.last_event > 0 ? log_read(v, s->row.last_event - 1, 1, note_time, &s->event_ms) : 0;
    return rc < 0 ? rc : add_open_bytes(v, s);
}

void survey_status(struct face *face, struct survey *s)
{
    engine_status(face->engine, s->row.id, &s->status);
    s->store_trouble = store_trouble(face->store);
}

/* False if the entry waits for nobody. */
static bool say_writer(struct face *face, uint64_t ino, char *why, size_t size)
{
    char command[64];
    pid_t pid;
    const char *does = "open for writing";
    if (!seal_writer(face->seal, ino, command, &pid)) {
        does = "being made";
        if (!seal_maker(face->seal, ino, command, &pid))
            return false;
    }
    snprintf(why, size, "%s by %s, pid %d", does, command, (int)pid);
    return true;
}

void survey_writers(struct face *face, struct survey *s)
{
    for (size_t i = 0; i < s->open_shown && s->held_shown < FACE_HELD_SHOWN_MAX; i++) {
        struct survey_held *h = &s->held[s->held_shown];
        if (!s->open[i].name[0] || !say_writer(face, s->open[i].ino, h->why, sizeof h->why))
            continue;
        memcpy(h->name, s->open[i].name, sizeof h->name);
        s->held_shown++;
        s->held_count++;
    }
}

const char *survey_state_word(enum wormhole_state state)
{
    switch (state) {
    case WORMHOLE_NEW:
        return "new";
    case WORMHOLE_WAITING:
        return "waiting";
    case WORMHOLE_JOINING:
        return "joining";
    case WORMHOLE_PAIRED:
        return "paired";
    case WORMHOLE_CLOSED:
    case WORMHOLE_CLOSING:
        return "closed";
    case WORMHOLE_FAILED:
        return "failed";
    }
    return "failed";
}

const char *survey_peer_word(enum wormhole_peer peer)
{
    switch (peer) {
    case WORMHOLE_PEER_NONE:
        break;
    case WORMHOLE_PEER_STOCK:
        return "stock client";
    case WORMHOLE_PEER_WORMHOLEFS:
        return "wormholefs";
    }
    return NULL;
}

static bool is_unpaired(const struct survey *s)
{
    return s->row.state == WORMHOLE_NEW || s->row.state == WORMHOLE_WAITING;
}

int64_t survey_last_heard_ms(const struct survey *s)
{
    int64_t known[] = {s->row.paired_ms, s->row.sent_ms}, last = s->status.last_heard_ms;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        last = known[i] > last ? known[i] : last;
    return last;
}

/* What follows from the row itself, and needs a person all the same. */
static const char *implied_problem(const struct survey *s)
{
    if (s->row.state == WORMHOLE_CLOSED && s->count.entries > 0)
        return "The peer has closed: what is in the outbox goes to whoever is given the next code. "
               "Read `code` for it.";
    if (s->row.state == WORMHOLE_JOINING && s->age_ms > ANSWERED_WITHIN_MS)
        return "Nobody has answered to this code yet: is it right, and not used up?";
    if (is_unpaired(s) && code_is_mistyped(s->row.name.text))
        return "Its name looks like a code with a mistyped word, so it is a new wormhole: to join, "
               "make a directory by the right code, or write that into `code`.";
    return "";
}

const char *survey_problem(const struct survey *s)
{
    if (s->store_trouble)
        return s->store_trouble;
    if (s->status.setback[0])
        return s->status.setback;
    if (s->row.problem[0])
        return s->row.problem;
    return s->status.trouble[0] ? s->status.trouble : implied_problem(s);
}
