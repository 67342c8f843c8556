/* The control files that are rendered as a whole: `state`, .wormholefs/state.json and version. */
#ifndef FS_FACE_CONTROL_H
#define FS_FACE_CONTROL_H

#include "fs/face/face.h"
#include "fs/face/place.h"
#include "store/blob.h"

struct control;

int control_open(struct control **out); /* 0 or NOMEM */
void control_close(struct control *c);  /* accepts NULL */

/* Renders the control file at `p` (STATE, STATE_JSON or VERSION) into an empty blob. No view or
 * turn may be open. 0, NOMEM, IO, FACE_ERR_STALE. */
int control_render(struct face *face, const struct place *p, struct blob *out);

/* The size that stat shows, and the time of the last event in it. Of state.json it may be
 * FACE_STATE_JSON_MS old if there was no event since. */
int control_size(struct face *face, const struct place *p, uint64_t *size, int64_t *changed_ns);

#endif
