#include <stdlib.h>
#include <string.h>

#include "tests/sim/pair_inner.h"

enum { LATENCY_MS = 20, CONNECT_MS = 200 };

/* ---- packets ---- */

static void push(struct pair *p, struct packets *q, const char *text, size_t len)
{
    struct packet *k = calloc(1, sizeof(*k));

    pair_must(k != NULL, "memory");
    k->at_ms = p->now_ms + 1 + (int64_t)pair_draw(p, LATENCY_MS);
    if (q->last != NULL && k->at_ms < q->last->at_ms)
        k->at_ms = q->last->at_ms;
    if (text != NULL) {
        k->text = malloc(len + 1);
        pair_must(k->text != NULL, "memory");
        memcpy(k->text, text, len);
        k->len = len;
    }
    if (q->last != NULL)
        q->last->next = k;
    else
        q->first = k;
    q->last = k;
}

static struct packet *pop(struct packets *q)
{
    struct packet *k = q->first;

    if (k == NULL)
        return NULL;
    q->first = k->next;
    if (q->first == NULL)
        q->last = NULL;
    return k;
}

static void packet_free(struct packet *k)
{
    free(k->text);
    free(k);
}

static void drop(struct packets *q)
{
    struct packet *k;

    while ((k = pop(q)) != NULL)
        packet_free(k);
}

/* ---- the server ---- */

static struct wire *wire_of(struct pair *p, uint64_t connection)
{
    for (int who = 0; who < PAIR_SIDES; who++)
        for (int link = 0; link < LINK_COUNT; link++)
            if (p->sides[who].wires[link].connection == connection)
                return &p->sides[who].wires[link];
    return NULL;
}

static bool is_message(const char *text, size_t len)
{
    return memmem(text, len, "\"type\": \"message\"", 17) != NULL ||
           memmem(text, len, "\"type\":\"message\"", 16) != NULL;
}

static void pump(struct pair *p)
{
    struct mailbox_server_output *o;

    while ((o = mailbox_server_take(p->server)) != NULL) {
        struct wire *w = wire_of(p, o->connection);
        if (w != NULL) {
            push(p, &w->down, o->dropped ? NULL : o->text, o->len);
            if (p->repeat && !o->dropped && is_message(o->text, o->len))
                push(p, &w->down, o->text, o->len);
        } else if (p->hear != NULL) {
            p->hear(p->hear_arg, o);
        }
        mailbox_server_output_free(o);
    }
}

/* What one side has in one mailbox. */
static void note_peak(struct pair *p, const struct row_message *last)
{
    size_t messages = 0, bytes = 0;

    for (const struct row_message *m = mailbox_server_rows(p->server)->messages; m != NULL;
         m = m->next) {
        if (strcmp(m->mailbox, last->mailbox) != 0 || strcmp(m->side, last->side) != 0)
            continue;
        messages++;
        bytes += strlen(m->body) / 2;
    }
    if (messages > p->peak_messages)
        p->peak_messages = messages;
    if (bytes > p->peak_bytes)
        p->peak_bytes = bytes;
}

static void to_server(struct pair *p, struct wire *w, const struct packet *k)
{
    mailbox_server_receive(p->server, w->connection, k->text, k->len, p->now_ms);
    const struct row_message *last = mailbox_server_rows(p->server)->messages;
    while (last != NULL && last->next != NULL)
        last = last->next;
    if (last != NULL)
        note_peak(p, last);
}

/* ---- wires ---- */

static void wire_down(struct pair *p, struct wire *w)
{
    if (w->connection != 0)
        mailbox_server_disconnect(p->server, w->connection);
    w->connection = 0;
    drop(&w->up);
    drop(&w->down);
    w->connect_ms = p->now_ms + 1 + (int64_t)pair_draw(p, CONNECT_MS);
}

/* What is queued still gets out. */
static void wire_close(struct pair *p, struct wire *w)
{
    struct packet *k;

    while (w->connection != 0 && (k = pop(&w->up)) != NULL) {
        to_server(p, w, k);
        packet_free(k);
    }
    wire_down(p, w);
    w->wanted = false;
}

static void wire_open(struct pair *p, struct wire *w)
{
    if (w->wanted)
        return;
    w->wanted = true;
    w->connect_ms = p->now_ms + 1 + (int64_t)pair_draw(p, LATENCY_MS);
}

static void wire_connect(struct pair *p, struct side *s, enum wormhole_link link)
{
    struct wire *w = &s->wires[link];

    if (!p->reachable) {
        w->connect_ms = p->now_ms + 60000;
        return;
    }
    w->connection = mailbox_server_connect(p->server, p->now_ms);
    pair_turn_up(p, s, link);
}

static void wire_receive(struct pair *p, struct side *s, enum wormhole_link link)
{
    struct packet *k = pop(&s->wires[link].down);

    if (k->text != NULL) {
        pair_turn_received(p, s, link, k->text, k->len);
    } else {
        s->wires[link].connection = 0;
        wire_down(p, &s->wires[link]);
        pair_turn_down(p, s, link);
    }
    packet_free(k);
}

static void wire_send(struct pair *p, struct wire *w)
{
    struct packet *k = pop(&w->up);

    to_server(p, w, k);
    packet_free(k);
}

static void wire_move(struct pair *p, struct side *s)
{
    struct wire *from = &s->wires[LINK_NEXT], *to = &s->wires[LINK_CURRENT];

    wire_close(p, to);
    *to = *from;
    *from = (struct wire){0};
}

/* ---- transit ---- */

static struct transit *transit_of(struct side *s, uint64_t number)
{
    for (int i = 0; i < PAIR_ATTEMPTS; i++)
        if (s->transits[i].number == number)
            return &s->transits[i];
    return NULL;
}

static struct transit *other_half(struct pair *p, const struct side *s, const struct transit *t)
{
    for (int who = 0; who < PAIR_SIDES; who++)
        for (int i = 0; i < PAIR_ATTEMPTS && who != (int)s->who; i++) {
            struct transit *other = &p->sides[who].transits[i];
            if (other->number != 0 && other->started &&
                memcmp(other->key, t->key, sizeof(t->key)) == 0)
                return other;
        }
    return NULL;
}

static void tell(struct pair *p, struct transit *t, enum transit_news news)
{
    t->news = news;
    t->news_ms = p->now_ms + 1 + (int64_t)pair_draw(p, LATENCY_MS);
}

static void transit_listen(struct pair *p, struct side *s, uint64_t number)
{
    struct transit *t = transit_of(s, 0);

    pair_must(t != NULL, "too many attempts at once");
    *t = (struct transit){.number = number};
    tell(p, t, TRANSIT_HINTS);
}

static void transit_start(struct pair *p, struct side *s, uint64_t number,
                          const struct transit_plan *plan)
{
    struct transit *t = transit_of(s, number);

    pair_must(t != NULL && !t->started, "START without LISTEN");
    t->started = true;
    memcpy(t->key, plan->key, sizeof(t->key));
    struct transit *other = other_half(p, s, t);
    if (other == NULL)
        return;
    pair_must(!other->up, "a key serves two connections");
    t->up = other->up = true;
    tell(p, t, TRANSIT_UP);
    tell(p, other, TRANSIT_UP);
}

static void transit_end(struct pair *p, struct side *s, struct transit *t)
{
    struct transit *other = t->up ? other_half(p, s, t) : NULL;

    if (other != NULL) {
        other->up = false;
        tell(p, other, TRANSIT_DOWN);
    }
    *t = (struct transit){0};
}

static void transit_do(struct pair *p, struct side *s, struct transit *t)
{
    enum transit_news news = t->news;
    uint64_t number = t->number;

    t->news = TRANSIT_NOTHING;
    if (news == TRANSIT_DOWN)
        *t = (struct transit){0};
    pair_turn_transit(p, s, number, news);
}

/* ---- what a boss wants done ---- */

void pair_release(struct pair *p, struct side *s, const struct action *a)
{
    struct wire *w = &s->wires[a->link];
    struct transit *t;

    switch ((int)a->kind) {
    case ACTION_LINK_OPEN:
        wire_open(p, w);
        break;
    case ACTION_LINK_SEND:
        if (w->connection != 0)
            push(p, &w->up, (const char *)a->body.data, a->body.len);
        break;
    case ACTION_LINK_CLOSE:
        wire_close(p, w);
        break;
    case ACTION_LINK_MOVE:
        wire_move(p, s);
        break;
    case ACTION_TRANSIT_LISTEN:
        transit_listen(p, s, a->number);
        break;
    case ACTION_TRANSIT_START:
        transit_start(p, s, a->number, a->plan);
        break;
    case ACTION_TRANSIT_STOP:
        t = transit_of(s, a->number);
        if (t != NULL && a->number != 0)
            transit_end(p, s, t);
        break;
    }
}

void pair_disconnect(struct pair *p, struct side *s, bool alive)
{
    for (enum wormhole_link link = 0; link < LINK_COUNT; link++) {
        bool was_up = s->wires[link].connection != 0;
        wire_down(p, &s->wires[link]);
        if (!alive)
            s->wires[link] = (struct wire){0};
        else if (was_up)
            pair_turn_down(p, s, link);
    }
    for (int i = 0; i < PAIR_ATTEMPTS && !alive; i++)
        if (s->transits[i].number != 0)
            transit_end(p, s, &s->transits[i]);
}

/* ---- what is due ---- */

static void consider(struct pair *p, int64_t at_ms, unsigned *due, int64_t *next_ms)
{
    if (at_ms <= p->now_ms)
        ++*due;
    else if (at_ms < *next_ms)
        *next_ms = at_ms;
}

static int64_t head_ms(const struct packets *q)
{
    return q->first != NULL ? q->first->at_ms : INT64_MAX;
}

static int64_t connect_ms(const struct wire *w)
{
    return w->wanted && w->connection == 0 ? w->connect_ms : INT64_MAX;
}

unsigned pair_net_due(struct pair *p, int64_t *next_ms)
{
    unsigned due = 0;

    pump(p);
    for (int who = 0; who < PAIR_SIDES; who++) {
        struct side *s = &p->sides[who];
        for (int link = 0; link < LINK_COUNT && s->boss != NULL; link++) {
            consider(p, connect_ms(&s->wires[link]), &due, next_ms);
            consider(p, head_ms(&s->wires[link].up), &due, next_ms);
            consider(p, head_ms(&s->wires[link].down), &due, next_ms);
        }
        for (int i = 0; i < PAIR_ATTEMPTS && s->boss != NULL; i++)
            if (s->transits[i].news != TRANSIT_NOTHING)
                consider(p, s->transits[i].news_ms, &due, next_ms);
    }
    return due;
}

static bool is_nth(struct pair *p, int64_t at_ms, unsigned *nth)
{
    if (at_ms > p->now_ms)
        return false;
    return (*nth)-- == 0;
}

static bool wire_do(struct pair *p, struct side *s, enum wormhole_link link, unsigned *nth)
{
    struct wire *w = &s->wires[link];

    if (is_nth(p, connect_ms(w), nth))
        wire_connect(p, s, link);
    else if (is_nth(p, head_ms(&w->up), nth))
        wire_send(p, w);
    else if (is_nth(p, head_ms(&w->down), nth))
        wire_receive(p, s, link);
    else
        return false;
    return true;
}

void pair_net_do(struct pair *p, unsigned nth)
{
    for (int who = 0; who < PAIR_SIDES; who++) {
        struct side *s = &p->sides[who];
        for (enum wormhole_link link = 0; link < LINK_COUNT && s->boss != NULL; link++)
            if (wire_do(p, s, link, &nth))
                return;
        for (int i = 0; i < PAIR_ATTEMPTS && s->boss != NULL; i++)
            if (s->transits[i].news != TRANSIT_NOTHING && is_nth(p, s->transits[i].news_ms, &nth)) {
                transit_do(p, s, &s->transits[i]);
                return;
            }
    }
}
