#include "tests/mount/engine_double.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fs/seal/seal.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/secrets.h"
#include "store/wormholes.h"

enum { ORDERS_MAX = 256 };

struct engine {
    struct store *store;
    struct engine_watch watch;
    int code_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t orders[ORDERS_MAX]; /* wormholes that want a code */
    size_t count;
    unsigned codes;
    bool stop;
};

struct word {
    struct engine *engine;
    enum engine_change what;
    uint64_t wormhole, ino;
    struct name name;
};

static void say(void *arg, bool committed)
{
    struct word *w = arg;
    if (committed)
        w->engine->watch.changed(w->engine->watch.arg, w->what, w->wormhole, w->ino, w->name.text,
                                 w->name.len);
    free(w);
}

static int tell(struct engine *e, struct turn *t, enum engine_change what, uint64_t wormhole,
                const char *name)
{
    struct word *w = calloc(1, sizeof *w);
    if (!w)
        return STORE_ERR_NOMEM;
    *w = (struct word){.engine = e, .what = what, .wormhole = wormhole};
    if (name)
        name_set(&w->name, name, strlen(name));
    int rc = turn_after(t, say, w);
    if (rc < 0)
        free(w);
    return rc;
}

/* ---- codes ---- */

static void order_code(struct engine *e, uint64_t wormhole)
{
    pthread_mutex_lock(&e->lock);
    if (e->count < ORDERS_MAX)
        e->orders[e->count++] = wormhole;
    pthread_cond_signal(&e->more);
    pthread_mutex_unlock(&e->lock);
}

static void give_code(struct engine *e, uint64_t wormhole)
{
    struct turn *t;
    char code[64], nameplate[16];
    struct wormhole w;
    if (turn_begin(e->store, &t) < 0)
        return;
    snprintf(nameplate, sizeof nameplate, "%u", 7 + e->codes++);
    snprintf(code, sizeof code, "%s-guitarist-revenge", nameplate);
    int rc = wormhole_get(turn_view(t), wormhole, &w);
    if (rc == 0 && w.code != WORMHOLE_CODE_WANTED)
        rc = STORE_ERR_INVALID;
    if (rc == 0)
        rc = code_put(t, wormhole, code);
    if (rc == 0)
        rc = wormhole_event(t, wormhole, LOG_CODE_ALLOCATED, "nameplate", nameplate);
    if (rc == 0)
        rc = tell(e, t, CHANGE_CODE, wormhole, NULL);
    if (rc == 0)
        rc = tell(e, t, CHANGE_STATE, wormhole, NULL);
    if (rc == 0)
        turn_commit(t);
    else
        turn_abort(t);
}

static void *run(void *arg)
{
    struct engine *e = arg;
    pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        if (e->count == 0) {
            pthread_cond_wait(&e->more, &e->lock);
            continue;
        }
        uint64_t wormhole = e->orders[--e->count];
        pthread_mutex_unlock(&e->lock);
        if (e->code_ms >= 0) {
            nanosleep(&(struct timespec){e->code_ms / 1000, e->code_ms % 1000 * 1000000L}, NULL);
            give_code(e, wormhole);
        }
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- what the face calls ---- */

static void order_after(void *arg, bool committed)
{
    struct word *w = arg;
    if (committed)
        order_code(w->engine, w->wormhole);
    free(w);
}

int engine_want_code(struct engine *e, struct turn *t, uint64_t wormhole)
{
    struct wormhole w;
    int rc = wormhole_get(turn_view(t), wormhole, &w);
    if (rc < 0 || w.code == WORMHOLE_CODE_WANTED)
        return rc;
    rc = wormhole_event(t, wormhole, LOG_CODE_WANTED, NULL, NULL);
    struct word *word = calloc(1, sizeof *word);
    if (!word)
        return STORE_ERR_NOMEM;
    *word = (struct word){.engine = e, .wormhole = wormhole};
    return rc < 0 ? rc : turn_after(t, order_after, word);
}

int engine_join(struct engine *e, struct turn *t, uint64_t wormhole, const char *code)
{
    struct wormhole w;
    char nameplate[16];
    int rc = wormhole_get(turn_view(t), wormhole, &w);
    if (rc == 0 && w.state == WORMHOLE_PAIRED)
        rc = STORE_ERR_BUSY;
    if (rc == 0)
        rc = code_put(t, wormhole, code);
    snprintf(nameplate, sizeof nameplate, "%.*s", (int)strcspn(code, "-"), code);
    if (rc == 0)
        rc = wormhole_event(t, wormhole, LOG_JOINING, "nameplate", nameplate);
    return rc < 0 ? rc : tell(e, t, CHANGE_STATE, wormhole, NULL);
}

int engine_create(struct engine *e, struct turn *t, const char *name, size_t name_len, bool draft,
                  const char *code, uint64_t *wormhole)
{
    struct wormhole_new what = {.draft = draft};
    bool hidden = code && strlen(code) == name_len && memcmp(code, name, name_len) == 0;
    if (hidden)
        what.hidden_as = "7-…";
    int rc = name_set(&what.name, name, name_len);
    if (rc == 0)
        rc = wormhole_create(t, &what, wormhole);
    if (rc == 0)
        rc = code ? engine_join(e, t, *wormhole, code) : engine_want_code(e, t, *wormhole);
    return rc < 0 ? rc : tell(e, t, CHANGE_WORMHOLE, *wormhole, NULL);
}

int engine_remove(struct engine *e, struct turn *t, uint64_t wormhole)
{
    int rc = wormhole_close(t, wormhole);
    return rc < 0 ? rc : tell(e, t, CHANGE_WORMHOLE, wormhole, NULL);
}

void engine_status(struct engine *e, uint64_t wormhole, struct engine_status *out)
{
    (void)wormhole;
    *out = (struct engine_status){0};
    if (e->code_ms < 0)
        strcpy(out->trouble, "The mailbox server cannot be reached.");
}

uint64_t engine_acked_bytes(struct engine *e, struct view *v, const struct entry *entry)
{
    (void)e, (void)v, (void)entry;
    return 0;
}

int engine_entry_check(struct engine *e, struct view *v, uint64_t entry)
{
    (void)e, (void)v, (void)entry;
    return 0;
}

bool engine_server_known(struct engine *e)
{
    return e->code_ms >= 0;
}

/* ---- the script ---- */

static int find(struct turn *t, const char *name, struct wormhole *w)
{
    uint64_t id;
    int rc = wormhole_find(turn_view(t), name, strlen(name), &id);
    return rc < 0 ? rc : wormhole_get(turn_view(t), id, w);
}

static int pair(struct engine *e, struct turn *t, const struct wormhole *w)
{
    json_t *detail = json_pack("{s:s, s:s}", "peer", "wormholefs", "version", "0.1");
    int rc = log_append(t, &(struct log_event){LOG_PAIRED, w->id, 0, detail}, NULL);
    if (rc == 0)
        rc = tell(e, t, CHANGE_CODE, w->id, NULL);
    return rc < 0 ? rc : tell(e, t, CHANGE_STATE, w->id, NULL);
}

static int ack(struct engine *e, struct turn *t, const struct wormhole *w, const char *entry)
{
    struct entry_seal seal = {.size = 1, .files = 1};
    int rc = node_lookup(turn_view(t), w->outbox_ino, entry, strlen(entry), &seal.ino);
    memcpy(seal.rev, &seal.ino, sizeof seal.ino);
    if (rc == 0)
        rc = entry_seal(t, &seal);
    if (rc == 0)
        rc = entry_delivered(t, seal.ino, seal.rev, NULL, "delivered");
    if (rc == 0)
        rc = name_remove_tree(t, w->outbox_ino, entry, strlen(entry), "delivered");
    return rc < 0 ? rc : tell(e, t, CHANGE_ENTRY_GONE, w->id, entry);
}

static int arrive(struct engine *e, struct turn *t, const struct wormhole *w, const char *name,
                  const char *text)
{
    struct node_new what = {.type = NODE_FILE, .mode = 0644};
    struct name_arrival a = {.wormhole = w->id, .name = name, .name_len = strlen(name), .files = 1};
    struct name final;
    int rc = node_stage(t, &what, &a.ino);
    if (rc == 0)
        rc = content_put(t, a.ino, text, strlen(text));
    if (rc == 0)
        rc = name_publish(t, &a, &final);
    return rc < 0 ? rc : tell(e, t, CHANGE_ARRIVED, w->id, final.text);
}

static int carry_out(struct engine *e, struct turn *t, char *words[static 4])
{
    struct wormhole w;
    int rc = find(t, words[1], &w);
    if (rc < 0)
        return rc;
    if (strcmp(words[0], "pair") == 0)
        return pair(e, t, &w);
    if (strcmp(words[0], "close") == 0)
        return wormhole_event(t, w.id, LOG_CLOSED, "by", "peer");
    if (strcmp(words[0], "problem") == 0) {
        rc = wormhole_event(t, w.id, LOG_PROBLEM, "text", words[2]);
        return rc < 0 ? rc : tell(e, t, CHANGE_STATE, w.id, NULL);
    }
    if (strcmp(words[0], "ack") == 0)
        return ack(e, t, &w, words[2]);
    if (strcmp(words[0], "arrive") == 0)
        return arrive(e, t, &w, words[2], words[3]);
    return STORE_ERR_INVALID;
}

int engine_double_command(struct engine *e, const char *line)
{
    char text[512], *save = NULL;
    char *words[4] = {text, text, text, text};
    struct turn *t;
    snprintf(text, sizeof text, "%s", line);
    char *at = text;
    for (int i = 0; i < 4 && (words[i] = strtok_r(at, " \n", &save)); i++)
        at = NULL;
    for (int i = 0; i < 4; i++)
        if (!words[i])
            words[i] = text + sizeof text - 1;
    text[sizeof text - 1] = '\0';
    int rc = turn_begin(e->store, &t);
    if (rc < 0)
        return rc;
    rc = carry_out(e, t, words);
    if (rc < 0)
        turn_abort(t);
    return rc < 0 ? rc : turn_commit(t);
}

int engine_double_open(struct engine **out, struct store *store, int code_ms,
                       const struct engine_watch *watch)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return STORE_ERR_NOMEM;
    *e = (struct engine){.store = store, .watch = *watch, .code_ms = code_ms};
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->more, NULL);
    if (pthread_create(&e->thread, NULL, run, e) != 0) {
        free(e);
        return STORE_ERR_NOMEM;
    }
    *out = e;
    return 0;
}

void engine_double_close(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_signal(&e->more);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->more);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
