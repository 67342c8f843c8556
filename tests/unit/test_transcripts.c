/* Each Python client of each recorded session, played by our machines: the same side, code and
 * scalar, fed with the very frames that the server sent, must send what Python sent, body for body.
 * Our plaintexts are compared with Python's as JSON, then Python's ciphertext (its nonce) is sent.
 *
 * The one thing that the recordings lack is our fence: a pong is put in where the server had
 * processed the open and its replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/classic_msg.h"
#include "proto/error.h"
#include "tests/sim/stock_client.h"
#include "tests/sim/transcript.h"

struct session {
    json_t *frames;
    json_t *plain;
    const char *who;
    int connection;
    struct stock_client client;
    struct now now;
    struct actions actions;
    json_t *sent;       /* our messages, in order */
    char happened[512]; /* what our user was told */
    uint8_t entropy[SPAKE2_ENTROPY_BYTES];
};

static bool is_type(const json_t *message, const char *type)
{
    return strcmp(transcript_text(message, "type"), type) == 0;
}

/* ---- what Python computed ---- */

/* The first line of `who` with this event, and phase if not NULL. */
static const json_t *find_plain(const struct session *s, const char *event, const char *phase)
{
    size_t i;
    json_t *line;

    json_array_foreach(s->plain, i, line)
    {
        if (strcmp(transcript_text(line, "who"), s->who) == 0 &&
            strcmp(transcript_text(line, "ev"), event) == 0 &&
            (phase == NULL || strcmp(transcript_text(line, "phase"), phase) == 0))
            return line;
    }
    return NULL;
}

/* The value under `key` of the first message that this client has sent with it, or NULL. */
static json_t *find_said(const struct session *s, const char *key)
{
    for (int number = 0; number < 4; number++) {
        char phase[16];
        snprintf(phase, sizeof(phase), "%d", number);
        const json_t *line = find_plain(s, "encrypt", phase);
        json_t *root = json_loads(transcript_text(line, "plaintext"), 0, NULL);
        json_t *value = json_incref(json_object_get(root, key));
        json_decref(root);
        if (value != NULL)
            return value;
    }
    return NULL;
}

static void unhex(struct bytes *out, const char *hex)
{
    size_t len = strlen(hex) / 2;

    bytes_reserve(out, len);
    assert_int_equal(hex_decode(out->data, len, hex, strlen(hex)), PROTO_OK);
    out->len = len;
}

/* ---- the makers that use what was recorded ---- */

static int recorded_pake(void *context, struct key *key, const char *code, const char *appid,
                         struct now *now, struct bytes *body)
{
    const struct session *s = context;

    (void)now;
    assert_string_equal(code, transcript_text(find_plain(s, "spake2-start", NULL), "pw"));
    return key_start_entropy(key, code, appid, s->entropy, body);
}

static int recorded_seal(void *context, const struct key *key, const char *side, const char *phase,
                         const void *plain, size_t len, struct now *now, struct bytes *body)
{
    const struct session *s = context;
    const json_t *line = find_plain(s, "encrypt", phase);

    (void)now;
    assert_non_null(line);
    assert_int_not_equal(key->state, KEY_NONE);
    assert_string_equal(side, transcript_text(line, "side"));
    json_t *ours = json_loadb(plain, len, 0, NULL);
    json_t *theirs = json_loads(transcript_text(line, "plaintext"), 0, NULL);
    if (!json_equal(ours, theirs))
        fail_msg("phase %s: ours is %.*s", phase, (int)len, (const char *)plain);
    json_decref(ours);
    json_decref(theirs);
    unhex(body, transcript_text(line, "ciphertext"));
    return PROTO_OK;
}

/* ---- our user does what the recorded one did ---- */

static void offer(struct session *s)
{
    struct classic_msg msg;
    json_t *said = find_said(s, "offer");

    if (said == NULL)
        return;
    json_t *root = json_pack("{s:o}", "offer", said);
    char *text = json_dumps(root, 0);
    assert_int_equal(classic_msg_parse(&msg, text, strlen(text)), PROTO_OK);
    bytes_put_u8(&msg.text, 0);
    bool is_text = msg.kind == CLASSIC_MSG_TEXT;
    assert_int_equal(stock_client_offer(&s->client, is_text ? NULL : &msg.offer,
                                        (const char *)msg.text.data, &s->now, &s->actions),
                     PROTO_OK);
    classic_msg_release(&msg);
    free(text);
    json_decref(root);
}

static void listen(struct session *s, uint64_t attempt)
{
    struct hint_list hints;
    json_t *said = find_said(s, "transit");

    assert_non_null(said);
    assert_int_equal(hints_parse(&hints, said), PROTO_OK);
    assert_int_equal(stock_client_hints(&s->client, attempt, &hints, &s->now, &s->actions),
                     PROTO_OK);
    json_decref(said);
}

static void answer(struct session *s)
{
    json_t *answer = find_said(s, "answer"), *error = find_said(s, "error");

    if (answer != NULL || error != NULL)
        assert_int_equal(
            stock_client_answer(&s->client, json_string_value(error), &s->now, &s->actions),
            PROTO_OK);
    json_decref(answer);
    json_decref(error);
}

static void check_plan(const struct session *s, const struct transit_plan *plan)
{
    const json_t *line = find_plain(s, "transit-key", NULL);
    uint8_t key[KDF_KEY_BYTES];

    assert_non_null(line);
    const char *hex = transcript_text(line, "key");
    assert_int_equal(hex_decode(key, sizeof(key), hex, strlen(hex)), PROTO_OK);
    assert_memory_equal(plan->key, key, sizeof(key));
    assert_int_equal(plan->sender, strcmp(s->who, "sender") == 0);
    assert_true(plan->classic);
}

static void note(struct session *s, const char *what)
{
    if (s->happened[0] != '\0')
        strcat(s->happened, ", ");
    strcat(s->happened, what);
}

static void user_action(struct session *s, const struct action *a)
{
    switch (a->kind) {
    case ACTION_PAIRED:
        note(s, "paired");
        offer(s);
        break;
    case ACTION_TRANSIT_LISTEN:
        listen(s, a->number);
        break;
    case ACTION_TRANSIT_START:
        check_plan(s, a->plan);
        note(s, "start");
        break;
    case ACTION_CLASSIC_OFFERED:
        note(s, a->offer->directory ? "offered directory " : "offered file ");
        strcat(s->happened, a->offer->name);
        answer(s);
        break;
    case ACTION_CLASSIC_TEXT:
        note(s, "text ");
        strncat(s->happened, (const char *)a->body.data, a->body.len);
        answer(s);
        break;
    case ACTION_CLASSIC_FAILED:
        note(s, a->number == 1 ? "refused" : "failed");
        break;
    case ACTION_CLASSIC_DONE:
        note(s, "done");
        break;
    case ACTION_SNAPSHOT:
    case ACTION_KEEP:
    case ACTION_FORGET:
    case ACTION_CODE:
    case ACTION_CODE_GONE:
    case ACTION_STATE:
    case ACTION_DELIVER:
    case ACTION_ACKED:
    case ACTION_EVENT:
    case ACTION_PROBLEM:
    case ACTION_PEER_CLOSED:
    case ACTION_CLOSE_DONE:
    case ACTION_CLASSIC_ANSWERED:
    case ACTION_LINK_OPEN:
    case ACTION_LINK_SEND:
    case ACTION_LINK_CLOSE:
    case ACTION_LINK_MOVE:
    case ACTION_HEARD:
    case ACTION_CAUGHT_UP:
    case ACTION_TRANSIT_STOP:
        break;
    }
}

static void carry_out(struct session *s)
{
    struct action *a;

    while ((a = actions_take(&s->actions)) != NULL) {
        if (a->kind == ACTION_LINK_SEND)
            json_array_append_new(s->sent,
                                  json_loadb((const char *)a->body.data, a->body.len, 0, NULL));
        else
            user_action(s, a);
        action_free(a);
    }
    assert_false(s->actions.failed);
}

/* ---- the frames ---- */

static void receive(struct session *s, const char *text)
{
    assert_int_equal(stock_client_received(&s->client, text, strlen(text), &s->now, &s->actions),
                     PROTO_OK);
    carry_out(s);
}

/* Is it the ack of an add of the recorded client? Then the server is past the replay. */
static bool acks_an_add(const struct session *s, const json_t *message)
{
    size_t i;
    json_t *line;

    json_array_foreach(s->frames, i, line)
    {
        const json_t *command = transcript_message(line, "c2s");
        if (transcript_connection(line) == s->connection && is_type(command, "add") &&
            strcmp(transcript_text(command, "id"), transcript_text(message, "id")) == 0)
            return is_type(message, "ack");
    }
    return false;
}

static void pong(struct session *s)
{
    char text[64];

    snprintf(text, sizeof(text), "{\"type\": \"pong\", \"pong\": %d}",
             (int)s->client.mailbox.fence);
    receive(s, text);
}

/* The recorded client closed its mailbox: its transfer was over, or its user gave up. */
static void leave(struct session *s)
{
    if (s->client.has_classic)
        assert_int_equal(stock_client_finished(&s->client, true, &s->actions), PROTO_OK);
    assert_int_equal(stock_client_leave(&s->client, MOOD_ERRORY, &s->actions), PROTO_OK);
    carry_out(s);
}

static void play_line(struct session *s, json_t *line)
{
    const json_t *message;

    if (transcript_connection(line) != s->connection)
        return;
    if (strcmp(transcript_text(line, "kind"), "tcp-open") == 0) {
        assert_int_equal(stock_client_up(&s->client, &s->now, &s->actions), PROTO_OK);
        carry_out(s);
    } else if ((message = transcript_message(line, "s2c")) != NULL) {
        if (s->client.mailbox.state == MAILBOX_REPLAY && acks_an_add(s, message))
            pong(s);
        receive(s, transcript_text(line, "raw"));
    } else if ((message = transcript_message(line, "c2s")) != NULL && is_type(message, "close")) {
        leave(s);
    }
}

/* ---- comparing ---- */

static bool is_counted(const json_t *message, bool adds)
{
    if (is_type(message, "ping"))
        return false;
    return is_type(message, "add") == adds;
}

/* One line for a command of ours or theirs; the order of release among adds is free, and so it is
 * left to the count. */
static void put_command(char *out, size_t size, const json_t *message)
{
    snprintf(out, size, "%s %s%s%s%s %s", transcript_text(message, "type"),
             transcript_text(message, "appid"), transcript_text(message, "side"),
             transcript_text(message, "nameplate"), transcript_text(message, "phase"),
             transcript_text(message, is_type(message, "add") ? "body" : "mailbox"));
}

static size_t recorded_commands(const struct session *s, bool adds, const json_t *out[], size_t max)
{
    size_t i, count = 0;
    json_t *line;

    json_array_foreach(s->frames, i, line)
    {
        const json_t *message = transcript_message(line, "c2s");
        if (transcript_connection(line) != s->connection || message == NULL ||
            !is_counted(message, adds))
            continue;
        assert_true(count < max);
        out[count++] = message;
    }
    return count;
}

static size_t our_commands(const struct session *s, bool adds, const json_t *out[], size_t max)
{
    size_t i, count = 0;
    json_t *message;

    json_array_foreach(s->sent, i, message)
    {
        if (!is_counted(message, adds))
            continue;
        assert_true(count < max);
        out[count++] = message;
    }
    return count;
}

static void compare_commands(const struct session *s, bool adds)
{
    static char ours[40000], theirs[40000];
    const json_t *a[16], *b[16];

    size_t sent = our_commands(s, adds, a, 16);
    size_t recorded = recorded_commands(s, adds, b, 16);
    /* After "crowded" Python releases what it never had. */
    if (sent < recorded && s->client.nameplate.state == NAMEPLATE_REFUSED)
        recorded--;
    assert_int_equal(sent, recorded);
    for (size_t i = 0; i < sent; i++) {
        put_command(ours, sizeof(ours), a[i]);
        put_command(theirs, sizeof(theirs), b[i]);
        assert_string_equal(ours, theirs);
        bool scary = strcmp(transcript_text(b[i], "mood"), "scary") == 0;
        assert_int_equal(strcmp(transcript_text(a[i], "mood"), "scary") == 0, scary);
    }
}

/* ---- one client of one session ---- */

/* The connection on which the pake of this client went out. */
static int find_connection(const struct session *s, const char *msg)
{
    size_t i;
    json_t *line;

    json_array_foreach(s->frames, i, line)
    {
        const json_t *message = transcript_message(line, "c2s");
        struct bytes body = {0};
        if (!is_type(message, "add") || strcmp(transcript_text(message, "phase"), "pake") != 0)
            continue;
        unhex(&body, transcript_text(message, "body"));
        bool found = memmem(body.data, body.len, msg, strlen(msg)) != NULL;
        bytes_release(&body);
        if (found)
            return transcript_connection(line);
    }
    return 0;
}

/* The connection whose side is none of those that got further: the third's in a crowd. */
static int find_unheard_connection(const struct session *s)
{
    size_t i;
    int last = 0;
    json_t *line;

    json_array_foreach(s->frames, i, line) if (transcript_connection(line) > last) last =
        transcript_connection(line);
    return last;
}

static const json_t *find_command(const struct session *s, const char *type)
{
    size_t i;
    json_t *line;

    json_array_foreach(s->frames, i, line)
    {
        const json_t *message = transcript_message(line, "c2s");
        if (transcript_connection(line) == s->connection && is_type(message, type))
            return message;
    }
    return NULL;
}

static void begin(struct session *s)
{
    const json_t *start = find_plain(s, "spake2-start", NULL);
    const json_t *bind;
    const char *code = transcript_text(start, "pw");
    struct bytes scalar = {0};

    s->connection = find_connection(s, transcript_text(start, "msg"));
    if (s->connection == 0)
        s->connection = find_unheard_connection(s);
    bind = find_command(s, "bind");
    assert_int_equal(stock_client_init(&s->client, transcript_text(bind, "appid"),
                                       transcript_text(bind, "side")),
                     PROTO_OK);
    s->client.makers = (struct stock_client_makers){s, recorded_pake, recorded_seal};
    unhex(&scalar, transcript_text(start, "xy_scalar"));
    /* 64 bytes of entropy that are the scalar itself, whichever way they are read. */
    assert_int_equal(scalar.len, SPAKE2_SCALAR_BYTES);
    memcpy(s->entropy + SPAKE2_ENTROPY_BYTES - scalar.len, scalar.data, scalar.len);
    bytes_release(&scalar);
    if (find_command(s, "allocate") != NULL)
        assert_int_equal(
            stock_client_allocate(&s->client, strchr(code, '-') + 1, &s->now, &s->actions),
            PROTO_OK);
    else
        assert_int_equal(stock_client_join(&s->client, code, &s->now, &s->actions), PROTO_OK);
    carry_out(s);
}

static void play(const char *name, const char *who, const char *want)
{
    struct session s = {.who = who, .now = {.ms = 1, .seed = {7}}};
    size_t i;
    json_t *line;

    s.frames = transcript_load(name, ".jsonl");
    s.plain = transcript_load(name, ".plain.jsonl");
    s.sent = json_array();
    begin(&s);
    json_array_foreach(s.frames, i, line) play_line(&s, line);
    compare_commands(&s, false);
    compare_commands(&s, true);
    assert_string_equal(s.happened, want);
    stock_client_release(&s.client);
    json_decref(s.sent);
    json_decref(s.plain);
    json_decref(s.frames);
}

struct part {
    const char *name, *who, *happened;
};

static void play_part(void **state)
{
    const struct part *p = *state;

    play(p->name, p->who, p->happened);
}

static struct part parts[] = {
    {"text", "sender", "paired, done"},
    {"text", "receiver", "paired, text hello w\xc3\xb6rld \"q\" \\ end, done"},
    {"file-direct", "sender", "paired, start, done"},
    {"file-direct", "receiver", "paired, offered file f100k.bin, start, done"},
    {"file-relay", "sender", "paired, start, done"},
    {"file-relay", "receiver", "paired, offered file f100k.bin, start, done"},
    {"file-zero", "sender", "paired, start, done"},
    {"file-zero", "receiver", "paired, offered file zero, start, done"},
    {"directory", "sender", "paired, start, done"},
    {"directory", "receiver", "paired, offered directory dir, start, done"},
    {"refused", "sender", "paired, refused"},
    {"refused", "receiver", "paired, offered file hello.txt, done"},
    {"wrong-code", "sender", ""},
    {"wrong-code", "receiver", ""},
    {"crowded", "sender", ""},
    {"crowded", "other", ""},
    {"crowded", "third", ""},
    {"sender-sigint", "sender", ""},
    {"receiver-sigint", "sender", "paired"},
    {"receiver-sigint", "receiver", "paired, offered file hello.txt"},
    {"py-send-william-recv", "sender", "paired, start, done"},
    {"py-send-dir-william-recv", "sender", "paired, start, done"},
    {"william-recv-refuse", "sender", "paired, refused"},
    {"william-send-text", "receiver", "paired, text hey, done"},
    {"william-send-file", "receiver", "paired, offered file f100k.bin, start, done"},
    {"william-send-dir", "receiver", "paired, offered directory dir, start, done"},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

int main(void)
{
    struct CMUnitTest tests[PARTS];
    char names[PARTS][64];

    for (size_t i = 0; i < PARTS; i++) {
        snprintf(names[i], sizeof(names[i]), "%s_as_%s", parts[i].name, parts[i].who);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = play_part, .initial_state = &parts[i]};
    }
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
