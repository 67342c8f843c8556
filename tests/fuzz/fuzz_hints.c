/* Connection hints: first byte even: the JSON of a peer; odd: the text of an option. */
#include "proto/hints.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct hint *h)
{
    MUST(h->port != 0);
    MUST(h->host[0] != '\0' && strnlen(h->host, sizeof h->host) <= HINT_HOST_MAX);
    for (const char *c = h->host; *c != '\0'; c++)
        MUST(*c > 32 && *c < 127);
}

static void read_json(const uint8_t *data, size_t len)
{
    struct hint_list list, again;
    json_t *object = json_loadb((const char *)data, len, JSON_DECODE_ANY, NULL);

    if (hints_parse(&list, object) == PROTO_OK) {
        MUST(hints_count(&list, HINT_DIRECT) <= HINTS_DIRECT_MAX);
        MUST(hints_count(&list, HINT_RELAY) <= HINTS_RELAY_MAX);
        for (size_t i = 0; i < list.count; i++)
            check(&list.at[i]);
        json_t *built = hints_build_transit(&list);
        MUST(hints_parse(&again, built) == PROTO_OK && again.count == list.count);
        for (size_t i = 0; i < list.count; i++)
            check(&again.at[i]);
        json_decref(built);
    }
    json_decref(object);
}

static void read_option(const uint8_t *data, size_t len)
{
    struct hint hint;
    char *text = malloc(len + 1);

    MUST(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    if (hints_parse_option(&hint, HINT_RELAY, text) == PROTO_OK)
        check(&hint);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % 2 == 0)
        read_json(data + 1, len - 1);
    else
        read_option(data + 1, len - 1);
    return 0;
}
