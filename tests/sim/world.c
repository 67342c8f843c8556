#include "tests/sim/world.h"

#include <ftw.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/sim/world_inner.h"

void world_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "world: %s\n", what);
        abort();
    }
}

void world_trace(const struct peer *p, const char *format, ...)
{
    va_list args;
    if (!p->w->options.trace)
        return;
    fprintf(stderr, "%lld %c ", (long long)(p->w->now_ms % 100000000), 'A' + p->index);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- peers ---- */

int world_try_start(struct world *w, int peer)
{
    struct peer *p = &w->peers[peer];
    char why[STORE_WHY_MAX];
    struct engine_options options = {.appid = WORLD_APPID,
                                     .code_words = 2,
                                     .aes = (w->options.aes >> peer & 1) != 0,
                                     .frame_bytes_max = w->options.frame_bytes_max,
                                     .sync_every_bytes = w->options.sync_every_bytes};
    struct engine_out out = peer_out(p);
    hints_add(&options.relays, HINT_RELAY, NETWORK_RELAY_HOST, NETWORK_RELAY_PORT, 0);
    struct engine_watch watch = {0};
    if (w->options.watch != NULL)
        w->options.watch(w->options.arg, peer, &watch);
    p->last = &p->first;
    int err = store_open(&p->store, p->dir, p->io, why);
    if (err < 0) {
        world_trace(p, "does not start: %s", why);
        return err;
    }
    world_must(engine_open(&p->engine, p->store, &options, &out, &watch) == 0, "engine_open");
    p->running = true;
    err = engine_start(p->engine);
    if (err < 0)
        world_kill(w, peer);
    return err;
}

void world_start(struct world *w, int peer)
{
    world_must(world_try_start(w, peer) == 0, "start");
}

void world_kill(struct world *w, int peer)
{
    struct peer *p = &w->peers[peer];
    peer_unplug(p);
    engine_close(p->engine);
    store_close(p->store);
    p->engine = NULL;
    p->store = NULL;
    p->running = false;
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

struct relay *world_relay(struct world *w)
{
    return w->relay;
}

int64_t world_now_ms(const struct world *w)
{
    return w->now_ms;
}

struct world *world_new_with(const struct world_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    world_must(w != NULL && sodium_init() >= 0, "memory");
    world_must(options->peers <= WORLD_PEERS_MAX, "too many peers");
    w->options = *options;
    w->seed = options->seed;
    w->dice.state = options->seed;
    w->now_ms = INT64_C(1800000000000);
    w->server_up = true;
    w->server =
        mailbox_server_new(&(struct mailbox_server_options){.seed = options->seed}, w->now_ms);
    w->relay = relay_new(&w->dice);
    w->network = network_new(options->peers, w->relay);
    w->peer_count = options->peers;
    for (int i = 0; i < w->peer_count; i++) {
        struct peer *p = &w->peers[i];
        p->w = w;
        p->index = i;
        p->last = &p->first;
        p->io = io_real();
        if (options->disk != NULL) {
            p->io = options->disk(options->arg, i, p->dir);
            continue;
        }
        snprintf(p->dir, sizeof p->dir, "/tmp/wormholefs-world-XXXXXX");
        p->made_dir = mkdtemp(p->dir) != NULL;
        world_must(p->made_dir, "mkdtemp");
        world_start(w, i);
    }
    return w;
}

struct world *world_new(uint64_t seed)
{
    return world_new_with(
        &(struct world_options){.seed = seed, .peers = 2, .trace = getenv("WORLD_TRACE") != NULL});
}

struct world_options *world_weather(struct world *w)
{
    return &w->options;
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
    for (int i = 0; i < w->peer_count; i++) {
        if (w->peers[i].running)
            world_kill(w, i);
        if (w->peers[i].made_dir)
            remove_dir(w->peers[i].dir);
    }
    network_free(w->network);
    relay_free(w->relay);
    mail_release(w);
    mailbox_server_free(w->server);
    free(w);
}

/* ---- steps ---- */

static bool peer_step(struct peer *p)
{
    if (!p->running)
        return false;
    if (peer_command(p) || peer_connect(p) || peer_race(p) || peer_session(p))
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
    earlier(&next_ms, mail_due_ms(w));
    earlier(&next_ms, relay_due_ms(w->relay));
    for (int i = 0; i < w->peer_count; i++) {
        struct peer *p = &w->peers[i];
        if (!p->running)
            continue;
        earlier(&next_ms, engine_tick(p->engine, w->now_ms));
        earlier(&next_ms, peer_transit_ms(p));
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
    if (w->options.shuffled) {
        w->turn = (int)dice_below(&w->dice, (uint64_t)w->peer_count);
        if (dice_below(&w->dice, 3) == 0 && mail_step(w))
            return true;
    }
    for (int i = 0; i < w->peer_count; i++) {
        struct peer *p = &w->peers[(w->turn + i) % w->peer_count];
        if (peer_step(p)) {
            w->turn = (p->index + 1) % w->peer_count;
            return true;
        }
    }
    return mail_step(w) || relay_step(w->relay, w->now_ms) || time_step(w, until_ms);
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
    for (int i = 0; i < w->peer_count; i++) {
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
    for (int i = 0; i < w->peer_count; i++)
        for (int k = 0; w->peers[i].running && k < ATTEMPTS_MAX; k++)
            if (w->peers[i].attempts[k].stream != NULL)
                stream_break(w->peers[i].attempts[k].stream);
    network_cut(w->network);
}

uint64_t world_connected(const struct world *w, bool by_relay)
{
    return w->connected[by_relay];
}

void world_set_reachable(struct world *w, int peer, bool reachable)
{
    network_set_reachable(w->network, peer, reachable);
}

void world_set_server_up(struct world *w, bool up)
{
    w->server_up = up;
    if (!up)
        world_cut_links(w);
}
