#include "fs/seal/seal_turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_SIZE = 24, NS_PER_MS = 1000000 };

/* ---- looking ---- */

static int look(struct view *v, uint64_t entry, struct seal_look *out)
{
    struct node node;
    int rc = entry_get(v, entry, &out->row);

    if (rc == 0)
        rc = node_get(v, entry, &node);
    if (rc != 0)
        return rc;
    out->age_ms = (store_now_ns(view_store(v)) - node.ctime_ns) / NS_PER_MS;
    out->bare = node.type == NODE_FILE && node.size == 0;
    out->empty = node.type == NODE_DIR && node_empty(v, entry) == 0;
    return 0;
}

int seal_turn_look(struct store *s, uint64_t entry, struct seal_look *out)
{
    struct view *v;
    int rc = view_begin(s, &v);

    if (rc < 0)
        return rc;
    rc = look(v, entry, out);
    view_end(v);
    return rc;
}

/* The mark says up to which change the tree was whole. */
static int64_t marked_ns(struct view *v, uint64_t entry)
{
    char text[MARK_SIZE + 1];
    ssize_t len = xattr_get(v, entry, SEAL_TURN_MARK, text, MARK_SIZE);

    if (len <= 0)
        return INT64_MIN;
    text[len] = '\0';
    return strtoll(text, NULL, 10);
}

int seal_turn_sum(struct store *s, uint64_t entry, struct seal_sum *out)
{
    struct node_sum sum;
    struct view *v;
    int rc = view_begin(s, &v);

    if (rc < 0)
        return rc;
    rc = node_sum(v, entry, &sum);
    if (rc == 0)
        *out = (struct seal_sum){
            .damaged = sum.bad > 0,
            .dirty = sum.dirty > 0,
            .foreign = sum.foreign_flush > 0,
            .whole = marked_ns(v, entry) >= sum.changed_ns,
            .bare = sum.nodes == 1 && sum.files == 1 && sum.bytes == 0,
        };
    view_end(v);
    return rc;
}

int seal_turn_entries_of(struct store *s, const uint64_t *inos, uint64_t *entries, size_t count)
{
    struct view *v;

    if (count == 0)
        return 0;
    int rc = view_begin(s, &v);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct node node = {0};
        rc = node_get(v, inos[i], &node);
        entries[i] = rc == 0 ? node.entry : 0;
        if (rc == STORE_ERR_NOT_FOUND)
            rc = 0;
    }
    view_end(v);
    return rc;
}

struct list {
    uint64_t *items;
    size_t count, cap;
};

static int keep_open_entry(void *arg, const struct entry *e)
{
    struct list *list = arg;

    if (e->state != ENTRY_OPEN)
        return 0;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        uint64_t *grown = realloc(list->items, cap * sizeof(*grown));
        if (!grown)
            return STORE_ERR_NOMEM;
        list->items = grown;
        list->cap = cap;
    }
    list->items[list->count++] = e->ino;
    return 0;
}

int seal_turn_open_entries(struct store *s, uint64_t **out, size_t *count)
{
    struct list list = {0};
    struct view *v;
    int rc = view_begin(s, &v);

    if (rc < 0)
        return rc;
    rc = entry_each(v, 0, 0, keep_open_entry, &list);
    view_end(v);
    if (rc < 0) {
        free(list.items);
        return rc;
    }
    *out = list.items;
    *count = list.count;
    return 0;
}

/* ---- turns ---- */

static bool held_by_us(const struct entry *row)
{
    return seal_rule_hold(row->held_code) != SEAL_NOT_HELD;
}

static int finish(struct turn *t, int rc)
{
    if (rc < 0) {
        turn_abort(t);
        return rc;
    }
    return turn_commit(t);
}

/* A change may be committed and not yet reported to seal.c. A change in the future was made before
 * somebody set the clock back. */
static bool is_young(struct turn *t, uint64_t entry, unsigned settle_ms)
{
    struct node_sum sum;

    if (settle_ms == 0)
        return false;
    if (node_sum(turn_view(t), entry, &sum) < 0)
        return true;
    int64_t age_ns = turn_now_ns(t) - sum.changed_ns;
    return age_ns >= 0 && age_ns < (int64_t)settle_ms * NS_PER_MS;
}

static bool settled(struct turn *t, uint64_t entry, const struct seal_turn_check *check)
{
    return !is_young(t, entry, check->settle_ms) && check->settled(check->arg, entry);
}

static int seal_in(struct turn *t, struct engine *e, uint64_t entry,
                   const struct seal_turn_check *check)
{
    struct entry row;
    int rc = entry_get(turn_view(t), entry, &row);

    if (rc < 0)
        return rc;
    if (row.state != ENTRY_OPEN)
        return STORE_ERR_INVALID;
    if (!settled(t, entry, check))
        return STORE_ERR_BUSY;
    if (held_by_us(&row) && (rc = entry_release(t, entry)) < 0)
        return rc;
    rc = engine_entry_seal(e, t, entry);
    return rc < 0 ? rc : engine_outbox_changed(e, t, row.wormhole);
}

/* On a full disk, too: what is sealed will be sent, and then makes room. */
int seal_turn_seal(struct store *s, struct engine *e, uint64_t entry,
                   const struct seal_turn_check *check)
{
    struct turn *t;
    int rc = engine_entry_prepare(e, entry);

    if (rc == 0)
        rc = turn_begin_relief(s, &t);
    if (rc != 0)
        return rc;
    return finish(t, seal_in(t, e, entry, check));
}

static int hold_in(struct turn *t, struct engine *e, uint64_t entry, enum seal_hold why)
{
    struct entry row;
    int rc = entry_get(turn_view(t), entry, &row);

    if (rc < 0 || row.state != ENTRY_OPEN)
        return rc;
    if (row.held[0] && !held_by_us(&row))
        return 0;
    if (why == SEAL_NOT_HELD)
        rc = entry_release(t, entry);
    else
        rc = entry_hold_as(t, entry, why, seal_rule_text(why));
    return rc < 0 || !e ? rc : engine_outbox_changed(e, t, row.wormhole);
}

int seal_turn_hold(struct store *s, struct engine *e, uint64_t entry, enum seal_hold why)
{
    struct turn *t;
    int rc = turn_begin_relief(s, &t);

    return rc < 0 ? rc : finish(t, hold_in(t, e, entry, why));
}

static int is_held_for_accident(struct store *s, uint64_t entry)
{
    struct view *v;
    struct entry row;
    int rc = view_begin(s, &v);

    if (rc < 0)
        return rc;
    rc = entry_get(v, entry, &row);
    view_end(v);
    return rc < 0 ? rc : seal_rule_accident(seal_rule_hold(row.held_code)) != SEAL_WELL;
}

int seal_turn_good(struct store *s, struct engine *e, uint64_t entry)
{
    int held = is_held_for_accident(s, entry);

    return held == 1 ? seal_turn_hold(s, e, entry, SEAL_NOT_HELD) : held;
}

int seal_turn_idle(struct store *s, struct engine *e, uint64_t entry)
{
    struct turn *t;
    int rc = turn_begin_relief(s, &t);

    return rc < 0 ? rc : finish(t, engine_entry_idle(e, t, entry));
}

static int mark_in(struct turn *t, uint64_t entry, const struct seal_turn_check *check)
{
    char text[MARK_SIZE];
    int len = snprintf(text, sizeof(text), "%" PRId64, turn_now_ns(t));

    if (!settled(t, entry, check))
        return STORE_ERR_BUSY;
    return xattr_set(t, entry, SEAL_TURN_MARK, text, (size_t)len, XATTR_SET);
}

int seal_turn_mark(struct store *s, uint64_t entry, const struct seal_turn_check *check)
{
    struct turn *t;
    int rc = turn_begin(s, &t);

    if (rc < 0)
        return rc;
    rc = mark_in(t, entry, check);
    if (rc < 0) {
        turn_abort(t);
        return rc;
    }
    return turn_checkpoint(t);
}

int seal_turn_mark_empty(struct store *s, uint64_t entry, const struct seal_turn_check *check)
{
    struct seal_look look;
    int rc = seal_turn_look(s, entry, &look);

    if (rc < 0)
        return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    return look.row.state == ENTRY_OPEN && look.bare ? seal_turn_mark(s, entry, check) : 0;
}
