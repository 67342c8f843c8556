/* A sealed revision as the byte string that travels (PROTOCOL.md §9): u32 manifest length,
 * manifest, file data. The same bytes every time, from any offset.
 *
 * A listed parcel keeps its manifest in a staged file: u32 length ‖ manifest ‖ one u64 inode number
 * for each item. The receiver keeps the same kind of file for what is arriving, with its own inode
 * numbers, so both sides find the file behind an offset with the same table. */
#ifndef FS_ENGINE_PARCEL_H
#define FS_ENGINE_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "proto/bytes.h"
#include "proto/manifest.h"
#include "store/nodes.h"
#include "store/queues.h"

/* Could the entry be small enough for pieces? parcel_small has the last word. */
bool parcel_may_be_small(const struct node_sum *sum);
/* Appends the whole parcel of `entry` (a node), if all its content is inline and the parcel is at
 * most PEER_PIECED_PARCEL_MAX. TOO_BIG otherwise; NOT_FOUND; NOMEM; IO. Works inside a turn.
 * Nothing is appended on failure. */
int parcel_small(struct view *v, uint64_t entry, struct bytes *out);
/* Lists the parcel of a revision into a new staged file. No turn or view open. *size is the
 * parcel's; *items (or NULL) the number that the manifest has. NOT_FOUND: the revision is gone;
 * TOO_BIG: the tree exceeds a bound of the manifest; BUSY: `stop` (may be NULL), which is asked now
 * and then, said so. Nothing is left behind on failure. */
int parcel_list(struct store *s, const uint8_t rev[static REV_BYTES], bool (*stop)(void *arg),
                void *arg, uint64_t *manifest, uint64_t *size, uint64_t *items);
/* Drops such a file, if no revision has taken it over. */
void parcel_discard(struct store *s, uint64_t manifest);

/* A parcel opened for sending. Its thread's own. */
struct parcel;
int parcel_open(struct parcel **out, struct store *s, const struct revision *r);
void parcel_close(struct parcel *p);
/* Up to `len` bytes from `offset`; 0 at its end. Check afterwards that the revision still stands.
 */
ssize_t parcel_read(struct parcel *p, void *buf, size_t len, uint64_t offset);

#endif
