/* Moving on to the next generation (PROTOCOL.md §6): the leader's proposal and the follower's
 * answer, both contents of numbered messages.
 *
 *     rotate  (1):  u8(kind) ‖ u64(next generation) ‖ the leader's public key[32]
 *     rotated (2):  u8(kind) ‖ u64(next generation) ‖ the follower's public key[32]
 */
#ifndef PROTO_ROTATION_H
#define PROTO_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "now.h"
#include "ratchet.h"

/* No generation has a higher number; so none is mistaken for MAILBOX_OF_CODE, and sums are safe. */
#define GENERATION_MAX (UINT64_MAX / 4)

/* The leader's proposal that waits for its answer. Secret, durable. A zeroed struct is none. */
struct rotation {
    bool proposed;
    uint64_t next;
    struct ratchet_pair pair;
};

/* The leader proposes generation `next`: appends the content of `rotate`. PROTO_ERR_NOMEM. */
int rotation_propose(struct rotation *r, uint64_t next, struct now *now, struct bytes *content);
/* The follower answers a `rotate`: `key` is the content key of *next, `rotated` its answer. `used`
 * is the highest generation that was begun here. PROTO_ERR_MALFORMED; PROTO_ERR_STATE if it is not
 * above `used` (an old proposal: ignore it); PROTO_ERR_CRYPTO; PROTO_ERR_NOMEM. */
int rotation_answer(const void *content, size_t len, const uint8_t old[static RATCHET_KEY_BYTES],
                    uint64_t used, struct now *now, uint64_t *next,
                    uint8_t key[static RATCHET_KEY_BYTES], struct bytes *rotated);
/* The leader takes the answer: `key` is the content key of *next, and the proposal is over.
 * PROTO_ERR_STATE if it answers no proposal that is open; PROTO_ERR_MALFORMED; PROTO_ERR_CRYPTO if
 * its key is none: then the proposal is over, too. */
int rotation_finish(struct rotation *r, const void *content, size_t len,
                    const uint8_t old[static RATCHET_KEY_BYTES], uint64_t *next,
                    uint8_t key[static RATCHET_KEY_BYTES]);
void rotation_clear(struct rotation *r); /* wipes */

int rotation_save(const struct rotation *r, struct bytes *out);
int rotation_load(struct rotation *r, struct reader *in); /* PROTO_ERR_MALFORMED */

#endif
