#include "proto/server_msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "proto/error.h"

/* ---- parsing ---- */

/* The string under `key`, copied if it is 1..len_max characters of printable ASCII. */
static bool take_word(const json_t *object, const char *key, char *out, size_t len_max)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (text == NULL || len == 0 || len > len_max)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool is_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool take_nameplate(const json_t *object, const char *key, char *out)
{
    return take_word(object, key, out, CODE_NAMEPLATE_MAX) && is_digits(out);
}

static bool is_control(const char *at)
{
    unsigned char c = (unsigned char)at[0];
    unsigned char next = (unsigned char)at[1];

    /* C1 controls are 0xC2 0x80…0x9F in UTF-8; a terminal may obey them like C0. */
    return c < ' ' || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f);
}

/* The sentence under `key`, or "": cut between characters, control characters made harmless. */
static void take_sentence(const json_t *object, const char *key, char *out)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t len = 0;

    if (text == NULL)
        text = "";
    while (text[len] != '\0' && len < SERVER_SENTENCE_MAX) {
        if (is_control(text + len)) {
            if (((unsigned char)text[len] & 0x80) != 0 && len + 1 < SERVER_SENTENCE_MAX)
                out[len++] = ' ';
            out[len++] = ' ';
        } else {
            out[len] = text[len];
            len++;
        }
    }
    if (text[len] != '\0')
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    out[len] = '\0';
}

/* A permit that costs nothing is offered under the name "none"; no other can we get. */
static bool needs_permit(const json_t *welcome)
{
    const json_t *required = json_object_get(welcome, "permission-required");

    return json_is_object(required) && json_object_get(required, "none") == NULL;
}

static int parse_welcome(struct server_msg *msg, const json_t *root)
{
    const json_t *welcome = json_object_get(root, "welcome");
    if (!json_is_object(welcome))
        return PROTO_OK;
    msg->kind = SERVER_WELCOME;
    take_sentence(welcome, "motd", msg->motd);
    take_sentence(welcome, "error", msg->error);
    msg->wants_permission = needs_permit(welcome);
    return PROTO_OK;
}

static int parse_ack(struct server_msg *msg, const json_t *root)
{
    (void)root;
    msg->kind = SERVER_ACK;
    return PROTO_OK;
}

static int parse_nameplates(struct server_msg *msg, const json_t *root)
{
    const json_t *list = json_object_get(root, "nameplates");
    size_t count = json_array_size(list);
    if (!json_is_array(list))
        return PROTO_OK;
    if (count > SERVER_NAMEPLATES_MAX)
        count = SERVER_NAMEPLATES_MAX;
    msg->nameplates = calloc(count + 1, sizeof(*msg->nameplates));
    if (msg->nameplates == NULL)
        return PROTO_ERR_NOMEM;
    msg->kind = SERVER_NAMEPLATES;
    for (size_t i = 0; i < count; i++)
        if (take_nameplate(json_array_get(list, i), "id", msg->nameplates[msg->nameplate_count]))
            msg->nameplate_count++;
    return PROTO_OK;
}

static int parse_allocated(struct server_msg *msg, const json_t *root)
{
    if (take_nameplate(root, "nameplate", msg->nameplate))
        msg->kind = SERVER_ALLOCATED;
    return PROTO_OK;
}

static int parse_claimed(struct server_msg *msg, const json_t *root)
{
    if (take_word(root, "mailbox", msg->mailbox, MAILBOX_ID_LEN_MAX))
        msg->kind = SERVER_CLAIMED;
    return PROTO_OK;
}

static int parse_released(struct server_msg *msg, const json_t *root)
{
    (void)root;
    msg->kind = SERVER_RELEASED;
    return PROTO_OK;
}

static int parse_closed(struct server_msg *msg, const json_t *root)
{
    (void)root;
    msg->kind = SERVER_CLOSED;
    return PROTO_OK;
}

static int parse_pong(struct server_msg *msg, const json_t *root)
{
    const json_t *pong = json_object_get(root, "pong");
    if (!json_is_integer(pong))
        return PROTO_OK;
    msg->kind = SERVER_PONG;
    msg->pong = json_integer_value(pong);
    return PROTO_OK;
}

/* Appends the bytes whose hex is under "body"; false if it is not hex or too much. */
static bool take_body(struct bytes *out, const json_t *root)
{
    const json_t *value = json_object_get(root, "body");
    size_t len = json_string_length(value) / 2;
    if (!json_is_string(value) || len > FOREIGN_BODY_MAX)
        return false;
    bytes_reserve(out, len);
    if (!bytes_ok(out))
        return false;
    if (len > 0 && hex_decode(out->data, len, json_string_value(value), 2 * len) != PROTO_OK)
        return false;
    out->len = len;
    return json_string_length(value) % 2 == 0;
}

static int parse_message(struct server_msg *msg, const json_t *root)
{
    if (!take_word(root, "side", msg->side, SIDE_LEN_MAX) ||
        !take_word(root, "phase", msg->phase, PHASE_LEN_MAX))
        return PROTO_OK;
    if (take_body(&msg->body, root))
        msg->kind = SERVER_MESSAGE;
    else
        msg->too_long = json_string_length(json_object_get(root, "body")) / 2 > FOREIGN_BODY_MAX;
    return bytes_ok(&msg->body) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static enum server_command command_of(const json_t *orig)
{
    static const char *const names[] = {
        [COMMAND_BIND] = "bind",   [COMMAND_ALLOCATE] = "allocate", [COMMAND_CLAIM] = "claim",
        [COMMAND_OPEN] = "open",   [COMMAND_RELEASE] = "release",   [COMMAND_ADD] = "add",
        [COMMAND_CLOSE] = "close", [COMMAND_PING] = "ping",         [COMMAND_LIST] = "list",
    };
    const char *type = json_string_value(json_object_get(orig, "type"));

    for (size_t i = COMMAND_BIND; type != NULL && i <= COMMAND_LIST; i++)
        if (strcmp(names[i], type) == 0)
            return (enum server_command)i;
    return COMMAND_OTHER;
}

static int parse_error(struct server_msg *msg, const json_t *root)
{
    msg->kind = SERVER_ERROR;
    take_sentence(root, "error", msg->error);
    msg->command = command_of(json_object_get(root, "orig"));
    if (strcmp(msg->error, "crowded") == 0)
        msg->fault = FAULT_CROWDED;
    else if (strcmp(msg->error, "reclaimed") == 0)
        msg->fault = FAULT_RECLAIMED;
    return PROTO_OK;
}

static int parse_root(struct server_msg *msg, const json_t *root)
{
    static const struct {
        const char *type;
        int (*parse)(struct server_msg *msg, const json_t *root);
    } types[] = {
        {"welcome", parse_welcome},
        {"ack", parse_ack},
        {"nameplates", parse_nameplates},
        {"allocated", parse_allocated},
        {"claimed", parse_claimed},
        {"released", parse_released},
        {"message", parse_message},
        {"closed", parse_closed},
        {"pong", parse_pong},
        {"error", parse_error},
    };
    const char *type = json_string_value(json_object_get(root, "type"));

    if (type == NULL)
        return PROTO_ERR_MALFORMED;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].parse(msg, root);
    return PROTO_OK;
}

int server_msg_parse(struct server_msg *msg, const void *text, size_t len)
{
    json_error_t error;

    *msg = (struct server_msg){0};
    if (len > SERVER_TEXT_MAX)
        return PROTO_ERR_TOO_BIG;
    json_t *root = json_loadb(len > 0 ? text : "", len, 0, &error);
    if (root == NULL)
        return json_error_code(&error) == json_error_out_of_memory ? PROTO_ERR_NOMEM
                                                                   : PROTO_ERR_MALFORMED;
    int err = parse_root(msg, root);
    json_decref(root);
    return err;
}

void server_msg_release(struct server_msg *msg)
{
    bytes_release(&msg->body);
    free(msg->nameplates);
    *msg = (struct server_msg){0};
}

/* ---- building ---- */

static void put_string(struct bytes *out, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    bytes_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ') {
            bytes_put_str(out, "\\u00");
            bytes_put_u8(out, (uint8_t)digits[c >> 4]);
            bytes_put_u8(out, (uint8_t)digits[c & 15]);
            continue;
        }
        if (c == '"' || c == '\\')
            bytes_put_u8(out, '\\');
        bytes_put_u8(out, c);
    }
    bytes_put_u8(out, '"');
}

static void put_field(struct bytes *out, const char *name, const char *value)
{
    bytes_put_u8(out, ',');
    put_string(out, name);
    bytes_put_u8(out, ':');
    put_string(out, value);
}

static void begin(struct bytes *out, const char *type, const char *id)
{
    bytes_put_str(out, "{\"type\":");
    put_string(out, type);
    put_field(out, "id", id);
}

static void end(struct bytes *out)
{
    bytes_put_u8(out, '}');
}

void server_msg_bind(struct bytes *out, const char *id, const char *appid, const char *side)
{
    begin(out, "bind", id);
    put_field(out, "appid", appid);
    put_field(out, "side", side);
    bytes_put_str(out, ",\"client_version\":[\"wormholefs\",\"" WORMHOLEFS_VERSION "\"]");
    end(out);
}

void server_msg_allocate(struct bytes *out, const char *id)
{
    begin(out, "allocate", id);
    end(out);
}

void server_msg_claim(struct bytes *out, const char *id, const char *nameplate)
{
    begin(out, "claim", id);
    put_field(out, "nameplate", nameplate);
    end(out);
}

void server_msg_release_nameplate(struct bytes *out, const char *id, const char *nameplate)
{
    begin(out, "release", id);
    put_field(out, "nameplate", nameplate);
    end(out);
}

void server_msg_open(struct bytes *out, const char *id, const char *mailbox)
{
    begin(out, "open", id);
    put_field(out, "mailbox", mailbox);
    end(out);
}

void server_msg_add(struct bytes *out, const char *id, const char *phase, const void *body,
                    size_t len)
{
    begin(out, "add", id);
    put_field(out, "phase", phase);
    bytes_put_str(out, ",\"body\":\"");
    bytes_reserve(out, 2 * len + 3);
    if (!bytes_ok(out))
        return;
    hex_encode((char *)out->data + out->len, body, len);
    out->len += 2 * len;
    bytes_put_u8(out, '"');
    end(out);
}

void server_msg_close(struct bytes *out, const char *id, const char *mailbox,
                      enum mailbox_mood mood)
{
    begin(out, "close", id);
    put_field(out, "mailbox", mailbox);
    put_field(out, "mood", mailbox_mood_name(mood));
    end(out);
}

void server_msg_ping(struct bytes *out, const char *id, int64_t ping)
{
    char number[24];

    snprintf(number, sizeof(number), "%" PRId64, ping);
    begin(out, "ping", id);
    bytes_put_str(out, ",\"ping\":");
    bytes_put_str(out, number);
    end(out);
}

void server_msg_list(struct bytes *out, const char *id)
{
    begin(out, "list", id);
    end(out);
}

const char *mailbox_mood_name(enum mailbox_mood mood)
{
    switch (mood) {
    case MOOD_HAPPY:
        return "happy";
    case MOOD_LONELY:
        return "lonely";
    case MOOD_SCARY:
        return "scary";
    case MOOD_ERRORY:
        return "errory";
    case MOOD_UNWELCOME:
        return "unwelcome";
    }
    return "happy";
}
