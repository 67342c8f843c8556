/* new/: carries out the draft rule (draft.h) inside the caller's turn, and shows what it means. */
#ifndef FS_FACE_NEWDIR_H
#define FS_FACE_NEWDIR_H

#include "fs/face/face.h"
#include "fs/face/place.h"

/* ---- to look ---- */

/* If `box` is the floating new/outbox, and what the process of this thread created in it would go
 * into the next wormhole, then it is empty for it: box->wormhole and box->node become 0. Any other
 * place stays as it is. */
int newdir_look(struct face *face, struct view *v, struct place *box, pid_t tid);
/* The place behind a number, and then newdir_look: as the process of this thread sees it. What
 * place_of returns. */
int newdir_place(struct face *face, struct view *v, uint64_t number, pid_t tid, struct place *out);
/* If a read of `code`, floating, would make the next wormhole, code->wormhole becomes 0. */
int newdir_look_code(struct face *face, struct view *v, struct place *code);

/* The thread came to this file or directory by a lookup (passage.h) and is about to change it. If
 * that was as an entry of new/outbox, and it would not find it there any more, it means another
 * one: STALE, at which the kernel looks up anew. */
int newdir_check(struct face *face, const struct place *p, pid_t tid);

/* ---- to act ---- */

/* All settle `box` or `code`, a floating place of new/, on the wormhole that the rule chooses, made
 * if need be; *made (may be NULL) says whether. 0, or what engine_create and the store return. */

/* Something is put into new/outbox by the process of this thread. */
int newdir_for_entry(struct face *face, struct turn *t, struct place *box, pid_t tid, bool *made);
/* new/code is read. Settles place->wormhole only. */
int newdir_for_code(struct face *face, struct turn *t, struct place *code);
/* `text` is written to new/code: it joins by it a draft that nobody can hold a code of, else a new
 * one. */
int newdir_for_join(struct face *face, struct turn *t, struct place *code, const char *text);

/* `mv new NAME`: names the draft (made if there is none), pins the generation to it. EXISTS if the
 * name is taken. */
int newdir_name(struct face *face, struct turn *t, const struct name *name, uint64_t *wormhole);

#endif
