#include "tests/sim/acts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "proto/limits.h"
#include "tests/sim/transcript.h"

static struct bytes line;

static void put(const char *text)
{
    bytes_put_str(&line, text);
}

static void put_number(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), " %" PRIu64, number);
    put(number == MAILBOX_OF_CODE ? " code" : number == MAILBOX_OF_MEETING ? " meeting" : text);
}

static void put_hex(const struct bytes *body)
{
    for (size_t i = 0; i < body->len; i++) {
        char hex[3];
        snprintf(hex, sizeof(hex), "%02x", body->data[i]);
        put(hex);
    }
}

static void put_field(const json_t *message, const char *key, const char *before)
{
    if (json_object_get(message, key) == NULL)
        return;
    put(before);
    put(transcript_text(message, key));
}

static void put_command(const struct action *a)
{
    json_t *message = json_loadb((const char *)a->body.data, a->body.len, 0, NULL);
    char text[32];

    if (!json_is_object(message) || a->body.len > CLIENT_TEXT_MAX)
        abort();
    snprintf(text, sizeof(text), "%d ", (int)a->link);
    put(text);
    put(transcript_text(message, "type"));
    put_field(message, "appid", " ");
    put_field(message, "side", " ");
    put_field(message, "nameplate", " ");
    put_field(message, "mailbox", " ");
    put_field(message, "mood", " ");
    put_field(message, "phase", " ");
    put_field(message, "body", ":");
    if (json_object_get(message, "ping") != NULL)
        put_number((uint64_t)json_integer_value(json_object_get(message, "ping")));
    json_decref(message);
}

static const char *name_of(enum action_kind kind)
{
    static const char *const names[] = {
        [ACTION_SNAPSHOT] = "snapshot",
        [ACTION_KEEP] = "keep",
        [ACTION_FORGET] = "forget",
        [ACTION_CODE] = "code",
        [ACTION_CODE_GONE] = "code-gone",
        [ACTION_STATE] = "state",
        [ACTION_PAIRED] = "paired",
        [ACTION_DELIVER] = "deliver",
        [ACTION_ACKED] = "acked",
        [ACTION_EVENT] = "event",
        [ACTION_PROBLEM] = "problem",
        [ACTION_PEER_CLOSED] = "peer-closed",
        [ACTION_CLOSE_DONE] = "close-done",
        [ACTION_CLASSIC_OFFERED] = "classic-offered",
        [ACTION_CLASSIC_ANSWERED] = "classic-answered",
        [ACTION_CLASSIC_TEXT] = "classic-text",
        [ACTION_CLASSIC_FAILED] = "classic-failed",
        [ACTION_CLASSIC_DONE] = "classic-done",
        [ACTION_LINK_OPEN] = "link-open",
        [ACTION_LINK_SEND] = "link-send",
        [ACTION_LINK_CLOSE] = "link-close",
        [ACTION_LINK_MOVE] = "link-move",
        [ACTION_HEARD] = "heard",
        [ACTION_CAUGHT_UP] = "caught-up",
        [ACTION_TRANSIT_LISTEN] = "transit-listen",
        [ACTION_TRANSIT_START] = "transit-start",
        [ACTION_TRANSIT_STOP] = "transit-stop",
    };

    return names[kind];
}

static void put_body(const struct action *a)
{
    put_number(a->mailbox);
    put(" ");
    put(a->phase);
    put(":");
    put_hex(&a->body);
}

static void put_offer(const struct classic_offer *offer)
{
    char text[400];

    snprintf(text, sizeof(text), " %s %s %" PRIu64 " %" PRIu64 " %" PRIu32,
             offer->directory ? "directory" : "file", offer->name, offer->size, offer->total,
             offer->files);
    put(text);
}

static void put_plan(const struct transit_plan *plan)
{
    put(plan->sender ? " sender" : " receiver");
    put(plan->classic ? " classic" : "");
    put(plan->aes ? " aes" : "");
    put_number(plan->hints.count);
}

static void put_numbered(const struct action *a)
{
    put_number(a->number);
    if (a->text != NULL && a->text[0] != '\0')
        put(" ");
    put(a->text != NULL ? a->text : "");
}

static void put_fields(const struct action *a)
{
    switch (a->kind) {
    case ACTION_KEEP:
    case ACTION_FORGET:
        put_body(a);
        break;
    case ACTION_LINK_OPEN:
    case ACTION_LINK_CLOSE:
    case ACTION_LINK_MOVE:
    case ACTION_CAUGHT_UP:
        put_number((uint64_t)a->link);
        break;
    case ACTION_CLASSIC_OFFERED:
        put_offer(a->offer);
        break;
    case ACTION_CLASSIC_TEXT:
        put(" ");
        bytes_put(&line, a->body.data, a->body.len);
        break;
    case ACTION_DELIVER:
        put(" ");
        put_hex(&a->body);
        break;
    case ACTION_CODE_GONE:
    case ACTION_STATE:
    case ACTION_PAIRED:
    case ACTION_ACKED:
    case ACTION_EVENT:
    case ACTION_CLASSIC_FAILED:
    case ACTION_TRANSIT_LISTEN:
    case ACTION_TRANSIT_STOP:
        put_numbered(a);
        break;
    case ACTION_TRANSIT_START:
        put_number(a->number);
        put_plan(a->plan);
        break;
    case ACTION_CODE:
    case ACTION_PROBLEM:
        put(" ");
        put(a->text);
        break;
    case ACTION_SNAPSHOT:
    case ACTION_PEER_CLOSED:
    case ACTION_CLOSE_DONE:
    case ACTION_CLASSIC_ANSWERED:
    case ACTION_CLASSIC_DONE:
    case ACTION_LINK_SEND:
    case ACTION_HEARD:
        break;
    }
}

const char *acts_take(struct actions *actions)
{
    struct action *a;

    bytes_clear(&line);
    if (actions->failed)
        put("FAILED ");
    while ((a = actions_take(actions)) != NULL) {
        if (line.len > 0)
            put(", ");
        if (a->kind == ACTION_LINK_SEND) {
            put_command(a);
        } else {
            put(name_of(a->kind));
            put_fields(a);
        }
        action_free(a);
    }
    bytes_put_u8(&line, 0);
    return (const char *)line.data;
}

__attribute__((destructor)) static void free_line(void)
{
    bytes_release(&line);
}
