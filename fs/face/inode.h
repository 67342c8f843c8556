/* Inode numbers of the mount: which kind a number is, and what can be computed from it alone. Pure.
 *
 * A number says what it names, so nothing needs a table of looked-up inodes, forget counts can be
 * ignored, and a number that the kernel kept over a restart still means the same. inode.c opens
 * with the whole story. */
#ifndef FS_FACE_INODE_H
#define FS_FACE_INODE_H

#include <stdbool.h>
#include <stdint.h>

enum inode_kind {
    INODE_NONE, /* no number of ours */
    INODE_ROOT,
    INODE_CONTROL, /* .wormholefs */
    INODE_EVENTS,
    INODE_STATE_JSON,
    INODE_VERSION,
    INODE_NODE,   /* a node of the store under its own number, `node` */
    INODE_SLOT,   /* new/, or one of the four names in it, of one generation */
    INODE_FACADE, /* the directory `node` of the store, reached through new/ */
};

/* Fixed numbers, all below the store's first (INO_FIRST). 1 is FUSE's root. */
enum {
    INODE_NUMBER_ROOT = 1,
    INODE_NUMBER_CONTROL = 2,
    INODE_NUMBER_EVENTS = 3,
    INODE_NUMBER_STATE_JSON = 4,
    INODE_NUMBER_VERSION = 5,
};

/* What a wormhole's directory holds; SLOT_DIR is the directory itself. */
enum slot { SLOT_DIR, SLOT_CODE, SLOT_OUTBOX, SLOT_INBOX, SLOT_STATE, SLOT_COUNT };

struct inode {
    enum inode_kind kind;
    uint64_t node;       /* NODE, FACADE: the store's number */
    enum slot slot;      /* SLOT */
    uint64_t generation; /* SLOT: of new/, from 1 up */
    uint8_t renewal;     /* SLOT: how often this name was removed and came back, modulo 256 */
};

#define INODE_GENERATION_LAST (((uint64_t)1 << 48) - 1)

/* Takes a number apart. Any number is fine; what is not ours is INODE_NONE. */
struct inode inode_of(uint64_t number);

/* The number of a directory of the store as it is seen through new/. */
uint64_t inode_facade(uint64_t node);
/* The number of new/ or of a name in it. */
uint64_t inode_slot(enum slot slot, uint64_t generation, uint8_t renewal);
/* The number to show for a node of the store: façade numbers for directories seen through new/. */
uint64_t inode_shown(uint64_t node, bool directory, bool through_new);

/* The name of a slot in its wormhole's directory ("" for SLOT_DIR), and back. */
const char *slot_name(enum slot slot);
/* SLOT_COUNT if there is none of this name. */
enum slot slot_named(const char *name);

#endif
