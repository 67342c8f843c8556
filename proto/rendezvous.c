/* state       input                      out                    then
 * DOWN        up                         bind                   UP
 * UP          a first welcome with an    (problem)              REFUSED
 *             error or a permit that we
 *             cannot get
 * UP          any other first welcome    (no problem)           UP
 * UP          a further welcome          nothing                UP
 * UP          a machine's command        that command           UP
 * REFUSED     a machine's command        nothing                REFUSED
 * any         down                       nothing                DOWN
 *
 * Invariant: bind is the first thing on a connection, and is there once. */
#include "proto/rendezvous.h"

#include <stdio.h>

#include "proto/error.h"

enum { ID_LEN = 8 };

void rendezvous_init(struct rendezvous *r, enum wormhole_link link)
{
    *r = (struct rendezvous){.state = RENDEZVOUS_DOWN, .link = link};
}

/* A LINK_SEND whose body is to be written, or NULL if nothing may be sent. Ids count up from 1 on
 * each connection: they tell the peer no more than the order of our commands. */
static struct bytes *begin(struct rendezvous *r, char id[static ID_LEN + 1],
                           struct actions *actions)
{
    if (r->state != RENDEZVOUS_UP)
        return NULL;
    snprintf(id, ID_LEN + 1, "%04x", (unsigned)++r->commands);
    struct action *a = actions_add(actions, ACTION_LINK_SEND);
    a->link = r->link;
    return &a->body;
}

static int end(const struct bytes *out, struct actions *actions)
{
    if (out != NULL && !bytes_ok(out))
        actions->failed = true;
    return actions->failed ? PROTO_ERR_NOMEM : PROTO_OK;
}

int rendezvous_up(struct rendezvous *r, const char *appid, const char *side,
                  struct actions *actions)
{
    char id[ID_LEN + 1];

    r->state = RENDEZVOUS_UP;
    r->welcomed = false;
    r->commands = 0;
    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_bind(out, id, appid, side);
    return end(out, actions);
}

void rendezvous_down(struct rendezvous *r)
{
    r->state = RENDEZVOUS_DOWN;
}

static const char *welcomed(struct rendezvous *r, const struct server_msg *msg)
{
    r->welcomed = true;
    if (msg->error[0] == '\0' && !msg->wants_permission)
        return "";
    r->state = RENDEZVOUS_REFUSED;
    if (msg->error[0] != '\0')
        return msg->error;
    return "the mailbox server wants a permit that wormholefs cannot get; use another one";
}

int rendezvous_received(struct rendezvous *r, const void *text, size_t len, struct server_msg *msg,
                        const char **problem)
{
    *problem = NULL;
    int err = server_msg_parse(msg, text, len);
    if (err == PROTO_OK && msg->kind == SERVER_WELCOME && r->state == RENDEZVOUS_UP && !r->welcomed)
        *problem = welcomed(r, msg);
    return err;
}

int rendezvous_allocate(struct rendezvous *r, struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_allocate(out, id);
    return end(out, actions);
}

int rendezvous_claim(struct rendezvous *r, const char *nameplate, struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_claim(out, id, nameplate);
    return end(out, actions);
}

int rendezvous_release_nameplate(struct rendezvous *r, const char *nameplate,
                                 struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_release_nameplate(out, id, nameplate);
    return end(out, actions);
}

int rendezvous_open(struct rendezvous *r, const char *mailbox, struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_open(out, id, mailbox);
    return end(out, actions);
}

int rendezvous_add(struct rendezvous *r, const char *phase, const void *body, size_t len,
                   struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_add(out, id, phase, body, len);
    return end(out, actions);
}

int rendezvous_close(struct rendezvous *r, const char *mailbox, enum mailbox_mood mood,
                     struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_close(out, id, mailbox, mood);
    return end(out, actions);
}

int rendezvous_ping(struct rendezvous *r, int64_t ping, struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_ping(out, id, ping);
    return end(out, actions);
}

int rendezvous_list(struct rendezvous *r, struct actions *actions)
{
    char id[ID_LEN + 1];

    struct bytes *out = begin(r, id, actions);
    if (out != NULL)
        server_msg_list(out, id);
    return end(out, actions);
}
