#include "tests/sim/world.h"

#include <ftw.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fs/engine/session.h"
#include "store/content.h"
#include "store/namespace.h"
#include "store/secrets.h"
#include "store/wormholes.h"
#include "tests/sim/pipe.h"

enum {
    RECONNECT_MS = 200,
    STEPS_MAX = 5000000,
    COMMANDS_MAX = 4096,
    LINKS_MAX = 64,
    ATTEMPTS_MAX = 64,
};

enum command_kind {
    COMMAND_OPEN,
    COMMAND_SEND,
    COMMAND_CLOSE,
    COMMAND_MOVE,
    COMMAND_LISTEN,
    COMMAND_START,
    COMMAND_STOP,
};

/* What an engine let go, waiting to be carried out: no engine_out function may call back. */
struct command {
    struct command *next;
    enum command_kind kind;
    uint64_t wormhole, attempt;
    enum wormhole_link link;
    char *text;
    size_t len;
    struct transit_plan plan;
};

struct link {
    bool used;
    uint64_t wormhole;
    enum wormhole_link link;
    uint64_t connection; /* 0: not connected */
    int64_t try_ms;
};

struct attempt {
    bool used, started;
    uint64_t wormhole, number;
    struct transit_plan plan;
    struct stream *stream;
    struct session *session;
};

struct peer {
    struct world *w;
    int index;
    char dir[64];
    bool running;
    struct store *store;
    struct engine *engine;
    struct command *first, **last;
    struct link links[LINKS_MAX];
    struct attempt attempts[ATTEMPTS_MAX];
    bool jobs;
};

struct world {
    int64_t now_ms;
    uint64_t draws;
    uint64_t seed;
    bool server_up;
    struct mailbox_server *server;
    struct peer peers[WORLD_PEERS];
    int turn; /* whose step comes first: they take turns */
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "world: %s\n", what);
        abort();
    }
}

/* With WORLD_TRACE in the environment, everything that moves is told. */
__attribute__((format(printf, 2, 3))) static void trace(const struct peer *p, const char *format, ...)
{
    va_list args;
    if (getenv("WORLD_TRACE") == NULL)
        return;
    fprintf(stderr, "%lld %c ", (long long)(p->w->now_ms % 100000000), 'A' + p->index);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- engine_out ---- */

static struct command *command_add(struct peer *p, enum command_kind kind, uint64_t wormhole)
{
    struct command *c = calloc(1, sizeof *c);
    must(c != NULL, "memory");
    c->kind = kind;
    c->wormhole = wormhole;
    *p->last = c;
    p->last = &c->next;
    return c;
}

static void out_open(void *arg, uint64_t wormhole, enum wormhole_link link)
{
    command_add(arg, COMMAND_OPEN, wormhole)->link = link;
}

static void out_send(void *arg, uint64_t wormhole, enum wormhole_link link, const void *text,
                     size_t len)
{
    struct command *c = command_add(arg, COMMAND_SEND, wormhole);
    c->link = link;
    c->text = malloc(len + 1);
    must(c->text != NULL, "memory");
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
    c->plan = *plan;
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
    must(false, "too many links");
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

static void link_lost(struct peer *p, struct link *l)
{
    enum wormhole_link link = l->link;
    l->connection = 0;
    l->try_ms = p->w->now_ms + RECONNECT_MS;
    engine_link_down(p->engine, l->wormhole, link);
}

static bool link_connect_one(struct peer *p)
{
    for (int i = 0; p->w->server_up && i < LINKS_MAX; i++) {
        struct link *l = &p->links[i];
        if (!l->used || l->connection != 0 || l->try_ms > p->w->now_ms)
            continue;
        l->connection = mailbox_server_connect(p->w->server, p->w->now_ms);
        trace(p, "up link %d", (int)l->link);
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
    if (a->session != NULL)
        session_close(a->session);
    if (a->stream != NULL)
        pipe_close(a->stream);
    uint64_t wormhole = a->wormhole, number = a->number;
    *a = (struct attempt){0};
    if (tell)
        engine_transit_down(p->engine, wormhole, number);
}

static void attempt_listen(struct peer *p, uint64_t wormhole, uint64_t number)
{
    struct hint_list none = {0};
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        if (!p->attempts[i].used) {
            p->attempts[i] = (struct attempt){.used = true, .wormhole = wormhole, .number = number};
            engine_transit_hints(p->engine, wormhole, number, &none);
            return;
        }
    }
    must(false, "too many transit attempts");
}

/* Two started attempts with one key have found each other. */
static void attempt_match(struct world *w, struct peer *p, struct attempt *mine)
{
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *q = &w->peers[i];
        for (int k = 0; q != p && q->running && k < ATTEMPTS_MAX; k++) {
            struct attempt *theirs = &q->attempts[k];
            if (!theirs->used || !theirs->started || theirs->stream != NULL ||
                memcmp(theirs->plan.key, mine->plan.key, sizeof mine->plan.key) != 0)
                continue;
            must(theirs->plan.sender != mine->plan.sender, "both play one role");
            pipe_open(&mine->stream, &theirs->stream);
            engine_transit_begin(p->engine, mine->wormhole, mine->number);
            engine_transit_begin(q->engine, theirs->wormhole, theirs->number);
            mine->session = session_open(p->engine, mine->wormhole, &mine->plan, mine->stream);
            theirs->session =
                session_open(q->engine, theirs->wormhole, &theirs->plan, theirs->stream);
            return;
        }
    }
}

static bool sessions_step(struct peer *p)
{
    bool moved = false;
    for (int i = 0; i < ATTEMPTS_MAX && p->running; i++) {
        struct attempt *a = &p->attempts[i];
        if (!a->used || a->session == NULL)
            continue;
        int ready = pipe_ready(a->stream, session_interest(a->session));
        if (ready == 0)
            continue;
        moved = true;
        if (!session_step(a->session, ready))
            attempt_end(p, a, true);
    }
    return moved;
}

/* ---- commands ---- */

static void carry_out(struct peer *p, struct command *c)
{
    static const char *const names[] = {"open", "send", "close", "move", "listen", "start", "stop"};
    trace(p, "%s link %d attempt %llx %.*s", names[c->kind], (int)c->link, (unsigned long long)c->attempt,
          (int)(c->len < 150 ? c->len : 150), c->text != NULL ? c->text : "");
    struct link *l = link_find(p, c->wormhole, c->link);
    struct attempt *a = attempt_find(p, c->wormhole, c->attempt);
    switch (c->kind) {
    case COMMAND_OPEN:
        link_open(p, c->wormhole, c->link);
        break;
    case COMMAND_SEND:
        if (l != NULL && l->connection != 0)
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
        if (a != NULL) {
            a->started = true;
            a->plan = c->plan;
            attempt_match(p->w, p, a);
        }
        break;
    case COMMAND_STOP:
        if (a != NULL)
            attempt_end(p, a, true);
        break;
    }
}

static void command_free(struct command *c)
{
    free(c->text);
    free(c);
}

static bool command_one(struct peer *p)
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

static bool server_one(struct world *w)
{
    struct mailbox_server_output *o = mailbox_server_take(w->server);
    if (o == NULL)
        return false;
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *p = &w->peers[i];
        for (int k = 0; p->running && k < LINKS_MAX; k++) {
            struct link *l = &p->links[k];
            if (!l->used || l->connection != o->connection)
                continue;
            trace(p, "received link %d %.*s", (int)l->link, (int)(o->len < 150 ? o->len : 150),
                  o->dropped ? "dropped" : o->text);
            if (o->dropped)
                link_lost(p, l);
            else
                engine_link_received(p->engine, l->wormhole, l->link, o->text, o->len);
            break;
        }
    }
    mailbox_server_output_free(o);
    return true;
}

/* ---- peers ---- */

static void remove_dir(const char *dir);

void world_start(struct world *w, int peer)
{
    struct peer *p = &w->peers[peer];
    char why[STORE_WHY_MAX];
    struct engine_options options = {.appid = "lothar.com/wormhole/text-or-file-xfer",
                                     .code_words = 2};
    struct engine_out out = {p,         out_open, out_send, out_close, out_move,   out_listen,
                             out_start, out_stop, out_wake, out_job,   out_now_ms, out_random};
    struct engine_watch watch = {0};
    p->last = &p->first;
    int err = store_open(&p->store, p->dir, io_real(), why);
    must(err == 0, why);
    must(engine_open(&p->engine, p->store, &options, &out, &watch) == 0, "engine_open");
    p->running = true;
    must(engine_start(p->engine) == 0, "engine_start");
}

void world_kill(struct world *w, int peer)
{
    struct peer *p = &w->peers[peer];
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
    engine_close(p->engine);
    store_close(p->store);
    p->engine = NULL;
    p->store = NULL;
    p->running = false;
    p->jobs = false;
}

bool world_running(const struct world *w, int peer)
{
    return w->peers[peer].running;
}

struct store *world_store(struct world *w, int peer)
{
    return w->peers[peer].store;
}

struct engine *world_engine(struct world *w, int peer)
{
    return w->peers[peer].engine;
}

struct mailbox_server *world_server(struct world *w)
{
    return w->server;
}

int64_t world_now_ms(const struct world *w)
{
    return w->now_ms;
}

struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    must(w != NULL && sodium_init() >= 0, "memory");
    w->seed = seed;
    w->now_ms = INT64_C(1800000000000);
    w->server_up = true;
    w->server = mailbox_server_new(&(struct mailbox_server_options){.seed = seed}, w->now_ms);
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *p = &w->peers[i];
        p->w = w;
        p->index = i;
        p->last = &p->first;
        snprintf(p->dir, sizeof p->dir, "/tmp/wormholefs-world-XXXXXX");
        must(mkdtemp(p->dir) != NULL, "mkdtemp");
        world_start(w, i);
    }
    return w;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void remove_dir(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void world_free(struct world *w)
{
    for (int i = 0; i < WORLD_PEERS; i++) {
        if (w->peers[i].running)
            world_kill(w, i);
        remove_dir(w->peers[i].dir);
    }
    mailbox_server_free(w->server);
    free(w);
}

/* ---- steps ---- */

static bool peer_step(struct peer *p)
{
    if (!p->running)
        return false;
    if (command_one(p) || link_connect_one(p) || sessions_step(p))
        return true;
    if (p->jobs) {
        p->jobs = engine_work(p->engine);
        return true;
    }
    return false;
}

static void earlier(int64_t *at, int64_t other)
{
    if (other < *at)
        *at = other;
}

/* Nothing moves by itself: time does. */
static bool time_step(struct world *w, int64_t until_ms)
{
    int64_t next_ms = mailbox_server_deadline_ms(w->server);
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *p = &w->peers[i];
        if (!p->running)
            continue;
        earlier(&next_ms, engine_tick(p->engine, w->now_ms));
        if (p->first != NULL || p->jobs)
            return true;
        for (int k = 0; w->server_up && k < LINKS_MAX; k++)
            if (p->links[k].used && p->links[k].connection == 0)
                earlier(&next_ms, p->links[k].try_ms);
    }
    if (next_ms > until_ms) {
        w->now_ms = until_ms > w->now_ms ? until_ms : w->now_ms;
        return false;
    }
    if (next_ms > w->now_ms)
        w->now_ms = next_ms;
    mailbox_server_tick(w->server, w->now_ms);
    return true;
}

bool world_step(struct world *w, int64_t until_ms)
{
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *p = &w->peers[(w->turn + i) % WORLD_PEERS];
        if (peer_step(p)) {
            w->turn = (p->index + 1) % WORLD_PEERS;
            return true;
        }
    }
    return server_one(w) || time_step(w, until_ms);
}

bool world_run(struct world *w, bool (*done)(struct world *w, void *arg), void *arg,
               int64_t limit_ms)
{
    int64_t until_ms = w->now_ms + limit_ms;
    for (int i = 0; i < STEPS_MAX; i++) {
        if (done != NULL && done(w, arg))
            return true;
        if (!world_step(w, until_ms))
            return done == NULL || done(w, arg);
    }
    return false;
}

void world_cut_links(struct world *w)
{
    for (int i = 0; i < WORLD_PEERS; i++) {
        struct peer *p = &w->peers[i];
        for (int k = 0; p->running && k < LINKS_MAX; k++) {
            struct link *l = &p->links[k];
            if (!l->used || l->connection == 0)
                continue;
            mailbox_server_disconnect(w->server, l->connection);
            link_lost(p, l);
        }
    }
}

void world_cut_transit(struct world *w)
{
    for (int i = 0; i < WORLD_PEERS; i++)
        for (int k = 0; w->peers[i].running && k < ATTEMPTS_MAX; k++)
            if (w->peers[i].attempts[k].stream != NULL)
                stream_break(w->peers[i].attempts[k].stream);
}

void world_set_server_up(struct world *w, bool up)
{
    w->server_up = up;
    if (!up)
        world_cut_links(w);
}

/* ---- what users do ---- */

static struct turn *begin(struct world *w, int peer)
{
    struct turn *t;
    must(turn_begin(w->peers[peer].store, &t) == 0, "turn_begin");
    return t;
}

uint64_t world_mkdir(struct world *w, int peer, const char *name, const char *code)
{
    struct turn *t = begin(w, peer);
    uint64_t id;
    must(engine_create(w->peers[peer].engine, t, name, strlen(name), false, code, &id) == 0,
         "engine_create");
    must(turn_commit(t) == 0, "commit");
    return id;
}

struct code_wanted {
    int peer;
    uint64_t wormhole;
    char *out;
};

static bool has_code(struct world *w, void *arg)
{
    struct code_wanted *c = arg;
    struct view *v;
    must(view_begin(w->peers[c->peer].store, &v) == 0, "view_begin");
    int err = code_get(v, c->wormhole, c->out);
    view_end(v);
    return err == 0;
}

bool world_code(struct world *w, int peer, uint64_t wormhole, char out[static 129])
{
    return world_run(w, has_code, &(struct code_wanted){peer, wormhole, out}, 60000);
}

static void fill(uint8_t *data, size_t len, uint64_t seed)
{
    uint8_t key[randombytes_SEEDBYTES] = {0};
    memcpy(key, &seed, sizeof seed);
    randombytes_buf_deterministic(data, len, key);
}

void world_seal(struct world *w, int peer, uint64_t entry)
{
    struct engine *e = w->peers[peer].engine;
    must(engine_entry_prepare(e, entry) == 0, "prepare");
    struct turn *t = begin(w, peer);
    struct entry row;
    must(entry_get(turn_view(t), entry, &row) == 0, "entry");
    must(engine_entry_seal(e, t, entry) == 0, "seal");
    must(engine_outbox_changed(e, t, row.wormhole) == 0, "outbox_changed");
    must(turn_commit(t) == 0, "commit");
}

uint64_t world_send_file(struct world *w, int peer, uint64_t wormhole, const char *name,
                         uint64_t seed, size_t len)
{
    struct store *s = w->peers[peer].store;
    struct turn *t = begin(w, peer);
    struct wormhole row;
    uint64_t ino;
    must(wormhole_get(turn_view(t), wormhole, &row) == 0, "wormhole");
    must(name_create(t, row.outbox_ino, name, strlen(name),
                     &(struct node_new){.type = NODE_FILE, .mode = 0644}, &ino) == 0,
         "create");
    must(turn_commit(t) == 0, "commit");
    uint8_t *data = malloc(len + 1);
    must(data != NULL, "memory");
    fill(data, len, seed);
    must(len == 0 || content_write(s, ino, data, len, 0) == 0, "write");
    free(data);
    world_seal(w, peer, ino);
    return ino;
}

static int count_one(void *arg, const struct node_item *item)
{
    (void)item;
    ++*(size_t *)arg;
    return 0;
}

static size_t count_box(struct world *w, int peer, uint64_t wormhole, bool outbox)
{
    struct view *v;
    struct wormhole row;
    size_t count = 0;
    must(view_begin(w->peers[peer].store, &v) == 0, "view_begin");
    if (wormhole_get(v, wormhole, &row) == 0)
        node_list(v, outbox ? row.outbox_ino : row.inbox_ino, 0, count_one, &count);
    view_end(v);
    return count;
}

size_t world_outbox_count(struct world *w, int peer, uint64_t wormhole)
{
    return count_box(w, peer, wormhole, true);
}

size_t world_inbox_count(struct world *w, int peer, uint64_t wormhole)
{
    return count_box(w, peer, wormhole, false);
}

bool world_has_file(struct world *w, int peer, uint64_t wormhole, const char *name, uint64_t seed,
                    size_t len)
{
    struct store *s = w->peers[peer].store;
    struct view *v;
    struct wormhole row;
    struct node node;
    must(view_begin(s, &v) == 0, "view_begin");
    int err = wormhole_get(v, wormhole, &row);
    if (err == 0)
        err = node_lookup_get(v, row.inbox_ino, name, strlen(name), &node);
    view_end(v);
    if (err < 0 || node.size != len)
        return false;
    uint8_t *want = malloc(len + 1), *got = malloc(len + 1);
    must(want != NULL && got != NULL, "memory");
    fill(want, len, seed);
    size_t done = 0;
    while (done < len) {
        size_t n = len - done < (1 << 20) ? len - done : 1 << 20;
        ssize_t r = content_read(s, node.ino, got + done, n, done);
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    bool same = done == len && memcmp(want, got, len) == 0;
    free(want);
    free(got);
    return same;
}
