/* One mailbox on one link, to be fed by hand: each input returns the exact actions as text. */
#ifndef UNIT_MAILBOX_RIG_H
#define UNIT_MAILBOX_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/mailbox.h"
#include "tests/sim/acts.h"

#define EPHEMERAL "e0123456789abcdef"

static struct rendezvous r;
static struct mailbox m;
static struct mailbox_event event;
static struct actions actions;
static struct server_msg msg;

static inline int set_up(void **state)
{
    (void)state;
    rendezvous_init(&r, LINK_CURRENT);
    return mailbox_init(&m, 3, "m", "us", NULL);
}

static inline int tear_down(void **state)
{
    (void)state;
    mailbox_release(&m);
    actions_release(&actions);
    server_msg_release(&msg);
    return 0;
}

static inline const char *up(void)
{
    assert_int_equal(rendezvous_up(&r, "app", "us", &actions), PROTO_OK);
    acts_take(&actions);
    assert_int_equal(mailbox_up(&m, &r, &actions), PROTO_OK);
    return acts_take(&actions);
}

static inline void down(void)
{
    rendezvous_down(&r);
    mailbox_down(&m);
}

static inline const char *server(const char *text)
{
    server_msg_release(&msg);
    assert_int_equal(server_msg_parse(&msg, text, strlen(text)), PROTO_OK);
    assert_int_equal(mailbox_received(&m, &r, &msg, &event, &actions), PROTO_OK);
    return acts_take(&actions);
}

static inline const char *message(const char *side, const char *phase, const char *hex)
{
    char text[256];

    snprintf(text, sizeof(text),
             "{\"type\":\"message\",\"side\":\"%s\",\"phase\":\"%s\",\"body\":\"%s\"}", side, phase,
             hex);
    return server(text);
}

static inline const char *pong(void)
{
    char text[64];

    snprintf(text, sizeof(text), "{\"type\":\"pong\",\"pong\":%d}", (int)m.fence);
    return server(text);
}

static inline const char *failed(const char *error, const char *command)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"type\":\"error\",\"error\":\"%s\",\"orig\":{\"type\":\"%s\"}}",
             error, command);
    return server(text);
}

static inline const char *add(const char *phase, const char *body)
{
    assert_int_equal(mailbox_add(&m, &r, phase, body, strlen(body), &actions), PROTO_OK);
    return acts_take(&actions);
}

static inline const char *close_with(enum mailbox_mood mood)
{
    assert_int_equal(mailbox_close(&m, mood, &r, &actions), PROTO_OK);
    return acts_take(&actions);
}

static inline void assert_event(enum mailbox_event_kind kind)
{
    assert_int_equal(event.kind, kind);
}

/* An event that carries a message: "side phase len live". */
static inline void assert_message(enum mailbox_event_kind kind, const char *want)
{
    char line[256];

    assert_event(kind);
    snprintf(line, sizeof(line), "%s %s %zu %s", event.side, event.phase, event.len,
             event.live ? "live" : "replay");
    assert_string_equal(line, want);
}

/* Through the fence of a new connection, with an empty replay. */
static inline void open_empty(void)
{
    up();
    pong();
    assert_event(MAILBOX_EVENT_FENCE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
