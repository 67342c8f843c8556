/* The kinds of inode number
 *
 * The kernel knows a file by its number (FUSE's nodeid, which we also show as st_ino). It keeps one
 * inode, one page cache and, for a directory, exactly one place in its tree for each number. Four
 * kinds follow from that.
 *
 *   fixed     1..5         the root and the control files of the whole mount
 *   node      1024..2^48-1 a node of the store, never used twice, the same for ever
 *   slot      bits 62, 61  new/ and what it shows: its directory, code, outbox, inbox, state
 *   façade    bit 62       a directory of the store that was reached through new/
 *
 * Why façades. The draft is at two places at once: ~/wh/new/outbox/tree is ~/wh/1/outbox/tree. A
 * file may have two names, so files and symlinks have their node number in both places and share
 * their cached pages. A directory may not: under one number the kernel would move it to and fro
 * between its two parents, and whoever stands in it would get ESTALE. So each directory has a
 * second number for its second name, and what one name changes has to be made known at the other
 * (notify.h). A façade number is computed from the node's, so it is as stable, and it stays valid
 * when new/ goes on to another draft, as it names one real directory.
 *
 * Why slots. new/ is there before its wormhole is, and its draft changes while somebody stands in
 * it. A slot number therefore names a role, "the outbox of new/", and which wormhole that
 * is, is looked up at each use. It has a generation: `mv new alice` pins the generation of that
 * moment to alice for ever (the store keeps this), and new/ goes on under the next one with numbers
 * that the kernel never saw. Until then the generation floats: it is whatever the draft is now. So
 * an old handle or a working directory in what was new/ means alice, as it should, and no later
 * recipient.
 *
 * Why renewals. After `rmdir new/outbox`, which succeeds and changes nothing, the kernel holds that
 * number for dead and refuses everything below it. The name comes back with the next renewal in its
 * number. A slot of a wormhole under its own name is an ordinary node, and the store gives it a new
 * one.
 *
 *   bit  63   62   61   60..56   55..8        7..0 (slots: renewal)
 *        0    1    0    0        node (47..0)              façade
 *        0    1    1    slot     generation   renewal      slot
 *
 * Bit 63 stays clear: some programs read numbers as signed. */
#include "fs/face/inode.h"

#include <string.h>
#include "store/limits.h"

#define FACADE_BIT ((uint64_t)1 << 62)
#define SLOT_BIT ((uint64_t)1 << 61)

enum { SLOT_SHIFT = 56, SLOT_MASK = 0x1f, GENERATION_SHIFT = 8 };

static struct inode of_slot(uint64_t number)
{
    uint64_t slot = number >> SLOT_SHIFT & SLOT_MASK;
    uint64_t generation = number >> GENERATION_SHIFT & INODE_GENERATION_LAST;
    struct inode out = {.kind = INODE_NONE};
    if (slot < SLOT_COUNT && generation > 0)
        out = (struct inode){.kind = INODE_SLOT,
                             .slot = (enum slot)slot,
                             .generation = generation,
                             .renewal = (uint8_t)(number & 0xff)};
    return out;
}

static bool node_fits(uint64_t node)
{
    return node >= INO_FIRST && node <= INO_LAST;
}

static enum inode_kind fixed_kind(uint64_t number)
{
    static const enum inode_kind kinds[] = {
        [INODE_NUMBER_ROOT] = INODE_ROOT,       [INODE_NUMBER_CONTROL] = INODE_CONTROL,
        [INODE_NUMBER_EVENTS] = INODE_EVENTS,   [INODE_NUMBER_STATE_JSON] = INODE_STATE_JSON,
        [INODE_NUMBER_VERSION] = INODE_VERSION,
    };
    return number < sizeof kinds / sizeof kinds[0] ? kinds[number] : INODE_NONE;
}

struct inode inode_of(uint64_t number)
{
    if (node_fits(number))
        return (struct inode){.kind = INODE_NODE, .node = number};
    if (number >> 63)
        return (struct inode){.kind = INODE_NONE};
    if (number & FACADE_BIT && number & SLOT_BIT)
        return of_slot(number);
    if (number & FACADE_BIT && node_fits(number & ~FACADE_BIT))
        return (struct inode){.kind = INODE_FACADE, .node = number & ~FACADE_BIT};
    return (struct inode){.kind = fixed_kind(number)};
}

uint64_t inode_facade(uint64_t node)
{
    return FACADE_BIT | node;
}

uint64_t inode_slot(enum slot slot, uint64_t generation, uint8_t renewal)
{
    return FACADE_BIT | SLOT_BIT | (uint64_t)slot << SLOT_SHIFT |
           (generation & INODE_GENERATION_LAST) << GENERATION_SHIFT | renewal;
}

uint64_t inode_shown(uint64_t node, bool directory, bool through_new)
{
    return directory && through_new ? inode_facade(node) : node;
}

static const char *const slot_names[SLOT_COUNT] = {
    [SLOT_DIR] = "",        [SLOT_CODE] = "code",   [SLOT_OUTBOX] = "outbox",
    [SLOT_INBOX] = "inbox", [SLOT_STATE] = "state",
};

const char *slot_name(enum slot slot)
{
    return slot_names[slot];
}

enum slot slot_named(const char *name)
{
    for (int i = SLOT_CODE; i < SLOT_COUNT; i++)
        if (strcmp(name, slot_names[i]) == 0)
            return (enum slot)i;
    return SLOT_COUNT;
}
