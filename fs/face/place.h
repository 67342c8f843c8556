/* Places: what an inode number or a name of the mount means just now. Everything that an
 * operation asks about its arguments before it acts. No FUSE. */
#ifndef FS_FACE_PLACE_H
#define FS_FACE_PLACE_H

#include "fs/face/inode.h"
#include "store/nodes.h"
#include "store/wormholes.h"

enum place_kind {
    PLACE_ROOT,
    PLACE_CONTROL, /* .wormholefs */
    PLACE_EVENTS,
    PLACE_STATE_JSON,
    PLACE_VERSION,
    PLACE_WORMHOLE, /* a wormhole's directory, new/ included */
    PLACE_CODE,
    PLACE_STATE,
    PLACE_OUTBOX,
    PLACE_INBOX,
    PLACE_NODE, /* anything in a box or deeper */
};

struct place {
    enum place_kind kind;
    uint64_t number;     /* as the kernel knows it, and as st_ino shows it */
    bool through_new;    /* what is below must get façade numbers, too */
    uint64_t generation; /* of new/, if this is new/ or directly in it; else 0 */
    bool draft;          /* new/'s wormhole under its own name, which `mv new NAME` makes free */
    bool floating;       /* that generation is current: the draft rule decides what it means */
    uint64_t wormhole; /* 0: of the whole mount; new/ without a draft; PLACE_NODE (see place_box) */
    uint64_t node;     /* the store's number; 0: there is none */
    struct node attr;  /* when node != 0 */
};

/* FACE_ERR_STALE if the number means nothing (any more). Else 0, NOMEM, IO, CORRUPT. */
int place_of(struct view *v, uint64_t number, struct place *out);

/* The place `name` in directory `parent`. NOT_FOUND, NOT_DIR, NAME_TOO_LONG. */
int place_child(struct view *v, const struct place *parent, const char *name, struct place *out);

/* The place of node `node` as it is seen in directory `parent` (for a listing, or just created). */
void place_of_node(const struct place *parent, const struct node *node, struct place *out);

/* The place of one of the four names in a wormhole's directory. NOT_FOUND for SLOT_DIR. */
int place_in_wormhole(struct view *v, const struct place *dir, enum slot slot, struct place *out);

/* new/ itself. */
int place_new(struct view *v, struct place *out);

/* The same place in wormhole `id`: for a floating outbox once the draft rule has chosen. */
int place_settle(struct view *v, struct place *box, uint64_t id);

bool place_is_dir(const struct place *p);
bool place_is_box(const struct place *p);
/* Is it a file, directory or symlink of a user: in a box or deeper? */
bool place_is_content(const struct place *p);

/* May a wormhole have this name? Not with a leading dot, and not "new". */
bool place_root_name_ok(const char *name);

#define PLACE_NEW_NAME "new"
#define PLACE_CONTROL_NAME ".wormholefs"

#endif
