#include "proto/error.h"

const char *proto_strerror(int err)
{
    switch ((enum proto_error)err) {
    case PROTO_OK:
        return "success";
    case PROTO_ERR_NOMEM:
        return "out of memory";
    case PROTO_ERR_MALFORMED:
        return "malformed input";
    case PROTO_ERR_TOO_BIG:
        return "a size limit was exceeded";
    case PROTO_ERR_CRYPTO:
        return "authentication failed";
    case PROTO_ERR_STATE:
        return "not possible in this state";
    case PROTO_ERR_INVALID:
        return "invalid argument";
    case PROTO_ERR_FULL:
        return "no room now, try again later";
    case PROTO_ERR_AGAIN:
        return "more bytes are needed";
    }
    return err > 0 ? "success" : "unknown error";
}
