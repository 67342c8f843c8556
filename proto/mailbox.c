/* A connected state's twin without connection is the one it falls to on `down`.
 *
 * state            input               out                              then
 * NO_ID_DOWN       up                                                   NO_ID_UP
 * NO_ID_DOWN       set_id                                               DOWN
 * NO_ID_UP         set_id              open, ping                       REPLAY
 * NO_ID_*          close                                                CLOSED
 * DOWN             up                  open, ping                       REPLAY
 * REPLAY           message             event INBOUND or OWN_UNKNOWN     REPLAY
 * REPLAY           pong                what it lacked, event FENCE      OPEN
 * REPLAY           crowded             event CROWDED                    CROWDED
 * OPEN             message             the same, live                   OPEN
 * OPEN             add                 add                              OPEN
 * DOWN             close                                                ENDING_DOWN
 * REPLAY           close                                                ENDING_REPLAY
 * OPEN             close               close                            CLOSING
 * OPEN, held       close                                                ENDING_HELD
 * ENDING_DOWN      up                  open, ping                       ENDING_REPLAY
 * ENDING_REPLAY    pong                what it lacked, close            CLOSING
 * ENDING_REPLAY, held   pong           what it lacked                   ENDING_HELD
 * ENDING_REPLAY    crowded             event CLOSED                     CLOSED
 * ENDING_HELD      unhold              close                            CLOSING
 * CLOSING          closed, crowded     event CLOSED                     CLOSED
 * NO_ID_UP         down                                                 NO_ID_DOWN
 * REPLAY, OPEN     down                                                 DOWN
 * ENDING_*, CLOSING  down                                               ENDING_DOWN
 *
 * Invariants: nothing is added before the fence of its connection; nothing that the replay had is
 * added; every kept body is on the server, or was sent to it, in OPEN (unless muted). */
#include "proto/mailbox.h"

#include <string.h>

#include "mutant.h"
#include "proto/error.h"

/* ---- life ---- */

static bool copy_name(char *out, const char *name, size_t len_max)
{
    size_t len = strnlen(name, len_max + 1);

    if (len < 1 || len > len_max)
        return false;
    memcpy(out, name, len + 1);
    return true;
}

int mailbox_init(struct mailbox *m, uint64_t generation, const char *id, const char *side,
                 const char *peer)
{
    *m = (struct mailbox){.state = MAILBOX_NO_ID_DOWN, .generation = generation};
    if (id != NULL)
        m->state = MAILBOX_DOWN;
    if (!copy_name(m->side, side, SIDE_LEN_MAX) ||
        (id != NULL && !copy_name(m->id, id, MAILBOX_ID_LEN_MAX)) ||
        (peer != NULL && !copy_name(m->peer, peer, SIDE_LEN_MAX)))
        return PROTO_ERR_INVALID;
    return PROTO_OK;
}

void mailbox_release(struct mailbox *m)
{
    mailbox_kept_release(&m->kept);
    *m = (struct mailbox){.state = MAILBOX_CLOSED};
}

bool mailbox_is_final(const struct mailbox *m)
{
    return m->state == MAILBOX_CLOSED || m->state == MAILBOX_CROWDED;
}

enum mailbox_state mailbox_state_disconnected(enum mailbox_state state)
{
    switch (state) {
    case MAILBOX_NO_ID_DOWN:
    case MAILBOX_NO_ID_UP:
        return MAILBOX_NO_ID_DOWN;
    case MAILBOX_DOWN:
    case MAILBOX_REPLAY:
    case MAILBOX_OPEN:
        return MAILBOX_DOWN;
    case MAILBOX_ENDING_DOWN:
    case MAILBOX_ENDING_REPLAY:
    case MAILBOX_ENDING_HELD:
    case MAILBOX_CLOSING:
        return MAILBOX_ENDING_DOWN;
    case MAILBOX_CLOSED:
    case MAILBOX_CROWDED:
        break;
    }
    return state;
}

/* May our own messages still be made here? */
static bool is_writable(const struct mailbox *m)
{
    return !m->muted && mailbox_state_disconnected(m->state) <= MAILBOX_DOWN;
}

/* ---- connecting ---- */

static int add_missing(struct mailbox *m, struct rendezvous *r, struct actions *actions);

static int replay(struct mailbox *m, enum mailbox_state state, struct rendezvous *r,
                  struct actions *actions)
{
    m->state = state;
    m->deaf = false;
    m->own_replayed = false;
    m->sent = (struct mailbox_usage){0};
    m->heard = (struct mailbox_usage){0};
    m->opened = (struct mailbox_usage){0};
    m->fence++;
    for (struct mailbox_kept *k = m->kept; k != NULL; k = k->next)
        k->there = false;
    int err = rendezvous_open(r, m->id, actions);
    if (MUTANT(SKIP_FENCE) && err == PROTO_OK)
        err = add_missing(m, r, actions);
    return err != PROTO_OK ? err : rendezvous_ping(r, m->fence, actions);
}

int mailbox_up(struct mailbox *m, struct rendezvous *r, struct actions *actions)
{
    mailbox_down(m);
    if (m->state == MAILBOX_NO_ID_DOWN)
        m->state = MAILBOX_NO_ID_UP;
    else if (m->state == MAILBOX_DOWN)
        return replay(m, MAILBOX_REPLAY, r, actions);
    else if (m->state == MAILBOX_ENDING_DOWN)
        return replay(m, MAILBOX_ENDING_REPLAY, r, actions);
    return PROTO_OK;
}

void mailbox_down(struct mailbox *m)
{
    m->state = mailbox_state_disconnected(m->state);
}

int mailbox_set_id(struct mailbox *m, const char *id, struct rendezvous *r, struct actions *actions)
{
    bool up = m->state == MAILBOX_NO_ID_UP;

    if (!up && m->state != MAILBOX_NO_ID_DOWN)
        return PROTO_OK;
    if (!copy_name(m->id, id, MAILBOX_ID_LEN_MAX))
        return PROTO_ERR_INVALID;
    m->state = MAILBOX_DOWN;
    return up ? replay(m, MAILBOX_REPLAY, r, actions) : PROTO_OK;
}

/* ---- our messages ---- */

static void count_sent(struct mailbox *m, const char *phase, size_t len)
{
    if (!mailbox_phase_is_ephemeral(phase))
        return;
    m->sent.ephemeral++;
    m->sent.bytes += len;
}

static int send_add(struct mailbox *m, struct rendezvous *r, const char *phase, const void *body,
                    size_t len, struct actions *actions)
{
    count_sent(m, phase, len);
    return rendezvous_add(r, phase, body, len, actions);
}

/* Did we ever make a body for this phase here? */
static bool was_made(const struct mailbox *m, const char *phase)
{
    uint64_t number;

    if (mailbox_kept_find(m->kept, phase) != NULL)
        return true;
    if (mailbox_phase_number(phase, &number))
        return number < m->next_number;
    if (strcmp(phase, "pake") == 0)
        return m->made_pake;
    return strcmp(phase, "version") == 0 && m->made_version;
}

static void note_made(struct mailbox *m, const char *phase)
{
    uint64_t number;

    if (mailbox_phase_number(phase, &number)) {
        if (number >= m->next_number)
            m->next_number = number + 1;
    } else if (strcmp(phase, "pake") == 0) {
        m->made_pake = true;
    } else if (strcmp(phase, "version") == 0) {
        m->made_version = true;
    }
}

/* A phase that we may make now: unused, and if numbered, the next. */
static bool is_free(const struct mailbox *m, const char *phase)
{
    uint64_t number;

    if (phase[0] == '\0' || strnlen(phase, PHASE_LEN_MAX + 1) > PHASE_LEN_MAX)
        return false;
    if (mailbox_phase_number(phase, &number))
        return number == m->next_number;
    return !was_made(m, phase);
}

int mailbox_add(struct mailbox *m, struct rendezvous *r, const char *phase, const void *body,
                size_t len, struct actions *actions)
{
    if (len > OWN_BODY_MAX)
        return PROTO_ERR_TOO_BIG;
    if (!is_writable(m) || !is_free(m, phase))
        return PROTO_ERR_STATE;
    struct mailbox_kept *k = mailbox_kept_insert(&m->kept, phase, body, len);
    if (k == NULL)
        return PROTO_ERR_NOMEM;
    note_made(m, phase);
    if (!mailbox_phase_is_ephemeral(phase))
        m->numbered_bytes += len;
    struct action *a = actions_add(actions, ACTION_KEEP);
    a->mailbox = m->generation;
    memcpy(a->phase, k->phase, sizeof(k->phase));
    action_set_body(actions, a, body, len);
    if (actions->failed)
        return PROTO_ERR_NOMEM;
    if (m->state != MAILBOX_OPEN)
        return PROTO_OK;
    k->there = true;
    return send_add(m, r, phase, body, len, actions);
}

int mailbox_add_once(struct mailbox *m, struct rendezvous *r, const char *phase, const void *body,
                     size_t len, struct actions *actions)
{
    if (len > OWN_BODY_MAX)
        return PROTO_ERR_TOO_BIG;
    if (m->state != MAILBOX_OPEN || !mailbox_phase_is_ephemeral(phase))
        return PROTO_ERR_STATE;
    if (mailbox_room(m, MAILBOX_EPHEMERAL, len) == 0)
        return PROTO_ERR_FULL;
    return send_add(m, r, phase, body, len, actions);
}

int mailbox_keep(struct mailbox *m, const char *phase, const void *body, size_t len)
{
    uint64_t number;

    if (len > OWN_BODY_MAX)
        return PROTO_ERR_TOO_BIG;
    if (phase[0] == '\0' || strnlen(phase, PHASE_LEN_MAX + 1) > PHASE_LEN_MAX)
        return PROTO_ERR_MALFORMED;
    if (mailbox_kept_find(m->kept, phase) != NULL)
        return PROTO_ERR_STATE;
    struct mailbox_kept *k = mailbox_kept_insert(&m->kept, phase, body, len);
    if (k == NULL)
        return PROTO_ERR_NOMEM;
    note_made(m, phase);
    k->echoed = mailbox_phase_number(phase, &number) && number < m->echoed_number;
    return PROTO_OK;
}

static void forget(struct mailbox *m, const char *phase, struct actions *actions)
{
    struct action *a = actions_add(actions, ACTION_FORGET);
    a->mailbox = m->generation;
    strcpy(a->phase, phase);
}

void mailbox_forget(struct mailbox *m, const char *phase, struct actions *actions)
{
    if (mailbox_kept_remove(&m->kept, phase))
        forget(m, phase, actions);
}

void mailbox_forget_all(struct mailbox *m, struct actions *actions)
{
    mailbox_kept_release(&m->kept);
    forget(m, "", actions);
}

const struct bytes *mailbox_kept(const struct mailbox *m, const char *phase)
{
    const struct mailbox_kept *k = mailbox_kept_find(m->kept, phase);

    return k != NULL ? &k->body : NULL;
}

void mailbox_mute(struct mailbox *m)
{
    m->muted = true;
}

/* ---- what the server says ---- */

static struct mailbox_event event_of(enum mailbox_event_kind kind, const struct server_msg *msg,
                                     bool live)
{
    return (struct mailbox_event){.kind = kind,
                                  .live = live,
                                  .side = msg->side,
                                  .phase = msg->phase,
                                  .body = msg->body.data,
                                  .len = msg->body.len};
}

static void note_echo(struct mailbox *m, const char *phase, bool live)
{
    uint64_t number;

    if (!live)
        m->own_replayed = true;
    m->echoed_any = true;
    if (mailbox_phase_number(phase, &number) && number >= m->echoed_number)
        m->echoed_number = number + 1;
}

static bool is_same(const struct bytes *a, const struct bytes *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* An echo of ours, of this run or an earlier one; or what a later state of our store, or a copy of
 * it, has added: a phase that we never made, or made otherwise. */
static void own_message(struct mailbox *m, const struct server_msg *msg, bool live,
                        struct mailbox_event *event)
{
    struct mailbox_kept *k = mailbox_kept_find(m->kept, msg->phase);
    bool known = k != NULL ? is_same(&k->body, &msg->body) : was_made(m, msg->phase);

    if (!live && msg->body.len <= OWN_BODY_MAX) /* longer ones are not ours, whoever shows them */
        count_sent(m, msg->phase, msg->body.len);
    if (k != NULL && known)
        k->there = k->echoed = true;
    bool lasting = mailbox_phase_is_lasting(msg->phase);
    if (lasting && known)
        note_echo(m, msg->phase, live);
    if (lasting && !known)
        *event = event_of(MAILBOX_EVENT_OWN_UNKNOWN, msg, live);
    else if (lasting || mailbox_phase_is_ephemeral(msg->phase))
        *event = event_of(MAILBOX_EVENT_OWN, msg, live);
}

static bool is_overfull(const struct mailbox_usage *u)
{
    return u->numbered > MAILBOX_ACCEPT_FACTOR * MAILBOX_NUMBERED_MAX ||
           u->ephemeral > MAILBOX_ACCEPT_FACTOR * MAILBOX_EPHEMERAL_MAX ||
           u->bytes > MAILBOX_ACCEPT_FACTOR * MAILBOX_BYTES_MAX;
}

static void count(struct mailbox_usage *u, const char *phase, size_t len)
{
    uint64_t number;

    u->bytes += len;
    if (!mailbox_phase_number(phase, &number))
        u->ephemeral += mailbox_phase_is_ephemeral(phase);
    else if (number >= u->numbered)
        u->numbered = number + 1;
}

static void peer_message(struct mailbox *m, const struct server_msg *msg, bool live,
                         struct mailbox_event *event)
{
    bool chosen = m->peer[0] == '\0';

    if (chosen)
        strcpy(m->peer, msg->side);
    if (strcmp(m->peer, msg->side) != 0 || m->deaf)
        return;
    count(&m->heard, msg->phase, msg->body.len);
    m->deaf = is_overfull(&m->heard);
    *event = event_of(m->deaf ? MAILBOX_EVENT_OVERFULL : MAILBOX_EVENT_INBOUND, msg, live);
    event->commit = chosen;
}

static void message(struct mailbox *m, const struct server_msg *msg, struct mailbox_event *event)
{
    bool live = m->state == MAILBOX_OPEN || m->state == MAILBOX_ENDING_HELD;
    bool ending = mailbox_state_disconnected(m->state) == MAILBOX_ENDING_DOWN;
    struct mailbox_event ignored;

    if (!live && m->state != MAILBOX_REPLAY && m->state != MAILBOX_ENDING_REPLAY)
        return;
    if (strcmp(msg->side, m->side) == 0)
        own_message(m, msg, live, ending ? &ignored : event);
    else if (!ending)
        peer_message(m, msg, live, event);
}

static bool is_lost(const struct mailbox *m)
{
    for (const struct mailbox_kept *k = m->kept; k != NULL; k = k->next)
        if (k->echoed && !k->there)
            return true;
    return m->echoed_any && !m->own_replayed;
}

static int add_missing(struct mailbox *m, struct rendezvous *r, struct actions *actions)
{
    int err = PROTO_OK;

    for (struct mailbox_kept *k = m->kept; k != NULL && !m->muted && err == PROTO_OK; k = k->next) {
        if (k->there)
            continue;
        k->there = true;
        err = send_add(m, r, k->phase, k->body.data, k->body.len, actions);
    }
    return err;
}

static int send_close(struct mailbox *m, struct rendezvous *r, struct actions *actions)
{
    if (m->held) {
        m->state = MAILBOX_ENDING_HELD;
        return PROTO_OK;
    }
    m->state = MAILBOX_CLOSING;
    return rendezvous_close(r, m->id, m->mood, actions);
}

static int fence(struct mailbox *m, struct rendezvous *r, const struct server_msg *msg,
                 struct mailbox_event *event, struct actions *actions)
{
    bool ending = m->state == MAILBOX_ENDING_REPLAY;

    if ((!ending && m->state != MAILBOX_REPLAY) || msg->pong != m->fence)
        return PROTO_OK;
    bool lost = is_lost(m);
    int err = add_missing(m, r, actions);
    if (err != PROTO_OK)
        return err;
    if (ending)
        return send_close(m, r, actions);
    m->state = MAILBOX_OPEN;
    *event = (struct mailbox_event){.kind = MAILBOX_EVENT_FENCE, .lost = lost};
    return PROTO_OK;
}

static void finish(struct mailbox *m, enum mailbox_state state, struct mailbox_event *event)
{
    m->state = state;
    event->kind = state == MAILBOX_CLOSED ? MAILBOX_EVENT_CLOSED : MAILBOX_EVENT_CROWDED;
}

static void failed(struct mailbox *m, const struct server_msg *msg, struct mailbox_event *event)
{
    bool opening = msg->command == COMMAND_OPEN;
    bool crowded = msg->fault == FAULT_CROWDED;

    if (opening && crowded && m->state == MAILBOX_REPLAY)
        finish(m, MAILBOX_CROWDED, event);
    else if (opening && crowded && m->state == MAILBOX_ENDING_REPLAY)
        finish(m, MAILBOX_CLOSED, event);
    else if (msg->command == COMMAND_CLOSE && crowded && m->state == MAILBOX_CLOSING)
        finish(m, MAILBOX_CLOSED, event);
    else if (opening)
        m->fence++; /* not opened, so the pong that comes is no fence; the next connection tries
                       again */
}

int mailbox_received(struct mailbox *m, struct rendezvous *r, const struct server_msg *msg,
                     struct mailbox_event *event, struct actions *actions)
{
    *event = (struct mailbox_event){.kind = MAILBOX_EVENT_NONE};
    switch (msg->kind) {
    case SERVER_MESSAGE:
        message(m, msg, event);
        break;
    case SERVER_PONG:
        return fence(m, r, msg, event, actions);
    case SERVER_CLOSED:
        if (m->state == MAILBOX_CLOSING)
            finish(m, MAILBOX_CLOSED, event);
        break;
    case SERVER_ERROR:
        failed(m, msg, event);
        break;
    case SERVER_OTHER:
    case SERVER_WELCOME:
    case SERVER_ACK:
    case SERVER_NAMEPLATES:
    case SERVER_ALLOCATED:
    case SERVER_CLAIMED:
    case SERVER_RELEASED:
        break;
    }
    return PROTO_OK;
}

/* ---- bounds ---- */

unsigned mailbox_room(const struct mailbox *m, enum mailbox_class class, size_t len)
{
    uint64_t places = MAILBOX_NUMBERED_MAX - MAILBOX_RESERVED_NUMBERED,
             places_used = m->next_number;
    uint64_t bytes = MAILBOX_BYTES_MAX - MAILBOX_RESERVED_BYTES;
    uint64_t bytes_used = m->numbered_bytes + m->sent.bytes;
    bool may_add = is_writable(m);

    if (class == MAILBOX_CONTROL) {
        places = MAILBOX_NUMBERED_MAX;
        bytes = MAILBOX_BYTES_MAX;
    } else if (class == MAILBOX_EPHEMERAL) {
        places = MAILBOX_EPHEMERAL_MAX;
        places_used = m->sent.ephemeral;
        may_add = mailbox_state_disconnected(m->state) <= MAILBOX_DOWN;
    }
    if (!may_add || places_used >= places || bytes_used >= bytes)
        return 0;
    uint64_t fit = len > 0 ? (bytes - bytes_used) / len : places;
    return (unsigned)(fit < places - places_used ? fit : places - places_used);
}

void mailbox_opened(struct mailbox *m, const char *phase, size_t len)
{
    count(&m->opened, phase, len);
}

static bool is_half_used(uint64_t numbered, uint64_t ephemeral, uint64_t bytes)
{
    return numbered > MAILBOX_NUMBERED_MAX / 2 || ephemeral > MAILBOX_EPHEMERAL_MAX / 2 ||
           bytes > MAILBOX_BYTES_MAX / 2;
}

bool mailbox_half_used(const struct mailbox *m)
{
    return is_half_used(m->next_number, m->sent.ephemeral, m->numbered_bytes + m->sent.bytes) ||
           is_half_used(m->opened.numbered, m->opened.ephemeral, m->opened.bytes);
}

/* ---- the end ---- */

int mailbox_close(struct mailbox *m, enum mailbox_mood mood, struct rendezvous *r,
                  struct actions *actions)
{
    switch (m->state) {
    case MAILBOX_NO_ID_DOWN:
    case MAILBOX_NO_ID_UP:
        m->state = MAILBOX_CLOSED;
        return PROTO_OK;
    case MAILBOX_DOWN:
        m->mood = mood;
        m->state = MAILBOX_ENDING_DOWN;
        return PROTO_OK;
    case MAILBOX_REPLAY:
        m->mood = mood;
        m->state = MAILBOX_ENDING_REPLAY;
        return PROTO_OK;
    case MAILBOX_OPEN:
        m->mood = mood;
        return send_close(m, r, actions);
    case MAILBOX_ENDING_DOWN:
    case MAILBOX_ENDING_REPLAY:
    case MAILBOX_ENDING_HELD:
    case MAILBOX_CLOSING:
    case MAILBOX_CLOSED:
    case MAILBOX_CROWDED:
        break;
    }
    return PROTO_OK;
}

void mailbox_hold(struct mailbox *m)
{
    m->held = true;
}

int mailbox_unhold(struct mailbox *m, struct rendezvous *r, struct actions *actions)
{
    m->held = false;
    return m->state == MAILBOX_ENDING_HELD ? send_close(m, r, actions) : PROTO_OK;
}
