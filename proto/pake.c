#include "proto/pake.h"

#include <jansson.h>

#include "proto/error.h"

int pake_body_build(struct bytes *out, const uint8_t msg[static SPAKE2_MSG_BYTES])
{
    char hex[2 * SPAKE2_MSG_BYTES + 1];

    hex_encode(hex, msg, SPAKE2_MSG_BYTES);
    bytes_put_str(out, "{\"pake_v1\": \"");
    bytes_put_str(out, hex);
    bytes_put_str(out, "\"}");
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int pake_body_parse(uint8_t msg[static SPAKE2_MSG_BYTES], const void *body, size_t len)
{
    if (len > PAKE_BODY_MAX)
        return PROTO_ERR_TOO_BIG;
    json_t *root = json_loadb(len > 0 ? body : "", len, 0, NULL);
    const json_t *hex = json_object_get(root, "pake_v1");
    int err = PROTO_ERR_MALFORMED;
    if (json_is_string(hex))
        err = hex_decode(msg, SPAKE2_MSG_BYTES, json_string_value(hex), json_string_length(hex));
    json_decref(root);
    return err;
}
