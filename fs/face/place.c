#include "fs/face/place.h"

#include <string.h>
#include "fs/face/errno_map.h"
#include "fs/face/pin.h"

static const enum place_kind slot_kinds[SLOT_COUNT] = {
    [SLOT_DIR] = PLACE_WORMHOLE, [SLOT_CODE] = PLACE_CODE,   [SLOT_OUTBOX] = PLACE_OUTBOX,
    [SLOT_INBOX] = PLACE_INBOX,  [SLOT_STATE] = PLACE_STATE,
};

static uint64_t slot_node(const struct wormhole *w, enum slot slot)
{
    switch (slot) {
    case SLOT_DIR:
        return w->id;
    case SLOT_CODE:
        return w->code_ino;
    case SLOT_OUTBOX:
        return w->outbox_ino;
    case SLOT_INBOX:
        return w->inbox_ino;
    case SLOT_STATE:
        return w->state_ino;
    case SLOT_COUNT:
        break;
    }
    return 0;
}

static int load_node(struct view *v, uint64_t node, struct place *out)
{
    int rc = node_get(v, node, &out->attr);
    out->node = rc == 0 ? node : 0;
    return rc == STORE_ERR_NOT_FOUND ? FACE_ERR_STALE : rc;
}

static enum place_kind kind_of_node(const struct node *n)
{
    switch (n->type) {
    case NODE_WORMHOLE:
        return PLACE_WORMHOLE;
    case NODE_OUTBOX:
        return PLACE_OUTBOX;
    case NODE_INBOX:
        return PLACE_INBOX;
    case NODE_CODE:
        return PLACE_CODE;
    case NODE_STATE:
        return PLACE_STATE;
    case NODE_FILE:
    case NODE_DIR:
    case NODE_SYMLINK:
        break;
    }
    return PLACE_NODE;
}

/* A staged node is not in the tree: whoever guesses its number sees nothing. */
static int of_node(struct view *v, const struct inode *i, struct place *out)
{
    int rc = load_node(v, i->node, out);
    if (rc < 0)
        return rc;
    if (out->attr.staged)
        return FACE_ERR_STALE;
    out->kind = kind_of_node(&out->attr);
    out->wormhole = out->attr.wormhole;
    out->through_new = i->kind == INODE_FACADE;
    return 0;
}

/* Fills in which wormhole the slot means and its node there. */
static int bind_slot(struct view *v, uint64_t wormhole, enum slot slot, struct place *out)
{
    struct wormhole w;
    int rc = wormhole_get(v, wormhole, &w);
    if (rc == 0)
        rc = load_node(v, slot_node(&w, slot), out);
    out->wormhole = rc == 0 ? wormhole : 0;
    return rc == STORE_ERR_NOT_FOUND ? FACE_ERR_STALE : rc;
}

static int of_pin(struct view *v, const struct pin *pin, enum slot slot, struct place *out)
{
    *out = (struct place){.kind = slot_kinds[slot],
                          .number = inode_slot(slot, pin->generation, pin->renewals[slot]),
                          .through_new = true,
                          .generation = pin->generation,
                          .floating = pin->wormhole == 0};
    uint64_t wormhole = pin->wormhole;
    if (out->floating) {
        int rc = wormhole_draft(v, &wormhole);
        if (rc < 0)
            return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    }
    return bind_slot(v, wormhole, slot, out);
}

static int of_slot(struct view *v, const struct inode *i, struct place *out)
{
    struct pin pin;
    int rc = pin_get(v, i->generation, &pin);
    if (rc == 0)
        rc = of_pin(v, &pin, i->slot, out);
    return rc == STORE_ERR_NOT_FOUND ? FACE_ERR_STALE : rc;
}

static struct place fixed(enum place_kind kind, uint64_t number)
{
    return (struct place){.kind = kind, .number = number};
}

int place_of(struct view *v, uint64_t number, struct place *out)
{
    struct inode i = inode_of(number);
    *out = (struct place){.number = number};
    switch (i.kind) {
    case INODE_NONE:
        return FACE_ERR_STALE;
    case INODE_ROOT:
        *out = fixed(PLACE_ROOT, number);
        return 0;
    case INODE_CONTROL:
        *out = fixed(PLACE_CONTROL, number);
        return 0;
    case INODE_EVENTS:
        *out = fixed(PLACE_EVENTS, number);
        return 0;
    case INODE_STATE_JSON:
        *out = fixed(PLACE_STATE_JSON, number);
        return 0;
    case INODE_VERSION:
        *out = fixed(PLACE_VERSION, number);
        return 0;
    case INODE_NODE:
    case INODE_FACADE:
        return of_node(v, &i, out);
    case INODE_SLOT:
        return of_slot(v, &i, out);
    }
    return FACE_ERR_STALE;
}

void place_of_node(const struct place *parent, const struct node *node, struct place *out)
{
    *out = (struct place){
        .kind = kind_of_node(node),
        .number = inode_shown(node->ino, node->type != NODE_FILE && node->type != NODE_SYMLINK,
                              parent->through_new),
        .through_new = parent->through_new,
        .wormhole = node->wormhole,
        .node = node->ino,
        .attr = *node};
}

int place_new(struct view *v, struct place *out)
{
    struct pin pin;
    int rc = pin_current(v, &pin);
    return rc < 0 ? rc : of_pin(v, &pin, SLOT_DIR, out);
}

bool place_root_name_ok(const char *name)
{
    return name[0] != '.' && strcmp(name, PLACE_NEW_NAME) != 0;
}

static int child_of_root(struct view *v, const struct place *root, const char *name,
                         struct place *out)
{
    if (strcmp(name, PLACE_NEW_NAME) == 0)
        return place_new(v, out);
    if (strcmp(name, PLACE_CONTROL_NAME) == 0)
        return place_of(v, INODE_NUMBER_CONTROL, out);
    if (!place_root_name_ok(name))
        return STORE_ERR_NOT_FOUND;
    uint64_t id, draft;
    struct node node;
    int rc = wormhole_find(v, name, strlen(name), &id);
    if (rc == 0)
        rc = node_get(v, id, &node);
    if (rc < 0)
        return rc;
    place_of_node(root, &node, out);
    out->draft = wormhole_draft(v, &draft) == 0 && draft == id;
    return 0;
}

static int child_of_control(struct view *v, const char *name, struct place *out)
{
    static const struct {
        const char *name;
        uint64_t number;
    } files[] = {{"events", INODE_NUMBER_EVENTS},
                 {"state.json", INODE_NUMBER_STATE_JSON},
                 {"version", INODE_NUMBER_VERSION}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(name, files[i].name) == 0)
            return place_of(v, files[i].number, out);
    return STORE_ERR_NOT_FOUND;
}

int place_in_wormhole(struct view *v, const struct place *dir, enum slot slot, struct place *out)
{
    if (slot == SLOT_COUNT || slot == SLOT_DIR)
        return STORE_ERR_NOT_FOUND;
    if (dir->generation != 0) {
        struct pin pin;
        int rc = pin_get(v, dir->generation, &pin);
        return rc < 0 ? rc : of_pin(v, &pin, slot, out);
    }
    *out = (struct place){.kind = slot_kinds[slot]};
    int rc = bind_slot(v, dir->wormhole, slot, out);
    out->number = out->node;
    return rc;
}

static int child_of_node(struct view *v, const struct place *parent, const char *name,
                         struct place *out)
{
    struct node node;
    if (parent->node == 0)
        return STORE_ERR_NOT_FOUND;
    int rc = node_lookup_get(v, parent->node, name, strlen(name), &node);
    if (rc == 0)
        place_of_node(parent, &node, out);
    return rc;
}

int place_child(struct view *v, const struct place *parent, const char *name, struct place *out)
{
    if (strlen(name) > NAME_BYTES_MAX)
        return STORE_ERR_NAME_TOO_LONG;
    switch (parent->kind) {
    case PLACE_ROOT:
        return child_of_root(v, parent, name, out);
    case PLACE_CONTROL:
        return child_of_control(v, name, out);
    case PLACE_WORMHOLE:
        return place_in_wormhole(v, parent, slot_named(name), out);
    case PLACE_OUTBOX:
    case PLACE_INBOX:
    case PLACE_NODE:
        return child_of_node(v, parent, name, out);
    case PLACE_EVENTS:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
    case PLACE_CODE:
    case PLACE_STATE:
        break;
    }
    return STORE_ERR_NOT_DIR;
}

int place_settle(struct view *v, struct place *box, uint64_t id)
{
    return bind_slot(v, id, box->kind == PLACE_OUTBOX ? SLOT_OUTBOX : SLOT_INBOX, box);
}

bool place_is_dir(const struct place *p)
{
    switch (p->kind) {
    case PLACE_ROOT:
    case PLACE_CONTROL:
    case PLACE_WORMHOLE:
    case PLACE_OUTBOX:
    case PLACE_INBOX:
        return true;
    case PLACE_NODE:
        return p->attr.type == NODE_DIR;
    case PLACE_EVENTS:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
    case PLACE_CODE:
    case PLACE_STATE:
        break;
    }
    return false;
}

bool place_is_box(const struct place *p)
{
    return p->kind == PLACE_OUTBOX || p->kind == PLACE_INBOX;
}

bool place_is_content(const struct place *p)
{
    return p->kind == PLACE_NODE;
}
