#include "store/zip_list.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "store/blob.h"

enum { LINKS_FOLLOWED_MAX = 40 };

void zip_list_release(struct zip_list *l)
{
    free(l->members);
    free(l->paths);
    *l = (struct zip_list){0};
}

void zip_list_name(char *out, const char *name, size_t len)
{
    json_t *text = json_stringn(name, len); /* NULL unless it is UTF-8 */
    if (text)
        memcpy(out, name, len);
    if (text)
        out[len] = '\0';
    else
        name_show(out, name, len);
    json_decref(text);
}

/* ---- growing ---- */

static int reserve_path(struct zip_list *l, size_t more)
{
    if (l->paths_len + more <= l->paths_cap)
        return 0;
    size_t cap = 2 * (l->paths_len + more);
    char *paths = realloc(l->paths, cap);
    if (!paths)
        return STORE_ERR_NOMEM;
    l->paths = paths;
    l->paths_cap = cap;
    return 0;
}

static int reserve_member(struct zip_list *l)
{
    if (l->count == ZIP_MEMBERS_MAX)
        return STORE_ERR_TOO_BIG;
    if (l->count < l->cap)
        return 0;
    size_t cap = l->cap ? 2 * l->cap : 64;
    struct zip_member *members = realloc(l->members, cap * sizeof *members);
    if (!members)
        return STORE_ERR_NOMEM;
    l->members = members;
    l->cap = cap;
    return 0;
}

/* Appends one component to the path that is being built at paths_len, from *at. */
static int put_component(struct zip_list *l, size_t *at, const char *name, size_t len)
{
    char shown[NAME_SHOWN_MAX + 1];
    zip_list_name(shown, name, len < NAME_BYTES_MAX ? len : NAME_BYTES_MAX);
    size_t shown_len = strlen(shown);
    int rc = reserve_path(l, *at - l->paths_len + shown_len + 3);
    if (rc)
        return rc;
    if (*at > l->paths_len)
        l->paths[(*at)++] = '/';
    memcpy(l->paths + *at, shown, shown_len);
    *at += shown_len;
    return 0;
}

static int put_path(struct zip_list *l, const char *prefix, const char *path, size_t len,
                    bool is_dir)
{
    size_t at = l->paths_len;
    int rc = prefix[0] ? put_component(l, &at, prefix, strlen(prefix)) : 0;
    while (rc == 0 && len > 0) {
        const char *slash = memchr(path, '/', len);
        size_t part = slash ? (size_t)(slash - path) : len;
        rc = put_component(l, &at, path, part);
        path += slash ? part + 1 : part;
        len -= slash ? part + 1 : part;
    }
    if (rc)
        return rc;
    if (is_dir)
        l->paths[at++] = '/';
    l->paths[at++] = '\0';
    l->paths_len = at;
    return 0;
}

/* ---- following links, as stock clients do ---- */

struct walker {
    struct zip_list *list;
    struct view *view;
    uint64_t top;
    const char *prefix;
};

/* One component of a link's target, from directory *dir. */
static int follow_one(struct walker *w, uint64_t *dir, const char *name, size_t len,
                      struct node *out)
{
    struct node here;
    if (len == 0 || (len == 1 && name[0] == '.'))
        return node_get(w->view, *dir, out);
    if (len != 2 || memcmp(name, "..", 2) != 0)
        return node_lookup_get(w->view, *dir, name, len, out);
    if (*dir == w->top)
        return STORE_ERR_NOT_FOUND; /* leaves the tree */
    int rc = node_get(w->view, *dir, &here);
    return rc ? rc : node_get(w->view, here.parent, out);
}

/* What a link in directory `dir` means. NOT_FOUND if it dangles, leaves the tree or is too winding.
 */
static int follow(struct walker *w, uint64_t dir, const struct node *link, struct node *out)
{
    char target[2 * SYMLINK_BYTES_MAX + 2], more[SYMLINK_BYTES_MAX + 1];
    int links = 0;
    ssize_t len = node_target(w->view, link->ino, target, SYMLINK_BYTES_MAX + 1);
    if (len < 0)
        return (int)len;
    *out = *link;
    for (char *at = target; *at;) {
        if (at == target && *at == '/')
            return STORE_ERR_NOT_FOUND;
        size_t part = strcspn(at, "/");
        int rc = follow_one(w, &dir, at, part, out);
        if (rc)
            return rc;
        at += part + (at[part] == '/');
        if (out->type == NODE_DIR) {
            dir = out->ino;
            continue;
        }
        if (out->type == NODE_FILE)
            return *at ? STORE_ERR_NOT_FOUND : 0;
        /* Another link: what it says comes in front of what is left. */
        len = node_target(w->view, out->ino, more, sizeof more);
        if (len < 0 || ++links > LINKS_FOLLOWED_MAX)
            return STORE_ERR_NOT_FOUND;
        size_t rest = strlen(at);
        if ((size_t)len + 1 + rest >= sizeof target)
            return STORE_ERR_NOT_FOUND;
        memmove(target + len + 1, at, rest + 1);
        memcpy(target, more, (size_t)len);
        target[len] = rest ? '/' : '\0';
        at = target;
    }
    return out->type == NODE_FILE ? 0 : STORE_ERR_NOT_FOUND;
}

/* The directory in which the node at `path` (relative to the top) lies. */
static int directory_of(struct walker *w, const char *path, size_t len, uint64_t *dir)
{
    *dir = w->top;
    for (;;) {
        const char *slash = memchr(path, '/', len);
        if (!slash)
            return 0;
        size_t part = (size_t)(slash - path);
        int rc = node_lookup(w->view, *dir, path, part, dir);
        if (rc)
            return rc;
        path += part + 1;
        len -= part + 1;
    }
}

/* ---- collecting ---- */

static int add_member(struct walker *w, const struct node *n, const char *path, size_t len)
{
    struct zip_list *l = w->list;
    bool is_dir = n->type == NODE_DIR;
    int rc = reserve_member(l);
    size_t at = l->paths_len;
    if (rc == 0)
        rc = put_path(l, w->prefix, path, len, is_dir);
    if (rc)
        return rc;
    l->members[l->count++] = (struct zip_member){.path = at,
                                                 .ino = is_dir ? 0 : n->ino,
                                                 .size = is_dir ? 0 : n->size,
                                                 .mode = n->mode,
                                                 .mtime_ns = n->mtime_ns};
    return 0;
}

static int collect(void *arg, const struct node *n, const char *path, size_t len)
{
    struct walker *w = arg;
    struct node meant = *n;
    uint64_t dir;
    int rc = 0;
    if (n->type == NODE_DIR) {
        rc = len || w->prefix[0] ? node_empty(w->view, n->ino) : STORE_ERR_NOT_EMPTY;
        if (rc)
            return rc == STORE_ERR_NOT_EMPTY ? 0 : rc;
    } else if (n->type == NODE_SYMLINK) {
        if (len == 0)
            return 0; /* a link at the top leaves its tree by nature */
        rc = directory_of(w, path, len, &dir);
        if (rc == 0)
            rc = follow(w, dir, n, &meant);
        if (rc)
            return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    }
    return add_member(w, &meant, path, len);
}

int zip_list_add(struct zip_list *l, struct view *v, uint64_t top, const char *prefix)
{
    struct walker w = {.list = l, .view = v, .top = top, .prefix = prefix};
    return node_walk(v, top, collect, &w);
}
