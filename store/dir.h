/* Where in the tree a directory is, which decides what may happen to names in it and how that is
 * recorded. For namespace.c, rename.c and publish.c. */
#ifndef STORE_DIR_H
#define STORE_DIR_H

#include "store/namespace.h"

enum dir_side { DIR_OUT, DIR_IN, DIR_STAGED };

struct dir {
    struct node node;
    enum dir_side side;
    bool top;          /* it is a box: its names are events */
    uint64_t wormhole; /* 0 when staged */
    uint64_t entry;    /* to which what is below belongs; 0 if top */
};

/* 0, NOT_FOUND (gone), PERM (a wormhole's own directory), NOT_DIR. */
int dir_get(struct turn *t, uint64_t ino, struct dir *out);

/* Before a change of names in `d`: unseals its entry. Nothing to do for a box. */
int dir_unseal(struct turn *t, const struct dir *d);

/* Gives `node` a name in `d`, or takes the name away: an event at top level, else a link. The
 * node's own row and the times of the directory are the caller's. */
int dir_add(struct turn *t, const struct dir *d, const struct name *name, const struct node *node,
            const char *cause);
int dir_remove(struct turn *t, const struct dir *d, const struct name *name,
               const struct node *node, const char *cause);

/* How log.h writes the kind of a node. */
const char *dir_kind_text(enum node_type type);

#endif
