#include "tests/sim/mailbox_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/sim/mailbox_objects.h"
#include "tests/sim/must.h"

struct connection {
    struct connection *next;
    uint64_t number;
    char *appid, *side; /* NULL until bound */
    uint64_t namespace;
    char *nameplate; /* of the claim */
    char *mailbox;   /* of the open */
    uint64_t object; /* of the mailbox that is open, 0 if none */
    bool listening;
    bool did_allocate, did_claim, did_release, did_close;
    bool doomed; /* Python raised: dropped once the message is done with */
};

struct mailbox_server {
    struct mailbox_server_options options;
    struct mailbox_rows rows;
    struct mailbox_objects objects;
    struct connection *connections;
    struct mailbox_server_output *first, **last;
    uint64_t random, connected;
    int64_t check_ms, now_ms;
};

static uint64_t draw(struct mailbox_server *s) /* splitmix64 */
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* ---- output ---- */

static void queue(struct mailbox_server *s, uint64_t connection, char *text)
{
    struct mailbox_server_output *o = must(calloc(1, sizeof(*o)));

    o->connection = connection;
    o->dropped = text == NULL;
    o->text = text;
    o->len = text != NULL ? strlen(text) : 0;
    *s->last = o;
    s->last = &o->next;
}

/* `message`, which it frees, as type `type`. */
static char *text_of(const struct mailbox_server *s, const char *type, json_t *message)
{
    must(message);
    json_object_set_new(message, "type", json_string(type));
    json_object_set_new(message, "server_tx", json_real((double)s->now_ms / 1000));
    char *text = must(json_dumps(message, 0));
    json_decref(message);
    return text;
}

static void send_json(struct mailbox_server *s, const struct connection *c, const char *type,
                      json_t *message)
{
    queue(s, c->number, text_of(s, type, message));
}

static void send_error(struct mailbox_server *s, const struct connection *c, const char *error,
                       json_t *orig)
{
    send_json(s, c, "error", json_pack("{s:s, s:O}", "error", error, "orig", orig));
}

static char *text_of_message(const struct mailbox_server *s, const struct row_message *m)
{
    return text_of(s, "message",
                   json_pack("{s:s, s:s, s:s, s:f, s:s?}", "side", m->side, "phase", m->phase,
                             "body", m->body, "server_rx", (double)m->rx_ms / 1000, "id", m->id));
}

struct mailbox_server_output *mailbox_server_take(struct mailbox_server *s)
{
    struct mailbox_server_output *o = s->first;
    if (o == NULL)
        return NULL;
    s->first = o->next;
    if (s->first == NULL)
        s->last = &s->first;
    o->next = NULL;
    return o;
}

void mailbox_server_output_free(struct mailbox_server_output *o)
{
    if (o == NULL)
        return;
    free(o->text);
    free(o);
}

static void discard_output(struct mailbox_server *s, uint64_t connection)
{
    struct mailbox_server_output **at = &s->first;

    while (*at != NULL) {
        struct mailbox_server_output *o = *at;
        if (o->connection == connection) {
            *at = o->next;
            mailbox_server_output_free(o);
        } else {
            at = &o->next;
        }
    }
    s->last = at;
}

static bool has_listeners(const struct mailbox_server *s, uint64_t object)
{
    const struct connection *c = s->connections;

    while (c != NULL && (!c->listening || c->object != object))
        c = c->next;
    return c != NULL;
}

/* ---- connections ---- */

uint64_t mailbox_server_connect(struct mailbox_server *s, int64_t now_ms)
{
    struct connection *c = must(calloc(1, sizeof(*c)));
    json_t *welcome =
        s->options.welcome != NULL ? json_loads(s->options.welcome, 0, NULL) : json_object();

    s->now_ms = now_ms;
    c->number = ++s->connected;
    c->next = s->connections;
    s->connections = c;
    send_json(s, c, "welcome", json_pack("{s:o}", "welcome", must(welcome)));
    return c->number;
}

static void free_connection(struct connection *c)
{
    free(c->appid);
    free(c->side);
    free(c->nameplate);
    free(c->mailbox);
    free(c);
}

static void remove_connection(struct mailbox_server *s, uint64_t number)
{
    struct connection **at = &s->connections;

    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    struct connection *c = *at;
    *at = c->next;
    free_connection(c);
}

void mailbox_server_disconnect(struct mailbox_server *s, uint64_t connection)
{
    remove_connection(s, connection);
    discard_output(s, connection);
}

static void drop_all(struct mailbox_server *s)
{
    while (s->connections != NULL) {
        uint64_t number = s->connections->number;
        mailbox_server_disconnect(s, number);
        queue(s, number, NULL);
    }
}

/* ---- commands ---- */

/* The string under `key`. NULL if it is missing, with that error sent; and if it is no string,
 * where Python raises. */
static const char *need(struct mailbox_server *s, struct connection *c, json_t *msg,
                        const char *key, const char *error)
{
    json_t *value = json_object_get(msg, key);

    if (value == NULL)
        send_error(s, c, error, msg);
    else if (!json_is_string(value))
        c->doomed = true;
    return json_string_value(value);
}

static void handle_ping(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    json_t *ping = json_object_get(msg, "ping");

    if (ping == NULL)
        send_error(s, c, "ping requires 'ping'", msg);
    else
        send_json(s, c, "pong", json_pack("{s:O}", "pong", ping));
}

static void handle_bind(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    const char *appid, *side;

    if (c->appid != NULL) {
        send_error(s, c, "already bound", msg);
        return;
    }
    if ((appid = need(s, c, msg, "appid", "bind requires 'appid'")) == NULL ||
        (side = need(s, c, msg, "side", "bind requires 'side'")) == NULL)
        return;
    c->appid = must(strdup(appid));
    c->side = must(strdup(side));
    c->namespace = mailbox_objects_namespace(&s->objects, appid);
}

static void handle_list(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    json_t *list = must(json_array());

    (void)msg;
    for (const struct row_nameplate *n = s->rows.nameplates; n != NULL; n = n->next)
        if (strcmp(n->appid, c->appid) == 0)
            json_array_append_new(list, json_pack("{s:s}", "id", n->name));
    send_json(s, c, "nameplates", json_pack("{s:o}", "nameplates", list));
}

static bool is_digits(const char *text)
{
    return text[0] != '\0' && strlen(text) <= 40 && text[strspn(text, "0123456789")] == '\0';
}

static const char *claim(struct mailbox_server *s, struct connection *c, const char *name,
                         bool *crowded)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    char fresh[14] = {0};
    uint64_t bits = draw(s);

    for (size_t i = 0; i < sizeof(fresh) - 1; i++, bits >>= 5)
        fresh[i] = digits[bits & 31];
    const struct row_nameplate *n = mailbox_rows_claim(&s->rows, c->appid, name, c->side, fresh);
    if (n == NULL)
        return NULL;
    mailbox_rows_open(&s->rows, c->appid, n->mailbox, c->side, s->now_ms, crowded);
    mailbox_objects_get(&s->objects, c->namespace, n->mailbox);
    return n->mailbox;
}

/* A random free name of as few digits as possible. */
static void find_free(struct mailbox_server *s, const char *appid, char *out, size_t size)
{
    for (uint64_t low = 1;; low *= 10) {
        uint64_t start = draw(s) % (9 * low);
        for (uint64_t i = 0; i < 9 * low; i++) {
            snprintf(out, size, "%llu", (unsigned long long)(low + (start + i) % (9 * low)));
            if (mailbox_rows_nameplate(&s->rows, appid, out) == NULL)
                return;
        }
    }
}

static void handle_allocate(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    char name[24];
    bool crowded;

    if (c->did_allocate) {
        send_error(s, c, "you already allocated one, don't be greedy", msg);
        return;
    }
    c->did_allocate = true;
    find_free(s, c->appid, name, sizeof(name));
    claim(s, c, name, &crowded);
    send_json(s, c, "allocated", json_pack("{s:s}", "nameplate", name));
}

static void handle_claim(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    bool crowded = false;
    const char *name = need(s, c, msg, "nameplate", "claim requires 'nameplate'");

    if (name == NULL)
        return;
    if (c->did_claim) {
        send_error(s, c, "only one claim per connection", msg);
        return;
    }
    c->did_claim = true;
    if (s->options.head && !is_digits(name)) {
        c->doomed = true;
        return;
    }
    c->nameplate = must(strdup(name));
    const char *mailbox = claim(s, c, name, &crowded);
    if (mailbox == NULL)
        send_error(s, c, "reclaimed", msg);
    else if (crowded)
        send_error(s, c, "crowded", msg);
    else
        send_json(s, c, "claimed", json_pack("{s:s}", "mailbox", mailbox));
}

static void handle_release(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    json_t *given = json_object_get(msg, "nameplate");
    const char *name = given != NULL ? json_string_value(given) : c->nameplate;

    if (c->did_release) {
        send_error(s, c, "only one release per connection", msg);
    } else if (given != NULL && c->nameplate != NULL &&
               (name == NULL || strcmp(name, c->nameplate) != 0)) {
        send_error(s, c, "release and claim must use same nameplate", msg);
    } else if (given == NULL && c->nameplate == NULL) {
        send_error(s, c, "release without nameplate must follow claim", msg);
    } else if (name == NULL) {
        c->doomed = true;
    } else {
        c->did_release = true;
        mailbox_rows_release_nameplate(&s->rows, c->appid, name, c->side);
        send_json(s, c, "released", json_object());
    }
}

/* Opens for this connection, without listening; false if it is crowded. */
static bool open_mailbox(struct mailbox_server *s, struct connection *c, const char *id)
{
    bool crowded;

    mailbox_rows_open(&s->rows, c->appid, id, c->side, s->now_ms, &crowded);
    uint64_t object = mailbox_objects_get(&s->objects, c->namespace, id);
    if (!crowded)
        c->object = object;
    return !crowded;
}

static void handle_open(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    if (c->object != 0) {
        send_error(s, c, "only one open per connection", msg);
        return;
    }
    const char *id = need(s, c, msg, "mailbox", "open requires 'mailbox'");
    if (id == NULL)
        return;
    free(c->mailbox);
    c->mailbox = must(strdup(id));
    if (!open_mailbox(s, c, id)) {
        send_error(s, c, "crowded", msg);
        return;
    }
    c->listening = true;
    const struct row_message *m = s->rows.messages;
    while ((m = mailbox_rows_find(m, c->appid, id)) != NULL) {
        queue(s, c->number, text_of_message(s, m));
        m = m->next;
    }
}

static void broadcast(struct mailbox_server *s, uint64_t object, const struct row_message *m)
{
    char *text = text_of_message(s, m);

    for (const struct connection *c = s->connections; c != NULL; c = c->next)
        if (c->listening && c->object == object)
            queue(s, c->number, must(strdup(text)));
    free(text);
}

static void handle_add(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    const char *phase, *body;
    json_t *id = json_object_get(msg, "id");

    if (c->object == 0) {
        send_error(s, c, "must open mailbox before adding", msg);
        return;
    }
    if ((phase = need(s, c, msg, "phase", "missing 'phase'")) == NULL ||
        (body = need(s, c, msg, "body", "missing 'body'")) == NULL)
        return;
    broadcast(s, c->object,
              mailbox_rows_add(&s->rows, c->appid, c->mailbox, c->side, phase, body,
                               json_string_value(id), s->now_ms));
}

/* Python forgets a deleted mailbox's object together with its listeners. */
static void stop_listeners(struct mailbox_server *s, uint64_t object)
{
    for (struct connection *c = s->connections; c != NULL; c = c->next)
        if (c->object == object)
            c->listening = false;
    mailbox_objects_forget(&s->objects, object);
}

static void close_mailbox(struct mailbox_server *s, struct connection *c, const char *id)
{
    uint64_t object = c->object;

    c->listening = false;
    c->did_close = true;
    c->object = 0;
    switch (mailbox_rows_close(&s->rows, c->appid, id, c->side, !s->options.head)) {
    case ROWS_STILL_NAMED:
        c->doomed = true;
        return;
    case ROWS_DELETED:
        stop_listeners(s, object);
        break;
    case ROWS_STILL_OPEN:
        break;
    }
    send_json(s, c, "closed", json_object());
}

static void handle_close(struct mailbox_server *s, struct connection *c, json_t *msg)
{
    json_t *given = json_object_get(msg, "mailbox");
    const char *id = given != NULL ? json_string_value(given) : c->mailbox;

    if (c->did_close) {
        send_error(s, c, "only one close per connection", msg);
    } else if (given != NULL && c->mailbox != NULL && (id == NULL || strcmp(id, c->mailbox) != 0)) {
        send_error(s, c, "open and close must use same mailbox", msg);
    } else if (given == NULL && c->mailbox == NULL) {
        send_error(s, c, "close without mailbox must follow open", msg);
    } else if (id == NULL) {
        c->doomed = true;
    } else if (c->object == 0 && !open_mailbox(s, c, id)) {
        send_error(s, c, "crowded", msg);
    } else {
        close_mailbox(s, c, id);
    }
}

static void handle(struct mailbox_server *s, struct connection *c, const char *type, json_t *msg)
{
    static const struct {
        const char *type;
        bool unbound;
        void (*handle)(struct mailbox_server *s, struct connection *c, json_t *msg);
    } commands[] = {
        {"ping", true, handle_ping},    {"bind", true, handle_bind},
        {"list", false, handle_list},   {"allocate", false, handle_allocate},
        {"claim", false, handle_claim}, {"release", false, handle_release},
        {"open", false, handle_open},   {"add", false, handle_add},
        {"close", false, handle_close},
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].type, type) != 0)
            continue;
        if (c->appid == NULL && !commands[i].unbound)
            break;
        commands[i].handle(s, c, msg);
        return;
    }
    send_error(s, c, c->appid == NULL ? "must bind first" : "unknown type", msg);
}

void mailbox_server_receive(struct mailbox_server *s, uint64_t connection, const void *text,
                            size_t len, int64_t now_ms)
{
    struct connection *c = s->connections;

    while (c != NULL && c->number != connection)
        c = c->next;
    if (c == NULL)
        return;
    s->now_ms = now_ms;
    json_t *msg = json_loadb(text, len, 0, NULL);
    json_t *type = json_object_get(msg, "type");
    if (!json_is_object(msg)) {
        c->doomed = true;
    } else if (type == NULL) {
        send_error(s, c, "missing 'type'", msg);
    } else {
        send_json(s, c, "ack", json_pack("{s:O?}", "id", json_object_get(msg, "id")));
        handle(s, c, json_is_string(type) ? json_string_value(type) : "", msg);
    }
    json_decref(msg);
    if (c->doomed) {
        remove_connection(s, connection);
        queue(s, connection, NULL);
    }
}

/* ---- time ---- */

static void touch_subscribed(struct mailbox_server *s)
{
    for (const struct object *o = s->objects.objects; o != NULL; o = o->next) {
        const char *appid = mailbox_objects_appid(&s->objects, o->namespace);
        if (appid == NULL || !has_listeners(s, o->number))
            continue;
        struct row_mailbox *m = mailbox_rows_mailbox(&s->rows, appid, o->id);
        if (m != NULL)
            m->updated_ms = s->now_ms;
    }
}

static void check(struct mailbox_server *s)
{
    for (const struct row_mailbox *m = s->rows.mailboxes; m != NULL; m = m->next)
        mailbox_objects_mark(&s->objects, m->appid);
    touch_subscribed(s);
    mailbox_rows_prune(&s->rows, s->now_ms - MAILBOX_SERVER_EXPIRY_MS);
    mailbox_objects_forget_idle(&s->objects);
    s->check_ms = s->now_ms + MAILBOX_SERVER_CHECK_MS;
}

void mailbox_server_tick(struct mailbox_server *s, int64_t now_ms)
{
    while (s->check_ms <= now_ms) {
        s->now_ms = s->check_ms;
        check(s);
    }
    s->now_ms = now_ms;
}

int64_t mailbox_server_deadline_ms(const struct mailbox_server *s)
{
    return s->check_ms;
}

/* ---- life ---- */

struct mailbox_server *mailbox_server_new(const struct mailbox_server_options *options,
                                          int64_t now_ms)
{
    struct mailbox_server *s = must(calloc(1, sizeof(*s)));

    s->options = *options;
    s->random = options->seed;
    s->last = &s->first;
    s->now_ms = now_ms;
    check(s);
    return s;
}

void mailbox_server_free(struct mailbox_server *s)
{
    if (s == NULL)
        return;
    drop_all(s);
    for (struct mailbox_server_output *o; (o = mailbox_server_take(s)) != NULL;)
        mailbox_server_output_free(o);
    mailbox_objects_release(&s->objects);
    mailbox_rows_release(&s->rows);
    free(s);
}

void mailbox_server_restart(struct mailbox_server *s, int64_t now_ms)
{
    drop_all(s);
    mailbox_objects_release(&s->objects);
    s->now_ms = now_ms;
    check(s);
}

void mailbox_server_wipe(struct mailbox_server *s, int64_t now_ms)
{
    mailbox_rows_release(&s->rows);
    mailbox_server_restart(s, now_ms);
}

void mailbox_server_forget(struct mailbox_server *s, const char *appid, const char *mailbox)
{
    struct row_mailbox *m = mailbox_rows_mailbox(&s->rows, appid, mailbox);

    if (m != NULL)
        mailbox_rows_forget(&s->rows, m);
}

void mailbox_server_inject(struct mailbox_server *s, const char *appid, const char *mailbox,
                           const char *side, const char *phase, const char *body_hex,
                           int64_t now_ms)
{
    s->now_ms = now_ms;
    const struct row_message *m =
        mailbox_rows_add(&s->rows, appid, mailbox, side, phase, body_hex, NULL, now_ms);
    uint64_t namespace = mailbox_objects_namespace(&s->objects, appid);
    broadcast(s, mailbox_objects_get(&s->objects, namespace, mailbox), m);
}

const struct mailbox_rows *mailbox_server_rows(const struct mailbox_server *s)
{
    return &s->rows;
}
