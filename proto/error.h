/* The one error enum of proto/. Functions return 0 (or a count) on success and one of these,
 * always negative, on failure. An error never leaves an object half changed unless its header
 * says so. */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

enum proto_error {
    PROTO_OK = 0,
    PROTO_ERR_NOMEM = -1,     /* out of memory */
    PROTO_ERR_MALFORMED = -2, /* bytes from outside do not parse: drop them, say so */
    PROTO_ERR_TOO_BIG = -3,   /* exceeds a bound of limits.h */
    PROTO_ERR_CRYPTO = -4,    /* authentication failed, or a key is unusable */
    PROTO_ERR_STATE = -5,     /* the machine is in a state where this input makes no sense */
    PROTO_ERR_INVALID = -6,   /* what the user gave cannot be what it should be (a code, a URL) */
    PROTO_ERR_FULL = -7,      /* a bounded queue or window has no room now; try again later */
    PROTO_ERR_AGAIN = -8,     /* not enough bytes yet; nothing was consumed */
};

#endif
