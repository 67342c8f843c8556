#include "tests/sim/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/sim/must.h"

enum {
    TOKEN_LEN = 64,
    SIDE_LEN = 16,
    CHUNK_BYTES = 64 << 10,
};

enum client_state {
    CLIENT_ASKING,  /* its line is not whole yet */
    CLIENT_WAITING, /* for another with its token */
    CLIENT_JOINED,
};

struct client {
    struct client *next;
    struct stream *stream;
    enum client_state state;
    char token[TOKEN_LEN + 1], side[SIDE_LEN + 1];
    struct client *mate;
    int64_t tell_ms; /* when it is told that it is joined; INT64_MAX: not to be told (any more) */
    bool told;
};

struct relay {
    struct dice *dice;
    struct relay_weather weather;
    struct client *first; /* the oldest */
    uint64_t joined;
    unsigned char chunk[CHUNK_BYTES];
};

struct relay *relay_new(struct dice *dice)
{
    struct relay *r = must(calloc(1, sizeof *r));
    r->dice = dice;
    return r;
}

struct relay_weather *relay_weather(struct relay *r)
{
    return &r->weather;
}

uint64_t relay_joined(const struct relay *r)
{
    return r->joined;
}

void relay_accept(struct relay *r, struct stream *s)
{
    struct client **end = &r->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = must(calloc(1, sizeof **end));
    (*end)->stream = s;
    (*end)->tell_ms = INT64_MAX;
}

static void drop(struct relay *r, struct client *gone)
{
    struct client **at = &r->first;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    if (gone->mate != NULL)
        gone->mate->mate = NULL;
    pipe_close(gone->stream);
    free(gone);
}

void relay_restart(struct relay *r)
{
    while (r->first != NULL)
        drop(r, r->first);
}

void relay_free(struct relay *r)
{
    relay_restart(r);
    free(r);
}

/* ---- joining ---- */

static void join(struct relay *r, struct client *c, struct client *mate, int64_t now_ms)
{
    const struct relay_weather *w = &r->weather;
    int64_t late_ms =
        w->late_ms_max > 0 ? (int64_t)dice_below(r->dice, (uint64_t)w->late_ms_max + 1) : 0;
    c->state = mate->state = CLIENT_JOINED;
    c->mate = mate;
    mate->mate = c;
    c->tell_ms = mate->tell_ms = now_ms + late_ms;
    if (dice_once_in(r->dice, w->half_one_in))
        (dice_below(r->dice, 2) == 0 ? c : mate)->tell_ms = INT64_MAX;
    r->joined++;
}

static void find_mate(struct relay *r, struct client *c, int64_t now_ms)
{
    bool wrong = dice_once_in(r->dice, r->weather.wrong_one_in);
    for (struct client *m = r->first; m != NULL; m = m->next) {
        bool fits = strcmp(m->token, c->token) == 0 && strcmp(m->side, c->side) != 0;
        if (m == c || m->state != CLIENT_WAITING || (!fits && !wrong))
            continue;
        join(r, c, m, now_ms);
        return;
    }
}

/* 1: something moved; 0: nothing; -1: it says something else than it should. */
static int hear(struct relay *r, struct client *c, int64_t now_ms)
{
    char line[128], nothing;
    int used = 0;
    ssize_t n = pipe_peek(c->stream, line, sizeof line - 1);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    if (strchr(line, '\n') == NULL)
        return n == sizeof line - 1 ? -1 : 0;
    if (sscanf(line, "please relay %64[0-9a-f] for side %16[0-9a-f]%c%n", c->token, c->side,
               &nothing, &used) != 3 ||
        nothing != '\n')
        return -1;
    pipe_skip(c->stream, (size_t)used);
    c->state = CLIENT_WAITING;
    find_mate(r, c, now_ms);
    return 1;
}

/* ---- passing on ---- */

/* From `c` to its mate. To one who was never told it is lost. */
static int pass_on(struct relay *r, struct client *c)
{
    ssize_t n = pipe_peek(c->stream, r->chunk, sizeof r->chunk);
    if (n <= 0)
        return 0;
    if (!c->mate->told)
        return pipe_skip(c->stream, (size_t)n);
    if (dice_once_in(r->dice, r->weather.garble_one_in))
        r->chunk[dice_below(r->dice, (uint64_t)n)] ^= (unsigned char)(1 + dice_below(r->dice, 255));
    ssize_t sent = pipe_send(c->mate->stream, r->chunk, (size_t)n);
    if (sent <= 0)
        return 0;
    pipe_skip(c->stream, (size_t)sent);
    return 1;
}

static int tell(struct client *c, int64_t now_ms)
{
    if (c->tell_ms > now_ms)
        return 0;
    c->tell_ms = INT64_MAX;
    c->told = true;
    return pipe_send(c->stream, "ok\n", 3) == 3 ? 1 : 0;
}

static int client_step(struct relay *r, struct client *c, int64_t now_ms)
{
    if (pipe_ended(c->stream))
        return -1;
    switch (c->state) {
    case CLIENT_ASKING:
        return hear(r, c, now_ms);
    case CLIENT_WAITING:
        return 0;
    case CLIENT_JOINED:
        if (c->mate == NULL)
            return -1;
        if (tell(c, now_ms))
            return 1;
        return c->told ? pass_on(r, c) : 0;
    }
    return 0;
}

bool relay_step(struct relay *r, int64_t now_ms)
{
    bool moved = false;
    for (struct client *c = r->first, *next; c != NULL; c = next) {
        next = c->next;
        int rc = client_step(r, c, now_ms);
        if (rc < 0)
            drop(r, c);
        moved |= rc != 0;
    }
    return moved;
}

int64_t relay_due_ms(const struct relay *r)
{
    int64_t due_ms = INT64_MAX;
    for (const struct client *c = r->first; c != NULL; c = c->next)
        if (c->tell_ms < due_ms)
            due_ms = c->tell_ms;
    return due_ms;
}
