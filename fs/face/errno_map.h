/* What a program sees of an error: the one table from enum store_error to errno. Pure. */
#ifndef FS_FACE_ERRNO_MAP_H
#define FS_FACE_ERRNO_MAP_H

#include "store/error.h"

/* The face's own refusals, beside enum store_error and below all of it. */
enum face_error {
    FACE_ERR_STALE = -1000,       /* an inode number that means nothing (any more) */
    FACE_ERR_AGAIN = -1001,       /* not yet: a code that the server has not given out */
    FACE_ERR_INTERRUPTED = -1002, /* the caller was interrupted while it waited */
    FACE_ERR_CROSS = -1003,       /* a hard link between entries (EPERM) */
    FACE_ERR_BAD_HANDLE = -1004,  /* the handle was not opened for this */
    FACE_ERR_UNSUPPORTED = -1005, /* an operation or a flag that is not offered (EOPNOTSUPP) */
    FACE_ERR_READ_ONLY = -1006,   /* the whole mount is (EROFS) */
};

/* The positive errno for 0 or any negative error; EIO for one that nobody knows. */
int errno_map(int error);

#endif
