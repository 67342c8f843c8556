/* The one error enum of store/. Functions return 0 (or a count) on success and one of these,
 * always negative, on failure. A mutator that fails inside a turn may leave that turn half done:
 * abort it, which undoes everything. fs/ maps these to errno in one table. */
#ifndef STORE_ERROR_H
#define STORE_ERROR_H

enum store_error {
    STORE_OK = 0,
    STORE_ERR_NOMEM = -1,          /* out of memory */
    STORE_ERR_IO = -2,             /* the disk failed; the spool file (if one) is bad from now on */
    STORE_ERR_NOSPACE = -3,        /* the disk is full; what only frees still works (turn.h) */
    STORE_ERR_QUOTA = -4,          /* the user's disk quota is used up */
    STORE_ERR_NOT_FOUND = -5,      /* no such inode, name, row or attribute */
    STORE_ERR_EXISTS = -6,         /* the name or row is already there */
    STORE_ERR_NOT_EMPTY = -7,      /* a directory that must be empty is not */
    STORE_ERR_IS_DIR = -8,         /* a directory where a file is wanted */
    STORE_ERR_NOT_DIR = -9,        /* not a directory where one is wanted */
    STORE_ERR_LOOP = -10,          /* a directory would be moved below itself (EINVAL) */
    STORE_ERR_NAME_TOO_LONG = -11, /* a name over NAME_BYTES_MAX, or a target over its bound */
    STORE_ERR_TOO_BIG = -12,       /* exceeds another bound of limits.h */
    STORE_ERR_LOCKED = -13,      /* another process has this store open; store_open names its pid */
    STORE_ERR_FOREIGN = -14,     /* the directory or the journal is something else */
    STORE_ERR_NEWER = -15,       /* the schema is newer than this program */
    STORE_ERR_CORRUPT = -16,     /* the journal contradicts itself */
    STORE_ERR_BROKEN = -17,      /* a sync of the journal failed: nothing can be promised for now */
    STORE_ERR_PERM = -18,        /* not allowed here by the rules of the tree (EPERM) */
    STORE_ERR_ACCESS = -19,      /* the operating system refused us the file */
    STORE_ERR_RANGE = -20,       /* the caller's buffer is too small, or an offset is impossible */
    STORE_ERR_NO_DATA = -21,     /* no data (or hole) at or after the offset; no such xattr */
    STORE_ERR_INVALID = -22,     /* an argument that can never be right */
    STORE_ERR_BUSY = -23,        /* in use just now (a write is in flight): try again */
    STORE_ERR_READ_ONLY = -24,   /* the entry may not change (keep_sent) */
    STORE_ERR_HOSTILE = -25,     /* input from a peer that breaks the rules (zip.h) */
    STORE_ERR_FILES = -26,       /* too many open files, ours or the system's: may work later */
    STORE_ERR_UNSUPPORTED = -27, /* the store's file system cannot do that (fallocate) */
};

/* A short sentence for `err`, never NULL. */
const char *store_strerror(int err);

#endif
