/* Generations of new/: which one is current, and which wormhole each earlier one was named as
 * (inode.c tells why). Kept in the store, so that a number means the same after a restart; read
 * anew each time, so that an aborted turn leaves nothing behind. Stored as the secret of wormhole 0
 * (secrets.h), though it is none: that is the store's place for small things of the whole mount. */
#ifndef FS_FACE_PIN_H
#define FS_FACE_PIN_H

#include <stdint.h>
#include "fs/face/inode.h"
#include "store/turn.h"
#include "store/view.h"

/* What a generation is now. */
struct pin {
    uint64_t generation;
    uint64_t wormhole; /* 0: it is current, and floats */
    uint8_t renewals[SLOT_COUNT];
};

/* The current generation. 0, CORRUPT, NOMEM, IO. */
int pin_current(struct view *v, struct pin *out);
/* An earlier one or the current one. NOT_FOUND: it never was, or its wormhole was removed. */
int pin_get(struct view *v, uint64_t generation, struct pin *out);

/* The current generation is `wormhole` from now on, and the next one is current. Forgets what was
 * pinned to wormholes that are gone. 0, TOO_BIG (FACE_PINS_MAX), NOMEM, IO. */
int pin_set(struct turn *t, uint64_t wormhole);
/* The name `slot` in this generation was removed: it comes back under another number. */
int pin_renew(struct turn *t, uint64_t generation, enum slot slot);

#endif
