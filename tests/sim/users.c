/* What the users of a seed do. */
#include <stdio.h>
#include <string.h>
#include "store/content.h"
#include "store/namespace.h"
#include "store/secrets.h"
#include "tests/sim/seed_inner.h"

/* ---- places ---- */

/* An end of a pair that is paired and whose peer runs. False: none was found. */
static bool draw_end(struct seed *s, int *pair, int *end)
{
    for (int tries = 0; tries < 8 && s->pair_count > 0; tries++) {
        *pair = (int)dice_below(&s->dice, (uint64_t)s->pair_count);
        *end = (int)dice_below(&s->dice, 2);
        const struct pair *p = &s->pairs[*pair];
        if ((p->state == PAIR_PAIRED || (p->state == PAIR_JOINING && p->id[1] != 0)) &&
            seed_peer_up(s, p->peer[*end]))
            return true;
    }
    return false;
}

static struct store *store_of(struct seed *s, int peer)
{
    return world_store(s->world, peer);
}

int users_row(struct seed *s, int peer, uint64_t wormhole, struct wormhole *row)
{
    struct view *v;
    int err = view_begin(store_of(s, peer), &v);
    if (err < 0)
        return err;
    err = wormhole_get(v, wormhole, row);
    view_end(v);
    return err;
}

struct choice {
    struct dice *dice;
    uint64_t seen, ino;
    struct name name;
};

static int choose(void *arg, const struct node_item *item)
{
    struct choice *c = arg;
    if (dice_below(c->dice, ++c->seen) != 0)
        return 0;
    c->ino = item->ino;
    return name_set(&c->name, item->name, item->name_len);
}

/* Something that lies in a box. False: it is empty. */
static bool draw_entry(struct seed *s, int peer, uint64_t box, struct choice *c)
{
    struct view *v;
    *c = (struct choice){.dice = &s->dice};
    if (view_begin(store_of(s, peer), &v) < 0)
        return false;
    int err = node_list(v, box, 0, choose, c);
    view_end(v);
    return err == 0 && c->ino != 0;
}

/* ---- contents ---- */

static size_t draw_size(struct seed *s)
{
    uint64_t kind = dice_below(&s->dice, 20);
    if (s->large && kind < 12)
        return (70 << 10) + dice_below(&s->dice, 220 << 10);
    if (kind < 15)
        return 1 + dice_below(&s->dice, 2000);
    if (kind < 17)
        return (60 << 10) + dice_below(&s->dice, 8 << 10); /* about where inline content ends */
    if (kind < 18)
        return 0;
    return (70 << 10) + dice_below(&s->dice, 200 << 10);
}

void users_fill(struct seed *s, uint64_t contents, size_t len)
{
    struct dice bytes = {contents};
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = dice_next(&bytes);
        memcpy(s->buffer + i, &word, len - i < 8 ? len - i : 8);
    }
}

static void fill(struct seed *s, size_t len)
{
    users_fill(s, ++s->next_file * UINT64_C(0x123456789) + s->options.seed, len);
}

int users_seal(struct seed *s, int peer, uint64_t ino)
{
    struct engine *e = world_engine(s->world, peer);
    struct turn *t;
    struct entry row;
    int err = engine_entry_prepare(e, ino);
    if (err == 0)
        err = turn_begin(store_of(s, peer), &t);
    if (err < 0)
        return err;
    err = entry_get(turn_view(t), ino, &row);
    if (err == 0)
        err = row.state == ENTRY_OPEN ? engine_entry_seal(e, t, ino) : STORE_ERR_INVALID;
    if (err == 0)
        err = engine_outbox_changed(e, t, row.wormhole);
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    err = turn_commit(t);
    seed_say(s, "%c seals %llu: %d", 'A' + peer, (unsigned long long)ino, err);
    if (err == 0)
        seed_did(s, DEED_SEAL);
    ledger_look(s); /* before it can leave: the hash of what was sealed */
    return err;
}

/* It is in the outbox, and is offered, mostly at once. */
static void done(struct seed *s, enum deed deed, int peer, uint64_t ino)
{
    seed_did(s, deed);
    if (dice_below(&s->dice, 8) != 0)
        users_seal(s, peer, ino);
}

static int finish(struct turn *t, int err)
{
    if (err == 0)
        return turn_commit(t);
    turn_abort(t);
    return err;
}

int users_make(struct seed *s, int peer, uint64_t parent, const char *name, enum node_type type,
               uint64_t *ino)
{
    struct turn *t;
    int err = turn_begin(store_of(s, peer), &t);
    if (err < 0)
        return err;
    struct node_new what = {.type = type, .mode = type == NODE_DIR ? 0755 : 0644};
    return finish(t, name_create(t, parent, name, strlen(name), &what, ino));
}

static void create(struct seed *s, int peer, const struct wormhole *row)
{
    char name[32];
    uint64_t ino = 0;
    size_t len = draw_size(s);
    snprintf(name, sizeof name, "f%llu", (unsigned long long)(++s->next_name));
    int err = users_make(s, peer, row->outbox_ino, name, NODE_FILE, &ino);
    if (err == 0) {
        fill(s, len);
        err = len > 0 ? content_write(store_of(s, peer), ino, s->buffer, len, 0) : 0;
    }
    seed_say(s, "%c makes %s (%llu), %zu bytes: %d", 'A' + peer, name, (unsigned long long)ino, len,
             err);
    if (err == 0)
        done(s, DEED_MAKE, peer, ino);
}

/* A directory with some files in it. */
static void create_tree(struct seed *s, int peer, const struct wormhole *row)
{
    char name[32];
    uint64_t top = 0, ino = 0;
    snprintf(name, sizeof name, "d%llu", (unsigned long long)(++s->next_name));
    int err = users_make(s, peer, row->outbox_ino, name, NODE_DIR, &top);
    for (unsigned n = 1 + (unsigned)dice_below(&s->dice, 4); err == 0 && n > 0; n--) {
        char child[12];
        size_t len = draw_size(s);
        snprintf(child, sizeof child, "%u", n);
        err = users_make(s, peer, top, child, NODE_FILE, &ino);
        fill(s, len);
        if (err == 0 && len > 0)
            err = content_write(store_of(s, peer), ino, s->buffer, len, 0);
    }
    seed_say(s, "%c makes tree %s (%llu): %d", 'A' + peer, name, (unsigned long long)top, err);
    if (err < 0)
        return;
    seed_did(s, DEED_TREE);
    users_seal(s, peer, top);
}

static void append(struct seed *s, int peer, const struct choice *c)
{
    struct view *v;
    struct node node;
    size_t len = 1 + dice_below(&s->dice, 3000);
    if (view_begin(store_of(s, peer), &v) < 0)
        return;
    int err = node_get(v, c->ino, &node);
    view_end(v);
    if (err < 0 || node.type != NODE_FILE || node.size + len > SEED_FILE_MAX)
        return;
    fill(s, len);
    err = content_write(store_of(s, peer), c->ino, s->buffer, len, node.size);
    seed_say(s, "%c appends to %llu: %d", 'A' + peer, (unsigned long long)c->ino, err);
    if (err == 0)
        done(s, DEED_APPEND, peer, c->ino);
}

static void rewrite(struct seed *s, int peer, const struct choice *c)
{
    size_t len = draw_size(s);
    int err = content_truncate(store_of(s, peer), c->ino, 0);
    fill(s, len);
    if (err == 0 && len > 0)
        err = content_write(store_of(s, peer), c->ino, s->buffer, len, 0);
    seed_say(s, "%c rewrites %llu: %d", 'A' + peer, (unsigned long long)c->ino, err);
    if (err == 0)
        done(s, DEED_REWRITE, peer, c->ino);
}

static void rename_entry(struct seed *s, int peer, uint64_t box, const struct choice *c)
{
    char name[32];
    struct turn *t;
    struct choice other;
    bool replace = dice_below(&s->dice, 3) == 0 && draw_entry(s, peer, box, &other);
    if (replace)
        snprintf(name, sizeof name, "%.31s", other.name.text);
    else
        snprintf(name, sizeof name, "r%llu", (unsigned long long)(++s->next_name));
    if (turn_begin(store_of(s, peer), &t) < 0)
        return;
    if (replace)
        seed_endanger(s, peer, 2);
    int err = finish(
        t, name_rename(t, box, c->name.text, c->name.len, box, name, strlen(name), NAME_REPLACE));
    seed_say(s, "%c renames %s to %s: %d", 'A' + peer, c->name.text, name, err);
    if (err == 0)
        done(s, replace ? DEED_REPLACE : DEED_RENAME, peer, c->ino);
}

/* Names in a directory; list[0] is their count. */
struct names {
    size_t count;
    struct name list[64];
};

static int collect_name(void *arg, const struct node_item *item)
{
    struct names *n = arg;
    if (n->count == sizeof n->list / sizeof n->list[0])
        return 0;
    return name_set(&n->list[n->count++], item->name, item->name_len);
}

/* As rm -r does, but in one turn. */
static int remove_tree(struct turn *t, uint64_t box, const struct choice *c)
{
    struct node node;
    struct names names = {0};
    int err = node_get(turn_view(t), c->ino, &node);
    if (err < 0 || node.type != NODE_DIR)
        return err < 0 ? err : name_unlink(t, box, c->name.text, c->name.len);
    err = node_list(turn_view(t), c->ino, 0, collect_name, &names);
    for (size_t i = 0; err == 0 && i < names.count; i++)
        err = name_unlink(t, c->ino, names.list[i].text, names.list[i].len);
    return err < 0 ? err : name_rmdir(t, box, c->name.text, c->name.len);
}

int users_remove(struct seed *s, int peer, uint64_t box, const char *name, uint64_t ino)
{
    struct turn *t;
    struct choice c = {.ino = ino};
    int err = name_set(&c.name, name, strlen(name));
    if (err == 0)
        err = turn_begin_relief(store_of(s, peer), &t);
    if (err == 0)
        err = finish(t, remove_tree(t, box, &c));
    seed_say(s, "%c removes %s: %d", 'A' + peer, name, err);
    return err;
}

static void remove_entry(struct seed *s, int peer, uint64_t box, const struct choice *c)
{
    seed_endanger(s, peer, 2);
    if (users_remove(s, peer, box, c->name.text, c->ino) == 0)
        seed_did(s, DEED_REMOVE);
}

/* From an inbox to the outbox of another wormhole of the same peer. */
static void forward(struct seed *s, int peer, const struct wormhole *row, const struct choice *c)
{
    struct wormhole to;
    struct turn *t;
    struct node node;
    char name[32];
    for (int i = 0; i < s->pair_count; i++) {
        const struct pair *p =
            &s->pairs[(i + (int)(s->next_name % SEED_PAIRS_MAX)) % s->pair_count];
        int end = pair_end(p, peer);
        if (p->state != PAIR_PAIRED || p->peer[end] != peer || p->id[end] == row->id ||
            users_row(s, peer, p->id[end], &to) < 0 || turn_begin(store_of(s, peer), &t) < 0)
            continue;
        snprintf(name, sizeof name, "w%llu", (unsigned long long)(++s->next_name));
        int err = name_rename(t, row->inbox_ino, c->name.text, c->name.len, to.outbox_ino, name,
                              strlen(name), NAME_REPLACE);
        if (err == 0)
            err = node_lookup_get(turn_view(t), to.outbox_ino, name, strlen(name), &node);
        err = finish(t, err);
        seed_say(s, "%c forwards %s as %s: %d", 'A' + peer, c->name.text, name, err);
        if (err < 0)
            return;
        seed_did(s, DEED_FORWARD);
        users_seal(s, peer, node.ino);
        return;
    }
}

static void rename_wormhole(struct seed *s, int peer, uint64_t id)
{
    struct turn *t;
    struct name name;
    char text[32];
    snprintf(text, sizeof text, "n%llu", (unsigned long long)(++s->next_name));
    if (name_set(&name, text, strlen(text)) < 0 || turn_begin(store_of(s, peer), &t) < 0)
        return;
    int err = finish(t, wormhole_rename(t, id, &name));
    seed_say(s, "%c names a wormhole %s: %d", 'A' + peer, text, err);
    if (err == 0)
        seed_did(s, DEED_NAME);
}

/* ---- wormholes ---- */

void users_pair(struct seed *s, int a, int b)
{
    struct turn *t;
    char name[32];
    uint64_t id;
    if (s->pair_count == SEED_PAIRS_MAX || !seed_peer_up(s, a))
        return;
    struct pair *p = &s->pairs[s->pair_count];
    snprintf(name, sizeof name, "p%llu", (unsigned long long)(++s->next_name));
    if (turn_begin(store_of(s, a), &t) < 0)
        return;
    int err = finish(
        t, engine_create(world_engine(s->world, a), t, name, strlen(name), false, NULL, &id));
    seed_say(s, "%c makes wormhole %s for %c: %d", 'A' + a, name, 'A' + b, err);
    struct wormhole row;
    if (err == STORE_ERR_BROKEN && users_row(s, a, id, &row) == 0)
        err = 0; /* it is there, as ls says */
    s->unsure_makes += err == STORE_ERR_BROKEN;
    if (err < 0)
        return;
    seed_did(s, DEED_PAIR);
    *p = (struct pair){.state = PAIR_CODE, .peer = {a, b}, .id = {id, 0}};
    s->pair_count++;
}

static void hand_over(struct seed *s, struct pair *p)
{
    char code[CODE_BYTES_MAX + 1], name[32];
    struct view *v;
    struct turn *t;
    int a = p->peer[0], b = p->peer[1];
    if (!seed_peer_up(s, a) || !seed_peer_up(s, b) || view_begin(store_of(s, a), &v) < 0)
        return;
    int err = code_get(v, p->id[0], code);
    view_end(v);
    if (err < 0 || turn_begin(store_of(s, b), &t) < 0)
        return;
    snprintf(name, sizeof name, "q%llu", (unsigned long long)(++s->next_name));
    err = finish(
        t, engine_create(world_engine(s->world, b), t, name, strlen(name), false, code, &p->id[1]));
    seed_say(s, "%c joins by %s: %d", 'A' + b, code, err);
    struct wormhole row;
    if (err == STORE_ERR_BROKEN && users_row(s, b, p->id[1], &row) == 0)
        err = 0; /* it is there, as ls says: who joins again would pair the two with each other */
    if (err == 0)
        p->state = PAIR_JOINING;
    else
        p->id[1] = 0;
}

static void look_paired(struct seed *s, struct pair *p)
{
    int paired = 0;
    for (int end = 0; end < 2; end++) {
        struct wormhole row;
        if (!seed_peer_up(s, p->peer[end]))
            return;
        if (users_row(s, p->peer[end], p->id[end], &row) == 0)
            paired += row.state == WORMHOLE_PAIRED;
    }
    if (paired == 2) {
        p->state = PAIR_PAIRED;
        s->result->paired++;
    }
}

void users_follow(struct seed *s)
{
    for (int i = 0; i < s->pair_count; i++) {
        struct pair *p = &s->pairs[i];
        if (p->state == PAIR_CODE)
            hand_over(s, p);
        else if (p->state == PAIR_JOINING)
            look_paired(s, p);
    }
}

/* Everything in it first, as rm -r does. */
static void close_pair(struct seed *s, struct pair *p, int end)
{
    struct wormhole row;
    struct choice c;
    struct turn *t;
    int peer = p->peer[end];
    if (users_row(s, peer, p->id[end], &row) < 0)
        return;
    p->state = PAIR_CLOSED;
    for (int box = 0; box < 2; box++)
        for (int i = 0; i < 64 && !disk_dead(s->party[peer].disk) &&
                        draw_entry(s, peer, box ? row.inbox_ino : row.outbox_ino, &c);
             i++)
            remove_entry(s, peer, box ? row.inbox_ino : row.outbox_ino, &c);
    if (turn_begin_relief(store_of(s, peer), &t) < 0)
        return;
    int err = finish(t, engine_remove(world_engine(s->world, peer), t, p->id[end]));
    seed_say(s, "%c removes wormhole %llu: %d", 'A' + peer, (unsigned long long)p->id[end], err);
    if (err == 0)
        seed_did(s, DEED_CLOSE);
}

/* ---- one thing ---- */

static void in_outbox(struct seed *s, int peer, const struct wormhole *row, uint64_t what)
{
    struct choice c;
    if (what < 40) {
        create(s, peer, row);
    } else if (what < 45) {
        create_tree(s, peer, row);
    } else if (draw_entry(s, peer, row->outbox_ino, &c)) {
        if (what < 53)
            append(s, peer, &c);
        else if (what < 60)
            rewrite(s, peer, &c);
        else if (what < 67)
            rename_entry(s, peer, row->outbox_ino, &c);
        else if (what < 74)
            remove_entry(s, peer, row->outbox_ino, &c);
        else
            users_seal(s, peer, c.ino);
    }
}

void users_step(struct seed *s)
{
    int pair, end;
    struct wormhole row;
    struct choice c;
    uint64_t what = dice_below(&s->dice, 100);
    if (what >= 98 && s->pair_count < SEED_PAIRS_MAX) {
        int a = (int)dice_below(&s->dice, (uint64_t)s->peers);
        users_pair(s, a, (a + 1 + (int)dice_below(&s->dice, (uint64_t)s->peers - 1)) % s->peers);
        return;
    }
    if (!draw_end(s, &pair, &end) ||
        users_row(s, s->pairs[pair].peer[end], s->pairs[pair].id[end], &row) < 0)
        return;
    int peer = s->pairs[pair].peer[end];
    if (what < 78)
        in_outbox(s, peer, &row, what);
    else if (what < 85 && draw_entry(s, peer, row.inbox_ino, &c))
        remove_entry(s, peer, row.inbox_ino, &c);
    else if (what < 95 && draw_entry(s, peer, row.inbox_ino, &c))
        forward(s, peer, &row, &c);
    else if (what >= 95 && what < 97)
        rename_wormhole(s, peer, row.id);
    else if (what >= 97 && dice_below(&s->dice, 2) == 0)
        close_pair(s, &s->pairs[pair], end);
}

static int collect(void *arg, const struct node_item *item)
{
    uint64_t *list = arg;
    if (list[0] < 255)
        list[++list[0]] = item->ino;
    return 0;
}

/* What is held because its bytes could not be read, is touched, as its `held` line asks for. */
static void touch_held(struct seed *s, int peer, uint64_t ino)
{
    struct turn *t;
    struct entry row;
    if (turn_begin(store_of(s, peer), &t) < 0)
        return;
    int err = entry_get(turn_view(t), ino, &row);
    if (err < 0 || row.state != ENTRY_SEALED || row.held[0] == '\0') {
        turn_abort(t);
        return;
    }
    err = finish(t, node_set_times(t, ino, INT64_MIN, turn_now_ns(t)));
    seed_say(s, "%c touches %llu: %d", 'A' + peer, (unsigned long long)ino, err);
}

/* A disk that was full is known to have room again only after a while. */
static bool takes_changes(struct seed *s, int peer)
{
    struct turn *t;
    if (turn_begin(store_of(s, peer), &t) < 0)
        return false;
    turn_abort(t);
    return true;
}

bool users_seal_all(struct seed *s)
{
    for (int i = 0; i < s->peers; i++)
        if (!takes_changes(s, i))
            return false;
    for (int i = 0; i < 2 * s->pair_count; i++) {
        const struct pair *p = &s->pairs[i / 2];
        int peer = p->peer[i % 2];
        struct wormhole row;
        struct view *v;
        uint64_t list[256] = {0};
        if (p->state != PAIR_PAIRED || users_row(s, peer, p->id[i % 2], &row) < 0 ||
            view_begin(store_of(s, peer), &v) < 0)
            continue;
        node_list(v, row.outbox_ino, 0, collect, list);
        view_end(v);
        for (uint64_t k = 1; k <= list[0]; k++) {
            touch_held(s, peer, list[k]);
            users_seal(s, peer, list[k]);
        }
    }
    return true;
}
