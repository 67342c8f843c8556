#include "proto/hints.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"

enum { PORT_MAX = 65535, PORT_DIGITS_MAX = 5 };

static const char type_direct[] = "direct-tcp-v1";
static const char type_relay[] = "relay-v1";

static bool is_host(const char *host, size_t len)
{
    if (len < 1 || len > HINT_HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (host[i] <= ' ' || host[i] > '~')
            return false;
    return true;
}

size_t hints_count(const struct hint_list *list, enum hint_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < list->count; i++)
        n += list->at[i].kind == kind;
    return n;
}

static bool contains(const struct hint_list *list, const struct hint *hint)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct hint *have = &list->at[i];
        if (have->kind == hint->kind && have->port == hint->port &&
            strcmp(have->host, hint->host) == 0)
            return true;
    }
    return false;
}

int hints_add(struct hint_list *list, enum hint_kind kind, const char *host, uint16_t port,
              double priority)
{
    struct hint hint = {.kind = kind, .port = port, .priority = priority};

    size_t len = strnlen(host, HINT_HOST_MAX + 1);
    if (!is_host(host, len) || port == 0 || !isfinite(priority))
        return PROTO_ERR_INVALID;
    memcpy(hint.host, host, len);
    if (contains(list, &hint))
        return PROTO_OK;
    if (hints_count(list, kind) == (kind == HINT_RELAY ? HINTS_RELAY_MAX : HINTS_DIRECT_MAX))
        return PROTO_ERR_FULL;
    list->at[list->count++] = hint;
    return PROTO_OK;
}

static bool has_type(const json_t *hint, const char *type)
{
    const char *value = json_string_value(json_object_get(hint, "type"));

    return value != NULL && strcmp(value, type) == 0;
}

/* A port as JSON has it: 4001 or 4001.0. 0 if it is none. */
static uint16_t port_of(const json_t *value)
{
    double port = json_number_value(value);

    if (!(port >= 1 && port <= PORT_MAX) || port != (double)(uint16_t)port)
        return 0;
    return (uint16_t)port;
}

/* What hints_add refuses is skipped, and so is a host with a NUL inside. */
static void read_direct(struct hint_list *list, enum hint_kind kind, const json_t *hint)
{
    const json_t *host = json_object_get(hint, "hostname");

    if (!has_type(hint, type_direct) || !json_is_string(host))
        return;
    if (!is_host(json_string_value(host), json_string_length(host)))
        return;
    hints_add(list, kind, json_string_value(host), port_of(json_object_get(hint, "port")),
              json_number_value(json_object_get(hint, "priority")));
}

static void read_relay(struct hint_list *list, const json_t *relay)
{
    const json_t *nested = json_object_get(relay, "hints");

    for (size_t i = 0; i < json_array_size(nested); i++)
        read_direct(list, HINT_RELAY, json_array_get(nested, i));
}

int hints_parse(struct hint_list *list, const json_t *object)
{
    const json_t *array = json_object_get(object, "hints-v1");

    *list = (struct hint_list){0};
    if (!json_is_object(object))
        return PROTO_ERR_MALFORMED;
    if (array != NULL && !json_is_array(array) && !json_is_null(array))
        return PROTO_ERR_MALFORMED;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *hint = json_array_get(array, i);
        if (has_type(hint, type_relay))
            read_relay(list, hint);
        else
            read_direct(list, HINT_DIRECT, hint);
    }
    return PROTO_OK;
}

static json_t *build_direct(const struct hint *hint)
{
    return json_pack("{s:s, s:s, s:i, s:f}", "type", type_direct, "hostname", hint->host, "port",
                     (int)hint->port, "priority", hint->priority);
}

static json_t *build_relay(const struct hint *hint)
{
    return json_pack("{s:s, s:[o]}", "type", type_relay, "hints", build_direct(hint));
}

static json_t *build_array(const struct hint_list *list)
{
    json_t *array = json_array();
    int bad = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct hint *hint = &list->at[i];
        bad |= json_array_append_new(array, hint->kind == HINT_RELAY ? build_relay(hint)
                                                                     : build_direct(hint));
    }
    if (bad) {
        json_decref(array);
        return NULL;
    }
    return array;
}

json_t *hints_build(const struct hint_list *list)
{
    return json_pack("{s:o}", "hints-v1", build_array(list));
}

json_t *hints_build_transit(const struct hint_list *list)
{
    return json_pack("{s:[{s:s}, {s:s}], s:o}", "abilities-v1", "type", type_direct, "type",
                     type_relay, "hints-v1", build_array(list));
}

/* Decimal, all of `text`, without a sign; 0 if it is no port. */
static uint16_t port_of_text(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits < 1 || digits > PORT_DIGITS_MAX || text[digits] != '\0')
        return 0;
    unsigned long port = strtoul(text, NULL, 10);
    return port <= PORT_MAX ? (uint16_t)port : 0;
}

/* Only an address in brackets may have colons: "tcp:::1:4001" could mean two things. */
static bool split_host(const char *text, const char **host, size_t *len, const char **rest)
{
    bool bracket = *text == '[';

    *host = text + bracket;
    *len = strcspn(*host, bracket ? "]" : ":");
    *rest = *host + *len;
    if (bracket && *(*rest)++ != ']')
        return false;
    if (*(*rest)++ != ':')
        return false;
    return is_host(*host, *len);
}

int hints_parse_option(struct hint *hint, enum hint_kind kind, const char *text)
{
    static const char scheme[] = "tcp:";
    const char *host, *rest;
    size_t len;

    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
        return PROTO_ERR_INVALID;
    if (!split_host(text + sizeof(scheme) - 1, &host, &len, &rest))
        return PROTO_ERR_INVALID;
    uint16_t port = port_of_text(rest);
    if (port == 0)
        return PROTO_ERR_INVALID;
    *hint = (struct hint){.kind = kind, .port = port};
    memcpy(hint->host, host, len);
    return PROTO_OK;
}
