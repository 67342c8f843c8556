#include "proto/classic_data.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "proto/error.h"

void classic_data_init(struct classic_data *d, uint64_t size)
{
    *d = (struct classic_data){.size = size};
}

size_t classic_data_next(const struct classic_data *d)
{
    uint64_t left = d->size - d->done;

    return left < CLASSIC_DATA_RECORD_BYTES ? (size_t)left : CLASSIC_DATA_RECORD_BYTES;
}

int classic_data_count(struct classic_data *d, size_t len)
{
    if (len > d->size - d->done)
        return PROTO_ERR_TOO_BIG;
    d->done += len;
    return PROTO_OK;
}

bool classic_data_complete(const struct classic_data *d)
{
    return d->done == d->size;
}

int classic_data_ack_build(struct bytes *out,
                           const uint8_t sha256[static CLASSIC_DATA_SHA256_BYTES])
{
    char hex[2 * CLASSIC_DATA_SHA256_BYTES + 1];

    hex_encode(hex, sha256, CLASSIC_DATA_SHA256_BYTES);
    bytes_put_str(out, "{\"ack\": \"ok\", \"sha256\": \"");
    bytes_put_str(out, hex);
    bytes_put_str(out, "\"}");
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int classic_data_nack_build(struct bytes *out, const char *why)
{
    json_t *root = json_pack("{s:s, s:s}", "ack", "failed", "error", why);
    char *text = root != NULL ? json_dumps(root, 0) : NULL;
    int err = root == NULL ? PROTO_ERR_INVALID : text == NULL ? PROTO_ERR_NOMEM : PROTO_OK;

    if (text != NULL)
        bytes_put_str(out, text);
    free(text);
    json_decref(root);
    return err == PROTO_OK && !bytes_ok(out) ? PROTO_ERR_NOMEM : err;
}

/* A peer that gives no hash, or null, only says that it has everything. */
static int check_hash(const json_t *hex, const uint8_t sha256[static CLASSIC_DATA_SHA256_BYTES])
{
    uint8_t theirs[CLASSIC_DATA_SHA256_BYTES];

    if (hex == NULL || json_is_null(hex))
        return PROTO_OK;
    if (!json_is_string(hex) || hex_decode(theirs, sizeof(theirs), json_string_value(hex),
                                           json_string_length(hex)) != PROTO_OK)
        return PROTO_ERR_MALFORMED;
    return memcmp(theirs, sha256, sizeof(theirs)) == 0 ? PROTO_OK : PROTO_ERR_CRYPTO;
}

int classic_data_ack_check(const void *plain, size_t len,
                           const uint8_t sha256[static CLASSIC_DATA_SHA256_BYTES])
{
    if (len > CLASSIC_DATA_ACK_MAX)
        return PROTO_ERR_TOO_BIG;
    json_t *root = json_loadb(len > 0 ? plain : "", len, 0, NULL);
    const char *ack = json_string_value(json_object_get(root, "ack"));
    int err = PROTO_ERR_CRYPTO;
    if (!json_is_object(root))
        err = PROTO_ERR_MALFORMED;
    else if (ack != NULL && strcmp(ack, "ok") == 0)
        err = check_hash(json_object_get(root, "sha256"), sha256);
    json_decref(root);
    return err;
}
