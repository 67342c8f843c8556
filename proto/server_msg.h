/* The messages between a client and a mailbox server: one JSON object in one WebSocket text
 * message. Building is by hand, parsing by jansson. What the server says is untrusted: unknown
 * keys and types are ignored, known keys of a wrong type make the message SERVER_OTHER.
 *
 * client                              server
 *   bind {appid, side, client_version}  (each message is acked: {"type":"ack","id":…})
 *   allocate {}                         allocated {nameplate}
 *   claim {nameplate}                   claimed {mailbox}
 *   release {nameplate}                 released {}
 *   open {mailbox}                      message … for everything that is stored
 *   add {phase, body}                   message {side, phase, body, id} to all, ourselves included
 *   close {mailbox, mood}               closed {}
 *   ping {ping}                         pong {pong}
 *   list {}                             nameplates {nameplates: [{id}]}
 *                                       welcome {welcome: {…}}, error {error, orig} */
#ifndef PROTO_SERVER_MSG_H
#define PROTO_SERVER_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "code.h"
#include "limits.h"

enum server_msg_kind {
    SERVER_OTHER, /* unknown, or known but of a wrong shape: nothing to be done about it */
    SERVER_WELCOME,
    SERVER_ACK,
    SERVER_NAMEPLATES,
    SERVER_ALLOCATED,
    SERVER_CLAIMED,
    SERVER_RELEASED,
    SERVER_MESSAGE,
    SERVER_CLOSED,
    SERVER_PONG,
    SERVER_ERROR,
};

/* Which command of ours an error answers. */
enum server_command {
    COMMAND_OTHER,
    COMMAND_BIND,
    COMMAND_ALLOCATE,
    COMMAND_CLAIM,
    COMMAND_RELEASE,
    COMMAND_OPEN,
    COMMAND_ADD,
    COMMAND_CLOSE,
    COMMAND_PING,
    COMMAND_LIST,
};

enum server_fault {
    FAULT_OTHER,
    FAULT_CROWDED,   /* "crowded": more than two sides have ever touched the mailbox */
    FAULT_RECLAIMED, /* "reclaimed": we had released this nameplate, another side still has it */
};

enum mailbox_mood {
    MOOD_HAPPY,
    MOOD_LONELY,
    MOOD_SCARY,
    MOOD_ERRORY,
    MOOD_UNWELCOME,
};

/* A parsed server message. Fields beyond `kind` are set for the kinds named, else empty. Text
 * fields hold no control characters. */
struct server_msg {
    enum server_msg_kind kind;
    char nameplate[CODE_NAMEPLATE_MAX + 1]; /* ALLOCATED: digits */
    char mailbox[MAILBOX_ID_LEN_MAX + 1];   /* CLAIMED */
    char side[SIDE_LEN_MAX + 1];            /* MESSAGE */
    char phase[PHASE_LEN_MAX + 1];          /* MESSAGE */
    struct bytes body;                      /* MESSAGE: decoded from hex */
    bool too_long;                          /* OTHER: a message whose body is too long */
    int64_t pong;                           /* PONG */
    enum server_command command;            /* ERROR: what failed */
    enum server_fault fault;                /* ERROR */
    char error[SERVER_SENTENCE_MAX + 1];    /* ERROR: its text; WELCOME: why we are not, or "" */
    char motd[SERVER_SENTENCE_MAX + 1];     /* WELCOME: or "" */
    bool wants_permission;                  /* WELCOME: a permit is required that we cannot get */
    char (*nameplates)[CODE_NAMEPLATE_MAX + 1]; /* NAMEPLATES: at most SERVER_NAMEPLATES_MAX */
    size_t nameplate_count;
};

enum { SERVER_NAMEPLATES_MAX = 1000 };

/* Parses one text message into *msg, which need not be initialised and must be released, also
 * after an error. 0 (perhaps SERVER_OTHER); PROTO_ERR_MALFORMED for what is not a JSON object with
 * a string "type"; PROTO_ERR_TOO_BIG beyond SERVER_TEXT_MAX; PROTO_ERR_NOMEM. A `message` whose
 * body is not hex, or is longer than FOREIGN_BODY_MAX, or whose side or phase is empty, too long or
 * not printable ASCII, is SERVER_OTHER: no peer of ours makes one. (A stock client may make one
 * that is too long: then .too_long, .side and .phase say so.) */
int server_msg_parse(struct server_msg *msg, const void *text, size_t len);
void server_msg_release(struct server_msg *msg);

/* Builders: append one message to `out`. `id` goes back in the server's ack and, of an add, to
 * everybody. Strings are escaped. A failure shows in bytes_ok(out). */
void server_msg_bind(struct bytes *out, const char *id, const char *appid, const char *side);
void server_msg_allocate(struct bytes *out, const char *id);
void server_msg_claim(struct bytes *out, const char *id, const char *nameplate);
void server_msg_release_nameplate(struct bytes *out, const char *id, const char *nameplate);
void server_msg_open(struct bytes *out, const char *id, const char *mailbox);
void server_msg_add(struct bytes *out, const char *id, const char *phase, const void *body,
                    size_t len);
void server_msg_close(struct bytes *out, const char *id, const char *mailbox,
                      enum mailbox_mood mood);
void server_msg_ping(struct bytes *out, const char *id, int64_t ping);
void server_msg_list(struct bytes *out, const char *id);

const char *mailbox_mood_name(enum mailbox_mood mood);

#endif
