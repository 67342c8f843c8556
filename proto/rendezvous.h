/* One connection to a mailbox server: bound once, at once, before anything else is said on it.
 * The machines that share the connection (nameplate and mailbox on LINK_CODE, one mailbox on each
 * other link) send through it.
 *
 * Nothing of it outlives the connection, so there is nothing to save: after a restart every
 * rendezvous is as rendezvous_init leaves it. To carry out ACTION_LINK_MOVE the owner copies the
 * struct to its new place and sets `link`. Plain data, nothing to release. */
#ifndef PROTO_RENDEZVOUS_H
#define PROTO_RENDEZVOUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "action.h"
#include "server_msg.h"

enum rendezvous_state {
    RENDEZVOUS_DOWN,
    RENDEZVOUS_UP,      /* bind was sent */
    RENDEZVOUS_REFUSED, /* the server does not want us: connected, but nothing more is sent */
};

struct rendezvous {
    enum rendezvous_state state;
    bool welcomed; /* on this connection: a server says it once, and further ones are not heeded */
    enum wormhole_link link;
    uint32_t commands; /* sent on this connection: makes their ids */
};

void rendezvous_init(struct rendezvous *r, enum wormhole_link link);

/* The link is up: sends bind. 0 or PROTO_ERR_NOMEM. */
int rendezvous_up(struct rendezvous *r, const char *appid, const char *side,
                  struct actions *actions);
void rendezvous_down(struct rendezvous *r);

/* Parses one message into *msg (release it with server_msg_release in every case) for the
 * machines of this link; all of them may be shown every message. 0, or an error of
 * server_msg_parse; MALFORMED and TOO_BIG are harmless, drop the message. On the
 * first welcome of a connection, if it is a refusal, the state becomes RENDEZVOUS_REFUSED and
 * *problem points to a sentence for the user (in *msg or static); if it is none, *problem is ""
 * (any such problem is over); else *problem is NULL. */
int rendezvous_received(struct rendezvous *r, const void *text, size_t len, struct server_msg *msg,
                        const char **problem);

/* Send a command; nothing happens unless RENDEZVOUS_UP. 0 or PROTO_ERR_NOMEM. Only machines call
 * these. */
int rendezvous_allocate(struct rendezvous *r, struct actions *actions);
int rendezvous_claim(struct rendezvous *r, const char *nameplate, struct actions *actions);
int rendezvous_release_nameplate(struct rendezvous *r, const char *nameplate,
                                 struct actions *actions);
int rendezvous_open(struct rendezvous *r, const char *mailbox, struct actions *actions);
int rendezvous_add(struct rendezvous *r, const char *phase, const void *body, size_t len,
                   struct actions *actions);
int rendezvous_close(struct rendezvous *r, const char *mailbox, enum mailbox_mood mood,
                     struct actions *actions);
int rendezvous_ping(struct rendezvous *r, int64_t ping, struct actions *actions);
int rendezvous_list(struct rendezvous *r, struct actions *actions);

#endif
