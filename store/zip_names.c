#include "store/zip_names.h"

#include <string.h>
#include "store/limits.h"

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "a hash is a key of the map");

int zip_names_init(struct zip_names *names)
{
    *names = (struct zip_names){0};
    crypto_shorthash_keygen(names->key);
    return inomap_init(&names->map);
}

void zip_names_release(struct zip_names *names)
{
    inomap_release(&names->map);
}

/* No inode has such a number. Nobody who does not know the key finds two names of one hash. */
static uint64_t hash(const struct zip_names *names, uint64_t dir, const struct name *raw)
{
    uint8_t in[sizeof dir + NAME_BYTES_MAX];
    uint64_t out;
    memcpy(in, &dir, sizeof dir);
    memcpy(in + sizeof dir, raw->text, raw->len);
    crypto_shorthash((uint8_t *)&out, in, sizeof dir + raw->len, names->key);
    return out | UINT64_C(1) << 63;
}

static bool are_same(const struct name *a, const struct name *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool is_safe(const struct name *raw)
{
    struct name safe;
    name_make_safe(&safe, raw->text, raw->len, false);
    return are_same(&safe, raw);
}

int zip_names_get(const struct zip_names *names, struct view *v, uint64_t dir,
                  const struct name *raw, struct node *n)
{
    const struct inomap_cell *cell = inomap_find(&names->map, hash(names, dir, raw));
    if (cell)
        return node_get(v, cell->value, n);
    if (!is_safe(raw))
        return STORE_ERR_NOT_FOUND;
    int rc = node_lookup_get(v, dir, raw->text, raw->len, n);
    if (rc == 0 && inomap_find(&names->map, n->ino))
        return STORE_ERR_NOT_FOUND; /* the archive calls that one otherwise */
    return rc;
}

static int remember(struct zip_names *names, uint64_t dir, const struct name *raw, uint64_t ino)
{
    if (++names->count > ZIP_RENAMED_MAX)
        return STORE_ERR_HOSTILE;
    if (!inomap_put(&names->map, ino))
        return STORE_ERR_NOMEM;
    struct inomap_cell *cell = inomap_put(&names->map, hash(names, dir, raw));
    if (!cell)
        return STORE_ERR_NOMEM;
    cell->value = ino;
    return 0;
}

static int make_another(struct zip_names *names, struct turn *t, uint64_t dir,
                        const struct name *raw, const struct node_new *what, uint64_t *ino)
{
    struct name safe, got;
    struct node n;
    int rc = zip_names_get(names, turn_view(t), dir, raw, &n);
    if (rc != STORE_ERR_NOT_FOUND)
        return rc ? rc : STORE_ERR_EXISTS;
    name_make_safe(&safe, raw->text, raw->len, false);
    rc = name_find_free(turn_view(t), dir, &safe, what->type == NODE_DIR, &got);
    if (rc == 0)
        rc = name_create(t, dir, got.text, got.len, what, ino);
    return rc || are_same(&got, raw) ? rc : remember(names, dir, raw, *ino);
}

int zip_names_make(struct zip_names *names, struct turn *t, uint64_t dir, const struct name *raw,
                   const struct node_new *what, uint64_t *ino)
{
    if (names->count == 0 && is_safe(raw))
        return name_create(t, dir, raw->text, raw->len, what, ino);
    return make_another(names, t, dir, raw, what, ino);
}
