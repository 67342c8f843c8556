/* Every bound of proto/ that more than one module needs, or that comes from PROTOCOL.md. Bounds
 * that belong to one format alone stand beside it (CODE_TEXT_MAX, PAKE_BODY_MAX, …). Lengths of
 * text are without the terminating NUL. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

enum {
    /* -- what a mailbox server may say ---------------------------------------------------- */
    SERVER_TEXT_MAX =
        2 * 1024 * 1024 + 4096,     /* bytes of one message; a longer one is not looked at */
    SERVER_SENTENCE_MAX = 400,      /* motd, error: what is kept of it */
    FOREIGN_BODY_MAX = 1024 * 1024, /* bytes of a body before hex: stock texts can be long */
    SIDE_LEN_MAX = 64,              /* a foreign side */
    PHASE_LEN_MAX = 23,             /* a phase; longer ones are nobody's */
    MAILBOX_ID_LEN_MAX = 64,

    /* -- what we say ---------------------------------------------------------------------- */
    SIDE_LEN = 10, /* our own side: hex digits */
    APPID_LEN_MAX = 256,
    CLIENT_TEXT_MAX = 32767, /* wormhole-william drops a longer message, echo fields included */
    OWN_BODY_MAX = 16128,    /* bytes of a body: its hex and the rest stay under CLIENT_TEXT_MAX */
    OWN_PLAIN_MAX = 16000,   /* PROTOCOL.md §5.2 */

    /* -- one side in one mailbox, PROTOCOL.md §5.4 ---------------------------------------- */
    MAILBOX_NUMBERED_MAX = 64,
    MAILBOX_EPHEMERAL_MAX = 64,
    MAILBOX_BYTES_MAX = 512 * 1024,
    MAILBOX_RESERVED_NUMBERED = 8, /* places kept for the messages of the stream itself */
    MAILBOX_RESERVED_BYTES = 4096,
    MAILBOX_ACCEPT_FACTOR = 2, /* a receiver accepts this many times the bounds */

    /* -- what waits in memory for its turn ------------------------------------------------ */
    ORDER_ITEMS_MAX = MAILBOX_ACCEPT_FACTOR * MAILBOX_NUMBERED_MAX + 2, /* with pake and version */
    ORDER_BYTES_MAX = MAILBOX_ACCEPT_FACTOR * MAILBOX_BYTES_MAX,

    /* -- the version message -------------------------------------------------------------- */
    VERSION_PLAIN_MAX = 64 * 1024, /* longest that is parsed */
    SOFTWARE_LEN_MAX = 63,         /* a peer's name for itself, cut */

    /* -- file-transfer v1 ----------------------------------------------------------------- */
    CLASSIC_PLAIN_MAX = OWN_PLAIN_MAX, /* a message of ours */
    CLASSIC_REASON_LEN_MAX = 200,      /* of a refusal or an error, either way: the rest is cut */
};

#endif
