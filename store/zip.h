/* Zip archives, as the stock clients send and receive a directory: packed from and unpacked to
 * nodes, through libarchive. Both are long and run on a thread of their own, with no turn or view
 * open; they read and write through content_*. */
#ifndef STORE_ZIP_H
#define STORE_ZIP_H

#include "store/nodes.h"

struct zip_sum {
    uint64_t zip_bytes; /* size of the archive */
    uint64_t bytes;     /* uncompressed, regular files */
    uint64_t files;     /* regular files */
};

/* Packs what is below the directory `top` into a new staged file *zip_ino (durable on return).
 * Members: paths relative to `top`, no member for `top` itself; regular files with their mode in
 * the external attributes; empty directories as members "name/"; a symlink that stays inside is
 * stored as the regular file it means (stock clients follow links), others and dangling ones are
 * left out. Names that are not UTF-8 are written %XX. `stop` (may be NULL) is polled: true ends it
 * with BUSY. 0; TOO_BIG (ZIP_MEMBERS_MAX); NOT_DIR; NOSPACE; IO. Nothing is left behind on failure.
 */
int zip_pack(struct store *s, uint64_t top, bool (*stop)(void *arg), void *arg, uint64_t *zip_ino,
             struct zip_sum *sum);

/* The same for several top-level entries at once, each a member (or a directory of members) under
 * its name. */
struct zip_source {
    uint64_t ino;
    struct name name;
};
int zip_pack_several(struct store *s, const struct zip_source *sources, size_t count,
                     bool (*stop)(void *arg), void *arg, uint64_t *zip_ino, struct zip_sum *sum);

/* Unpacks the archive in file `zip_ino` into a new staged directory *top (durable on return). Modes
 * are masked to 0777 (execute bits only if keep_exec), and owner read+write is added; directories
 * are 0700 or more. Control characters in names become '_', and what then has another's name gets a
 * free one (name_clash). A name with backslashes and without a slash is a path: libarchive believes
 * a member's own header, which says MS-DOS in the archives of all stock clients. HOSTILE for an
 * absolute path, "..", a symlink or device, two members of one name, a file where a directory is
 * needed, more than ZIP_MEMBERS_MAX members (with the directories that only paths name; or only
 * listed), of ZIP_RENAMED_MAX that cannot keep their names, a path of more than ZIP_DEPTH_MAX
 * components, or what libarchive cannot read. TOO_BIG for more than `bytes_max` bytes in all,
 * whatever the headers claim. Nothing is left behind on failure. */
int zip_unpack(struct store *s, uint64_t zip_ino, uint64_t bytes_max, bool keep_exec,
               bool (*stop)(void *arg), void *arg, uint64_t *top, struct zip_sum *sum);

#endif
