/* What the files of content share: bytes in the journal, their promotion to the spool, and open
 * spool files. For content*.c only. */
#ifndef STORE_CONTENT_PARTS_H
#define STORE_CONTENT_PARTS_H

#include "store/content.h"
#include "store/core.h"

/* A change to the range [offset, offset+len) of a file, wherever its bytes are. */
enum change_op {
    CHANGE_WRITE,   /* puts `data` there */
    CHANGE_PUNCH,   /* makes it a hole; the size stays */
    CHANGE_RESIZE,  /* the size becomes `offset` */
    CHANGE_EXTEND,  /* takes the space; the size becomes at least offset+len */
    CHANGE_RESERVE, /* takes the space; the size stays */
};

struct change {
    enum change_op op;
    uint64_t ino;
    uint64_t offset;
    uint64_t len;
    const void *data;
};

enum { INLINE_MOVED = 1 }; /* it is in the spool, or must be: nothing was done */

/* In a turn of its own; the content lock is held. 0, INLINE_MOVED or an error. */
int inline_change(struct store *s, const struct change *c);

/* Makes a spool file out of an inline one (which keeps its bytes), unless it is one already. The
 * content lock is held; no turn is open. A sealed entry is opened in the turn that moves the bytes:
 * also fails with what the unseal hook says. */
int inline_promote(struct store *s, uint64_t ino);

/* The node of a regular file. 0, NOT_FOUND, INVALID. */
int inline_node(struct view *v, uint64_t ino, struct node *out);
/* The same in a view of its own. */
int inline_look(struct store *s, uint64_t ino, struct node *out);

/* The open spool file of a node, with a reference (spool_put); *out is NULL, and the result 0, if
 * its bytes are in the journal. The content lock is held. */
int content_attach(struct store *s, uint64_t ino, struct spool_file **out);

/* It cannot be made durable any more: its row says so from now on. When that cannot be recorded,
 * whoever meets the file next tries again; else it would be known only until the next start, and
 * not to those who ask the row. No turn is open. */
void content_mark_bad(struct store *s, struct spool_file *f);

#endif
