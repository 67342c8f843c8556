/* What engines let go in a world, and the network that carries it out. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/bytes.h"
#include "tests/sim/world_inner.h"

/* ---- engine_out ---- */

static struct command *command_add(struct peer *p, enum command_kind kind, uint64_t wormhole)
{
    struct command *c = calloc(1, sizeof *c);
    world_must(c != NULL, "memory");
    c->kind = kind;
    c->wormhole = wormhole;
    *p->last = c;
    p->last = &c->next;
    if (p->w->options.let_go != NULL && (kind == COMMAND_SEND || kind == COMMAND_START))
        p->w->options.let_go(p->w->options.arg, p->index);
    return c;
}

static void out_open(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    command_add(arg, COMMAND_OPEN, wormhole)->link = link;
}

static void out_send(void *arg, uint64_t wormhole, enum wormhole_link link, const void *text,
                     size_t len)
{
    struct peer *p = arg;
    struct command *c = command_add(p, COMMAND_SEND, wormhole);
    c->link = link;
    c->text = malloc(len + 1);
    world_must(c->text != NULL, "memory");
    memcpy(c->text, text, len);
    c->len = len;
}

static void out_close(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    command_add(arg, COMMAND_CLOSE, wormhole)->link = link;
}

static void out_move(void *arg, uint64_t wormhole, enum wormhole_link from, enum wormhole_link to)
{
    (void)from, (void)to;
    command_add(arg, COMMAND_MOVE, wormhole);
}

static void out_listen(void *arg, uint64_t wormhole, uint64_t attempt)
{
    command_add(arg, COMMAND_LISTEN, wormhole)->attempt = attempt;
}

static void out_start(void *arg, uint64_t wormhole, uint64_t attempt,
                      const struct transit_plan *plan)
{
    struct command *c = command_add(arg, COMMAND_START, wormhole);
    c->attempt = attempt;
    c->plan = malloc(sizeof *c->plan);
    world_must(c->plan != NULL, "memory");
    *c->plan = *plan;
}

static void out_stop(void *arg, uint64_t wormhole, uint64_t attempt)
{
    command_add(arg, COMMAND_STOP, wormhole)->attempt = attempt;
}

static void out_wake(void *arg)
{
    (void)arg;
}

static void out_job(void *arg)
{
    ((struct peer *)arg)->jobs = true;
}

static int64_t out_now_ms(void *arg)
{
    return ((struct peer *)arg)->w->now_ms;
}

static void out_random(void *arg, void *out, size_t len)
{
    struct world *w = ((struct peer *)arg)->w;
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    memcpy(seed, &w->seed, sizeof w->seed);
    w->draws++;
    memcpy(seed + 8, &w->draws, sizeof w->draws);
    randombytes_buf_deterministic(out, len, seed);
}

/* ---- links ---- */

static struct link *link_find(struct peer *p, uint64_t wormhole, enum wormhole_link link)
{
    for (int i = 0; i < LINKS_MAX; i++)
        if (p->links[i].used && p->links[i].wormhole == wormhole && p->links[i].link == link)
            return &p->links[i];
    return NULL;
}

static void link_open(struct peer *p, uint64_t wormhole, enum wormhole_link link)
{
    if (link_find(p, wormhole, link) != NULL)
        return;
    for (int i = 0; i < LINKS_MAX; i++) {
        if (!p->links[i].used) {
            p->links[i] = (struct link){true, wormhole, link, 0, p->w->now_ms};
            return;
        }
    }
    world_must(false, "too many links");
}

static void link_close(struct peer *p, struct link *l)
{
    if (l == NULL)
        return;
    if (l->connection != 0)
        mailbox_server_disconnect(p->w->server, l->connection);
    l->used = false;
}

static void link_move(struct peer *p, uint64_t wormhole)
{
    struct link *next = link_find(p, wormhole, LINK_NEXT);
    link_close(p, link_find(p, wormhole, LINK_CURRENT));
    if (next != NULL)
        next->link = LINK_CURRENT;
}

void link_lost(struct peer *p, struct link *l)
{
    enum wormhole_link link = l->link;
    l->connection = 0;
    l->try_ms = p->w->now_ms + RECONNECT_MS;
    engine_link_down(p->engine, l->wormhole, link);
}

bool peer_connect(struct peer *p)
{
    for (int i = 0; p->w->server_up && i < LINKS_MAX; i++) {
        struct link *l = &p->links[i];
        if (!l->used || l->connection != 0 || l->try_ms > p->w->now_ms)
            continue;
        l->connection = mailbox_server_connect(p->w->server, p->w->now_ms);
        world_trace(p, "up link %d", (int)l->link);
        engine_link_up(p->engine, l->wormhole, l->link);
        return true;
    }
    return false;
}

/* ---- transit ---- */

static struct attempt *attempt_find(struct peer *p, uint64_t wormhole, uint64_t number)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        if (p->attempts[i].used && p->attempts[i].wormhole == wormhole &&
            p->attempts[i].number == number)
            return &p->attempts[i];
    return NULL;
}

static void attempt_end(struct peer *p, struct attempt *a, bool tell)
{
    network_enter(p->w->network, p->index);
    race_end(a->race);
    tcp_listen_close(&a->listener);
    if (a->session != NULL)
        session_close(a->session);
    if (a->stream != NULL)
        pipe_close(a->stream);
    free(a->plan);
    uint64_t wormhole = a->wormhole, number = a->number;
    *a = (struct attempt){0};
    if (tell)
        engine_transit_down(p->engine, wormhole, number);
}

static void attempt_listen(struct peer *p, uint64_t wormhole, uint64_t number)
{
    struct hint_list direct;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *a = &p->attempts[i];
        if (a->used)
            continue;
        *a = (struct attempt){.used = true, .wormhole = wormhole, .number = number};
        network_enter(p->w->network, p->index);
        tcp_listen(&a->listener);
        tcp_listen_hints(&a->listener, &direct);
        engine_transit_hints(p->engine, wormhole, number, &direct);
        return;
    }
    world_must(false, "too many transit attempts");
}

/* Takes the plan over. */
static void attempt_start(struct peer *p, struct attempt *a, struct transit_plan **plan)
{
    uint8_t random[TRANSIT_SIDE_LEN / 2];
    if (a == NULL || a->plan != NULL)
        return;
    a->plan = *plan;
    *plan = NULL;
    out_random(p, random, sizeof random);
    hex_encode(a->side, random, sizeof random);
    struct race_options options = {
        .plan = a->plan, .listener = &a->listener, .relay_side = a->side};
    a->race = race_begin(&options, p->w->now_ms);
    a->race_ms = p->w->now_ms;
    world_must(a->race != NULL, "memory");
}

/* Number 0: all of them. */
static void attempts_stop(struct peer *p, uint64_t wormhole, uint64_t number)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *a = &p->attempts[i];
        if (a->used && a->wormhole == wormhole && (number == 0 || a->number == number))
            attempt_end(p, a, true);
    }
}

static void race_won(struct peer *p, struct attempt *a)
{
    const char *kind;
    a->stream = network_take(p->w->network, race_take(a->race, &kind));
    race_end(a->race);
    a->race = NULL;
    tcp_listen_close(&a->listener);
    world_trace(p, "attempt %llx is connected: %s", (unsigned long long)a->number, kind);
    p->w->connected[strcmp(kind, "relay") == 0]++;
    engine_transit_begin(p->engine, a->wormhole, a->number);
    a->session = session_open(p->engine, a->wormhole, a->plan, a->stream);
}

/* One round. Did anything happen? */
static bool race_round(struct peer *p, struct attempt *a)
{
    struct network *network = p->w->network;
    struct race_wait wait;
    int64_t now_ms = p->w->now_ms;
    if (now_ms < a->race_ms && a->race_changes == network_changes(network))
        return false;
    network_enter(network, p->index);
    enum race_state state = race_prepare(a->race, now_ms, &wait);
    if (state == RACE_ON) {
        a->race_ms = wait.until_ms;
        a->race_changes = network_changes(network);
        if (network_poll(network, wait.fds, wait.count) == 0 && now_ms < wait.until_ms)
            return false;
        state = race_step(a->race, now_ms);
        a->race_ms = now_ms; /* once more, and at once */
    }
    if (state == RACE_WON)
        race_won(p, a);
    else if (state == RACE_LOST)
        attempt_end(p, a, true);
    return true;
}

bool peer_race(struct peer *p)
{
    bool moved = false;
    for (int i = 0; i < ATTEMPTS_MAX && p->running; i++)
        if (p->attempts[i].race != NULL && race_round(p, &p->attempts[i]))
            moved = true;
    return moved;
}

bool peer_session(struct peer *p)
{
    bool moved = false;
    for (int i = 0; i < ATTEMPTS_MAX && p->running; i++) {
        struct attempt *a = &p->attempts[i];
        if (!a->used || a->session == NULL)
            continue;
        int ready = pipe_ready(a->stream, session_interest(a->session));
        if (ready == 0 && p->w->now_ms < a->step_ms)
            continue;
        a->step_ms = p->w->now_ms + SESSION_STEP_MS;
        moved = true;
        if (!session_step(a->session, ready))
            attempt_end(p, a, true);
    }
    return moved;
}

int64_t peer_transit_ms(const struct peer *p)
{
    int64_t at_ms = INT64_MAX;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        const struct attempt *a = &p->attempts[i];
        if (a->session != NULL && a->step_ms < at_ms)
            at_ms = a->step_ms;
        if (a->race != NULL && a->race_ms < at_ms)
            at_ms = a->race_ms;
    }
    return at_ms;
}

/* ---- commands ---- */

static void carry_out(struct peer *p, struct command *c)
{
    static const char *const names[] = {"open", "send", "close", "move", "listen", "start", "stop"};
    world_trace(p, "%s link %d attempt %llx %.*s", names[c->kind], (int)c->link,
                (unsigned long long)c->attempt, (int)(c->len < 150 ? c->len : 150),
                c->text != NULL ? c->text : "");
    struct link *l = link_find(p, c->wormhole, c->link);
    struct attempt *a = attempt_find(p, c->wormhole, c->attempt);
    switch (c->kind) {
    case COMMAND_OPEN:
        link_open(p, c->wormhole, c->link);
        break;
    case COMMAND_SEND:
        if (l == NULL || l->connection == 0)
            break;
        if (p->w->options.said != NULL)
            p->w->options.said(p->w->options.arg, p->index, l->connection, c->text, c->len);
        mailbox_server_receive(p->w->server, l->connection, c->text, c->len, p->w->now_ms);
        break;
    case COMMAND_CLOSE:
        link_close(p, l);
        break;
    case COMMAND_MOVE:
        link_move(p, c->wormhole);
        break;
    case COMMAND_LISTEN:
        attempt_listen(p, c->wormhole, c->attempt);
        break;
    case COMMAND_START:
        attempt_start(p, a, &c->plan);
        break;
    case COMMAND_STOP:
        attempts_stop(p, c->wormhole, c->attempt);
        break;
    }
}

static void command_free(struct command *c)
{
    free(c->text);
    free(c->plan);
    free(c);
}

bool peer_command(struct peer *p)
{
    struct command *c = p->first;
    if (c == NULL)
        return false;
    p->first = c->next;
    if (p->first == NULL)
        p->last = &p->first;
    carry_out(p, c);
    command_free(c);
    return true;
}

/* ---- the server's outputs ---- */

static struct link *link_of(struct peer *p, uint64_t connection)
{
    for (int k = 0; p->running && k < LINKS_MAX; k++)
        if (p->links[k].used && p->links[k].connection == connection)
            return &p->links[k];
    return NULL;
}

static void deliver(struct world *w, const struct mailbox_server_output *o)
{
    for (int i = 0; i < w->peer_count; i++) {
        struct peer *p = &w->peers[i];
        struct link *l = link_of(p, o->connection);
        if (l == NULL)
            continue;
        world_trace(p, "received link %d %.*s", (int)l->link, (int)(o->len < 150 ? o->len : 150),
                    o->dropped ? "dropped" : o->text);
        if (o->dropped)
            link_lost(p, l);
        else {
            if (w->options.heard != NULL)
                w->options.heard(w->options.arg, i, o->connection, o->text, o->len);
            engine_link_received(p->engine, l->wormhole, l->link, o->text, o->len);
        }
        return;
    }
}

void world_tell(struct world *w, uint64_t draw, const char *text, size_t len)
{
    struct mailbox_server_output o = {.len = len};
    uint64_t up = 0;
    for (int round = 0; round < 2; round++) {
        uint64_t left = up > 0 ? draw % up : 0;
        for (int i = 0; i < w->peer_count * LINKS_MAX; i++) {
            const struct link *l = &w->peers[i / LINKS_MAX].links[i % LINKS_MAX];
            if (!l->used || l->connection == 0)
                continue;
            up += round == 0;
            if (round == 1 && left-- == 0)
                o.connection = l->connection;
        }
    }
    o.text = strndup(text, len);
    world_must(o.text != NULL, "memory");
    if (o.connection != 0)
        deliver(w, &o);
    free(o.text);
}

static void mail_put(struct world *w, struct mailbox_server_output *o, int64_t delay_ms)
{
    struct mail **at = &w->mail;
    struct mail *m = calloc(1, sizeof *m);
    world_must(m != NULL, "memory");
    m->o = o;
    m->due_ms = w->now_ms + delay_ms;
    for (; *at != NULL; at = &(*at)->next)
        if ((*at)->o->connection == o->connection && (*at)->due_ms > m->due_ms)
            m->due_ms = (*at)->due_ms; /* a connection keeps its order */
    *at = m;
}

static struct mailbox_server_output *copy_of(const struct mailbox_server_output *o)
{
    struct mailbox_server_output *copy = malloc(sizeof *copy);
    world_must(copy != NULL, "memory");
    *copy = *o;
    copy->text = malloc(o->len + 1);
    world_must(copy->text != NULL, "memory");
    memcpy(copy->text, o->text, o->len);
    copy->text[o->len] = '\0';
    return copy;
}

static bool is_message(const struct mailbox_server_output *o)
{
    return !o->dropped && strstr(o->text, "\"type\": \"message\"") != NULL;
}

/* The last message that waits on the connection of `o` and came just before it, or NULL. */
static struct mail *message_before(struct world *w, const struct mailbox_server_output *o)
{
    struct mail *last = NULL;
    for (struct mail *m = w->mail; m != NULL; m = m->next)
        if (m->o->connection == o->connection)
            last = m;
    return last != NULL && is_message(last->o) ? last : NULL;
}

/* What the server says sets out: late, twice, or before what was said earlier, if it is that kind.
 */
static void post(struct world *w, struct mailbox_server_output *o)
{
    const struct world_options *with = &w->options;
    int64_t delay_ms = with->delay_ms_max > 0
                           ? (int64_t)dice_below(&w->dice, (uint64_t)with->delay_ms_max + 1)
                           : 0;
    struct mail *before = NULL;
    bool again = false;
    if (is_message(o)) {
        again = dice_once_in(&w->dice, with->repeat_one_in);
        if (dice_once_in(&w->dice, with->swap_one_in))
            before = message_before(w, o);
    }
    if (again)
        mail_put(w, copy_of(o), delay_ms);
    mail_put(w, o, delay_ms);
    if (before != NULL) {
        struct mail *mine = w->mail;
        while (mine->o != o)
            mine = mine->next;
        mine->o = before->o;
        before->o = o;
    }
}

bool mail_step(struct world *w)
{
    bool moved = false;
    for (struct mailbox_server_output *o; (o = mailbox_server_take(w->server)) != NULL;
         moved = true)
        post(w, o);
    struct mail **at = &w->mail;
    while (*at != NULL && (*at)->due_ms > w->now_ms)
        at = &(*at)->next;
    struct mail *m = *at;
    if (m == NULL)
        return moved;
    *at = m->next;
    deliver(w, m->o);
    mailbox_server_output_free(m->o);
    free(m);
    return true;
}

int64_t mail_due_ms(const struct world *w)
{
    int64_t due_ms = INT64_MAX;
    for (const struct mail *m = w->mail; m != NULL; m = m->next)
        if (m->due_ms < due_ms)
            due_ms = m->due_ms;
    return due_ms;
}

void mail_release(struct world *w)
{
    while (w->mail != NULL) {
        struct mail *m = w->mail;
        w->mail = m->next;
        mailbox_server_output_free(m->o);
        free(m);
    }
}

void peer_unplug(struct peer *p)
{
    for (int i = 0; i < ATTEMPTS_MAX; i++)
        if (p->attempts[i].used)
            attempt_end(p, &p->attempts[i], false);
    for (int i = 0; i < LINKS_MAX; i++)
        if (p->links[i].used)
            link_close(p, &p->links[i]);
    while (p->first != NULL) {
        struct command *c = p->first;
        p->first = c->next;
        command_free(c);
    }
    p->last = &p->first;
    p->jobs = false;
}

struct engine_out peer_out(struct peer *p)
{
    return (struct engine_out){p,          out_open,   out_send, out_close, out_move,
                               out_listen, out_start,  out_stop, out_wake,  out_job,
                               out_now_ms, out_random, NULL};
}
