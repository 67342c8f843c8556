#include "fs/face/errno_map.h"

#include <errno.h>

/* clang-format off: a table, one line an error */
static int store_errno(enum store_error error)
{
    switch (error) {
    case STORE_OK:
        return 0;
    case STORE_ERR_NOMEM:
        return ENOMEM;
    case STORE_ERR_IO:
        return EIO;
    case STORE_ERR_NOSPACE:
        return ENOSPC;
    case STORE_ERR_QUOTA:
        return EDQUOT;
    case STORE_ERR_NOT_FOUND:
        return ENOENT;
    case STORE_ERR_EXISTS:
        return EEXIST;
    case STORE_ERR_NOT_EMPTY:
        return ENOTEMPTY;
    case STORE_ERR_IS_DIR:
        return EISDIR;
    case STORE_ERR_NOT_DIR:
        return ENOTDIR;
    case STORE_ERR_LOOP:
        return EINVAL;
    case STORE_ERR_NAME_TOO_LONG:
        return ENAMETOOLONG;
    case STORE_ERR_TOO_BIG:
        return EFBIG;
    case STORE_ERR_LOCKED:
        return EIO; /* only at start, where the daemon prints a sentence */
    case STORE_ERR_FOREIGN:
        return EIO;
    case STORE_ERR_NEWER:
        return EIO;
    case STORE_ERR_CORRUPT:
        return EIO;
    case STORE_ERR_BROKEN:
        return EIO;
    case STORE_ERR_PERM:
        return EPERM;
    case STORE_ERR_ACCESS:
        return EACCES;
    case STORE_ERR_RANGE:
        return ERANGE;
    case STORE_ERR_NO_DATA:
        return ENODATA;
    case STORE_ERR_INVALID:
        return EINVAL;
    case STORE_ERR_BUSY:
        return EBUSY;
    case STORE_ERR_READ_ONLY:
        return EPERM; /* one kept entry, not the file system */
    case STORE_ERR_HOSTILE:
        return EIO;
    case STORE_ERR_FILES:
        return ENFILE; /* EMFILE would say that the program has too many */
    case STORE_ERR_UNSUPPORTED:
        return EOPNOTSUPP; /* at which the C library does posix_fallocate by writing */
    }
    return EIO;
}

static int face_errno(enum face_error error)
{
    switch (error) {
    case FACE_ERR_STALE:
        return ESTALE;
    case FACE_ERR_AGAIN:
        return EAGAIN;
    case FACE_ERR_INTERRUPTED:
        return EINTR;
    case FACE_ERR_CROSS:
        return EPERM;
    case FACE_ERR_BAD_HANDLE:
        return EBADF;
    case FACE_ERR_UNSUPPORTED:
        return EOPNOTSUPP;
    case FACE_ERR_READ_ONLY:
        return EROFS;
    }
    return EIO;
}

/* clang-format on */

int errno_map(int error)
{
    return error <= FACE_ERR_STALE ? face_errno((enum face_error)error)
                                   : store_errno((enum store_error)error);
}
