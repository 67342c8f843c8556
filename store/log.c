#include "store/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/core.h"
#include "store/projection.h"

static const char *const texts[LOG_TYPE_COUNT] = {
#define LOG_TEXT(id, name) [LOG_##id] = (name),
    LOG_TYPES(LOG_TEXT)
#undef LOG_TEXT
};

/* What a detail must have, as "key:type …": s text, i integer, b flag, r revision. The rest is
 * optional. It follows the table in log.h; a type that is not here needs nothing. */
static const char *const needs[LOG_TYPE_COUNT] = {
    [LOG_WORMHOLE_CREATED] = "outbox:i inbox:i code:i state:i",
    [LOG_WORMHOLE_RENAMED] = "name:s",
    [LOG_INBOX_RENAMED] = "name:s",
    [LOG_ENTRY_RENAMED] = "name:s",
    [LOG_BOX_RENEWED] = "box:s old:i",
    [LOG_CODE_ALLOCATED] = "nameplate:s",
    [LOG_JOINING] = "nameplate:s",
    [LOG_CODE_BURNT] = "count:i waits:b",
    [LOG_PAIRED] = "peer:s version:s",
    [LOG_CLOSED] = "by:s",
    [LOG_FAILED] = "why:s",
    [LOG_ENTRY_CREATED] = "name:s kind:s",
    [LOG_INBOX_CREATED] = "name:s kind:s",
    [LOG_ENTRY_EXCHANGED] = "other:i",
    [LOG_INBOX_EXCHANGED] = "other:i",
    [LOG_ENTRY_REMOVED] = "name:s cause:s",
    [LOG_INBOX_REMOVED] = "name:s cause:s",
    [LOG_ENTRY_SEALED] = "rev:r size:i files:i",
    [LOG_ENTRY_WITHDRAWN] = "rev:r",
    [LOG_ENTRY_OFFERED] = "rev:r",
    [LOG_ARRIVAL_WITHDRAWN] = "rev:r",
    [LOG_ENTRY_HELD] = "reason:s",
    [LOG_ENTRY_DELIVERED] = "rev:r name:s how:s",
    [LOG_ENTRY_REFUSED] = "rev:r reason:s",
    [LOG_ARRIVAL_REFUSED] = "rev:r reason:s",
    [LOG_ARRIVING] = "rev:r parcel_size:i name:s",
    [LOG_ARRIVED] = "name:s kind:s size:i files:i",
    [LOG_FORWARDED] = "name:s to:i to_ino:i",
    [LOG_PROBLEM] = "text:s",
    [LOG_WENT_BACK] = "who:s",
    [LOG_ROTATED] = "number:i",
    [LOG_MET] = "number:i",
};

const char *log_type_text(enum log_type type)
{
    return (unsigned)type < LOG_TYPE_COUNT ? texts[type] : "unknown";
}

int log_type_parse(const char *text, enum log_type *out)
{
    for (unsigned i = 0; i < LOG_TYPE_COUNT; i++) {
        if (strcmp(texts[i], text) != 0)
            continue;
        *out = (enum log_type)i;
        return 0;
    }
    return STORE_ERR_NOT_FOUND;
}

static bool is_rev(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strlen(text) == 2 * REV_BYTES &&
           strspn(text, "0123456789abcdef") == 2 * REV_BYTES;
}

static bool has(const json_t *detail, const char *key, char type)
{
    const json_t *value = json_object_get(detail, key);
    switch (type) {
    case 's':
        return json_is_string(value);
    case 'i':
        return json_is_integer(value);
    case 'b':
        return json_is_boolean(value);
    default:
        return is_rev(value);
    }
}

static bool is_complete(enum log_type type, const json_t *detail)
{
    char key[32];
    for (const char *p = needs[type] ? needs[type] : ""; *p;) {
        size_t len = strcspn(p, ":");
        snprintf(key, sizeof key, "%.*s", (int)len, p);
        if (!has(detail, key, p[len + 1]))
            return false;
        p += len + 2;
        p += strspn(p, " ");
    }
    return true;
}

/* ---- appending ---- */

static struct sql insert = {"INSERT INTO log (time_ms, type, wormhole, ino, detail) "
                            "VALUES (?,?,?,?,?)",
                            0};

static int insert_row(struct turn *t, const struct log_event *e)
{
    char *text = json_dumps(e->detail, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return STORE_ERR_NOMEM;
    int rc = STORE_ERR_TOO_BIG;
    if (strlen(text) <= LOG_DETAIL_BYTES_MAX)
        rc = sql_exec(turn_view(t), &insert, "ituut", turn_now_ms(t), log_type_text(e->type),
                      e->wormhole, e->ino, text);
    free(text);
    return rc;
}

static int append(struct turn *t, const struct log_event *e, uint64_t *id)
{
    if ((unsigned)e->type >= LOG_TYPE_COUNT || !json_is_object(e->detail) ||
        !is_complete(e->type, e->detail))
        return STORE_ERR_INVALID;
    turn_promise(t);
    int rc = freeze_follow(t, e);
    if (rc == 0)
        rc = insert_row(t, e);
    if (rc)
        return rc;
    struct log_row row = {
        .id = (uint64_t)sqlite3_last_insert_rowid(turn_view(t)->db),
        .time_ms = turn_now_ms(t),
        .event = *e,
    };
    if (id)
        *id = row.id;
    return projection_apply(t, &row);
}

int log_append(struct turn *t, const struct log_event *event, uint64_t *id)
{
    struct log_event e = *event;
    if (!e.detail)
        e.detail = json_object();
    int rc = e.detail ? append(t, &e, id) : STORE_ERR_NOMEM;
    json_decref(e.detail);
    return rc;
}

/* ---- reading ---- */

static struct sql read_rows = {"SELECT id, time_ms, type, wormhole, ino, detail FROM log "
                               "WHERE id>? ORDER BY id LIMIT ?",
                               0};
static struct sql last_row = {"SELECT ifnull(max(id),0) FROM log", 0};

static int read_row(const struct sql_query *q, struct log_row *row)
{
    const char *type = (const char *)sqlite3_column_text(q->stmt, 2);
    const char *detail = (const char *)sqlite3_column_text(q->stmt, 5);
    *row = (struct log_row){
        .id = sql_u64(q, 0),
        .time_ms = sql_i64(q, 1),
        .event = {.wormhole = sql_u64(q, 3), .ino = sql_u64(q, 4)},
    };
    if (!type || !detail || log_type_parse(type, &row->event.type))
        return STORE_ERR_CORRUPT;
    row->event.detail = json_loads(detail, 0, NULL);
    return row->event.detail ? 0 : STORE_ERR_CORRUPT;
}

int log_read(struct view *v, uint64_t since, uint64_t limit,
             int (*fn)(void *arg, const struct log_row *row), void *arg)
{
    struct sql_query q;
    int64_t rows = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
    int rc = sql_open(v, &read_rows, &q, "ui", since, rows);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct log_row row;
        rc = read_row(&q, &row);
        if (rc == 0)
            rc = fn(arg, &row);
        json_decref(row.event.detail);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int log_last(struct view *v, uint64_t *id)
{
    struct sql_query q;
    int rc = sql_row(v, &last_row, &q, "");
    if (rc)
        return rc;
    *id = sql_u64(&q, 0);
    sql_done(&q);
    return 0;
}

/* ---- texts and names in details ---- */

json_t *log_delivery(const uint8_t rev[static REV_BYTES], const char *at_peer, const char *how)
{
    char hex[2 * REV_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, rev, REV_BYTES);
    return json_pack("{s:s, s:o, s:o}", "rev", hex, "name", log_text(at_peer ? at_peer : ""), "how",
                     log_text(how));
}

json_t *log_text(const char *text)
{
    char cut[LOG_TEXT_BYTES_MAX + 1];
    snprintf(cut, sizeof cut, "%s", text);
    json_t *value = json_string(cut);
    for (size_t len = strlen(cut); !value && len > 0; value = json_string(cut))
        cut[--len] = '\0';
    return value;
}

enum { KEY_MAX = 32, HEX_MAX = 2 * NAME_BYTES_MAX };

static void hex_key(char out[KEY_MAX], const char *key)
{
    snprintf(out, KEY_MAX, "%s_hex", key);
}

int log_put_name(json_t *detail, const char *key, const struct name *name)
{
    char shown[NAME_SHOWN_MAX + 1], exact_key[KEY_MAX], exact[HEX_MAX + 1] = "";
    name_show(shown, name->text, name->len);
    if (json_object_set_new(detail, key, json_string(shown)))
        return STORE_ERR_NOMEM;
    if (strcmp(shown, name->text) == 0)
        return 0;
    hex_key(exact_key, key);
    sodium_bin2hex(exact, sizeof exact, (const uint8_t *)name->text, name->len);
    return json_object_set_new(detail, exact_key, json_string(exact)) ? STORE_ERR_NOMEM : 0;
}

static int from_hex(const char *hex, struct name *out)
{
    char text[NAME_BYTES_MAX];
    size_t len = strlen(hex);
    if (len % 2 || len > HEX_MAX || strspn(hex, "0123456789abcdef") != len)
        return STORE_ERR_INVALID;
    for (size_t i = 0; i < len / 2; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        text[i] = (char)(unsigned char)strtoul(pair, NULL, 16);
    }
    return name_set(out, text, len / 2);
}

int log_get_name(const json_t *detail, const char *key, struct name *out)
{
    char exact_key[KEY_MAX];
    hex_key(exact_key, key);
    const char *exact = json_string_value(json_object_get(detail, exact_key));
    if (exact)
        return from_hex(exact, out);
    const char *shown = json_string_value(json_object_get(detail, key));
    return shown ? name_set(out, shown, strlen(shown)) : STORE_ERR_NOT_FOUND;
}
