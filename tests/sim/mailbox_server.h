/* A mailbox server in memory, pure like the machines that it is to serve: inputs are connections,
 * texts and the time; outputs wait in a queue. It follows magic-wormhole-mailbox-server 0.4.1 in
 * everything that a client can notice: acks, echo, replay, crowding (that a third side poisons a
 * mailbox for good), "reclaimed", what may be said once a connection, dropped connections where
 * Python raises, pruning (checks every 5 minutes and at the start, deletion of what was not touched
 * for 11, a subscriber touches at each check), and the namespace that a check forgets while a
 * client is bound to it. Text only, no WebSocket.
 *
 * Deterministic: nameplates and mailbox ids come from `seed`, times from the caller. Out of memory
 * ends the test. */
#ifndef SIM_MAILBOX_SERVER_H
#define SIM_MAILBOX_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/sim/mailbox_rows.h"

enum {
    MAILBOX_SERVER_EXPIRY_MS = 11 * 60 * 1000,
    MAILBOX_SERVER_CHECK_MS = 5 * 60 * 1000,
};

struct mailbox_server_options {
    uint64_t seed;
    const char
        *welcome; /* the JSON object of the welcome, or NULL for {}; must outlive the server */
    bool head; /* as the 2026 release: closing under a nameplate is fine, nameplates must be digits
                */
};

struct mailbox_server;

/* One output, the caller's to free with mailbox_server_output_free. */
struct mailbox_server_output {
    struct mailbox_server_output *next;
    uint64_t connection;
    bool dropped; /* the server has dropped the connection; else `text` is sent on it */
    char *text;
    size_t len;
};

struct mailbox_server *mailbox_server_new(const struct mailbox_server_options *options,
                                          int64_t now_ms);
void mailbox_server_free(struct mailbox_server *s);

/* A client connects; the welcome is queued. Numbers are never 0 and never used again. */
uint64_t mailbox_server_connect(struct mailbox_server *s, int64_t now_ms);
/* The server notices that a client has gone. What is queued for it is discarded. */
void mailbox_server_disconnect(struct mailbox_server *s, uint64_t connection);
/* A text message of a client. Unknown connections are ignored. */
void mailbox_server_receive(struct mailbox_server *s, uint64_t connection, const void *text,
                            size_t len, int64_t now_ms);
/* The next output, or NULL. */
struct mailbox_server_output *mailbox_server_take(struct mailbox_server *s);
void mailbox_server_output_free(struct mailbox_server_output *o);

/* Time has come to now_ms: makes the checks that are due. */
void mailbox_server_tick(struct mailbox_server *s, int64_t now_ms);
int64_t mailbox_server_deadline_ms(const struct mailbox_server *s); /* the next check */

/* ---- misfortunes and malice ---- */
/* Restarted: all connections are dropped, the database is kept, and a check is made. */
void mailbox_server_restart(struct mailbox_server *s, int64_t now_ms);
/* The same with an empty database. */
void mailbox_server_wipe(struct mailbox_server *s, int64_t now_ms);
/* Forgets one mailbox as pruning would, whoever is subscribed. */
void mailbox_server_forget(struct mailbox_server *s, const char *appid, const char *mailbox);
/* Adds a message under any side, as only the server itself can. */
void mailbox_server_inject(struct mailbox_server *s, const char *appid, const char *mailbox,
                           const char *side, const char *phase, const char *body_hex,
                           int64_t now_ms);

/* ---- looking ---- */
const struct mailbox_rows *mailbox_server_rows(const struct mailbox_server *s);

#endif
