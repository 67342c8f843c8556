#include "proto/version.h"

#include <string.h>

#include <jansson.h>

#include "proto/error.h"

static const char our_key[] = "wormholefs-v1";

int version_build(struct bytes *out, const uint8_t incarnation[static VERSION_INCARNATION_BYTES],
                  const char *software)
{
    char hex[2 * VERSION_INCARNATION_BYTES + 1];
    int err = PROTO_ERR_NOMEM;

    hex_encode(hex, incarnation, VERSION_INCARNATION_BYTES);
    json_t *root = json_pack("{s:{s:{s:s, s:s}}}", "app_versions", our_key, "incarnation", hex,
                             "software", software);
    if (root == NULL)
        return err;
    size_t len = json_dumpb(root, NULL, 0, 0);
    bytes_reserve(out, len);
    if (bytes_ok(out) && len > 0) {
        out->len += json_dumpb(root, (char *)out->data + out->len, len, 0);
        err = PROTO_OK;
    }
    json_decref(root);
    return err;
}

static void take_software(struct version *v, const json_t *value)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t len = strnlen(text, SOFTWARE_LEN_MAX);

    for (size_t i = 0; i < len; i++)
        v->software[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
}

static void take_ours(struct version *v, const json_t *ours)
{
    const json_t *hex = json_object_get(ours, "incarnation");

    if (!json_is_string(hex) || hex_decode(v->incarnation, VERSION_INCARNATION_BYTES,
                                           json_string_value(hex), json_string_length(hex)) != 0)
        return;
    v->persistent = true;
    take_software(v, json_object_get(ours, "software"));
}

int version_parse(struct version *v, const void *plain, size_t len)
{
    if (len > VERSION_PLAIN_MAX)
        return PROTO_ERR_TOO_BIG;
    json_t *root = json_loadb(len > 0 ? plain : "", len, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return PROTO_ERR_MALFORMED;
    }
    *v = (struct version){0};
    take_ours(v, json_object_get(json_object_get(root, "app_versions"), our_key));
    json_decref(root);
    return PROTO_OK;
}
