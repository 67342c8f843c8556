#include "store/error.h"

const char *store_strerror(int err)
{
    switch ((enum store_error)err) {
    case STORE_OK:
        return "success";
    case STORE_ERR_NOMEM:
        return "out of memory";
    case STORE_ERR_IO:
        return "the disk failed";
    case STORE_ERR_NOSPACE:
        return "the disk is full";
    case STORE_ERR_QUOTA:
        return "the disk quota is used up";
    case STORE_ERR_NOT_FOUND:
        return "there is no such thing";
    case STORE_ERR_EXISTS:
        return "it is already there";
    case STORE_ERR_NOT_EMPTY:
        return "the directory is not empty";
    case STORE_ERR_IS_DIR:
        return "it is a directory";
    case STORE_ERR_NOT_DIR:
        return "it is not a directory";
    case STORE_ERR_LOOP:
        return "a directory cannot be moved into itself";
    case STORE_ERR_NAME_TOO_LONG:
        return "the name is too long";
    case STORE_ERR_TOO_BIG:
        return "it is larger than the store allows";
    case STORE_ERR_LOCKED:
        return "another process has the store open";
    case STORE_ERR_FOREIGN:
        return "it is not a store of wormholefs";
    case STORE_ERR_NEWER:
        return "the store was written by a newer version";
    case STORE_ERR_CORRUPT:
        return "the journal is damaged";
    case STORE_ERR_BROKEN:
        return "the journal could not be synced, so nothing can be promised";
    case STORE_ERR_PERM:
        return "that is not allowed here";
    case STORE_ERR_ACCESS:
        return "permission denied by the system";
    case STORE_ERR_RANGE:
        return "the buffer is too small or the offset impossible";
    case STORE_ERR_NO_DATA:
        return "there is no data";
    case STORE_ERR_INVALID:
        return "an argument makes no sense";
    case STORE_ERR_BUSY:
        return "it is in use just now";
    case STORE_ERR_READ_ONLY:
        return "it may not be changed";
    case STORE_ERR_HOSTILE:
        return "the input breaks the rules";
    case STORE_ERR_FILES:
        return "too many files are open";
    case STORE_ERR_UNSUPPORTED:
        return "the file system of the store cannot do that";
    }
    return "unknown error";
}
