#include "fs/face/listing.h"

#include <sodium.h>
#include <string.h>

/* Cookies: 1 and 2 are "." and "..", then come the fixed names, then FIRST_COOKIE plus what the
 * store says. */
enum { COOKIE_DOT = 1, COOKIE_DOTDOT = 2, COOKIE_NEW = 3, COOKIE_CONTROL = 4, FIRST_COOKIE = 16 };

static bool full(const struct listing *l)
{
    return l->count == LISTING_BATCH;
}

static void add(struct listing *l, uint64_t cookie, const char *name, size_t len,
                const struct place *place)
{
    struct listing_item *item = &l->items[l->count++];
    item->cookie = cookie;
    memcpy(item->name.text, name, len);
    item->name.text[len] = '\0';
    item->name.len = (uint16_t)len;
    item->place = *place;
}

/* Names that exist by contract: nothing to find is a failure of ours. */
static int add_child(struct view *v, struct listing *l, const struct place *dir, uint64_t cookie,
                     const char *name)
{
    struct place child;
    int rc = place_child(v, dir, name, &child);
    if (rc == 0)
        add(l, cookie, name, strlen(name), &child);
    return rc;
}

static int add_wormhole(struct view *v, struct listing *l, const struct place *dir,
                        const struct wormhole *w)
{
    struct node node;
    struct place place;
    struct name name;
    if (w->state == WORMHOLE_CLOSING)
        return 0;
    int rc = node_get(v, w->id, &node);
    if (rc == 0)
        rc = wormhole_name(v, w->id, &name);
    if (rc != 0)
        return rc;
    place_of_node(dir, &node, &place);
    place.draft = w->draft;
    add(l, FIRST_COOKIE + w->id, name.text, name.len, &place);
    sodium_memzero(&name, sizeof name);
    return 0;
}

struct walk {
    struct view *view;
    const struct place *dir;
    struct listing *out;
};

static int each_wormhole(void *arg, const struct wormhole *w)
{
    struct walk *walk = arg;
    return full(walk->out) ? 1 : add_wormhole(walk->view, walk->out, walk->dir, w);
}

static uint64_t store_cookie(uint64_t cookie)
{
    return cookie > FIRST_COOKIE ? cookie - FIRST_COOKIE : 0;
}

static int list_root(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out)
{
    struct walk walk = {.view = v, .dir = dir, .out = out};
    int rc = 0;
    if (cookie < COOKIE_NEW)
        rc = add_child(v, out, dir, COOKIE_NEW, PLACE_NEW_NAME);
    if (rc == 0 && cookie < COOKIE_CONTROL)
        rc = add_child(v, out, dir, COOKIE_CONTROL, PLACE_CONTROL_NAME);
    return rc < 0 ? rc : wormhole_each(v, store_cookie(cookie), each_wormhole, &walk);
}

static int list_fixed(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out,
                      const char *const *names, size_t count)
{
    uint64_t from = cookie > COOKIE_DOTDOT ? cookie - COOKIE_DOTDOT : 0;
    int rc = 0;
    for (uint64_t i = from; rc == 0 && i < count; i++)
        rc = add_child(v, out, dir, COOKIE_DOTDOT + i + 1, names[i]);
    return rc;
}

static int each_item(void *arg, const struct node_item *item)
{
    struct walk *walk = arg;
    struct node node;
    struct place place;
    if (full(walk->out))
        return 1;
    int rc = node_get(walk->view, item->ino, &node);
    if (rc < 0)
        return rc;
    place_of_node(walk->dir, &node, &place);
    add(walk->out, FIRST_COOKIE + item->cookie, item->name, item->name_len, &place);
    return 0;
}

static int list_nodes(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out)
{
    struct walk walk = {.view = v, .dir = dir, .out = out};
    return dir->node == 0 ? 0 : node_list(v, dir->node, store_cookie(cookie), each_item, &walk);
}

static int list_names(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out)
{
    static const char *const in_wormhole[] = {"code", "outbox", "inbox", "state"};
    static const char *const in_control[] = {"events", "state.json", "version"};
    switch (dir->kind) {
    case PLACE_ROOT:
        return list_root(v, dir, cookie, out);
    case PLACE_CONTROL:
        return list_fixed(v, dir, cookie, out, in_control, 3);
    case PLACE_WORMHOLE:
        return list_fixed(v, dir, cookie, out, in_wormhole, 4);
    case PLACE_OUTBOX:
    case PLACE_INBOX:
    case PLACE_NODE:
        return list_nodes(v, dir, cookie, out);
    case PLACE_EVENTS:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
    case PLACE_CODE:
    case PLACE_STATE:
        break;
    }
    return STORE_ERR_NOT_DIR;
}

int listing_read(struct view *v, const struct place *dir, uint64_t cookie, struct listing *out)
{
    out->count = 0;
    /* The kernel knows the parent itself: only the type and some number are looked at. */
    if (cookie < COOKIE_DOT)
        add(out, COOKIE_DOT, ".", 1, dir);
    if (cookie < COOKIE_DOTDOT)
        add(out, COOKIE_DOTDOT, "..", 2, dir);
    int rc = list_names(v, dir, cookie, out);
    return rc < 0 ? rc : 0;
}
