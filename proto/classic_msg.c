#include "proto/classic_msg.h"

#include <string.h>

#include <jansson.h>

#include "proto/error.h"

/* ---- text ---- */

/* The longest prefix of UTF-8 `text` that has at most `len_max` bytes and ends between characters.
 */
static size_t cut(const char *text, size_t len, size_t len_max)
{
    if (len <= len_max)
        return len;
    len = len_max;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* Control characters (C0, DEL, and C1 as UTF-8) become spaces: a sentence goes to a terminal. */
static void put_sentence(struct bytes *out, const char *text, size_t len)
{
    len = cut(text, len, CLASSIC_REASON_LEN_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char before = i > 0 ? (unsigned char)text[i - 1] : 0;
        unsigned char after = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        bool c1 = (c == 0xc2 && after < 0xa0) || (before == 0xc2 && c < 0xa0);
        bytes_put_u8(out, c < ' ' || c == 0x7f || c1 ? ' ' : c);
    }
}

static const char *take_text(const json_t *value, size_t *len)
{
    *len = json_string_length(value);
    return json_string_value(value);
}

/* ---- parsing ---- */

static bool take_size(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_name(const json_t *object, const char *key, struct classic_offer *offer)
{
    size_t len, len_max = sizeof(offer->name) - 1;
    const char *name = take_text(json_object_get(object, key), &len);

    if (name == NULL || len == 0)
        return false;
    const char *slash = strrchr(name, '/');
    if (len > len_max && slash != NULL) {
        len -= (size_t)(slash + 1 - name);
        name = slash + 1;
    }
    len = cut(name, len, len_max);
    memcpy(offer->name, name, len);
    offer->name[len] = '\0';
    return len > 0;
}

static bool take_file(struct classic_offer *offer, const json_t *file)
{
    *offer = (struct classic_offer){.files = 1};
    if (!take_name(file, "filename", offer) || !take_size(file, "filesize", &offer->size))
        return false;
    offer->total = offer->size;
    return true;
}

static bool take_directory(struct classic_offer *offer, const json_t *directory)
{
    static const char zip[] = "zipfile";
    const char *mode = json_string_value(json_object_get(directory, "mode"));
    uint64_t files;

    *offer = (struct classic_offer){.directory = true};
    if (mode == NULL || strncmp(mode, zip, sizeof(zip) - 1) != 0)
        return false;
    if (!take_name(directory, "dirname", offer) || !take_size(directory, "zipsize", &offer->size) ||
        !take_size(directory, "numbytes", &offer->total) ||
        !take_size(directory, "numfiles", &files) || files > UINT32_MAX)
        return false;
    offer->files = (uint32_t)files;
    return true;
}

static int take_offer(struct classic_msg *msg, const json_t *offer)
{
    const json_t *file = json_object_get(offer, "file");
    const json_t *directory = json_object_get(offer, "directory");
    size_t len;
    const char *text = take_text(json_object_get(offer, "message"), &len);

    msg->kind = text != NULL ? CLASSIC_MSG_TEXT : CLASSIC_MSG_BULK;
    if (text != NULL)
        bytes_put(&msg->text, text, len);
    else if (file != NULL)
        return take_file(&msg->offer, file) ? PROTO_OK : PROTO_ERR_MALFORMED;
    else
        return take_directory(&msg->offer, directory) ? PROTO_OK : PROTO_ERR_MALFORMED;
    return bytes_ok(&msg->text) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static bool says_ok(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && strcmp(text, "ok") == 0;
}

static int take_answer(struct classic_msg *msg, const json_t *answer)
{
    const json_t *text = json_object_get(answer, "message_ack");
    const json_t *file = json_object_get(answer, "file_ack");

    if (text == NULL && file == NULL)
        return PROTO_ERR_MALFORMED;
    msg->is_text = text != NULL;
    msg->kind = says_ok(msg->is_text ? text : file) ? CLASSIC_MSG_ACCEPT : CLASSIC_MSG_DECLINE;
    return PROTO_OK;
}

static int take_error(struct classic_msg *msg, const json_t *error)
{
    size_t len;
    const char *text = take_text(error, &len);

    msg->kind = CLASSIC_MSG_ERROR;
    if (text != NULL)
        put_sentence(&msg->text, text, len);
    return bytes_ok(&msg->text) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static int take_transit(struct classic_msg *msg, const json_t *transit)
{
    msg->kind = CLASSIC_MSG_TRANSIT;
    return hints_parse(&msg->hints, transit);
}

static int take_root(struct classic_msg *msg, const json_t *root)
{
    static const struct {
        const char *key;
        int (*take)(struct classic_msg *msg, const json_t *value);
    } keys[] = {
        {"error", take_error},
        {"transit", take_transit},
        {"answer", take_answer},
        {"offer", take_offer},
    };

    if (!json_is_object(root))
        return PROTO_ERR_MALFORMED;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *value = json_object_get(root, keys[i].key);
        if (value != NULL)
            return keys[i].take(msg, value);
    }
    return PROTO_OK;
}

int classic_msg_parse(struct classic_msg *msg, const void *plain, size_t len)
{
    *msg = (struct classic_msg){.kind = CLASSIC_MSG_OTHER};
    json_t *root = json_loadb(len > 0 ? plain : "", len, 0, NULL);
    int err = take_root(msg, root);
    json_decref(root);
    return err;
}

void classic_msg_release(struct classic_msg *msg)
{
    bytes_release(&msg->text);
    *msg = (struct classic_msg){.kind = CLASSIC_MSG_OTHER};
}

/* ---- building ---- */

/* Appends `root` and frees it; NULL (jansson refused what it was given) is PROTO_ERR_INVALID. */
static int put_json(struct bytes *out, json_t *root)
{
    if (root == NULL)
        return PROTO_ERR_INVALID;
    size_t len = json_dumpb(root, NULL, 0, 0);
    bytes_reserve(out, len);
    if (len > 0 && bytes_ok(out))
        out->len += json_dumpb(root, (char *)out->data + out->len, len, 0);
    json_decref(root);
    return len > 0 && bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int classic_msg_transit(struct bytes *out, const struct hint_list *hints)
{
    json_t *root = json_pack("{s:o}", "transit", hints_build_transit(hints));

    return root != NULL ? put_json(out, root) : PROTO_ERR_NOMEM;
}

int classic_msg_offer(struct bytes *out, const struct classic_offer *offer)
{
    json_int_t size = (json_int_t)offer->size, total = (json_int_t)offer->total;

    if (offer->name[0] == '\0' || size < 0 || total < 0)
        return PROTO_ERR_INVALID;
    if (!offer->directory)
        return put_json(out, json_pack("{s:{s:{s:s, s:I}}}", "offer", "file", "filename",
                                       offer->name, "filesize", size));
    return put_json(out, json_pack("{s:{s:{s:s, s:s, s:I, s:I, s:I}}}", "offer", "directory",
                                   "mode", "zipfile/deflated", "dirname", offer->name, "zipsize",
                                   size, "numbytes", total, "numfiles", (json_int_t)offer->files));
}

int classic_msg_offer_text(struct bytes *out, const char *text)
{
    if (text[0] == '\0')
        return PROTO_ERR_INVALID;
    return put_json(out, json_pack("{s:{s:s}}", "offer", "message", text));
}

int classic_msg_accept(struct bytes *out, bool is_text)
{
    return put_json(out,
                    json_pack("{s:{s:s}}", "answer", is_text ? "message_ack" : "file_ack", "ok"));
}

int classic_msg_error(struct bytes *out, const char *reason)
{
    size_t len = cut(reason, strlen(reason), CLASSIC_REASON_LEN_MAX);

    return put_json(out, json_pack("{s:s%}", "error", reason, len));
}
