/* What the files of the projection share: one event being folded in. For projection*.c only. */
#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include "store/core.h"
#include "store/log.h"
#include "store/nodes.h"

struct fold {
    struct view *view; /* of the turn */
    const struct log_row *row;
    const json_t *detail;
};

typedef int fold_fn(const struct fold *f);

/* Each returns NULL if the type does not concern it. */
fold_fn *fold_wormhole(enum log_type type);
fold_fn *fold_entry(enum log_type type);
fold_fn *fold_inbox(enum log_type type);

static inline const char *fold_text(const struct fold *f, const char *key)
{
    const char *text = json_string_value(json_object_get(f->detail, key));
    return text ? text : "";
}
static inline int64_t fold_int(const struct fold *f, const char *key)
{
    return json_integer_value(json_object_get(f->detail, key));
}

/* A revision from the detail. False if there is none. */
bool fold_rev(const struct fold *f, uint8_t out[static REV_BYTES]);
int fold_kind(const struct fold *f, enum node_type *kind); /* 0 or INVALID */

/* Top-level links. `box` is the inode number of the box. */
int fold_link_add(const struct fold *f, uint64_t box, const struct name *name);
int fold_link_remove(const struct fold *f, uint64_t box, const struct name *name);
int fold_link_rename(const struct fold *f, uint64_t box, const struct name *name,
                     const struct name *to);
int fold_link_swap(const struct fold *f, uint64_t box, const struct name *a, uint64_t a_ino,
                   const struct name *b, uint64_t b_ino);

/* A box of the event's wormhole. 0 or NOT_FOUND. */
int fold_outbox(const struct fold *f, uint64_t *ino);
int fold_inbox_ino(const struct fold *f, uint64_t *ino);

/* Exactly one row changed? Else NOT_FOUND. `rc` is what sql_exec said. */
int fold_one(const struct fold *f, int rc);

#endif
