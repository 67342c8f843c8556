/* The nameplate of one code: allocated here or told to us, claimed for its mailbox id, released.
 *
 * Allocating is not idempotent, so it is asked again only while no answer was committed. Claiming
 * by name is done only until the mailbox id is known: later the same number may be a stranger's
 * nameplate, and the claim would crowd the stranger's mailbox.
 *
 * A server takes allocate, claim, release (and open) once a connection each, so another code needs
 * another connection: LINK_CLOSE, LINK_OPEN.
 *
 * Durable through nameplate_save; the owner takes a snapshot in each turn that yields an event or
 * calls allocate, join or release. */
#ifndef PROTO_NAMEPLATE_H
#define PROTO_NAMEPLATE_H

#include <stdbool.h>
#include "bytes.h"
#include "code.h"
#include "rendezvous.h"
#include "server_msg.h"

enum nameplate_state {
    NAMEPLATE_NONE,          /* nothing asked */
    NAMEPLATE_ALLOCATE_DOWN, /* one is wanted, not connected */
    NAMEPLATE_ALLOCATE_UP,   /* … asked, no answer yet */
    NAMEPLATE_CLAIM_DOWN,    /* the number is known, the mailbox is not */
    NAMEPLATE_CLAIM_UP,
    NAMEPLATE_CLAIMED,      /* the mailbox id is known; the same, connected or not */
    NAMEPLATE_RELEASE_DOWN, /* to be released */
    NAMEPLATE_RELEASE_UP,
    NAMEPLATE_RELEASED, /* final */
    NAMEPLATE_REFUSED,  /* final: the claim was refused */
};

struct nameplate {
    enum nameplate_state state;
    char nameplate[CODE_NAMEPLATE_MAX + 1]; /* "" until allocated or joined */
};

enum nameplate_event_kind {
    NAMEPLATE_EVENT_NONE,
    NAMEPLATE_EVENT_ALLOCATED, /* .nameplate is ours (make the code); the claim is already on its
                                  way */
    NAMEPLATE_EVENT_CLAIMED,   /* .mailbox is its mailbox: mailbox_set_id */
    NAMEPLATE_EVENT_RELEASED,  /* the code's mailbox may be closed now: mailbox_unhold */
    NAMEPLATE_EVENT_CROWDED,   /* two others are there: the code is burnt. Now REFUSED */
    NAMEPLATE_EVENT_RECLAIMED, /* we had released it: it was used. Now REFUSED */
};

/* Points into the server_msg or the nameplate. */
struct nameplate_event {
    enum nameplate_event_kind kind;
    const char *nameplate;
    const char *mailbox;
};

void nameplate_init(struct nameplate *n);

/* Only from NONE; else PROTO_ERR_STATE. PROTO_ERR_INVALID if it is not 1..40 digits. */
int nameplate_allocate(struct nameplate *n, struct rendezvous *r, struct actions *actions);
int nameplate_join(struct nameplate *n, const char *nameplate, struct rendezvous *r,
                   struct actions *actions);
/* Releases it, at once or when connected. From NONE, and from ALLOCATE (an answer that comes later
 * is ignored: the server forgets the nameplate by itself) it becomes RELEASED at once, without an
 * event. No-op when released, being released or refused. *done tells whether it is final now, so
 * that the mailbox may be closed. */
int nameplate_release(struct nameplate *n, struct rendezvous *r, struct actions *actions,
                      bool *done);

/* After rendezvous_up. */
int nameplate_up(struct nameplate *n, struct rendezvous *r, struct actions *actions);
void nameplate_down(struct nameplate *n);
/* Shows it a message of its link; what is not for it gives NAMEPLATE_EVENT_NONE. */
int nameplate_received(struct nameplate *n, struct rendezvous *r, const struct server_msg *msg,
                       struct nameplate_event *event, struct actions *actions);

/* Loaded in the disconnected twin of the saved state. PROTO_ERR_MALFORMED leaves it unusable. */
int nameplate_save(const struct nameplate *n, struct bytes *out);
int nameplate_load(struct nameplate *n, struct reader *in);

#endif
