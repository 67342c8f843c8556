#include "tests/sim/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void blame(struct wire *w, const char *what)
{
    if (w->wrong == NULL)
        w->wrong = what;
}

/* A string of a message, which is as the product writes it: without blanks, escapes or nesting. */
struct word {
    const char *at;
    size_t len;
};

static struct word word_of(const char *text, size_t len, const char *key)
{
    char start[24];
    size_t n = (size_t)snprintf(start, sizeof start, "\"%s\":\"", key);
    const char *at = memmem(text, len, start, n);
    if (at == NULL)
        return (struct word){"", 0};
    at += n;
    const char *end = memchr(at, '"', len - (size_t)(at - text));
    return (struct word){at, end != NULL ? (size_t)(end - at) : 0};
}

static bool is(struct word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

static void copy(char *to, size_t cap, struct word w)
{
    snprintf(to, cap, "%.*s", (int)w.len, w.at);
}

static uint64_t hash_of(uint64_t seed, struct word w)
{
    return memo_hash(seed, w.at, w.len);
}

/* Kept at random places: those that are drawn by how many there were. */
static void keep_old(struct wire *w, int peer, size_t at, struct word phase, struct word body)
{
    struct wire_old *o = &w->old[w->adds % WIRE_OLD_MAX];
    if (w->old_count < WIRE_OLD_MAX)
        o = &w->old[w->old_count++];
    else if (w->adds % 7 != 0)
        return;
    free(o->body);
    o->peer = peer;
    memcpy(o->mailbox, w->connections[at].name, sizeof o->mailbox);
    memcpy(o->side, w->connections[at].side, sizeof o->side);
    copy(o->phase, sizeof o->phase, phase);
    o->body = strndup(body.at, body.len);
}

static void added(struct wire *w, int peer, size_t at, struct word phase, struct word body)
{
    const char *side = w->connections[at].side;
    uint64_t place = memo_hash(w->connections[at].mailbox, side, strlen(side));
    bool is_new;
    w->adds++;
    if (!w->connections[at].fenced)
        blame(w, "something was added to a mailbox before its fence");
    uint64_t hash = hash_of(2, body);
    if (*memo_get(&w->bodies, hash_of(place, phase), hash, &is_new) != hash && !w->back)
        blame(w, "one phase was said with two bodies");
    keep_old(w, peer, at, phase, body);
}

void wire_said(struct wire *w, int peer, uint64_t connection, const char *text, size_t len)
{
    size_t at = connection % WIRE_CONNECTIONS;
    struct word type = word_of(text, len, "type");
    w->digest = memo_hash(w->digest, text, len);
    if (w->connections[at].number != connection) {
        memset(&w->connections[at], 0, sizeof w->connections[at]);
        w->connections[at].number = connection;
    }
    if (is(type, "bind")) {
        copy(w->connections[at].side, sizeof w->connections[at].side, word_of(text, len, "side"));
    } else if (is(type, "open")) {
        struct word mailbox = word_of(text, len, "mailbox");
        copy(w->connections[at].name, sizeof w->connections[at].name, mailbox);
        w->connections[at].mailbox = hash_of(1, mailbox);
        w->connections[at].fenced = false;
    } else if (is(type, "add")) {
        added(w, peer, at, word_of(text, len, "phase"), word_of(text, len, "body"));
    }
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
