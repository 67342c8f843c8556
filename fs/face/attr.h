/* Attributes as the kernel sees them, and how long it may keep them. */
#ifndef FS_FACE_ATTR_H
#define FS_FACE_ATTR_H

#include "fs/face/face.h"
#include "fs/face/place.h"

/* Call without a turn or view open: the sizes of control files are rendered. 0, NOMEM, IO. */
int attr_fill(struct face *face, const struct place *p, struct stat *out);

/* The whole reply to a lookup or creation of `p`, which was found in directory `parent`. */
int attr_entry(struct face *face, const struct place *parent, const struct place *p,
               struct fuse_entry_param *out);

/* Seconds that the kernel may keep the attributes of p. */
double attr_timeout(const struct place *p);

/* Only the type, for listings. */
mode_t attr_type(const struct place *p);

#endif
