/* The links of the boss: which are wanted, and what comes from them. That one is up is never part
 * of the state that is saved; that it is wanted follows from that state. */
#include "proto/boss_inner.h"

#include <string.h>

#include "proto/error.h"

struct rendezvous *boss_rendezvous(struct boss *b, enum wormhole_link link)
{
    return &b->links[link].r;
}

void boss_renew(struct boss *b, enum wormhole_link link)
{
    b->links[link].renew = true;
    /* Whatever is said from here on is for the new connection: the old one has another side. */
    rendezvous_down(&b->links[link].r);
}

/* ---- which are wanted ---- */

static struct generation *generation_of(const struct boss *b, enum wormhole_link link)
{
    if (link == LINK_CURRENT)
        return b->current;
    return link == LINK_NEXT ? b->next : NULL;
}

static bool wants_link(const struct boss *b, enum wormhole_link link)
{
    if (b->over || b->state == BOSS_FAILED)
        return false;
    switch (link) {
    case LINK_CODE:
        return boss_code_wants_link(b);
    case LINK_CURRENT:
    case LINK_NEXT:
        return generation_of(b, link) != NULL;
    case LINK_MEETING:
        return b->visit.on;
    case LINK_COUNT:
        break;
    }
    return false;
}

static void mailbox_lost_link(struct boss *b, enum wormhole_link link)
{
    struct generation *g = generation_of(b, link);

    if (link == LINK_CODE)
        boss_code_down(b);
    else if (link == LINK_MEETING)
        mailbox_down(&b->meeting_mailbox);
    else if (g != NULL)
        mailbox_down(&g->mailbox);
    if (g != NULL && g == boss_newest(b)) {
        attempt_restart(&b->attempt);
        b->called = false;
    }
}

static void close_link(struct boss *b, enum wormhole_link link)
{
    actions_add(b->actions, ACTION_LINK_CLOSE)->link = link;
    b->links[link].open = false;
    rendezvous_down(&b->links[link].r);
    mailbox_lost_link(b, link);
}

static void open_and_close(struct boss *b)
{
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++) {
        struct boss_link *l = &b->links[link];
        bool wanted = wants_link(b, link);
        if (l->open && (l->renew || !wanted))
            close_link(b, link);
        l->renew = false;
        if (!wanted || l->open)
            continue;
        actions_add(b->actions, ACTION_LINK_OPEN)->link = link;
        l->open = true;
        l->patience_ms = 0;
    }
}

static bool mailbox_waits(const struct mailbox *m)
{
    return m->state == MAILBOX_REPLAY || m->state == MAILBOX_ENDING_REPLAY ||
           m->state == MAILBOX_CLOSING;
}

static bool waits_for_answer(const struct boss *b, enum wormhole_link link)
{
    const struct generation *g = generation_of(b, link);

    if (link == LINK_CODE)
        return boss_code_waits(b);
    if (link == LINK_MEETING)
        return mailbox_waits(&b->meeting_mailbox);
    return g != NULL && mailbox_waits(&g->mailbox);
}

/* A server that does not answer, and a link of which we think wrongly that it is down, must not be
 * the end: the connection is made anew after some time. */
static void be_patient(struct boss *b, enum wormhole_link link)
{
    struct boss_link *l = &b->links[link];
    int64_t wait_ms = 0;

    if (l->open && l->r.state != RENDEZVOUS_UP)
        wait_ms = BOSS_DOWN_MS;
    else if (l->open && waits_for_answer(b, link))
        wait_ms = BOSS_ANSWER_MS;
    if (wait_ms == 0)
        l->patience_ms = 0;
    else if (l->patience_ms == 0 || l->patience_ms > b->now->ms + wait_ms)
        l->patience_ms = b->now->ms + wait_ms;
}

static void lose_patience(struct boss *b)
{
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++)
        if (boss_due(b, b->links[link].patience_ms))
            boss_renew(b, link);
}

void boss_links_settle(struct boss *b)
{
    lose_patience(b);
    open_and_close(b);
    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++)
        be_patient(b, link);
}

int64_t boss_links_deadline(const struct boss *b)
{
    int64_t deadline_ms = INT64_MAX;

    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++) {
        int64_t at_ms = b->links[link].patience_ms;
        if (at_ms != 0 && at_ms < deadline_ms)
            deadline_ms = at_ms;
    }
    return deadline_ms;
}

/* ---- what comes from them ---- */

/* What is still called LINK_NEXT after a move. */
static enum wormhole_link meant(const struct boss *b, enum wormhole_link link)
{
    return link == LINK_NEXT && b->next_moved ? LINK_CURRENT : link;
}

int boss_link_up(struct boss *b, enum wormhole_link link, struct now *now, struct actions *actions)
{
    struct generation *g;

    boss_begin(b, now, actions);
    if (link == LINK_NEXT)
        b->next_moved = false;
    g = generation_of(b, link);
    if (!b->links[link].open)
        return boss_end(b, PROTO_OK);
    b->links[link].patience_ms = 0;
    b->links[link].faulted = false;
    mailbox_lost_link(b, link);
    int err = rendezvous_up(&b->links[link].r, b->appid, b->side, actions);
    if (err == PROTO_OK && link == LINK_CODE)
        err = boss_code_up(b);
    else if (err == PROTO_OK && link == LINK_MEETING)
        err = boss_meeting_up(b);
    else if (err == PROTO_OK && g != NULL)
        err = mailbox_up(&g->mailbox, &b->links[link].r, actions);
    return boss_end(b, boss_check(b, err));
}

int boss_link_down(struct boss *b, enum wormhole_link link, struct now *now,
                   struct actions *actions)
{
    boss_begin(b, now, actions);
    link = meant(b, link);
    rendezvous_down(&b->links[link].r);
    b->links[link].patience_ms = 0;
    mailbox_lost_link(b, link);
    return boss_end(b, PROTO_OK);
}

static int generation_received(struct boss *b, struct generation *g, struct rendezvous *r,
                               const struct server_msg *msg)
{
    struct mailbox_event event;

    int err = mailbox_received(&g->mailbox, r, msg, &event, b->actions);
    return err != PROTO_OK ? err : boss_stream_event(b, g, &event);
}

static int received(struct boss *b, enum wormhole_link link, const struct server_msg *msg)
{
    struct generation *g = generation_of(b, link);

    if (link == LINK_CODE)
        return boss_code_received(b, msg);
    if (link == LINK_MEETING)
        return boss_meeting_received(b, msg);
    return g != NULL ? generation_received(b, g, &b->links[link].r, msg) : PROTO_OK;
}

/* So many notes at once; after that one for each BOSS_NOTE_MS that has passed. */
bool boss_may_note(struct boss *b)
{
    const int64_t burst_ms = (int64_t)BOSS_NOTE_MS * (BOSS_NOTES_MAX - 1);
    int64_t paid_ms = b->noted_ms > b->now->ms ? b->noted_ms : b->now->ms;

    if (paid_ms > b->now->ms + burst_ms)
        return false;
    b->noted_ms = paid_ms + BOSS_NOTE_MS;
    return true;
}

void boss_problem_seen(struct boss *b, enum boss_problem problem, const char *text)
{
    if (problem > b->problem && boss_may_note(b))
        boss_problem(b, problem, text);
}

/* Once on a connection, whatever comes on it. */
static void note_fault(struct boss *b, struct boss_link *l, const struct server_msg *msg)
{
    if (msg->kind != SERVER_ERROR || msg->fault != FAULT_OTHER || l->faulted)
        return;
    l->faulted = true;
    boss_problem_seen(b, PROBLEM_SERVER, msg->error);
}

/* More than any message we take, from the peer as far as can be seen: of a stock client it is a
 * text, and its sender waits for an answer. */
static int refuse_giant(struct boss *b, enum wormhole_link link, const struct server_msg *msg,
                        int parsed)
{
    bool from_peer = parsed == PROTO_ERR_TOO_BIG ||
                     (parsed == PROTO_OK && msg->too_long && strcmp(msg->side, b->peer) == 0);

    if (link != LINK_CODE || !from_peer)
        return PROTO_OK;
    return boss_classic_too_long(b);
}

int boss_link_received(struct boss *b, enum wormhole_link link, const void *text, size_t len,
                       struct now *now, struct actions *actions)
{
    struct server_msg msg;
    const char *problem = NULL;

    boss_begin(b, now, actions);
    link = meant(b, link);
    struct rendezvous *r = &b->links[link].r;
    int err = rendezvous_received(r, text, len, &msg, &problem);
    if (problem != NULL && problem[0] != '\0')
        boss_problem_seen(b, PROBLEM_SERVER, problem);
    else if (problem != NULL)
        boss_problem_over(b, PROBLEM_SERVER);
    if (err == PROTO_OK)
        note_fault(b, &b->links[link], &msg);
    int refused = refuse_giant(b, link, &msg, err);
    if (err == PROTO_OK && b->links[link].open && r->state == RENDEZVOUS_UP)
        err = received(b, link, &msg);
    if (refused != PROTO_OK)
        err = refused;
    server_msg_release(&msg);
    return boss_end(b, boss_check(b, err));
}
