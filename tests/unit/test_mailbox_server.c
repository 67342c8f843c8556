/* The server of the simulator: its rules one by one, and then what it answers to the recorded
 * clients, message for message, against what the real server answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/sim/mailbox_server.h"
#include "tests/sim/transcript.h"

#define APP "app"

enum { CLIENTS_MAX = 6, MINUTE_MS = 60 * 1000 };

static struct mailbox_server *server;
static int64_t now_ms;
static json_t *heard[CLIENTS_MAX + 1]; /* by connection: what it got since it was last looked at */
static bool dropped[CLIENTS_MAX + 1];

static void start(bool head)
{
    const struct mailbox_server_options options = {.seed = 7, .head = head};

    now_ms = 1000000;
    server = mailbox_server_new(&options, now_ms);
    for (size_t i = 0; i <= CLIENTS_MAX; i++) {
        heard[i] = json_array();
        dropped[i] = false;
    }
}

static int set_up(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mailbox_server_free(server);
    for (size_t i = 0; i <= CLIENTS_MAX; i++)
        json_decref(heard[i]);
    return 0;
}

static void collect(void)
{
    struct mailbox_server_output *o;

    while ((o = mailbox_server_take(server)) != NULL) {
        assert_in_range(o->connection, 1, CLIENTS_MAX);
        dropped[o->connection] |= o->dropped;
        if (!o->dropped)
            json_array_append_new(heard[o->connection], json_loads(o->text, 0, NULL));
        mailbox_server_output_free(o);
    }
}

static uint64_t connect_raw(void)
{
    uint64_t c = mailbox_server_connect(server, now_ms);

    collect();
    json_array_clear(heard[c]);
    return c;
}

static void say(uint64_t c, const char *text)
{
    mailbox_server_receive(server, c, text, strlen(text), now_ms);
    collect();
}

/* Types of what `c` got, acks apart, as "a b c"; a message as its side:phase, an error as its
 * text, a nameplate or mailbox not at all. Empties the list. */
static const char *got(uint64_t c)
{
    static char line[1024];
    size_t i;
    json_t *m;

    line[0] = '\0';
    json_array_foreach(heard[c], i, m)
    {
        const char *type = transcript_text(m, "type");
        size_t len = strlen(line);
        if (strcmp(type, "ack") == 0)
            continue;
        if (strcmp(type, "message") == 0)
            snprintf(line + len, sizeof(line) - len, " %s:%s", transcript_text(m, "side"),
                     transcript_text(m, "phase"));
        else if (strcmp(type, "error") == 0)
            snprintf(line + len, sizeof(line) - len, " !%s", transcript_text(m, "error"));
        else
            snprintf(line + len, sizeof(line) - len, " %s", type);
    }
    json_array_clear(heard[c]);
    return line[0] != '\0' ? line + 1 : line;
}

static uint64_t client(const char *side)
{
    char bind[128];
    uint64_t c = connect_raw();

    snprintf(bind, sizeof(bind), "{\"type\":\"bind\",\"appid\":\"" APP "\",\"side\":\"%s\"}", side);
    say(c, bind);
    json_array_clear(heard[c]);
    return c;
}

static void pass(int64_t ms)
{
    now_ms += ms;
    mailbox_server_tick(server, now_ms);
    collect();
}

#define OPEN "{\"type\":\"open\",\"mailbox\":\"m\"}"
#define ADD(phase) "{\"type\":\"add\",\"phase\":\"" phase "\",\"body\":\"00\"}"
#define CLOSE "{\"type\":\"close\",\"mailbox\":\"m\",\"mood\":\"happy\"}"
#define CLAIM "{\"type\":\"claim\",\"nameplate\":\"4\"}"
#define RELEASE "{\"type\":\"release\",\"nameplate\":\"4\"}"

static void it_welcomes_and_acks_and_wants_a_bind(void **state)
{
    (void)state;
    uint64_t c = mailbox_server_connect(server, now_ms);
    collect();
    assert_string_equal(got(c), "welcome");
    say(c, "{\"type\":\"ping\",\"ping\":7,\"id\":\"x\"}");
    assert_int_equal(json_array_size(heard[c]), 2);
    assert_string_equal(transcript_text(json_array_get(heard[c], 0), "type"), "ack");
    assert_string_equal(transcript_text(json_array_get(heard[c], 0), "id"), "x");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(heard[c], 1), "pong")), 7);
    json_array_clear(heard[c]);
    say(c, OPEN);
    assert_string_equal(got(c), "!must bind first");
    say(c, "{\"type\":\"bind\",\"appid\":\"a\",\"side\":\"s\"}");
    assert_string_equal(got(c), "");
    say(c, "{\"type\":\"bind\",\"appid\":\"a\",\"side\":\"s\"}");
    assert_string_equal(got(c), "!already bound");
    say(c, ADD("0"));
    assert_string_equal(got(c), "!must open mailbox before adding");
    say(c, "{\"type\":\"nonsense\"}");
    assert_string_equal(got(c), "!unknown type");
}

static void what_makes_python_raise_drops_the_connection(void **state)
{
    static const char *const bad[] = {"", "{", "[]", "7"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t c = connect_raw();
        say(c, bad[i]);
        assert_true(dropped[c]);
    }
    uint64_t c = client("a");
    say(c, "{\"type\":\"claim\",\"nameplate\":4}");
    assert_true(dropped[c]);
}

static void messages_are_replayed_and_echoed_to_all(void **state)
{
    (void)state;
    uint64_t a = client("a");
    say(a, OPEN);
    say(a, ADD("0"));
    say(a, ADD("0"));
    assert_string_equal(got(a), "a:0 a:0");
    uint64_t b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "a:0 a:0");
    say(b, ADD("1"));
    assert_string_equal(got(b), "b:1");
    assert_string_equal(got(a), "b:1");
    mailbox_server_disconnect(server, a);
    say(b, ADD("2"));
    a = client("a");
    say(a, OPEN);
    assert_string_equal(got(a), "a:0 a:0 b:1 b:2");
}

static void a_third_side_poisons_a_mailbox(void **state)
{
    (void)state;
    uint64_t a = client("a"), b = client("b"), c = client("c");
    say(a, OPEN);
    say(b, OPEN);
    say(c, OPEN);
    assert_string_equal(got(c), "!crowded");
    say(a, ADD("0"));
    assert_string_equal(got(b), "a:0");
    assert_string_equal(got(c), "");
    mailbox_server_disconnect(server, b);
    b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "!crowded");
    say(b, CLOSE);
    assert_string_equal(got(b), "!crowded");
}

static void nameplates_lead_to_one_mailbox_until_all_released(void **state)
{
    (void)state;
    uint64_t a = client("a"), b = client("b");
    say(a, CLAIM);
    say(b, CLAIM);
    assert_string_equal(transcript_text(json_array_get(heard[a], 1), "mailbox"),
                        transcript_text(json_array_get(heard[b], 1), "mailbox"));
    json_t *first = json_incref(json_array_get(heard[a], 1));
    json_array_clear(heard[a]);
    say(a, CLAIM);
    assert_string_equal(got(a), "!only one claim per connection");
    say(a, RELEASE);
    assert_string_equal(got(a), "released");
    a = client("a");
    say(a, CLAIM);
    assert_string_equal(got(a), "!reclaimed");
    say(b, RELEASE);
    a = client("a");
    say(a, CLAIM);
    assert_string_not_equal(transcript_text(json_array_get(heard[a], 1), "mailbox"),
                            transcript_text(first, "mailbox"));
    json_decref(first);
}

static void allocation_takes_the_shortest_free_and_claims_it(void **state)
{
    bool seen[100] = {false};

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        char side[16];
        snprintf(side, sizeof(side), "s%zu", i);
        uint64_t c = mailbox_server_connect(server, now_ms);
        char bind[128];
        snprintf(bind, sizeof(bind), "{\"type\":\"bind\",\"appid\":\"" APP "\",\"side\":\"%s\"}",
                 side);
        mailbox_server_receive(server, c, bind, strlen(bind), now_ms);
        mailbox_server_receive(server, c, "{\"type\":\"allocate\"}", 19, now_ms);
        for (struct mailbox_server_output *o; (o = mailbox_server_take(server)) != NULL;) {
            json_t *m = json_loads(o->text, 0, NULL);
            int name = atoi(transcript_text(m, "nameplate"));
            if (name > 0) {
                assert_true(i < 9 ? name < 10 : name >= 10 && name < 100);
                assert_false(seen[name]);
                seen[name] = true;
            }
            json_decref(m);
            mailbox_server_output_free(o);
        }
    }
    assert_int_equal(seen[1] + seen[5] + seen[9], 3);
}

static void it_prunes_after_eleven_minutes_without_subscribers(void **state)
{
    (void)state;
    uint64_t a = client("a");
    say(a, OPEN);
    say(a, ADD("0"));
    pass(100 * MINUTE_MS);
    uint64_t b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "a:0");
    mailbox_server_disconnect(server, a);
    mailbox_server_disconnect(server, b);
    pass(10 * MINUTE_MS);
    assert_non_null(mailbox_server_rows(server)->mailboxes);
    pass(6 * MINUTE_MS);
    a = client("a");
    say(a, OPEN);
    assert_string_equal(got(a), "");
}

static void pruning_takes_the_nameplate_along(void **state)
{
    (void)state;
    uint64_t a = client("a");
    say(a, CLAIM);
    assert_string_equal(got(a), "claimed");
    pass(16 * MINUTE_MS);
    assert_null(mailbox_server_rows(server)->nameplates);
    assert_null(mailbox_server_rows(server)->mailboxes);
}

static void a_mailbox_ends_when_all_have_closed_it(void **state)
{
    (void)state;
    uint64_t a = client("a"), b = client("b");
    say(a, OPEN);
    say(b, OPEN);
    say(a, ADD("0"));
    say(a, CLOSE);
    assert_string_equal(got(a), "a:0 closed");
    say(a, CLOSE);
    assert_string_equal(got(a), "!only one close per connection");
    a = client("a");
    say(a, OPEN);
    assert_string_equal(got(a), "a:0");
    say(b, CLOSE);
    assert_null(mailbox_server_rows(server)->mailboxes);
    say(a, ADD("1"));
    say(a, CLOSE);
    assert_string_equal(got(a), "closed");
}

static void closing_under_a_nameplate(void **state)
{
    char open[64], close[64];

    (void)state;
    uint64_t a = client("a");
    say(a, CLAIM);
    const char *mailbox = transcript_text(json_array_get(heard[a], 1), "mailbox");
    snprintf(open, sizeof(open), "{\"type\":\"open\",\"mailbox\":\"%s\"}", mailbox);
    snprintf(close, sizeof(close), "{\"type\":\"close\",\"mailbox\":\"%s\"}", mailbox);
    say(a, open);
    say(a, ADD("0"));
    say(a, close);
    assert_true(dropped[a]);
    assert_non_null(mailbox_server_rows(server)->nameplates);
    assert_null(mailbox_server_rows(server)->messages);
    tear_down(NULL);
    start(true);
    a = client("a");
    say(a, CLAIM);
    mailbox = transcript_text(json_array_get(heard[a], 1), "mailbox");
    snprintf(close, sizeof(close), "{\"type\":\"close\",\"mailbox\":\"%s\"}", mailbox);
    say(a, close);
    assert_string_equal(got(a), "claimed closed");
    assert_null(mailbox_server_rows(server)->nameplates);
    say(a, "{\"type\":\"release\"}");
    assert_false(dropped[a]);
    uint64_t b = client("b");
    say(b, "{\"type\":\"claim\",\"nameplate\":\"4x\"}");
    assert_true(dropped[b]);
}

static void a_forgotten_namespace_splits_the_subscribers(void **state)
{
    (void)state;
    uint64_t a = client("a");
    say(a, OPEN);
    mailbox_server_restart(server, now_ms);
    collect();
    assert_true(dropped[a]);
    uint64_t orphan = client("a");
    pass(5 * MINUTE_MS);
    uint64_t b = client("b");
    say(b, OPEN);
    say(orphan, OPEN);
    say(orphan, ADD("0"));
    assert_string_equal(got(orphan), "a:0");
    assert_string_equal(got(b), "");
    mailbox_server_disconnect(server, b);
    b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "a:0");
}

static void misfortunes(void **state)
{
    (void)state;
    uint64_t a = client("a");
    say(a, OPEN);
    say(a, ADD("0"));
    mailbox_server_inject(server, APP, "m", "evil", "1", "ff", now_ms);
    collect();
    assert_string_equal(got(a), "a:0 evil:1");
    mailbox_server_forget(server, APP, "m");
    say(a, ADD("2"));
    assert_string_equal(got(a), "a:2");
    uint64_t b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "a:2");
    mailbox_server_wipe(server, now_ms);
    collect();
    assert_true(dropped[b]);
    b = client("b");
    say(b, OPEN);
    assert_string_equal(got(b), "");
}

/* ---- against the recorded server ---- */

/* Names that the real server drew, and what ours drew for them. */
struct renamed {
    char real_nameplate[64], nameplate[64];
    char real_mailbox[64], mailbox[64];
};

static void rename_field(json_t *message, const char *key, const char *from, const char *to)
{
    if (from[0] != '\0' && strcmp(transcript_text(message, key), from) == 0)
        json_object_set_new(message, key, json_string(to));
}

/* As one line that does not depend on times and names. */
static char *normal(const json_t *message, const struct renamed *names)
{
    json_t *m = json_deep_copy(message);
    json_t *orig = json_object_get(m, "orig");

    json_object_del(m, "server_tx");
    json_object_del(m, "server_rx");
    rename_field(m, "nameplate", names->nameplate, names->real_nameplate);
    rename_field(m, "mailbox", names->mailbox, names->real_mailbox);
    rename_field(orig, "nameplate", names->nameplate, names->real_nameplate);
    char *line = json_dumps(m, JSON_SORT_KEYS);
    json_decref(m);
    return line;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t sorted(char **lines, json_t *list, const struct renamed *names)
{
    size_t i;
    json_t *m;

    json_array_foreach(list, i, m) lines[i] = normal(m, names);
    qsort(lines, i, sizeof(*lines), compare_lines);
    return i;
}

/* A client that was killed did not get, in the recording, what was still on its way. */
static bool was_closed(const json_t *messages)
{
    const json_t *last = json_array_get(messages, json_array_size(messages) - 1);

    return strcmp(transcript_text(last, "type"), "closed") == 0;
}

static void assert_same(json_t *ours, json_t *real, const struct renamed *names)
{
    static const struct renamed none;
    char *a[128], *b[128];

    assert_true(json_array_size(real) < 128);
    while (!was_closed(real) && json_array_size(ours) > json_array_size(real))
        json_array_remove(ours, json_array_size(ours) - 1);
    assert_int_equal(json_array_size(ours), json_array_size(real));
    size_t count = sorted(a, ours, names);
    sorted(b, real, &none);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(a[i], b[i]);
        free(a[i]);
        free(b[i]);
    }
}

/* Notes what the two servers called the same thing. */
static void note_names(struct renamed *names, const json_t *real, const json_t *ours)
{
    if (strcmp(transcript_text(real, "type"), "allocated") == 0) {
        strcpy(names->real_nameplate, transcript_text(real, "nameplate"));
        strcpy(names->nameplate, transcript_text(ours, "nameplate"));
    } else if (strcmp(transcript_text(real, "type"), "claimed") == 0) {
        strcpy(names->real_mailbox, transcript_text(real, "mailbox"));
        strcpy(names->mailbox, transcript_text(ours, "mailbox"));
    }
}

static void replay_line(json_t *line, json_t *real[], struct renamed *names)
{
    int c = transcript_connection(line);
    json_t *message;

    assert_in_range(c, 1, CLIENTS_MAX);
    if (strcmp(transcript_text(line, "kind"), "tcp-open") == 0) {
        assert_int_equal(mailbox_server_connect(server, now_ms), c);
    } else if (strcmp(transcript_text(line, "kind"), "tcp-eof") == 0) {
        mailbox_server_disconnect(server, (uint64_t)c);
    } else if ((message = transcript_message(line, "s2c")) != NULL) {
        const json_t *ours = json_array_get(heard[c], json_array_size(real[c]));
        if (strcmp(transcript_text(message, "type"), transcript_text(ours, "type")) == 0)
            note_names(names, message, ours);
        json_array_append(real[c], message);
    } else if ((message = transcript_message(line, "c2s")) != NULL) {
        message = json_deep_copy(message);
        rename_field(message, "nameplate", names->real_nameplate, names->nameplate);
        rename_field(message, "mailbox", names->real_mailbox, names->mailbox);
        char *text = json_dumps(message, 0);
        say((uint64_t)c, text);
        free(text);
        json_decref(message);
    }
    collect();
}

static void replay(const char *name)
{
    json_t *lines = transcript_load(name, ".jsonl");
    json_t *real[CLIENTS_MAX + 1];
    struct renamed names = {0};
    size_t i;
    json_t *line;

    for (i = 0; i <= CLIENTS_MAX; i++)
        real[i] = json_array();
    json_array_foreach(lines, i, line) replay_line(line, real, &names);
    for (i = 0; i <= CLIENTS_MAX; i++) {
        assert_same(heard[i], real[i], &names);
        json_decref(real[i]);
    }
    json_decref(lines);
}

static void it_answers_the_recorded_clients_as_the_real_one_did(void **state)
{
    (void)state;
    for (size_t i = 0; transcript_names[i] != NULL; i++) {
        tear_down(NULL);
        start(false);
        replay(transcript_names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_welcomes_and_acks_and_wants_a_bind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_makes_python_raise_drops_the_connection, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_are_replayed_and_echoed_to_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_third_side_poisons_a_mailbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nameplates_lead_to_one_mailbox_until_all_released, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(allocation_takes_the_shortest_free_and_claims_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_prunes_after_eleven_minutes_without_subscribers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pruning_takes_the_nameplate_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mailbox_ends_when_all_have_closed_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_under_a_nameplate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_namespace_splits_the_subscribers, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(misfortunes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_answers_the_recorded_clients_as_the_real_one_did, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
