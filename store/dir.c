#include "store/dir.h"

#include "store/log.h"
#include "store/node_row.h"
#include "store/wormholes.h"

static int get_box(struct dir *d)
{
    d->top = true;
    d->side = d->node.type == NODE_OUTBOX ? DIR_OUT : DIR_IN;
    d->wormhole = d->node.wormhole;
    return d->node.nlink ? 0 : STORE_ERR_NOT_FOUND; /* renewed, or its wormhole was removed */
}

static int get_deeper(struct turn *t, struct dir *d)
{
    struct wormhole_place place;
    int rc = wormhole_of(turn_view(t), d->node.ino, &place);
    if (rc)
        return rc;
    d->entry = place.entry;
    d->wormhole = place.wormhole;
    d->side = place.box == NODE_OUTBOX ? DIR_OUT : place.box == NODE_INBOX ? DIR_IN : DIR_STAGED;
    return d->node.nlink ? 0 : STORE_ERR_NOT_FOUND;
}

int dir_get(struct turn *t, uint64_t ino, struct dir *out)
{
    *out = (struct dir){0};
    int rc = node_get(turn_view(t), ino, &out->node);
    if (rc)
        return rc;
    switch (out->node.type) {
    case NODE_OUTBOX:
    case NODE_INBOX:
        return get_box(out);
    case NODE_DIR:
        return get_deeper(t, out);
    case NODE_WORMHOLE:
        return STORE_ERR_PERM;
    case NODE_FILE:
    case NODE_SYMLINK:
    case NODE_CODE:
    case NODE_STATE:
        return STORE_ERR_NOT_DIR;
    }
    return STORE_ERR_CORRUPT;
}

int dir_unseal(struct turn *t, const struct dir *d)
{
    return d->top ? 0 : freeze_break(t, d->entry);
}

const char *dir_kind_text(enum node_type type)
{
    return type == NODE_DIR ? "dir" : type == NODE_SYMLINK ? "symlink" : "file";
}

static int append(struct turn *t, const struct dir *d, const struct node *node, enum log_type type,
                  const struct name *name, json_t *detail)
{
    int rc = detail ? log_put_name(detail, "name", name) : STORE_ERR_NOMEM;
    if (rc) {
        json_decref(detail);
        return rc;
    }
    return log_append(t, &(struct log_event){type, d->wormhole, node->ino, detail}, NULL);
}

int dir_add(struct turn *t, const struct dir *d, const struct name *name, const struct node *node,
            const char *cause)
{
    if (!d->top)
        return link_add(t, d->node.ino, name, node->ino);
    enum log_type type = d->side == DIR_OUT ? LOG_ENTRY_CREATED : LOG_INBOX_CREATED;
    return append(t, d, node, type, name,
                  json_pack("{s:s, s:s*}", "kind", dir_kind_text(node->type), "cause", cause));
}

int dir_remove(struct turn *t, const struct dir *d, const struct name *name,
               const struct node *node, const char *cause)
{
    if (!d->top)
        return link_remove(t, d->node.ino, name);
    enum log_type type = d->side == DIR_OUT ? LOG_ENTRY_REMOVED : LOG_INBOX_REMOVED;
    return append(t, d, node, type, name, json_pack("{s:s}", "cause", cause));
}
