/* What users do in a world. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/content.h"
#include "store/namespace.h"
#include "store/secrets.h"
#include "store/wormholes.h"
#include "tests/sim/world_inner.h"

/* ---- what users do ---- */

static struct turn *begin(struct world *w, int peer)
{
    struct turn *t;
    world_must(turn_begin(w->peers[peer].store, &t) == 0, "turn_begin");
    return t;
}

uint64_t world_mkdir(struct world *w, int peer, const char *name, const char *code)
{
    struct turn *t = begin(w, peer);
    uint64_t id;
    world_must(engine_create(w->peers[peer].engine, t, name, strlen(name), false, code, &id) == 0,
               "engine_create");
    world_must(turn_commit(t) == 0, "commit");
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
    world_must(view_begin(w->peers[c->peer].store, &v) == 0, "view_begin");
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
    world_must(engine_entry_prepare(e, entry) == 0, "prepare");
    struct turn *t = begin(w, peer);
    struct entry row;
    world_must(entry_get(turn_view(t), entry, &row) == 0, "entry");
    world_must(engine_entry_seal(e, t, entry) == 0, "seal");
    world_must(engine_outbox_changed(e, t, row.wormhole) == 0, "outbox_changed");
    world_must(turn_commit(t) == 0, "commit");
}

uint64_t world_send_file(struct world *w, int peer, uint64_t wormhole, const char *name,
                         uint64_t seed, size_t len)
{
    struct store *s = w->peers[peer].store;
    struct turn *t = begin(w, peer);
    struct wormhole row;
    uint64_t ino;
    world_must(wormhole_get(turn_view(t), wormhole, &row) == 0, "wormhole");
    world_must(name_create(t, row.outbox_ino, name, strlen(name),
                           &(struct node_new){.type = NODE_FILE, .mode = 0644}, &ino) == 0,
               "create");
    world_must(turn_commit(t) == 0, "commit");
    uint8_t *data = malloc(len + 1);
    world_must(data != NULL, "memory");
    fill(data, len, seed);
    world_must(len == 0 || content_write(s, ino, data, len, 0) == 0, "write");
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
    world_must(view_begin(w->peers[peer].store, &v) == 0, "view_begin");
    if (wormhole_get(v, wormhole, &row) == 0)
        node_list(v, outbox ? row.outbox_ino : row.inbox_ino, 0, count_one, &count);
    view_end(v);
    return count;
}

bool world_is_paired(struct world *w, int peer, uint64_t wormhole)
{
    struct wormhole row;
    struct view *v;
    if (!world_running(w, peer) || view_begin(world_store(w, peer), &v) < 0)
        return false;
    int err = wormhole_get(v, wormhole, &row);
    view_end(v);
    return err == 0 && row.state == WORMHOLE_PAIRED;
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
    world_must(view_begin(s, &v) == 0, "view_begin");
    int err = wormhole_get(v, wormhole, &row);
    if (err == 0)
        err = node_lookup_get(v, row.inbox_ino, name, strlen(name), &node);
    view_end(v);
    if (err < 0 || node.size != len)
        return false;
    uint8_t *want = malloc(len + 1), *got = malloc(len + 1);
    world_must(want != NULL && got != NULL, "memory");
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
