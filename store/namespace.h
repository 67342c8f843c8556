/* Names: everything that gives, takes or moves one. This is where it is decided, by the type of the
 * parent, whether a change is top-level (an event, folded into the projections) or deeper (a
 * checkpoint); nobody else needs to know.
 *
 * All keep POSIX semantics: mtime and ctime of the directories, ctime and nlink of the node, and
 * they unseal the entries they change first (store_on_unseal). Names are checked (name_set).
 *
 * The rules of the tree (CONTRACT):
 *   - a wormhole's own directory: nothing can be made, removed or renamed there (PERM); removing
 *     a control file or an empty box is wormhole_box_renew, removing the whole is wormhole_close;
 *   - within one outbox or one inbox, and below: everything goes; moving a name between top level
 *     and deeper levels makes or ends an entry;
 *   - outbox → another outbox: moves the entry, or makes one of a part of it (to top level only);
 *   - inbox → another wormhole's outbox: forwards it, or a part of it (to top level only);
 *   - any other move between wormholes or boxes is PERM; so are hard links across entries and a
 *     hard link at top level, and moving away a part of an entry whose other links stay there.
 * The outbox of a wormhole accepts entries in every state of it. */
#ifndef STORE_NAMESPACE_H
#define STORE_NAMESPACE_H

#include "store/nodes.h"

/* Makes a node under a name. *ino is its number. 0, EXISTS, NOT_FOUND (the parent is gone),
 * NOT_DIR, PERM, NAME_TOO_LONG, INVALID. */
int name_create(struct turn *t, uint64_t parent, const char *name, size_t len,
                const struct node_new *what, uint64_t *ino);

/* A hard link to a file or symlink of the same entry. 0, EXISTS, NOT_FOUND, PERM, NOT_DIR. */
int name_link(struct turn *t, uint64_t ino, uint64_t parent, const char *name, size_t len);

/* Removes a name of a file or symlink. 0, NOT_FOUND, IS_DIR, PERM. */
int name_unlink(struct turn *t, uint64_t parent, const char *name, size_t len);

/* Removes an empty directory. 0, NOT_FOUND, NOT_DIR, NOT_EMPTY, PERM. */
int name_rmdir(struct turn *t, uint64_t parent, const char *name, size_t len);

/* Removes a top-level name with everything below it, of any kind: what the acknowledgement of an
 * entry does. `cause` goes into the event (see log.h). The nodes below are deleted in this turn up
 * to a bound, the rest by node_sweep; those held stay readable. 0, NOT_FOUND, PERM (no box). */
int name_remove_tree(struct turn *t, uint64_t box, const char *name, size_t len, const char *cause);

enum name_flags {
    NAME_REPLACE = 0,
    NAME_NOREPLACE = 1, /* EXISTS if the new name is there */
    NAME_EXCHANGE = 2,  /* both must be there; they swap */
};

/* rename(2), renameat2(2). Both names meaning one inode is success without effect, as POSIX has it.
 * 0, NOT_FOUND, EXISTS, NOT_EMPTY, IS_DIR, NOT_DIR, LOOP, PERM, NAME_TOO_LONG, INVALID. */
int name_rename(struct turn *t, uint64_t parent, const char *name, size_t len, uint64_t new_parent,
                const char *new_name, size_t new_len, enum name_flags flags);

/* Shows a staged node in an inbox: the event `arrived`, and the node becomes a top-level entry. A
 * taken name becomes "report.2.pdf" (directories "photos.2"; the first free number, or among many
 * another one that is free), cut at a character to fit; what is
 * unsafe in `name` is replaced by '_' first (name_make_safe). *final is the name that it got.
 * `size` is what it took to send it, and counts for inbox_max; `files` is for people; `rev` may be
 * NULL (stock peers). */
struct name_arrival {
    uint64_t wormhole;
    uint64_t ino; /* staged */
    const char *name;
    size_t name_len;
    const uint8_t *rev; /* REV_BYTES, or NULL */
    uint64_t size, files;
    uint64_t overhead; /* what it takes in the journal beside `size`; both count for inbox_max */
};
int name_publish(struct turn *t, const struct name_arrival *a, struct name *final);

/* A name from outside, made safe to show: '/', NUL, control characters, an empty name, "." and
 * "..", and (top_level) a leading dot become '_'; cut at a character to NAME_BYTES_MAX. Always
 * succeeds. */
void name_make_safe(struct name *out, const char *name, size_t len, bool top_level);

/* Cuts or changes `name` to the `n`th candidate (n >= 2) of the clash rule. */
void name_clash(struct name *out, const struct name *name, unsigned n, bool is_dir);

/* `wanted`, or by the clash rule a name that is free in the directory. 0, or as node_lookup. */
int name_find_free(struct view *v, uint64_t dir, const struct name *wanted, bool is_dir,
                   struct name *out);

#endif
