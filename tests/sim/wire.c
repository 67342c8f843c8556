#include "tests/sim/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void blame(struct wire *w, const char *what)
{
    if (w->wrong == NULL)
        w->wrong = what;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static uint64_t hash_of(uint64_t seed, const char *text)
{
    return memo_hash(seed, text, strlen(text));
}

/* Kept at random places: those that are drawn by how many there were. */
static void keep_old(struct wire *w, const char *mailbox, const char *side, const char *phase,
                     const char *body)
{
    struct wire_old *o = &w->old[w->adds % WIRE_OLD_MAX];
    if (w->old_count < WIRE_OLD_MAX)
        o = &w->old[w->old_count++];
    else if (w->adds % 7 != 0)
        return;
    free(o->body);
    snprintf(o->mailbox, sizeof o->mailbox, "%s", mailbox);
    snprintf(o->side, sizeof o->side, "%s", side);
    snprintf(o->phase, sizeof o->phase, "%s", phase);
    o->body = strdup(body);
}

static void added(struct wire *w, size_t at, const json_t *o)
{
    const char *phase = text_of(o, "phase"), *body = text_of(o, "body");
    uint64_t mailbox = w->connections[at].mailbox;
    uint64_t side = hash_of(mailbox, w->connections[at].side);
    bool is_new;
    w->adds++;
    if (!w->connections[at].fenced)
        blame(w, "something was added to a mailbox before its fence");
    uint64_t hash = hash_of(2, body);
    if (*memo_get(&w->bodies, hash_of(side, phase), hash, &is_new) != hash && !w->back)
        blame(w, "one phase was said with two bodies");
    keep_old(w, w->connections[at].name, w->connections[at].side, phase, body);
}

void wire_said(struct wire *w, uint64_t connection, const char *text, size_t len)
{
    size_t at = connection % WIRE_CONNECTIONS;
    json_t *o = json_loadb(text, len, 0, NULL);
    const char *type = text_of(o, "type");
    w->digest = memo_hash(w->digest, text, len);
    if (w->connections[at].number != connection) {
        memset(&w->connections[at], 0, sizeof w->connections[at]);
        w->connections[at].number = connection;
    }
    if (strcmp(type, "bind") == 0) {
        snprintf(w->connections[at].side, sizeof w->connections[at].side, "%s", text_of(o, "side"));
    } else if (strcmp(type, "open") == 0) {
        snprintf(w->connections[at].name, sizeof w->connections[at].name, "%s",
                 text_of(o, "mailbox"));
        w->connections[at].mailbox = hash_of(1, w->connections[at].name);
        w->connections[at].fenced = false;
    } else if (strcmp(type, "add") == 0) {
        added(w, at, o);
    }
    json_decref(o);
}

void wire_heard(struct wire *w, uint64_t connection, const char *text, size_t len)
{
    size_t at = connection % WIRE_CONNECTIONS;
    if (w->connections[at].number == connection && memmem(text, len, "\"pong\"", 6) != NULL)
        w->connections[at].fenced = true;
}

void wire_release(struct wire *w)
{
    memo_release(&w->bodies);
    for (size_t i = 0; i < w->old_count; i++)
        free(w->old[i].body);
}
