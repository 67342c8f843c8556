/* A connected state's twin without connection is the one it falls to on `down`.
 *
 * state            input                 out                        then
 * NONE             allocate              allocate                   ALLOCATE_*
 * NONE             join                  claim                      CLAIM_*
 * ALLOCATE_DOWN    up                    allocate                   ALLOCATE_UP
 * ALLOCATE_UP      allocated             event ALLOCATED, claim     CLAIM_UP
 * ALLOCATE_UP      down                                             ALLOCATE_DOWN
 * CLAIM_DOWN       up                    claim                      CLAIM_UP
 * CLAIM_UP         claimed               event CLAIMED              CLAIMED
 * CLAIM_UP         crowded, reclaimed    that event                 REFUSED
 * CLAIM_UP         down                                             CLAIM_DOWN
 * NONE, ALLOCATE_* release                                          RELEASED
 * CLAIM_*, CLAIMED release               release                    RELEASE_*
 * RELEASE_DOWN     up                    release                    RELEASE_UP
 * RELEASE_UP       released              event RELEASED             RELEASED
 * RELEASE_UP       down                                             RELEASE_DOWN
 *
 * Invariants: from CLAIMED on no claim is sent, ever. `nameplate` is set from CLAIM_* on. */
#include "proto/nameplate.h"

#include <string.h>

#include "proto/error.h"

void nameplate_init(struct nameplate *n)
{
    *n = (struct nameplate){.state = NAMEPLATE_NONE};
}

static bool is_nameplate(const char *text)
{
    size_t len = strnlen(text, CODE_NAMEPLATE_MAX + 1);

    return len >= 1 && len <= CODE_NAMEPLATE_MAX && strspn(text, "0123456789") == len;
}

/* Sends what the state wants on a connection that is up, and enters its connected twin. */
static int ask(struct nameplate *n, struct rendezvous *r, struct actions *actions)
{
    if (r->state == RENDEZVOUS_DOWN)
        return PROTO_OK;
    switch (n->state) {
    case NAMEPLATE_ALLOCATE_DOWN:
        n->state = NAMEPLATE_ALLOCATE_UP;
        return rendezvous_allocate(r, actions);
    case NAMEPLATE_CLAIM_DOWN:
        n->state = NAMEPLATE_CLAIM_UP;
        return rendezvous_claim(r, n->nameplate, actions);
    case NAMEPLATE_RELEASE_DOWN:
        n->state = NAMEPLATE_RELEASE_UP;
        return rendezvous_release_nameplate(r, n->nameplate, actions);
    case NAMEPLATE_NONE:
    case NAMEPLATE_ALLOCATE_UP:
    case NAMEPLATE_CLAIM_UP:
    case NAMEPLATE_CLAIMED:
    case NAMEPLATE_RELEASE_UP:
    case NAMEPLATE_RELEASED:
    case NAMEPLATE_REFUSED:
        break;
    }
    return PROTO_OK;
}

int nameplate_allocate(struct nameplate *n, struct rendezvous *r, struct actions *actions)
{
    if (n->state != NAMEPLATE_NONE)
        return PROTO_ERR_STATE;
    n->state = NAMEPLATE_ALLOCATE_DOWN;
    return ask(n, r, actions);
}

int nameplate_join(struct nameplate *n, const char *nameplate, struct rendezvous *r,
                   struct actions *actions)
{
    if (n->state != NAMEPLATE_NONE)
        return PROTO_ERR_STATE;
    if (!is_nameplate(nameplate))
        return PROTO_ERR_INVALID;
    strcpy(n->nameplate, nameplate);
    n->state = NAMEPLATE_CLAIM_DOWN;
    return ask(n, r, actions);
}

int nameplate_release(struct nameplate *n, struct rendezvous *r, struct actions *actions,
                      bool *done)
{
    int err = PROTO_OK;

    switch (n->state) {
    case NAMEPLATE_NONE:
    case NAMEPLATE_ALLOCATE_DOWN:
    case NAMEPLATE_ALLOCATE_UP:
        n->state = NAMEPLATE_RELEASED;
        break;
    case NAMEPLATE_CLAIM_DOWN:
    case NAMEPLATE_CLAIM_UP:
    case NAMEPLATE_CLAIMED:
        n->state = NAMEPLATE_RELEASE_DOWN;
        err = ask(n, r, actions);
        break;
    case NAMEPLATE_RELEASE_DOWN:
    case NAMEPLATE_RELEASE_UP:
    case NAMEPLATE_RELEASED:
    case NAMEPLATE_REFUSED:
        break;
    }
    *done = n->state == NAMEPLATE_RELEASED || n->state == NAMEPLATE_REFUSED;
    return err;
}

int nameplate_up(struct nameplate *n, struct rendezvous *r, struct actions *actions)
{
    return ask(n, r, actions);
}

static enum nameplate_state disconnected(enum nameplate_state state)
{
    switch (state) {
    case NAMEPLATE_ALLOCATE_UP:
        return NAMEPLATE_ALLOCATE_DOWN;
    case NAMEPLATE_CLAIM_UP:
        return NAMEPLATE_CLAIM_DOWN;
    case NAMEPLATE_RELEASE_UP:
        return NAMEPLATE_RELEASE_DOWN;
    case NAMEPLATE_NONE:
    case NAMEPLATE_ALLOCATE_DOWN:
    case NAMEPLATE_CLAIM_DOWN:
    case NAMEPLATE_CLAIMED:
    case NAMEPLATE_RELEASE_DOWN:
    case NAMEPLATE_RELEASED:
    case NAMEPLATE_REFUSED:
        break;
    }
    return state;
}

void nameplate_down(struct nameplate *n)
{
    n->state = disconnected(n->state);
}

static int allocated(struct nameplate *n, struct rendezvous *r, const struct server_msg *msg,
                     struct nameplate_event *event, struct actions *actions)
{
    if (n->state != NAMEPLATE_ALLOCATE_UP)
        return PROTO_OK;
    memcpy(n->nameplate, msg->nameplate, sizeof(n->nameplate));
    n->state = NAMEPLATE_CLAIM_DOWN;
    *event = (struct nameplate_event){.kind = NAMEPLATE_EVENT_ALLOCATED, .nameplate = n->nameplate};
    return ask(n, r, actions);
}

static void claimed(struct nameplate *n, const struct server_msg *msg,
                    struct nameplate_event *event)
{
    if (n->state != NAMEPLATE_CLAIM_UP)
        return;
    n->state = NAMEPLATE_CLAIMED;
    *event = (struct nameplate_event){
        .kind = NAMEPLATE_EVENT_CLAIMED, .nameplate = n->nameplate, .mailbox = msg->mailbox};
}

static void released(struct nameplate *n, struct nameplate_event *event)
{
    if (n->state != NAMEPLATE_RELEASE_UP)
        return;
    n->state = NAMEPLATE_RELEASED;
    *event = (struct nameplate_event){.kind = NAMEPLATE_EVENT_RELEASED, .nameplate = n->nameplate};
}

/* Other errors are the server's trouble: the connection will end, and the next one asks again. */
static void failed(struct nameplate *n, const struct server_msg *msg, struct nameplate_event *event)
{
    if (n->state != NAMEPLATE_CLAIM_UP || msg->command != COMMAND_CLAIM ||
        msg->fault == FAULT_OTHER)
        return;
    n->state = NAMEPLATE_REFUSED;
    event->kind = msg->fault == FAULT_CROWDED ? NAMEPLATE_EVENT_CROWDED : NAMEPLATE_EVENT_RECLAIMED;
    event->nameplate = n->nameplate;
}

int nameplate_received(struct nameplate *n, struct rendezvous *r, const struct server_msg *msg,
                       struct nameplate_event *event, struct actions *actions)
{
    *event = (struct nameplate_event){.kind = NAMEPLATE_EVENT_NONE};
    switch (msg->kind) {
    case SERVER_ALLOCATED:
        return allocated(n, r, msg, event, actions);
    case SERVER_CLAIMED:
        claimed(n, msg, event);
        break;
    case SERVER_RELEASED:
        released(n, event);
        break;
    case SERVER_ERROR:
        failed(n, msg, event);
        break;
    case SERVER_OTHER:
    case SERVER_WELCOME:
    case SERVER_ACK:
    case SERVER_NAMEPLATES:
    case SERVER_MESSAGE:
    case SERVER_CLOSED:
    case SERVER_PONG:
        break;
    }
    return PROTO_OK;
}

int nameplate_save(const struct nameplate *n, struct bytes *out)
{
    bytes_put_u8(out, (uint8_t)disconnected(n->state));
    bytes_put_blob(out, n->nameplate, strlen(n->nameplate));
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

static bool wants_number(enum nameplate_state state)
{
    return state != NAMEPLATE_NONE && state != NAMEPLATE_ALLOCATE_DOWN &&
           state != NAMEPLATE_RELEASED;
}

int nameplate_load(struct nameplate *n, struct reader *in)
{
    size_t len;

    nameplate_init(n);
    uint8_t state = reader_u8(in);
    const uint8_t *text = reader_blob(in, CODE_NAMEPLATE_MAX, &len);
    if (!reader_ok(in) || state > NAMEPLATE_REFUSED ||
        disconnected((enum nameplate_state)state) != (enum nameplate_state)state)
        return PROTO_ERR_MALFORMED;
    memcpy(n->nameplate, text, len);
    n->state = (enum nameplate_state)state;
    if ((len > 0 || wants_number(n->state)) && !is_nameplate(n->nameplate)) {
        nameplate_init(n);
        return PROTO_ERR_MALFORMED;
    }
    return PROTO_OK;
}
