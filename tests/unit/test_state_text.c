/* fs/face/state_text.h: the lines of `state`, which scripts read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "fs/face/state_text.h"

static const struct state_facts empty = {
    .state = "new",
    .peer_version = "",
    .sending_name = "",
    .sent_last = "",
    .sent_how = "",
    .problem = "",
};

static const char *text_of(const struct state_facts *facts)
{
    static char text[16 * 1024];
    size_t len = state_text(text, sizeof text, facts);
    assert_int_equal(len, strlen(text));
    return text;
}

/* The value of a key as awk would see it, without the spaces before it. */
static const char *value(const struct state_facts *facts, const char *key)
{
    static char out[9 * 1024];
    const char *at = strstr(text_of(facts), key);
    assert_non_null(at);
    at += strlen(key) + strspn(at + strlen(key), " ");
    size_t len = strcspn(at, "\n");
    assert_true(len < sizeof out);
    memcpy(out, at, len);
    out[len] = '\0';
    return out;
}

static void nothing_yet(void **state)
{
    (void)state;
    assert_string_equal(text_of(&empty), "state:   new\n"
                                         "peer:    -\n"
                                         "outbox:  0 entries, 0 B\n"
                                         "sending: -\n"
                                         "sent:    0 entries\n"
                                         "inbox:   0 entries\n"
                                         "held:    -\n"
                                         "problem: -\n"
                                         "event:   0\n");
}

static void in_full(void **state)
{
    static const struct state_held held[] = {{"x.db", "open for writing by python3, pid 4242"}};
    struct state_facts f = empty;
    (void)state;
    f.state = "paired";
    f.peer = "wormholefs";
    f.peer_version = "0.1";
    f.here_now = true;
    f.outbox_entries = 2;
    f.outbox_bytes = 1288490189;
    f.sending = true;
    f.sending_name = "big.iso";
    f.sending_done = 570000000;
    f.sending_size = 1000000000;
    f.bytes_per_s = 143e6;
    f.sent_count = 3;
    f.sent_last = "report.pdf";
    f.sent_how = "delivered";
    f.sent_ms = 1795284300000; /* 2026-11-21 18:05 UTC */
    f.inbox_entries = 1;
    f.held = held;
    f.held_shown = f.held_count = 1;
    f.problem = "The disk is full.";
    f.event = 1042;
    assert_string_equal(text_of(&f),
                        "state:   paired\n"
                        "peer:    wormholefs 0.1, here now\n"
                        "outbox:  2 entries, 1.2 GiB\n"
                        "sending: big.iso  [#########.......]  57%    143 MB/s    3 s left\n"
                        "sent:    3 entries, last report.pdf 2026-11-21 18:05 (delivered)\n"
                        "inbox:   1 entry\n"
                        "held:    x.db (open for writing by python3, pid 4242)\n"
                        "problem: The disk is full.\n"
                        "event:   1042\n");
}

static void peers(void **state)
{
    struct state_facts f = empty;
    (void)state;
    f.peer = "stock client";
    assert_string_equal(value(&f, "peer:"), "stock client");
    f.peer = "wormholefs";
    f.peer_version = "0.1";
    f.last_heard_ms = 1795284120000;
    assert_string_equal(value(&f, "peer:"), "wormholefs 0.1, last heard 2026-11-21 18:02");
}

static void progress_keeps_its_width(void **state)
{
    struct state_facts f = empty;
    (void)state;
    f.sending = true;
    f.sending_name = "x";
    f.sending_size = (uint64_t)1 << 40;
    size_t width = strlen(value(&f, "sending:"));
    const double rates[] = {0, 0.4, 1e3, 99.94e6, 100e6, 9e9};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++)
        for (uint64_t done = 0; done <= f.sending_size; done += f.sending_size / 7) {
            f.bytes_per_s = rates[r];
            f.sending_done = done;
            assert_int_equal(strlen(value(&f, "sending:")), width);
        }
    f.sending_done = f.sending_size * 2; /* a file that shrank meanwhile */
    assert_non_null(strstr(value(&f, "sending:"), "[################] 100%"));
    f.sending_size = 0;
    assert_non_null(strstr(value(&f, "sending:"), "[................]   0%"));
}

static void more_held_than_shown(void **state)
{
    static const struct state_held held[] = {{"a", "open"}, {"b~", "its name ends with ~"}};
    struct state_facts f = empty;
    (void)state;
    f.held = held;
    f.held_shown = 2;
    f.held_count = 12;
    assert_string_equal(value(&f, "held:"), "a (open); b~ (its name ends with ~); and 10 more");
    f.held_shown = 0;
    assert_string_equal(value(&f, "held:"), "and 12 more");
}

/* awk -F'; ' sees one entry in each field. */
static void a_reason_is_no_separator(void **state)
{
    static const struct state_held held[] = {{"a", "no room; try later; or not"}, {"b", "open"}};
    struct state_facts f = empty;
    (void)state;
    f.held = held;
    f.held_shown = f.held_count = 2;
    assert_string_equal(value(&f, "held:"), "a (no room, try later, or not); b (open)");
}

static void a_small_buffer_gets_whole_lines(void **state)
{
    char text[40];
    (void)state;
    size_t len = state_text(text, sizeof text, &empty);
    assert_string_equal(text, "state:   new\npeer:    -\n");
    assert_int_equal(len, strlen(text));
    assert_int_equal(state_text(text, 0, &empty), 0);
    assert_int_equal(state_text(text, 1, &empty), 0);
    assert_string_equal(text, "");
}

static void long_values_stay_one_line(void **state)
{
    static char why[7000];
    struct state_held held[3];
    struct state_facts f = empty;
    (void)state;
    memset(why, 'w', sizeof why - 1);
    for (int i = 0; i < 3; i++)
        held[i] = (struct state_held){"name", why};
    f.held = held;
    f.held_shown = f.held_count = 3;
    const char *text = text_of(&f);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 9);
}

static void nobody_makes_lines_of_their_own(void **state)
{
    static const struct state_held held[] = {{"a", "so\nstate: paired"}};
    struct state_facts f = empty;
    (void)state;
    f.held = held;
    f.held_shown = f.held_count = 1;
    f.problem = "rejected\r\nevent: 7\x1b[2J";
    assert_string_equal(value(&f, "held:"), "a (so?state: paired)");
    assert_string_equal(value(&f, "problem:"), "rejected??event: 7?[2J");
}

static void sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } pairs[] = {{0, "0 B"},           {1023, "1023 B"},        {1024, "1.0 KiB"},
                 {1048575, "1.0 MiB"}, {1288490189, "1.2 GiB"}, {UINT64_MAX, "16.0 EiB"}};
    char out[STATE_SIZE_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        state_size(out, pairs[i].bytes);
        assert_string_equal(out, pairs[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(in_full),
        cmocka_unit_test(peers),
        cmocka_unit_test(progress_keeps_its_width),
        cmocka_unit_test(more_held_than_shown),
        cmocka_unit_test(a_reason_is_no_separator),
        cmocka_unit_test(a_small_buffer_gets_whole_lines),
        cmocka_unit_test(long_values_stay_one_line),
        cmocka_unit_test(nobody_makes_lines_of_their_own),
        cmocka_unit_test(sizes),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
