/* Messages in and out of one WebSocket connection that is up: whole ones for the callers, pieces
 * and fragments for libwebsockets. Network thread. */
#ifndef PROTO_NET_WSIO_H
#define PROTO_NET_WSIO_H

#include <stdbool.h>
#include <stddef.h>
#include "proto/net/ws.h"

/* A piece of a message has arrived: adds it to `partial`. Returns 1 if the message is whole: then
 * *text and *text_len are it, until wsio_release, which should follow so that an idle link holds no
 * buffer; 0 if more must come; PROTO_ERR_TOO_BIG or PROTO_ERR_NOMEM: drop the connection. */
int wsio_receive(struct ws_partial *partial, struct lws *wsi, const void *piece, size_t len,
                 const char **text, size_t *text_len);
void wsio_release(struct ws_partial *partial);

/* The connection can take some: sends what waits on the link, up to a bound, and asks to be called
 * again if there is more. 1 if nothing is left, 0 if something is, -1 if the connection is broken.
 */
int wsio_send(struct links *links, struct link *l, struct lws *wsi);

/* What a ping is for is its payload, which the pong repeats. */
enum wsio_ping {
    WSIO_PING_ALIVE, /* is the server there? */
    WSIO_PING_END,   /* has it taken all that was sent before? */
};

/* False if the connection is broken. */
bool wsio_send_ping(struct lws *wsi, enum wsio_ping ping);
bool wsio_is_pong(enum wsio_ping ping, const void *payload, size_t len);

#endif
